//! Bytes that pass both ways, whatever they are.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional_with_sizes};
use tokio::time::timeout;

use super::tls::Stream;

/// What is read at once.
const BUFFER: usize = 32 * 1024;

/// Passes bytes both ways until both sides have ended, or one is broken. Both may be silent for as long as they like; when one has
/// ended, the other one is given up once nothing has come for `still`.
///
/// # Errors
/// Why one of them broke.
pub(super) async fn splice(one: impl Stream, other: impl Stream, still: Duration) -> io::Result<()> {
    let (bytes, has_ended) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut one = Watched { stream: one, bytes: &bytes, has_ended: &has_ended };
    let mut other = Watched { stream: other, bytes: &bytes, has_ended: &has_ended };
    let mut passing = pin!(copy_bidirectional_with_sizes(&mut one, &mut other, BUFFER, BUFFER));
    let mut before = 0;
    loop {
        if let Ok(done) = timeout(still, &mut passing).await {
            return done.map(|_| ());
        }
        let now = bytes.load(Ordering::Relaxed);
        if has_ended.load(Ordering::Relaxed) && now == before {
            return Err(io::ErrorKind::TimedOut.into());
        }
        before = now;
    }
}

/// A side whose bytes and end are noted.
struct Watched<'w, S> {
    stream: S,
    bytes: &'w AtomicU64,
    has_ended: &'w AtomicBool,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        match buffer.filled().len() - before {
            0 => self.has_ended.store(true, Ordering::Relaxed),
            read => _ = self.bytes.fetch_add(read as u64, Ordering::Relaxed),
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<'_, S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
