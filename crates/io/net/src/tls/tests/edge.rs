use super::*;
use crate::{Alpn, EdgeCertificate, EdgeTls, Handshake, client};
use rustls::HandshakeKind;
use selvedge_config::checked::TlsPreset;
use selvedge_model::HostPattern;
use std::sync::Arc;
use zeroize::Zeroizing;

fn certificate(world: &World, host: &str, names: &[&str]) -> EdgeCertificate {
    let server = world.server(host);
    let names = names.iter().map(|name| HostPattern::parse(name).unwrap()).collect();
    EdgeCertificate { chain: server.chain, key_der: Zeroizing::new(server.key.pkcs8_der().to_vec()), names }
}

type Done = Result<(Stream, Handshake), TlsError>;

async fn meet(edge: &EdgeTls, world: &World, name: &str, alpn: Option<Alpn>) -> (Done, Done) {
    let (server, client) = pair().await;
    let roots = world.roots();
    tokio::join!(edge.accept(server, SOON), client::connect(client, name, &roots, alpn, SOON))
}

#[tokio::test]
async fn each_name_gets_its_certificate() {
    let world = World::new("acme.example");
    let edge = EdgeTls::new(
        vec![
            certificate(&world, "api.acme.example", &["api.acme.example"]),
            certificate(&world, "www.shop.example", &["*.shop.example"]),
        ],
        TlsPreset::Modern,
    )
    .unwrap();
    for (asked, canonical, alpn) in [
        ("api.acme.example", "api.acme.example", Some(Alpn::H2)),
        ("API.acme.EXAMPLE", "api.acme.example", Some(Alpn::Http1)),
        ("www.shop.example", "www.shop.example", None),
    ] {
        // The client checks the certificate's name, so the right one was shown.
        let (served, called) = meet(&edge, &world, asked, alpn).await;
        let ((server, at_server), (client, at_client)) = (served.unwrap(), called.unwrap());
        assert_eq!((at_server.sni.as_deref(), at_server.alpn), (Some(canonical), alpn));
        assert_eq!((&*at_server.tls.version, &*at_server.tls.group), ("1.3", "X25519MLKEM768"));
        assert!(at_server.tls.cipher.starts_with("TLS_AES"), "{}", at_server.tls.cipher);
        assert_eq!(at_server.tls, at_client.tls);
        assert_eq!(at_server.peer, None);
        talk(server, client).await;
    }
}

