//! The five methods of the SPIFFE Workload API.

use crate::caller::Caller;
use crate::grpc::{Call, Code, Status};
use crate::limits::{AUDIENCE_BYTES_MAX, AUDIENCES_BYTES_MAX, AUDIENCES_MAX};
use crate::message::spiffe::{
    Empty, JwtBundlesResponse, JwtSvid, JwtSvidRequest, JwtSvidResponse, Struct, ValidateJwtSvidRequest,
    ValidateJwtSvidResponse, X509BundlesResponse, X509Svid, X509SvidResponse,
};
use crate::tokens::{TokenError, Tokens};
use crate::view::{Entitled, View};
use prost::Message;
use selvedge_identity::{Svid, TrustBundle};
use selvedge_model::{Name, SpiffeId};
use std::sync::Arc;

/// The field that every call of the Workload API has, so that a browser or a proxy cannot be led to make one (SPIFFE
/// Workload Endpoint standard §3).
const METADATA: (&str, &str) = ("workload.spiffe.io", "true");

pub(crate) async fn x509_svid(caller: &Caller, call: &mut Call) -> Result<(), Status> {
    follow(caller, call, |entitled| X509SvidResponse {
        svids: entitled.offers.iter().map(|(service, svid)| one(entitled.view, service, svid)).collect(),
        crl: Vec::new(),
        federated_bundles: entitled.federated.iter().map(|trust| roots(trust)).collect(),
    })
    .await
}

pub(crate) async fn x509_bundles(caller: &Caller, call: &mut Call) -> Result<(), Status> {
    follow(caller, call, |entitled| X509BundlesResponse {
        crl: Vec::new(),
        bundles: entitled.bundles().map(roots).collect(),
    })
    .await
}

pub(crate) async fn jwt_bundles(caller: &Caller, call: &mut Call) -> Result<(), Status> {
    follow(caller, call, |entitled| {
        let keys = |trust: &TrustBundle| {
            let domain = format!("spiffe://{}", trust.trust_domain);
            let keys = entitled.view.jwt.get(&domain)?.as_bytes().to_vec();
            Some((domain, keys))
        };
        JwtBundlesResponse { bundles: entitled.bundles().filter_map(keys).collect() }
    })
    .await
}

pub(crate) async fn jwt_svid(caller: &Caller, call: &mut Call) -> Result<(), Status> {
    checked(call)?;
    let request: JwtSvidRequest = call.request().await?;
    if request.audience.is_empty() || request.audience.len() > AUDIENCES_MAX {
        return Err(invalid(format!("a token is for 1 to {AUDIENCES_MAX} audiences")));
    }
    request.audience.iter().try_for_each(|audience| check_audience(audience))?;
    if serde_json::json!(request.audience).to_string().len() > AUDIENCES_BYTES_MAX {
        return Err(invalid(format!("the audiences of a token take at most {AUDIENCES_BYTES_MAX} bytes together")));
    }
    let wanted = match request.spiffe_id.as_str() {
        "" => None,
        text => Some(SpiffeId::parse(text).map_err(|error| invalid(error.to_string()))?),
    };
    let view = caller.view(&mut caller.shared.views.clone())?;
    let peer = caller.look(view.look()).await?;
    let entitled = view.entitled(&peer).map_err(|reason| caller.refuse(&peer, &reason))?;
    let mut offers = entitled.offers;
    if let Some(wanted) = &wanted {
        offers.retain(|(_, svid)| svid.id == *wanted);
        if offers.is_empty() {
            return Err(caller.refuse(&peer, &format!("it asked for `{wanted}`, which it is not")));
        }
    }
    let tokens = tokens(caller)?;
    let mut svids = Vec::with_capacity(offers.len());
    for (service, svid) in offers {
        let token = tokens.mint(&svid.id, &request.audience).await.map_err(status)?;
        svids.push(JwtSvid { spiffe_id: svid.id.to_string(), token, hint: service.to_string() });
    }
    call.send(&JwtSvidResponse { svids }).await
}

