//! What a gateway or node shows of itself on its admin listener.

use selvedge_link::CertificateInfo;
use selvedge_net::issuers::Issuers;
use selvedge_net::now_s;
use selvedge_proxy::Proxy;
use selvedge_telemetry::admin::{Answer, Routes};
use selvedge_telemetry::{METRICS_CONTENT_TYPE, Metrics};
use selvedge_workload::Refusals;
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The page, which the agent writes and the admin listener reads.
#[derive(Clone)]
pub(crate) struct Page {
    metrics: Arc<Metrics>,
    issuers: Arc<Issuers>,
    proxy: Arc<Proxy>,
    /// Processes that got no identity.
    refusals: Option<Arc<Refusals>>,
    /// Guards what is shown; held for a copy, off the request path.
    shown: Arc<Mutex<Shown>>,
}

/// What is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// Whether there is a link to control.
    pub(crate) connected: bool,
    /// The plan and revision in force.
    pub(crate) plan: Option<(String, u64)>,
    /// The last thing that went wrong.
    pub(crate) error: Option<String>,
    /// The certificates in use.
    pub(crate) certificates: Vec<CertificateInfo>,
}

impl Page {
    pub(crate) fn new(
        metrics: Arc<Metrics>,
        issuers: Arc<Issuers>,
        proxy: Arc<Proxy>,
        refusals: Option<Arc<Refusals>>,
    ) -> Page {
        Page { metrics, issuers, proxy, refusals, shown: Arc::default() }
    }

    /// Changes what is shown.
    pub(crate) fn show(&self, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.lock();
        change(&mut shown);
        let expires: Vec<(String, f64)> =
            shown.certificates.iter().map(|c| (c.id.clone(), c.not_after as f64)).collect();
        let plan = shown.plan.clone();
        drop(shown);
        let labels: Vec<[(&'static str, &str); 1]> = expires.iter().map(|(id, _)| [("id", id.as_str())]).collect();
        let gauges: Vec<(&[(&'static str, &str)], f64)> =
            labels.iter().zip(&expires).map(|(label, (_, at))| (label.as_slice(), *at)).collect();
        self.metrics.replace_gauges("selvedge_certificate_expires_seconds", &gauges);
        let hash = plan.as_ref().map(|(hash, _)| hash.as_str()).unwrap_or_default();
        self.metrics.replace_gauges("selvedge_plan_info", &[(&[("hash", hash)], 1.0)]);
    }

    /// The routes of the admin listener.
    pub(crate) fn routes(&self) -> Routes {
        let page = self.clone();
        Arc::new(move |path: &str| match path {
            "/metrics" => Some(answer(200, METRICS_CONTENT_TYPE, page.metrics.render())),
            "/healthz" => Some(page.health()),
            "/status" => Some(answer(200, "application/json", page.status())),
            _ => None,
        })
    }

    fn health(&self) -> Answer {
        if self.lock().plan.is_some() {
            answer(200, "text/plain", "serving\n".to_owned())
        } else {
            answer(503, "text/plain", "no plan is in force yet\n".to_owned())
        }
    }

    fn status(&self) -> String {
        let (shown, now) = (self.lock().clone(), now_s());
        let certificates: Vec<_> = shown
            .certificates
            .iter()
            .map(|c| json!({ "id": c.id, "serial": c.serial, "expires_in_s": c.not_after.saturating_sub(now) }))
            .collect();
        json!({
            "connected": shown.connected,
            "plan": shown.plan.as_ref().map(|(hash, _)| hash),
            "revision": shown.plan.as_ref().map(|(_, revision)| revision),
            "error": shown.error,
            "certificates": certificates,
            "issuers": self.issuers.status(),
            "client_certificates": self.proxy.client_certificates(),
            "no_identity": self.refused(),
        })
        .to_string()
    }

    /// Processes that got no identity, the newest last.
    fn refused(&self) -> Vec<serde_json::Value> {
        let refused = self.refusals.iter().flat_map(|refusals| refusals.list());
        refused
            .map(|refused| json!({ "why": refused.to_string(), "times": refused.count, "last": refused.last }))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(status: u16, content_type: &'static str, body: String) -> Answer {
    Answer { content_type, body, status }
}
