//! The vocabulary of Selvedge: identities, facts, decisions and records.
//!
//! Everything here is plain data with its parser: no input or output, no clock, no policy. Each type is valid once
//! it exists, and every other crate speaks in these words.

mod address;
mod decision;
mod facts;
mod fault;
mod host;
mod id;
mod name;
mod number;
mod path;
mod pattern;
mod record;
mod spiffe;

pub use address::push_address;
pub use decision::{Decision, Denial, DenialReason, Forbidden, Missing, NearestMiss, RuleId, Source};
pub use facts::{Credential, Facts, Peer, Principal, RequestFacts, TlsFacts};
pub use fault::{Fault, Side};
pub use host::{Host, HostError, HostPattern};
pub use id::{DecisionId, DecisionIdError};
pub use name::{Name, NameError};
pub use number::push_number;
pub use path::{CanonicalPath, PathError};
pub use pattern::{PathPattern, PatternError, Segment};
pub use record::{Outcome, PeerTls, Record, Role};
pub use spiffe::{SpiffeId, SpiffeIdError, TrustDomain, WorkloadKind};
