//! The API over a socket, with this process as its workload.

mod calls;
mod federated;
mod places;
mod secrets;

use crate::{Offer, Socket, TokenError, Tokens, Validated, View, WorkloadApi};
use selvedge_config::checked::{UnixSelector, Workload};
use selvedge_identity::{Authority, PrivateKey, Svid, Terms, request};
use selvedge_model::{Name, SpiffeId, TrustDomain};
use selvedge_net::{now_s, random_bytes};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// An authority, and an API that gives out what it issues.
struct World {
    authority: Authority,
    views: watch::Sender<Option<Arc<View>>>,
    api: WorkloadApi,
    path: PathBuf,
    log: Arc<Mutex<Vec<String>>>,
    _directory: tempfile::TempDir,
}

impl World {
    /// An API on a socket, which has nothing to give out yet.
    fn start() -> World {
        let domain = TrustDomain::parse("acme.example").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("api/workload.sock");
        let (views, seen) = watch::channel(None);
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = Arc::clone(&log);
        let tell = move |line: &str| lines.lock().unwrap().push(line.to_owned());
        let api = WorkloadApi::new(seen, Some(Arc::new(Echo)), tell);
        let (socket, serving) = (Socket::bind(&path, false).unwrap(), api.clone());
        drop(tokio::spawn(async move { serving.serve(socket).await }));
        World { authority: Authority::create(&domain, now_s()).unwrap(), views, api, path, log, _directory: directory }
    }

    /// One in which this process is these services.
    fn of(services: &[&str]) -> World {
        let world = World::start();
        world.show(services.iter().map(|service| world.offer(service, own())).collect());
        world
    }

    fn offer(&self, service: &str, workload: Option<Workload>) -> Offer {
        let id = SpiffeId::parse(&format!("spiffe://acme.example/{service}")).unwrap();
        let key = PrivateKey::generate().unwrap();
        let terms = Terms { ttl_s: 3600, now: now_s(), serial: random_bytes() };
        let chain = self.authority.issue_svid(&request(&key).unwrap(), &id, &[], &terms).unwrap();
        Offer {
            service: Name::parse(service).unwrap(),
            workload,
            svid: Some(Svid::new(chain, key).unwrap()),
            federates_with: Default::default(),
            outbound: None,
            ports: Vec::new(),
        }
    }

    fn show(&self, offers: Vec<Offer>) {
        let jwt = BTreeMap::from([("spiffe://acme.example".to_owned(), Arc::from("{\"keys\":[]}"))]);
        let view = View { trust: self.authority.bundle(), revoked: Arc::default(), federated: Vec::new(), jwt, offers };
        self.views.send_replace(Some(Arc::new(view)));
    }
}

/// The selector of this process.
fn own() -> Option<Workload> {
    let path = std::env::current_exe().unwrap();
    Some(Workload {
        unix: Some(UnixSelector { path: path.to_str().map(Into::into), ..Default::default() }),
        systemd: None,
    })
}

/// The selector of another.
fn other() -> Option<Workload> {
    Some(Workload {
        unix: Some(UnixSelector { path: Some("/secret/place".into()), ..Default::default() }),
        systemd: None,
    })
}

/// Tokens that say what was asked for, without a signature.
struct Echo;

impl Tokens for Echo {
    fn mint(&self, id: &SpiffeId, audiences: &[String]) -> crate::tokens::Later<String> {
        let token = format!("{id} for {}", audiences.join(","));
        Box::pin(async move { Ok(token) })
    }

    fn validate(&self, token: &str, audience: &str) -> crate::tokens::Later<Validated> {
        let id = token.strip_suffix(&format!(" for {audience}")).and_then(|id| SpiffeId::parse(id).ok());
        Box::pin(async move {
            let id = id.ok_or_else(|| TokenError::Refused("not for this audience".to_owned()))?;
            let claims = serde_json::json!({ "aud": ["a"], "n": 1.5, "deep": { "is": true, "no": null } });
            Ok(Validated { id, claims: claims.as_object().unwrap().clone() })
        })
    }
}
