//! The solver's example as facts of ours, decided again by our own engine: it counts only when the change allows it and
//! what was before does not.

use super::super::ask::Repository;
use super::solver::Found;
use selvedge_config::Checked;
use selvedge_model::{
    CanonicalPath, Credential, Decision, Facts, Host, HostPattern, Name, Peer, Principal, RequestFacts, SpiffeId,
    TlsFacts, WorkloadKind,
};
use selvedge_policy::Policy;
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::sync::Arc;

/// Seconds since 1970 of a Monday at noon: what most examples need no other time than.
const NOON: u64 = 1_767_614_400;
const DAY_S: u64 = 86_400;
/// Segments of an example beyond those that patterns name.
const MORE_SEGMENTS: usize = 1;

/// Facts that own what they name.
#[derive(Clone)]
pub(super) struct Example {
    caller: Caller,
    service: Name,
    port: Name,
    user: Option<Principal>,
    refused: bool,
    request: Option<(String, String)>,
    client: Option<IpAddr>,
    now: u64,
    headers: Vec<(String, String)>,
    tls: Option<[String; 3]>,
}

#[derive(Clone)]
enum Caller {
    Outside(Name, String),
    Service(Name, SpiffeId),
}

impl Example {
    /// The first of the forms that the example may have, which is one; as plain as it can be.
    pub(super) fn of(found: &Found, service: &Name, before: &Policy, after: &Repository) -> Option<Example> {
        let widens = |example: &Example| {
            example.decided(&after.policy, |decision| matches!(decision, Decision::Allow(_)))
                && example.decided(before, |decision| matches!(decision, Decision::Deny(_)))
        };
        let example = forms(found, service, &after.checked)?.into_iter().find(widens)?;
        let plainer: [fn(&mut Example); 5] = [
            |example| example.client = None,
            |example| example.tls = None,
            |example| example.headers.clear(),
            |example| example.user = None,
            |example| example.refused = false,
        ];
        let plain = plainer.iter().fold(example, |example, change| {
            let mut tried = example.clone();
            change(&mut tried);
            if widens(&tried) { tried } else { example }
        });
        Some(plain)
    }

    fn decided(&self, policy: &Policy, is: impl Fn(&Decision) -> bool) -> bool {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let facts = Facts {
            peer: match &self.caller {
                Caller::Outside(gateway, host) => Peer::Outside { gateway, host },
                Caller::Service(_, id) => Peer::Workload(id),
            },
            credential: match &self.user {
                Some(user) => Credential::Token(user),
                None if self.refused => Credential::Refused,
                None => Credential::Absent,
            },
            service: &self.service,
            port: &self.port,
            request: self.request.as_ref().map(|(method, path)| RequestFacts { method, path }),
            client: self.client,
            now: self.now,
            headers: &headers,
            tls: self.tls.as_ref().map(|[version, cipher, group]| TlsFacts { version, cipher, group }),
        };
        is(&policy.decide(&facts))
    }

