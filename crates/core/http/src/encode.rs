//! Bodies written with the framing that their head promised.

use crate::Framing;
use std::io::Write;

/// Encodes one body.
#[derive(Debug)]
pub struct BodyEncoder(Framing);

/// More or fewer bytes than the head promised. The connection must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body has another length than its head says")]
pub struct LengthError;

impl BodyEncoder {
    /// An encoder for a body of this framing.
    pub fn new(framing: Framing) -> BodyEncoder {
        BodyEncoder(framing)
    }

    /// Appends data.
    ///
    /// # Errors
    /// When it is more than the head promised.
    pub fn data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), LengthError> {
        match &mut self.0 {
            Framing::None if data.is_empty() => {}
            Framing::None => return Err(LengthError),
            Framing::Length(left) => *left = left.checked_sub(data.len() as u64).ok_or(LengthError)?,
            // An empty chunk would end the body.
            Framing::Chunked if data.is_empty() => {}
            Framing::Chunked => {
                // Writing to memory does not fail.
                let _ = write!(out, "{:x}\r\n", data.len());
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
                return Ok(());
            }
            Framing::UntilClose => {}
        }
        out.extend_from_slice(data);
        Ok(())
    }

    /// Appends the end. Trailers are not written: nothing that we send upstream or downstream in HTTP/1.1 has them.
    ///
    /// # Errors
    /// When bytes are missing.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), LengthError> {
        match self.0 {
            Framing::None | Framing::UntilClose | Framing::Length(0) => Ok(()),
            Framing::Length(_) => Err(LengthError),
            Framing::Chunked => {
                out.extend_from_slice(b"0\r\n\r\n");
                Ok(())
            }
        }
    }
}
