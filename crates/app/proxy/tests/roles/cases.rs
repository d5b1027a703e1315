//! Every case of `cases/requests`, through real sockets, in every role that it applies to.

use crate::client::Answer;
use crate::documents::Documents;
use crate::origin::{Origin, Reply};
use crate::way::{Way, around};
use crate::world::World;
use selvedge_model::Role;
use selvedge_testkit::{Case, Outcome, Scene, Target, inputs, requests, run};
use std::error::Error;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A request that gets no answer in this time is one that is not whole: then we end our side.
const QUIET: Duration = Duration::from_millis(400);

/// One way into a mesh, as a target of cases.
struct Sockets {
    runtime: Runtime,
    way: Way,
    world: World,
    origin: Origin,
}

impl Sockets {
    fn new(way: Way) -> Sockets {
        Sockets::with(way, |_| {})
    }

    fn with(way: Way, change: impl FnOnce(&mut Documents)) -> Sockets {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        // Each request goes upstream on a connection of its own, whose end shows that all of it has come.
        let reply = Reply::raw("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").close();
        let (origin, world) = runtime.block_on(async {
            let origin = Origin::always(reply).await;
            let world = around(&origin, change).await;
            (origin, world)
        });
        Sockets { runtime, way, world, origin }
    }

    async fn exchange(&self, request: &[u8]) -> Outcome {
        let mut client = self.way.connect(&self.world).await;
        client.send(request).await;
        let (first, whole) = match tokio::time::timeout(QUIET, client.answer()).await {
            Ok(answer) => (answer, true),
            Err(_) => {
                client.end().await;
                (client.answer().await, false)
            }
        };
        // A server that says nothing of closing leaves that to us; one that does must close by itself.
        if !first.as_ref().is_some_and(Answer::closes) {
            client.end().await;
        }
        let status = first.as_ref().map(|answer| answer.status);
        let mut closed = first.is_none() && whole;
        let mut next = first;
        while let Some(answer) = next {
            closed |= answer.closes();
            next = client.answer().await;
        }
        let upstream = Some(self.origin.settled().await).filter(|bytes| !bytes.is_empty());
        Outcome { status, closed, upstream }
    }
}

impl Target for Sockets {
    fn role(&self) -> Role {
        self.way.role()
    }

    fn scene(&self) -> Scene {
        let scheme = if self.way == Way::EdgeHttps { "https" } else { "http" };
        Scene { host: self.way.host().to_owned(), peer: "127.0.0.1".to_owned(), scheme: scheme.to_owned() }
    }

    fn send(&mut self, request: &[u8]) -> Result<Outcome, Box<dyn Error>> {
        Ok(self.runtime.block_on(self.exchange(request)))
    }
}

fn hold(cases: &[Case], way: Way) {
    let (count, failures) = run(cases, &mut Sockets::new(way)).unwrap();
    let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(count >= 80, "{count} cases");
    assert!(lines.is_empty(), "{} of {count} failed by {way:?}:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn every_case_holds_at_the_gateways_http_listener() {
    // Without TLS there is no server name that a host could differ from.
    let cases = requests().unwrap().into_iter().filter(|case| !case.name.ends_with("host-is-not-the-server-name"));
    hold(&cases.collect::<Vec<_>>(), Way::EdgeHttp);
}

#[test]
fn every_case_holds_at_the_gateways_https_listener() {
    hold(&requests().unwrap(), Way::EdgeHttps);
}

#[test]
fn every_case_holds_at_the_mesh_listener() {
    hold(&requests().unwrap(), Way::Inbound);
}

#[test]
fn every_case_holds_at_an_outbound_address() {
    hold(&requests().unwrap(), Way::Outbound);
}

/// Every case of `cases/inputs`, where the rules have a description.
fn hold_inputs(way: Way) {
    let mut sockets = Sockets::with(way, |documents| documents.schema = ", schema: shop.openapi.yaml");
    let (count, failures) = run(&inputs().unwrap(), &mut sockets).unwrap();
    let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(count >= 100, "{count} cases");
    assert!(lines.is_empty(), "{} of {count} failed by {way:?}:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn every_input_is_checked_at_the_gateway() {
    hold_inputs(Way::EdgeHttp);
}

#[test]
fn every_input_is_checked_at_the_mesh_listener() {
    hold_inputs(Way::Inbound);
}

#[test]
fn every_input_is_checked_at_an_outbound_address() {
    hold_inputs(Way::Outbound);
}
