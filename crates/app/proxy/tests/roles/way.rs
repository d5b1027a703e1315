//! The ways into one HTTP/1.1 workload, one for each role: what holds for one must hold for all.

use crate::client::Client;
use crate::documents::{Documents, Origins};
use crate::origin::Origin;
use crate::world::World;
use selvedge_model::Role;
use selvedge_net::Alpn;

/// A way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The gateway's HTTP listener.
    EdgeHttp,
    /// The gateway's HTTPS listener, in HTTP/1.1.
    EdgeHttps,
    /// The mesh listener, as `caller`.
    Inbound,
    /// The outbound address of `caller`.
    Outbound,
}

impl Way {
    /// One for each role.
    pub(crate) const ROLES: [Way; 3] = [Way::EdgeHttp, Way::Inbound, Way::Outbound];

    pub(crate) fn role(self) -> Role {
        match self {
            Way::EdgeHttp | Way::EdgeHttps => Role::Gateway,
            Way::Inbound => Role::MeshInbound,
            Way::Outbound => Role::MeshOutbound,
        }
    }

    /// The host that leads to the workload over this one hop.
    pub(crate) fn host(self) -> &'static str {
        match self {
            Way::EdgeHttp | Way::EdgeHttps => "direct.example",
            Way::Inbound => "orders",
            Way::Outbound => "direct",
        }
    }

    /// The rule that allows it.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Way::EdgeHttp | Way::EdgeHttps => "public-direct",
            Way::Inbound => "caller",
            Way::Outbound => "caller-direct",
        }
    }

    pub(crate) async fn connect(self, world: &World) -> Client {
        let places = &world.documents.places;
        match self {
            Way::EdgeHttp => Client::plain(places.edge_http).await,
            Way::EdgeHttps => Client::tls(world, self.host(), Alpn::Http1).await.unwrap(),
            Way::Outbound => Client::plain(places.out_http).await,
            Way::Inbound => {
                let tls = world.mesh_tls(&["caller"]);
                Client::mesh(world, &tls, "caller", "http.orders", Alpn::Http1).await.unwrap()
            }
        }
    }
}

/// A mesh around one HTTP/1.1 workload; the other ports have nobody behind them.
pub(crate) async fn around(origin: &Origin, change: impl FnOnce(&mut Documents)) -> World {
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    World::start(Origins { http: origin.address, http2: nobody, tcp: nobody }, change).await
}
