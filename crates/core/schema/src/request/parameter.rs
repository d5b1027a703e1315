//! Parameters in the path, the query, header fields and cookies: found by name, made values by their style, and held
//! against their schemas. A query parameter that is not described is refused, and so is one that comes twice.

mod style;

use super::form::PAIRS_MAX;
use crate::api::{Between, Form, Operation, Parameter};
use crate::escape::decode_text;
use crate::json::{self, JsonLimits};
use crate::validate::Validator;
use crate::violation::{Kind, Place, Violation};
use selvedge_http::Canonical;
use selvedge_model::{PathPattern, Segment};
use std::borrow::Cow;

type Outcome = Result<(), Violation>;

/// Pairs as they were sent; names decoded, values not.
#[derive(Default)]
struct Pairs<'r> {
    pairs: Vec<(Cow<'r, str>, Option<&'r str>)>,
    /// Which of them a parameter has taken.
    taken: Vec<bool>,
}

/// Checks all parameters of an operation.
pub(crate) fn check(
    operation: &Operation,
    path: &PathPattern,
    request: &Canonical,
    validator: &Validator<'_>,
) -> Outcome {
    let mut query = Pairs::of_query(request.query.as_deref())?;
    let wants_cookies = operation.parameters.iter().any(|parameter| parameter.place == Place::Cookie);
    let mut cookies = if wants_cookies { Pairs::of_cookies(request)? } else { Pairs::default() };
    for parameter in &operation.parameters {
        let json = match parameter.place {
            Place::Path => segment(path, request.path.as_str(), &parameter.name)
                .map(|raw| style::written(parameter, raw))
                .transpose()?,
            Place::Query => query.take(parameter)?,
            Place::Cookie => cookies.take(parameter)?,
            Place::Header => header(request, parameter)?,
            // No description has such parameters.
            Place::Body => None,
        };
        match json {
            Some(json) => hold(parameter, &json, validator)?,
            None if parameter.is_required => return Err(wrong(parameter, "is missing")),
            None => {}
        }
    }
    query.all_taken()
}

fn wrong(parameter: &Parameter, reason: &'static str) -> Violation {
    Violation::new(Kind::Malformed, parameter.place, reason).under(&parameter.name)
}

fn hold(parameter: &Parameter, json: &str, validator: &Validator<'_>) -> Outcome {
    let read = json::parse(json.as_bytes(), &JsonLimits::default());
    let read = read.map_err(|error| wrong(parameter, error.as_str()))?;
    let Some(root) = read.root() else { return Ok(()) };
    let checked = validator.check(parameter.schema, &root);
    checked.map_err(|violation| violation.under(&parameter.name).moved(Kind::Malformed, parameter.place))
}

/// The segment of a path that a template names.
fn segment<'r>(template: &PathPattern, path: &'r str, name: &str) -> Option<&'r str> {
    let at =
        template.segments().iter().position(|segment| matches!(segment, Segment::Any(known) if **known == *name))?;
    path.strip_prefix('/')?.split('/').nth(at)
}

/// A header field. Repeated, it is a list (RFC 9110 §5.3), where a list is what is described.
fn header(request: &Canonical, parameter: &Parameter) -> Result<Option<String>, Violation> {
    let mut values = request.fields.all(&parameter.name);
    let Some(first) = values.next() else { return Ok(None) };
    let mut value = Cow::Borrowed(first);
    for more in values {
        if !matches!(parameter.form, Form::List { .. }) {
            return Err(wrong(parameter, "occurs twice"));
        }
        value.to_mut().push(b',');
        value.to_mut().extend_from_slice(more);
    }
    let text = std::str::from_utf8(&value).map_err(|_| wrong(parameter, "is not UTF-8"))?;
    style::written(parameter, text).map(Some)
}

