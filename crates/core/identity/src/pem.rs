//! PEM (RFC 7468) for certificates and PKCS#8 keys. Our own, since a key's text must be zeroed at every step.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Bytes of a PEM text.
const PEM_BYTES_MAX: usize = 64 * 1024;
/// Blocks in a PEM text.
const PEM_BLOCKS_MAX: usize = 32;
/// Bytes that make one line of 64 characters.
const LINE_BYTES: usize = 48;
/// Characters of the lines before and after a block, at most.
const FRAME_CHARS: usize = 64;

const CERTIFICATE: &str = "CERTIFICATE";
const PRIVATE_KEY: &str = "PRIVATE KEY";
/// The labels of a certificate request (RFC 7468 §7); some programs write the second.
const REQUESTS: [&str; 2] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];

/// Why a text is no PEM that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Over 64 KiB or 32 blocks.
    #[error("the PEM text is too large: at most 64 KiB and 32 blocks")]
    TooLarge,
    /// No request, several, or something else beside it.
    #[error(
        "the text is not exactly one block `CERTIFICATE REQUEST`; make one with `openssl req -new -key KEY -subj /`"
    )]
    Request,
    /// A block that does not end, ends as another, or holds no base64.
    #[error("line `{line}` breaks the PEM block that it is in")]
    Block {
        /// Counted from 1.
        line: usize,
    },
    /// A block that is neither a certificate nor a PKCS#8 key.
    #[error(
        "line `{line}` begins a block other than `CERTIFICATE` and `PRIVATE KEY`; convert a key with `openssl pkcs8 -topk8 -nocrypt`"
    )]
    Label {
        /// Counted from 1.
        line: usize,
    },
}

/// The one certificate request in a PEM text, DER. That it is signed by its key is looked at when something is issued.
///
/// # Errors
/// When the text is no PEM, or has not exactly one request and nothing else.
pub fn request_from_pem(text: &str) -> Result<Vec<u8>, PemError> {
    if text.len() > PEM_BYTES_MAX {
        return Err(PemError::TooLarge);
    }
    let mut lines = text.lines().map(str::trim).zip(1_usize..);
    let mut found = None;
    while let Some((begin, line)) = lines.next() {
        let Some(label) = begin.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        if !REQUESTS.contains(&label) || found.is_some() {
            return Err(PemError::Request);
        }
        found = Some(read_block(label, line, text.len(), &mut lines)?.to_vec());
    }
    found.ok_or(PemError::Request)
}

/// Certificates (DER) as PEM.
pub fn certificates_to_pem(certificates: &[Vec<u8>]) -> String {
    write(certificates, None).to_string()
}

/// What a PEM text holds, in its order.
#[derive(Default)]
pub(crate) struct Blocks {
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) keys: Vec<Zeroizing<Vec<u8>>>,
}

/// Reads the blocks of a text; what stands between blocks is passed over (RFC 7468 §2).
pub(crate) fn read(text: &str) -> Result<Blocks, PemError> {
    if text.len() > PEM_BYTES_MAX {
        return Err(PemError::TooLarge);
    }
    let mut blocks = Blocks::default();
    let mut lines = text.lines().map(str::trim).zip(1_usize..);
    while let Some((begin, line)) = lines.next() {
        let Some(label) = begin.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        if label != CERTIFICATE && label != PRIVATE_KEY {
            return Err(PemError::Label { line });
        }
        if blocks.certificates.len() + blocks.keys.len() >= PEM_BLOCKS_MAX {
            return Err(PemError::TooLarge);
        }
        let der = read_block(label, line, text.len(), &mut lines)?;
        if label == PRIVATE_KEY {
            blocks.keys.push(der);
        } else {
            blocks.certificates.push(der.to_vec());
        }
    }
    Ok(blocks)
}

fn read_block<'a>(
    label: &str,
    begin: usize,
    chars_max: usize,
    lines: &mut impl Iterator<Item = (&'a str, usize)>,
) -> Result<Zeroizing<Vec<u8>>, PemError> {
    // Room for all of it at once: a buffer that grew would leave pieces of a key behind.
    let mut body = Zeroizing::new(String::with_capacity(chars_max));
    for (text, line) in lines {
        if let Some(rest) = text.strip_prefix("-----END ") {
            if rest.strip_suffix("-----") != Some(label) {
                return Err(PemError::Block { line });
            }
            let mut der = Zeroizing::new(Vec::with_capacity(chars_max));
            STANDARD.decode_vec(body.as_bytes(), &mut der).map_err(|_| PemError::Block { line })?;
            return Ok(der);
        }
        body.push_str(text);
    }
    Err(PemError::Block { line: begin })
}

/// Writes certificates, and then the key when there is one.
pub(crate) fn write(certificates: &[Vec<u8>], pkcs8: Option<&[u8]>) -> Zeroizing<String> {
    let all =
        || certificates.iter().map(|der| (CERTIFICATE, der.as_slice())).chain(pkcs8.map(|der| (PRIVATE_KEY, der)));
    let chars = all().map(|(_, der)| der.len().div_ceil(LINE_BYTES) * (LINE_BYTES / 3 * 4 + 1) + FRAME_CHARS).sum();
    let mut out = Zeroizing::new(String::with_capacity(chars));
    for (label, der) in all() {
        out.push_str("-----BEGIN ");
        out.push_str(label);
        out.push_str("-----\n");
        for line in der.chunks(LINE_BYTES) {
            STANDARD.encode_string(line, &mut out);
            out.push('\n');
        }
        out.push_str("-----END ");
        out.push_str(label);
        out.push_str("-----\n");
    }
    out
}
