//! The write side of a simulated transport: takes as much as it likes, when it likes.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{
    outlet::{Outlet, Wrote},
    testkit::Rng,
};

/// A transport between an engine and a simulated client.
#[derive(Debug)]
pub(super) struct Wire {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    taken: Vec<u8>,
    stalled: bool,
    broken: bool,
    /// Of so many calls one is not served at once.
    moody: u64,
    waker: Option<Waker>,
}

impl Wire {
    pub(super) fn new(rng: Rng, moody: u64) -> Arc<Self> {
        let state =
            State { rng, taken: Vec::new(), stalled: false, broken: false, moody: moody.max(2), waker: None };
        Arc::new(Self { state: Mutex::new(state), arrived: Notify::new() })
    }

    /// The engine's end.
    pub(super) fn outlet(self: &Arc<Self>) -> Box<dyn Outlet> {
        Box::new(End(Arc::clone(self)))
    }

    /// Takes nothing any more, or goes on.
    pub(super) fn stall(&self, stalled: bool) {
        self.state.lock().stalled = stalled;
        if !stalled {
            self.wake();
        }
    }

    /// Fails from now on.
    pub(super) fn cut(&self) {
        self.state.lock().broken = true;
        self.wake();
    }

    /// What has arrived, once something has.
    pub(super) async fn read(&self) -> Vec<u8> {
        loop {
            let arrived = self.arrived.notified();
            let taken = std::mem::take(&mut self.state.lock().taken);
            if !taken.is_empty() {
                return taken;
            }
            arrived.await;
        }
    }

    /// What has arrived.
    pub(super) fn rest(&self) -> Vec<u8> {
        std::mem::take(&mut self.state.lock().taken)
    }

    fn wake(&self) {
        let waker = self.state.lock().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// How many of `len` bytes it takes now; none: not now.
    fn take(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock();
        if state.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let moody = state.moody;
        let (none, part) = (state.rng.below(moody) == 0, state.rng.below(moody) == 0);
        let some = usize::try_from(state.rng.below(bytes.len() as u64 + 1)).unwrap_or(0);
        let n = if state.stalled || none {
            0
        } else if part {
            some
        } else {
            bytes.len()
        };
        state.taken.extend_from_slice(&bytes[..n]);
        drop(state);
        if n > 0 {
            self.arrived.notify_one();
        }
        Ok(n)
    }

    /// Wakes whoever waits, a little later, unless it is stalled: then it is woken when it goes on.
    fn pend<T>(self: &Arc<Self>, cx: &Context<'_>) -> Poll<T> {
        let mut state = self.state.lock();
        state.waker = Some(cx.waker().clone());
        let after = Duration::from_millis(state.rng.below(20));
        if !state.stalled {
            let wire = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                wire.wake();
            });
        }
        Poll::Pending
    }
}

#[derive(Debug)]
struct End(Arc<Wire>);

impl Outlet for End {
    fn try_write(&self, bytes: &[u8]) -> io::Result<Wrote> {
        let n = self.0.take(bytes)?;
        let flushed = {
            let state = &mut self.0.state.lock();
            let moody = state.moody;
            state.rng.below(moody) != 0
        };
        Ok(if n == bytes.len() && flushed { Wrote::All } else { Wrote::Part(n) })
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.0.take(bytes) {
            Ok(0) if !bytes.is_empty() => self.0.pend(cx),
            taken => Poll::Ready(taken),
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (pends, broken) = {
            let state = &mut self.0.state.lock();
            let moody = state.moody;
            (state.stalled || state.rng.below(moody) == 0, state.broken)
        };
        match (broken, pends) {
            (true, _) => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            (false, true) => self.0.pend(cx),
            (false, false) => Poll::Ready(Ok(())),
        }
    }
}
