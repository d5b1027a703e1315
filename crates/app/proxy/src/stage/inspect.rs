//! What is sent, against what is described: head and parameters first, then the body, held until it was checked.
//!
//! The bytes that were checked are the bytes that go upstream. Rules without a description keep streaming.

mod read;

use super::decide::Permitted;
use super::quota::Admitted;
use crate::connection::Connection;
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use crate::wire::down::Down;
use crate::wire::timer::Timer;
use read::{Reading, Share};
use selvedge_http::Framing;
use selvedge_schema::{Body, Held as Wanted, Kind, Place, Violation};

/// A request that may go upstream.
pub(crate) struct Inspected {
    pub(crate) permitted: Permitted,
    pub(crate) body: InspectedBody,
}

/// The body of such a request. There is no other way to get one than [`inspect`].
pub(crate) enum InspectedBody {
    /// Still at the client: it passes as it comes.
    Coming(Coming),
    /// Here, and checked.
    Held(Held),
}

/// Made here alone.
pub(crate) struct Coming(());

/// A body that was read whole.
pub(crate) struct Held {
    bytes: Vec<u8>,
    /// What it takes of what the worker may hold.
    _share: Share,
}

impl Held {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Checks an admitted request against the description of the rule that permits it, if it has one.
pub(crate) async fn inspect(
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    Admitted { mut permitted }: Admitted,
    (down, timer): (&mut Down<'_>, &mut Timer),
) -> Result<Inspected, Refusal> {
    let coming = InspectedBody::Coming(Coming(()));
    let bound = hop.described().and_then(|rule| live.plan.schemas().of(rule));
    let Some(bound) = bound else { return Ok(Inspected { permitted, body: coming }) };
    let body = match bound.check_head(&permitted.request).map_err(invalid)? {
        Body::Passes => return Ok(Inspected { permitted, body: coming }),
        Body::Empty if down.is_bodiless() => return Ok(Inspected { permitted, body: coming }),
        // A body of unknown length may be announced, and be empty.
        Body::Empty => None,
        Body::Held(wanted) => Some(wanted),
    };
    let bytes_max = body.as_ref().map_or(0, Wanted::bytes_max).min(connection.limits.body_bytes_max);
    let mut reading = Reading::new(bytes_max, connection.limits.idle_timeout_ms);
    let read = reading.run(down, timer).await;
    hop.record.bytes_in = reading.len();
    let (bytes, share) = match read {
        Ok(()) => reading.end(),
        Err(refusal) => return Err(if body.is_none() { refusal.not_accepted() } else { refusal.into_refusal() }),
    };
    if let Some(wanted) = &body {
        wanted.check(&bytes).map_err(invalid)?;
    }
    // The length is known now, and nothing can follow what was checked: trailers are not sent on.
    permitted.request.framing = Framing::Length(bytes.len() as u64);
    Ok(Inspected { permitted, body: InspectedBody::Held(Held { bytes, _share: share }) })
}

fn invalid(violation: Violation) -> Refusal {
    Refusal::Invalid(Box::new(violation))
}

impl read::Unread {
    fn into_refusal(self) -> Refusal {
        match self {
            read::Unread::TooLarge => invalid(Violation::new(Kind::TooLarge, Place::Body, "is too large")),
            read::Unread::Broken(refusal) => refusal,
        }
    }

    /// Where no body is described, one byte is too much.
    fn not_accepted(self) -> Refusal {
        match self {
            read::Unread::TooLarge => {
                invalid(Violation::new(Kind::Malformed, Place::Body, "is not accepted by this operation"))
            }
            read::Unread::Broken(refusal) => refusal,
        }
    }
}
