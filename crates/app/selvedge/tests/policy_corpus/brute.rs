//! Every concrete request that a repository's words make interesting, decided by the engine and by the analysis.

use crate::term;
use selvedge_config::SourceFile;
use selvedge_config::checked::{Checked, CredentialRule, From, Port, Protocol, Service};
use selvedge_model::{
    CanonicalPath, Credential, Decision, Facts, HostPattern, Name, PathPattern, Peer, Principal, RequestFacts, Segment,
    SpiffeId, WorkloadKind,
};
use selvedge_policy::Policy;
use selvedge_policy::analyse::{Analysis, Answer, Caller, Identity, Shown};
use std::collections::BTreeSet;
use std::error::Error;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// Methods beside those that rules name.
const METHODS: [&str; 2] = ["GET", "PURGE"];
/// Thursday noon, Thursday at four, Monday noon.
const TIMES: [u64; 3] = [1_767_268_800, 1_767_240_000, 1_767_614_400];
const CLIENTS: [Option<IpAddr>; 3] = [
    None,
    Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 2, 3))),
    Some(IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7))),
];
const HEADERS: [&[(&str, &str)]; 2] = [&[], &[("x-tenant", "acme")]];

/// One repository, valid.
pub(crate) struct Repository {
    checked: Checked,
    policy: Policy,
    /// Texts in quotes, of conditions and guardrails: among them are paths, scopes and groups.
    quoted: BTreeSet<String>,
    /// Every `when` and guardrail.
    conditions: String,
}

/// Someone who calls, and how it proves itself.
struct Someone {
    identity: Whose,
    user: Option<Principal>,
}

enum Whose {
    Service(Name, SpiffeId),
    Federated(SpiffeId),
    Outside(Name, String),
}

/// What is asked of one port.
struct Question<'a> {
    service: &'a Service,
    port: &'a Port,
    /// `None` is a connection to a TCP port.
    request: Option<(&'a str, &'a str)>,
}

/// A request, and who may make it, by brute force.
pub(crate) struct Asked {
    pub(crate) service: String,
    pub(crate) request: String,
    pub(crate) allowed: BTreeSet<String>,
    pub(crate) callers: BTreeSet<String>,
}

impl Repository {
    /// Reads a directory without subdirectories.
    pub(crate) fn read(directory: &Path) -> Result<Repository, Box<dyn Error>> {
        let mut files = Vec::new();
        let mut quoted = BTreeSet::new();
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "yaml" || kind == "cedar") {
                let text = std::fs::read_to_string(&path)?;
                quoted.extend(text.split('"').skip(1).step_by(2).map(str::to_owned));
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                files.push(SourceFile { name: name.as_ref().into(), text: text.into() });
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let (checked, policy) = selvedge_policy::check(&files).map_err(|found| format!("{found:?}"))?;
        let rules = checked.access.iter().flat_map(|access| &access.rules);
        let guardrails = checked.guardrails.iter().map(|file| file.text.as_str());
        let conditions = rules.filter_map(|rule| rule.when.as_ref()).map(|when| when.as_str()).chain(guardrails);
        let conditions = conditions.collect::<Vec<_>>().join("\n");
        Ok(Repository { checked, policy, quoted, conditions })
    }

    /// Compares every request; says where engine and analysis differ. How many were compared.
    pub(crate) fn compare(&self, differs: &mut dyn FnMut(String)) -> usize {
        let analysis = Analysis::of(&self.checked, &self.policy);
        let (callers, methods, paths) = (self.callers(), self.methods(), self.paths());
        let mut compared = 0;
        for service in self.checked.services.values() {
            for port in &service.ports {
                if port.protocol == Protocol::Tcp {
                    let question = Question { service, port, request: None };
                    compared += self.ask(&analysis, &question, &callers, differs);
                    continue;
                }
                for (method, path) in methods.iter().flat_map(|method| paths.iter().map(move |path| (method, path))) {
                    let question = Question { service, port, request: Some((method, path)) };
                    compared += self.ask(&analysis, &question, &callers, differs);
                }
            }
        }
        compared
    }

