//! The data plane in its three roles, in one process, over real loopback sockets: a gateway, the node of a caller and the
//! node of the services, with an authority, documents and decision logs of their own.
//!
//! `world` makes them, `origin` and `upstream` are the workloads behind them, `client` and `frames` are who calls. What
//! must be refused is tested at least as much as what must pass.

#[cfg(test)]
mod balance;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod change;
#[cfg(test)]
mod client;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod federated;
#[cfg(test)]
mod flood;
#[cfg(test)]
mod frames;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http2;
#[cfg(test)]
mod idp;
#[cfg(test)]
mod inner;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod load;
#[cfg(test)]
mod observe;
#[cfg(test)]
mod origin;
#[cfg(test)]
mod rates;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod stale;
#[cfg(test)]
mod tcp;
#[cfg(test)]
mod travel;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod wait;
#[cfg(test)]
mod way;
#[cfg(test)]
mod websocket;
#[cfg(test)]
mod when;
#[cfg(test)]
mod world;
