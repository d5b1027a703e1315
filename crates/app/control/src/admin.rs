//! Pages of control's admin listener: status, documents in force, metrics, health.

use crate::shared::Shared;
use crate::{rotate, status};
use selvedge_telemetry::METRICS_CONTENT_TYPE;
use selvedge_telemetry::admin::{Answer, Routes};
use std::sync::Arc;

/// The pages.
pub(crate) fn routes(shared: Arc<Shared>) -> Routes {
    Arc::new(move |path| match path {
        "/healthz" => Some(page("text/plain; charset=utf-8", "ok\n".to_owned())),
        "/status" => {
            let body = serde_json::to_string_pretty(&status::of(&shared)).ok()?;
            Some(page("application/json", body))
        }
        // What `selvedge plan --against control-plane` compares with: file names and texts.
        "/documents" => {
            let current = shared.current();
            let files: Vec<(&str, &str)> = current.documents.files.iter().map(|f| (&*f.name, &*f.text)).collect();
            Some(page("application/json", serde_json::to_string(&files).ok()?))
        }
        "/metrics" => Some(page(METRICS_CONTENT_TYPE, metrics(&shared))),
        _ => None,
    })
}

fn page(content_type: &'static str, body: String) -> Answer {
    Answer { content_type, body, status: 200 }
}

/// Prometheus text. The only label is a hash of our own.
fn metrics(shared: &Shared) -> String {
    let status = status::of(shared);
    let connected = status.nodes.iter().filter(|node| node.connected).count();
    let current = status.nodes.iter().filter(|node| node.connected && node.current).count();
    let lives = rotate::lives(&shared.standing());
    let ends: String = lives
        .iter()
        .map(|(what, (_, at))| format!("selvedge_authority_expires_seconds{{what=\"{what}\"}} {at}\n"))
        .collect();
    format!(
        "# TYPE selvedge_control_nodes gauge\nselvedge_control_nodes {}\n\
         # TYPE selvedge_control_nodes_connected gauge\nselvedge_control_nodes_connected {connected}\n\
         # TYPE selvedge_control_nodes_current gauge\nselvedge_control_nodes_current {current}\n\
         # TYPE selvedge_control_documents_refused gauge\nselvedge_control_documents_refused {}\n\
         # TYPE selvedge_control_alarms gauge\nselvedge_control_alarms {}\n\
         # TYPE selvedge_authority_expires_seconds gauge\n{ends}\
         # TYPE selvedge_control_revision gauge\nselvedge_control_revision {}\n\
         # TYPE selvedge_plan_info gauge\nselvedge_plan_info{{hash=\"{}\"}} 1\n",
        status.nodes.len(),
        u8::from(status.error.is_some()),
        status.alarms.len(),
        status.revision,
        status.plan,
    )
}
