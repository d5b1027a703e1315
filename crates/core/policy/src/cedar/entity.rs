//! Facts as Cedar's entities and context: what the schema promises, and nothing else.

use super::named::Named;
use crate::lower::{Field, List, Part, View};
use cedar_policy_core::ast::{
    Context, Eid, Entity, EntityType, EntityUID, EntityUIDEntry, Name, PartialValue, Request, RestrictedExpr, Value,
};
use cedar_policy_core::evaluator::RestrictedEvaluator;
use cedar_policy_core::extensions::Extensions;
use selvedge_model::Segment;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

/// A record under construction.
pub(super) type Attributes = BTreeMap<SmolStr, Value>;

/// The caller, with these attributes.
pub(super) fn caller(view: &View<'_>, named: &Named) -> Entity {
    let (prefix, name) = view.caller();
    let text = |field: &Field| string(view.text(field).unwrap_or_default());
    let value = |key: &'static str| match key {
        "kind" => text(&Field::CallerKind),
        "id" => text(&Field::CallerId),
        "service" => text(&Field::CallerService),
        "gateway" => text(&Field::Gateway),
        "host" => text(&Field::Host),
        _ => set(view.list(List::CallerLabels).unwrap_or_default()),
    };
    entity(
        &WORDS.caller,
        &[prefix, name].concat(),
        named,
        &["kind", "id", "service", "gateway", "host", "labels"],
        value,
    )
}

/// The service that is called, as one of its ports, with these attributes.
pub(super) fn service(view: &View<'_>, named: &Named) -> Entity {
    let name = view.facts.service.as_str();
    let value = |key: &'static str| match key {
        "name" => string(name),
        "port" => string(view.facts.port.as_str()),
        _ => set(view.list(List::ServiceLabels).unwrap_or_default()),
    };
    entity(&WORDS.service, name, named, &["name", "port", "labels"], value)
}

/// The request of a caller to a service. Where an expression does not name one of them, none is given.
pub(super) fn request(caller: Option<&Entity>, service: Option<&Entity>, context: Context) -> Request {
    let call = || EntityUIDEntry::Known { euid: WORDS.call.clone(), loc: None };
    let known = |entity: Option<&Entity>| entity.map_or_else(call, |e| EntityUIDEntry::known(e.uid().clone(), None));
    Request::new_unchecked(known(caller), call(), known(service), Some(context))
}

/// The attributes of the context, as the schema names them.
const CONTEXT: &[&str] = &["method", "path", "captures", "headers", "time", "client", "tls", "user"];

/// The context, with these attributes as far as they are there, and these of the user.
pub(super) fn context(view: &View<'_>, named: &Named, of_user: &Named) -> Attributes {
    let value = |key: &&'static str| Some((SmolStr::new_static(key), attribute(view, key, of_user)?));
    CONTEXT.iter().filter(|key| named.has(key)).filter_map(value).collect()
}

/// One attribute of the context; `None` when it is absent.
fn attribute(view: &View<'_>, key: &str, of_user: &Named) -> Option<Value> {
    Some(match key {
        "method" => string(view.text(&Field::Method)?),
        "path" => string(view.text(&Field::Path)?),
        "captures" => record(captures(view)),
        "headers" => {
            let header = |(name, value): &(&str, &str)| (SmolStr::from(name.replace('-', "_")), string(value));
            record(view.facts.headers.iter().map(header))
        }
        "time" => {
            let part = |(key, part): (&'static str, Part)| (key.into(), Value::from(view.time(part)));
            let parts = [("epoch", Part::Epoch), ("hour", Part::Hour)];
            record(parts.into_iter().chain([("minute", Part::Minute), ("weekday", Part::Weekday)]).map(part))
        }
        "client" => address(view.client()?)?,
        "tls" => {
            let tls = view.tls()?;
            let texts = [("version", tls.version), ("cipher", tls.cipher), ("group", tls.group)];
            record(texts.map(|(key, text)| (key.into(), string(text))))
        }
        "user" => {
            let user = view.user()?;
            let value = |key: &'static str| match key {
                "issuer" => string(user.issuer.as_str()),
                "subject" => string(&user.subject),
                "scopes" => set(&user.scopes),
                "groups" => set(&user.groups),
                _ => set(&user.amr),
            };
            let keys = ["issuer", "subject", "scopes", "groups", "amr"].into_iter().filter(|key| of_user.has(key));
            record(keys.map(|key| (key.into(), value(key))))
        }
        _ => return None,
    })
}

/// What the segments of the first pattern that covers the path took.
pub(super) fn captures(view: &View<'_>) -> Attributes {
    let mut captures = Attributes::new();
    let segments = view.patterns.iter().flat_map(|pattern| pattern.segments());
    for segment in segments {
        let Segment::Any(name) = segment else { continue };
        if let Some(text) = view.text(&Field::Capture(name.clone())) {
            captures.entry(SmolStr::from(&**name)).or_insert_with(|| string(text));
        }
    }
    captures
}

pub(super) fn record(fields: impl IntoIterator<Item = (SmolStr, Value)>) -> Value {
    Value::record_arc(Arc::new(fields.into_iter().collect()), None)
}

pub(super) fn string(text: &str) -> Value {
    Value::from(SmolStr::from(text))
}

fn set(texts: &[Arc<str>]) -> Value {
    Value::set(texts.iter().map(|text| string(text)), None)
}

/// `ip("…")`; an address always is one.
fn address(address: IpAddr) -> Option<Value> {
    let call = RestrictedExpr::call_extension_fn(WORDS.ip.clone(), [RestrictedExpr::val(address.to_string())]);
    RestrictedEvaluator::new(Extensions::all_available()).interpret(call.as_borrowed()).ok()
}

/// An entity with those of its attributes that are named.
fn entity(
    kind: &EntityType,
    name: &str,
    named: &Named,
    keys: &[&'static str],
    value: impl Fn(&'static str) -> Value,
) -> Entity {
    let keys = keys.iter().copied().filter(|key| named.has(key));
    let attributes = keys.map(|key| (SmolStr::new_static(key), PartialValue::Value(value(key))));
    let uid = EntityUID::from_components(kind.clone(), Eid::new(name), None);
    Entity::new_with_attr_partial_value(uid, attributes, HashSet::new(), HashSet::new(), [])
}

/// Constants that Cedar makes by parsing alone, which takes longer than a decision.
static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let kind = |text| EntityType::from(name(text));
    let call = EntityUID::from_components(kind("Action"), Eid::new("call"), None);
    Words { caller: kind("Caller"), service: kind("Service"), call: Arc::new(call), ip: name("ip") }
});

struct Words {
    caller: EntityType,
    service: EntityType,
    call: Arc<EntityUID>,
    ip: Name,
}

#[expect(clippy::expect_used, reason = "only constants of this file are given, and they are identifiers")]
fn name(text: &str) -> Name {
    Name::parse_unqualified_name(text).expect("an identifier")
}
