//! Tokens that a gateway minted: one signature for each user, rule, destination and connection's facts, every half minute.

use super::Custody;
use crate::connection::Connection;
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use ahash::RandomState;
use selvedge_authn::txn::{self, LIFETIME_S, Outside, Shown};
use selvedge_model::{Fault, Host, Name, PeerTls, Principal, RuleId};
use selvedge_net::now_s;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Tokens that are kept: some 3 KiB each.
const MINTED_MAX: usize = 4096;
/// A token with less left than this is minted anew, in seconds: what it travels through has that long to call on.
const LEFT_S_MIN: u64 = LIFETIME_S / 2;

/// Minted tokens by the hash of what they say; what they say is compared at every use.
#[derive(Debug, Default)]
pub(super) struct Minted {
    known: HashMap<u64, Known, RandomState>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Known {
    value: Arc<str>,
    expires: u64,
    gateway: Name,
    host: Host,
    client: IpAddr,
    tls: Option<PeerTls>,
    user: Option<Arc<Principal>>,
    rule: Arc<RuleId>,
    service: Name,
}

/// What was permitted: for whom, to call what, where.
#[derive(Clone, Copy)]
pub(crate) struct For<'a> {
    pub(crate) host: &'a Host,
    pub(crate) user: Option<&'a Arc<Principal>>,
    pub(crate) service: &'a Name,
}

/// What a token says, borrowed.
#[derive(Clone, Copy)]
struct Said<'a> {
    gateway: &'a Name,
    host: &'a Host,
    client: IpAddr,
    tls: Option<&'a PeerTls>,
    user: Option<&'a Arc<Principal>>,
    rule: &'a Arc<RuleId>,
    service: &'a Name,
}

impl Known {
    /// Users and rules are the same when they are one value: this holds on to both, so that no other takes their place.
    fn says(&self, said: &Said<'_>) -> bool {
        let user = match (&self.user, said.user) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        user && Arc::ptr_eq(&self.rule, said.rule)
            && self.gateway == *said.gateway
            && self.service == *said.service
            && self.host == *said.host
            && self.client == said.client
            && self.tls.as_ref() == said.tls
    }
}

impl Custody {
    /// The token for what a gateway forwards.
    ///
    /// # Errors
    /// When it cannot be signed, or the user does not fit into it.
    pub(crate) fn minted(
        &mut self,
        live: &Live,
        connection: &Connection,
        hop: &Hop,
        whom: &For<'_>,
    ) -> Result<Arc<str>, Refusal> {
        let unready = |why: &str| Refusal::fault(Fault::NotReady, why);
        let (mesh, now) = (self.mesh(live)?, now_s());
        let said = Said {
            gateway: &connection.at,
            host: whom.host,
            client: hop.record.client.unwrap_or(connection.client),
            tls: connection.tls.as_ref(),
            user: whom.user,
            rule: hop.rule.as_ref().ok_or_else(|| unready("no rule allowed it"))?,
            service: whom.service,
        };
        let hash = self.minted.hash(&said);
        let fresh = |known: &&Known| known.expires >= now + LEFT_S_MIN && known.says(&said);
        if let Some(known) = self.minted.known.get(&hash).filter(fresh) {
            return Ok(known.value.clone());
        }
        let svid = mesh.svid(&connection.own).ok_or_else(|| unready("the gateway has no SVID yet"))?;
        let target = live.plan.target(said.service.as_str()).ok_or_else(|| unready("the service is gone"))?;
        let outside = said.outside();
        let minting = txn::Minting {
            txn: hop.record.id,
            domain: &live.plan.checked().mesh.trust_domain,
            to: &target.id,
            outside: &outside,
            rule: said.rule,
            plan: live.plan.hash(),
        };
        let minted = txn::mint(svid, &minting, now);
        let (value, expires) = minted.map_err(|error| Refusal::fault(Fault::NotReady, error))?;
        let value: Arc<str> = value.into();
        self.minted.keep(hash, said.known(value.clone(), expires));
        Ok(value)
    }
}

impl Said<'_> {
    fn outside(&self) -> Outside {
        Outside {
            gateway: self.gateway.clone(),
            host: self.host.clone(),
            client: self.client,
            tls: self.tls.cloned(),
            credential: self.user.map_or(Shown::Nothing, |user| Shown::Token(user.clone())),
        }
    }

    fn known(&self, value: Arc<str>, expires: u64) -> Known {
        Known {
            value,
            expires,
            gateway: self.gateway.clone(),
            host: self.host.clone(),
            client: self.client,
            tls: self.tls.cloned(),
            user: self.user.cloned(),
            rule: self.rule.clone(),
            service: self.service.clone(),
        }
    }
}

impl Minted {
    fn hash(&self, said: &Said<'_>) -> u64 {
        let user = said.user.map(|user| Arc::as_ptr(user).addr());
        let rule = Arc::as_ptr(said.rule).addr();
        self.hasher.hash_one((said.gateway, said.service, said.host, said.client, user, rule))
    }

    fn keep(&mut self, hash: u64, known: Known) {
        if self.known.len() >= MINTED_MAX {
            self.known.clear();
        }
        self.known.insert(hash, known);
    }
}
