//! A connection whose user is known.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use chat_core::{Commands, Outlet, Wrote};

use crate::ws::Io;

const QUIET: u8 = 0;
const HEARD: u8 = 1;
const UNREAD: u8 = 2;

/// What the task that reads a connection shares with the one that watches over all of them.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) commands: Commands,
    pub(super) io: Arc<Io>,
    ear: AtomicU8,
}

/// What came in since one looked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ear {
    /// Nothing.
    Quiet,
    /// Something.
    Heard,
    /// Nobody listens: silence says nothing.
    Unread,
}

impl Live {
    pub(super) const fn new(commands: Commands, io: Arc<Io>) -> Self {
        Self { commands, io, ear: AtomicU8::new(HEARD) }
    }

    /// Something came in, or is listened for again.
    pub(super) fn hear(&self) {
        self.ear.store(HEARD, Ordering::Relaxed);
    }

    /// Nobody listens until the next [`Live::hear`].
    pub(super) fn stop_listening(&self) {
        self.ear.store(UNREAD, Ordering::Relaxed);
    }

    /// What came in since the last call.
    pub(super) fn listen(&self) -> Ear {
        match self.ear.compare_exchange(HEARD, QUIET, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Ear::Heard,
            Err(UNREAD) => Ear::Unread,
            Err(_) => Ear::Quiet,
        }
    }
}

/// The engine's way out: the stream that the reader holds too.
#[derive(Debug)]
pub(super) struct WriteHalf(pub(super) Arc<Io>);

impl Outlet for WriteHalf {
    fn try_write(&self, bytes: &[u8]) -> io::Result<Wrote> {
        self.0.try_write(bytes)
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, bytes)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(cx)
    }
}
