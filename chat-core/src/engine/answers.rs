//! Answers and notices on a connection's way out: written at once, or waiting, and how much may wait.

use std::sync::Arc;

use super::{
    connection::Connection,
    feed,
    hot::Run,
    metrics,
    out::{Out, Wait},
    subscription::Subscription,
};
use crate::{
    Wrote,
    model::Seq,
    protocol::{Close, CloseCode, FrameId, ServerFrame},
};

thread_local! {
    static BUFFER: std::cell::RefCell<Run> = std::cell::RefCell::default();
}

/// Whether an answer that waits counts for one that the client should have read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Counts,
    /// It is bounded by itself.
    Large,
}

impl Connection {
    /// Writes an answer or notice, or queues it.
    pub(crate) fn reply(self: &Arc<Self>, frame: &ServerFrame<'_>) {
        self.reply_as(frame, Weight::Counts);
    }

    /// As [`Self::reply`] of what is bounded by itself and may be large: the welcome, of which there is one, and a page
    /// of history, which [waits](Self::large_answers_taken) for the large one before it. Who was sent one is not
    /// therefore one who does not read.
    pub(crate) fn reply_large(self: &Arc<Self>, frame: &ServerFrame<'_>) {
        self.reply_as(frame, Weight::Large);
    }

    fn reply_as(self: &Arc<Self>, frame: &ServerFrame<'_>, weight: Weight) {
        BUFFER.with_borrow_mut(|buffer| {
            buffer.clear(Seq::ZERO);
            buffer.push(|bytes| self.format.frame(frame, bytes));
            self.reply_weighed(buffer, weight);
        });
    }

    /// Waits until what was large of the answers is (nearly) taken by the transport, or the connection ends.
    pub(crate) async fn large_answers_taken(&self) {
        let is_light = |wait: &Wait| wait.is_light(self.bounds.replies_bytes);
        let taken = || {
            let out = self.out.lock();
            out.dead || out.close.is_some() || out.wait.as_deref().is_none_or(is_light)
        };
        self.commands.wait_until(taken).await;
    }

    /// Answers `subscribe` with where a subscription stands: it goes on from there. `false`: its end is near or past.
    pub(crate) fn reply_standing(
        self: &Arc<Self>,
        sub: &Subscription,
        id: Option<&FrameId>,
        head: Seq,
    ) -> bool {
        let mut guard = self.out.lock();
        if sub.is_ended() || sub.until() < Seq::MAX {
            return false;
        }
        if guard.close.is_some() {
            return true;
        }
        // What was given up to the cursor goes out before this, and what lies above it after.
        let from = sub.cursor();
        let mut frames = Run::default();
        let subscribed = ServerFrame::Subscribed { id, room_id: sub.room.id, from, head: head.max(from) };
        frames.push(|bytes| self.format.frame(&subscribed, bytes));
        let drain = self.put(&mut guard, &frames, Weight::Counts);
        drop(guard);
        if drain {
            feed::spawn_drain(self);
        }
        true
    }

    /// Writes several answers with one write, or queues them.
    pub(crate) fn reply_frames(self: &Arc<Self>, frames: &Run) {
        self.reply_weighed(frames, Weight::Counts);
    }

    fn reply_weighed(self: &Arc<Self>, frames: &Run, weight: Weight) {
        let mut guard = self.out.lock();
        if guard.close.is_some() {
            return;
        }
        let drain = self.put(&mut guard, frames, weight);
        drop(guard);
        if drain {
            feed::spawn_drain(self);
        }
    }

    /// Writes frames now or queues them. `true`: the caller starts a drain once the lock is gone.
    pub(super) fn put(&self, out: &mut Out, frames: &Run, weight: Weight) -> bool {
        if out.dead || frames.bytes.is_empty() {
            return false;
        }
        if out.draining {
            let closes = out.close.is_some();
            let wait = out.wait();
            // What is answered now is no fault of the client's, however much it is: what it left unread is.
            if !closes && wait.counted() > self.bounds.replies_bytes {
                self.end_of_flood(out);
                return false;
            }
            let replies = &mut wait.replies;
            let base = u32::try_from(replies.bytes.len()).unwrap_or(u32::MAX);
            replies.bytes.extend_from_slice(&frames.bytes);
            replies.ends.extend(frames.ends.iter().map(|end| base.saturating_add(*end)));
            if weight == Weight::Large {
                wait.large += frames.bytes.len();
            }
            out.wake();
            return false;
        }
        let Some(outlet) = &out.outlet else { return false };
        match outlet.try_write(&frames.bytes) {
            Ok(Wrote::All) => false,
            Ok(Wrote::Part(n)) => {
                out.wait().rest.extend_from_slice(&frames.bytes[n..]);
                out.draining = true;
                true
            }
            Err(_) => {
                self.die(out);
                false
            }
        }
    }

    /// Ends a connection that does not read: of all that waits only what was begun goes out, so that the close can be
    /// read where anything is.
    fn end_of_flood(&self, out: &mut Out) {
        metrics::flooded();
        let close = Close::silent(CloseCode::Flood);
        out.close = Some(close);
        let wait = out.wait();
        wait.signals.clear();
        wait.large = 0;
        wait.replies = Run::default();
        wait.replies.push(|bytes| self.format.close(close.code, bytes));
        out.wake();
        self.commands.wake();
    }
}
