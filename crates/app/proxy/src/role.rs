//! Roles as data: one pipeline, and four answers in which an edge, an inner hop and a way out differ.

use selvedge_model::Role as Name;

/// What a hop runs as.
#[derive(Debug)]
pub(crate) struct Role {
    /// Its word in records.
    pub(crate) name: Name,
    /// How connections arrive.
    pub(crate) arrival: Arrival,
    /// What a caller must show.
    pub(crate) accepts: Accepts,
    /// How the destination is found.
    pub(crate) finds: Finds,
    /// What is presented upstream.
    pub(crate) presents: Presents,
}

/// How connections arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// From outside, at a listener of a gateway.
    Listener,
    /// Over mTLS, at the mesh listener of a node.
    MeshLink,
    /// From a local workload, at an outbound listener of its node.
    Outbound,
}

/// What a caller must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// What the exposure asks for.
    EdgeCredential,
    /// An SVID; a gateway's also vouches for an outside caller.
    PeerSvid,
    /// Being the process that the service's document describes.
    LocalWorkload,
}

/// How the destination is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finds {
    /// By host, path and method among the gateway's exposures.
    Exposure,
    /// The local workload that the TLS server name stands for.
    LocalWorkload,
    /// The service that the host names.
    NamedService,
}

/// What is presented upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presents {
    /// The SVID of the gateway or of the local service.
    Svid,
    /// Nothing: the workload is on this machine.
    Nothing,
}

/// From outside to a service.
pub(crate) const GATEWAY: Role = Role {
    name: Name::Gateway,
    arrival: Arrival::Listener,
    accepts: Accepts::EdgeCredential,
    finds: Finds::Exposure,
    presents: Presents::Svid,
};

/// From the mesh to the local workload.
pub(crate) const MESH_INBOUND: Role = Role {
    name: Name::MeshInbound,
    arrival: Arrival::MeshLink,
    accepts: Accepts::PeerSvid,
    finds: Finds::LocalWorkload,
    presents: Presents::Nothing,
};

/// From the local workload into the mesh.
pub(crate) const MESH_OUTBOUND: Role = Role {
    name: Name::MeshOutbound,
    arrival: Arrival::Outbound,
    accepts: Accepts::LocalWorkload,
    finds: Finds::NamedService,
    presents: Presents::Svid,
};
