//! A connection's way out: what is written at once, and what waits.
//!
//! Lock order: a room's log → its members → a connection's `out` → a room's hot part. No lock is held around more than
//! one write, and none across an await.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{
    Inner, answers::Weight, feed, hot::Run, metrics, out::Out, room::Room, signalling::SignalBatch,
    subscription::Subscription,
};
use crate::{
    Wrote,
    hooks::Principal,
    model::{ConnectionId, RoomId, Seq, Timestamp, UserId},
    protocol::{Close, CloseCode, ServerFrame, Subscribe},
    signal::{PresenceChoice, Signal, SignalKey},
    wire::WireFormat,
};

/// One connection of a user.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) user: UserId,
    pub(crate) format: Arc<dyn WireFormat>,
    pub(crate) engine: Weak<Inner>,
    pub(crate) follow: Subscribe,
    pub(crate) principal: Mutex<Arc<Principal>>,
    pub(crate) out: Mutex<Out>,
    /// What it is subscribed to; `None` once it is torn down.
    pub(crate) subs: Mutex<Option<BTreeMap<RoomId, Arc<Subscription>>>>,
    /// The rooms of whose members it is told presence, subscribed or not; `None`: it does not watch, or is torn down.
    pub(crate) watched: Mutex<Option<BTreeMap<RoomId, Arc<Room>>>>,
    /// Held by whoever changes what it is subscribed to, from the look at the store to the subscription: its
    /// beginning, its commands, and what follows the user's set of rooms would else begin one room twice. In it, the
    /// rooms that the client has unsubscribed from: they are not news to it.
    pub(crate) following: tokio::sync::Mutex<BTreeSet<RoomId>>,
    pub(crate) commands: super::intake::Intake,
    pub(crate) presence: AtomicU8,
    pub(crate) expires_at: AtomicU64,
    /// Its client was told that the token ends soon.
    warned: AtomicBool,
    pub(crate) bounds: Bounds,
    /// Whom its user has blocked.
    pub(crate) blocked: Mutex<BTreeSet<UserId>>,
    ended: Notify,
}

/// What a connection needs of the limits where it writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) gap_after: u64,
    pub(crate) gap_keep: u64,
    pub(crate) replies_bytes: usize,
    pub(crate) signals: usize,
}

impl Connection {
    pub(crate) fn new(
        id: ConnectionId,
        principal: Principal,
        format: Arc<dyn WireFormat>,
        engine: &Arc<Inner>,
        follow: Subscribe,
    ) -> Arc<Self> {
        let expires_at = principal.expires_at.map_or(u64::MAX, expiry);
        // Who cannot be told that something is left out is given all of it, at his own pace.
        let gap_after = if format.tells_gaps() { engine.limits.gap_after } else { u64::MAX };
        Arc::new(Self {
            id,
            user: principal.user.clone(),
            format,
            engine: Arc::downgrade(engine),
            follow,
            principal: Mutex::new(Arc::new(principal)),
            // Until an outlet or the pull side comes, everything waits.
            out: Mutex::new(Out { draining: true, ..Out::default() }),
            subs: Mutex::new(Some(BTreeMap::new())),
            watched: Mutex::new((follow == Subscribe::Watch).then(BTreeMap::new)),
            following: tokio::sync::Mutex::default(),
            commands: super::intake::Intake::default(),
            presence: AtomicU8::new(PresenceChoice::Online as u8),
            expires_at: AtomicU64::new(expires_at),
            warned: AtomicBool::new(false),
            bounds: Bounds {
                gap_after,
                gap_keep: engine.limits.gap_keep,
                replies_bytes: engine.limits.replies_bytes_max,
                signals: engine.limits.signals_waiting_max,
            },
            blocked: Mutex::default(),
            ended: Notify::new(),
        })
    }

    /// Whether a signal is not to be shown here: who is blocked neither types nor is there.
    pub(crate) fn hides(&self, signal: &Signal) -> bool {
        match signal {
            Signal::Typing { user, .. } | Signal::Presence { user, .. } => self.blocked.lock().contains(user),
            _ => false,
        }
    }

