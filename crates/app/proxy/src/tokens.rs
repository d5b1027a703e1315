//! Verified tokens of one worker: a signature is verified once, its times at every use.

use ahash::RandomState;
use selvedge_authn::{TokenError, is_timely, verify};
use selvedge_model::{Name, Principal};
use selvedge_net::issuers::{IssuerSet, Issuers};
use std::collections::HashMap;
use std::sync::Arc;

/// Tokens that are kept. Only valid ones are, so a flood of forged ones displaces nothing.
const TOKENS_MAX: usize = 8192;

/// The cache, keyed on the whole token.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    known: HashMap<Box<str>, Known, RandomState>,
    /// The plan and the keys that the entries were verified under.
    under: Option<(Arc<str>, Arc<IssuerSet>)>,
}

#[derive(Debug)]
struct Known {
    principal: Arc<Principal>,
    expires: u64,
    not_before: u64,
}

impl Tokens {
    /// Whom a token speaks for, by one of these issuers. `None`: it is refused.
    pub(crate) fn verify(
        &mut self,
        token: &str,
        issuers: &[Name],
        set: &Arc<IssuerSet>,
        plan: &Arc<str>,
        now: u64,
    ) -> Result<Arc<Principal>, Option<Name>> {
        let same = |(p, s): &(Arc<str>, Arc<IssuerSet>)| Arc::ptr_eq(p, plan) && Arc::ptr_eq(s, set);
        if !self.under.as_ref().is_some_and(same) {
            self.known.clear();
            self.under = Some((plan.clone(), set.clone()));
        }
        if let Some(known) = self.known.get(token) {
            let timely = is_timely(known.not_before, known.expires, now);
            let ours = issuers.contains(&known.principal.issuer);
            return if timely && ours { Ok(known.principal.clone()) } else { Err(None) };
        }
        let mut unknown_key = None;
        for (name, state) in issuers.iter().filter_map(|name| Some((name, set.get(name)?))) {
            let Some(keys) = &state.keys else {
                unknown_key = Some(name.clone());
                continue;
            };
            match verify(token, &state.settings, keys, now) {
                Ok(verified) => {
                    let principal = Arc::new(verified.principal);
                    let (expires, not_before) = (verified.expires, verified.not_before);
                    self.keep(token, Known { principal: principal.clone(), expires, not_before });
                    return Ok(principal);
                }
                Err(TokenError::UnknownKey) => unknown_key = Some(name.clone()),
                Err(_) => {}
            }
        }
        Err(unknown_key)
    }

    fn keep(&mut self, token: &str, known: Known) {
        if self.known.len() >= TOKENS_MAX {
            self.known.clear();
        }
        self.known.insert(token.into(), known);
    }
}

/// As [`Tokens::verify`]; a token whose key is not known has the issuer's keys fetched again, for the next one.
pub(crate) fn verify_or_ask(
    tokens: &mut Tokens,
    issuers: &Issuers,
    token: &str,
    names: &[Name],
    plan: &Arc<str>,
    now: u64,
) -> Option<Arc<Principal>> {
    match tokens.verify(token, names, &issuers.snapshot(), plan, now) {
        Ok(principal) => Some(principal),
        Err(unknown) => {
            unknown.iter().for_each(|name| issuers.report_unknown_key(name));
            None
        }
    }
}
