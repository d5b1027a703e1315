//! Transaction tokens: none is believed that was not signed by whom it was given to, and whatever is signed is read
//! without a panic.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use selvedge_authn::txn::{Expected, Minting, Outside, Shown, Signers, hand_over, mint, verify};
use selvedge_identity::{Authority, PrivateKey, Revoked, Svid, Terms, TrustBundle, request};
use selvedge_model::{DecisionId, Host, Name, Principal, RuleId, Source, SpiffeId, TrustDomain};
use std::sync::{Arc, OnceLock};

const NOW: u64 = 1_800_000_000;

/// A mesh of this run, with a token on its way: from the gateway to `a`, and on to `b`.
struct Mesh {
    bundle: TrustBundle,
    gateway: Svid,
    a: Svid,
    first: String,
    second: String,
}

fn id(path: &str) -> SpiffeId {
    SpiffeId::parse(&format!("spiffe://acme.example/{path}")).expect("an id")
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn mesh() -> &'static Mesh {
    static MESH: OnceLock<Mesh> = OnceLock::new();
    MESH.get_or_init(|| {
        let domain = TrustDomain::parse("acme.example").expect("a trust domain");
        let authority = Authority::create(&domain, NOW).expect("an authority");
        let terms = Terms { ttl_s: 3600, now: NOW, serial: [7; 16] };
        let svid = |path: &str| {
            let key = PrivateKey::generate().expect("a key");
            let csr = request(&key).expect("a request");
            Svid::new(authority.issue_svid(&csr, &id(path), &[], &terms).expect("a chain"), key).expect("an SVID")
        };
        let (bundle, gateway, a) = (authority.bundle(), svid("gateway/edge"), svid("a"));
        let user = Principal {
            issuer: name("corporate"),
            subject: "u1".into(),
            scopes: vec!["read".into()],
            groups: Vec::new(),
            amr: Vec::new(),
        };
        let outside = Outside {
            gateway: name("edge"),
            host: Host::parse("api.acme.example").expect("a host"),
            client: [192, 0, 2, 7].into(),
            tls: None,
            credential: Shown::Token(Arc::new(user)),
        };
        let rule = RuleId { access: name("a"), rule: name("r"), source: Source { file: "a".into(), line: 1 } };
        let (to, txn) = (id("a"), DecisionId::new(1, 2));
        let minting = Minting { txn, domain: &domain, to: &to, outside: &outside, rule: &rule, plan: "p" };
        let (first, _) = mint(&gateway, &minting, NOW).expect("a token");
        let token = read(&bundle, &first, "gateway/edge", "a").expect("it is good");
        let second = hand_over(&a, &first, &token, &id("b")).expect("a hand-over");
        Mesh { bundle, gateway, a, first, second }
    })
}

fn read(bundle: &TrustBundle, value: &str, peer: &str, to: &str) -> Option<selvedge_authn::txn::TxnToken> {
    let (peer, to) = (id(peer), id(to));
    verify(value.as_bytes(), &Expected { bundle, revoked: &Revoked::default(), peer: &peer, to: &to, now: NOW }, &mut Signers::default()).ok()
}

fn sign(svid: &Svid, typ: &str, payload: &[u8]) -> String {
    let x5c: Vec<String> = svid.chain.iter().map(|der| format!("{:?}", STANDARD.encode(der))).collect();
    let header = format!(r#"{{"alg":"ES256","typ":"{typ}","x5c":[{}]}}"#, x5c.join(","));
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = svid.key.sign_jose(message.as_bytes()).expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The first byte says what the rest is: a value (where `$` and `%` stand for our own two), claims that the gateway signs,
/// or a hand-over that `a` signs.
pub(super) fn run(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    let mesh = mesh();
    match kind % 3 {
        0 => {
            let value = String::from_utf8_lossy(rest).replace('$', &mesh.first).replace('%', &mesh.second);
            if read(&mesh.bundle, &value, "gateway/edge", "a").is_some() {
                assert_eq!(unsigned(&value), unsigned(&mesh.first), "believed, and never signed");
            }
            if read(&mesh.bundle, &value, "a", "b").is_some() {
                assert_eq!(unsigned(&value), unsigned(&mesh.second), "believed, and never handed over");
            }
        }
        1 => {
            let value = sign(&mesh.gateway, "txntoken+jwt", rest);
            if let Some(token) = read(&mesh.bundle, &value, "gateway/edge", "a") {
                assert!(token.expires + 5 > NOW && token.expires <= NOW + 65, "out of its time");
                assert_eq!(token.outside.gateway.as_str(), "edge", "for another gateway");
            }
        }
        _ => {
            let piece = sign(&mesh.a, "selvedge-handover+jwt", rest);
            if let Some(token) = read(&mesh.bundle, &format!("{}~{piece}", mesh.first), "a", "b") {
                assert_eq!(token.hand_overs, 1);
            }
        }
    }
}

/// Without the last signature: one message has many good ones.
fn unsigned(value: &str) -> Option<&str> {
    value.rsplit_once('.').map(|(message, _)| message)
}

pub(super) fn inputs() -> Vec<Vec<u8>> {
    let mesh = mesh();
    let payload = |value: &str, at: usize| {
        let piece = value.split('~').nth(at).expect("a piece").split('.').nth(1).expect("a payload");
        URL_SAFE_NO_PAD.decode(piece).expect("base64url")
    };
    vec![
        b"\0$".to_vec(),
        b"\0%".to_vec(),
        b"\0%~%".to_vec(),
        [b"\0", mesh.second.as_bytes()].concat(),
        [&b"\x01"[..], &payload(&mesh.first, 0)].concat(),
        [&b"\x02"[..], &payload(&mesh.second, 1)].concat(),
    ]
}
