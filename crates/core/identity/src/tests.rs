//! An authority, what it issues, and every forgery that must be refused. Keys are made when the tests run.

mod authority;
mod foreign;
mod garbage;
mod issue;
mod join;
mod jwt;
mod pem;
mod renew;
mod rotation;
mod signature;
mod structure;
mod verify;
mod year;

use crate::request::Lent;
use crate::*;
use rcgen::{CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};
use selvedge_model::{Host, SpiffeId, TrustDomain};
use std::error::Error;
use time::OffsetDateTime;

type Outcome = Result<(), Box<dyn Error>>;

const NOW: u64 = 1_800_000_000;

fn domain() -> TrustDomain {
    TrustDomain::parse("acme.example").unwrap()
}

fn id(text: &str) -> SpiffeId {
    SpiffeId::parse(text).unwrap()
}

fn orders() -> SpiffeId {
    id("spiffe://acme.example/orders")
}

fn authority() -> Authority {
    Authority::create(&domain(), NOW).unwrap()
}

fn terms() -> Terms {
    Terms { ttl_s: 3600, now: NOW, serial: [7; 16] }
}

fn hosts(names: &[&str]) -> Vec<Host> {
    names.iter().map(|name| Host::parse(name).unwrap()).collect()
}

/// An SVID as the authority issues it.
fn svid(authority: &Authority) -> Svid {
    let key = PrivateKey::generate().unwrap();
    let chain = authority.issue_svid(&request(&key).unwrap(), &orders(), &[], &terms()).unwrap();
    Svid::new(chain, key).unwrap()
}

fn slices(chain: &[Vec<u8>]) -> Vec<&[u8]> {
    chain.iter().map(Vec::as_slice).collect()
}

fn verify(bundle: &TrustBundle, chain: &[Vec<u8>], now: u64) -> Result<Peer, VerifyError> {
    bundle.verify(&slices(chain), now)
}

fn date(seconds: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).unwrap()).unwrap()
}

/// What a good leaf has; a forger changes one thing.
fn leaf_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = date(NOW - 60);
    params.not_after = date(NOW + 3600);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![uri("spiffe://acme.example/orders")];
    params
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// A chain whose leaf has these parameters, signed by the true intermediate.
fn forge(authority: &Authority, key: &PrivateKey, params: &CertificateParams) -> Vec<Vec<u8>> {
    let leaf = params.signed_by(&Lent(key), &authority.intermediate.issuer().unwrap()).unwrap();
    vec![leaf.der().to_vec(), authority.intermediate.certificate.clone()]
}
