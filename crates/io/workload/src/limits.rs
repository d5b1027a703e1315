//! What a caller may ask for. Each has a reason, and none is infinite.

use std::time::Duration;

/// Bytes of one message that a caller sends: a JWT-SVID has at most 16 KiB, and Envoy names itself at length.
pub(crate) const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one message that we accept as a client: 500 SVIDs with their chains.
pub(crate) const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of the fields of a request.
pub(crate) const HEAD_BYTES_MAX: u32 = 16 * 1024;
/// Streams at once on one connection: a library has four, an Envoy one for each secret.
pub(crate) const STREAMS_MAX: u32 = 128;
/// Streams at once of one user, over all of its connections.
pub(crate) const STREAMS_PER_UID_MAX: usize = 4096;
/// Connections at once of one user: a machine has hundreds of workloads, and one user may run them all.
pub(crate) const CONNECTIONS_PER_UID_MAX: usize = 1024;
/// Connections at once; each holds two descriptors.
pub(crate) const CONNECTIONS_MAX: usize = 4096;
/// For the preface of HTTP/2.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// For the first message of a call.
pub(crate) const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// For a caller to take what was sent to it.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest deadline that a caller may ask for; without one a unary call has this.
pub(crate) const UNARY_TIMEOUT_MAX: Duration = Duration::from_secs(30);
/// Audiences of one JWT-SVID.
pub(crate) const AUDIENCES_MAX: usize = 16;
/// Bytes of one audience.
pub(crate) const AUDIENCE_BYTES_MAX: usize = 1024;
/// Bytes of all audiences of one JWT-SVID, as JSON: the token has to fit into 16 KiB, and the request into the link.
pub(crate) const AUDIENCES_BYTES_MAX: usize = 8 * 1024;
/// Secrets that one SDS request names.
pub(crate) const SECRETS_MAX: usize = 64;
/// Between two tries to accept, mostly for want of descriptors.
pub(crate) const ACCEPT_RETRY: Duration = Duration::from_millis(50);
