//! Bytes as base64 in JSON, within limits, for `#[serde(with)]`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Certificates in a list.
const LIST_MAX: usize = 16;
/// Characters of one text: a certificate of 8 KiB.
const CHARS_MAX: usize = crate::certificate::CERTIFICATE_BYTES_MAX / 3 * 4 + 4;

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    decode(&String::deserialize(deserializer)?)
}

fn decode<E: Error>(text: &str) -> Result<Vec<u8>, E> {
    if text.len() > CHARS_MAX {
        return Err(E::custom("a certificate or signature is too large"));
    }
    STANDARD.decode(text).map_err(|_| E::custom("not base64"))
}

/// A list of such texts.
pub(crate) mod list {
    use super::{Deserialize, Deserializer, Engine, Error, LIST_MAX, STANDARD, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        list.iter().map(|bytes| STANDARD.encode(bytes)).collect::<Vec<_>>().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        if texts.len() > LIST_MAX {
            return Err(D::Error::custom("at most 16 certificates are read"));
        }
        texts.iter().map(|text| super::decode(text)).collect()
    }
}
