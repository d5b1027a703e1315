//! Fields of form bodies.

use super::context::Spot;
use super::schema::Builder;
use super::shape;
use crate::api::{Field, Fields};
use crate::media::MediaRange;
use crate::schema::{Id, Store, Types};

/// What the fields of a form are, with what `encoding` says of them.
pub(super) fn fields<'a>(builder: &mut Builder<'a>, store: &Store, media: Spot<'a>, schema: Option<Id>) -> Fields {
    let mut fields = Fields { schema, known: Default::default() };
    let Some(schema) = schema else { return fields };
    for (name, property) in shape::properties(store, schema) {
        let types = shape::types(store, property);
        let is_list = types.any(Types::ARRAY) && types != Types::ALL;
        let item = is_list.then(|| shape::items(store, property));
        let is_file = shape::is_file(store, property) || is_list_of_files(store, property, is_list);
        fields.known.insert(name, Field { types: Some(types), items: item, is_file, media: Vec::new() });
    }
    for (name, encoding) in media.get("encoding").into_iter().flat_map(Spot::entries) {
        for (key, value) in encoding.entries() {
            match (key, value.data.text()) {
                ("contentType", Some(types)) => {
                    let ranges = types.split(',').map(|range| MediaRange(range.trim().to_ascii_lowercase().into()));
                    fields.known.entry(name.into()).or_default().media = ranges.collect();
                }
                ("style", Some("form")) => {}
                ("explode", _) if encoding.flag("explode") => {}
                ("allowReserved", _) => {}
                (key, _) if key.starts_with("x-") => {}
                _ => builder.context.unenforced(value, &format!("`{key}` of a form field"), "leave it out"),
            }
        }
    }
    fields
}

fn is_list_of_files(store: &Store, property: Id, is_list: bool) -> bool {
    let array = store.get(property).and_then(|schema| schema.array.as_ref());
    is_list && array.and_then(|array| array.items).is_some_and(|items| shape::is_file(store, items))
}
