//! One recorded decision, made again.
//!
//! A record keeps every fact that the decision looked at, so the same policy gives the same answer again, and another
//! policy gives the answer that it would have given then. What cannot be made again is told apart by [`Unreplayable`].

use crate::{Enforced, Policy};
use selvedge_model::{
    Credential, Denial, DenialReason, Facts, Name, Outcome, Peer, PeerTls, Record, RequestFacts, Role, RuleId,
    SpiffeId, TlsFacts, TrustDomain, WorkloadKind,
};
use std::fmt;
use std::sync::Arc;

/// A recorded decision that can be made again.
#[derive(Debug)]
pub struct Recorded<'r> {
    record: &'r Record,
    caller: Caller<'r>,
    before: Before<'r>,
    headers: Vec<(&'r str, &'r str)>,
}

#[derive(Debug)]
enum Caller<'r> {
    Outside(Name),
    Workload(&'r SpiffeId),
}

/// What was decided then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before<'r> {
    /// Allowed by this rule, whatever came of it afterwards.
    Allowed(&'r Arc<RuleId>),
    /// We said no.
    Denied(&'r Denial),
    /// No rule allowed it, and it was let through: the service was observed.
    Observed(&'r Denial),
}

/// Why a record says nothing about a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unreplayable {
    /// It ended before a decision: malformed, too slow, or broken.
    Undecided,
    /// The other hop denied it; that hop's own record counts.
    OtherHop,
    /// The caller was no attested workload, or sent too much: not for the policy to say.
    NotPolicy,
    /// A local workload called a name that is no service.
    NoService,
    /// The record has no caller, or one that calls nothing.
    NoCaller,
}

/// Where a request goes under the policy that decides again.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// The service.
    pub service: &'a Name,
    /// Its port.
    pub port: &'a Name,
    /// At a gateway, the issuers whose tokens are read on this route; `None` inside, where a gateway vouches.
    pub issuers: Option<&'a [Name]>,
}

/// What another policy makes of a recorded decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// The same answer for the same reason.
    Same,
    /// Still allowed, by another rule.
    OtherRule(Arc<RuleId>),
    /// Still denied, in another way.
    OtherDenial(Denial),
    /// It was allowed, and would be denied.
    NewlyDenied(Denial),
    /// It was denied, and would be allowed.
    NewlyAllowed(Arc<RuleId>),
    /// No rule allows it, and it would be let through now: the service is observed.
    NewlyObserved(Denial),
}

impl<'r> Recorded<'r> {
    /// Reads a record of a mesh of this trust domain.
    ///
    /// # Errors
    /// When the record holds no decision of a policy.
    pub fn of(record: &'r Record, domain: &TrustDomain) -> Result<Recorded<'r>, Unreplayable> {
        let before = before(record)?;
        let caller = caller(record, domain)?;
        if record.role != Role::Gateway && (record.service.is_none() || record.port.is_none()) {
            return Err(Unreplayable::NoService);
        }
        let headers = record.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        Ok(Recorded { record, caller, before, headers })
    }

    /// What was decided then.
    pub fn before(&self) -> Before<'r> {
        self.before
    }

    /// The service and port that were asked for, when they were found.
    pub fn destination(&self) -> Option<Destination<'r>> {
        let (service, port) = (self.record.service.as_ref()?, self.record.port.as_ref()?);
        Some(Destination { service, port, issuers: None })
    }

    /// At a gateway, what its routes are asked: gateway, host, path and method.
    pub fn at_gateway(&self) -> Option<(&Name, &'r str, &'r str, &'r str)> {
        let record = self.record;
        match (&self.caller, record.role) {
            (Caller::Outside(gateway), Role::Gateway) => {
                Some((gateway, record.host.as_deref()?, record.path.as_deref()?, record.method.as_deref()?))
            }
            (Caller::Outside(_), Role::MeshInbound | Role::MeshOutbound) | (Caller::Workload(_), _) => None,
        }
    }

    /// The facts of then, towards a destination.
    pub fn facts<'a>(&'a self, to: &Destination<'a>) -> Facts<'a> {
        let record = self.record;
        let peer = match &self.caller {
            Caller::Outside(gateway) => Peer::Outside { gateway, host: record.host.as_deref().unwrap_or_default() },
            Caller::Workload(id) => Peer::Workload(id),
        };
        let request = match (&record.method, &record.path) {
            (Some(method), Some(path)) => Some(RequestFacts { method, path }),
            (Some(_) | None, _) => None,
        };
        Facts {
            peer,
            credential: self.credential(to),
            service: to.service,
            port: to.port,
            request,
            client: record.client,
            now: record.time_ms / 1000,
            headers: &self.headers,
            tls: self.tls(),
        }
    }

    /// The credential as the route reads it: where no token is read none counts, and one of another issuer is refused.
    fn credential(&self, to: &Destination<'_>) -> Credential<'_> {
        let shown = match (&self.record.user, self.record.refused) {
            (Some(user), _) => Credential::Token(user),
            (None, true) => Credential::Refused,
            (None, false) => Credential::Absent,
        };
        match (shown, to.issuers) {
            (_, Some([])) => Credential::Absent,
            (Credential::Token(user), Some(issuers)) if !issuers.contains(&user.issuer) => Credential::Refused,
            (shown, _) => shown,
        }
    }

    fn tls(&self) -> Option<TlsFacts<'_>> {
        let facts = |tls: &'r PeerTls| TlsFacts { version: &tls.version, cipher: &tls.cipher, group: &tls.group };
        match (&self.caller, self.record.role) {
            // Opaque TCP is decided before anything of TLS is looked at.
            _ if self.record.method.is_none() => None,
            (Caller::Outside(_), Role::MeshInbound | Role::MeshOutbound) => self.record.client_tls.as_ref().map(facts),
            (Caller::Outside(_), Role::Gateway) | (Caller::Workload(_), _) => self.record.tls.as_ref().map(facts),
        }
    }
}