pub(crate) async fn validate_jwt(caller: &Caller, call: &mut Call) -> Result<(), Status> {
    checked(call)?;
    let request: ValidateJwtSvidRequest = call.request().await?;
    check_audience(&request.audience)?;
    if request.token.is_empty() {
        return Err(invalid("there is no token".to_owned()));
    }
    let view = caller.view(&mut caller.shared.views.clone())?;
    let peer = caller.look(view.look()).await?;
    let entitled = view.entitled(&peer).map_err(|reason| caller.refuse(&peer, &reason))?;
    let good = tokens(caller)?.validate(&request.token, &request.audience).await.map_err(status)?;
    let domain = good.id.trust_domain();
    if !entitled.bundles().any(|trust| trust.trust_domain.as_str() == domain) {
        return Err(invalid(format!("the token is of `{domain}`, with which none of its services deals")));
    }
    let claims = Some(Struct::from(&good.claims));
    call.send(&ValidateJwtSvidResponse { spiffe_id: good.id.to_string(), claims }).await
}

/// Sends what the process gets now, and again whenever that changes, until the caller gives up or gets nothing more.
async fn follow<M: Message>(
    caller: &Caller,
    call: &mut Call,
    answer: impl Fn(&Entitled<'_>) -> M,
) -> Result<(), Status> {
    checked(call)?;
    let _: Empty = call.request().await?;
    let mut views = caller.shared.views.clone();
    let mut sent = None;
    loop {
        let view = caller.view(&mut views)?;
        let peer = caller.look(view.look()).await?;
        let message = answer(&view.entitled(&peer).map_err(|reason| caller.refuse(&peer, &reason))?);
        // Most changes are another workload's.
        let digest = digest(&message);
        if sent != Some(digest) {
            call.send(&message).await?;
            sent = Some(digest);
        }
        drop((view, message));
        tokio::select! {
            changed = views.changed() => changed.map_err(|_| Status::new(Code::Unavailable, "the node ends"))?,
            gone = call.cancelled() => return Err(gone),
        }
    }
}

/// Tells one answer from the next; 64 bits are enough for that, and keep no key in memory.
fn digest(message: &impl Message) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(&zeroize::Zeroizing::new(message.encode_to_vec()));
    hasher.finish()
}

fn checked(call: &Call) -> Result<(), Status> {
    if call.field(METADATA.0) != Some(METADATA.1) {
        return Err(invalid(format!("a call of the Workload API has the metadata `{}: {}`", METADATA.0, METADATA.1)));
    }
    Ok(())
}

fn check_audience(audience: &str) -> Result<(), Status> {
    if audience.is_empty() || audience.len() > AUDIENCE_BYTES_MAX {
        return Err(invalid(format!("an audience has 1 to {AUDIENCE_BYTES_MAX} bytes")));
    }
    Ok(())
}

fn invalid(message: String) -> Status {
    Status::new(Code::InvalidArgument, message)
}

fn tokens(caller: &Caller) -> Result<&Arc<dyn Tokens>, Status> {
    caller.shared.tokens.as_ref().ok_or_else(|| Status::new(Code::Unimplemented, "this node makes no JWT-SVIDs"))
}

fn status(error: TokenError) -> Status {
    match error {
        // SPIFFE Workload API §6.2.3: a token that is not good is an invalid argument.
        TokenError::Refused(_) => invalid(error.to_string()),
        TokenError::Unavailable(_) => Status::new(Code::Unavailable, error.to_string()),
    }
}

fn one(view: &View, service: &Name, svid: &Svid) -> X509Svid {
    X509Svid {
        spiffe_id: svid.id.to_string(),
        chain: svid.chain.concat(),
        key: svid.key.pkcs8_der().to_vec(),
        bundle: view.trust.roots.concat(),
        hint: service.to_string(),
    }
}

/// The roots of a trust domain, by its SPIFFE ID.
fn roots(trust: &TrustBundle) -> (String, Vec<u8>) {
    (format!("spiffe://{}", trust.trust_domain), trust.roots.concat())
}
