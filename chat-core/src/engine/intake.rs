//! What a connection has asked for and has not been answered yet: bounded, and in order.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::connection::Connection;
use crate::{Rate, model::RoomId, protocol::ClientFrame};

/// In [`Intake::in_flight`]: nothing more is taken.
const CLOSED: usize = 1 << (usize::BITS - 1);
/// In [`Intake::in_flight`]: and nobody is to wait for what was taken.
const RELEASED: usize = 1 << (usize::BITS - 2);

/// A connection's side of its commands.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    /// How many, and whether more are taken: in one number, so that each command is either counted before the end or
    /// not carried out.
    in_flight: AtomicUsize,
    room: Notify,
    /// Refusals for rate in a row.
    pub(crate) refusals: AtomicU32,
    bucket: Mutex<Option<Bucket>>,
    chain: Mutex<Option<Box<Chain>>>,
    /// The rooms of its changes that are in their lanes, once for each.
    writing: Mutex<Vec<RoomId>>,
}

/// Commands that cannot be done at once, done one after another.
#[derive(Debug, Default)]
struct Chain {
    waiting: VecDeque<(InFlight, ClientFrame)>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// A command that is not answered yet.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) connection: Arc<Connection>,
    /// What it changes, once the change is in its lane.
    writes: Option<RoomId>,
}

impl InFlight {
    /// `None`: nothing more is taken.
    pub(crate) fn begin(connection: &Arc<Connection>) -> Option<Self> {
        let before = connection.commands.in_flight.fetch_add(1, Ordering::Relaxed);
        let flight = Self { connection: Arc::clone(connection), writes: None };
        (before & CLOSED == 0).then_some(flight)
    }

    /// From here on until it is answered a change of that room is under way.
    pub(crate) fn writes(&mut self, room: RoomId) {
        self.writes = Some(room);
        self.connection.commands.writing.lock().push(room);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let commands = &self.connection.commands;
        if let Some(room) = self.writes {
            let mut writing = commands.writing.lock();
            if let Some(at) = writing.iter().position(|written| *written == room) {
                writing.swap_remove(at);
            }
        }
        commands.in_flight.fetch_sub(1, Ordering::Release);
        commands.room.notify_waiters();
    }
}

impl Intake {
    /// Whether a new command would have to wait: too many are unanswered, or nothing more is taken and the end is to
    /// come.
    pub(crate) fn is_full(&self, max: usize) -> bool {
        let in_flight = self.in_flight.load(Ordering::Acquire);
        in_flight & RELEASED == 0 && in_flight >= max
    }

    /// Waits until a new command would not have to.
    pub(crate) async fn ready(&self, max: usize) {
        self.wait_until(|| !self.is_full(max)).await;
    }

    /// Waits until the changes of a room that are in their lane are answered.
    pub(crate) async fn written(&self, room: RoomId) {
        self.wait_until(|| !self.writing.lock().contains(&room)).await;
    }

    /// Takes nothing more. `true`: everything is answered.
    pub(crate) fn close(&self) -> bool {
        self.in_flight.fetch_or(CLOSED, Ordering::AcqRel) & !(CLOSED | RELEASED) == 0
    }

    /// Waits until everything is answered.
    pub(crate) async fn answered(&self) {
        self.wait_until(|| self.in_flight.load(Ordering::Acquire) & !(CLOSED | RELEASED) == 0).await;
    }

    /// Nobody waits any more for what was taken.
    pub(crate) fn release(&self) {
        self.in_flight.fetch_or(RELEASED, Ordering::AcqRel);
        self.wake();
    }

    /// Waits until something holds that is looked at again with each [`Self::wake`] and each answer.
    pub(crate) async fn wait_until(&self, done: impl Fn() -> bool) {
        loop {
            let mut notified = std::pin::pin!(self.room.notified());
            notified.as_mut().enable();
            if done() {
                return;
            }
            notified.await;
        }
    }

    /// Whoever waits looks again.
    pub(crate) fn wake(&self) {
        self.room.notify_waiters();
    }

    /// Takes one command of the connection's own budget; else says how long to wait.
    pub(crate) fn take(&self, rate: Rate, now: Instant) -> Result<(), std::time::Duration> {
        let mut bucket = self.bucket.lock();
        let burst = f64::from(rate.burst);
        let bucket = bucket.get_or_insert(Bucket { tokens: burst, at: now });
        let passed = now.duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * rate.per_second).min(burst);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(std::time::Duration::from_secs_f64((1.0 - bucket.tokens) / rate.per_second))
    }

    /// Whether commands wait for their turn, so that a new one must wait behind them.
    pub(crate) fn is_chained(&self) -> bool {
        self.chain.lock().is_some()
    }

    /// Puts a command behind those that wait. `true`: the caller starts working them off.
    pub(crate) fn chain(&self, flight: InFlight, frame: ClientFrame) -> bool {
        let mut chain = self.chain.lock();
        let starts = chain.is_none();
        chain.get_or_insert_default().waiting.push_back((flight, frame));
        starts
    }

    /// The next command of the chain; `None` ends the chain.
    pub(crate) fn next(&self) -> Option<(InFlight, ClientFrame)> {
        let mut chain = self.chain.lock();
        let next = chain.as_mut().and_then(|chain| chain.waiting.pop_front());
        if next.is_none() {
            *chain = None;
        }
        next
    }
}
