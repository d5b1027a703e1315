//! The two ends of a link: the same for channels within a process and for a socket.

use crate::frame::{self, FrameError, Message};
use crate::{FromNode, ToNode};
use selvedge_model::SpiffeId;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Messages waiting in one direction. A sender waits when it is full; a peer that takes nothing is cut off by the
/// silence limit.
const QUEUE_MAX: usize = 16;
/// How often each side shows that it is alive.
const BEAT: Duration = Duration::from_secs(10);
/// Without a byte for this long the other side is taken for dead: two beats may be lost.
const SILENCE: Duration = Duration::from_secs(30);
/// After our last message, the other side may take this long to read it before the socket closes under it.
const LINGER: Duration = Duration::from_secs(1);

/// The node's end. Dropping it closes the link after what was sent.
#[derive(Debug)]
pub struct NodeEnd(Ends<FromNode, ToNode>);

/// Control's end. Dropping it closes the link after what was sent.
#[derive(Debug)]
pub struct ControlEnd {
    /// Whom the peer's certificate names; `None` when it showed none, and then only a join may follow.
    pub peer: Option<SpiffeId>,
    ends: Ends<ToNode, FromNode>,
}

/// The link is closed; [`NodeEnd::reason`] says why, if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the link is closed")]
pub struct Closed;

/// A link inside one process. `peer` is the node's SPIFFE ID, by the word of whoever starts both.
pub fn local(peer: SpiffeId) -> (NodeEnd, ControlEnd) {
    let (to_control, from_node) = mpsc::channel(QUEUE_MAX);
    let (to_node, from_control) = mpsc::channel(QUEUE_MAX);
    let node = NodeEnd(Ends { to: to_control, from: from_control, reason: Arc::default() });
    let ends = Ends { to: to_node, from: from_node, reason: Arc::default() };
    (node, ControlEnd { peer: Some(peer), ends })
}

impl NodeEnd {
    /// A link over a stream whose other side is already proven to be control. Must be called inside a runtime: one
    /// task carries the stream, and ends with the link.
    pub fn remote(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> NodeEnd {
        NodeEnd(Ends::over(stream))
    }

    /// Sends a message, waiting for room in the queue.
    ///
    /// # Errors
    /// When the link is closed.
    pub async fn send(&self, message: FromNode) -> Result<(), Closed> {
        self.0.to.send(message).await.map_err(|_| Closed)
    }

    /// The next message; `None` when the link is closed. May be dropped while waiting: nothing is lost.
    pub async fn recv(&mut self) -> Option<ToNode> {
        self.0.from.recv().await
    }

    /// Why the link closed, when it is a remote one and did not end by our own will.
    pub fn reason(&self) -> Option<&FrameError> {
        self.0.reason.get()
    }
}

impl ControlEnd {
    /// A link over an accepted stream; `peer` is whom its certificate names. Must be called inside a runtime: one
    /// task carries the stream, and ends with the link.
    pub fn remote(stream: impl AsyncRead + AsyncWrite + Send + 'static, peer: Option<SpiffeId>) -> ControlEnd {
        ControlEnd { peer, ends: Ends::over(stream) }
    }

    /// Sends a message, waiting for room in the queue.
    ///
    /// # Errors
    /// When the link is closed.
    pub async fn send(&self, message: ToNode) -> Result<(), Closed> {
        self.ends.to.send(message).await.map_err(|_| Closed)
    }

    /// The next message, beats included; `None` when the link is closed. May be dropped while waiting.
    pub async fn recv(&mut self) -> Option<FromNode> {
        self.ends.from.recv().await
    }

    /// Why the link closed, when it is a remote one and did not end by our own will.
    pub fn reason(&self) -> Option<&FrameError> {
        self.ends.reason.get()
    }
}

#[derive(Debug)]
struct Ends<Out, In> {
    to: mpsc::Sender<Out>,
    from: mpsc::Receiver<In>,
    reason: Arc<OnceLock<FrameError>>,
}

impl<Out: Message, In: Message> Ends<Out, In> {
    fn over(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Ends<Out, In> {
        let (to, queue) = mpsc::channel(QUEUE_MAX);
        let (inbox, from) = mpsc::channel(QUEUE_MAX);
        let reason = Arc::<OnceLock<FrameError>>::default();
        let ends = Ends { to, from, reason: Arc::clone(&reason) };
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(Box::pin(stream));
            let ended = tokio::select! {
                ended = receive(&mut reader, &inbox) => ended,
                ended = transmit::<Out>(&mut writer, queue) => ended,
            };
            match ended {
                Ok(()) => linger(&mut reader, &mut writer).await,
                // INVARIANT: only this task sets the reason, and before `inbox` closes, so that whoever sees the end
                // of the messages can ask for it.
                Err(error) => drop(reason.set(error)),
            }
            drop(inbox);
        });
        ends
    }
}

/// Reads until something is wrong, or until nobody wants to hear.
async fn receive<In: Message>(
    reader: &mut (impl AsyncRead + Unpin),
    inbox: &mpsc::Sender<In>,
) -> Result<(), FrameError> {
    loop {
        let message: In = frame::read(reader, SILENCE).await?;
        if message.is_heard() && inbox.send(message).await.is_err() {
            // The end was dropped; the writer sends what is queued and closes.
            std::future::pending::<()>().await;
        }
    }
}

/// Writes what is queued, and a beat now and then, until the end is dropped.
async fn transmit<Out: Message>(
    writer: &mut (impl AsyncWrite + Unpin),
    mut queue: mpsc::Receiver<Out>,
) -> Result<(), FrameError> {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats.reset();
    loop {
        let message = tokio::select! {
            queued = queue.recv() => queued,
            _ = beats.tick() => Some(Out::beat()),
        };
        let Some(message) = message else { return Ok(()) };
        frame::write(writer, &message, SILENCE).await?;
    }
}

/// Says goodbye and waits a little for the peer's, since closing on unread bytes resets the connection and may take
/// our last message with it.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(reader: &mut ReadHalf<S>, writer: &mut WriteHalf<S>) {
    let goodbye = async {
        if writer.shutdown().await.is_ok() {
            let _ = tokio::io::copy(reader, &mut tokio::io::sink()).await;
        }
    };
    let _ = timeout(LINGER, goodbye).await;
}
