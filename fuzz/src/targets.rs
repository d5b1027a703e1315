//! All targets.

mod condition;
mod documents;
mod http;
mod identity;
mod jwt;
mod link;
mod names;
mod schema;
mod token;
mod txn;
mod workload;

/// One target.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Runs one input, and panics when something does not hold.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub inputs: fn() -> Vec<Vec<u8>>,
}

/// The targets, by name.
pub const TARGETS: &[Target] = &[
    Target { name: "documents", run: documents::run, inputs: documents::inputs },
    Target { name: "condition", run: condition::run, inputs: condition::inputs },
    Target { name: "request_head", run: http::request_head, inputs: http::requests },
    Target { name: "canonical", run: http::canonical, inputs: http::requests },
    Target { name: "body_decoder", run: http::body_decoder, inputs: http::bodies },
    Target { name: "token", run: token::run, inputs: token::inputs },
    Target { name: "txn", run: txn::run, inputs: txn::inputs },
    Target { name: "path", run: names::path, inputs: names::paths },
    Target { name: "host_pattern", run: names::host_pattern, inputs: names::hosts },
    Target { name: "svid", run: identity::svid, inputs: identity::inputs },
    Target { name: "jwt_svid", run: jwt::run, inputs: jwt::inputs },
    Target { name: "json", run: schema::json, inputs: schema::jsons },
    Target { name: "input", run: schema::request, inputs: schema::requests },
    Target { name: "link", run: link::run, inputs: link::inputs },
    Target { name: "workload", run: workload::run, inputs: workload::inputs },
];
