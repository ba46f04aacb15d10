//! Bodies that pass through the proxy: streamed, counted, and given up when nothing moves for too long.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

/// How long a body may stand still.
pub(super) const STILL: Duration = Duration::from_secs(300);

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
    body: Incoming,
    bytes: Arc<AtomicU64>,
    deadline: Pin<Box<Sleep>>,
    /// Dropped with the body, which is when it has ended or was given up.
    _at_end: Option<AtEnd>,
}

/// Calls a function when it is dropped.
pub(super) struct AtEnd(Option<Box<dyn FnOnce() + Send>>);

impl AtEnd {
    pub(super) fn new(call: impl FnOnce() + Send + 'static) -> AtEnd {
        AtEnd(Some(Box::new(call)))
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call();
        }
    }
}

impl Message {
    /// A peer's body; `bytes` counts what passed.
    pub(super) fn passing(body: Incoming, bytes: Arc<AtomicU64>, at_end: Option<AtEnd>) -> Message {
        let deadline = Box::pin(tokio::time::sleep(STILL));
        Message::Passed(Box::new(Passing { body, bytes, deadline, _at_end: at_end }))
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
            Message::Passed(passing) => passing.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Message::Own(body) => body.size_hint(),
            Message::Passed(passing) => passing.body.size_hint(),
        }
    }
}

impl Passing {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_pending() {
            ready!(self.deadline.as_mut().poll(cx));
            return Poll::Ready(Some(Err("nothing came for too long".into())));
        }
        self.deadline.as_mut().reset(Instant::now() + STILL);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        polled.map_err(Into::into)
    }
}