    /// Gives `sub` what `run` has for it, or queues it.
    pub(crate) fn give(self: &Arc<Self>, sub: &Arc<Subscription>, run: &Run) {
        let mut guard = self.out.lock();
        let out = &mut *guard;
        let cursor = sub.cursor();
        let until = sub.until();
        let end = run.last().min(until);
        if out.dead || sub.is_ended() || (cursor >= end && cursor < until) {
            return;
        }
        if out.draining {
            out.queue(sub);
            return;
        }
        if cursor >= until {
            // The right ended where the subscription begins: a drain says so.
            out.queue(sub);
            out.draining = true;
            drop(guard);
            feed::spawn_drain(self);
            return;
        }
        let in_reach = cursor >= run.after && end.since(cursor) <= self.bounds.gap_after;
        let outlet = out.outlet.as_deref().filter(|_| in_reach && out.close.is_none());
        let slice = if in_reach { run.slice(cursor, end) } else { &[] };
        let wrote =
            outlet.map(|outlet| if slice.is_empty() { Ok(Wrote::All) } else { outlet.try_write(slice) });
        match wrote {
            Some(Ok(Wrote::All)) => {
                sub.set_cursor(end);
                sub.set_written(end);
                if end < sub.until() {
                    return;
                }
                // The user's last event of this room was given: a drain says so.
                out.queue(sub);
            }
            Some(Ok(Wrote::Part(n))) => {
                let (at, rest) = run.cut(cursor, n);
                let wait = out.wait.get_or_insert_default();
                wait.rest.extend_from_slice(rest);
                sub.set_cursor(at);
                if rest.is_empty() {
                    sub.set_written(at);
                } else {
                    sub.set_written(at.back(1));
                    wait.rest_of = Some(Arc::clone(sub));
                }
                metrics::blocked();
                out.queue(sub);
            }
            Some(Err(_)) => {
                self.die(out);
                return;
            }
            None => out.queue(sub),
        }
        out.draining = true;
        drop(guard);
        feed::spawn_drain(self);
    }

    /// Queues `sub` for a drain, and starts one where none is at it.
    pub(crate) fn catch_up(self: &Arc<Self>, sub: &Arc<Subscription>) {
        let mut out = self.out.lock();
        if out.dead {
            return;
        }
        out.queue(sub);
        if !out.draining {
            out.draining = true;
            drop(out);
            feed::spawn_drain(self);
        }
    }

    /// Moves a cursor over what cannot be given, and says so.
    pub(crate) fn skip_to(&self, sub: &Subscription, to: Seq) {
        let mut out = self.out.lock();
        let to = to.min(sub.until());
        // One that ended while it was read for has nothing to say: another may stand in its place.
        if out.dead || out.close.is_some() || sub.is_ended() || sub.cursor() >= to {
            return;
        }
        let gap = ServerFrame::Gap { room_id: sub.room.id, from: sub.cursor().next(), to };
        out.wait().replies.push(|bytes| self.format.frame(&gap, bytes));
        sub.set_cursor(to);
    }

    /// Gives a signal, or keeps the latest of its key.
    pub(crate) fn signal(self: &Arc<Self>, key: &SignalKey, bytes: &Arc<[u8]>) {
        self.give_signals(bytes, std::iter::once((key, bytes)));
    }

    /// Gives several signals with one write, or keeps the latest of each key.
    pub(crate) fn signal_batch(self: &Arc<Self>, batch: &SignalBatch) {
        self.give_signals(&batch.bytes, batch.each.iter().map(|(key, bytes)| (key, bytes)));
    }

