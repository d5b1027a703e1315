//! What a repository says of itself: how requests must be decided, what must never be allowed, and which findings are
//! accepted. Nothing of it is enforced, so nothing of it is in a plan's hash.

use selvedge_model::{CanonicalPath, Host, Name, PathPattern, Source};
use std::net::IpAddr;
use std::sync::Arc;

/// An `Expectation` document.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Its name.
    pub name: Name,
    /// Requests and how each must be decided.
    pub cases: Vec<Case>,
    /// What must never be allowed, whatever the facts.
    pub never: Vec<Never>,
    /// Where the document is.
    pub source: Source,
}

/// One request and how it must be decided.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it states.
    pub name: Arc<str>,
    /// Where it is written.
    pub source: Source,
    /// Who calls.
    pub from: CaseCaller,
    /// The service that is called.
    pub service: Name,
    /// The port of it: the one written, or the service's first.
    pub port: Name,
    /// Method and path; `None` on a TCP port.
    pub request: Option<(Arc<str>, CanonicalPath)>,
    /// Request fields, by name in lower case.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// When, in seconds since 1970; `None` where it does not matter.
    pub time_s: Option<u64>,
    /// Whether it must be allowed.
    pub allow: bool,
    /// The status of the denial.
    pub status: Option<u16>,
    /// The rule that must allow it: its name, or `access/rule`.
    pub rule: Option<Arc<str>>,
}

/// Who calls in a case.
#[derive(Debug, Clone)]
pub enum CaseCaller {
    /// From outside.
    Gateway {
        /// Through which gateway.
        gateway: Name,
        /// At which host: the one written, or the first exact one that the gateway serves.
        host: Host,
        /// With which token; `None` without a credential.
        token: Option<CaseToken>,
    },
    /// A service.
    Service {
        /// Which one.
        name: Name,
        /// The end user for whom it calls.
        user: Option<CaseToken>,
    },
}

/// A token in a case.
#[derive(Debug, Clone)]
pub struct CaseToken {
    /// The issuer.
    pub issuer: Name,
    /// The subject; `test` when none is written.
    pub subject: Arc<str>,
    /// Its scopes.
    pub scopes: Vec<Arc<str>>,
    /// Its groups.
    pub groups: Vec<Arc<str>>,
    /// How the user was authenticated.
    pub amr: Vec<Arc<str>>,
}

/// What must never be allowed.
#[derive(Debug, Clone)]
pub struct Never {
    /// What it states.
    pub name: Arc<str>,
    /// Where it is written.
    pub source: Source,
    /// Who must not.
    pub from: NeverCaller,
    /// Services that must not be reached; never empty.
    pub to: Vec<Name>,
    /// The port; `None` is every port.
    pub port: Option<Name>,
    /// The method; `None` is every method, and TCP too when the path is `/**`.
    pub method: Option<Arc<str>>,
    /// The paths; `/**` when none is written.
    pub path: PathPattern,
}

/// Who must not.
#[derive(Debug, Clone)]
pub enum NeverCaller {
    /// Anybody through this gateway, whatever the credential.
    Gateway(Name),
    /// Anybody from outside without a credential; through this gateway, or any.
    Anonymous(Option<Name>),
    /// One of these services; never empty.
    Services(Vec<Name>),
}

/// A finding that is accepted for one document.
#[derive(Debug, Clone)]
pub struct Allow {
    /// The kind of the document.
    pub kind: &'static str,
    /// The document.
    pub document: Name,
    /// Where it is accepted.
    pub source: Source,
    /// The finding's code.
    pub finding: Arc<str>,
    /// Why; never empty.
    pub reason: Arc<str>,
}
