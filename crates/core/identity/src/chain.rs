//! A chain as it is presented: leaf first, without the root, within limits.

/// Certificates in a chain: a leaf, two intermediates, and a root that a server may append for a first join.
const CHAIN_CERTIFICATES_MAX: usize = 4;
/// Bytes of all certificates of a chain; ours have about 1,100.
const CHAIN_BYTES_MAX: usize = 16 * 1024;

/// Why a chain is not even looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// No certificate at all.
    #[error("no certificate was presented")]
    Empty,
    /// Over 4 certificates.
    #[error("the chain has `{0}` certificates; at most 4 are read")]
    TooLong(usize),
    /// Over 16 KiB.
    #[error("the chain has `{0}` bytes; at most 16384 are read")]
    TooLarge(usize),
}

/// Splits a chain within limits into its leaf and the rest.
pub(crate) fn split<T: AsRef<[u8]>>(chain: &[T]) -> Result<(&[u8], &[T]), ChainError> {
    let (leaf, rest) = chain.split_first().ok_or(ChainError::Empty)?;
    if chain.len() > CHAIN_CERTIFICATES_MAX {
        return Err(ChainError::TooLong(chain.len()));
    }
    let bytes = chain.iter().map(|certificate| certificate.as_ref().len()).sum();
    if bytes > CHAIN_BYTES_MAX {
        return Err(ChainError::TooLarge(bytes));
    }
    Ok((leaf.as_ref(), rest))
}
