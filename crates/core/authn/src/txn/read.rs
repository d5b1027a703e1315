//! Reading a value: verified completely, or refused. No value is ever read as "no user".

use super::parts::{
    ALGORITHM, BETWEEN, Claims, HAND_OVER, HandOver, Header, Kind, TOKEN, User, certificate, decode, hash,
};
use super::{
    GRANTS_MAX, HAND_OVERS_MAX, ISSUERS_MAX, LIFETIME_S, Outside, SKEW_S, Shown, Signers, TxnToken, VALUE_BYTES_MAX,
};
use selvedge_identity::{JoseSigner, Revoked, TrustBundle, VerifyError};
use selvedge_model::{Host, Principal, SpiffeId, WorkloadKind};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The longest subject, in bytes (OpenID Connect Core 1.0 §2).
const SUBJECT_BYTES_MAX: usize = 255;

/// What a receiver knows when it reads a value.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The bundle of our trust domain.
    pub bundle: &'a TrustBundle,
    /// What is believed no more, though its certificate has not ended.
    pub revoked: &'a Revoked,
    /// Who is at the other end of the mTLS connection.
    pub peer: &'a SpiffeId,
    /// The service that receives.
    pub to: &'a SpiffeId,
    /// Seconds since 1970.
    pub now: u64,
}

/// Why a value is refused. Nothing of it is in here but what a certificate that was verified names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TxnError {
    /// Over 24 KiB.
    #[error("the transaction token is too large")]
    TooLarge,
    /// Over 8 hand-overs.
    #[error("the transaction token was handed over more than 8 times")]
    TooDeep,
    /// Not text, not the parts that there should be, no base64url or JSON, an unknown key or one that stands twice.
    #[error("the transaction token is malformed")]
    Malformed,
    /// Another algorithm than ES256, or another type of token.
    #[error("a part of the transaction token has another algorithm or type")]
    Algorithm,
    /// The chain of a signer is refused.
    #[error("a signer of the transaction token: {0}")]
    Chain(#[from] VerifyError),
    /// A certificate of a signer was revoked.
    #[error("a signer of the transaction token is revoked")]
    Revoked,
    /// Signed by another key, or over other bytes.
    #[error("a signature of the transaction token is not valid")]
    Signature,
    /// Signed by what is no gateway, or another gateway than it says.
    #[error("`{0}` signed a transaction token, and is not the gateway that it names")]
    NotTheGateway(SpiffeId),
    /// `aud` is another trust domain.
    #[error("the transaction token is for another trust domain")]
    Audience,
    /// It has ended.
    #[error("the transaction token has ended")]
    Expired,
    /// It lies ahead, or would live over 60 seconds.
    #[error("the transaction token is not valid yet, or for too long")]
    Lifetime,
    /// A hand-over is of something else than stands before it.
    #[error("a hand-over is of another transaction token")]
    Hash,
    /// A piece was signed by somebody who had not been given what stands before it.
    #[error("`{0}` passed on a transaction token that was not given to it")]
    Stolen(SpiffeId),
    /// The peer is not who passed it on last.
    #[error("`{0}` shows a transaction token that another passed on")]
    NotThePeer(SpiffeId),
    /// It was given to another than us.
    #[error("the transaction token was given to another service")]
    NotForUs,
    /// The user is missing, malformed, or has over 256 scopes or groups.
    #[error("the user of the transaction token is malformed")]
    User,
}

/// Verifies a value.
///
/// # Errors
/// The first thing that is wrong; each signature is verified before what it signed is believed.
pub fn verify(value: &[u8], expected: &Expected<'_>, signers: &mut Signers) -> Result<TxnToken, TxnError> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(TxnError::TooLarge);
    }
    let value = std::str::from_utf8(value).map_err(|_| TxnError::Malformed)?;
    let mut reader = Reader { expected, signers, issuers: Vec::new() };
    let end = value.find(BETWEEN).unwrap_or(value.len());
    let (first, rest) = value.split_at(end);
    let (gateway, claims): (_, Claims) = reader.piece(first, TOKEN)?;
    check(&claims, &gateway, expected)?;
    // Who passed it on last, and to whom.
    let (mut from, mut to, mut at, mut hand_overs) = (gateway, claims.to.clone(), end, 0);
    for piece in rest.split(BETWEEN).skip(1) {
        hand_overs += 1;
        if hand_overs > HAND_OVERS_MAX {
            return Err(TxnError::TooDeep);
        }
        let (signer, over): (_, HandOver) = reader.piece(piece, HAND_OVER)?;
        if signer.peer.id != to {
            return Err(TxnError::Stolen(signer.peer.id.clone()));
        }
        if over.hash != hash(value.get(..at).unwrap_or_default()) {
            return Err(TxnError::Hash);
        }
        at += BETWEEN.len_utf8() + piece.len();
        (from, to) = (signer, over.to);
    }
    if from.peer.id != *expected.peer {
        return Err(TxnError::NotThePeer(expected.peer.clone()));
    }
    if to != *expected.to {
        return Err(TxnError::NotForUs);
    }
    let issuers = reader.issuers;
    token(claims, hand_overs, issuers)
}

