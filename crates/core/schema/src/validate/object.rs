//! Objects: each member against the property, patterns and rest that are for its name.

use super::{Direction, MEMBERS, Outcome, Validator, check_count};
use crate::json::Value;
use crate::schema::{Additional, Id, ObjectRules};
use crate::violation::Violation;

impl Validator<'_> {
    pub(super) fn check_object(&self, rules: &ObjectRules, value: &Value<'_>) -> Outcome {
        check_count(u64::from(value.count()), (rules.count_min, rules.count_max), MEMBERS)?;
        for (name, member) in value.members() {
            if let Some(names) = rules.names {
                self.check(names, &name).map_err(|violation| violation.under_theirs(&name.text()))?;
            }
            self.check_member(rules, &name.text(), &member)?;
        }
        for required in &rules.required {
            if value.member(required).is_none() && !self.is_for_others(rules.property(required)) {
                return Err(Violation::value("is missing").under(required));
            }
        }
        for (name, others) in &rules.dependent_required {
            if value.member(name).is_some()
                && let Some(lacked) = others.iter().find(|other| value.member(other).is_none())
            {
                return Err(Violation::value("is missing").under(lacked));
            }
        }
        let present = rules.dependent_schemas.iter().filter(|(name, _)| value.member(name).is_some());
        present.map(|(_, schema)| *schema).try_for_each(|schema| self.check(schema, value))
    }

    fn check_member(&self, rules: &ObjectRules, name: &str, member: &Value<'_>) -> Outcome {
        let property = rules.property(name);
        if let Some(property) = property {
            if self.is_for_others(Some(property)) {
                let reason = match self.direction {
                    Direction::Request => "is read-only",
                    Direction::Answer => "is write-only",
                };
                return Err(Violation::value(reason).under(name));
            }
            self.check(property, member).map_err(|violation| violation.under(name))?;
        }
        let mut matched = false;
        for (pattern, schema) in &rules.patterns {
            if pattern.is_match(name) {
                matched = true;
                self.check(*schema, member).map_err(|violation| violation.under_theirs(name))?;
            }
        }
        match rules.additional {
            Some(_) if matched || property.is_some() => Ok(()),
            Some(Additional::Refused) => Err(Violation::value("is not a field that is accepted").under_theirs(name)),
            Some(Additional::Like(schema)) => {
                self.check(schema, member).map_err(|violation| violation.under_theirs(name))
            }
            None => Ok(()),
        }
    }

    /// Whether a property is not for messages that go this way.
    fn is_for_others(&self, property: Option<Id>) -> bool {
        let schema = property.and_then(|id| self.store.get(id));
        schema.is_some_and(|schema| match self.direction {
            Direction::Request => schema.read_only,
            Direction::Answer => schema.write_only,
        })
    }
}
