//! Why a request is refused, for its own caller: which field and why, and none of its values.

use std::fmt;

/// Characters of a field's name that the caller is told of: the rest is its own input back.
const NAME_CHARACTERS_MAX: usize = 64;
/// Steps of a pointer that are kept.
const STEPS_MAX: usize = 64;

const EXHAUSTED: &str = "takes too many steps to check";

/// Where in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The path, or which operation it is.
    Path,
    /// The query.
    Query,
    /// A header field.
    Header,
    /// A cookie.
    Cookie,
    /// The body.
    Body,
}

/// Which kind of answer it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No operation is described for this path and method: 404.
    Operation,
    /// It is malformed, or a parameter is not as described: 400.
    Malformed,
    /// Its media type, character set or coding is not taken: 415.
    MediaType,
    /// It is over a limit: 413.
    TooLarge,
    /// Well-formed, and not as described: 422.
    Invalid,
}

/// One step of a pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A name that the description knows, and so no data of the caller.
    Known(Box<str>),
    /// A name of the caller's.
    Theirs(Box<str>),
    Index(u32),
}

/// The first thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What to answer.
    pub kind: Kind,
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub reason: &'static str,
    /// What the description has, such as the largest value.
    pub limit: Option<Box<str>>,
    /// From the inside out.
    steps: Vec<Step>,
}

impl Place {
    /// A word for messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Place::Path => "path",
            Place::Query => "query",
            Place::Header => "header",
            Place::Cookie => "cookie",
            Place::Body => "body",
        }
    }
}

impl Violation {
    /// A violation of a place as a whole.
    pub fn new(kind: Kind, place: Place, reason: &'static str) -> Violation {
        Violation { kind, place, reason, limit: None, steps: Vec::new() }
    }

    /// Of a value in a body; who calls knows better where it is.
    pub(crate) fn value(reason: &'static str) -> Violation {
        Violation::new(Kind::Invalid, Place::Body, reason)
    }

    pub(crate) fn limited(reason: &'static str, limit: impl fmt::Display) -> Violation {
        Violation { limit: Some(limit.to_string().into()), ..Violation::value(reason) }
    }

    /// Checking was ended before it came to an answer.
    pub(crate) fn exhaustion() -> Violation {
        Violation::value(EXHAUSTED)
    }

    pub(crate) fn is_exhaustion(&self) -> bool {
        self.reason == EXHAUSTED
    }

    /// It is in the member of this name.
    pub(crate) fn under(self, name: &str) -> Violation {
        self.step(|| Step::Known(name.into()))
    }

    /// As [`Violation::under`], where the caller made the name.
    pub(crate) fn under_theirs(self, name: &str) -> Violation {
        self.step(|| Step::Theirs(name.chars().take(NAME_CHARACTERS_MAX).collect()))
    }

    pub(crate) fn at(self, index: usize) -> Violation {
        self.step(|| Step::Index(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    fn step(mut self, step: impl FnOnce() -> Step) -> Violation {
        if self.steps.len() < STEPS_MAX {
            self.steps.push(step());
        }
        self
    }

    /// In another place, with another answer.
    pub(crate) fn moved(self, kind: Kind, place: Place) -> Violation {
        Violation { kind, place, ..self }
    }

    /// The JSON pointer (RFC 6901) for the caller.
    pub fn pointer(&self) -> String {
        self.written(|name| name)
    }

    /// The pointer for a record: names that the caller made are left out, since they may be data about people.
    pub fn pointer_for_records(&self) -> String {
        self.written(|_| "*")
    }

    fn written(&self, theirs: impl for<'a> Fn(&'a str) -> &'a str) -> String {
        let mut pointer = String::new();
        for step in self.steps.iter().rev() {
            pointer.push('/');
            match step {
                Step::Known(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Theirs(name) => pointer.push_str(&theirs(name).replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }

    /// What is wrong, in one sentence.
    pub fn sentence(&self) -> String {
        match &self.limit {
            Some(limit) => format!("{} {limit}", self.reason),
            None => self.reason.to_owned(),
        }
    }
}

/// For records: place, pointer and reason.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` {}", self.place.as_str(), self.pointer_for_records(), self.sentence())
    }
}
