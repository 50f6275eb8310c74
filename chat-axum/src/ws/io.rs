//! The raw stream of an upgraded connection, shared by its reader and its writers.

use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use chat_core::{Outlet, Wrote};
use hyper::{
    rt::{Read, ReadBuf, Write},
    upgrade::Upgraded,
};
use parking_lot::Mutex;

use super::reader::with_scratch;

/// The stream of one connection: a read side for its [`Reader`](super::Reader), a write side for the engine.
///
/// It has no buffer; what the HTTP layer had read beyond the handshake is inside the [`Upgraded`] and comes first.
///
/// Both sides share one lock, held for one poll at a time. They do not take each other's wake-ups: a stream keeps the
/// waker of a read apart from that of a write. Two *writes* do share one, and [`Outlet::try_write`] registers a waker
/// that does nothing: it must not run while another write is pending. The engine sees to that, as it never tries a
/// connection that has a drain.
pub struct Io<S = Upgraded> {
    state: Mutex<State<S>>,
}

struct State<S> {
    /// `None` once closed.
    stream: Option<S>,
    /// A write failed or the write side was shut down: no byte may follow, as it could follow half a frame.
    write_ended: bool,
    /// Who waits, to be told when the stream is closed under them. A stream that is dropped wakes nobody.
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl<S: Read + Write + Unpin> Io<S> {
    /// Takes over a stream.
    #[must_use]
    pub fn new(stream: S) -> Self {
        let state = State { stream: Some(stream), write_ended: false, reader: None, writer: None };
        Self { state: Mutex::new(state) }
    }

    /// Reads into `buffer`; 0 bytes mean that the peer sends no more.
    ///
    /// For one reader: a second would take the wake-up of the first.
    ///
    /// # Errors
    /// The stream's own, or `NotConnected` after [`Io::close`].
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock();
        let mut buffer = ReadBuf::new(buffer);
        let poll = match &mut state.stream {
            Some(stream) => Pin::new(stream).poll_read(cx, buffer.unfilled()),
            None => return Poll::Ready(Err(closed())),
        };
        park(&mut state.reader, cx, poll.is_pending());
        poll.map_ok(|()| buffer.filled().len())
    }

    /// Writes everything, and flushes. For the only writer.
    ///
    /// # Errors
    /// As those of [`Outlet::poll_write`].
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written =
                poll_fn(|cx| self.write_with(cx, |stream, cx| write_some(stream, cx, bytes))).await?;
            bytes = &bytes[written..];
        }
        poll_fn(|cx| self.write_with(cx, Write::poll_flush)).await
    }

    /// Ends the write side: flushes, then tells the peer that no more will come. Whoever waits to write is woken and
    /// gets an error.
    ///
    /// # Errors
    /// The stream's own, or `NotConnected` after [`Io::close`].
    pub fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.lock();
        let writer = if state.write_ended { None } else { state.writer.take() };
        state.write_ended = true;
        let poll = match &mut state.stream {
            Some(stream) => Pin::new(stream).poll_shutdown(cx),
            None => Poll::Ready(Err(closed())),
        };
        park(&mut state.writer, cx, poll.is_pending());
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        poll
    }

    /// Lets go of the stream at once, from wherever. A reader or writer that waits is woken and gets an error.
    ///
    /// What the peer had sent and nobody read makes the kernel reset the connection, and the peer may then lose the
    /// last that was written, such as a close frame: [`Io::finish`] is the polite way.
    pub fn close(&self) {
        let mut state = self.state.lock();
        let waiting = [state.reader.take(), state.writer.take()];
        let stream = state.stream.take();
        drop(state);
        drop(stream);
        for waker in waiting.into_iter().flatten() {
            waker.wake();
        }
    }

    /// Ends the connection so that what was written arrives: shuts the write side down, throws away what the peer
    /// still sends until it ends too, then closes. Waits at most for `patience`.
    ///
    /// For the reader, after the last write. A dropped future leaves the stream open.
    pub async fn finish(&self, patience: Duration) {
        let end = async {
            poll_fn(|cx| self.poll_shutdown(cx)).await?;
            while poll_fn(|cx| with_scratch(|scratch| self.poll_read(cx, scratch))).await? > 0 {}
            io::Result::Ok(())
        };
        // Late or failed: the stream is closed all the same, and nobody is left to tell.
        let _ = tokio::time::timeout(patience, end).await;
        self.close();
    }

    /// Runs a write on the stream, and keeps the promise that nothing is written after an error.
    fn write_with<T>(
        &self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut state = self.state.lock();
        let State { stream, write_ended, writer, .. } = &mut *state;
        let stream = stream.as_mut().ok_or_else(closed)?;
        if *write_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let poll = write(Pin::new(stream), cx);
        *write_ended = matches!(poll, Poll::Ready(Err(_)));
        park(writer, cx, poll.is_pending());
        poll
    }
}

impl<S> Outlet for Io<S>
where
    S: Read + Write + Unpin + Send + 'static,
{
    fn try_write(&self, bytes: &[u8]) -> io::Result<Wrote> {
        if bytes.is_empty() {
            return Ok(Wrote::All);
        }
        // Nobody waits for this write: a full socket is the drain's, which comes with a waker.
        let mut cx = Context::from_waker(Waker::noop());
        let poll = self.write_with(&mut cx, |mut stream, cx| {
            let written = ready!(write_some(stream.as_mut(), cx, bytes))?;
            // A short write means a full socket, so that there is no use in flushing.
            let all = written == bytes.len() && stream.poll_flush(cx)?.is_ready();
            Poll::Ready(Ok(if all { Wrote::All } else { Wrote::Part(written) }))
        });
        match poll {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(Wrote::Part(0)),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.write_with(cx, |stream, cx| write_some(stream, cx, bytes))
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_with(cx, Write::poll_flush)
    }
}

impl<S> fmt::Debug for Io<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").finish_non_exhaustive()
    }
}

/// Writes at least a byte, or is pending.
fn write_some<S: Write>(stream: Pin<&mut S>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
    match ready!(stream.poll_write(cx, bytes)) {
        Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        result => Poll::Ready(result),
    }
}

/// Remembers who waits; forgets them when they got what they waited for, so that no ended task is kept alive.
fn park(slot: &mut Option<Waker>, cx: &Context<'_>, pending: bool) {
    if !pending {
        *slot = None;
    } else if !slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *slot = Some(cx.waker().clone());
    }
}

fn closed() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

#[cfg(test)]
mod tests;
