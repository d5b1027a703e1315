//! What text a schema takes where values come as text: the types of a value, of its items, of its members.

use crate::api::Members;
use crate::schema::{Additional, Id, Schema, Store, Types};

/// Schemas for one value that are looked through.
const DEPTH_MAX: usize = 32;

/// The types that a schema may accept.
pub(crate) fn types(store: &Store, id: Id) -> Types {
    types_within(store, id, DEPTH_MAX)
}

fn types_within(store: &Store, id: Id, depth: usize) -> Types {
    let Some(schema) = store.get(id).filter(|_| depth > 0) else { return Types::ALL };
    let mut types = of_values(schema);
    let Some(logic) = &schema.logic else { return types };
    for all in &logic.all_of {
        types.0 &= types_within(store, *all, depth - 1).0;
    }
    for kinds in [&logic.any_of, &logic.one_of] {
        let union = kinds.iter().fold(0, |union, kind| union | types_within(store, *kind, depth - 1).0);
        if !kinds.is_empty() {
            types.0 &= union;
        }
    }
    types
}

/// An `enum` of texts says that the value is a text, where `type` is not written.
fn of_values(schema: &Schema) -> Types {
    match &schema.values {
        Some(values) if values.others.is_empty() && schema.types == Types::ALL => Types::STRING,
        _ => schema.types,
    }
}

/// Everything that a schema says of its value, through `allOf`.
fn through<'s>(store: &'s Store, id: Id, depth: usize, see: &mut impl FnMut(&'s Schema)) {
    let Some(schema) = store.get(id).filter(|_| depth > 0) else { return };
    see(schema);
    if let Some(logic) = &schema.logic {
        for inner in logic.all_of.iter().chain(&logic.any_of).chain(&logic.one_of) {
            through(store, *inner, depth - 1, see);
        }
    }
}

/// The types of an array's items.
pub(crate) fn items(store: &Store, id: Id) -> Types {
    let mut found = None;
    through(store, id, DEPTH_MAX, &mut |schema| {
        let items = schema.array.as_ref().and_then(|array| array.items.or(array.first.first().copied()));
        found = found.or(items);
    });
    found.map_or(Types::ALL, |items| types(store, items))
}

/// The schemas of an object's members by name.
pub(crate) fn properties(store: &Store, id: Id) -> Vec<(Box<str>, Id)> {
    let mut found = Vec::new();
    through(store, id, DEPTH_MAX, &mut |schema| {
        found.extend(schema.object.iter().flat_map(|object| object.properties.iter().cloned()));
    });
    found
}

pub(crate) fn members(store: &Store, id: Id) -> Members {
    let known = properties(store, id).into_iter().map(|(name, property)| (name, types(store, property))).collect();
    let mut others = None;
    through(store, id, DEPTH_MAX, &mut |schema| {
        if let Some(Additional::Like(like)) = schema.object.as_ref().and_then(|object| object.additional) {
            others = Some(types(store, like));
        }
    });
    Members { known, others }
}

/// Whether a value is bytes, not text.
pub(crate) fn is_file(store: &Store, id: Id) -> bool {
    let mut found = false;
    through(store, id, DEPTH_MAX, &mut |schema| found |= schema.text.as_ref().is_some_and(|text| text.is_binary));
    found
}
