//! Whether two values are the same: both are written in one form, so that comparing many needs no pairs.

use crate::json::{Kind, Number, Value, quote};
use crate::schema::Values;
use selvedge_config::data::{Data, DataValue};

/// The one form of a value: no blanks, names sorted, numbers by their value.
pub(crate) fn one_form(value: &Value<'_>) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value<'_>, out: &mut String) {
    match value.node.kind {
        Kind::Null => out.push_str("null"),
        Kind::True => out.push_str("true"),
        Kind::False => out.push_str("false"),
        Kind::Number => out.push_str(&number(value.raw())),
        Kind::Text(_) => quote(&value.text(), out),
        Kind::Array => {
            out.push('[');
            for item in value.items() {
                write(&item, out);
                out.push(',');
            }
            out.push(']');
        }
        Kind::Object => {
            let mut members: Vec<_> = value.members().map(|(name, member)| (name.text(), member)).collect();
            members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            out.push('{');
            for (name, member) in members {
                quote(&name, out);
                out.push(':');
                write(&member, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}

fn number(text: &str) -> String {
    match Number::read(text) {
        Number::Whole(whole) => whole.to_string(),
        Number::Float(float) => format!("{float:e}"),
    }
}

/// The one form of a value of a description.
fn of_data(data: &Data, out: &mut String) {
    match &data.value {
        DataValue::Null => out.push_str("null"),
        DataValue::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        DataValue::Number(text) => out.push_str(&number(text)),
        DataValue::Text(text) => quote(text, out),
        DataValue::List(items) => {
            out.push('[');
            for item in items {
                of_data(item, out);
                out.push(',');
            }
            out.push(']');
        }
        DataValue::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_unstable_by(|(a, _), (b, _)| a.text.cmp(&b.text));
            out.push('{');
            for (name, entry) in entries {
                quote(&name.text, out);
                out.push(':');
                of_data(entry, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}

impl Values {
    pub(crate) fn add(&mut self, data: &Data) {
        match data.text() {
            Some(text) => self.texts.push(text.into()),
            None => {
                let mut form = String::new();
                of_data(data, &mut form);
                self.others.push(form);
            }
        }
    }

    pub(crate) fn has(&self, value: &Value<'_>) -> bool {
        match value.node.kind {
            Kind::Text(_) => {
                let text = value.text();
                self.texts.iter().any(|known| **known == *text)
            }
            _ if self.others.is_empty() => false,
            _ => {
                let form = one_form(value);
                self.others.contains(&form)
            }
        }
    }
}
