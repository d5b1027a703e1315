//! The canonical path: the one form that is routed, decided, inspected, recorded and sent upstream.

/// A canonical path. (placeholder, replaced by the http helper)
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CanonicalPath(String);

/// Why a path has no canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not in canonical form.
    #[error("it is not in canonical form")]
    NotCanonical,
}

impl CanonicalPath {
    /// Parses.
    ///
    /// # Errors
    /// When ambiguous.
    pub fn parse(raw: &str) -> Result<CanonicalPath, PathError> {
        Ok(CanonicalPath(raw.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
