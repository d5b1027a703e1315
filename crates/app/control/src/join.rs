//! A first join: a connection without a certificate may bring one token, once, and soon.

use crate::registry::token::{self, TokenError};
use crate::say;
use crate::shared::Shared;
use selvedge_identity::secret_hash;
use selvedge_link::{ControlEnd, FromNode, JoinSecret, ToNode};
use std::time::Duration;
use tokio::time::timeout;

/// How long the whole join may take.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves a connection without a certificate: one join, one answer, then it closes.
pub(crate) async fn serve(shared: &Shared, mut end: ControlEnd) {
    let answer = match timeout(JOIN_TIMEOUT, one(shared, &mut end)).await {
        Ok(answer) => answer,
        Err(_) => Err("it took too long".to_owned()),
    };
    let answer = answer.unwrap_or_else(|reason| {
        say(&format!("refused a join: {reason}"));
        ToNode::Refused { ticket: None, reason }
    });
    let _ = end.send(answer).await;
}

async fn one(shared: &Shared, end: &mut ControlEnd) -> Result<ToNode, String> {
    match end.recv().await {
        Some(FromNode::Join { secret, csr }) => {
            let now = shared.now_s();
            if !shared.world().failed_joins.may_try(now) {
                return Err("too many joins failed in this second: try again".to_owned());
            }
            let joined = join(shared, &secret, csr).await;
            if joined.is_err() {
                shared.world().failed_joins.note(now);
            }
            joined
        }
        Some(_) => Err("without a certificate only a join is accepted".to_owned()),
        None => Err("it closed without a word".to_owned()),
    }
}

async fn join(shared: &Shared, secret: &JoinSecret, csr: Vec<u8>) -> Result<ToNode, String> {
    let hash = secret_hash(secret.0.as_slice());
    let shown = |error: TokenError| error.to_string();
    let grant = token::take(&shared.state, &hash, shared.now_s()).map_err(shown)?;
    let (kind, name) = grant.key();
    let id = kind.id(shared.domain(), &name);
    let ttl_s = shared.current().documents.checked.mesh.workload_ttl_s;
    let chain = match shared.caller.svid(csr, id, ttl_s, format!("join token of {kind}/{name}")).await {
        Ok(chain) => chain,
        Err(error) => {
            // The holder did nothing wrong, or sent a bad request and may send a better one.
            token::put_back(&shared.state, &hash, &grant).map_err(shown)?;
            return Err(error.to_string());
        }
    };
    let mut world = shared.world();
    let joined = world.registry.join(&grant.key(), &grant.services, false, shared.now_s());
    joined.map_err(|error| error.to_string())?;
    // Kept before the node has its certificate: a node that joined is never forgotten.
    world.keep_registry(&shared.state).map_err(|error| error.to_string())?;
    say(&format!("the {kind} `{name}` joined"));
    Ok(ToNode::Joined { chain, bundle: shared.trust(), services: grant.services })
}