fn before(record: &Record) -> Result<Before<'_>, Unreplayable> {
    let denial = match &record.outcome {
        Outcome::Allowed(rule) | Outcome::Faulted { rule: Some(rule), .. } => return Ok(Before::Allowed(rule)),
        Outcome::Faulted { rule: None, .. } => return Err(Unreplayable::Undecided),
        Outcome::Observed(denial) => return Ok(Before::Observed(denial)),
        Outcome::Denied(denial) => denial,
    };
    match denial.reason {
        DenialReason::Unattested | DenialReason::RateExceeded => return Err(Unreplayable::NotPolicy),
        DenialReason::NotExposed
        | DenialReason::CredentialMissing
        | DenialReason::CredentialRefused
        | DenialReason::NotPermitted
        | DenialReason::Forbidden => {}
    }
    // We had shown who we are already: our own decision was to allow, and it was the other hop that said no.
    if record.local.is_some() && denial.nearest.is_none() && denial.forbidden.is_none() {
        return Err(Unreplayable::OtherHop);
    }
    Ok(Before::Denied(denial))
}

fn caller<'r>(record: &'r Record, domain: &TrustDomain) -> Result<Caller<'r>, Unreplayable> {
    if record.role == Role::Gateway {
        return record.at.clone().map(Caller::Outside).ok_or(Unreplayable::NoCaller);
    }
    let peer = record.peer.as_ref().ok_or(Unreplayable::NoCaller)?;
    // What another mesh calls its workloads says nothing here.
    if peer.trust_domain() != domain.as_str() {
        return Ok(Caller::Workload(peer));
    }
    match peer.kind() {
        Ok(WorkloadKind::Gateway(gateway)) => Ok(Caller::Outside(gateway)),
        Ok(WorkloadKind::Service(_)) => Ok(Caller::Workload(peer)),
        Ok(WorkloadKind::Node(_) | WorkloadKind::Control(_)) | Err(_) => Err(Unreplayable::NoCaller),
    }
}

impl Policy {
    /// Decides a recorded decision again. Without a destination nothing is exposed there.
    pub fn replay(&self, recorded: &Recorded<'_>, to: Option<&Destination<'_>>) -> Replayed {
        let facts = to.map(|to| recorded.facts(to));
        let after = match &facts {
            Some(facts) => self.enforce(facts),
            None => Enforced::Denied(Denial::of(DenialReason::NotExposed)),
        };
        match (recorded.before, after) {
            (Before::Allowed(before), Enforced::Allowed(after)) if is_same_rule(before, &after) => Replayed::Same,
            (Before::Allowed(_) | Before::Observed(_), Enforced::Allowed(after)) => Replayed::OtherRule(after),
            (Before::Allowed(_) | Before::Observed(_), Enforced::Denied(denial)) => Replayed::NewlyDenied(denial),
            (Before::Denied(_), Enforced::Allowed(rule)) => Replayed::NewlyAllowed(rule),
            (Before::Denied(before), Enforced::Denied(after)) if is_same_denial(before, &after) => Replayed::Same,
            (Before::Denied(_), Enforced::Denied(after)) => Replayed::OtherDenial(after),
            (Before::Observed(before), Enforced::Observed(after)) if is_same_denial(before, &after) => Replayed::Same,
            (Before::Observed(_), Enforced::Observed(after)) => Replayed::OtherDenial(after),
            (Before::Allowed(_) | Before::Denied(_), Enforced::Observed(denial)) => Replayed::NewlyObserved(denial),
        }
    }
}

/// By name: a rule that moved to another line is the same rule.
fn is_same_rule(a: &RuleId, b: &RuleId) -> bool {
    (&a.access, &a.rule) == (&b.access, &b.rule)
}

fn is_same_denial(a: &Denial, b: &Denial) -> bool {
    let nearest = both(&a.nearest, &b.nearest, |a, b| is_same_rule(&a.rule, &b.rule) && a.missing == b.missing);
    let forbidden = both(&a.forbidden, &b.forbidden, |a, b| {
        both(&a.rule, &b.rule, |a, b| is_same_rule(a, b)) && a.guardrail == b.guardrail && a.error == b.error
    });
    a.reason == b.reason && nearest && forbidden
}

/// Whether there are both, and they agree, or neither.
fn both<T>(a: &Option<T>, b: &Option<T>, agree: impl Fn(&T, &T) -> bool) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => agree(a, b),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

impl Unreplayable {
    /// A word for output that programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Unreplayable::Undecided => "undecided",
            Unreplayable::OtherHop => "other-hop",
            Unreplayable::NotPolicy => "not-policy",
            Unreplayable::NoService => "no-service",
            Unreplayable::NoCaller => "no-caller",
        }
    }
}

impl fmt::Display for Unreplayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unreplayable::Undecided => "ended before a decision",
            Unreplayable::OtherHop => "denied by the other hop, whose own record counts",
            Unreplayable::NotPolicy => "refused for another reason than the policy",
            Unreplayable::NoService => "for a name that is no service",
            Unreplayable::NoCaller => "without a caller",
        })
    }
}

#[cfg(test)]
mod tests;