    /// The facts, each on its line, and how to have them explained.
    pub(super) fn text(&self, checked: &Checked) -> String {
        let value = self.json(checked);
        let facts = value.as_object().into_iter().flatten();
        let lines = facts.map(|(name, value)| match value {
            Value::String(text) => format!("       {name:<9} {text}"),
            value => format!("       {name:<9} {value}"),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(super) fn json(&self, checked: &Checked) -> Value {
        let mut facts = Map::new();
        let caller = match &self.caller {
            Caller::Outside(gateway, host) => format!("gateway:{gateway}@{host}"),
            Caller::Service(name, _) => format!("service:{name}"),
        };
        let to = format!("{}:{}", self.service, self.port);
        let mut explain = vec![format!("selvedge explain --from {} --to {}", shell(&caller), shell(&to))];
        let mut put = |key: &str, value: Value| facts.insert(key.to_owned(), value);
        put("caller", json!(caller));
        put("service", json!(to));
        if let Some((method, path)) = &self.request {
            put("request", json!(format!("{method} {path}")));
            explain.push(shell(&format!("{method} {path}")));
        }
        if let Some(user) = &self.user {
            put("user", json!(user));
            if let Some(claims) = claims(checked, user) {
                put("claims", claims);
                explain.push("--token claims.json".to_owned());
            }
        }
        if self.refused {
            put("credential", json!("refused"));
        }
        if let Some(client) = self.client {
            put("client", json!(client));
            explain.push(format!("--client {client}"));
        }
        if !self.headers.is_empty() {
            put("headers", self.headers.iter().map(|(name, value)| json!(format!("{name}: {value}"))).collect());
            explain.extend(
                self.headers.iter().map(|(name, value)| format!("--header {}", shell(&format!("{name}: {value}")))),
            );
        }
        if let Some([version, cipher, group]) = &self.tls {
            put("tls", json!({ "version": version, "cipher": cipher, "group": group }));
        }
        put("time", json!(self.now));
        explain.push(format!("--time {}", self.now));
        put("explain", json!(explain.join(" ")));
        Value::Object(facts)
    }
}

/// One word of a shell.
fn shell(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/@".contains(&b);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Claims of a token that says this of the user; `None` when an API key does.
fn claims(checked: &Checked, user: &Principal) -> Option<Value> {
    let issuer = checked.mesh.issuers.get(&user.issuer)?;
    let mut claims = json!({
        "iss": issuer.url, "aud": issuer.audiences.first(), "sub": user.subject, "scope": user.scopes.join(" "),
        "amr": user.amr,
    });
    if !user.groups.is_empty() {
        let groups = issuer.groups_claim.iter().rev().fold(json!(user.groups), |inner, key| json!({ &**key: inner }));
        if let (Value::Object(claims), Value::Object(groups)) = (&mut claims, groups) {
            claims.extend(groups);
        }
    }
    Some(claims)
}

/// The forms that the example may have, the plainest first. What patterns and conditions do not name, the solver fills
/// with anything: a method that is no word, a path that is not canonical, an hour that is not that of the second.
fn forms(found: &Found, service: &Name, checked: &Checked) -> Option<Vec<Example>> {
    let (context, (name, caller)) = (&found.context, &found.caller);
    let requested = context["request"].as_bool()?;
    let callers = callers(name, caller, checked)?;
    let method = text(&context["method"]);
    let mut requests = vec![None];
    if requested {
        let is_method = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        let methods = ["GET".to_owned(), if is_method { method } else { "POST".to_owned() }];
        let paths = [segments(context), text(&context["path"])];
        let canonical =
            paths.iter().filter(|path| CanonicalPath::parse(path).is_ok_and(|parsed| parsed.as_str() == **path));
        requests = canonical.flat_map(|path| methods.clone().map(|method| Some((method, path.clone())))).collect();
    }
    let bare = Example {
        caller: callers.first()?.clone(),
        service: service.clone(),
        port: Name::parse(&text(&found.service["port"])).ok()?,
        user: user(&context["user"]),
        refused: context["refused"].as_bool()?,
        request: None,
        client: client(&context["client"]),
        now: NOON,
        headers: fields(&context["headers"]),
        tls: context.get("tls").map(|tls| ["version", "cipher", "group"].map(|key| text(&tls[key]))),
    };
    let mut forms = Vec::new();
    for now in times(&context["time"]) {
        for caller in &callers {
            for request in &requests {
                forms.push(Example { now, caller: caller.clone(), request: request.clone(), ..bare.clone() });
            }
        }
    }
    Some(forms)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<Arc<str>> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(Arc::from)).collect()
}

fn callers(name: &str, attributes: &Value, checked: &Checked) -> Option<Vec<Caller>> {
    if attributes["kind"].as_str()? == "service" {
        let name = Name::parse(name).ok()?;
        let id = SpiffeId::of(&checked.mesh.trust_domain, &WorkloadKind::Service(name.clone()));
        return Some(vec![Caller::Service(name, id)]);
    }
    let gateway = checked.gateways.get(name.strip_prefix("gateway/")?)?;
    let served = gateway.listeners.iter().flat_map(|listener| &listener.hosts).filter_map(|pattern| match pattern {
        HostPattern::Exact(host) => Some(host.clone()),
        HostPattern::Wildcard(_) | HostPattern::Any => None,
    });
    let given = Host::parse(&text(&attributes["host"])).ok();
    let hosts = served.chain(given).chain(Host::parse("a.example").ok());
    Some(hosts.map(|host| Caller::Outside(gateway.name.clone(), host.as_str().to_owned())).collect())
}

/// The path that its segments make; one that is no segment of a path becomes a plain word.
fn segments(context: &Value) -> String {
    let known = (0..).map_while(|at| context.get(format!("s{at}"))).map(text).collect::<Vec<_>>();
    let depth = context["depth"].as_u64().and_then(|depth| usize::try_from(depth).ok()).unwrap_or(1);
    let depth = depth.min(known.len() + MORE_SEGMENTS);
    let plain = |at: usize| {
        let given = known.get(at).map(String::as_str).unwrap_or("x");
        let alone = format!("/{given}");
        let canonical = CanonicalPath::parse(&alone).is_ok_and(|path| path.as_str() == alone);
        let one = !given.contains('/') && (!given.is_empty() || at + 1 == depth);
        if canonical && one { given.to_owned() } else { "x".to_owned() }
    };
    format!("/{}", (0..depth).map(plain).collect::<Vec<_>>().join("/"))
}

fn user(value: &Value) -> Option<Principal> {
    Some(Principal {
        issuer: Name::parse(value.get("issuer")?.as_str()?).ok()?,
        subject: value["subject"].as_str().filter(|subject| !subject.is_empty()).unwrap_or("someone").into(),
        scopes: texts(&value["scopes"]),
        groups: texts(&value["groups"]),
        amr: texts(&value["amr"]),
    })
}

/// The address in `ip("10.0.0.0/8")`: of a network the first.
fn client(value: &Value) -> Option<IpAddr> {
    let quoted = value.as_str()?.split('"').nth(1).or(value.as_str())?;
    quoted.split('/').next()?.parse().ok()
}

fn fields(value: &Value) -> Vec<(String, String)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.replace('_', "-"), text(value))).collect()
}

/// A time of that second, and one of that weekday, hour and minute.
fn times(value: &Value) -> Vec<u64> {
    let part = |key: &str| value[key].as_u64().unwrap_or_default();
    let days = (0..7).map(|day| NOON / DAY_S + day).find(|day| (day + 3) % 7 + 1 == part("weekday"));
    let clock = days.map(|day| day * DAY_S + part("hour") * 3_600 + part("minute") * 60);
    [Some(NOON), clock, Some(part("epoch"))].into_iter().flatten().collect()
}
