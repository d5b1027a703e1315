//! The admin listener's `/status`, read for the few things that the demo shows. It is read by key wherever the key
//! stands, so that the page may grow.

use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Objects within objects.
const DEPTH_MAX: usize = 16;

/// One answer of `/status`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status(Value);

impl Status {
    /// Reads an answer; one that is no JSON has nothing.
    pub(crate) fn parse(body: &[u8]) -> Status {
        Status(serde_json::from_slice(body).unwrap_or_default())
    }

    /// The hash of the plan in force.
    pub(crate) fn plan(&self) -> Option<String> {
        let mut plan = None;
        walk(&self.0, 0, &mut |object| {
            let text = object.get("plan").and_then(Value::as_str).filter(|text| !text.is_empty());
            if let (None, Some(text)) = (&plan, text) {
                plan = Some(text.to_owned());
            }
        });
        plan
    }

    /// The serial of each identity's certificate, by SPIFFE ID.
    pub(crate) fn serials(&self) -> BTreeMap<String, String> {
        let mut serials = BTreeMap::new();
        walk(&self.0, 0, &mut |object| {
            let text = |key: &str| object.get(key).and_then(Value::as_str);
            if let (Some(id), Some(serial)) = (text("id"), text("serial")) {
                serials.insert(id.to_owned(), serial.to_owned());
            }
        });
        serials
    }

    /// Where nodes listen for the mesh.
    pub(crate) fn mesh_addresses(&self) -> Vec<SocketAddr> {
        let mut addresses = Vec::new();
        walk(&self.0, 0, &mut |object| {
            let endpoints = object.get("endpoints").and_then(Value::as_array).into_iter().flatten();
            addresses.extend(endpoints.filter_map(|text| text.as_str()?.parse::<SocketAddr>().ok()));
        });
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// Whether it speaks of this anywhere, such as the name of a file in error.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        self.0.to_string().contains(text)
    }
}

/// Calls `see` with each object, the outer before those within.
fn walk(value: &Value, depth: usize, see: &mut dyn FnMut(&serde_json::Map<String, Value>)) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(object) => {
            see(object);
            object.values().for_each(|value| walk(value, depth + 1, see));
        }
        Value::Array(values) => values.iter().for_each(|value| walk(value, depth + 1, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_serials_and_addresses_are_found_wherever_they_stand() {
        let status = Status::parse(
            br#"{"plan":"aa","errors":[{"file":"broken.yaml"}],"nodes":[{"plan":"bb","endpoints":["127.0.0.1:7443"],
            "certificates":[{"id":"spiffe://shop.example/orders","serial":"01","not_after":5}]},
            {"endpoints":["127.0.0.1:7444","127.0.0.1:7443"]},{"endpoints":[]}]}"#,
        );
        assert_eq!(status.plan().as_deref(), Some("aa"));
        assert_eq!(status.serials()["spiffe://shop.example/orders"], "01");
        let ports: Vec<u16> = status.mesh_addresses().iter().map(SocketAddr::port).collect();
        assert_eq!(ports, [7443, 7444]);
        assert!(status.mentions("broken.yaml") && !status.mentions("offers.yaml"));
    }

    #[test]
    fn an_answer_that_is_no_json_has_nothing() {
        let status = Status::parse(b"<html>");
        assert_eq!((status.plan(), status.serials().len(), status.mesh_addresses().len()), (None, 0, 0));
    }
}
