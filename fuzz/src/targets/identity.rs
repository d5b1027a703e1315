//! SVIDs: no chain is believed that the authority did not issue, and whatever the bytes, nothing panics.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use selvedge_identity::{Authority, JoinToken, PrivateKey, Svid, Terms, TrustBundle, facts, request};
use selvedge_model::{Host, SpiffeId, TrustDomain};
use std::sync::OnceLock;

const NOW: u64 = 1_800_000_000;

/// A mesh of this run: its bundle, a chain that it issued, one for an edge, and one of another mesh.
struct Mesh {
    bundle: TrustBundle,
    chain: Vec<Vec<u8>>,
    edge: Vec<Vec<u8>>,
    foreign: Vec<Vec<u8>>,
    pem: String,
}

fn mesh() -> &'static Mesh {
    static MESH: OnceLock<Mesh> = OnceLock::new();
    MESH.get_or_init(|| {
        let domain = TrustDomain::parse("acme.example").expect("a trust domain");
        let id = SpiffeId::parse("spiffe://acme.example/orders").expect("an id");
        let host = Host::parse("api.acme.example").expect("a host");
        let key = PrivateKey::generate().expect("a key");
        let csr = request(&key).expect("a request");
        let authority = Authority::create(&domain, NOW).expect("an authority");
        let other = Authority::create(&domain, NOW).expect("another one");
        let terms = Terms { ttl_s: 3600, now: NOW, serial: [7; 16] };
        let chain = authority.issue_svid(&csr, &id, &[], &terms).expect("a chain");
        let edge = authority.issue_server(&csr, &[host], &terms).expect("a chain");
        let foreign = other.issue_svid(&csr, &id, &[], &terms).expect("a chain");
        let pem = Svid::new(chain.clone(), key).expect("an SVID").to_pem().to_string();
        Mesh { bundle: authority.bundle(), chain, edge, foreign, pem }
    })
}

/// The first byte says what the rest is: certificates (each after two bytes of length), or text.
pub(super) fn svid(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    if kind % 2 == 1 {
        let text = String::from_utf8_lossy(rest);
        let _ = Svid::from_pem(&text);
        let _ = PrivateKey::from_pem(&text);
        if let Ok(token) = JoinToken::parse(&text) {
            let again = JoinToken::parse(&token.to_string()).expect("a token is read as it is written");
            assert_eq!(again.secret_hash(), token.secret_hash());
        }
        return;
    }
    let mesh = mesh();
    let chain = split(rest);
    chain.iter().for_each(|der| drop(facts(der)));
    if mesh.bundle.verify(&chain, NOW).is_ok() {
        assert_eq!(chain.first().copied(), mesh.chain.first().map(Vec::as_slice), "believed, and never issued");
    }
}

fn split(mut data: &[u8]) -> Vec<&[u8]> {
    let mut chain = Vec::new();
    while let [high, low, rest @ ..] = data {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (der, after) = rest.split_at(length);
        chain.push(der);
        data = after;
    }
    chain
}

pub(super) fn inputs() -> Vec<Vec<u8>> {
    let mesh = mesh();
    let whole = |chain: &[Vec<u8>]| {
        let each = chain.iter().flat_map(|der| [(der.len() as u16).to_be_bytes().to_vec(), der.clone()]);
        [vec![0], each.flatten().collect()].concat()
    };
    let mixed = [mesh.chain[0].clone(), mesh.foreign[1].clone()];
    let mut inputs = vec![whole(&mesh.chain), whole(&mesh.edge), whole(&mesh.foreign), whole(&mixed)];
    inputs.push([b"\x01", mesh.pem.as_bytes()].concat());
    let (root, secret) = (mesh.bundle.fingerprints().concat(), URL_SAFE_NO_PAD.encode([7; 32]));
    let inside = format!(r#"{{"c":"127.0.0.1:1","d":"acme.example","r":"{root}","s":"{secret}"}}"#);
    let token = format!("selvedge-join-1.{}", URL_SAFE_NO_PAD.encode(inside));
    assert!(JoinToken::parse(&token).is_ok(), "this input is a token");
    inputs.push([b"\x01", token.as_bytes()].concat());
    inputs
}
