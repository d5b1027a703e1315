//! Keywords that put further schemas on the same value.

use super::super::context::Spot;
use super::{Builder, Dialect};
use crate::schema::{Discriminator, Id, Logic, Schema};

impl<'a> Builder<'a> {
    pub(super) fn logic(&mut self, schema: &mut Schema, key: &str, value: Spot<'a>) -> bool {
        let is_new = self.dialect == Dialect::V31;
        match key {
            "allOf" => {
                let list = self.list(value);
                logic_of(schema).all_of.extend(list);
            }
            // With others beside it: in 3.0 those were refused.
            "$ref" => {
                let target = self.context.target(value).map(|target| self.schema(target));
                logic_of(schema).all_of.extend(target);
            }
            "anyOf" => logic_of(schema).any_of = self.list(value),
            "oneOf" => logic_of(schema).one_of = self.list(value),
            "not" => logic_of(schema).not = Some(self.schema(value)),
            "if" if is_new => {
                let id = self.schema(value);
                let condition = &mut logic_of(schema).condition;
                *condition = Some(condition.map_or((id, None, None), |(_, then, or)| (id, then, or)));
            }
            "then" | "else" if is_new => {
                let id = self.schema(value);
                // Until `if` comes, the branch stands for it; where none comes, all of it is dropped at the end.
                let (condition, then, or) = logic_of(schema).condition.unwrap_or((id, None, None));
                let filled = if key == "then" { (condition, Some(id), or) } else { (condition, then, Some(id)) };
                logic_of(schema).condition = Some(filled);
            }
            "discriminator" => logic_of(schema).discriminator = self.discriminator(value),
            _ => return false,
        }
        true
    }

    /// OpenAPI 3.1 §4.8.25. The kinds that `oneOf` or `anyOf` lists are added by [`Builder::kinds`].
    fn discriminator(&mut self, value: Spot<'a>) -> Option<Discriminator> {
        let Some(property) = value.text("propertyName") else {
            self.context.wrong(value, "a discriminator has a `propertyName`");
            return None;
        };
        let mut kinds: Vec<(Box<str>, Id)> = Vec::new();
        for (kind, target) in value.get("mapping").into_iter().flat_map(Spot::entries) {
            let Some(text) = target.data.text() else { continue };
            // The name of a schema, or a reference to one.
            let reference =
                if text.contains(['/', '#', '.']) { text.to_owned() } else { format!("#/components/schemas/{text}") };
            if let Some(found) = self.context.find(target, &reference) {
                kinds.push((kind.into(), self.schema(found)));
            }
        }
        Some(Discriminator { property: property.into(), kinds })
    }

    /// Adds the kinds that a schema lists to its discriminator.
    pub(super) fn kinds(&mut self, schema: &mut Schema, whole: Spot<'a>) {
        let Some(place) = whole.get("discriminator") else { return };
        let branches: Vec<Spot<'a>> =
            ["oneOf", "anyOf"].iter().filter_map(|key| whole.get(key)).flat_map(Spot::items).collect();
        if branches.is_empty() {
            let help = "list the kinds in `oneOf`; a discriminator alone names none";
            return self.context.unenforced(place, "a discriminator without `oneOf` or `anyOf`", help);
        }
        for branch in branches {
            let Some(reference) = branch.text("$ref") else {
                self.context.wrong(branch, "beside a discriminator, each kind is a `$ref`");
                continue;
            };
            let (name, id) = (reference.rsplit('/').next().unwrap_or_default(), self.schema(branch));
            if let Some(discriminator) = logic_of(schema).discriminator.as_mut()
                && !discriminator.kinds.iter().any(|(known, _)| **known == *name)
            {
                discriminator.kinds.push((name.into(), id));
            }
        }
    }
}

fn logic_of(schema: &mut Schema) -> &mut Logic {
    schema.logic.get_or_insert_default()
}
