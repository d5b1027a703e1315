//! Further schemas on the same value: all, any, exactly one, not, if.

use super::{Outcome, Validator};
use crate::json::{Kind, Value};
use crate::schema::{Discriminator, Id, Logic};
use crate::violation::Violation;

impl Validator<'_> {
    pub(super) fn check_logic(&self, logic: &Logic, value: &Value<'_>) -> Outcome {
        logic.all_of.iter().try_for_each(|schema| self.check(*schema, value))?;
        match &logic.discriminator {
            // The kind that is named says better what is wrong, and is checked instead of all.
            Some(discriminator) => self.check_named(discriminator, value)?,
            None => {
                self.check_any(&logic.any_of, value)?;
                self.check_one(&logic.one_of, value)?;
            }
        }
        if let Some(not) = logic.not {
            match self.check(not, value) {
                Ok(()) => return Err(Violation::value("is of a kind that is not accepted")),
                Err(violation) => exhausted(violation)?,
            }
        }
        let Some((condition, then, or)) = logic.condition else { return Ok(()) };
        let branch = match self.check(condition, value) {
            Ok(()) => then,
            Err(violation) => {
                exhausted(violation)?;
                or
            }
        };
        branch.map_or(Ok(()), |branch| self.check(branch, value))
    }

    fn check_any(&self, kinds: &[Id], value: &Value<'_>) -> Outcome {
        let mut first = None;
        for kind in kinds {
            match self.check(*kind, value) {
                Ok(()) => return Ok(()),
                Err(violation) => {
                    exhausted(violation.clone())?;
                    first.get_or_insert(violation);
                }
            }
        }
        match (first, kinds.len()) {
            (None, _) => Ok(()),
            (Some(violation), 1) => Err(violation),
            (Some(_), _) => Err(Violation::value("is of none of the accepted kinds")),
        }
    }

    fn check_one(&self, kinds: &[Id], value: &Value<'_>) -> Outcome {
        let (mut valid, mut first) = (0, None);
        for kind in kinds {
            match self.check(*kind, value) {
                Ok(()) => valid += 1,
                Err(violation) => {
                    exhausted(violation.clone())?;
                    first.get_or_insert(violation);
                }
            }
        }
        match (valid, first, kinds.len()) {
            (_, _, 0) | (1, _, _) => Ok(()),
            (0, Some(violation), 1) => Err(violation),
            (0, _, _) => Err(Violation::value("is of none of the accepted kinds")),
            _ => Err(Violation::value("is of more than one kind, where one is asked for")),
        }
    }

    fn check_named(&self, discriminator: &Discriminator, value: &Value<'_>) -> Outcome {
        // What is no object has no name, and is of no kind.
        let named = if value.node.kind == Kind::Object { value.member(&discriminator.property) } else { None };
        let Some(named) = named else { return Err(Violation::value("is missing").under(&discriminator.property)) };
        let name = named.text();
        let is_text = matches!(named.node.kind, Kind::Text(_));
        let kind = discriminator.kinds.iter().find(|(known, _)| is_text && **known == *name);
        match kind {
            Some((_, kind)) => self.check(*kind, value),
            None => Err(Violation::value("names none of the accepted kinds").under(&discriminator.property)),
        }
    }
}

/// What was not checked to its end is not invalid: it is refused, and no alternative makes that good.
fn exhausted(violation: Violation) -> Outcome {
    if violation.is_exhaustion() { Err(violation) } else { Ok(()) }
}
