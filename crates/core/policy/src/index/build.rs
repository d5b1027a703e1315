//! Laying an index out, one service after the other, so that what one decision reads stands together.

use super::layout::{
    ALL_METHODS, FROM_GATEWAY, FROM_SERVICES, METHOD_BITS, METHOD_LIST, PORT_RULES, PORT_TREE, PORT_WHOLE, PORT_WORDS,
    SERVICE_RULES,
};
use super::table::Table;
use super::tree::Tree;
use super::words::{Words, len};
use super::{Index, Tested, Text};
use selvedge_config::checked::{CredentialRule, From, Rule};
use selvedge_model::{HostPattern, Name, SpiffeId, TrustDomain, WorkloadKind};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// An index under construction.
#[derive(Debug)]
pub(crate) struct Builder {
    words: Words,
    rules: Vec<Tested>,
    domain: TrustDomain,
    /// Numbers of services.
    numbers: BTreeMap<Name, u32>,
    /// Numbers of workloads of federated meshes.
    federated: BTreeMap<SpiffeId, u32>,
    ids: Vec<SpiffeId>,
    labels: Vec<Box<[Arc<str>]>>,
    methods: Vec<Arc<str>>,
    gateways: Vec<Name>,
    issuers: Vec<Name>,
    hosts: Vec<Box<[HostPattern]>>,
    hosts_known: HashMap<Box<[HostPattern]>, u32>,
    shown: Vec<Arc<str>>,
    shown_known: HashMap<Arc<str>, u32>,
    /// Records of who calls, so that equal ones stand once.
    froms: HashMap<Vec<u32>, u32>,
    services: Vec<(Name, u32)>,
}

impl Builder {
    /// Nothing yet.
    pub(crate) fn new(domain: &TrustDomain) -> Builder {
        Builder {
            words: Words::new(),
            rules: Vec::new(),
            domain: domain.clone(),
            numbers: BTreeMap::new(),
            federated: BTreeMap::new(),
            ids: Vec::new(),
            labels: Vec::new(),
            methods: Vec::new(),
            gateways: Vec::new(),
            issuers: Vec::new(),
            hosts: Vec::new(),
            hosts_known: HashMap::new(),
            shown: Vec::new(),
            shown_known: HashMap::new(),
            froms: HashMap::new(),
            services: Vec::new(),
        }
    }

    /// The number of a service as a caller; with these labels, when it is new.
    pub(crate) fn number(&mut self, service: &Name, labels: impl FnOnce() -> Box<[Arc<str>]>) -> u32 {
        let next = len(self.ids.len());
        let number = *self.numbers.entry(service.clone()).or_insert(next);
        if number == next {
            self.ids.push(SpiffeId::of(&self.domain, &WorkloadKind::Service(service.clone())));
            self.labels.push(labels());
        }
        number
    }

    /// The number of a caller of a federated mesh, of which nothing else is known.
    fn federated(&mut self, id: &SpiffeId) -> u32 {
        let next = len(self.ids.len());
        let number = *self.federated.entry(id.clone()).or_insert(next);
        if number == next {
            self.ids.push(id.clone());
            self.labels.push(Box::default());
        }
        number
    }

