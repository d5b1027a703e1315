//! Client certificates: who gets through the handshake and as whom, and each kind that must not.

use super::{SOON, World, pair};
use crate::tls::client::connect_showing;
use crate::{ClientChain, Clients, EdgeCertificate, EdgeTls};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use selvedge_config::checked::{CertificateName, ClientSet};
use selvedge_model::{HostPattern, Name};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

const DAY: i64 = 86_400;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

struct Shown {
    chain: Vec<Vec<u8>>,
    key: Vec<u8>,
}

fn at(seconds: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(i64::try_from(crate::now_s()).unwrap() + seconds).unwrap()
}

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    fn issue(&self, serial: u8, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::DnsName("client.example".try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(SerialNumber::from_slice(&[serial]));
        (params.not_before, params.not_after) = (at(-DAY), at(DAY));
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Shown { chain: vec![certificate.der().to_vec()], key: key.serialize_der() }
    }

    fn list(&self, revoked: &[u8], next: i64) -> String {
        let one = |serial: &u8| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[*serial]),
            revocation_time: at(-60),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: at(-2 * DAY),
            next_update: at(next),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(one).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

fn set(crls: &[&str]) -> ClientSet {
    let crls = crls.iter().map(|file| Arc::from(*file)).collect();
    let name = Name::parse("partners").unwrap();
    ClientSet { name, ca: "ca.pem".into(), crls, subject: CertificateName::Dns }
}

fn opened(files: &Path, set: &ClientSet) -> (World, EdgeTls, Arc<Clients>) {
    let world = World::new("acme.example");
    let server = world.server("a.example");
    let (chain, key_der) = (server.chain, Zeroizing::new(server.key.pkcs8_der().to_vec()));
    let certificate = EdgeCertificate { chain, key_der, names: vec![HostPattern::parse("a.example").unwrap()] };
    let clients = Arc::new(Clients::load(set, files).unwrap());
    let edge = EdgeTls::asking(vec![certificate], Default::default(), vec![clients.clone()]).unwrap();
    (world, edge, clients)
}

/// What the server got: a certificate, none, or no handshake.
async fn show(world: &World, edge: &EdgeTls, shown: &Shown) -> Result<Option<ClientChain>, ()> {
    let (server, client) = pair().await;
    let roots = world.roots();
    let call = connect_showing(client, "a.example", &roots, SOON, (&shown.chain, &shown.key));
    let (served, called) = tokio::join!(edge.accept(server, SOON), call);
    let (mut stream, handshake) = served.map_err(drop)?;
    let (mut client, _) = called.map_err(drop)?;
    stream.write_all(b"x").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'x');
    Ok(handshake.client)
}

#[tokio::test]
async fn who_is_verified_is_the_name_in_the_certificate_and_nobody_else_gets_through() {
    let (ca, other) = (Authority::new("partners"), Authority::new("partners"));
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("ca.pem"), &ca.pem).unwrap();
    std::fs::write(files.path().join("ca.crl"), ca.list(&[9], DAY)).unwrap();
    let (world, edge, clients) = opened(files.path(), &set(&["ca.crl"]));
    let good = show(&world, &edge, &ca.issue(1, |_| {})).await.unwrap().unwrap();
    assert_eq!(&*clients.prove(&good, crate::now_s()).unwrap().subject, "client.example");
    assert!(clients.prove(&good, crate::now_s() + 2 * DAY as u64).is_err(), "a connection outlives it");
    let two = |params: &mut CertificateParams| {
        params.subject_alt_names.push(SanType::DnsName("admin.example".try_into().unwrap()));
    };
    for (what, shown) in [
        ("another authority of the same name", other.issue(1, |_| {})),
        ("expired", ca.issue(2, |params| params.not_after = at(-60))),
        ("not valid yet", ca.issue(3, |params| params.not_before = at(3600))),
        ("an authority", ca.issue(4, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))),
        ("for servers", ca.issue(5, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])),
        ("two names", ca.issue(6, two)),
        ("no name", ca.issue(7, |params| params.subject_alt_names.clear())),
        ("revoked", ca.issue(9, |_| {})),
    ] {
        assert!(show(&world, &edge, &shown).await.is_err(), "{what}");
    }
    let (server, client) = pair().await;
    let roots = world.roots();
    let call = crate::client::connect(client, "a.example", &roots, None, SOON);
    let (served, _) = tokio::join!(edge.accept(server, SOON), call);
    assert!(served.unwrap().1.client.is_none(), "none is as good as it is");
}

#[tokio::test]
async fn a_list_that_changes_counts_for_open_connections_and_a_bad_one_changes_nothing() {
    let ca = Authority::new("partners");
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("ca.pem"), &ca.pem).unwrap();
    assert!(Clients::load(&set(&["ca.crl"]), files.path()).is_err(), "a list that is missing is no empty list");
    std::fs::write(files.path().join("ca.crl"), "nothing").unwrap();
    assert!(Clients::load(&set(&["ca.crl"]), files.path()).is_err());
    std::fs::write(files.path().join("ca.crl"), ca.list(&[], DAY)).unwrap();
    let (world, edge, clients) = opened(files.path(), &set(&["ca.crl"]));
    let shown = show(&world, &edge, &ca.issue(1, |_| {})).await.unwrap().unwrap();
    assert!(clients.prove(&shown, crate::now_s()).is_ok());
    std::fs::write(files.path().join("ca.crl"), "nothing at all").unwrap();
    clients.refresh();
    assert!(clients.trouble().is_some() && clients.prove(&shown, crate::now_s()).is_ok());
    std::fs::write(files.path().join("ca.crl"), ca.list(&[1, 2, 3], DAY)).unwrap();
    clients.refresh();
    assert!(clients.trouble().is_none() && clients.prove(&shown, crate::now_s()).is_err());
    std::fs::write(files.path().join("ca.crl"), ca.list(&[], -60)).unwrap();
    clients.refresh();
    assert!(clients.prove(&shown, crate::now_s()).is_err(), "a list that is out of date refuses everybody");
}
