//! Decisions: allowed by a rule, or denied with the nearest miss.

use crate::Name;
use std::fmt;
use std::sync::Arc;

/// The answer for one set of facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The first rule that holds.
    Allow(Arc<RuleId>),
    /// No rule holds.
    Deny(Denial),
}

/// A rule's name: its `Access` document and its own name there, with the place where it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct RuleId {
    /// The `Access` document.
    pub access: Name,
    /// The rule in it.
    pub rule: Name,
    /// Where it is written.
    pub source: Source,
}

/// A place in the mesh repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Source {
    /// The file, relative to the repository.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
}

/// We said no. What a client sees of it is the status and the decision id; the rest is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Denial {
    /// The kind of no.
    pub reason: DenialReason,
    /// The rule that came closest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestMiss>,
    /// The guardrail that forbids what a rule would have allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forbidden: Option<Forbidden>,
}

/// What a guardrail forbade.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Forbidden {
    /// The guardrail's `@id`.
    pub guardrail: Arc<str>,
    /// Where it is written.
    pub source: Source,
    /// The rule that would have allowed it; none where none was needed, since the service is observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Arc<RuleId>>,
    /// Why it could not be evaluated, when that is the reason: such a guardrail denies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<str>>,
}

/// The kinds of no, each with its HTTP status (DESIGN §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenialReason {
    /// Nothing is exposed at this host, method and path: 404.
    NotExposed,
    /// A credential is needed and none was shown: 401.
    CredentialMissing,
    /// A credential was shown and refused: 401.
    CredentialRefused,
    /// Known, and not permitted: 403.
    NotPermitted,
    /// Permitted by a rule or by `mode: observe`, and forbidden by a guardrail: 403.
    Forbidden,
    /// The local process is not the workload that the service's document describes: 403.
    Unattested,
    /// Too many requests: 429.
    RateExceeded,
}

/// The rule that came closest, and the first thing it lacked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NearestMiss {
    /// The rule.
    pub rule: Arc<RuleId>,
    /// What was missing.
    pub missing: Missing,
}

/// What a rule lacked, in the order in which a rule is tested.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The port is not one of the rule's.
    Port,
    /// The path is covered by no pattern of the rule.
    Path,
    /// The caller is another gateway or service than the rule names, or came from the other side.
    Caller,
    /// The host is not one of the rule's.
    Host,
    /// The method is not one of the rule's.
    Method,
    /// No token, or one of another issuer: the issuer that the rule names.
    Token(Name),
    /// A credential was shown and refused; it is never downgraded to anonymous.
    ValidCredential,
    /// This scope.
    Scope(Arc<str>),
    /// One of these groups.
    Group(Arc<str>),
    /// This part of the rule's `when`.
    When(Arc<str>),
    /// The rule's `when` could not be evaluated, and why: such a rule does not hold.
    Evaluation(Arc<str>),
}

impl Denial {
    /// A denial without a rule that came near.
    pub fn of(reason: DenialReason) -> Denial {
        Denial { reason, nearest: None, forbidden: None }
    }
}

impl DenialReason {
    /// The HTTP status that a client sees.
    pub fn status(self) -> u16 {
        match self {
            DenialReason::NotExposed => 404,
            DenialReason::CredentialMissing | DenialReason::CredentialRefused => 401,
            DenialReason::NotPermitted | DenialReason::Forbidden | DenialReason::Unattested => 403,
            DenialReason::RateExceeded => 429,
        }
    }

    /// A word for labels and records.
    pub fn as_str(self) -> &'static str {
        match self {
            DenialReason::NotExposed => "not-exposed",
            DenialReason::CredentialMissing => "credential-missing",
            DenialReason::CredentialRefused => "credential-refused",
            DenialReason::NotPermitted => "not-permitted",
            DenialReason::Forbidden => "forbidden",
            DenialReason::Unattested => "unattested",
            DenialReason::RateExceeded => "rate-exceeded",
        }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.access, self.rule)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Port => f.write_str("the rule is for another port"),
            Missing::Path => f.write_str("the path is covered by none of its patterns"),
            Missing::Method => f.write_str("the method is not one of its methods"),
            Missing::Caller => f.write_str("the caller is not the one it names"),
            Missing::Host => f.write_str("the host is not one of its hosts"),
            Missing::Token(issuer) => write!(f, "a token of issuer `{issuer}`"),
            Missing::ValidCredential => f.write_str("the credential that was shown is not valid"),
            Missing::Scope(scope) => write!(f, "the scope `{scope}`"),
            Missing::Group(groups) => write!(f, "membership in `{groups}`"),
            Missing::When(text) => write!(f, "the condition `{text}`"),
            Missing::Evaluation(error) => write!(f, "its condition could not be evaluated: {error}"),
        }
    }
}