    /// A request for each rule, with the callers that some facts let in, and all callers: `checkout`, `gateway:public`.
    pub(crate) fn by_rule(&self) -> Vec<Asked> {
        let callers = self.callers();
        let mut asked = Vec::new();
        for access in &self.checked.access {
            let Some(service) = self.checked.services.get(&access.service) else { continue };
            for rule in &access.rules {
                let Some(port) = rule.ports.first().and_then(|name| service.port(name)) else { continue };
                let Some(path) = rule.paths.first().map(example) else { continue };
                let method = rule.methods.iter().flatten().next().map_or("GET", |method| method);
                let question = Question { service, port, request: Some((method, &path)) };
                let may = callers.iter().filter(|someone| {
                    self.facts(&question, someone).iter().any(|f| matches!(self.policy.decide(f), Decision::Allow(_)))
                });
                asked.push(Asked {
                    service: format!("{}:{}", service.name, port.name),
                    request: format!("{method} {path}"),
                    allowed: may.map(Someone::label).collect(),
                    callers: callers.iter().map(Someone::label).collect(),
                });
            }
        }
        asked
    }

    fn ask(
        &self,
        analysis: &Analysis<'_>,
        question: &Question<'_>,
        callers: &[Someone],
        differs: &mut dyn FnMut(String),
    ) -> usize {
        let Question { service, port, request } = *question;
        let pattern = request.and_then(|(_, path)| PathPattern::parse(path).ok());
        let method = request.map(|(method, _)| method);
        let who = analysis.who_can(service, Some(&port.name), method, pattern.as_ref());
        let (mut compared, mut can) = (0, Vec::new());
        for someone in callers {
            // Users of one host stand together, and `can` is about all of them.
            let caller = someone.caller();
            if can.last().is_none_or(|(asked, _)| *asked != caller) {
                let answers = analysis.can(&caller, service, method, pattern.as_ref());
                can.push((caller, answers));
            }
            let can = can.last().map(|(_, answers)| answers.as_slice()).unwrap_or_default();
            let answers = [("who-can", someone.within(&who, &port.name)), ("can", someone.within(can, &port.name))];
            for facts in self.facts(question, someone) {
                let engine = matches!(self.policy.decide(&facts), Decision::Allow(_));
                for (name, answer) in answers {
                    let allowed =
                        answer.map_or(Some(false), |answer| term::allows(&answer.access, &facts, &self.checked));
                    if allowed.is_some_and(|allowed| allowed != engine) {
                        differs(format!("{name} says {allowed:?}, the engine {engine}: {facts:?}"));
                    }
                }
                compared += 1;
            }
        }
        compared
    }

    /// The request with everything that conditions look at: hours, addresses and fields only where one speaks of them.
    fn facts<'a>(&self, question: &Question<'a>, someone: &'a Someone) -> Vec<Facts<'a>> {
        let few = |word: &str, all: usize| if self.conditions.contains(word) { all } else { 1 };
        let facts = |(now, client, headers)| Facts {
            peer: someone.peer(),
            credential: someone.user.as_ref().map_or(Credential::Absent, Credential::Token),
            service: &question.service.name,
            port: &question.port.name,
            request: question.request.map(|(method, path)| RequestFacts { method, path }),
            client,
            now,
            headers,
            tls: None,
        };
        let times = TIMES.into_iter().take(few("time", TIMES.len()));
        let clients = CLIENTS.into_iter().take(few("client", CLIENTS.len()));
        let fields = HEADERS.into_iter().take(few("headers", HEADERS.len()));
        let with_client = times.flat_map(|now| clients.clone().map(move |client| (now, client)));
        with_client
            .flat_map(|(now, client)| fields.clone().map(move |headers| (now, client, headers)))
            .map(facts)
            .collect()
    }

