//! The credential of an outside caller: a bearer token or an API key, and never two of them.
//!
//! A route reads the fields that its exposures name. A request that shows a credential in more than one of them, or in a
//! twin of one, is refused: whichever were taken, somebody could be made to believe in the other. What is read is not sent
//! on.

use super::route::Routed;
use crate::hop::{Hop, Secret};
use crate::live::Live;
use crate::worker::Worker;
use selvedge_authn::{Shape, bearer, key_scheme, shape, shown_key};
use selvedge_http::Fields;
use selvedge_model::{Name, Principal};
use selvedge_net::now_s;
use std::borrow::Cow;
use std::sync::Arc;

/// The field that both tokens and API keys may be in.
const AUTHORIZATION: &str = "authorization";

/// A credential that was shown and is refused; it is never taken for none.
pub(super) struct Bad;

/// Whom the credential of a request at an exposure speaks for; `None` when it shows none. `said`: what the issuer said of
/// the token, where it was asked.
pub(super) fn shown(
    worker: &Worker,
    live: &Live,
    hop: &mut Hop,
    routed: &mut Routed,
    said: Option<Option<Arc<Principal>>>,
) -> Result<Option<Arc<Principal>>, Bad> {
    let (issuers, sets) = (routed.issuers.clone(), routed.key_sets.clone());
    if issuers.is_empty() && sets.is_empty() {
        return Ok(None);
    }
    let header = |set: &Name| live.plan.checked().mesh.api_keys.get(set).map(|set| &*set.header);
    let names = names(live, routed);
    (hop.challenge.token, hop.challenge.key) = (!issuers.is_empty(), !sets.is_empty());
    let found = one(&routed.request.fields, &names);
    let shown = match found {
        Found::None => return Ok(None),
        Found::Several => None,
        Found::One(name, value) => {
            let scheme = if name == AUTHORIZATION { key_scheme(value) } else { Some(value) };
            match scheme {
                Some(key) => {
                    let here: Vec<&Name> = sets.iter().filter(|set| header(set) == Some(name)).collect();
                    of_key(live, hop, key, &here)
                }
                None => {
                    let user = match (&said, bearer(value)) {
                        (Some(user), Ok(_)) => user.clone(),
                        (None, Ok(token)) => worker.verify(live, token, &keyed(&issuers, routed)),
                        (_, Err(_)) => None,
                    };
                    if user.is_some() && live.plan.limits().forwards_tokens() {
                        hop.token = Some(Secret::new(value));
                    }
                    user
                }
            }
        }
    };
    routed.request.fields.retain(|name| !names.contains(&name) && !is_twin(name, &names));
    shown.map(Some).ok_or(Bad)
}

/// The fields of this route that may carry a credential.
fn names<'l>(live: &'l Live, routed: &Routed) -> Vec<&'l str> {
    let header = |set: &Name| live.plan.checked().mesh.api_keys.get(set).map(|set| &*set.header);
    let mut names: Vec<&str> = routed.key_sets.iter().filter_map(header).collect();
    if !routed.issuers.is_empty() {
        names.push(AUTHORIZATION);
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Those issuers whose tokens are verified by keys.
fn keyed<'i>(issuers: &'i Arc<[Name]>, routed: &Routed) -> Cow<'i, [Name]> {
    match &routed.introspecting {
        None => Cow::Borrowed(issuers),
        Some((asked, _)) => issuers.iter().filter(|name| *name != asked).cloned().collect(),
    }
}

/// The bearer token of a request, and the issuer that is to be asked about it. A token in the form of a JWT goes by the
/// `iss` that it names, and any other is of the one issuer here that is asked; so none is shown to another than its own.
pub(super) fn to_ask<'r>(live: &Live, routed: &'r Routed) -> Option<(&'r Name, &'r str)> {
    let (issuer, url) = routed.introspecting.as_ref()?;
    let Found::One(AUTHORIZATION, value) = one(&routed.request.fields, &names(live, routed)) else { return None };
    let token = bearer(value).ok()?;
    match shape(token) {
        Shape::Opaque => Some((issuer, token)),
        Shape::Jwt(of) => (of.as_deref() == Some(&**url)).then_some((issuer, token)),
    }
}

/// What was found in the fields that may carry a credential.
enum Found<'a> {
    None,
    One(&'a str, &'a [u8]),
    Several,
}

fn one<'a>(fields: &'a Fields, names: &[&str]) -> Found<'a> {
    let mut found = Found::None;
    for (name, value) in fields.iter() {
        let twin = is_twin(name, names);
        if twin || names.contains(&name) {
            found = match found {
                Found::None if !twin => Found::One(name, value),
                Found::None | Found::One(..) | Found::Several => Found::Several,
            };
        }
    }
    found
}

/// Whether some servers would take the name for one of these: `x_api_key`, `x.api.key`.
fn is_twin(name: &str, names: &[&str]) -> bool {
    let odd = |b: u8| !b.is_ascii_alphanumeric() && b != b'-';
    name.bytes().any(odd) && {
        let folded = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        names.contains(&folded.as_str())
    }
}

/// Whom an API key speaks for, if it is of one of these sets.
fn of_key(live: &Live, hop: &mut Hop, value: &[u8], sets: &[&Name]) -> Option<Arc<Principal>> {
    let shown = shown_key(value)?;
    let (key, principal) = live.plan.keys().find(shown.id)?;
    let counts = !key.revoked && now_s() < key.expires_s && sets.contains(&&principal.issuer);
    if !shown.is(&key.sha256) || !counts {
        return None;
    }
    hop.record.key = Some(key.id.clone());
    Some(principal.clone())
}
