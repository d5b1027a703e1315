//! The line is what serde would write.

use super::push;
use crate::fixture::{allowed, faulted, id, record};
use selvedge_model::{Denial, DenialReason, Outcome, PeerTls, Principal, Record};
use std::error::Error;
use std::sync::Arc;

fn both(record: &Record) -> Result<(serde_json::Value, serde_json::Value), Box<dyn Error>> {
    let mut line = Vec::new();
    push(record, &mut line)?;
    assert_eq!(line.pop(), Some(b'\n'));
    assert!(!line.contains(&b'\n'), "one record is one line");
    Ok((serde_json::from_slice(&line)?, serde_json::to_value(record)?))
}

/// Every field is written, and nothing is left out: a new field does not compile here until it is added.
fn whole(text: &str) -> Result<Record, Box<dyn Error>> {
    let text: Arc<str> = text.into();
    Ok(Record {
        id: id(7),
        time_ms: u64::MAX,
        role: selvedge_model::Role::MeshInbound,
        at: Some("orders".parse()?),
        plan: text.clone(),
        outcome: allowed(),
        status: 200,
        peer: Some(serde_json::from_str("\"spiffe://a.example/b\"")?),
        local: Some(serde_json::from_str("\"spiffe://a.example/c\"")?),
        client: Some("2001:db8::1".parse()?),
        user: Some(Arc::new(Principal {
            issuer: "corporate".parse()?,
            subject: text.clone(),
            scopes: vec![text.clone()],
            groups: vec![text.clone()],
            amr: vec![text.clone()],
        })),
        refused: true,
        key: Some("0123456789abcdef".into()),
        limit: Some("rule orders/read: rate 1/s per header x-\"tenant\"".into()),
        headers: vec![(text.clone(), text.clone())],
        service: Some("orders".parse()?),
        port: Some("http".parse()?),
        host: Some(text.clone()),
        method: Some(text.clone()),
        path: Some(text.clone()),
        bytes_in: 0,
        bytes_out: 10,
        duration_us: 1_234_567_890,
        trace: Some(text.clone()),
        tls: Some(PeerTls { version: text.clone(), cipher: text.clone(), group: text.clone() }),
        client_tls: Some(PeerTls { version: text.clone(), cipher: text.clone(), group: text }),
    })
}

#[test]
fn a_line_is_what_serde_writes() -> Result<(), Box<dyn Error>> {
    for text in ["", "/plain", "\"quoted\\\"", "line\nfeed\r\t\u{0}\u{1f}", "ünïcödé \u{2028} 😀", "</script>"] {
        let (ours, serdes) = both(&whole(text)?)?;
        assert_eq!(ours, serdes, "{text:?}");
    }
    Ok(())
}

#[test]
fn what_is_not_known_is_left_out() -> Result<(), Box<dyn Error>> {
    let denied = Outcome::Denied(Denial::of(DenialReason::NotExposed));
    for outcome in [allowed(), faulted(), denied] {
        let (ours, serdes) = both(&Record { outcome, ..record(id(1), None) })?;
        assert_eq!(ours, serdes);
    }
    Ok(())
}