    fn callers(&self) -> Vec<Someone> {
        let id = |name: &Name| SpiffeId::of(&self.checked.mesh.trust_domain, &WorkloadKind::Service(name.clone()));
        let services = self.checked.services.keys();
        let mut callers: Vec<Someone> =
            services.map(|name| Someone { identity: Whose::Service(name.clone(), id(name)), user: None }).collect();
        // Of each federated mesh: those that rules name, and one with the name of each service of ours.
        let named = self.checked.access.iter().flat_map(|access| &access.rules).filter_map(|rule| match &rule.from {
            From::Federated(id) => Some(id.clone()),
            From::Gateway { .. } | From::Services(_) => None,
        });
        let domains = self.checked.mesh.federates_with.keys();
        let twins = domains.flat_map(|domain| {
            let twin = |name: &Name| SpiffeId::of(domain, &WorkloadKind::Service(name.clone()));
            self.checked.services.keys().map(twin)
        });
        let federated: BTreeSet<SpiffeId> = named.chain(twins).collect();
        callers.extend(federated.into_iter().map(|id| Someone { identity: Whose::Federated(id), user: None }));
        let users = self.users();
        for gateway in self.checked.gateways.values() {
            let patterns: BTreeSet<&HostPattern> =
                gateway.listeners.iter().flat_map(|listener| &listener.hosts).collect();
            let hosts = patterns.into_iter().map(|pattern| match pattern {
                HostPattern::Exact(host) => host.to_string(),
                HostPattern::Wildcard(suffix) => format!("north.{suffix}"),
                HostPattern::Any => "any.example".to_owned(),
            });
            for host in hosts.chain(["elsewhere.example".to_owned()]) {
                let outside = |user| Someone { identity: Whose::Outside(gateway.name.clone(), host.clone()), user };
                callers.push(outside(None));
                callers.extend(users.iter().map(|user| outside(Some(user.clone()))));
            }
        }
        callers
    }

    /// Users of each issuer: with nothing, with everything, and with one thing each.
    fn users(&self) -> Vec<Principal> {
        let (mut scopes, mut groups) = (BTreeSet::<Arc<str>>::new(), BTreeSet::<Arc<str>>::new());
        for rule in self.checked.access.iter().flat_map(|access| &access.rules) {
            if let From::Gateway { credential: CredentialRule::Token { scopes: s, groups: g, .. }, .. } = &rule.from {
                scopes.extend(s.iter().cloned());
                groups.extend(g.iter().cloned());
            }
        }
        let (scopes, groups): (Vec<_>, Vec<_>) = (scopes.into_iter().collect(), groups.into_iter().collect());
        let mfa = || vec![Arc::from("mfa")];
        let mut grants = vec![(Vec::new(), Vec::new(), Vec::new()), (scopes.clone(), groups.clone(), Vec::new())];
        grants.push((scopes.clone(), groups.clone(), mfa()));
        grants.extend(scopes.into_iter().map(|scope| (vec![scope], Vec::new(), mfa())));
        grants.extend(groups.into_iter().map(|group| (Vec::new(), vec![group], Vec::new())));
        let issuers = self.checked.mesh.issuers.keys().chain(self.checked.mesh.api_keys.keys());
        let users = issuers.flat_map(|issuer| {
            grants.iter().map(|(scopes, groups, amr)| Principal {
                issuer: issuer.clone(),
                subject: "u1".into(),
                scopes: scopes.clone(),
                groups: groups.clone(),
                amr: amr.clone(),
            })
        });
        users.collect()
    }

    fn methods(&self) -> BTreeSet<String> {
        let rules = self.checked.access.iter().flat_map(|access| &access.rules);
        let named = rules.filter_map(|rule| rule.methods.as_ref()).flatten().map(|method| method.to_string());
        named.chain(METHODS.map(str::to_owned)).collect()
    }

