use super::calls::call;
use super::*;
use crate::grpc::{CONTENT_TYPE, Code, Incoming, frame};
use crate::message::envoy::*;
use http::Request;
use prost::Message;
use tokio::net::UnixStream;

const PATH: &str = "/envoy.service.secret.v3.SecretDiscoveryService";

fn asks(names: &[&str]) -> DiscoveryRequest {
    DiscoveryRequest { names: names.iter().map(ToString::to_string).collect(), ..DiscoveryRequest::default() }
}

fn secrets(response: &DiscoveryResponse) -> Vec<Secret> {
    response.resources.iter().map(|any| Secret::decode(any.value.as_slice()).unwrap()).collect()
}

async fn fetch(world: &World, names: &[&str]) -> Result<Vec<Secret>, Code> {
    let (answers, status) = call::<DiscoveryResponse>(world, &format!("{PATH}/FetchSecrets"), &[], &asks(names)).await;
    if status.code == Code::Ok { Ok(secrets(&answers[0])) } else { Err(status.code) }
}

#[tokio::test]
async fn an_envoy_gets_its_certificate_and_whom_to_trust() {
    let world = World::of(&["orders"]);
    for name in ["default", "spiffe://acme.example/orders"] {
        let found = fetch(&world, &[name]).await.unwrap();
        let certificate = found[0].certificate.clone().unwrap();
        let text = |source: Option<DataSource>| String::from_utf8(source.unwrap().bytes).unwrap();
        let (chain, key) = (text(certificate.chain), text(certificate.key));
        assert!(chain.starts_with("-----BEGIN CERTIFICATE") && !chain.contains("PRIVATE"), "{name}");
        assert!(Svid::from_pem(&(chain + &key)).is_ok(), "{name}");
    }
    for name in ["ROOTCA", "spiffe://acme.example", "ALL"] {
        let found = fetch(&world, &[name]).await.unwrap();
        let validator = found[0].validation.clone().unwrap().validator.unwrap();
        assert_eq!(validator.name, "envoy.tls.cert_validator.spiffe");
        let config = SpiffeValidator::decode(validator.config.unwrap().value.as_slice()).unwrap();
        assert_eq!(config.trust_domains[0].name, "acme.example", "{name}");
    }
    assert_eq!(fetch(&world, &[]).await.unwrap().len(), 2, "everything, when nothing is named");
}

#[tokio::test]
async fn a_secret_of_another_is_refused() {
    let world = World::start();
    world.show(vec![world.offer("orders", own()), world.offer("web", other())]);
    assert_eq!(fetch(&world, &["spiffe://acme.example/web"]).await, Err(Code::PermissionDenied));
    assert_eq!(fetch(&world, &["default", "nonsense"]).await, Err(Code::PermissionDenied));
    assert_eq!(fetch(&world, &["default"; 65]).await, Err(Code::ResourceExhausted));
}

#[tokio::test]
async fn a_stream_answers_each_new_name_and_each_rotation_once() {
    let world = World::of(&["orders"]);
    let (send, connection) = h2::client::handshake(UnixStream::connect(&world.path).await.unwrap()).await.unwrap();
    let driven = tokio::spawn(connection);
    let request = Request::post(format!("http://localhost{PATH}/StreamSecrets")).header("content-type", CONTENT_TYPE);
    let (answer, mut body) = send.ready().await.unwrap().send_request(request.body(()).unwrap(), false).unwrap();
    body.send_data(frame(&asks(&["default"])), false).unwrap();
    let mut incoming = Incoming::new(answer.await.unwrap().into_body(), 1 << 20);
    let first: DiscoveryResponse = incoming.next().await.unwrap().unwrap();
    let acknowledge = |answer: &DiscoveryResponse, names: &[&str]| DiscoveryRequest {
        version: answer.version.clone(),
        nonce: answer.nonce.clone(),
        ..asks(names)
    };
    body.send_data(frame(&acknowledge(&first, &["default"])), false).unwrap();
    body.send_data(frame(&acknowledge(&first, &["default", "ROOTCA"])), false).unwrap();
    let second: DiscoveryResponse = incoming.next().await.unwrap().unwrap();
    assert_eq!(secrets(&second).len(), 2, "the acknowledgement alone is not answered");
    let error = Some(ErrorDetail { message: "no\nthanks".to_owned() });
    body.send_data(frame(&DiscoveryRequest { error, ..acknowledge(&second, &["default", "ROOTCA"]) }), false).unwrap();
    world.show(vec![world.offer("orders", own())]);
    let third: DiscoveryResponse = incoming.next().await.unwrap().unwrap();
    assert_ne!(secrets(&third)[0], secrets(&second)[0]);
    assert_eq!(secrets(&third)[1], secrets(&second)[1]);
    assert_ne!(third.nonce, second.nonce);
    driven.abort();
}
