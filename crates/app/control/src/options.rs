//! What a control plane is told, and why it does not run.

use crate::authority::caller::CallError;
use crate::state::StateError;
use selvedge_config::checked::HostPort;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a control plane is told.
#[derive(Debug, Clone)]
pub struct Options {
    /// The mesh repository.
    pub directory: PathBuf,
    /// The state directory; made with mode 0700.
    pub state: PathBuf,
    /// Where nodes connect; `None` without remote nodes.
    pub listen: Option<SocketAddr>,
    /// What join tokens say of where control is; the listening address when there is none, unless that is a wildcard.
    pub advertise: Option<HostPort>,
    /// Where `/status`, `/metrics` and `/healthz` are; loopback alone.
    pub admin: Option<SocketAddr>,
    /// How the authority is started.
    pub authority: AuthorityCommand,
    /// Where other trust domains fetch our bundle.
    pub bundle_endpoint: Option<BundleEndpoint>,
}

/// Where other trust domains fetch our bundle (SPIFFE Federation §5).
#[derive(Debug, Clone)]
pub struct BundleEndpoint {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Files with a chain and a key in PEM: the profile `https_web`. `None`: control's own SVID, `https_spiffe`.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// How the authority is started.
#[derive(Debug, Clone)]
pub enum AuthorityCommand {
    /// As a child process, which calls [`crate::authority::run`]. `--state S --socket P` is appended to `args`.
    Child {
        /// The program.
        program: PathBuf,
        /// Its first arguments.
        args: Vec<OsString>,
    },
    /// Somebody else runs [`crate::authority::serve`] on `authority.sock` in the state directory: tests, mainly.
    Running,
}

/// Why a control plane does not run.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The documents are refused, and there is no last good bundle to serve.
    #[error("the documents in `{directory}` are refused, and there are no earlier ones to serve:\n{errors}", directory = directory.display())]
    Documents {
        /// The mesh repository.
        directory: PathBuf,
        /// Everything that is wrong.
        errors: String,
    },
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The authority does not start, or refuses.
    #[error(transparent)]
    Authority(#[from] CallError),
    /// The first revision could not be made.
    #[error("nothing can be distributed: {0}")]
    Publish(String),
    /// Control's own identity.
    #[error("control has no certificate of its own: {0}")]
    Identity(String),
    /// An address cannot be bound.
    #[error("cannot listen on `{address}`: {error}")]
    Bind {
        /// The address or socket.
        address: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The bundle endpoint's certificate.
    #[error("the certificate of the bundle endpoint cannot be used: {0}")]
    BundleCertificate(String),
    /// A local link for a node that cannot be registered.
    #[error("{0}")]
    LocalLink(String),
    /// A task ended that never should.
    #[error("{what} ended: {reason}")]
    Ended {
        /// Which one.
        what: &'static str,
        /// Why.
        reason: String,
    },
}