    /// Paths of every pattern, `{name}` being any literal of another pattern or something new, and `/**` nothing or more.
    fn paths(&self) -> BTreeSet<String> {
        let rules = self.checked.access.iter().flat_map(|access| &access.rules);
        let patterns: Vec<&PathPattern> = rules.flat_map(|rule| &rule.paths).collect();
        let literal = |segment: &Segment| match segment {
            Segment::Literal(text) => Some(text.to_string()),
            Segment::Any(_) => None,
        };
        let literals: BTreeSet<String> = patterns.iter().flat_map(|p| p.segments()).filter_map(literal).collect();
        let mut paths: BTreeSet<String> = ["/".to_owned(), "/else".to_owned(), "/else/where".to_owned()].into();
        for pattern in patterns {
            let mut begun = vec![String::new()];
            for segment in pattern.segments() {
                let choices = match segment {
                    Segment::Literal(text) => vec![text.to_string()],
                    Segment::Any(_) => literals.iter().cloned().chain(["7".to_owned()]).take(4).collect(),
                };
                begun =
                    begun.iter().flat_map(|path| choices.iter().map(move |next| format!("{path}/{next}"))).collect();
            }
            let ends = if pattern.takes_rest() { ["", "/", "/more", "/more/yet"].as_slice() } else { &["", "/more"] };
            paths.extend(begun.iter().flat_map(|path| ends.iter().map(move |end| format!("{path}{end}"))));
        }
        let quoted =
            self.quoted.iter().filter(|text| text.starts_with('/')).map(|text| text.trim_end_matches(['*', '/']));
        paths.extend(quoted.flat_map(|text| ["", "x", "/x", "/x/y"].map(|end| format!("{text}{end}"))));
        paths.retain(|path| CanonicalPath::parse(path).is_ok_and(|canonical| canonical.as_str() == path));
        paths.retain(|path| PathPattern::parse(path).is_ok());
        paths
    }
}

/// A path of a pattern.
fn example(pattern: &PathPattern) -> String {
    let segment = |segment: &Segment| match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Any(_) => "/8".to_owned(),
    };
    let path: String = pattern.segments().iter().map(segment).collect();
    if path.is_empty() { "/".to_owned() } else { path }
}

impl Someone {
    /// As the command line names it.
    fn label(&self) -> String {
        match &self.identity {
            Whose::Service(name, _) => name.to_string(),
            Whose::Federated(id) => id.to_string(),
            Whose::Outside(gateway, _) => format!("gateway:{gateway}"),
        }
    }

    fn peer(&self) -> Peer<'_> {
        match &self.identity {
            Whose::Service(_, id) | Whose::Federated(id) => Peer::Workload(id),
            Whose::Outside(gateway, host) => Peer::Outside { gateway, host },
        }
    }

    /// How a question names it.
    fn caller(&self) -> Caller {
        match &self.identity {
            Whose::Service(name, _) => Caller::Service(name.clone()),
            Whose::Federated(id) => Caller::Federated(id.clone()),
            Whose::Outside(gateway, host) => Caller::Gateway(gateway.clone(), Some(host.clone())),
        }
    }

    /// The answer that is about it; there is at most one for one request. A token whose issuer no rule of the question
    /// names is another kind of caller, which has no issuer's name.
    fn within<'a>(&self, answers: &'a [Answer], port: &Name) -> Option<&'a Answer> {
        let about = |other: bool| {
            let mut answers = answers.iter().filter(|answer| answer.port == *port);
            answers.find(|answer| answer.callers.iter().any(|caller| self.is(caller, other)))
        };
        about(false).or_else(|| about(true))
    }

    fn is(&self, identity: &Identity, other: bool) -> bool {
        match (&self.identity, identity) {
            (Whose::Service(name, _), Identity::Service(other)) => name == other,
            (Whose::Federated(id), Identity::Federated(other)) => id == other,
            (Whose::Outside(gateway, host), Identity::Outside { gateway: through, hosts, shown }) => {
                let shows = match (&self.user, shown) {
                    (None, Shown::Nothing) => true,
                    (Some(user), Shown::Token(issuer)) => user.issuer == *issuer,
                    (Some(_), Shown::OtherToken) => other,
                    (None, Shown::Token(_) | Shown::OtherToken) | (Some(_), Shown::Nothing) => false,
                };
                gateway == through && hosts.has(host) && shows
            }
            (Whose::Service(..), Identity::Outside { .. } | Identity::Federated(_))
            | (Whose::Federated(_), Identity::Outside { .. } | Identity::Service(_))
            | (Whose::Outside(..), Identity::Service(_) | Identity::Federated(_)) => false,
        }
    }
}
