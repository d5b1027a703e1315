//! A request against the operation that it is for: the head first, then the body.

pub(crate) mod form;
pub(crate) mod multipart;
mod parameter;
pub(crate) mod xml;

use crate::api::{Content, Operation};
use crate::json::{self, Json, JsonError, JsonLimits, quote};
use crate::media::media_type;
use crate::schema::Id;
use crate::validate::{Direction, Validator};
use crate::violation::{Kind, Place, Violation};
use crate::{Bound, Held};
use selvedge_http::{Canonical, Framing};

/// What is to be done with a request's body.
#[derive(Debug)]
pub enum Body {
    /// It has none, or none is described: there may not be one byte of it.
    Empty,
    /// Nothing is described but that it is there: it passes through.
    Passes,
    /// It is held, and sent on when [`Held::check`] finds nothing wrong.
    Held(Held),
}

impl Bound {
    /// Checks everything but the body.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check_head(&self, request: &Canonical) -> Result<Body, Violation> {
        let unknown = || Violation::new(Kind::Operation, Place::Path, "is no operation of this service");
        let found = self.api.find(&request.method, request.path.as_str()).ok_or_else(unknown)?;
        if self.operation.is_some_and(|only| only != found.operation) {
            return Err(unknown());
        }
        let operation = self.api.operations.get(found.operation).ok_or_else(unknown)?;
        let validator = Validator::new(&self.api.store, Direction::Request);
        parameter::check(operation, found.path, request, &validator)?;
        self.body_of(operation, found.operation, request)
    }

    fn body_of(&self, operation: &Operation, index: usize, request: &Canonical) -> Result<Body, Violation> {
        let wrong = |kind, reason| Violation::new(kind, Place::Body, reason);
        let is_empty = matches!(request.framing, Framing::None | Framing::Length(0));
        let Some(body) = &operation.body else {
            if let Framing::Length(1..) = request.framing {
                return Err(wrong(Kind::Malformed, "is not accepted by this operation"));
            }
            return Ok(Body::Empty);
        };
        if is_empty {
            return if body.is_required { Err(wrong(Kind::Malformed, "is missing")) } else { Ok(Body::Empty) };
        }
        let written = request.fields.single("content-type").ok().flatten();
        let media = written.and_then(media_type);
        let media = media.ok_or_else(|| wrong(Kind::MediaType, "has no media type that can be read"))?;
        let Some((at, (_, content))) = body.content(&media.essence) else {
            return Err(wrong(Kind::MediaType, "is of a media type that is not accepted"));
        };
        if matches!(content, Content::Opaque) {
            return Ok(Body::Passes);
        }
        // What is checked must be what the service reads: a coding would stand between the two.
        if request.fields.all("content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            return Err(wrong(Kind::MediaType, "has a content coding; send it as it is"));
        }
        if media.charset.as_deref().is_some_and(|charset| !charset.eq_ignore_ascii_case("utf-8")) {
            return Err(wrong(Kind::MediaType, "is in a character set other than utf-8"));
        }
        if let Framing::Length(length) = request.framing
            && length > self.body_bytes_max
        {
            return Err(wrong(Kind::TooLarge, "is too large"));
        }
        Ok(Body::Held(Held {
            api: self.api.clone(),
            operation: index,
            content: at,
            media,
            bytes_max: self.body_bytes_max,
        }))
    }
}

impl Held {
    /// Bytes that the body may have.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Checks the whole body.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Violation> {
        let body = self.api.operations.get(self.operation).and_then(|operation| operation.body.as_ref());
        let content = body.and_then(|body| body.contents.get(self.content)).map(|(_, content)| content);
        // INVARIANT: both places were found by `check_head` in this very description.
        let Some(content) = content else { return Err(Violation::value("is not described")) };
        let validator = Validator::new(&self.api.store, Direction::Request);
        match content {
            Content::Json(schema) => check_json(bytes, *schema, &validator),
            Content::Text(schema) => {
                let text = std::str::from_utf8(bytes).map_err(|_| malformed("is not UTF-8"))?;
                let mut quoted = String::with_capacity(bytes.len() + 2);
                quote(text, &mut quoted);
                check_json(quoted.as_bytes(), *schema, &validator)
            }
            Content::Form(fields) => form::check(bytes, fields, &validator),
            Content::Multipart(fields) => multipart::check(bytes, &self.media, fields, &validator),
            Content::Xml => xml::check(bytes).map_err(malformed),
            Content::Opaque => Ok(()),
        }
    }
}

fn malformed(reason: &'static str) -> Violation {
    Violation::new(Kind::Malformed, Place::Body, reason)
}

/// Reads JSON within the limits.
pub(crate) fn read_json(bytes: &[u8]) -> Result<Json<'_>, Violation> {
    let refused = |error: JsonError| {
        let kind = match error {
            JsonError::Depth | JsonError::Members | JsonError::Values | JsonError::StringLength => Kind::TooLarge,
            JsonError::NotUtf8
            | JsonError::ByteOrderMark
            | JsonError::Grammar
            | JsonError::Surrogate
            | JsonError::Repeated
            | JsonError::Number => Kind::Malformed,
        };
        Violation::new(kind, Place::Body, error.as_str())
    };
    json::parse(bytes, &JsonLimits::default()).map_err(refused)
}

pub(crate) fn check_json(bytes: &[u8], schema: Option<Id>, validator: &Validator<'_>) -> Result<(), Violation> {
    let json = read_json(bytes)?;
    let (Some(schema), Some(root)) = (schema, json.root()) else { return Ok(()) };
    validator.check(schema, &root)
}
