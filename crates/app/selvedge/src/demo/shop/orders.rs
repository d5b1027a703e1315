//! Taking an order: what is in stock is charged for, and entered in the ledger.

use super::super::client::{Call, CallError};
use super::super::serve::{self, Reply};
use super::{Shop, ledger, trace};
use bytes::Bytes;
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;

/// Orders that are remembered; older ones are forgotten.
const ORDERS_MAX: usize = 50;
/// What anything costs, in cents.
const PRICE_CENTS: u32 = 2_900;
/// Bytes of the name of a thing.
const SKU_BYTES_MAX: usize = 32;

/// The latest orders.
#[derive(Default)]
pub(super) struct Orders {
    taken: Cell<u64>,
    /// Borrowed for a moment only, never across an await.
    latest: RefCell<VecDeque<(u64, Value)>>,
}

/// What a customer wants: one thing. Anything else than its name is taken as a teapot, since this is a demo.
pub(super) struct Wanted {
    sku: String,
}

/// Why an order was not taken.
enum Refusal {
    /// The call to this service failed.
    Call(&'static str, CallError),
    /// This service gave this status.
    Status(&'static str, StatusCode),
    /// The ledger did not answer as it should.
    Ledger(String),
}

impl Wanted {
    pub(super) fn parse(body: &[u8]) -> Wanted {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let plain = |sku: &&str| {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
            (1..=SKU_BYTES_MAX).contains(&sku.len()) && sku.bytes().all(plain)
        };
        Wanted { sku: body.get("sku").and_then(Value::as_str).filter(plain).unwrap_or("teapot").to_owned() }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        json!({ "sku": self.sku }).fmt(f)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Call(service, error) => write!(f, "{service}: {error}"),
            Refusal::Status(service, status) => write!(f, "{service} said {status}"),
            Refusal::Ledger(why) => write!(f, "ledger: {why}"),
        }
    }
}

impl Shop {
    pub(super) async fn take_orders(&self, request: &Request<Bytes>) -> Reply {
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/orders") => match self.take(request).await {
                Ok(order) => serve::json(StatusCode::CREATED, &order),
                Err(refusal) => serve::text(StatusCode::BAD_GATEWAY, &refusal.to_string()),
            },
            (&Method::GET, "/orders") => serve::json(StatusCode::OK, &self.orders.list()),
            (&Method::GET, path) => match path.strip_prefix("/orders/").and_then(|number| self.orders.find(number)) {
                Some(order) => serve::json(StatusCode::OK, &order),
                None => serve::text(StatusCode::NOT_FOUND, "there is no such order, or it is forgotten"),
            },
            _ => serve::text(StatusCode::NOT_FOUND, "orders has /orders and /orders/{number}"),
        }
    }

    async fn take(&self, request: &Request<Bytes>) -> Result<Value, Refusal> {
        let Wanted { sku } = Wanted::parse(request.body());
        let stock = format!("/stock/{sku}");
        let call = Call { method: "GET", path: &stock, trace: trace(request), ..Call::default() };
        let stock = self.ask("inventory", call).await?;
        let body = json!({ "cents": PRICE_CENTS }).to_string();
        let body = Some(("application/json", body));
        let call = Call { method: "POST", path: "/charges", trace: trace(request), body, ..Call::default() };
        let charge = self.ask("payments", call).await?;
        let number = self.orders.next();
        let address = self.ledger.ok_or_else(|| Refusal::Ledger("no address: start with `--ledger`".to_owned()))?;
        let entry = ledger::ask(address, &format!("ADD o-{number} {PRICE_CENTS}")).await;
        let entry = entry.map_err(|error| Refusal::Ledger(error.to_string()))?;
        let entry = entry.filter(|line| line.starts_with("OK "));
        let entry = entry.ok_or_else(|| Refusal::Ledger("closed without an answer".to_owned()))?;
        let in_stock = stock.get("in_stock");
        let charge = charge.get("charge");
        let order = json!({ "order": number, "sku": sku, "in_stock": in_stock, "charge": charge, "ledger": entry });
        self.orders.remember(number, order.clone());
        Ok(order)
    }

    async fn ask(&self, service: &'static str, call: Call<'_>) -> Result<Value, Refusal> {
        let answer = self.mesh.call(&Call { host: Some(service), ..call }).await;
        let answer = answer.map_err(|error| Refusal::Call(service, error))?;
        if answer.status.is_success() { Ok(answer.json()) } else { Err(Refusal::Status(service, answer.status)) }
    }
}

impl Orders {
    fn next(&self) -> u64 {
        self.taken.set(self.taken.get().saturating_add(1));
        self.taken.get()
    }

    fn remember(&self, number: u64, order: Value) {
        let mut latest = self.latest.borrow_mut();
        latest.push_back((number, order));
        if latest.len() > ORDERS_MAX {
            drop(latest.pop_front());
        }
    }

    fn list(&self) -> Value {
        json!({ "orders": self.latest.borrow().iter().map(|(_, order)| order).collect::<Vec<_>>() })
    }

    fn find(&self, number: &str) -> Option<Value> {
        let number: u64 = number.parse().ok()?;
        self.latest.borrow().iter().find(|(known, _)| *known == number).map(|(_, order)| order.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_change_the_path_is_taken_as_a_teapot() {
        for body in ["", "{}", r#"{"sku":""}"#, r#"{"sku":"../charges"}"#, r#"{"sku":"a?b"}"#, r#"{"sku":7}"#] {
            assert_eq!(Wanted::parse(body.as_bytes()).sku, "teapot", "{body}");
        }
        assert_eq!(Wanted::parse(br#"{"sku":"cup"}"#).sku, "cup");
    }

    #[test]
    fn old_orders_are_forgotten() {
        let orders = Orders::default();
        (0..60).for_each(|_| orders.remember(orders.next(), json!({})));
        assert_eq!(orders.latest.borrow().len(), ORDERS_MAX);
        assert!(orders.find("1").is_none() && orders.find("60").is_some());
    }
}
