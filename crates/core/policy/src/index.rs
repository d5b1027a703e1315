//! What a decision reads, laid out for the processor's cache: each service's ports, patterns, callers and credentials
//! stand together as numbers in one array, and its names in one text. What only answers show (names of rules, where they
//! are written) lies elsewhere.
//!
//! Nothing here decides. Every text is compared as a whole before it counts: hashes only say where to look.

mod build;
mod layout;
mod table;
mod tree;
mod words;

pub(crate) use build::Builder;
pub(crate) use layout::{Caller, Claim};

use selvedge_model::{HostPattern, Name, Peer, SpiffeId};
use std::sync::Arc;
use table::Table;

/// The index of a whole policy. Addresses are places in `words`.
#[derive(Debug, Default)]
pub(crate) struct Index {
    words: Box<[u32]>,
    texts: Box<[u8]>,
    /// By rule, in the order written.
    rules: Box<[Tested]>,
    /// Service records, by name.
    services: Table,
    /// Numbers of callers, by SPIFFE ID.
    callers: Table,
    /// The SPIFFE IDs of callers, by number.
    ids: Box<[Text]>,
    /// Labels of callers and services as `key=value`, sorted, by number.
    labels: Box<[Box<[Arc<str>]>]>,
    /// The methods that rules name, by number.
    methods: Box<[Arc<str>]>,
    gateways: Box<[Name]>,
    issuers: Box<[Name]>,
    hosts: Box<[Box<[HostPattern]>]>,
    /// Scopes and groups as answers show them.
    shown: Box<[Arc<str>]>,
}

/// A text: where it begins, and its length in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Text {
    at: u32,
    len: u32,
}

/// What a rule tests beside port and path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tested {
    /// See [`Index::has_method`].
    pub(crate) methods: u32,
    /// The record of who calls.
    pub(crate) from: u32,
    /// Its condition, counted from 1; 0 without one.
    pub(crate) when: u32,
}

/// A service's record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service(u32);

/// A port's record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Port(u32);

impl Index {
    /// How much of it decisions read, in bytes: records, texts and tables, without what answers show.
    pub(crate) fn bytes(&self) -> usize {
        let texts = size_of_val(&*self.texts) + size_of_val(&*self.ids);
        size_of_val(&*self.words) + texts + size_of_val(&*self.rules) + self.services.bytes() + self.callers.bytes()
    }

    /// The service of this name, if a rule is about it.
    pub(crate) fn service(&self, name: &Name) -> Option<Service> {
        let name = name.as_str().as_bytes();
        self.services.find(name, |record| self.is_text(self.text_at(record), name)).map(Service)
    }

    /// The port of this name, if a rule is about it. A service has few, so a scan is quicker than a search.
    pub(crate) fn port(&self, service: Service, name: &Name) -> Option<Port> {
        let name = name.as_str().as_bytes();
        let ports = self.list(service.0 + layout::SERVICE_PORTS, layout::PORT_WORDS);
        let mut ports = (0..ports.len() as u32 / layout::PORT_WORDS)
            .map(|port| service.0 + layout::SERVICE_PORTS + 1 + port * layout::PORT_WORDS);
        ports.find(|port| self.is_text(self.text_at(*port), name)).map(Port)
    }

    /// The labels of a service as what is called.
    pub(crate) fn service_labels(&self, service: Service) -> &[Arc<str>] {
        self.labels(Some(self.word(service.0 + layout::SERVICE_NUMBER)))
    }

    /// Every rule of a service, in the order written.
    pub(crate) fn rules_of(&self, service: Service) -> &[u32] {
        self.list(self.word(service.0 + layout::SERVICE_RULES), 1)
    }

    /// Every rule of a port, in the order written.
    pub(crate) fn rules_at(&self, port: Port) -> &[u32] {
        self.list(self.word(port.0 + layout::PORT_RULES), 1)
    }

    /// Visits the rules of a port that are about this path, or about no path at all where there is none.
    pub(crate) fn visit(&self, port: Port, path: Option<&str>, visit: &mut impl FnMut(u32)) {
        match path {
            Some(path) => {
                let path = path.as_bytes();
                let segments = path.strip_prefix(b"/").unwrap_or(path);
                self.descend(self.word(port.0 + layout::PORT_TREE), Some(segments), visit);
            }
            None => self.list(self.word(port.0 + layout::PORT_WHOLE), 1).iter().for_each(|rule| visit(*rule)),
        }
    }

    /// What a rule tests.
    pub(crate) fn tested(&self, rule: u32) -> Option<Tested> {
        self.rules.get(rule as usize).copied()
    }

    /// The number of a caller of this mesh that some document names.
    pub(crate) fn caller(&self, id: &SpiffeId) -> Option<u32> {
        let id = id.as_str().as_bytes();
        let is = |number: u32| self.ids.get(number as usize).is_some_and(|text| self.is_text(*text, id));
        self.callers.find(id, is)
    }

    /// Labels by number; none of an unknown one.
    pub(crate) fn labels(&self, number: Option<u32>) -> &[Arc<str>] {
        number.and_then(|number| self.labels.get(number as usize)).map(|labels| &**labels).unwrap_or_default()
    }

    /// The number of what is at the other end: a caller's inside, a gateway's from outside.
    pub(crate) fn peer(&self, peer: Peer<'_>) -> Option<u32> {
        match peer {
            Peer::Workload(id) => self.caller(id),
            Peer::Outside { gateway, .. } => {
                self.gateways.iter().position(|name| name == gateway).and_then(|at| u32::try_from(at).ok())
            }
        }
    }

    /// The number of a method; `None` of one that no rule names.
    pub(crate) fn method(&self, method: &str) -> Option<u32> {
        self.methods.iter().position(|known| **known == *method).and_then(|at| u32::try_from(at).ok())
    }

    fn is_text(&self, text: Text, is: &[u8]) -> bool {
        text.len as usize == is.len() && self.text(text) == Some(is)
    }

    fn text(&self, text: Text) -> Option<&[u8]> {
        self.texts.get(text.at as usize..)?.get(..text.len as usize)
    }

    /// The text that two words name.
    fn text_at(&self, at: u32) -> Text {
        Text { at: self.word(at), len: self.word(at + 1) }
    }

    /// One word. INVARIANT: addresses are made by the builder; another one would read as nothing, and match nothing.
    fn word(&self, at: u32) -> u32 {
        self.words.get(at as usize).copied().unwrap_or(0)
    }

    /// The items after their count, each of this many words.
    fn list(&self, at: u32, words: u32) -> &[u32] {
        self.slice(at + 1, self.word(at).saturating_mul(words))
    }

    fn slice(&self, at: u32, count: u32) -> &[u32] {
        self.words.get(at as usize..).and_then(|words| words.get(..count as usize)).unwrap_or_default()
    }
}
