//! The seam to a transport's write side.

use std::{
    fmt, io,
    task::{Context, Poll},
};

/// How much of a buffer the transport took at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a write is whole or it is not")]
pub enum Wrote {
    /// All of it, and nothing is left to flush.
    All,
    /// Its first `n` bytes (possibly none, possibly all with a flush still pending): the engine goes on with
    /// [`Outlet::poll_write`] and [`Outlet::poll_flush`] in a task of its own.
    Part(usize),
}

/// The write side of one connection, as the engine sees it.
///
/// The engine serialises its calls: there is never more than one at a time for an outlet.
///
/// # To ensure correctness
/// - Bytes reach the peer in the order they were taken, each exactly once.
/// - `try_write` never blocks and registers no interest; whatever it could not take stays with the caller.
/// - After `Poll::Pending` the waker of that call is woken once the transport can go on.
/// - After an error every further call fails too.
pub trait Outlet: fmt::Debug + Send + Sync + 'static {
    /// Writes what the transport takes at once.
    ///
    /// # Errors
    /// The transport's own; the connection is dead then. A full buffer is no error but [`Wrote::Part`].
    fn try_write(&self, bytes: &[u8]) -> io::Result<Wrote>;

    /// Writes some of `bytes`, or registers the waker where nothing can be taken now.
    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Pushes out what the transport still buffers (TLS; a plain socket is always ready).
    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}
