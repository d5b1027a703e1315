//! What a condition can ask of facts, in our own form.

use selvedge_config::checked::Network;
use std::sync::Arc;

/// A question that facts answer at once. About what is absent the answer is no; a checked condition asks whether it is
/// there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Atom {
    /// Always this.
    Always(bool),
    /// Whether it is there: `context has user`.
    Has(Present),
    /// Whether the text is this one.
    Is(Field, Arc<str>),
    /// Whether two texts are equal.
    Same(Field, Field),
    /// Whether the text is one of these: `["GET", "HEAD"].contains(context.method)`.
    OneOf(Field, Vec<Arc<str>>),
    /// Whether the text begins so: `like "/admin/*"`.
    Begins(Field, Arc<str>),
    /// Whether the list has this.
    Contains(List, Arc<str>),
    /// Whether the list has this text of the request: `context.user.groups.contains(context.captures.team)`.
    ContainsField(List, Field),
    /// Whether the list has all of these; of none, yes.
    ContainsAll(List, Vec<Arc<str>>),
    /// Whether the list has one of these; of none, no.
    ContainsAny(List, Vec<Arc<str>>),
    /// Whether the list is empty.
    IsEmpty(List),
    /// Whether the client's address is in the network.
    ClientIn(Network),
    /// Whether the part of the time stands so to the number.
    Time(Part, Order, i64),
    /// Whether the caller is this one: a service's name, `gateway/NAME`, or a SPIFFE ID of elsewhere.
    Caller(Arc<str>),
}

/// A text of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    /// `context.method`; empty on a TCP port.
    Method,
    /// `context.path`; empty on a TCP port.
    Path,
    /// `principal.kind`: `outside` or `service`.
    CallerKind,
    /// `principal.id`: the SPIFFE ID of a service, empty from outside.
    CallerId,
    /// `principal.service`: the name of a service of this mesh, empty otherwise.
    CallerService,
    /// `principal.gateway`: empty inside.
    Gateway,
    /// `principal.host`: empty inside.
    Host,
    /// `resource.name`.
    Service,
    /// `resource.port`.
    Port,
    /// `context.user.issuer`.
    Issuer,
    /// `context.user.subject`.
    Subject,
    /// A request field, by its name on the wire.
    Header(Arc<str>),
    /// What a `{name}` of the rule's pattern took.
    Capture(Arc<str>),
    /// `context.tls.version`.
    TlsVersion,
    /// `context.tls.cipher`.
    TlsCipher,
    /// `context.tls.group`.
    TlsGroup,
}

/// A set of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// `context.user.scopes`.
    Scopes,
    /// `context.user.groups`.
    Groups,
    /// `context.user.amr`.
    Amr,
    /// `principal.labels`, each as `key=value`.
    CallerLabels,
    /// `resource.labels`.
    ServiceLabels,
}

/// What may be absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Present {
    User,
    Client,
    Tls,
    /// A request field, by its name on the wire.
    Header(Arc<str>),
    Capture(Arc<str>),
}

/// A part of the time, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Seconds since 1970.
    Epoch,
    /// From 0 to 23.
    Hour,
    /// From 0 to 59.
    Minute,
    /// From 1, Monday, to 7 (ISO 8601).
    Weekday,
}

/// How the first stands to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}
