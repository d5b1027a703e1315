//! Types of other crates as text in JSON: bytes as base64, hosts and addresses as people write them.

use selvedge_config::checked::HostPort;
use selvedge_model::Host;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Parses `host:port`; the port must be written.
///
/// # Errors
/// Says what is missing or wrong.
pub fn parse_host_port(text: &str) -> Result<HostPort, String> {
    let asked = "write it as `host:port`";
    let (host, port) = text.rsplit_once(':').ok_or_else(|| format!("`{text}` has no port: {asked}"))?;
    let port = port.parse().ok().filter(|port| *port != 0);
    let port = port.ok_or_else(|| format!("`{text}` has no port from 1 to 65535: {asked}"))?;
    let host = Host::parse(host).map_err(|error| format!("`{text}`: {error}: {asked}"))?;
    Ok(HostPort { host, port })
}

/// `host:port`, as [`parse_host_port`] reads it.
pub fn show_host_port(address: &HostPort) -> String {
    format!("{}:{}", address.host, address.port)
}

/// An address in JSON.
#[derive(Serialize, Deserialize)]
struct AddressText(#[serde(with = "host_port")] HostPort);

/// A [`HostPort`] as `"host:port"`.
pub mod host_port {
    use super::*;

    /// Writes one address.
    pub fn serialize<S: Serializer>(address: &HostPort, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&show_host_port(address))
    }

    /// Reads one address.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<HostPort, D::Error> {
        parse_host_port(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// An `Option<HostPort>` as `"host:port"` or `null`.
pub mod host_port_option {
    use super::*;

    /// Writes an address, or null.
    pub fn serialize<S: Serializer>(address: &Option<HostPort>, to: S) -> Result<S::Ok, S::Error> {
        address.as_ref().map(show_host_port).serialize(to)
    }

    /// Reads an address, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<HostPort>, D::Error> {
        Ok(Option::<AddressText>::deserialize(from)?.map(|text| text.0))
    }
}

/// Addresses by service.
pub(crate) mod host_ports_by_name {
    use super::*;
    use selvedge_model::Name;
    use std::collections::BTreeMap;

    pub(crate) fn serialize<S: Serializer>(map: &BTreeMap<Name, Vec<HostPort>>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(map.iter().map(|(name, addresses)| {
            let shown: Vec<String> = addresses.iter().map(show_host_port).collect();
            (name.as_str(), shown)
        }))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Name, Vec<HostPort>>, D::Error> {
        let map = BTreeMap::<Name, Vec<AddressText>>::deserialize(from)?;
        Ok(map.into_iter().map(|(name, list)| (name, list.into_iter().map(|text| text.0).collect())).collect())
    }
}

/// Hosts as a list of text.
pub mod hosts {
    use super::*;

    /// Writes hosts.
    pub fn serialize<S: Serializer>(hosts: &[Host], to: S) -> Result<S::Ok, S::Error> {
        hosts.serialize(to)
    }

    /// Reads hosts.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Host>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| Host::parse(text).map_err(D::Error::custom)).collect()
    }
}

/// Bytes as base64 (RFC 4648 §4).
pub mod b64 {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    /// Writes bytes.
    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    /// Reads bytes.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(|_| D::Error::custom("not base64"))
    }
}

/// A list of bytes as a list of base64.
pub mod b64_list {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Item(#[serde(with = "b64")] Vec<u8>);

    /// Writes a list.
    pub fn serialize<S: Serializer>(list: &[Vec<u8>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(|bytes| Item(bytes.clone())))
    }

    /// Reads a list.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Vec<u8>>, D::Error> {
        Ok(Vec::<Item>::deserialize(from)?.into_iter().map(|item| item.0).collect())
    }
}
