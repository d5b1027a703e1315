//! Reading an OpenAPI description: places, errors and references.

use selvedge_config::Diagnostic;
use selvedge_config::data::{Data, DataValue, SchemaFile, beside};

/// References that lead to references.
const HOPS_MAX: usize = 32;
/// Errors that are told of one description: the first tell most.
const ERRORS_MAX: usize = 50;

/// A value and the file that it stands in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(crate) file: &'a SchemaFile,
    pub(crate) data: &'a Data,
}

/// What is wrong so far, and the files that references lead to.
pub(crate) struct Context<'a> {
    pub(crate) files: &'a [SchemaFile],
    pub(crate) found: Vec<Diagnostic>,
}

impl<'a> Spot<'a> {
    pub(crate) fn get(self, key: &str) -> Option<Spot<'a>> {
        Some(Spot { data: self.data.get(key)?, ..self })
    }

    pub(crate) fn text(self, key: &str) -> Option<&'a str> {
        self.data.get(key)?.text()
    }

    pub(crate) fn flag(self, key: &str) -> bool {
        matches!(self.data.get(key).map(|data| &data.value), Some(DataValue::Bool(true)))
    }

    pub(crate) fn entries(self) -> impl Iterator<Item = (&'a str, Spot<'a>)> {
        self.data.entries().iter().map(move |(key, data)| (&*key.text, Spot { data, ..self }))
    }

    pub(crate) fn items(self) -> impl Iterator<Item = Spot<'a>> {
        self.data.items().iter().map(move |data| Spot { data, ..self })
    }

    /// A value's address: the same for the same place, whichever way led there.
    pub(crate) fn identity(self) -> usize {
        std::ptr::from_ref(self.data).addr()
    }
}

impl<'a> Context<'a> {
    pub(crate) fn error(&mut self, at: Spot<'_>, code: &'static str, message: String, help: impl Into<String>) {
        let diagnostic = at.file.error(code, at.data.at, message, help);
        if self.found.len() < ERRORS_MAX && !self.found.contains(&diagnostic) {
            self.found.push(diagnostic);
        }
    }

    /// What is not enforced must not look as if it were.
    pub(crate) fn unenforced(&mut self, at: Spot<'_>, what: &str, help: &str) {
        self.error(at, "not-enforceable", format!("{what} cannot be enforced"), help);
    }

    pub(crate) fn wrong(&mut self, at: Spot<'_>, message: &str) {
        self.error(at, "bad-schema", message.to_owned(), "correct the OpenAPI description here");
    }

    /// Follows `$ref` of an object that is no schema.
    pub(crate) fn resolve(&mut self, spot: Spot<'a>) -> Option<Spot<'a>> {
        let mut at = spot;
        for _ in 0..HOPS_MAX {
            match at.get("$ref") {
                Some(reference) => at = self.target(reference)?,
                None => return Some(at),
            }
        }
        self.wrong(spot, "the reference leads to itself");
        None
    }

    /// What a reference leads to: a place in this file, or in another of the repository.
    pub(crate) fn target(&mut self, reference: Spot<'a>) -> Option<Spot<'a>> {
        let Some(text) = reference.data.text() else {
            self.wrong(reference, "a reference is a text");
            return None;
        };
        self.find(reference, text)
    }

    /// As [`Context::target`], with the text apart from where it stands.
    pub(crate) fn find(&mut self, at: Spot<'a>, text: &str) -> Option<Spot<'a>> {
        let (file, pointer) = text.split_once('#').unwrap_or((text, ""));
        let file = if file.is_empty() { at.file } else { self.file(at, file)? };
        let mut data = &*file.root;
        let body = pointer.strip_prefix('/');
        if body.is_none() && !pointer.is_empty() {
            self.unenforced(
                at,
                "a reference to an anchor",
                "write a JSON pointer, such as `#/components/schemas/Order`",
            );
            return None;
        }
        for token in body.iter().flat_map(|body| body.split('/')) {
            let token = percent_decoded(token).replace("~1", "/").replace("~0", "~");
            let index = || token.parse::<usize>().ok().and_then(|index| data.items().get(index));
            let Some(next) = data.get(&token).or_else(index) else {
                let message = format!("`{text}` leads to nothing");
                self.error(at, "unknown-name", message, format!("there is no `{token}` there: add or correct it"));
                return None;
            };
            data = next;
        }
        Some(Spot { file, data })
    }

    fn file(&mut self, at: Spot<'a>, written: &str) -> Option<&'a SchemaFile> {
        let name = beside(&at.file.name, written);
        let Some(name) = name else {
            let message = format!("`{written}` leads out of the repository");
            self.error(at, "bad-value", message, "name a file in the repository; nothing is fetched");
            return None;
        };
        let found = self.files.iter().find(|file| file.name == name);
        if found.is_none() {
            let help = "add it, and let its name end in `.openapi.yaml`, `.openapi.yml` or `.openapi.json`";
            self.error(at, "unknown-name", format!("there is no OpenAPI file `{name}`"), help);
        }
        found
    }
}

/// Fragments of references are percent-encoded (RFC 6901 §6).
fn percent_decoded(text: &str) -> String {
    crate::escape::decode(text.as_bytes(), false)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_else(|| text.to_owned())
}
