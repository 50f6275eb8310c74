//! Reading a connection: the stream's bytes in, the decoder's events out.

use std::{
    cell::Cell,
    fmt,
    future::poll_fn,
    io,
    ops::ControlFlow,
    sync::Arc,
    task::{Context, Poll, ready},
};

use hyper::{
    rt::{Read, Write},
    upgrade::Upgraded,
};

use super::{Decoder, Event, Io, ProtocolError};

/// The most bytes taken in one read. One buffer of this size a thread serves every connection.
const SCRATCH: usize = 16 * 1024;

/// The read side of one connection.
///
/// # Bounds
/// Idle it holds no buffer. Otherwise what its [`Decoder`] holds of an unfinished message, and at most 16 KiB that came
/// in the same read as an event the caller stopped at.
pub struct Reader<S = Upgraded> {
    io: Arc<Io<S>>,
    decoder: Decoder,
    /// Bytes behind the event at which the caller stopped.
    held: Option<Box<Held>>,
}

struct Held {
    bytes: Vec<u8>,
    /// How many of them are used.
    at: usize,
}

/// What came of a [`Reader::read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a read ends in one of these ways")]
pub enum Progress<B> {
    /// Everything that one read brought was handled: the time to hand over what was gathered from it.
    Read,
    /// The handler broke off with this. What came behind is kept and comes first at the next call.
    Stopped(B),
    /// The peer sends no more.
    Ended,
}

/// Why no more can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The stream failed, or was closed here.
    #[error("failed to read from the connection")]
    Io(#[from] io::Error),
    /// The client broke the protocol: close with its code.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
}

impl<S: Read + Write + Unpin> Reader<S> {
    /// Reads from `io`, where nobody else does, messages of up to `limit` bytes.
    #[must_use]
    pub fn new(io: Arc<Io<S>>, limit: usize) -> Self {
        Self { io, decoder: Decoder::new(limit), held: None }
    }

    /// The stream.
    #[must_use]
    pub fn io(&self) -> &Arc<Io<S>> {
        &self.io
    }

    /// Changes the most bytes a message may have, from the next frame on.
    pub fn set_limit(&mut self, limit: usize) {
        self.decoder.set_limit(limit);
    }

    /// Waits for bytes, reads once, and gives each event in them to `on`, until that breaks off.
    ///
    /// Not to call it is backpressure: the peer's bytes stay in the kernel. Cancel-safe.
    ///
    /// # Errors
    /// See [`ReadError`]; the events before the error have been given to `on`.
    pub async fn read<B>(
        &mut self,
        mut on: impl FnMut(Event<'_>) -> ControlFlow<B>,
    ) -> Result<Progress<B>, ReadError> {
        poll_fn(|cx| self.poll_read(cx, &mut on)).await
    }

    /// [`Reader::read`] as a poll.
    ///
    /// # Errors
    /// As there.
    pub fn poll_read<B>(
        &mut self,
        cx: &mut Context<'_>,
        on: impl FnMut(Event<'_>) -> ControlFlow<B>,
    ) -> Poll<Result<Progress<B>, ReadError>> {
        if let Some(mut held) = self.held.take() {
            let mut input = &mut held.bytes[held.at..];
            let stopped = decode(&mut self.decoder, &mut input, on)?;
            let left = input.len();
            if left > 0 {
                held.at = held.bytes.len() - left;
                self.held = Some(held);
            }
            return Poll::Ready(Ok(stopped));
        }
        with_scratch(|scratch| {
            let len = ready!(self.io.poll_read(cx, scratch))?;
            if len == 0 {
                return Poll::Ready(Ok(Progress::Ended));
            }
            let mut input = &mut scratch[..len];
            let stopped = decode(&mut self.decoder, &mut input, on)?;
            if !input.is_empty() {
                self.held = Some(Box::new(Held { bytes: input.to_vec(), at: 0 }));
            }
            Poll::Ready(Ok(stopped))
        })
    }
}

impl<S> fmt::Debug for Reader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("decoder", &self.decoder).finish_non_exhaustive()
    }
}

/// Gives the events in `input` to `on` until it breaks off, which leaves the rest in `input`.
fn decode<B>(
    decoder: &mut Decoder,
    input: &mut &mut [u8],
    mut on: impl FnMut(Event<'_>) -> ControlFlow<B>,
) -> Result<Progress<B>, ProtocolError> {
    while let Some(event) = decoder.next(input)? {
        if let ControlFlow::Break(reason) = on(event) {
            decoder.release();
            return Ok(Progress::Stopped(reason));
        }
    }
    Ok(Progress::Read)
}

/// Lends out this thread's scratch buffer. A handler that reads another connection meanwhile gets a new one.
pub(super) fn with_scratch<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    thread_local! {
        static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    }
    let mut buffer = BUFFER.take().unwrap_or_else(|| vec![0; SCRATCH].into_boxed_slice());
    let result = work(&mut buffer);
    BUFFER.set(Some(buffer));
    result
}

#[cfg(test)]
mod tests;
