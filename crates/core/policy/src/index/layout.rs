//! Where things stand in a record, and reading who calls and what must be shown.
//!
//! ```text
//! service  name(2) number rules ports{ count, port* }
//! port     name(2) tree whole rules
//! node     literals ends rests any  end* rest*  hash*  { text(2) child }*
//! from     0 count caller* claim                             services, sorted; for whom they speak
//!          1 gateway hosts claim
//! claim    issuer count groups shown  { text(2) shown }*scopes  { text(2) }*groups
//! ```
//! A list is its count and its items; `tree`, `whole`, `rules`, `any` and `child` are addresses, 0 for none; `issuer` is
//! counted from 1, 0 asks for nothing, and ends the claim; the first `shown` of a credential is all its groups in one text.

use super::{Index, Text};
use selvedge_model::{HostPattern, Missing, Name, Principal};
use std::sync::Arc;

pub(super) const SERVICE_NUMBER: u32 = 2;
pub(super) const SERVICE_RULES: u32 = 3;
pub(super) const SERVICE_PORTS: u32 = 4;
pub(super) const PORT_TREE: u32 = 2;
pub(super) const PORT_WHOLE: u32 = 3;
pub(super) const PORT_RULES: u32 = 4;
pub(super) const PORT_WORDS: u32 = 5;
pub(super) const NODE_ENDS: u32 = 1;
pub(super) const NODE_RESTS: u32 = 2;
pub(super) const NODE_ANY: u32 = 3;
pub(super) const NODE_WORDS: u32 = 4;
pub(super) const EDGE_WORDS: u32 = 3;
pub(super) const FROM_SERVICES: u32 = 0;
pub(super) const FROM_GATEWAY: u32 = 1;
pub(super) const CLAIM_SCOPES: u32 = 4;
const SCOPE_WORDS: u32 = 3;

/// The methods of a rule that names none.
pub(super) const ALL_METHODS: u32 = u32::MAX;
/// Methods with a number below this are bits of one word; where a rule has another, the word leads to a list.
pub(super) const METHOD_BITS: u32 = 31;
pub(super) const METHOD_LIST: u32 = 1 << METHOD_BITS;

/// Who may call, read from its record.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Caller<'a> {
    /// Numbers of services, sorted, and what their end user's token must say, if they must speak for one.
    Services { callers: &'a [u32], user: Option<Claim> },
    /// Through this gateway, at these hosts, with this claim; `None` is anonymous.
    Gateway { gateway: u32, hosts: &'a [HostPattern], claim: Option<Claim> },
}

/// What a token must say: the address of the issuer's word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim(u32);

impl Index {
    /// Who may call, by the address in a rule. What cannot be read is a set of no services.
    pub(crate) fn from(&self, at: u32) -> Caller<'_> {
        if at == 0 {
            return Caller::Services { callers: &[], user: None };
        }
        if self.word(at) != FROM_GATEWAY {
            let callers = self.list(at + 1, 1);
            return Caller::Services { callers, user: self.claim(at + 2 + self.word(at + 1)) };
        }
        let hosts = self.hosts.get(self.word(at + 2) as usize).map(|hosts| &**hosts).unwrap_or_default();
        Caller::Gateway { gateway: self.word(at + 1), hosts, claim: self.claim(at + 3) }
    }

    fn claim(&self, at: u32) -> Option<Claim> {
        (self.word(at) != 0).then_some(Claim(at))
    }

    /// Whether a rule's methods have this one.
    pub(crate) fn has_method(&self, methods: u32, method: Option<u32>) -> bool {
        match method {
            _ if methods == ALL_METHODS => true,
            None => false,
            Some(method) if methods & METHOD_LIST != 0 => self.list(methods & !METHOD_LIST, 1).contains(&method),
            Some(method) => method < METHOD_BITS && methods & (1 << method) != 0,
        }
    }

    /// The issuer that a claim names.
    pub(crate) fn issuer(&self, claim: Claim) -> Option<&Name> {
        self.issuers.get(self.word(claim.0).checked_sub(1)? as usize)
    }

    /// The first scope or group that a principal lacks for a claim.
    pub(crate) fn lacks_grant(&self, claim: Claim, principal: &Principal) -> Option<Missing> {
        let (scopes, groups) = (self.word(claim.0 + 1), self.word(claim.0 + 2));
        let has = |texts: &[Arc<str>], text: Text| texts.iter().any(|found| self.is_text(text, found.as_bytes()));
        let first = claim.0 + CLAIM_SCOPES;
        for scope in (0..scopes).map(|scope| first + scope * SCOPE_WORDS) {
            if !has(&principal.scopes, self.text_at(scope)) {
                return Some(Missing::Scope(self.shown(self.word(scope + 2))));
            }
        }
        let first = first + scopes * SCOPE_WORDS;
        let mut wanted = (0..groups).map(|group| self.text_at(first + group * 2));
        if groups == 0 || wanted.any(|group| has(&principal.groups, group)) {
            return None;
        }
        Some(Missing::Group(self.shown(self.word(claim.0 + 3))))
    }

    fn shown(&self, at: u32) -> Arc<str> {
        self.shown.get(at as usize).cloned().unwrap_or_default()
    }
}
