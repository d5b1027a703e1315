//! What one hop knows and learns, from its first byte to its record.

use crate::connection::Connection;
use crate::limiter::{Held, Told};
use crate::live::Live;
use selvedge_model::{DecisionId, Denial, DenialReason, Fault, Outcome, Record, RuleId};
use selvedge_net::{now_ms, random_u128};
use selvedge_schema::{Kind, Violation};
use std::sync::Arc;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The field with the decision id of a request, at every hop of it, and in its answer.
pub(crate) const DECISION: &str = "selvedge-decision";
/// Characters of a detail in a record.
const DETAIL_CHARS_MAX: usize = 300;

/// A hop under way.
#[derive(Debug)]
pub(crate) struct Hop {
    /// The record, filled in as the stages go.
    pub(crate) record: Record,
    /// The rule that allowed it.
    pub(crate) rule: Option<Arc<RuleId>>,
    /// Why no rule allows it, where it goes on all the same: its service is observed.
    pub(crate) observed: Option<Denial>,
    /// How the limits stand that were asked.
    pub(crate) told: Vec<Told>,
    /// What counts as under way until the hop ends.
    pub(crate) held: Held,
    /// The bearer token that was shown, for a rule that sends it on.
    pub(crate) token: Option<Secret>,
    /// What an outside caller may show here.
    pub(crate) challenge: Challenge,
    /// Whether the request asks for a WebSocket.
    pub(crate) upgrades: bool,
    pub(crate) started: Instant,
}

/// What an outside caller may show on a route, to be told when it shows nothing that is valid.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Challenge {
    pub(crate) token: bool,
    pub(crate) key: bool,
    pub(crate) certificate: bool,
}

/// A credential as it came; never printed, and wiped when it is dropped.
pub(crate) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub(crate) fn new(value: &[u8]) -> Secret {
        Secret(Zeroizing::new(value.to_vec()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Why a hop goes no further.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// We said no.
    Denied(Denial),
    /// Something broke.
    Faulted(Fault, Detail),
    /// What was sent is not as it is described; the caller is told what of it.
    Invalid(Box<Violation>),
}

/// A short text for the operator. A peer's bytes are escaped in it.
#[derive(Debug, Clone)]
pub(crate) struct Detail(Arc<str>);

impl Hop {
    /// Begins a hop on a connection, with a new decision id.
    pub(crate) fn begin(connection: &Connection, live: &Live) -> Hop {
        let time_ms = now_ms();
        let record = Record {
            id: DecisionId::new(time_ms, random_u128()),
            time_ms,
            role: connection.role.name,
            at: Some(connection.at.clone()),
            plan: live.plan.hash().clone(),
            // Until something else is known: whatever happens, a hop never looks allowed by mistake.
            outcome: Outcome::Denied(Denial::of(DenialReason::NotPermitted)),
            status: 0,
            peer: connection.peer_id().cloned(),
            local: None,
            client: Some(connection.client),
            user: None,
            refused: false,
            key: None,
            limit: None,
            service: None,
            port: None,
            host: None,
            method: None,
            path: None,
            headers: Vec::new(),
            bytes_in: 0,
            bytes_out: 0,
            duration_us: 0,
            trace: None,
            tls: connection.tls.clone(),
            client_tls: None,
        };
        let (told, held, challenge) = (Vec::new(), Held::default(), Challenge::default());
        Hop {
            record,
            rule: None,
            observed: None,
            told,
            held,
            token: None,
            challenge,
            upgrades: false,
            started: Instant::now(),
        }
    }

    /// The rule whose description it is held against: the one that allows it, or where none does the one that came
    /// nearest, so that what is observed is checked like what is allowed.
    pub(crate) fn described(&self) -> Option<&RuleId> {
        let nearest = || self.observed.as_ref()?.nearest.as_ref().map(|nearest| &*nearest.rule);
        self.rule.as_deref().or_else(nearest)
    }

    /// When it began.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Ends the hop: carried out, whatever the answer's status was.
    pub(crate) fn carried(mut self, status: u16) -> Record {
        if let Some(rule) = self.rule.take() {
            self.record.outcome = Outcome::Allowed(rule);
        } else if let Some(denial) = self.observed.take() {
            self.record.outcome = Outcome::Observed(denial);
        }
        self.ended(status)
    }

    /// Ends the hop: it went no further.
    pub(crate) fn refused(mut self, refusal: &Refusal) -> Record {
        self.record.outcome = match refusal {
            Refusal::Denied(denial) => Outcome::Denied(denial.clone()),
            Refusal::Invalid(violation) => {
                let detail = Detail::new(violation).0;
                Outcome::Faulted { fault: fault_of(violation.kind), detail, rule: self.rule.take() }
            }
            Refusal::Faulted(fault, detail) => {
                Outcome::Faulted { fault: *fault, detail: detail.0.clone(), rule: self.rule.take() }
            }
        };
        let status = refusal.status();
        self.ended(status)
    }

    fn ended(mut self, status: u16) -> Record {
        self.record.status = status;
        self.record.duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.record
    }
}

impl Refusal {
    pub(crate) fn fault(fault: Fault, detail: impl std::fmt::Display) -> Refusal {
        Refusal::Faulted(fault, Detail::new(detail))
    }

    /// The status that a client is told.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Refusal::Denied(denial) => denial.reason.status(),
            Refusal::Faulted(fault, _) => fault.status(),
            Refusal::Invalid(violation) => fault_of(violation.kind).status(),
        }
    }
}

/// What a violation is, among all that can break.
fn fault_of(kind: Kind) -> Fault {
    match kind {
        Kind::Operation => Fault::NotDescribed,
        Kind::Malformed => Fault::BadRequest,
        Kind::MediaType => Fault::MediaType,
        Kind::TooLarge => Fault::BodyTooLarge,
        Kind::Invalid => Fault::InvalidInput,
    }
}

impl Detail {
    fn new(text: impl std::fmt::Display) -> Detail {
        let mut plain = String::new();
        for c in text.to_string().chars().take(DETAIL_CHARS_MAX) {
            if c.is_control() { plain.extend(c.escape_default()) } else { plain.push(c) }
        }
        Detail(plain.into())
    }
}
