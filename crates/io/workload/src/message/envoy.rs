//! Messages of Envoy's secret discovery service, as far as it is spoken here. What is not named is skipped when read.

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

/// `envoy.service.discovery.v3.DiscoveryRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DiscoveryRequest {
    /// The version that is in use.
    #[prost(string, tag = "1")]
    pub(crate) version: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) names: Vec<String>,
    #[prost(string, tag = "4")]
    pub(crate) type_url: String,
    /// Of the answer that this acknowledges.
    #[prost(string, tag = "5")]
    pub(crate) nonce: String,
    /// Why that answer was refused.
    #[prost(message, optional, tag = "6")]
    pub(crate) error: Option<ErrorDetail>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ErrorDetail {
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

/// `envoy.service.discovery.v3.DiscoveryResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DiscoveryResponse {
    #[prost(string, tag = "1")]
    pub(crate) version: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) resources: Vec<Any>,
    #[prost(string, tag = "4")]
    pub(crate) type_url: String,
    #[prost(string, tag = "5")]
    pub(crate) nonce: String,
}

/// `envoy.extensions.transport_sockets.tls.v3.Secret`, with one of the two.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Secret {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) certificate: Option<TlsCertificate>,
    #[prost(message, optional, tag = "4")]
    pub(crate) validation: Option<ValidationContext>,
}

/// `envoy.extensions.transport_sockets.tls.v3.TlsCertificate`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TlsCertificate {
    #[prost(message, optional, tag = "1")]
    pub(crate) chain: Option<DataSource>,
    #[prost(message, optional, tag = "2")]
    pub(crate) key: Option<DataSource>,
}

/// `envoy.config.core.v3.DataSource`, inline.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DataSource {
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) bytes: Vec<u8>,
}

/// `envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ValidationContext {
    #[prost(message, optional, tag = "12")]
    pub(crate) validator: Option<TypedExtension>,
}

/// `envoy.config.core.v3.TypedExtensionConfig`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TypedExtension {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) config: Option<Any>,
}

/// `envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SpiffeValidator {
    #[prost(message, repeated, tag = "1")]
    pub(crate) trust_domains: Vec<ValidatedDomain>,
}

/// A trust domain and its own roots.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ValidatedDomain {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) bundle: Option<DataSource>,
}
