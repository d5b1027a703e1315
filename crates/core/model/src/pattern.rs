//! Path patterns: literal segments, `{name}` for one segment, a final `/**` for the rest.
//!
//! Nothing else, so that whether two patterns overlap, and whether one contains the other, is decidable and exact.

use crate::{CanonicalPath, PathError};
use std::fmt;
use std::sync::Arc;

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// This text, in canonical form.
    Literal(Arc<str>),
    /// Any one segment that is not empty; the name is for people and captures.
    Any(Arc<str>),
}

/// A path pattern, such as `/orders/{id}` or `/static/**`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    text: Arc<str>,
    segments: Vec<Segment>,
    /// Whether a final `/**` takes the rest, nothing included: `/a/**` covers `/a`, `/a/` and `/a/b/c`.
    rest: bool,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// No leading `/`.
    #[error("a path pattern begins with `/`")]
    NoSlash,
    /// `**` before the end, or beside other characters.
    #[error("`**` stands alone, as the last segment")]
    Rest,
    /// `*`, or braces that do not enclose the whole segment or name nothing.
    #[error("`{0}` is no pattern: write `{{name}}` for one segment, or a final `/**` for the rest")]
    Segment(String),
    /// A literal part that no canonical path can equal.
    #[error("no request has this path: {0}")]
    NotCanonical(PathError),
}

impl PathPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// Says which part is no pattern.
    pub fn parse(text: &str) -> Result<PathPattern, PatternError> {
        let body = text.strip_prefix('/').ok_or(PatternError::NoSlash)?;
        let (body, rest) = match body {
            "**" => return Ok(PathPattern { text: text.into(), segments: Vec::new(), rest: true }),
            _ => body.strip_suffix("/**").map_or((body, false), |body| (body, true)),
        };
        let segments: Vec<Segment> = body.split('/').map(parse_segment).collect::<Result<_, _>>()?;
        check_canonical(&segments)?;
        Ok(PathPattern { text: text.into(), segments, rest })
    }

    /// Whether the pattern covers a canonical path.
    pub fn matches(&self, path: &str) -> bool {
        let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
        for segment in &self.segments {
            match (segment, parts.next()) {
                (Segment::Literal(text), Some(part)) if **text == *part => {}
                (Segment::Any(_), Some(part)) if !part.is_empty() => {}
                _ => return false,
            }
        }
        self.rest || parts.next().is_none()
    }

    /// Whether some path is covered by both.
    pub fn overlaps(&self, other: &PathPattern) -> bool {
        let shared = self.segments.iter().zip(&other.segments);
        let meet = |(a, b): (&Segment, &Segment)| match (a, b) {
            (Segment::Literal(a), Segment::Literal(b)) => a == b,
            (Segment::Literal(text), Segment::Any(_)) | (Segment::Any(_), Segment::Literal(text)) => !text.is_empty(),
            (Segment::Any(_), Segment::Any(_)) => true,
        };
        let (long, short) = if self.segments.len() >= other.segments.len() { (self, other) } else { (other, self) };
        shared.into_iter().all(meet) && (long.segments.len() == short.segments.len() || short.rest)
    }

    /// Whether every path that `other` covers is covered by this one too.
    pub fn contains(&self, other: &PathPattern) -> bool {
        let covers = |(a, b): (&Segment, &Segment)| match (a, b) {
            (Segment::Literal(a), Segment::Literal(b)) => a == b,
            (Segment::Any(_), Segment::Literal(text)) => !text.is_empty(),
            (Segment::Any(_), Segment::Any(_)) => true,
            (Segment::Literal(_), Segment::Any(_)) => false,
        };
        let lengths = match (self.rest, other.rest) {
            (true, _) => self.segments.len() <= other.segments.len(),
            (false, false) => self.segments.len() == other.segments.len(),
            (false, true) => false,
        };
        lengths && self.segments.iter().zip(&other.segments).all(covers)
    }

    /// The segments before a final `/**`.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether the pattern ends in `/**`.
    pub fn takes_rest(&self) -> bool {
        self.rest
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn parse_segment(text: &str) -> Result<Segment, PatternError> {
    if text == "**" {
        return Err(PatternError::Rest);
    }
    if let Some(name) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(PatternError::Segment(text.to_owned()));
        }
        return Ok(Segment::Any(name.into()));
    }
    if text.contains(['*', '{', '}']) {
        return Err(PatternError::Segment(text.to_owned()));
    }
    Ok(Segment::Literal(text.into()))
}

/// A literal that canonicalisation would change can never match: that is a mistake of the author, so it is an error.
fn check_canonical(segments: &[Segment]) -> Result<(), PatternError> {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        path.push_str(match segment {
            Segment::Literal(text) => text,
            Segment::Any(_) => "x",
        });
    }
    let canonical = CanonicalPath::parse(&path).map_err(PatternError::NotCanonical)?;
    if canonical.as_str() != path {
        return Err(PatternError::NotCanonical(PathError::NotCanonical));
    }
    Ok(())
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests;
