//! Client certificates through a gateway: for whom they count, and that none stands in for a credential that is bad.

use crate::client::{Answer, Client};
use crate::documents::Documents;
use crate::origin::{Origin, Reply};
use crate::way::around;
use crate::world::{World, issue};
use selvedge_identity::{Authority, Svid};
use selvedge_model::{Outcome, SpiffeId, TrustDomain};
use selvedge_net::{Alpn, now_s};

const HOST: &str = "direct.example";

const RULES: &[(&str, &str, &str)] = &[
    (
        "direct",
        "partners",
        "from: { gateway: edge, hosts: [direct.example], clientCertificate: partners }, paths: [/partners/**]",
    ),
    (
        "direct",
        "billing",
        "from: { gateway: edge, hosts: [direct.example], clientCertificate: partners }, paths: [/billing/**], \
         when: context.user.subject == \"spiffe://partners.example/billing\"",
    ),
    ("direct", "signed", "from: { gateway: edge, hosts: [direct.example], token: signed }, paths: [/signed/**]"),
    ("direct", "free", "from: { gateway: edge, hosts: [direct.example], anonymous: true }, paths: [/free/**]"),
];

struct Edge {
    origin: Origin,
    world: World,
    partners: Authority,
    _files: tempfile::TempDir,
}

impl Edge {
    async fn start() -> Edge {
        let partners = authority("partners.example");
        let files = tempfile::tempdir().unwrap();
        let ca = files.path().join("partners.pem");
        std::fs::write(&ca, partners.bundle().to_pem()).unwrap();
        let reply = Reply::raw("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").close();
        let origin = Origin::always(reply).await;
        let change = |documents: &mut Documents| {
            *documents = documents.clone().without("public-direct");
            RULES.iter().for_each(|rule| documents.with(*rule));
            documents.client_sets =
                (format!("{{ partners: {{ ca: {:?}, subject: spiffe }} }}", ca.to_str().unwrap()), "[partners]");
            documents.issuers =
                "{ signed: { issuer: \"https://signed.example\", audiences: [\"https://api.example\"] } }";
        };
        let world = around(&origin, change).await;
        Edge { origin, world, partners, _files: files }
    }

    fn partner(&self, name: &str) -> Svid {
        issue(&self.partners, &SpiffeId::parse(&format!("spiffe://partners.example/{name}")).unwrap(), 3600)
    }

    /// The answer to `GET path`; `None`: there is no connection.
    async fn get(&self, shown: Option<&Svid>, path: &str, more: &str) -> Option<Answer> {
        let client = match shown {
            Some(shown) => Client::tls_showing(&self.world, HOST, shown).await,
            None => Client::tls(&self.world, HOST, Alpn::Http1).await,
        };
        let mut client = client.ok()?;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{more}\r\n")).await;
        client.answer().await
    }

    async fn status(&self, shown: Option<&Svid>, path: &str, more: &str) -> Option<u16> {
        self.get(shown, path, more).await.map(|answer| answer.status)
    }
}

fn authority(domain: &str) -> Authority {
    Authority::create(&TrustDomain::parse(domain).unwrap(), now_s()).unwrap()
}

#[tokio::test]
async fn a_certificate_is_a_principal_of_its_set() {
    let edge = Edge::start().await;
    let (billing, shipping) = (edge.partner("billing"), edge.partner("shipping"));
    let answer = edge.get(Some(&billing), "/partners/1", "").await.unwrap();
    assert_eq!(answer.status, 200);
    let [record] = &edge.world.records(answer.decision(), 1).await[..] else { panic!("not one record") };
    assert!(matches!(record.outcome, Outcome::Allowed(_)));
    let user = record.user.as_ref().unwrap();
    assert_eq!((user.issuer.as_str(), &*user.subject), ("partners", "spiffe://partners.example/billing"));
    assert_eq!(edge.status(Some(&billing), "/billing/1", "").await, Some(200));
    assert_eq!(edge.status(Some(&shipping), "/partners/1", "").await, Some(200));
    assert_eq!(edge.status(Some(&shipping), "/billing/1", "").await, Some(403));
    // It stands for no token: who is known and not permitted gets 403. Where nothing is asked for it does no harm.
    assert_eq!(edge.status(Some(&billing), "/signed/1", "").await, Some(403));
    assert_eq!(edge.status(Some(&billing), "/free/1", "").await, Some(200));
}

#[tokio::test]
async fn without_a_certificate_what_needs_one_is_401_and_the_rest_is_as_it_was() {
    let edge = Edge::start().await;
    for path in ["/partners/1", "/billing/1"] {
        assert_eq!(edge.status(None, path, "").await, Some(401), "{path}");
    }
    assert_eq!(edge.origin.bytes(), b"");
    assert_eq!(edge.status(None, "/free/1", "").await, Some(200));
}

#[tokio::test]
async fn a_good_certificate_does_not_make_up_for_a_bad_token() {
    let edge = Edge::start().await;
    let billing = edge.partner("billing");
    for path in ["/partners/1", "/billing/1", "/free/1", "/signed/1"] {
        for bad in ["Authorization: Bearer e30.e30.e30\r\n", "Authorization: Basic YTpi\r\n"] {
            assert_eq!(edge.status(Some(&billing), path, bad).await, Some(401), "{path} {bad}");
        }
    }
    assert_eq!(edge.origin.bytes(), b"");
}

#[tokio::test]
async fn a_certificate_that_no_set_verifies_gets_no_connection_wherever_it_goes() {
    let edge = Edge::start().await;
    let twin = authority("partners.example");
    let strangers = [
        // Another authority of the same name, and our own mesh.
        issue(&twin, &SpiffeId::parse("spiffe://partners.example/billing").unwrap(), 3600),
        edge.world.svid("caller", 3600),
        edge.world.svid("gateway/edge", 3600),
    ];
    for stranger in &strangers {
        for path in ["/partners/1", "/free/1"] {
            assert_eq!(edge.status(Some(stranger), path, "").await, None, "{} {path}", stranger.id);
        }
    }
    assert_eq!(edge.origin.bytes(), b"");
}
