//! What the requests of a rule must be like.

use super::Written;
use std::sync::Arc;

/// The OpenAPI description that a rule's requests are checked against.
#[derive(Debug, Clone)]
pub struct RuleSchema {
    /// The file as it is named in the rule.
    pub written: Written,
    /// The file, relative to the repository. It exists.
    pub file: Arc<str>,
    /// The one operation that the rule is for, by its `operationId`; `None` is every operation of the file.
    pub operation: Option<Written>,
    /// Bytes of a body that is held until it was checked; 1 MiB when none is written.
    pub body_bytes_max: u64,
}

impl RuleSchema {
    /// What a body may have where the rule does not say.
    pub const BODY_BYTES_MAX: u64 = 1024 * 1024;
}