/// Reads the pieces of one value.
struct Reader<'a> {
    expected: &'a Expected<'a>,
    signers: &'a mut Signers,
    /// Certificates of authorities so far.
    issuers: Vec<Vec<u8>>,
}

impl Reader<'_> {
    /// One piece, its signature verified.
    fn piece<T: DeserializeOwned>(&mut self, piece: &str, typ: &str) -> Result<(Arc<JoseSigner>, T), TxnError> {
        let (message, signature) = piece.rsplit_once('.').ok_or(TxnError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TxnError::Malformed)?;
        let header: Header = json(header)?;
        if header.alg != ALGORITHM || header.typ != typ {
            return Err(TxnError::Algorithm);
        }
        let signer = self.signer(&header.x5c)?;
        let signature = decode(signature).ok_or(TxnError::Malformed)?;
        if !signer.verifies(message.as_bytes(), &signature) {
            return Err(TxnError::Signature);
        }
        Ok((signer, json(payload)?))
    }

    /// A leaf alone is completed with the authorities that stood before.
    fn signer(&mut self, x5c: &[String]) -> Result<Arc<JoseSigner>, TxnError> {
        if x5c.len() > 1 + ISSUERS_MAX {
            return Err(TxnError::Malformed);
        }
        let chain: Option<Vec<Vec<u8>>> = x5c.iter().map(|text| certificate(text)).collect();
        let mut chain = chain.ok_or(TxnError::Malformed)?;
        if chain.len() == 1 {
            chain.extend(self.issuers.iter().cloned());
        }
        let signer = self.signers.signer(self.expected.bundle, &chain, self.expected.now)?;
        if self.expected.revoked.has(&signer.peer) {
            return Err(TxnError::Revoked);
        }
        for issuer in chain.into_iter().skip(1) {
            if !self.issuers.contains(&issuer) && self.issuers.len() < ISSUERS_MAX {
                self.issuers.push(issuer);
            }
        }
        Ok(signer)
    }
}

fn json<T: DeserializeOwned>(part: &str) -> Result<T, TxnError> {
    serde_json::from_slice(&decode(part).ok_or(TxnError::Malformed)?).map_err(|_| TxnError::Malformed)
}

/// Signer, audience and times.
fn check(claims: &Claims, signer: &JoseSigner, expected: &Expected<'_>) -> Result<(), TxnError> {
    match signer.peer.id.kind() {
        Ok(WorkloadKind::Gateway(gateway)) if gateway == claims.rctx.gateway => {}
        Ok(_) | Err(_) => return Err(TxnError::NotTheGateway(signer.peer.id.clone())),
    }
    if claims.aud != expected.bundle.trust_domain {
        return Err(TxnError::Audience);
    }
    if claims.exp.saturating_add(SKEW_S) <= expected.now {
        return Err(TxnError::Expired);
    }
    let lives = claims.exp.checked_sub(claims.iat).is_some_and(|lives| lives <= LIFETIME_S);
    if !lives || claims.iat > expected.now.saturating_add(SKEW_S) {
        return Err(TxnError::Lifetime);
    }
    Ok(())
}

fn token(claims: Claims, hand_overs: usize, issuers: Vec<Vec<u8>>) -> Result<TxnToken, TxnError> {
    let credential = match (claims.rctx.credential, claims.user) {
        (Kind::None, None) => Shown::Nothing,
        (Kind::Token, Some(user)) => Shown::Token(Arc::new(principal(user)?)),
        (Kind::None, Some(_)) | (Kind::Token, None) => return Err(TxnError::User),
    };
    Ok(TxnToken {
        txn: claims.txn,
        outside: Outside {
            gateway: claims.rctx.gateway,
            host: Host::parse(&claims.rctx.host).map_err(|_| TxnError::Malformed)?,
            client: claims.rctx.client,
            tls: claims.rctx.tls.map(Into::into),
            credential,
        },
        rule: claims.tctx.rule,
        plan: claims.tctx.plan,
        expires: claims.exp,
        hand_overs,
        issuers,
    })
}

fn principal(user: User) -> Result<Principal, TxnError> {
    let User { iss, sub, scopes, groups, amr } = user;
    let bad_subject = sub.is_empty() || sub.len() > SUBJECT_BYTES_MAX || sub.chars().any(char::is_control);
    if bad_subject || [&scopes, &groups, &amr].iter().any(|grants| grants.len() > GRANTS_MAX) {
        return Err(TxnError::User);
    }
    Ok(Principal { issuer: iss, subject: sub, scopes, groups, amr })
}
