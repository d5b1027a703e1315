//! The shop: four services that know nothing of identities and policy. Each speaks plain HTTP on loopback; what it calls,
//! it calls through its node's outbound address.
//!
//! ```text
//!   POST /checkout ─► storefront ─► orders ─► inventory   GET /stock/{sku}
//!                                     ├─────► payments    POST /charges
//!                                     └─────► payments    ADD … over TCP: the ledger
//! ```

mod errand;
mod ledger;
mod orders;

use super::client::{Call, Client};
use super::serve::{self, Reply};
use anyhow::Result;
use bytes::Bytes;
use hyper::{Method, Request, StatusCode};
use serde_json::json;
use std::net::SocketAddr;
use std::rc::Rc;

pub(crate) use errand::{Errand, Report};

/// A service of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Service {
    /// What customers see.
    Storefront,
    /// Takes orders.
    Orders,
    /// Charges for them, and keeps the ledger.
    Payments,
    /// Knows what there is.
    Inventory,
}

/// Where a service listens, and where its node takes its calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    /// HTTP; port 0 is any.
    pub(crate) listen: SocketAddr,
    /// The ledger's TCP; payments alone has it.
    pub(crate) listen_tcp: Option<SocketAddr>,
    /// The node's HTTP address for this service's calls.
    pub(crate) outbound: SocketAddr,
    /// The node's TCP address that stands for the ledger.
    pub(crate) ledger: Option<SocketAddr>,
}

/// One running service.
struct Shop {
    service: Service,
    mesh: Client,
    ledger: Option<SocketAddr>,
    orders: orders::Orders,
}

impl Service {
    /// All of them.
    pub(crate) const ALL: [Service; 4] = [Service::Storefront, Service::Orders, Service::Payments, Service::Inventory];

    /// Its name in the documents.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Service::Storefront => "storefront",
            Service::Orders => "orders",
            Service::Payments => "payments",
            Service::Inventory => "inventory",
        }
    }
}

/// Runs a service until standard input ends. It says where it listens in one line of JSON, then answers each errand
/// that it gets as a line with a line.
///
/// # Errors
/// When it cannot listen.
pub(crate) async fn run(service: Service, addresses: Addresses) -> Result<()> {
    let listener = serve::bind(addresses.listen).await?;
    let mut announced = json!({ "listen": listener.local_addr()? });
    let shop = Rc::new(Shop {
        service,
        mesh: Client::plain(addresses.outbound),
        ledger: addresses.ledger,
        orders: orders::Orders::default(),
    });
    if let Some(address) = addresses.listen_tcp {
        let listener = serve::bind(address).await?;
        if let Some(object) = announced.as_object_mut() {
            object.insert("listen_tcp".to_owned(), json!(listener.local_addr()?));
        }
        drop(tokio::task::spawn_local(ledger::serve(listener)));
    }
    serve::say(&announced.to_string());
    let answering = shop.clone();
    let serving = serve::http(listener, move |request| {
        let shop = answering.clone();
        async move { shop.reply(&request).await }
    });
    tokio::select! {
        () = serving => {}
        () = errand::run_all(&shop.mesh, shop.ledger) => {}
    }
    Ok(())
}

impl Shop {
    async fn reply(&self, request: &Request<Bytes>) -> Reply {
        match self.service {
            Service::Storefront => self.storefront(request).await,
            Service::Orders => self.take_orders(request).await,
            Service::Payments => payments(request),
            Service::Inventory => inventory(request),
        }
    }

    async fn storefront(&self, request: &Request<Bytes>) -> Reply {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/") => serve::text(StatusCode::OK, "a shop; try /products"),
            (&Method::GET, "/products") => {
                serve::json(StatusCode::OK, &json!({ "products": ["teapot", "cup", "tray"] }))
            }
            (&Method::GET, "/offers") => serve::json(StatusCode::OK, &json!({ "offers": ["teapot"] })),
            (&Method::POST, "/checkout") => {
                let order = orders::Wanted::parse(request.body()).to_string();
                let call = Call {
                    method: "POST",
                    path: "/orders",
                    host: Some("orders"),
                    trace: trace(request),
                    body: Some(("application/json", order)),
                    ..Call::default()
                };
                relay(self.mesh.call(&call).await)
            }
            _ => serve::text(StatusCode::NOT_FOUND, "the storefront has no such page"),
        }
    }
}

fn payments(request: &Request<Bytes>) -> Reply {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/charges") => serve::json(StatusCode::CREATED, &json!({ "charge": "accepted" })),
        _ => serve::text(StatusCode::NOT_FOUND, "payments has /charges"),
    }
}

fn inventory(request: &Request<Bytes>) -> Reply {
    match (request.method(), request.uri().path().strip_prefix("/stock/")) {
        (&Method::GET, Some(sku)) => serve::json(StatusCode::OK, &json!({ "sku": sku, "in_stock": 42 })),
        _ => serve::text(StatusCode::NOT_FOUND, "inventory has /stock/{sku}"),
    }
}

/// The trace that a request is part of: whoever calls on in its course says so.
fn trace(request: &Request<Bytes>) -> Option<&str> {
    request.headers().get("traceparent").and_then(|value| value.to_str().ok())
}

/// Another service's answer, passed on; what went wrong there is a 502 here.
fn relay(answer: Result<super::client::Answer, super::client::CallError>) -> Reply {
    match answer {
        Ok(answer) if answer.status.is_success() => serve::json(answer.status, &answer.json()),
        Ok(answer) => serve::text(StatusCode::BAD_GATEWAY, &format!("the next service said {}", answer.status)),
        Err(error) => serve::text(StatusCode::BAD_GATEWAY, &error.to_string()),
    }
}