    fn give_signals<'a>(
        self: &Arc<Self>,
        bytes: &[u8],
        each: impl Iterator<Item = (&'a SignalKey, &'a Arc<[u8]>)>,
    ) {
        if bytes.is_empty() {
            return;
        }
        let mut guard = self.out.lock();
        let out = &mut *guard;
        if out.dead || out.close.is_some() {
            return;
        }
        if out.draining {
            for (key, bytes) in each {
                out.wait().keep(key, bytes, self.bounds.signals);
            }
            out.wake();
            return;
        }
        let Some(outlet) = &out.outlet else { return };
        match outlet.try_write(bytes) {
            Ok(Wrote::All) => return,
            Ok(Wrote::Part(n)) => {
                out.wait().rest.extend_from_slice(&bytes[n..]);
                out.draining = true;
            }
            Err(_) => {
                self.die(out);
                return;
            }
        }
        drop(guard);
        feed::spawn_drain(self);
    }

    /// Ends the connection: nothing but what was begun, the answers that wait and a last frame goes out any more.
    pub(crate) fn close(self: &Arc<Self>, close: Close) {
        let mut guard = self.out.lock();
        if guard.dead || guard.close.is_some() {
            return;
        }
        guard.close = Some(close);
        let mut frames = Run::default();
        if let Some(reason) = close.bye {
            let reconnect_after_ms = u64::try_from(close.reconnect_after.as_millis()).unwrap_or(u64::MAX);
            let bye = ServerFrame::Bye { reason, reconnect_after_ms };
            frames.push(|bytes| self.format.frame(&bye, bytes));
        }
        frames.push(|bytes| self.format.close(close.code, bytes));
        let drain = self.put(&mut guard, &frames, Weight::Counts);
        if !guard.draining {
            self.die(&mut guard);
        }
        drop(guard);
        // What waits for room among the answers need not any more.
        self.commands.wake();
        if drain {
            feed::spawn_drain(self);
        }
    }

    /// The subscription to a room.
    pub(crate) fn sub(&self, room: RoomId) -> Option<Arc<Subscription>> {
        self.subs.lock().as_ref()?.get(&room).cloned()
    }

    /// Takes in a subscription that is registered: from here on it counts as subscribed.
    pub(super) fn hold(&self, sub: &Arc<Subscription>) {
        let replaced = {
            let mut subs = self.subs.lock();
            match subs.as_mut() {
                // It was given its end since it was registered, and the client told so: there was nothing to take out.
                Some(_) if sub.is_ended() => None,
                Some(subs) => subs.insert(sub.room.id, Arc::clone(sub)),
                None => Some(Arc::clone(sub)),
            }
        };
        if let Some(replaced) = replaced {
            replaced.room.unregister(&replaced);
        }
    }

    /// Everything it is subscribed to.
    pub(crate) fn all_subs(&self) -> Vec<Arc<Subscription>> {
        self.subs.lock().as_ref().map(|subs| subs.values().cloned().collect()).unwrap_or_default()
    }

    /// Nothing goes out any more.
    pub(crate) fn die(&self, out: &mut Out) {
        out.dead = true;
        if let Some(waker) = out.wait.take().and_then(|wait| wait.waker) {
            waker.wake();
        }
        self.ended.notify_waiters();
        self.commands.wake();
    }

    /// Waits until nothing goes out any more.
    pub(crate) async fn ended(&self) -> Close {
        loop {
            let mut notified = std::pin::pin!(self.ended.notified());
            notified.as_mut().enable();
            if let Some(close) = self.end() {
                return close;
            }
            notified.await;
        }
    }

    /// How it ended, if it did.
    pub(crate) fn end(&self) -> Option<Close> {
        let out = self.out.lock();
        out.dead.then(|| out.close.unwrap_or(Close::silent(CloseCode::GoingAway)))
    }

    /// How it ends, once that is settled.
    pub(crate) fn closing(&self) -> Option<Close> {
        self.out.lock().close
    }

    pub(crate) fn presence(&self) -> PresenceChoice {
        match self.presence.load(Ordering::Relaxed) {
            x if x == PresenceChoice::Away as u8 => PresenceChoice::Away,
            x if x == PresenceChoice::Invisible as u8 => PresenceChoice::Invisible,
            _ => PresenceChoice::Online,
        }
    }

    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        match self.expires_at.load(Ordering::Relaxed) {
            u64::MAX => None,
            micros => Some(Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))),
        }
    }

    /// Who it is, by its newest token.
    pub(crate) fn principal(&self) -> Arc<Principal> {
        Arc::clone(&*self.principal.lock())
    }

    /// Whether its client is to be told that the token ends soon: once for each token.
    pub(crate) fn warns_of_its_token(&self) -> bool {
        !self.warned.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn renew(&self, principal: Principal) {
        self.warned.store(false, Ordering::Relaxed);
        self.expires_at.store(principal.expires_at.map_or(u64::MAX, expiry), Ordering::Relaxed);
        *self.principal.lock() = Arc::new(principal);
    }
}

fn expiry(at: Timestamp) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(0)
}
