//! The schema: published as it stands in its file, and narrowed to what one rule's condition can see.

use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::{Validator, ValidatorSchema};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The Cedar schema of conditions and guardrails: what `selvedge schema cedar` prints.
pub const SCHEMA: &str = include_str!("schema.cedarschema");

/// What a condition can see beside what all see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    /// Whether there is a user in any case.
    pub(super) user: bool,
    /// Whether there is a request.
    pub(super) request: bool,
    /// Request fields by their names in Cedar.
    pub(super) headers: BTreeSet<String>,
    /// Captures, and whether each pattern has them.
    pub(super) captures: BTreeMap<String, bool>,
}

impl Shape {
    /// A validator for this shape; `None` would be a fault of ours, and refuses.
    pub(super) fn validator(&self) -> Option<Validator> {
        let (schema, _) = ValidatorSchema::from_cedarschema_str(&self.text(), Extensions::all_available()).ok()?;
        Some(Validator::new(schema))
    }

    /// The schema, as text.
    pub(super) fn text(&self) -> String {
        let headers = self.headers.iter().map(|name| (name.as_str(), false));
        let captures = self.captures.iter().map(|(name, always)| (name.as_str(), *always));
        let mut text = SCHEMA.replace("headers: {},", &record("headers", headers));
        text = text.replace("captures: {},", &record("captures", captures));
        if self.user {
            text = text.replace("user?: User,", "user: User,");
        }
        if self.request {
            return text;
        }
        let of_request = ["method: ", "path: ", "captures: ", "headers: "];
        let is_kept = |line: &&str| !of_request.iter().any(|key| line.trim_start().starts_with(key));
        text.lines().filter(is_kept).collect::<Vec<_>>().join("\n")
    }
}

fn record<'a>(key: &str, fields: impl Iterator<Item = (&'a str, bool)>) -> String {
    let fields = fields.fold(String::new(), |mut text, (name, always)| {
        // Names of headers and captures have letters, digits, `_` and `-` alone.
        let _ = write!(text, "\"{name}\"{}: String, ", if always { "" } else { "?" });
        text
    });
    format!("{key}: {{ {fields} }},")
}

#[cfg(test)]
mod tests {
    use super::{SCHEMA, Shape};

    #[test]
    fn each_shape_is_a_schema() {
        for key in ["headers: {},", "captures: {},", "user?: User,"] {
            assert_eq!(SCHEMA.matches(key).count(), 1, "{key}");
        }
        let names = || ["x_tenant".to_owned()].into();
        for (user, request) in [(true, true), (true, false), (false, true), (false, false)] {
            let captures = [("order-id".to_owned(), true), ("b".to_owned(), false)].into();
            let shape = Shape { user, request, headers: names(), captures };
            assert!(shape.validator().is_some(), "{}", shape.text());
            assert_eq!(shape.text().contains("\"x_tenant\""), request);
        }
    }
}