#[tokio::test]
async fn no_name_and_an_unknown_name_are_refused() {
    let world = World::new("acme.example");
    let edge = EdgeTls::new(
        vec![certificate(&world, "api.acme.example", &["api.acme.example", "*.b.example"])],
        TlsPreset::Modern,
    )
    .unwrap();
    for (name, expected) in [
        ("127.0.0.1", TlsError::NoServerName),
        ("other.acme.example", TlsError::UnknownServerName),
        ("b.example", TlsError::UnknownServerName),
        ("a.a.b.example", TlsError::UnknownServerName),
        ("x_y.b.example", TlsError::UnknownServerName),
    ] {
        let (served, called) = meet(&edge, &world, name, None).await;
        assert_eq!(served.unwrap_err(), expected, "{name}");
        let error = called.unwrap_err();
        assert!(is_protocol(&error, "UnrecognisedName"), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_star_serves_every_name_and_none() {
    let world = World::new("acme.example");
    let edge = EdgeTls::new(vec![certificate(&world, "127.0.0.1", &["*"])], TlsPreset::Modern).unwrap();
    let (served, called) = meet(&edge, &world, "127.0.0.1", None).await;
    assert_eq!(served.unwrap().1.sni, None);
    called.unwrap();
}

#[tokio::test]
async fn other_protocols_than_http_are_refused() {
    let world = World::new("acme.example");
    let edge = EdgeTls::new(vec![certificate(&world, "a.example", &["a.example"])], TlsPreset::Modern).unwrap();
    for alpn in [Alpn::Link, Alpn::MeshTcp] {
        let (served, called) = meet(&edge, &world, "a.example", Some(alpn)).await;
        assert_eq!(served.unwrap_err(), TlsError::Alpn);
        assert_eq!(called.unwrap_err(), TlsError::Alpn);
    }
}

#[tokio::test]
async fn plain_http_silence_and_a_cut_end_in_an_error() {
    let world = World::new("acme.example");
    let edge = EdgeTls::new(vec![certificate(&world, "a.example", &["a.example"])], TlsPreset::Modern).unwrap();
    let (server, mut client) = pair().await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
    assert!(matches!(edge.accept(server, SOON).await.unwrap_err(), TlsError::Protocol(_)));
    let (server, client) = pair().await;
    assert_eq!(edge.accept(server, Duration::from_millis(20)).await.unwrap_err(), TlsError::Timeout);
    drop(client);
    let (server, client) = pair().await;
    drop(client);
    assert_eq!(edge.accept(server, SOON).await.unwrap_err(), TlsError::Closed);
}

#[tokio::test]
async fn a_connection_cut_without_close_notify_is_no_end() {
    let world = World::new("acme.example");
    let edge = EdgeTls::new(vec![certificate(&world, "a.example", &["a.example"])], TlsPreset::Modern).unwrap();
    let (served, called) = meet(&edge, &world, "a.example", None).await;
    let (mut server, _) = served.unwrap();
    drop(called.unwrap());
    let error = server.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert!(matches!(error.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset), "{error}");
}

/// A client that speaks one version of TLS alone.
fn client_of(version: &'static rustls::SupportedProtocolVersion, world: &World) -> tokio_rustls::TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(world.roots().remove(0).into()).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(super::super::provider());
    let builder = builder.with_protocol_versions(&[version]).unwrap().with_root_certificates(roots);
    Arc::new(builder.with_no_client_auth()).into()
}

#[tokio::test]
async fn the_modern_preset_refuses_tls_1_2() {
    let world = World::new("acme.example");
    let edge = EdgeTls::new(vec![certificate(&world, "a.example", &["a.example"])], TlsPreset::Modern).unwrap();
    let connector = client_of(&rustls::version::TLS12, &world);
    let (server, client) = pair().await;
    let name = "a.example".try_into().unwrap();
    let (served, called) = tokio::join!(edge.accept(server, SOON), connector.connect(name, client));
    assert!(matches!(served.unwrap_err(), TlsError::Protocol(_)));
    let alert = called.unwrap_err().to_string();
    assert!(alert.contains("ProtocolVersion"), "{alert}");
}

#[tokio::test]
async fn a_client_of_either_version_comes_back_with_a_ticket() {
    let world = World::new("acme.example");
    let edge = EdgeTls::new(vec![certificate(&world, "a.example", &["a.example"])], TlsPreset::Intermediate).unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let connector = client_of(version, &world);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let (server, client) = pair().await;
            let name = "a.example".try_into().unwrap();
            let (served, called) = tokio::join!(edge.accept(server, SOON), connector.connect(name, client));
            let ((mut server, handshake), mut client) = (served.unwrap(), called.unwrap());
            assert_eq!(
                handshake.tls.version.as_bytes()[2] - b'0',
                if version.version == rustls::ProtocolVersion::TLSv1_2 { 2 } else { 3 }
            );
            server.write_all(b"x").await.unwrap();
            server.flush().await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), b'x');
            kinds.push(client.get_ref().1.handshake_kind().unwrap());
        }
        assert_eq!(kinds[1], HandshakeKind::Resumed, "{kinds:?}");
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let world = World::new("acme.example");
    let mut wrong = certificate(&world, "a.example", &["a.example"]);
    wrong.key_der = certificate(&world, "a.example", &[]).key_der;
    assert!(!format!("{wrong:?}").contains("48"), "the key stays out of debug output");
    assert!(matches!(EdgeTls::new(vec![wrong], TlsPreset::Modern).unwrap_err(), TlsError::Unusable(_)));
    let mut empty = certificate(&world, "a.example", &["a.example"]);
    empty.chain.clear();
    assert!(matches!(EdgeTls::new(vec![empty], TlsPreset::Modern).unwrap_err(), TlsError::Unusable(_)));
}

#[test]
fn certificates_are_read_from_pem() {
    let world = World::new("acme.example");
    let pem = world.server("a.example").to_pem();
    let read = EdgeCertificate::from_pem(pem.as_bytes(), pem.as_bytes(), Vec::new()).unwrap();
    assert_eq!(read.chain.len(), 2);
    EdgeTls::new(vec![read], TlsPreset::Modern).unwrap();
    assert!(EdgeCertificate::from_pem(b"", b"", Vec::new()).is_err());
}
