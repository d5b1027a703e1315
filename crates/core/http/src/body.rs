//! Bodies in chunks or of a known length, decoded as they arrive (RFC 9112 §6 and §7.1).

use crate::Framing;
use std::ops::Range;

/// Bytes of trailers that are read past.
const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// Hexadecimal digits of a chunk's size.
const SIZE_DIGITS_MAX: usize = 16;

/// What one call decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that are done with.
    pub consumed: usize,
    /// Where the data is in the input; may be empty.
    pub data: Range<usize>,
}

/// A body that is malformed. The connection must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A size that is no hexadecimal number, has an extension, or does not end in CR LF.
    #[error("the size of a chunk is malformed")]
    ChunkSize,
    /// A chunk's data is not followed by CR LF.
    #[error("a chunk does not end in CR LF")]
    ChunkEnd,
    /// Trailers that are malformed or too long.
    #[error("the trailers are malformed or too long")]
    Trailer,
}

/// Decodes one body.
#[derive(Debug)]
pub struct BodyDecoder(State);

#[derive(Debug)]
enum State {
    Size,
    Data { left: u64, chunked: bool },
    DataEnd,
    Trailer { bytes: usize },
    UntilClose,
    Done,
}

impl BodyDecoder {
    /// A decoder for a body of this framing.
    pub fn new(framing: Framing) -> BodyDecoder {
        BodyDecoder(match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(left) => State::Data { left, chunked: false },
            Framing::Chunked => State::Size,
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Whether the body has ended. What follows in the input is the next request.
    pub fn is_done(&self) -> bool {
        matches!(self.0, State::Done)
    }

    /// Whether the end of the stream is an end of the body: it has ended, or nothing else ends it.
    pub fn may_end(&self) -> bool {
        matches!(self.0, State::Done | State::UntilClose)
    }

    /// Decodes from the beginning of `input`. When nothing is consumed and the body is not done, more bytes are
    /// needed.
    ///
    /// # Errors
    /// When the body is malformed.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, BodyError> {
        let mut at = 0;
        loop {
            let rest = input.get(at..).unwrap_or_default();
            let taken = match &mut self.0 {
                State::Done => 0,
                State::UntilClose => {
                    let end = at + rest.len();
                    return Ok(Decoded { consumed: end, data: at..end });
                }
                State::Data { left, chunked } => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= taken as u64;
                    if *left == 0 {
                        self.0 = if *chunked { State::DataEnd } else { State::Done };
                    }
                    return Ok(Decoded { consumed: at + taken, data: at..at + taken });
                }
                State::Size => self.size(rest)?,
                State::DataEnd => self.data_end(rest)?,
                State::Trailer { .. } => self.trailer(rest)?,
            };
            at += taken;
            if taken == 0 {
                return Ok(Decoded { consumed: at, data: at..at });
            }
        }
    }

    fn size(&mut self, input: &[u8]) -> Result<usize, BodyError> {
        let digits = input.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let (number, end) = input.split_at(digits);
        if digits > SIZE_DIGITS_MAX
            || (digits == 0 && !end.is_empty())
            || !b"\r\n".starts_with(end.get(..2.min(end.len())).unwrap_or_default())
        {
            return Err(BodyError::ChunkSize);
        }
        if end.len() < 2 {
            return Ok(0);
        }
        let number = std::str::from_utf8(number).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
        self.0 = match number.ok_or(BodyError::ChunkSize)? {
            0 => State::Trailer { bytes: 0 },
            left => State::Data { left, chunked: true },
        };
        Ok(digits + 2)
    }

    fn data_end(&mut self, input: &[u8]) -> Result<usize, BodyError> {
        match input {
            [b'\r', b'\n', ..] => {
                self.0 = State::Size;
                Ok(2)
            }
            [] | [b'\r'] => Ok(0),
            _ => Err(BodyError::ChunkEnd),
        }
    }

    /// Trailers are read past, and dropped: none of them is sent on.
    fn trailer(&mut self, input: &[u8]) -> Result<usize, BodyError> {
        let State::Trailer { bytes } = &mut self.0 else { return Ok(0) };
        let Some(end) = memchr::memchr(b'\n', input) else {
            return if *bytes + input.len() > TRAILER_BYTES_MAX { Err(BodyError::Trailer) } else { Ok(0) };
        };
        *bytes += end + 1;
        let line = input.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(BodyError::Trailer)?;
        if *bytes > TRAILER_BYTES_MAX || line.contains(&b'\r') {
            return Err(BodyError::Trailer);
        }
        if line.is_empty() {
            self.0 = State::Done;
        } else {
            let name = memchr::memchr(b':', line).and_then(|colon| line.get(..colon)).ok_or(BodyError::Trailer)?;
            crate::Fields::default().push(name, b"").map_err(|_| BodyError::Trailer)?;
        }
        Ok(end + 1)
    }
}
