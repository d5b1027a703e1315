//! A token's way through a mesh, and every forgery of it. Keys are made when the tests run.

mod custody;
mod forged;

use super::parts::{HAND_OVER, TOKEN, encode};
use super::*;
use selvedge_identity::{Authority, PrivateKey, Revoked, Svid, Terms, TrustBundle, request};
use selvedge_model::{RuleId, Source, SpiffeId, TrustDomain};

const NOW: u64 = 1_800_000_000;

fn domain() -> TrustDomain {
    TrustDomain::parse("acme.example").unwrap()
}

fn id(path: &str) -> SpiffeId {
    SpiffeId::parse(&format!("spiffe://acme.example/{path}")).unwrap()
}

/// An authority with what it issues.
struct Mesh(Authority);

impl Mesh {
    fn new() -> Mesh {
        Mesh(Authority::create(&domain(), NOW).unwrap())
    }

    fn bundle(&self) -> TrustBundle {
        self.0.bundle()
    }

    fn svid(&self, id: &SpiffeId) -> Svid {
        let key = PrivateKey::generate().unwrap();
        let terms = Terms { ttl_s: 3600, now: NOW, serial: [7; 16] };
        Svid::new(self.0.issue_svid(&request(&key).unwrap(), id, &[], &terms).unwrap(), key).unwrap()
    }

    fn read(&self, value: &str, peer: &str, to: &str, now: u64) -> Result<TxnToken, TxnError> {
        read_under(&self.bundle(), value, peer, to, now)
    }
}

fn read_under(bundle: &TrustBundle, value: &str, peer: &str, to: &str, now: u64) -> Result<TxnToken, TxnError> {
    let (peer, to, revoked) = (id(peer), id(to), &Revoked::default());
    verify(value.as_bytes(), &Expected { bundle, revoked, peer: &peer, to: &to, now }, &mut Signers::default())
}

fn outside() -> Outside {
    let texts = |texts: &[&str]| texts.iter().map(|text| Arc::from(*text)).collect();
    Outside {
        gateway: Name::parse("public").unwrap(),
        host: Host::parse("api.acme.example").unwrap(),
        client: "192.0.2.7".parse().unwrap(),
        tls: Some(PeerTls { version: "1.3".into(), cipher: "c".into(), group: "g".into() }),
        credential: Shown::Token(Arc::new(Principal {
            issuer: Name::parse("corporate").unwrap(),
            subject: "ada".into(),
            scopes: texts(&["orders:read"]),
            groups: texts(&["staff"]),
            amr: texts(&["mfa"]),
        })),
    }
}

fn rule() -> RuleId {
    let name = |text| Name::parse(text).unwrap();
    RuleId { access: name("orders"), rule: name("read"), source: Source { file: "a.yaml".into(), line: 1 } }
}

fn minted(svid: &Svid, outside: &Outside, to: &str) -> String {
    let (domain, to, rule) = (domain(), id(to), rule());
    let minting = Minting { txn: DecisionId::new(1, 2), domain: &domain, to: &to, outside, rule: &rule, plan: "abc" };
    mint(svid, &minting, NOW).unwrap().0
}

/// A token from the gateway `public` to `orders`.
fn from_public(mesh: &Mesh) -> String {
    minted(&mesh.svid(&id("gateway/public")), &outside(), "orders")
}

#[test]
fn what_a_gateway_vouches_for_arrives_whole() {
    let mesh = Mesh::new();
    let token = mesh.read(&from_public(&mesh), "gateway/public", "orders", NOW + 30).unwrap();
    assert_eq!((token.outside, token.hand_overs, token.expires), (outside(), 0, NOW + 60));
    assert_eq!((&*token.rule, &*token.plan, token.txn), ("orders/read", "abc", DecisionId::new(1, 2)));
    let nobody = Outside { credential: Shown::Nothing, ..outside() };
    let value = minted(&mesh.svid(&id("gateway/public")), &nobody, "orders");
    assert_eq!(mesh.read(&value, "gateway/public", "orders", NOW).unwrap().user(), None);
}

#[test]
fn a_user_that_does_not_fit_is_not_shortened() {
    let mesh = Mesh::new();
    let mut large = outside();
    if let Shown::Token(user) = &mut large.credential {
        Arc::make_mut(user).groups = (0..256).map(|n| format!("{n}{}", "g".repeat(100)).into()).collect();
    }
    let (domain, to, rule) = (domain(), id("orders"), rule());
    let minting =
        Minting { txn: DecisionId::new(1, 2), domain: &domain, to: &to, outside: &large, rule: &rule, plan: "abc" };
    assert_eq!(mint(&mesh.svid(&id("gateway/public")), &minting, NOW), Err(MintError::TooLarge));
}
