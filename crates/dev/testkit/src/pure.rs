//! The first target: `core/http` alone, without a socket. What it writes is what an upstream would see.

use crate::{Outcome, Scene, Target};
use selvedge_http::{Arrival, BodyDecoder, BodyEncoder, BodyError, Forwarding, Framing, HeadError, HeadLimits};
use selvedge_http::{LengthError, RequestHead, Scheme, canonicalise, parse_request, write_request};
use selvedge_model::{Fault, Role};
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};

/// Bytes of a body that nothing has raised (THREATS, limits on by default).
const BODY_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// The client's address.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
/// The host that is asked for.
const HOST: &str = "api.example";

/// `core/http` in one role.
#[derive(Debug, Clone, Copy)]
pub struct Pure(pub Role);

impl Target for Pure {
    fn role(&self) -> Role {
        self.0
    }

    fn scene(&self) -> Scene {
        let scheme = match self.0 {
            Role::Gateway | Role::MeshInbound => "https",
            Role::MeshOutbound => "http",
        };
        Scene { host: HOST.to_owned(), peer: PEER.to_string(), scheme: scheme.to_owned() }
    }

    fn send(&mut self, request: &[u8]) -> Result<Outcome, Box<dyn Error>> {
        let (mut outcome, mut rest) = (Outcome::default(), request);
        while !rest.is_empty() && !outcome.closed {
            let exchange = self.exchange(rest);
            outcome.status = outcome.status.or(exchange.status);
            outcome.closed = exchange.closed;
            if let Some(written) = exchange.upstream {
                outcome.upstream.get_or_insert_default().extend(written);
            }
            rest = rest.get(exchange.taken..).unwrap_or_default();
        }
        Ok(outcome)
    }
}

/// One request of a connection, and what came of it.
#[derive(Default)]
struct Exchange {
    status: Option<u16>,
    closed: bool,
    upstream: Option<Vec<u8>>,
    taken: usize,
}

impl Exchange {
    /// A refusal after which the connection is of no more use.
    fn refused(fault: Fault) -> Exchange {
        Exchange { status: Some(fault.status()), closed: true, ..Exchange::default() }
    }

    /// The peer says no more, and no request has become whole.
    fn unfinished() -> Exchange {
        Exchange { closed: true, ..Exchange::default() }
    }
}

impl Pure {
    fn exchange(self, input: &[u8]) -> Exchange {
        let (head, taken) = match parse_request(input, &HeadLimits::default()) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Exchange::unfinished(),
            Err(error) => return Exchange::refused(error.fault()),
        };
        let keep_alive = head.keep_alive;
        if matches!(head.framing, Framing::Length(length) if length > BODY_BYTES_MAX) {
            return Exchange::refused(Fault::BodyTooLarge);
        }
        let framing = head.framing;
        let head = match self.canonical(head) {
            Ok(head) => head,
            Err(error) => return Exchange::refused(error.fault()),
        };
        let Ok(read) = body(framing, input.get(taken..).unwrap_or_default()) else {
            return Exchange::refused(Fault::BadRequest);
        };
        let Some((data, more)) = read else { return Exchange::unfinished() };
        match framed(framing, &data) {
            Err(LengthError) => Exchange::refused(Fault::BadRequest),
            Ok(body) => Exchange {
                status: Some(200),
                closed: !keep_alive,
                upstream: Some([head, body].concat()),
                taken: taken + more,
            },
        }
    }

    fn canonical(self, head: RequestHead) -> Result<Vec<u8>, HeadError> {
        let (scheme, sni, forwarding) = match self.0 {
            Role::Gateway => (Scheme::Https, Some(HOST), Forwarding::Replace),
            // The server name of a mesh link names a service and a port, never the host of a request.
            Role::MeshInbound => (Scheme::Https, None, Forwarding::Keep),
            Role::MeshOutbound => (Scheme::Http, None, Forwarding::Replace),
        };
        let mut out = Vec::new();
        write_request(&canonicalise(head, &Arrival { scheme, sni, peer: PEER, forwarding })?, &[], &mut out);
        Ok(out)
    }
}

/// A body and how many bytes it took; `None` when it is not whole.
fn body(framing: Framing, input: &[u8]) -> Result<Option<(Vec<u8>, usize)>, BodyError> {
    let (mut decoder, mut data, mut at) = (BodyDecoder::new(framing), Vec::new(), 0);
    while !decoder.is_done() {
        let rest = input.get(at..).unwrap_or_default();
        let part = decoder.decode(rest)?;
        if part.consumed == 0 && !decoder.is_done() {
            return Ok(None);
        }
        data.extend_from_slice(rest.get(part.data).unwrap_or_default());
        at += part.consumed;
    }
    Ok(Some((data, at)))
}

/// A body as it is written upstream.
fn framed(framing: Framing, data: &[u8]) -> Result<Vec<u8>, LengthError> {
    let (mut encoder, mut out) = (BodyEncoder::new(framing), Vec::new());
    encoder.data(data, &mut out)?;
    encoder.end(&mut out)?;
    Ok(out)
}
