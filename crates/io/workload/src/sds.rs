//! Envoy's secret discovery service (xDS, state of the world): certificates by their SPIFFE ID, or `default`; whom to
//! trust by `ROOTCA`, or the SPIFFE ID of the trust domain, or `ALL` with the federated ones.
//!
//! Trust is given as Envoy's own SPIFFE validator: a peer then needs an SVID of that trust domain, where a plain list of
//! roots would also let in edge certificates. Which SVID it has to be is for the Envoy's configuration to say
//! (`combined_validation_context` with `match_typed_subject_alt_names`): names that we put there would be added to its own.

use crate::caller::Caller;
use crate::grpc::{Call, Code, Status};
use crate::limits::SECRETS_MAX;
use crate::message::envoy::{
    Any, DataSource, DiscoveryRequest, DiscoveryResponse, Secret, SpiffeValidator, TlsCertificate, TypedExtension,
    ValidatedDomain, ValidationContext,
};
use crate::view::{Entitled, View};
use prost::Message;
use selvedge_identity::{Svid, TrustBundle};
use selvedge_net::random_u128;
use std::sync::Arc;
use tokio::sync::watch;

/// The one type of resource.
const SECRET: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
/// The configuration of Envoy's SPIFFE validator, and its name.
const VALIDATOR: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig";
const VALIDATOR_NAME: &str = "envoy.tls.cert_validator.spiffe";
/// The name of the default certificate, of the trust domain's roots, and of all roots.
const DEFAULT: &str = "default";
const ROOTCA: &str = "ROOTCA";
const ALL: &str = "ALL";

pub(crate) async fn fetch(caller: &Caller, call: &mut Call) -> Result<(), Status> {
    let request: DiscoveryRequest = call.request().await?;
    check(&request)?;
    let resources = resources(caller, &mut caller.shared.views.clone(), &request.names).await?;
    call.send(&response(resources)).await
}

pub(crate) async fn stream(caller: &Caller, call: &mut Call) -> Result<(), Status> {
    let mut request: DiscoveryRequest = call.request().await?;
    let mut views = caller.shared.views.clone();
    let mut sent: Option<(Vec<String>, DiscoveryResponse)> = None;
    loop {
        check(&request)?;
        let found = resources(caller, &mut views, &request.names).await?;
        let known = sent.as_ref().is_some_and(|(names, last)| (names, &last.resources) == (&request.names, &found));
        if !known {
            let answer = response(found);
            call.send(&answer).await?;
            sent = Some((request.names.clone(), answer));
        }
        let nonce = sent.as_ref().map(|(_, last)| last.nonce.clone()).unwrap_or_default();
        tokio::select! {
            changed = views.changed() => changed.map_err(|_| Status::new(Code::Unavailable, "the node ends"))?,
            next = call.next::<DiscoveryRequest>() => match next? {
                // An answer to something older says nothing about what is in use.
                Some(next) if next.nonce.is_empty() || next.nonce == nonce => {
                    if let Some(error) = &next.error {
                        let (uid, pid) = (caller.peer.uid, caller.peer.pid);
                        (caller.shared.log)(&format!("the Envoy of uid {uid}, pid {pid} refuses its secrets: {:?}", error.message));
                    }
                    request = next;
                }
                Some(_) => {}
                None => return Ok(()),
            }
        }
    }
}

fn check(request: &DiscoveryRequest) -> Result<(), Status> {
    if !request.type_url.is_empty() && request.type_url != SECRET {
        return Err(Status::new(Code::InvalidArgument, "this service has secrets alone"));
    }
    if request.names.len() > SECRETS_MAX {
        let message = format!("a request names at most {SECRETS_MAX} secrets");
        return Err(Status::new(Code::ResourceExhausted, message));
    }
    Ok(())
}

fn response(resources: Vec<Any>) -> DiscoveryResponse {
    let (version, nonce) = (format!("{:016x}", random_u128() as u64), format!("{:016x}", random_u128() as u64));
    DiscoveryResponse { version, resources, type_url: SECRET.to_owned(), nonce }
}

/// The secrets of these names, which the process may all have; everything that it may have when none is named.
async fn resources(
    caller: &Caller,
    views: &mut watch::Receiver<Option<Arc<View>>>,
    names: &[String],
) -> Result<Vec<Any>, Status> {
    let view = caller.view(views)?;
    let peer = caller.look(view.look()).await?;
    let entitled = view.entitled(&peer).map_err(|reason| caller.refuse(&peer, &reason))?;
    let everything: Vec<String>;
    let names = if names.is_empty() {
        let ids = entitled.offers.iter().map(|(_, svid)| svid.id.to_string());
        everything = ids.chain([ROOTCA.to_owned()]).collect();
        &everything
    } else {
        names
    };
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let secret = secret(&entitled, name)
            .ok_or_else(|| caller.refuse(&peer, &format!("it asked for the secret {name:?}, which it may not have")))?;
        found.push(Any { type_url: SECRET.to_owned(), value: secret.encode_to_vec() });
    }
    Ok(found)
}

fn secret(entitled: &Entitled<'_>, name: &str) -> Option<Secret> {
    let view = entitled.view;
    let domains = |trusts: &mut dyn Iterator<Item = &TrustBundle>| Secret {
        name: name.to_owned(),
        certificate: None,
        validation: Some(validation(trusts.map(domain).collect())),
    };
    match name {
        DEFAULT => entitled.offers.first().map(|(_, svid)| certificate(name, svid)),
        ROOTCA => Some(domains(&mut [&view.trust].into_iter())),
        ALL => Some(domains(&mut entitled.bundles())),
        _ => {
            let own = entitled.offers.iter().find(|(_, svid)| svid.id.as_str() == name);
            if let Some((_, svid)) = own {
                return Some(certificate(name, svid));
            }
            let named = name.strip_prefix("spiffe://")?;
            let trust = entitled.bundles().find(|trust| trust.trust_domain.as_str() == named)?;
            Some(domains(&mut [trust].into_iter()))
        }
    }
}

fn certificate(name: &str, svid: &Svid) -> Secret {
    let source = |text: &str| Some(DataSource { bytes: text.as_bytes().to_vec() });
    let (chain, key) = (svid.chain_pem(), svid.key.to_pem());
    let certificate = TlsCertificate { chain: source(&chain), key: source(&key) };
    Secret { name: name.to_owned(), certificate: Some(certificate), validation: None }
}

fn domain(trust: &TrustBundle) -> ValidatedDomain {
    let bundle = Some(DataSource { bytes: trust.to_pem().into_bytes() });
    ValidatedDomain { name: trust.trust_domain.to_string(), bundle }
}

fn validation(trust_domains: Vec<ValidatedDomain>) -> ValidationContext {
    let config = Any { type_url: VALIDATOR.to_owned(), value: SpiffeValidator { trust_domains }.encode_to_vec() };
    ValidationContext { validator: Some(TypedExtension { name: VALIDATOR_NAME.to_owned(), config: Some(config) }) }
}
