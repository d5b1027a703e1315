//! A value against a schema: in one walk, with a bounded number of steps.

pub(crate) mod same;

mod logic;
mod object;

use crate::json::{Kind, Number, Value, is_multiple};
use crate::schema::{ArrayRules, Bound, Id, NumberRules, Schema, Store, TextRules, Types};
use crate::violation::Violation;
use same::one_form;
use std::cell::Cell;
use std::cmp::Ordering;

/// Schemas that are held against values for one request. A value is usually looked at a few times; alternatives within
/// alternatives multiply, and must not do so without end.
const STEPS_MAX: u32 = 500_000;

/// Which way a message goes: what is `readOnly` may not be in requests, what is `writeOnly` not in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From a client.
    Request,
    /// To a client.
    #[cfg_attr(not(test), expect(dead_code, reason = "answers are not held against descriptions yet"))]
    Answer,
}

/// Holds values against schemas.
pub(crate) struct Validator<'s> {
    pub(crate) store: &'s Store,
    pub(crate) direction: Direction,
    steps: Cell<u32>,
}

type Outcome = Result<(), Violation>;

impl<'s> Validator<'s> {
    pub(crate) fn new(store: &'s Store, direction: Direction) -> Validator<'s> {
        Validator { store, direction, steps: Cell::new(0) }
    }

    /// Whether the value is valid.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(crate) fn check(&self, id: Id, value: &Value<'_>) -> Outcome {
        self.spend(1)?;
        // INVARIANT: an id comes from its own store.
        let Some(schema) = self.store.get(id) else { return Err(Violation::value("is not described")) };
        if schema.never {
            return Err(Violation::value("is not accepted"));
        }
        self.check_kind(schema, value)?;
        if let Some(values) = &schema.values {
            self.spend(value.weight())?;
            if !values.has(value) {
                return Err(Violation::value("is none of the accepted values"));
            }
        }
        match &schema.logic {
            Some(logic) => self.check_logic(logic, value),
            None => Ok(()),
        }
    }

    /// Counts work: whoever looks at all of a value pays for all of it.
    fn spend(&self, steps: u32) -> Outcome {
        self.steps.set(self.steps.get().saturating_add(steps));
        if self.steps.get() > STEPS_MAX { Err(Violation::exhaustion()) } else { Ok(()) }
    }

    fn check_kind(&self, schema: &'s Schema, value: &Value<'_>) -> Outcome {
        let of = |types: Types| {
            if schema.types.any(types) { Ok(()) } else { Err(Violation::value(schema.types.expected())) }
        };
        match value.node.kind {
            Kind::Null => of(Types::NULL),
            Kind::True | Kind::False => of(Types::BOOLEAN),
            Kind::Number => {
                of(Types::NUMBER)?;
                if schema.number.is_none() && schema.types.has(Types::NUMBER) {
                    return Ok(());
                }
                let number = Number::read(value.raw());
                if !schema.types.has(Types::NUMBER) && !number.is_integer() {
                    return Err(Violation::value(schema.types.expected()));
                }
                schema.number.as_ref().map_or(Ok(()), |rules| check_number(rules, number, value.raw()))
            }
            Kind::Text(_) => {
                of(Types::STRING)?;
                let Some(rules) = &schema.text else { return Ok(()) };
                self.spend(value.weight())?;
                check_text(rules, &value.text())
            }
            Kind::Array => {
                of(Types::ARRAY)?;
                schema.array.as_ref().map_or(Ok(()), |rules| self.check_array(rules, value))
            }
            Kind::Object => {
                of(Types::OBJECT)?;
                schema.object.as_ref().map_or(Ok(()), |rules| self.check_object(rules, value))
            }
        }
    }

    fn check_array(&self, rules: &ArrayRules, value: &Value<'_>) -> Outcome {
        check_count(u64::from(value.count()), (rules.count_min, rules.count_max), ITEMS)?;
        let mut contained = 0_u64;
        for (index, item) in value.items().enumerate() {
            if let Some(schema) = rules.first.get(index).copied().or(rules.items) {
                self.check(schema, &item).map_err(|violation| violation.at(index))?;
            }
            if let Some(contains) = &rules.contains {
                match self.check(contains.schema, &item) {
                    Ok(()) => contained += 1,
                    Err(violation) if violation.is_exhaustion() => return Err(violation),
                    Err(_) => {}
                }
            }
        }
        if let Some(contains) = &rules.contains {
            check_count(contained, (contains.count_min, contains.count_max), CONTAINED)?;
        }
        if rules.unique {
            self.spend(value.weight())?;
            let mut forms: Vec<String> = value.items().map(|item| one_form(&item)).collect();
            forms.sort_unstable();
            if forms.array_windows().any(|[a, b]| a == b) {
                return Err(Violation::value("has an item twice"));
            }
        }
        Ok(())
    }
}

/// What is said when there is too little, and too much, of something.
type Words = (&'static str, &'static str);

const ITEMS: Words = ("has too few items; the least is", "has too many items; the most is");
const CONTAINED: Words =
    ("has too few items of the kind asked for; the least is", "has too many items of the kind asked for; the most is");
const MEMBERS: Words = ("has too few fields; the least is", "has too many fields; the most is");
const LENGTH: Words = ("is too short; the shortest length is", "is too long; the longest length is");

fn check_count(count: u64, (min, max): (u64, Option<u64>), words: Words) -> Outcome {
    if count < min {
        return Err(Violation::limited(words.0, min));
    }
    match max {
        Some(max) if count > max => Err(Violation::limited(words.1, max)),
        _ => Ok(()),
    }
}

fn check_number(rules: &NumberRules, number: Number, text: &str) -> Outcome {
    let show = |bound: &Bound| match bound.value {
        Number::Whole(whole) => whole.to_string(),
        Number::Float(float) => float.to_string(),
    };
    if let Some(min) = &rules.minimum {
        match number.compare(min.value) {
            Some(Ordering::Greater) => {}
            Some(Ordering::Equal) if !min.is_exclusive => {}
            _ if min.is_exclusive => return Err(Violation::limited("must be greater than", show(min))),
            _ => return Err(Violation::limited("must be at least", show(min))),
        }
    }
    if let Some(max) = &rules.maximum {
        match number.compare(max.value) {
            Some(Ordering::Less) => {}
            Some(Ordering::Equal) if !max.is_exclusive => {}
            _ if max.is_exclusive => return Err(Violation::limited("must be less than", show(max))),
            _ => return Err(Violation::limited("must be at most", show(max))),
        }
    }
    if let Some(of) = &rules.multiple_of
        && !is_multiple(text, of)
    {
        return Err(Violation::limited("must be a multiple of", of));
    }
    match rules.format {
        Some(format) if !format.holds(number) => Err(Violation::value(format.expected())),
        _ => Ok(()),
    }
}

fn check_text(rules: &TextRules, text: &str) -> Outcome {
    if rules.is_binary {
        return Ok(());
    }
    if rules.length_min > 0 || rules.length_max.is_some() {
        // Characters are at most as many as bytes, so that most texts need no counting.
        let fits = rules.length_min <= 1 && rules.length_max.is_none_or(|max| text.len() as u64 <= max);
        if !fits || text.is_empty() {
            check_count(text.chars().count() as u64, (rules.length_min, rules.length_max), LENGTH)?;
        }
    }
    if let Some(format) = rules.format
        && !format.takes(text)
    {
        return Err(Violation::value(format.expected()));
    }
    match &rules.pattern {
        Some(pattern) if !pattern.is_match(text) => Err(Violation::value("does not match the pattern")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