impl<'r> Pairs<'r> {
    fn of_query(query: Option<&'r str>) -> Result<Pairs<'r>, Violation> {
        let unreadable = || Violation::new(Kind::Malformed, Place::Query, "cannot be read");
        let mut pairs = Vec::new();
        for pair in query.into_iter().filter(|query| !query.is_empty()).flat_map(|query| query.split('&')) {
            let (name, value) = pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value)));
            // `;` parts pairs for some readers.
            if name.is_empty() || pair.contains(';') || pairs.len() >= PAIRS_MAX {
                return Err(unreadable());
            }
            let name = if name.contains(['%', '+']) {
                Cow::Owned(decode_text(name, true).ok_or_else(unreadable)?)
            } else {
                Cow::Borrowed(name)
            };
            pairs.push((name, value));
        }
        let taken = vec![false; pairs.len()];
        Ok(Pairs { pairs, taken })
    }

    /// RFC 6265 §4.2.1. HTTP/2 may send several fields (RFC 9113 §8.2.3).
    fn of_cookies(request: &'r Canonical) -> Result<Pairs<'r>, Violation> {
        let unreadable = || Violation::new(Kind::Malformed, Place::Cookie, "cannot be read");
        let mut pairs = Vec::new();
        for field in request.fields.all("cookie") {
            let text = std::str::from_utf8(field).map_err(|_| unreadable())?;
            for pair in text.split(';').map(|pair| pair.trim_matches([' ', '\t'])).filter(|pair| !pair.is_empty()) {
                let (name, value) = pair.split_once('=').ok_or_else(unreadable)?;
                if pairs.len() >= PAIRS_MAX {
                    return Err(unreadable());
                }
                pairs.push((Cow::Borrowed(name), Some(value)));
            }
        }
        let taken = vec![false; pairs.len()];
        Ok(Pairs { pairs, taken })
    }

    /// What a parameter is given, as JSON.
    fn take(&mut self, parameter: &Parameter) -> Result<Option<String>, Violation> {
        match &parameter.form {
            Form::List { items, between: Between::Pairs, .. } => {
                let values = self.values(&parameter.name);
                if values.is_empty() {
                    return Ok(None);
                }
                style::list(parameter, *items, values.into_iter().map(Option::unwrap_or_default)).map(Some)
            }
            Form::Object { members, between: Between::Pairs, .. } => {
                let names: Vec<&str> = members.known.keys().map(|name| &**name).collect();
                let mut given = Vec::new();
                for name in names {
                    match *self.values(name).as_slice() {
                        [] => {}
                        [value] => given.push((name.to_owned(), value.unwrap_or_default())),
                        [..] => return Err(wrong(parameter, "occurs twice").under(name)),
                    }
                }
                if given.is_empty() { Ok(None) } else { style::object(parameter, members, given).map(Some) }
            }
            Form::Object { members, between: Between::Brackets, .. } => {
                let given = self.bracketed(parameter)?;
                if given.is_empty() { Ok(None) } else { style::object(parameter, members, given).map(Some) }
            }
            Form::Scalar { .. } | Form::List { .. } | Form::Object { .. } | Form::Json => {
                match *self.values(&parameter.name).as_slice() {
                    [] => Ok(None),
                    [value] => style::written(parameter, value.unwrap_or_default()).map(Some),
                    [..] => Err(wrong(parameter, "occurs twice")),
                }
            }
        }
    }

    fn values(&mut self, name: &str) -> Vec<Option<&'r str>> {
        let pairs = self.pairs.iter().zip(&mut self.taken).filter(|((known, _), _)| known == name);
        let take = |((_, value), taken): (&(Cow<'r, str>, Option<&'r str>), &mut bool)| {
            *taken = true;
            *value
        };
        pairs.map(take).collect()
    }

    /// The members of `name[member]=value`.
    fn bracketed(&mut self, parameter: &Parameter) -> Result<Vec<(String, &'r str)>, Violation> {
        let mut given: Vec<(String, &'r str)> = Vec::new();
        for ((name, value), taken) in self.pairs.iter().zip(&mut self.taken) {
            let member = name.strip_prefix(&*parameter.name).and_then(|rest| rest.strip_prefix('['));
            let Some(member) = member else { continue };
            let member = member.strip_suffix(']').filter(|member| !member.is_empty() && !member.contains(['[', ']']));
            let member = member.ok_or_else(|| wrong(parameter, "is nested, which is not accepted"))?;
            if given.iter().any(|(known, _)| known == member) {
                return Err(wrong(parameter, "has a field twice"));
            }
            *taken = true;
            given.push((member.to_owned(), value.unwrap_or_default()));
        }
        Ok(given)
    }

    fn all_taken(&self) -> Outcome {
        let left = self.pairs.iter().zip(&self.taken).find(|(_, taken)| !**taken);
        match left {
            Some(((name, _), _)) => {
                let reason = "is not a parameter that is accepted";
                Err(Violation::new(Kind::Malformed, Place::Query, reason).under_theirs(name))
            }
            None => Ok(()),
        }
    }
}
