//! The operations of an OpenAPI description, ready to be looked up and held against requests.

use crate::media::MediaRange;
use crate::schema::{Id, Store, Types};
use crate::violation::Place;
use selvedge_model::PathPattern;
use std::collections::BTreeMap;

/// A description, compiled.
#[derive(Debug, Default)]
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) operations: Vec<Operation>,
    /// By how many segments they have; the more literal first, so that `/a/latest` comes before `/a/{id}`.
    pub(crate) paths: BTreeMap<usize, Vec<ApiPath>>,
}

#[derive(Debug)]
pub(crate) struct ApiPath {
    pub(crate) pattern: PathPattern,
    /// Method, in capitals, and place among the operations.
    pub(crate) methods: Vec<(Box<str>, usize)>,
}

#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: Option<Box<str>>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<BodyRules>,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    /// A header's in lower case.
    pub(crate) name: Box<str>,
    pub(crate) place: Place,
    pub(crate) is_required: bool,
    pub(crate) schema: Id,
    pub(crate) form: Form,
}

/// How a parameter's text becomes a value (OpenAPI 3.1 §4.8.12.3).
#[derive(Debug)]
pub(crate) enum Form {
    Scalar { types: Types, may_be_empty: bool, is_label: bool },
    List { items: Types, between: Between, is_label: bool },
    Object { members: Members, between: Between, is_label: bool },
    Json,
}

/// What stands between items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Between {
    Comma,
    /// With `explode`, in paths: `.`.
    Dot,
    Space,
    Pipe,
    /// Each has a pair of its own: `explode`, in queries.
    Pairs,
    /// `name[member]=value`.
    Brackets,
    /// `member=value`, with a comma between: `explode`, in paths and headers.
    CommaPairs,
    /// `member=value`, with a dot between.
    DotPairs,
}

/// The types of an object's members.
#[derive(Debug, Default)]
pub(crate) struct Members {
    pub(crate) known: BTreeMap<Box<str>, Types>,
    pub(crate) others: Option<Types>,
}

#[derive(Debug)]
pub(crate) struct BodyRules {
    pub(crate) is_required: bool,
    pub(crate) contents: Vec<(MediaRange, Content)>,
}

#[derive(Debug)]
pub(crate) enum Content {
    Json(Option<Id>),
    Text(Option<Id>),
    Form(Fields),
    Multipart(Fields),
    /// Checked for its structure alone.
    Xml,
    /// Bytes.
    Opaque,
}

/// What a form may have.
#[derive(Debug)]
pub(crate) struct Fields {
    pub(crate) schema: Option<Id>,
    /// By name.
    pub(crate) known: BTreeMap<Box<str>, Field>,
}

/// How the text of one field becomes a value.
#[derive(Debug, Default, Clone)]
pub(crate) struct Field {
    pub(crate) types: Option<Types>,
    /// Of items, where it is a list.
    pub(crate) items: Option<Types>,
    /// Whether it is a file: its bytes are no text.
    pub(crate) is_file: bool,
    /// Media types that a part may have; empty is the usual one.
    pub(crate) media: Vec<MediaRange>,
}

/// An operation that was found.
pub(crate) struct Found<'a> {
    pub(crate) operation: usize,
    pub(crate) path: &'a PathPattern,
}

impl Api {
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        let segments = path.strip_prefix('/').unwrap_or(path).split('/').count();
        let mut paths = self.paths.get(&segments)?.iter().filter(|known| known.pattern.matches(path));
        paths.find_map(|known| {
            // HEAD is GET without the body of the answer (RFC 9110 §9.3.2).
            let of = |wanted: &str| known.methods.iter().find(|(method, _)| **method == *wanted);
            let (_, operation) = of(method).or_else(|| of("GET").filter(|_| method == "HEAD"))?;
            Some(Found { operation: *operation, path: &known.pattern })
        })
    }
}

impl BodyRules {
    /// The content for a media type: the one whose range has it most exactly.
    pub(crate) fn content(&self, essence: &str) -> Option<(usize, &(MediaRange, Content))> {
        let fitting =
            self.contents.iter().enumerate().filter_map(|(at, content)| Some((content.0.fits(essence)?, at, content)));
        fitting.max_by_key(|(exact, at, _)| (*exact, usize::MAX - at)).map(|(_, at, content)| (at, content))
    }
}
