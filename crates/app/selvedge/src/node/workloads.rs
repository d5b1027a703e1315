//! The Workload API of a node: what the agent has to give out, on the socket where workloads ask.

use super::certificates::Certificates;
use super::enforce::Opened;
use super::tokens::{self, Wishes};
use super::{Options, runs};
use crate::say::say;
use anyhow::Result;
use selvedge_identity::TrustBundle;
use selvedge_model::Name;
use selvedge_workload::{Offer, Socket, View, WorkloadApi};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;

/// The name of the socket in the state directory.
const WORKLOAD_SOCKET: &str = "workload.sock";

/// Where workloads ask.
#[derive(Debug, Clone)]
pub(crate) enum WorkloadSocket {
    /// Nowhere: a gateway has none.
    None,
    /// In the state directory, for our own user alone.
    Private,
    /// Here, for every user of the machine.
    Open(PathBuf),
}

/// What is given out, written by the agent.
#[derive(Debug)]
pub(crate) struct Workloads {
    views: watch::Sender<Option<Arc<View>>>,
    /// Tokens that workloads ask for.
    pub(crate) wishes: Wishes,
}

/// Serves the API, if there is one. The tasks are owned by the process, and end with it.
///
/// # Errors
/// When a socket that was asked for cannot be made.
pub(crate) fn start(options: &Options) -> Result<(Workloads, Option<WorkloadApi>)> {
    let (views, seen) = watch::channel(None);
    let (desk, wishes) = tokens::desk(seen.clone());
    let workloads = Workloads { views, wishes };
    let (kind, name) = (options.kind, options.name.clone());
    let log = move |line: &str| say(std::io::stderr(), &format!("selvedge {kind} {name}: {line}"));
    let socket = match &options.workload_api {
        WorkloadSocket::None => return Ok((workloads, None)),
        WorkloadSocket::Open(path) => Some(Socket::bind(path, false)?),
        // Nobody asked for it, and its path may be too long: the mesh goes on without.
        WorkloadSocket::Private => match Socket::bind(&options.state.join(WORKLOAD_SOCKET), true) {
            Ok(socket) => Some(socket),
            Err(error) => {
                log(&format!("there is no Workload API: {error}"));
                None
            }
        },
    };
    let api = WorkloadApi::new(seen.clone(), Some(Arc::new(desk)), log.clone());
    if let Some(socket) = socket {
        runs::start(options, socket.path(), seen, log);
        let serving = api.clone();
        drop(tokio::spawn(async move { serving.serve(socket).await }));
    }
    Ok((workloads, Some(api)))
}

impl Workloads {
    /// Gives out what these documents and certificates say.
    pub(crate) fn show(&self, trust: &TrustBundle, enforced: &Opened, services: &[Name], certificates: &Certificates) {
        let checked = enforced.plan.checked();
        let offer = |service: &Name| {
            let document = checked.services.get(service)?;
            Some(Offer {
                service: service.clone(),
                workload: document.workload.clone(),
                svid: certificates.of_service(service).cloned(),
                federates_with: document.federates_with.clone(),
                outbound: document.outbound.clone(),
                ports: document.ports.clone(),
            })
        };
        let offers = services.iter().filter_map(offer).collect();
        let federated: Vec<TrustBundle> = enforced.federated.values().cloned().collect();
        let jwt = federated.iter().chain([trust]).map(tokens::keys).collect();
        let revoked = Arc::clone(&enforced.revoked);
        let view = View { trust: trust.clone(), revoked, federated, jwt, offers };
        self.views.send_replace(Some(Arc::new(view)));
    }
}
