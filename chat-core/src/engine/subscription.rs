//! A subscription: one connection's cursor into one room's log.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use parking_lot::Mutex;

use super::{connection::Connection, hot::Run, room::Room};
use crate::{model::Seq, signal::UnsubscribeReason};

/// One connection's cursor into one room's log.
///
/// The cursor always stands between frames. Everything but `until` is read and written under the connection's `out`
/// lock only; the atomics are for sharing, not for ordering.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) connection: Arc<Connection>,
    pub(crate) room: Arc<Room>,
    /// Given up to here.
    cursor: AtomicU64,
    /// Taken by the transport up to here.
    written: AtomicU64,
    /// Nothing above this is for the user.
    until: AtomicU64,
    reason: Mutex<UnsubscribeReason>,
    /// Where it began.
    started: u64,
    /// Membership was seen to hold at this head.
    verified: AtomicU64,
    /// The head that the client was told last.
    pub(crate) told: AtomicU64,
    /// It waits in the connection's queue of those behind.
    pub(crate) queued: AtomicBool,
    pub(crate) ended: AtomicBool,
    pub(crate) slot: AtomicU32,
}

impl Subscription {
    pub(crate) fn new(connection: Arc<Connection>, room: Arc<Room>, cursor: Seq, verified: Seq) -> Arc<Self> {
        Arc::new(Self {
            connection,
            room,
            cursor: AtomicU64::new(cursor.get()),
            written: AtomicU64::new(cursor.get()),
            started: cursor.get(),
            until: AtomicU64::new(u64::MAX),
            reason: Mutex::new(UnsubscribeReason::Removed),
            verified: AtomicU64::new(verified.get()),
            told: AtomicU64::new(verified.get()),
            queued: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            slot: AtomicU32::new(u32::MAX),
        })
    }

    pub(crate) fn cursor(&self) -> Seq {
        Seq::new(self.cursor.load(Ordering::Relaxed))
    }

    pub(crate) fn set_cursor(&self, seq: Seq) {
        self.cursor.store(seq.get(), Ordering::Relaxed);
    }

    pub(crate) fn written(&self) -> Seq {
        Seq::new(self.written.load(Ordering::Relaxed))
    }

    pub(crate) const fn started(&self) -> Seq {
        Seq::new(self.started)
    }

    pub(crate) fn set_written(&self, seq: Seq) {
        self.written.fetch_max(seq.get(), Ordering::Relaxed);
    }

    /// As [`Self::set_written`] where no round of the pump says afterwards that receipts are due.
    pub(crate) fn set_written_late(&self, seq: Seq) {
        self.set_written(seq);
        self.room.receipts_due.store(true, Ordering::Relaxed);
    }

    pub(crate) fn until(&self) -> Seq {
        Seq::new(self.until.load(Ordering::SeqCst))
    }

    pub(crate) fn verified(&self) -> Seq {
        Seq::new(self.verified.load(Ordering::Relaxed))
    }

    /// The user's right to the log ends at `seq`, unless membership was seen to hold later.
    pub(crate) fn bound(&self, seq: Seq, reason: UnsubscribeReason) {
        if seq > self.verified() && self.until.fetch_min(seq.get(), Ordering::SeqCst) > seq.get() {
            *self.reason.lock() = reason;
        }
    }

    /// Why the right ends, once it does.
    pub(crate) fn reason(&self) -> UnsubscribeReason {
        *self.reason.lock()
    }

    /// Gives what `run` has for this subscription, if its connection takes it now; else leaves it to a drain.
    /// `run` starts at or below every cursor that a round has served.
    pub(crate) fn give(self: &Arc<Self>, run: &Run) {
        self.connection.give(self, run);
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}