    /// Adds a service with its rules, each with its place in the order written. Rules are told to
    /// [`Builder::finish`] apart, in that order.
    pub(crate) fn add(&mut self, service: &Name, rules: &[(u32, &Rule)]) {
        let number = self.number(service, Box::default);
        let mut ports: Vec<&Name> = Vec::new();
        for port in rules.iter().flat_map(|(_, rule)| &rule.ports) {
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        let record = self.words.here();
        self.services.push((service.clone(), record));
        self.words.push_text(service.as_str());
        self.words.push(number);
        self.words.push(0);
        self.words.push_len(ports.len());
        let first = self.words.here();
        for port in &ports {
            self.words.push_text(port.as_str());
            (0..3).for_each(|_| self.words.push(0));
        }
        let all: Vec<u32> = rules.iter().map(|(index, _)| *index).collect();
        let all = self.words.push_list(&all);
        self.words.set(record + SERVICE_RULES, all);
        for (at, port) in ports.iter().enumerate() {
            let own: Vec<&(u32, &Rule)> = rules.iter().filter(|(_, rule)| rule.ports.contains(port)).collect();
            self.lay_port(first + len(at) * PORT_WORDS, &own, (own.len() == rules.len()).then_some(all));
        }
        for (index, rule) in rules {
            let (methods, from) = (self.methods(rule), self.from(rule));
            let at = *index as usize;
            self.rules.resize(self.rules.len().max(at + 1), Tested { methods: 0, from: 0, when: 0 });
            if let Some(tested) = self.rules.get_mut(at) {
                *tested = Tested { methods, from, when: tested.when };
            }
        }
    }

    /// Fills the record of a port that these rules are about; `listed` is where they stand as a list already.
    fn lay_port(&mut self, port: u32, own: &[&(u32, &Rule)], listed: Option<u32>) {
        let mut tree = Tree::default();
        let patterns = own.iter().flat_map(|(index, rule)| rule.paths.iter().map(|path| (path, *index)));
        patterns.for_each(|(path, index)| tree.insert(path, index));
        let tree = tree.lay(&mut self.words);
        self.words.set(port + PORT_TREE, tree);
        let whole: Vec<u32> = own.iter().filter(|(_, rule)| rule.paths.is_empty()).map(|(index, _)| *index).collect();
        let whole = self.words.push_list(&whole);
        self.words.set(port + PORT_WHOLE, whole);
        let listed = listed.unwrap_or_else(|| {
            let own: Vec<u32> = own.iter().map(|(index, _)| *index).collect();
            self.words.push_list(&own)
        });
        self.words.set(port + PORT_RULES, listed);
    }

    /// The index. `whens` are the conditions of rules, counted from 1, by the place of the rule.
    pub(crate) fn finish(mut self, whens: &[u32]) -> Index {
        for (tested, when) in self.rules.iter_mut().zip(whens) {
            tested.when = *when;
        }
        let ids: Vec<Text> = std::mem::take(&mut self.ids).iter().map(|id| self.words.text(id.as_str())).collect();
        let callers: Vec<(&[u8], u32)> =
            ids.iter().zip(0..).map(|(text, number)| (self.words.bytes(*text), number)).collect();
        let services: Vec<(&[u8], u32)> =
            self.services.iter().map(|(name, at)| (name.as_str().as_bytes(), *at)).collect();
        let (callers, services) = (Table::of(&callers), Table::of(&services));
        let (words, texts) = self.words.done();
        Index {
            words,
            texts,
            rules: self.rules.into(),
            services,
            callers,
            ids: ids.into(),
            labels: self.labels.into(),
            methods: self.methods.into(),
            gateways: self.gateways.into(),
            issuers: self.issuers.into(),
            hosts: self.hosts.into(),
            shown: self.shown.into(),
        }
    }

    fn methods(&mut self, rule: &Rule) -> u32 {
        let Some(methods) = &rule.methods else { return ALL_METHODS };
        let numbers: Vec<u32> = methods.iter().map(|method| number_in(&mut self.methods, method)).collect();
        if numbers.iter().all(|number| *number < METHOD_BITS) {
            return numbers.iter().fold(0, |mask, number| mask | 1 << number);
        }
        self.words.push_list(&numbers) | METHOD_LIST
    }

    fn from(&mut self, rule: &Rule) -> u32 {
        let mut record = Vec::new();
        match &rule.from {
            From::Services(names) => {
                let mut numbers: Vec<u32> = names.iter().map(|name| self.number(name, Box::default)).collect();
                numbers.sort_unstable();
                record.extend([FROM_SERVICES, len(numbers.len())]);
                record.extend(numbers);
                let user = rule.on_behalf_of.as_ref();
                self.claim(user.map(|user| (&user.issuer, &*user.scopes, &*user.groups)), &mut record);
            }
            From::Federated(id) => {
                record.extend([FROM_SERVICES, 1, self.federated(id)]);
                self.claim(None, &mut record);
            }
            From::Gateway { gateway, hosts, credential } => {
                let hosts = distinct(&mut self.hosts, &mut self.hosts_known, hosts.clone().into());
                record.extend([FROM_GATEWAY, number_in(&mut self.gateways, gateway), hosts]);
                let claim = match credential {
                    CredentialRule::Anonymous => None,
                    CredentialRule::Token { issuer, scopes, groups } => Some((issuer, &**scopes, &**groups)),
                };
                self.claim(claim, &mut record);
            }
        }
        if let Some(at) = self.froms.get(&record) {
            return *at;
        }
        let at = self.words.here();
        self.words.extend(&record);
        self.froms.insert(record, at);
        at
    }

    fn claim(&mut self, claim: Option<Wanted<'_>>, record: &mut Vec<u32>) {
        let Some((issuer, scopes, groups)) = claim else {
            record.push(0);
            return;
        };
        let issuer = number_in(&mut self.issuers, issuer) + 1;
        let joined = if groups.is_empty() { 0 } else { self.shown(groups.join(", ").into()) };
        record.extend([issuer, len(scopes.len()), len(groups.len()), joined]);
        for scope in scopes {
            let text = self.words.text(scope);
            let shown = self.shown(scope.clone());
            record.extend([text.at, text.len, shown]);
        }
        for group in groups {
            let text = self.words.text(group);
            record.extend([text.at, text.len]);
        }
    }

    fn shown(&mut self, text: Arc<str>) -> u32 {
        distinct(&mut self.shown, &mut self.shown_known, text)
    }
}

/// What a token must say: its issuer, scopes, and one of these groups.
type Wanted<'a> = (&'a Name, &'a [Arc<str>], &'a [Arc<str>]);

/// The place of a value in a list of distinct ones, added when it is new. For the few: gateways, issuers, methods.
fn number_in<T: PartialEq + Clone>(values: &mut Vec<T>, value: &T) -> u32 {
    let at = values.iter().position(|known| known == value).unwrap_or_else(|| {
        values.push(value.clone());
        values.len() - 1
    });
    len(at)
}

/// As [`number_in`], for the many.
fn distinct<T: Eq + Hash + Clone>(values: &mut Vec<T>, known: &mut HashMap<T, u32>, value: T) -> u32 {
    let next = len(values.len());
    let number = *known.entry(value.clone()).or_insert(next);
    if number == next {
        values.push(value);
    }
    number
}
