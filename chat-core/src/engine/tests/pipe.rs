//! A transport whose reader does as the test says.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;
use serde_json::Value;

use crate::{
    model::{RoomId, Seq},
    outlet::{Outlet, Wrote},
};

/// Writes to any pipe of this thread's test, by whoever shares the counter.
pub(super) type Writes = Arc<AtomicUsize>;

#[derive(Debug)]
pub(super) struct Pipe {
    state: Mutex<State>,
    writes: Writes,
}

#[derive(Debug, Default)]
struct State {
    taken: Vec<u8>,
    /// Bytes that it takes before it blocks.
    room: usize,
    /// Chance, for one that takes what it likes.
    mood: Option<u64>,
    waker: Option<Waker>,
}

impl Pipe {
    /// One that takes everything.
    pub(super) fn wide(writes: &Writes) -> Arc<Self> {
        Self::new(State { room: usize::MAX, ..State::default() }, writes)
    }

    /// One that takes so much until it is opened.
    pub(super) fn narrow(bytes: usize) -> Arc<Self> {
        Self::new(State { room: bytes, ..State::default() }, &Writes::default())
    }

    /// One that takes what it likes, when it likes.
    pub(super) fn moody(seed: u64) -> Arc<Self> {
        let mood = Some(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        Self::new(State { room: usize::MAX, mood, ..State::default() }, &Writes::default())
    }

    fn new(state: State, writes: &Writes) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), writes: Arc::clone(writes) })
    }

    pub(super) fn outlet(self: &Arc<Self>) -> Box<dyn Outlet> {
        Box::new(End(Arc::clone(self)))
    }

    /// From now on it takes nothing, until it is opened.
    pub(super) fn shut(&self) {
        self.state.lock().room = 0;
    }

    /// From now on it takes everything.
    pub(super) fn open(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.room = usize::MAX;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// How many bytes it has taken.
    pub(super) fn len(&self) -> usize {
        self.state.lock().taken.len()
    }

    /// What it was given, all of it whole frames.
    pub(super) fn frames(&self) -> Vec<Value> {
        let taken = self.state.lock().taken.clone();
        serde_json::Deserializer::from_slice(&taken).into_iter().map(Result::unwrap).collect()
    }

    /// The positions of a room that it was given or told to be left out, checked to be without a hole; and how many
    /// were left out.
    pub(super) fn positions(&self, room: RoomId) -> (Option<(Seq, Seq)>, u64) {
        let mut reached: Option<(Seq, Seq)> = None;
        let mut left_out = 0;
        for frame in self.frames() {
            if frame["room_id"] != serde_json::json!(room) {
                continue;
            }
            let number = |name: &str| frame[name].as_u64().map(Seq::new);
            let (from, to) = match (frame["type"].as_str().unwrap(), frame["at"].is_string()) {
                (_, true) => (number("seq").unwrap(), number("seq").unwrap()),
                ("gap", _) => (number("from").unwrap(), number("to").unwrap()),
                _ => continue,
            };
            if !frame["at"].is_string() {
                left_out += to.since(from) + 1;
            }
            let (first, last) = reached.unwrap_or_else(|| (from, from.back(1)));
            assert_eq!(from, last.next(), "in {frame}");
            reached = Some((first, to));
        }
        (reached, left_out)
    }
}

impl State {
    fn chance(&mut self, of: u64) -> u64 {
        let Some(mood) = &mut self.mood else { return 1 };
        *mood ^= *mood << 13;
        *mood ^= *mood >> 7;
        *mood ^= *mood << 17;
        (*mood >> 16) % of
    }

    fn take(&mut self, bytes: &[u8]) -> usize {
        let mut n = bytes.len().min(self.room);
        if self.mood.is_some() && self.chance(3) == 0 {
            n = usize::try_from(self.chance(n as u64 + 1)).unwrap();
        }
        self.taken.extend_from_slice(&bytes[..n]);
        if self.room < usize::MAX {
            self.room -= n;
        }
        n
    }

    /// Whoever waits waits for [`Pipe::open`], or, of a moody one, for its next turn.
    fn pend(&mut self, cx: &Context<'_>) {
        if self.mood.is_some() {
            cx.waker().wake_by_ref();
        } else {
            self.waker = Some(cx.waker().clone());
        }
    }
}

#[derive(Debug)]
struct End(Arc<Pipe>);

impl Outlet for End {
    fn try_write(&self, bytes: &[u8]) -> io::Result<Wrote> {
        self.0.writes.fetch_add(1, Ordering::Relaxed);
        let mut state = self.0.state.lock();
        let n = state.take(bytes);
        let flushed = state.chance(5) != 0;
        Ok(if n == bytes.len() && flushed { Wrote::All } else { Wrote::Part(n) })
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.writes.fetch_add(1, Ordering::Relaxed);
        let mut state = self.0.state.lock();
        match state.take(bytes) {
            0 if !bytes.is_empty() => {
                state.pend(cx);
                Poll::Pending
            }
            n => Poll::Ready(Ok(n)),
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.state.lock();
        if state.chance(4) == 0 {
            state.pend(cx);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}
