//! What one hop knows and learns, from its first byte to its record.

use crate::connection::Connection;
use crate::live::Live;
use selvedge_model::{DecisionId, Denial, DenialReason, Fault, Outcome, Record, RuleId};
use selvedge_net::{now_ms, random_u128};
use std::sync::Arc;
use std::time::Instant;

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
    started: Instant,
}

/// Why a hop goes no further.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// We said no.
    Denied(Denial),
    /// Something broke.
    Faulted(Fault, Detail),
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
        Hop { record, rule: None, started: Instant::now() }
    }

    /// Ends the hop: carried out, whatever the answer's status was.
    pub(crate) fn carried(mut self, status: u16) -> Record {
        if let Some(rule) = self.rule.take() {
            self.record.outcome = Outcome::Allowed(rule);
        }
        self.ended(status)
    }

    /// Ends the hop: it went no further.
    pub(crate) fn refused(mut self, refusal: &Refusal) -> Record {
        self.record.outcome = match refusal {
            Refusal::Denied(denial) => Outcome::Denied(denial.clone()),
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
        }
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
