//! Client certificates of outside callers: what one is worth for a request.

use selvedge_model::{Name, Principal};
use selvedge_net::{ClientChain, Clients};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds for which a proof counts without being made again: a certificate or list that ends is noticed by then.
const PROOF_S: u64 = 10;

/// The sets of a plan by name, as far as they concern this process.
pub(crate) type Sets = BTreeMap<Name, Arc<Clients>>;

/// The certificate of one connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) chain: ClientChain,
    proofs: RefCell<Vec<Proof>>,
}

/// What a set said of it.
#[derive(Debug)]
struct Proof {
    set: Name,
    version: u128,
    /// When it was asked, in seconds since 1970.
    at: u64,
    user: Option<Arc<Principal>>,
}

impl Client {
    pub(crate) fn new(chain: ClientChain) -> Client {
        Client { chain, proofs: RefCell::default() }
    }

    /// Whom it speaks for, by the first of these sets that verifies it. `None`: by none, and then it is refused.
    pub(crate) fn user(&self, sets: &Sets, wanted: &[Name], now: u64) -> Option<Arc<Principal>> {
        wanted.iter().filter_map(|name| sets.get_key_value(name)).find_map(|(name, set)| self.proven(name, set, now))
    }

    fn proven(&self, name: &Name, set: &Clients, now: u64) -> Option<Arc<Principal>> {
        let (mut proofs, version) = (self.proofs.borrow_mut(), set.version());
        let is_fresh = |proof: &&Proof| proof.version == version && (proof.at..proof.at + PROOF_S).contains(&now);
        if let Some(proof) = proofs.iter().filter(|proof| proof.set == *name).find(is_fresh) {
            return proof.user.clone();
        }
        let user = set.prove(&self.chain, now).ok().map(Arc::new);
        proofs.retain(|proof| proof.set != *name);
        proofs.push(Proof { set: name.clone(), version, at: now, user: user.clone() });
        user
    }
}
