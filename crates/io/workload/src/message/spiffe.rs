//! Messages of the Workload API. Maps are ordered, so that equal answers are equal bytes.

use std::collections::BTreeMap;

/// Asks for something without saying more: three of the methods.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Empty {}

/// What a workload is.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct X509SvidResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) svids: Vec<X509Svid>,
    /// Lists of revoked certificates, DER.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(crate) crl: Vec<Vec<u8>>,
    /// Roots of federated trust domains by their SPIFFE ID, DER one after the other.
    #[prost(btree_map = "string, bytes", tag = "3")]
    pub(crate) federated_bundles: BTreeMap<String, Vec<u8>>,
}

/// One X.509-SVID.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct X509Svid {
    #[prost(string, tag = "1")]
    pub(crate) spiffe_id: String,
    /// The chain, leaf first, DER one after the other.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) chain: Vec<u8>,
    /// PKCS#8, DER.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) key: Vec<u8>,
    /// The roots of its trust domain, DER one after the other.
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) bundle: Vec<u8>,
    /// Tells several apart.
    #[prost(string, tag = "5")]
    pub(crate) hint: String,
}

/// Whom to trust for certificates.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct X509BundlesResponse {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(crate) crl: Vec<Vec<u8>>,
    #[prost(btree_map = "string, bytes", tag = "2")]
    pub(crate) bundles: BTreeMap<String, Vec<u8>>,
}

/// Asks for JWT-SVIDs.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct JwtSvidRequest {
    #[prost(string, repeated, tag = "1")]
    pub(crate) audience: Vec<String>,
    /// Empty: of every identity.
    #[prost(string, tag = "2")]
    pub(crate) spiffe_id: String,
}

/// JWT-SVIDs.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct JwtSvidResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) svids: Vec<JwtSvid>,
}

/// One JWT-SVID.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct JwtSvid {
    #[prost(string, tag = "1")]
    pub(crate) spiffe_id: String,
    #[prost(string, tag = "2")]
    pub(crate) token: String,
    #[prost(string, tag = "3")]
    pub(crate) hint: String,
}

/// Whom to trust for tokens: JWK sets by SPIFFE ID of the trust domain.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct JwtBundlesResponse {
    #[prost(btree_map = "string, bytes", tag = "1")]
    pub(crate) bundles: BTreeMap<String, Vec<u8>>,
}

/// Asks whether a token is good for an audience.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ValidateJwtSvidRequest {
    #[prost(string, tag = "1")]
    pub(crate) audience: String,
    #[prost(string, tag = "2")]
    pub(crate) token: String,
}

/// What a good token says.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ValidateJwtSvidResponse {
    #[prost(string, tag = "1")]
    pub(crate) spiffe_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) claims: Option<Struct>,
}

/// `google.protobuf.Struct`: an object of JSON.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Struct {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) fields: BTreeMap<String, Value>,
}

/// `google.protobuf.Value`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub(crate) kind: Option<Kind>,
}

/// `google.protobuf.ListValue`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct List {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<Value>,
}

/// The kinds of a value.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Kind {
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Struct(Struct),
    #[prost(message, tag = "6")]
    List(List),
}

impl From<&serde_json::Map<String, serde_json::Value>> for Struct {
    fn from(map: &serde_json::Map<String, serde_json::Value>) -> Struct {
        Struct { fields: map.iter().map(|(key, value)| (key.clone(), Value::from(value))).collect() }
    }
}

impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Value {
        let kind = match value {
            serde_json::Value::Null => Kind::Null(0),
            serde_json::Value::Bool(value) => Kind::Bool(*value),
            serde_json::Value::Number(number) => Kind::Number(number.as_f64().unwrap_or_default()),
            serde_json::Value::String(text) => Kind::Text(text.clone()),
            serde_json::Value::Array(values) => Kind::List(List { values: values.iter().map(Value::from).collect() }),
            serde_json::Value::Object(map) => Kind::Struct(Struct::from(map)),
        };
        Value { kind: Some(kind) }
    }
}
