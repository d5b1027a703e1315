//! Listening sockets handed from one process to its successor over a unix socket, so that no connection is lost: both
//! hold the same queue until the old one lets go.
//!
//! A message is four bytes, the length of its text, and the text: one address a line, with one descriptor each beside it
//! (`SCM_RIGHTS`, unix(7)). An empty message ends the list.

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Descriptors in one message; the kernel takes 253.
const BATCH: usize = 64;
/// Descriptors in all: addresses times workers.
const SOCKETS_MAX: usize = 65_536;
/// Bytes of one message's text: an address has less than 64.
const TEXT_MAX: usize = BATCH * 64;
/// How long the other side may take for one step.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// A listening socket with the address that it was made for.
pub type Held = (SocketAddr, OwnedFd);

/// Sends sockets to whoever is at the other end.
///
/// # Errors
/// The system's, or too late.
pub fn give(stream: &mut UnixStream, sockets: &[Held]) -> io::Result<()> {
    stream.set_write_timeout(Some(STEP_TIMEOUT))?;
    for batch in sockets.chunks(BATCH) {
        let text: String = batch.iter().map(|(address, _)| format!("{address}\n")).collect();
        let length = u32::try_from(text.len()).map_err(|_| io::ErrorKind::InvalidInput)?.to_be_bytes();
        let fds: Vec<BorrowedFd<'_>> = batch.iter().map(|(_, fd)| fd.as_fd()).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        // The descriptors go with the four bytes of the length, which are never sent in part.
        let sent = sendmsg(&*stream, &[IoSlice::new(&length)], &mut control, SendFlags::NOSIGNAL)?;
        if sent != length.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        stream.write_all(text.as_bytes())?;
    }
    stream.write_all(&[0; 4])
}

/// Receives sockets until the list ends.
///
/// # Errors
/// The system's, too late, or what came is no such list.
pub fn take(stream: &mut UnixStream) -> io::Result<Vec<Held>> {
    stream.set_read_timeout(Some(STEP_TIMEOUT))?;
    let mut held = Vec::new();
    loop {
        let mut length = [0; 4];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let got = recvmsg(&*stream, &mut [IoSliceMut::new(&mut length)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
        let rights = control.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => fds.collect::<Vec<OwnedFd>>(),
            _ => Vec::new(),
        });
        let fds: Vec<OwnedFd> = rights.collect();
        if got.bytes != length.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = u32::from_be_bytes(length) as usize;
        if length == 0 {
            return Ok(held);
        }
        if length > TEXT_MAX || held.len() + fds.len() > SOCKETS_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut text = vec![0; length];
        stream.read_exact(&mut text)?;
        let text = std::str::from_utf8(&text).map_err(|_| io::ErrorKind::InvalidData)?;
        let addresses: Result<Vec<SocketAddr>, _> = text.lines().map(str::parse).collect();
        let addresses = addresses.map_err(|_| io::ErrorKind::InvalidData)?;
        if addresses.len() != fds.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        held.extend(addresses.into_iter().zip(fds));
    }
}

#[cfg(test)]
mod tests;
