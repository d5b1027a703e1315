//! A running control plane: its tasks, and the handle to it.

use crate::options::ControlError;
use crate::registry::RegistryError;
use crate::registry::token::{self, JoinRequest, TokenError};
use crate::session;
use crate::shared::Shared;
use crate::status::{self, Status};
use selvedge_config::Checked;
use selvedge_identity::{JoinToken, TrustBundle};
use selvedge_link::{ControlEnd, NodeEnd, NodeKind};
use selvedge_model::Name;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A handle to a running control plane; cheap to clone, for any thread.
#[derive(Clone)]
pub struct Control {
    pub(crate) shared: Arc<Shared>,
    pub(crate) locals: mpsc::Sender<ControlEnd>,
    pub(crate) link_address: Option<SocketAddr>,
    pub(crate) admin_address: Option<SocketAddr>,
    pub(crate) bundle_address: Option<SocketAddr>,
}

/// The tasks of a control plane. Dropping it ends them, and the authority with them.
pub struct Running {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tasks: Tasks,
    pub(crate) locals: mpsc::Receiver<ControlEnd>,
}

/// Tasks that never end by themselves, each with its name.
pub(crate) type Tasks = JoinSet<(&'static str, Result<(), String>)>;

impl Running {
    /// Serves until a part of control fails; dropping the future ends everything.
    ///
    /// # Errors
    /// The part that ended.
    pub async fn run(mut self) -> Result<(), ControlError> {
        let mut sessions = JoinSet::new();
        loop {
            tokio::select! {
                Some(end) = self.locals.recv() => {
                    sessions.spawn(session::serve(Arc::clone(&self.shared), end, None));
                }
                Some(ended) = self.tasks.join_next() => {
                    let (what, result) = ended.unwrap_or_else(|error| ("a task", Err(error.to_string())));
                    let reason = result.err().unwrap_or_else(|| "this is a fault of the program".to_owned());
                    return Err(ControlError::Ended { what, reason });
                }
                Some(_) = sessions.join_next() => {}
                else => return Err(ControlError::Ended { what: "control", reason: "it has no part left".to_owned() }),
            }
        }
    }
}

impl Control {
    /// A link for a gateway or node in this process, which needs no token: whoever starts both says who it is.
    ///
    /// # Errors
    /// When the registry is full, a gateway has services, or control does not run.
    pub fn local_link(&self, kind: NodeKind, name: &Name, services: &[Name]) -> Result<NodeEnd, ControlError> {
        let refused = |error: RegistryError| ControlError::LocalLink(error.to_string());
        if kind == NodeKind::Gateway && !services.is_empty() {
            return Err(refused(RegistryError::GatewayServices));
        }
        let now = self.shared.now_s();
        self.shared.world().registry.join(&(kind, name.clone()), services, true, now).map_err(refused)?;
        let (node, control) = selvedge_link::local(kind.id(self.shared.domain(), name));
        let gone = |_| ControlError::LocalLink("control does not take local links now: is it running?".to_owned());
        self.locals.try_send(control).map_err(gone)?;
        Ok(node)
    }

    /// The documents that are distributed.
    pub fn checked(&self) -> Checked {
        self.shared.current().documents.checked.clone()
    }

    /// What control knows of the mesh.
    pub fn status(&self) -> Status {
        status::of(&self.shared)
    }

    /// The roots of the trust domain.
    pub fn trust(&self) -> TrustBundle {
        self.shared.trust()
    }

    /// Makes a join token.
    ///
    /// # Errors
    /// When the request is refused or the state directory fails.
    pub fn join_token(&self, request: &JoinRequest) -> Result<JoinToken, TokenError> {
        token::make(&self.shared.state, &self.shared.contact(), request, self.shared.now_s())
    }

    /// Where nodes connect, with the port that the kernel gave.
    pub fn link_address(&self) -> Option<SocketAddr> {
        self.link_address
    }

    /// Where the bundle endpoint is, with the port that the kernel gave.
    pub fn bundle_address(&self) -> Option<SocketAddr> {
        self.bundle_address
    }

    /// Where the admin pages are, with the port that the kernel gave.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }
}
