//! The content hash of a plan.

use aws_lc_rs::digest::{Context, SHA256};
use selvedge_config::checked::{Checked, Endpoint};
use selvedge_model::Name;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// SHA-256 over the debug form of all that is enforced. That form is derived, so it is complete by construction and a new
/// field cannot be forgotten; all maps in it are ordered. Expectations and accepted findings are not enforced.
pub(crate) fn of(checked: &Checked, registered: &BTreeMap<Name, Vec<Endpoint>>) -> Arc<str> {
    let mut sink = Sink(Context::new(&SHA256));
    // INVARIANT: `Sink` never fails, and derived `Debug` fails only when its sink does.
    let Checked { mesh, gateways, services, access, guardrails, schemas, expectations: _, allow: _, places: _ } =
        checked;
    let _ = write!(sink, "{mesh:?}{gateways:?}{services:?}{access:?}{guardrails:?}{schemas:?}{registered:?}");
    let digest = sink.0.finish();
    digest
        .as_ref()
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
        .into()
}

struct Sink(Context);

impl Write for Sink {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}
