//! Minting at a gateway, and handing over at a service.

use super::parts::{
    ALGORITHM, BETWEEN, Claims, HAND_OVER, HandOver, Header, Kind, Requester, TOKEN, Transaction, User,
    certificate_text, encode, hash,
};
use super::{HAND_OVERS_MAX, LIFETIME_S, Outside, Shown, TxnToken, VALUE_BYTES_MAX};
use selvedge_identity::{KeyError, Svid};
use selvedge_model::{DecisionId, RuleId, SpiffeId, TrustDomain};

/// What a gateway signs.
#[derive(Debug, Clone, Copy)]
pub struct Minting<'a> {
    /// The decision that let the caller in.
    pub txn: DecisionId,
    /// Our trust domain.
    pub domain: &'a TrustDomain,
    /// The service to which the token is handed.
    pub to: &'a SpiffeId,
    /// What we vouch for.
    pub outside: &'a Outside,
    /// The rule that let the caller in.
    pub rule: &'a RuleId,
    /// The hash of our plan, in hex.
    pub plan: &'a str,
}

/// Why there is no token to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// Over 24 KiB: the user has very many scopes and groups.
    #[error("what is known of the user does not fit into a transaction token of 24 KiB")]
    TooLarge,
    /// Handed over 8 times already.
    #[error("the transaction token was handed over 8 times, and goes no further")]
    TooDeep,
    /// The crypto library could not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A new token, signed by the gateway's SVID at `now` (seconds since 1970), and when it ends.
///
/// # Errors
/// [`MintError`]: nothing may be sent in its place.
pub fn mint(svid: &Svid, minting: &Minting<'_>, now: u64) -> Result<(String, u64), MintError> {
    let Outside { gateway, host, client, tls, credential } = minting.outside;
    let (kind, user) = match credential {
        Shown::Nothing => (Kind::None, None),
        Shown::Token(user) => (Kind::Token, Some(user)),
    };
    let expires = now.saturating_add(LIFETIME_S);
    let claims = Claims {
        txn: minting.txn,
        aud: minting.domain.clone(),
        iat: now,
        exp: expires,
        to: minting.to.clone(),
        rctx: Requester {
            gateway: gateway.clone(),
            host: host.to_string(),
            client: *client,
            tls: tls.clone().map(Into::into),
            credential: kind,
        },
        tctx: Transaction { rule: minting.rule.to_string().into(), plan: minting.plan.into() },
        user: user.map(|user| User {
            iss: user.issuer.clone(),
            sub: user.subject.clone(),
            scopes: user.scopes.clone(),
            groups: user.groups.clone(),
            amr: user.amr.clone(),
        }),
    };
    let value = sign(svid, TOKEN, &svid.chain, &claims)?;
    if value.len() > VALUE_BYTES_MAX { Err(MintError::TooLarge) } else { Ok((value, expires)) }
}

/// The value that a service sends on: what it received, with a hand-over by its own SVID. `token` is what `received`
/// was verified to be.
///
/// # Errors
/// [`MintError`]: then the user goes no further.
pub fn hand_over(svid: &Svid, received: &str, token: &TxnToken, to: &SpiffeId) -> Result<String, MintError> {
    if token.hand_overs >= HAND_OVERS_MAX {
        return Err(MintError::TooDeep);
    }
    let (leaf, issuers) = svid.chain.split_at_checked(1).unwrap_or((&svid.chain, &[]));
    let carried = issuers.iter().all(|issuer| token.issuers.contains(issuer));
    let over = HandOver { to: to.clone(), hash: hash(received) };
    let piece = sign(svid, HAND_OVER, if carried { leaf } else { &svid.chain }, &over)?;
    let value = format!("{received}{BETWEEN}{piece}");
    if value.len() > VALUE_BYTES_MAX { Err(MintError::TooLarge) } else { Ok(value) }
}

/// A JWS in compact form (RFC 7515 §3.1).
pub(super) fn sign(
    svid: &Svid,
    typ: &str,
    chain: &[Vec<u8>],
    payload: &impl serde::Serialize,
) -> Result<String, KeyError> {
    let x5c = chain.iter().map(|certificate| certificate_text(certificate)).collect();
    let header = Header { alg: ALGORITHM.to_owned(), typ: typ.to_owned(), x5c };
    // These types always have a JSON form.
    let json = |bytes: Result<Vec<u8>, serde_json::Error>| encode(bytes.unwrap_or_default());
    let message = format!("{}.{}", json(serde_json::to_vec(&header)), json(serde_json::to_vec(payload)));
    let signature = svid.key.sign_jose(message.as_bytes())?;
    Ok(format!("{message}.{}", encode(signature)))
}
