//! Bodies that pass through the proxy: streamed, counted, and given up when nothing comes for too long.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, timeout};

/// What a broken body breaks the connection with.
pub(super) type Broken = Box<dyn std::error::Error + Send + Sync>;

/// The body of a message.
pub(super) enum Message {
    /// Of another peer.
    Passed(Box<Passing>),
    /// The proxy's own.
    Own(Full<Bytes>),
}

/// A body on its way.
pub(super) struct Passing {
    /// `None` when it was taken to be discarded.
    body: Option<Incoming>,
    bytes: Arc<AtomicU64>,
    /// How long it may stand still.
    still: Duration,
    deadline: Pin<Box<Sleep>>,
    /// Whether something is waited for, so that the deadline counts. A reader that takes its time is no reason to give up.
    waits: bool,
    /// What becomes of the rest of it if nobody wants it.
    rest: Rest,
    /// Dropped with the body, which is when it has ended or was given up.
    _at_end: Option<Box<dyn Send + Sync>>,
}

/// What becomes of a body that is not read to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// It is read and forgotten.
    Discarded,
    /// It is discarded once it was begun to be read; before, its sender waits to be asked for it.
    OnceAsked,
    /// The connection ends.
    Dropped,
}

impl Passing {
    fn new(body: Incoming, still: Duration) -> Passing {
        Passing {
            body: Some(body),
            bytes: Arc::default(),
            still,
            deadline: Box::pin(tokio::time::sleep(still)),
            waits: false,
            rest: Rest::Dropped,
            _at_end: None,
        }
    }
}

impl Message {
    /// A client's body. What is not passed on of it is read all the same: a client that still writes when the connection closes
    /// does not see the answer. One that waits for 100 (RFC 9110, section 10.1.1) writes nothing before.
    pub(super) fn of_client(body: Incoming, still: Duration, waits_for_100: bool) -> Message {
        let rest = if waits_for_100 { Rest::OnceAsked } else { Rest::Discarded };
        let mut passing = Passing::new(body, still);
        passing.rest = rest;
        Message::Passed(Box::new(passing))
    }

    /// A service's body, and what is dropped at its end.
    pub(super) fn of_service(
        body: Incoming,
        still: Duration,
        bytes: Arc<AtomicU64>,
        at_end: impl Send + Sync + 'static,
    ) -> Message {
        let mut passing = Passing::new(body, still);
        passing.bytes = bytes;
        passing._at_end = Some(Box::new(at_end));
        Message::Passed(Box::new(passing))
    }

    /// None.
    pub(super) fn empty() -> Message {
        Message::Own(Full::default())
    }

    /// Counts what passed of it.
    pub(super) fn counter(&self) -> Arc<AtomicU64> {
        match self {
            Message::Own(_) => Arc::default(),
            Message::Passed(passing) => Arc::clone(&passing.bytes),
        }
    }
}

impl Body for Message {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut *self {
            Message::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Message::Passed(passing) => passing.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Message::Own(body) => body.is_end_stream(),
            Message::Passed(passing) => passing.body.as_ref().is_none_or(Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Message::Own(body) => body.size_hint(),
            Message::Passed(passing) => passing.body.as_ref().map(Body::size_hint).unwrap_or_default(),
        }
    }
}

impl Passing {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        if self.rest == Rest::OnceAsked {
            self.rest = Rest::Discarded;
        }
        let polled = Pin::new(body).poll_frame(cx);
        match &polled {
            Poll::Pending => {
                if !std::mem::replace(&mut self.waits, true) {
                    self.deadline.as_mut().reset(Instant::now() + self.still);
                }
                return match self.deadline.as_mut().poll(cx) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(()) => {
                        self.rest = Rest::Dropped;
                        Poll::Ready(Some(Err("nothing came for too long".into())))
                    }
                };
            }
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
                }
            }
            Poll::Ready(_) => self.rest = Rest::Dropped,
        }
        self.waits = false;
        polled.map_err(Into::into)
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| self.rest == Rest::Discarded && !body.is_end_stream());
        let (Some(body), Ok(runtime)) = (unread, Handle::try_current()) else { return };
        runtime.spawn(discard(body, self.still));
    }
}

/// Reads what is left, while it comes.
async fn discard(mut body: Incoming, still: Duration) {
    while let Ok(Some(Ok(_))) = timeout(still, body.frame()).await {}
}
