//! Styles of parameters: from text to JSON (OpenAPI 3.1 §4.8.12.3, RFC 6570).

use super::super::form::write_scalar;
use super::wrong;
use crate::api::{Between, Form, Members, Parameter};
use crate::escape::decode_text;
use crate::json::quote;
use crate::schema::Types;
use crate::violation::{Place, Violation};
use std::borrow::Cow;

/// The JSON that the whole text of a parameter stands for.
pub(super) fn written(parameter: &Parameter, raw: &str) -> Result<String, Violation> {
    match &parameter.form {
        Form::Scalar { types, may_be_empty, is_label } => {
            let text = decoded(parameter, unlabelled(parameter, raw, *is_label)?)?;
            // Empty is a value of texts alone, unless the description says otherwise.
            let types = if text.is_empty() && *may_be_empty { Types::STRING } else { *types };
            let mut json = String::with_capacity(text.len() + 2);
            write_scalar(types, &text, &mut json);
            Ok(json)
        }
        Form::List { items, between, is_label } => {
            let raw = unlabelled(parameter, raw, *is_label)?;
            list(parameter, *items, parts(raw, *between).into_iter())
        }
        Form::Object { members, between, is_label } => {
            let raw = unlabelled(parameter, raw, *is_label)?;
            let given = members_of(parameter, raw, *between)?;
            object(parameter, members, given)
        }
        Form::Json => Ok(decoded(parameter, raw)?.into_owned()),
    }
}

/// `label` puts a dot before.
fn unlabelled<'r>(parameter: &Parameter, raw: &'r str, is_label: bool) -> Result<&'r str, Violation> {
    if is_label { raw.strip_prefix('.').ok_or_else(|| wrong(parameter, "must begin with a dot")) } else { Ok(raw) }
}

/// Escapes are of URLs: header fields have none (OpenAPI 3.1 §4.8.12.4), and cookies are read as they are.
fn decoded<'r>(parameter: &Parameter, raw: &'r str) -> Result<Cow<'r, str>, Violation> {
    match parameter.place {
        Place::Path | Place::Query if raw.contains(['%', '+']) => {
            let text = decode_text(raw, parameter.place == Place::Query);
            text.map(Cow::Owned).ok_or_else(|| wrong(parameter, "is not UTF-8"))
        }
        Place::Path | Place::Query | Place::Header | Place::Cookie | Place::Body => Ok(Cow::Borrowed(raw)),
    }
}

/// Parts as written, before escapes are read: an escaped comma parts nothing.
fn parts(raw: &str, between: Between) -> Vec<&str> {
    if raw.is_empty() {
        return Vec::new();
    }
    match between {
        Between::Dot | Between::DotPairs => raw.split('.').collect(),
        Between::Space => raw.split('+').flat_map(|part| part.split("%20")).collect(),
        Between::Pipe => raw.split('|').flat_map(|part| part.split("%7C")).flat_map(|part| part.split("%7c")).collect(),
        Between::Comma | Between::CommaPairs | Between::Pairs | Between::Brackets => {
            raw.split(',').map(|part| part.trim_matches([' ', '\t'])).collect()
        }
    }
}

pub(super) fn list<'r>(
    parameter: &Parameter,
    items: Types,
    parts: impl Iterator<Item = &'r str>,
) -> Result<String, Violation> {
    let mut json = String::from("[");
    for part in parts {
        if json.len() > 1 {
            json.push(',');
        }
        write_scalar(items, &decoded(parameter, part)?, &mut json);
    }
    json.push(']');
    Ok(json)
}

fn members_of<'r>(parameter: &Parameter, raw: &'r str, between: Between) -> Result<Vec<(String, &'r str)>, Violation> {
    let broken = || wrong(parameter, "cannot be read as an object");
    let parts = parts(raw, between);
    let name = |raw: &'r str| decoded(parameter, raw).map(Cow::into_owned);
    match between {
        Between::CommaPairs | Between::DotPairs => {
            let pairs = parts.into_iter().map(|part| part.split_once('=').ok_or_else(broken));
            pairs.map(|pair| pair.and_then(|(key, value)| Ok((name(key)?, value)))).collect()
        }
        Between::Comma | Between::Dot | Between::Space | Between::Pipe | Between::Pairs | Between::Brackets => {
            let (pairs, rest) = parts.as_chunks::<2>();
            if !rest.is_empty() {
                return Err(broken());
            }
            pairs.iter().map(|[key, value]| Ok((name(key)?, *value))).collect()
        }
    }
}

/// An object of members; one that comes twice is found when the JSON is read.
pub(super) fn object(
    parameter: &Parameter,
    members: &Members,
    given: Vec<(String, &str)>,
) -> Result<String, Violation> {
    let mut json = String::from("{");
    for (name, raw) in given {
        if json.len() > 1 {
            json.push(',');
        }
        quote(&name, &mut json);
        json.push(':');
        let types = members.known.get(&*name).copied().or(members.others).unwrap_or(Types::STRING);
        write_scalar(types, &decoded(parameter, raw)?, &mut json);
    }
    json.push('}');
    Ok(json)
}
