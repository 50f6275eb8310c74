//! A reader who does not read.

use std::{
    io,
    task::{Context, Poll},
};

use chat_core::{Outlet, Wrote};

/// A transport whose peer has stopped reading.
#[derive(Debug)]
pub(crate) struct Blocked;

impl Outlet for Blocked {
    fn try_write(&self, _bytes: &[u8]) -> io::Result<Wrote> {
        Ok(Wrote::Part(0))
    }

    fn poll_write(&self, _cx: &mut Context<'_>, _bytes: &[u8]) -> Poll<io::Result<usize>> {
        // It never goes on, so nobody needs to be woken.
        Poll::Pending
    }

    fn poll_flush(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
