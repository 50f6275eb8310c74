//! An active room: its log as this node knows it, the hot part, and who is subscribed here.

mod hearing;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::{
    Inner,
    baton::Baton,
    connection::Connection,
    hot::{HotBound, HotLog, NotHot, Run},
    passages::Passages,
    pump,
    receipts::ToldPointers,
    room_log::RoomLog,
    subscription::Subscription,
    typing::Typists,
};
use crate::{
    error::{Error, ErrorCode},
    model::{ConnectionId, RoomId, Seq, UserId},
    people::People,
    wire::WireFormat,
};

/// A room that someone on this node is subscribed to.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) id: RoomId,
    /// The store's, when the room became active: what is shown here is of that log.
    pub(super) epoch: Arc<str>,
    log: Mutex<RoomLog>,
    hot: Mutex<HotLog>,
    members: Mutex<Slots>,
    /// The pump's: its head is that of the hot part, and everyone idle was given what is done.
    pub(crate) baton: Baton,
    timer_armed: AtomicBool,
    pub(super) people: Arc<People>,
    /// A format in use shows who did what: events wait until that is known.
    needs_people: AtomicBool,
    /// Its two, where it is a direct room and a format shows those alone; known once such a connection has come.
    pub(crate) pair: OnceLock<Option<Arc<(UserId, UserId)>>>,
    member_count: AtomicU32,
    opening: Mutex<Opening>,
    opening_changed: Notify,
    pub(crate) typists: Mutex<Typists>,
    /// What subscribers here were told of members' pointers.
    pub(crate) told: Mutex<ToldPointers>,
    /// Of a direct room where a format shows those alone: what is to be told one a message.
    pub(crate) passages: Mutex<Passages>,
    /// Pointers moved since they were last told.
    pub(crate) receipts_due: AtomicBool,
    /// When it last had a subscription.
    used: Mutex<Instant>,
    /// When it was made, and how many milliseconds later it last showed an event.
    made: Instant,
    shown: AtomicU64,
}

/// Who is subscribed, in slots that stay where they are while someone walks over them.
#[derive(Debug, Default)]
struct Slots {
    slots: Vec<Option<Arc<Subscription>>>,
    free: Vec<u32>,
    /// Connections that are told presence of the room's members, subscribed or not.
    watchers: BTreeMap<ConnectionId, Arc<Connection>>,
    /// The room is not in the registry any more: nobody tells it of events.
    retired: bool,
}

impl Slots {
    fn is_unused(&self) -> bool {
        self.slots.len() == self.free.len() && self.watchers.is_empty()
    }
}

/// Whether a room can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    Pending,
    Open,
    /// The store does not know the room.
    Unknown,
    /// The store could not be asked.
    Failed,
}

/// Why a subscription did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRegistered {
    /// The user's right to the log ended after it was looked at.
    Ended,
    /// Events since the look are not hot here: look again.
    LookAgain,
    /// The room has become inactive: activate it again.
    Retired,
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(Some(pair)) = self.pair.take() {
            drop(pair);
            self.people.drop_pair(self.id);
        }
    }
}

impl Room {
    /// A room of which nothing is known yet; see [`Room::open`].
    pub(crate) fn new(id: RoomId, engine: &Inner) -> Arc<Self> {
        let bound = HotBound {
            events: engine.limits.hot_events_max,
            bytes: engine.limits.hot_bytes_max,
            node: Arc::clone(&engine.hot_bytes),
        };
        Arc::new(Self {
            id,
            epoch: engine.epoch(),
            log: Mutex::new(RoomLog::unopened(engine.limits.reorder_window)),
            hot: Mutex::new(HotLog::new(Seq::ZERO, bound, Arc::clone(&engine.people))),
            members: Mutex::default(),
            baton: Baton::new(0),
            timer_armed: AtomicBool::new(false),
            people: Arc::clone(&engine.people),
            needs_people: AtomicBool::new(false),
            pair: OnceLock::new(),
            member_count: AtomicU32::new(0),
            opening: Mutex::new(Opening::Pending),
            opening_changed: Notify::new(),
            typists: Mutex::default(),
            told: Mutex::default(),
            passages: Mutex::default(),
            receipts_due: AtomicBool::new(false),
            used: Mutex::new(Instant::now()),
            made: Instant::now(),
            shown: AtomicU64::new(0),
        })
    }

    /// The log's head is known: everything up to it counts as shown.
    pub(crate) fn open(self: &Arc<Self>, engine: &Arc<Inner>, head: Seq) {
        let mut log = self.log.lock();
        let step = log.open(head, Instant::now());
        self.hot.lock().jump(head);
        self.baton.raise(head.get());
        self.baton.did(head.get());
        for event in &step.deliver {
            self.show(event);
        }
        drop(log);
        *self.opening.lock() = Opening::Open;
        self.opening_changed.notify_waiters();
        self.follow(engine, &step);
    }

    /// The log's head could not be read, or (`unknown`) there is none.
    pub(crate) fn fail_opening(&self, unknown: bool) {
        *self.opening.lock() = if unknown { Opening::Unknown } else { Opening::Failed };
        self.opening_changed.notify_waiters();
    }

    /// Waits until it is open; `false`: the store does not know it.
    ///
    /// # Errors
    /// `unavailable` where the store could not be asked.
    pub(crate) async fn opened(&self) -> Result<bool, Error> {
        loop {
            let mut changed = std::pin::pin!(self.opening_changed.notified());
            changed.as_mut().enable();
            match *self.opening.lock() {
                Opening::Open => return Ok(true),
                Opening::Unknown => return Ok(false),
                Opening::Failed => {
                    return Err(Error::new(ErrorCode::Unavailable, "the store is out of reach"));
                }
                Opening::Pending => {}
            }
            changed.await;
        }
    }

    /// Makes it impossible to subscribe or to watch, if nobody does.
    pub(crate) fn retire(&self) -> bool {
        let mut members = self.members.lock();
        members.retired = members.is_unused();
        members.retired
    }

    /// Makes it impossible to subscribe, whoever is.
    pub(crate) fn retire_surely(&self) {
        self.members.lock().retired = true;
    }

    /// Up to where this node can give events.
    pub(crate) fn head(&self) -> Seq {
        Seq::new(self.baton.head())
    }

    pub(crate) fn member_count(&self) -> u32 {
        self.member_count.load(Ordering::Relaxed)
    }

    pub(crate) fn set_member_count(&self, count: u32) {
        self.member_count.store(count, Ordering::Relaxed);
    }

    /// Begins a subscription: everything the log shows from here on is for it.
    pub(crate) fn register(&self, sub: &Arc<Subscription>) -> Result<(), NotRegistered> {
        let mut members = self.members.lock();
        if members.retired {
            return Err(NotRegistered::Retired);
        }
        let mut hot = self.hot.lock();
        match hot.ended_above(&sub.connection.user, sub.verified().min(hot.head())) {
            Ok(None) => {}
            Ok(Some(_)) => return Err(NotRegistered::Ended),
            Err(NotHot) => return Err(NotRegistered::LookAgain),
        }
        hot.enter(&sub.connection.format);
        if sub.connection.format.needs_people() {
            self.needs_people.store(true, Ordering::Relaxed);
        }
        drop(hot);
        let slot = match members.free.pop() {
            Some(slot) => slot,
            None => {
                members.slots.push(None);
                u32::try_from(members.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        members.slots[slot as usize] = Some(Arc::clone(sub));
        // Under the lock: whoever finds it in its slot may end it at once, and looks there for it.
        sub.slot.store(slot, Ordering::Relaxed);
        drop(members);
        *self.used.lock() = Instant::now();
        Ok(())
    }

    /// Ends a subscription. `false`: it had ended before.
    pub(crate) fn unregister(&self, sub: &Arc<Subscription>) -> bool {
        if sub.ended.swap(true, Ordering::SeqCst) {
            return false;
        }
        let mut members = self.members.lock();
        let slot = sub.slot.load(Ordering::Relaxed);
        let held =
            members.slots.get_mut(slot as usize).and_then(|held| held.take_if(|held| Arc::ptr_eq(held, sub)));
        if held.is_some() {
            members.free.push(slot);
            self.hot.lock().leave(&sub.connection.format);
        }
        drop(members);
        *self.used.lock() = Instant::now();
        held.is_some()
    }

    /// Tells a connection presence of the room's members from here on. `false`: the room has become inactive.
    pub(crate) fn watch(&self, connection: &Arc<Connection>) -> bool {
        let mut members = self.members.lock();
        if !members.retired {
            members.watchers.insert(connection.id, Arc::clone(connection));
        }
        !members.retired
    }

    /// No longer does.
    pub(crate) fn unwatch(&self, connection: &Connection) {
        if self.members.lock().watchers.remove(&connection.id).is_some() {
            *self.used.lock() = Instant::now();
        }
    }

    /// Whether a connection is told presence of the room's members.
    pub(crate) fn is_watched_by(&self, connection: &Connection) -> bool {
        self.members.lock().watchers.contains_key(&connection.id)
    }

    /// Clones up to `count` of the subscriptions from slot `from` on; `false` once there are no more slots.
    pub(crate) fn chunk(&self, from: usize, count: usize, chunk: &mut Vec<Arc<Subscription>>) -> bool {
        chunk.clear();
        let members = self.members.lock();
        let Some(slots) = members.slots.get(from..) else { return false };
        chunk.extend(slots.iter().take(count).flatten().cloned());
        !slots.is_empty()
    }

    /// Since when nobody is subscribed or watching, if nobody is.
    pub(crate) fn unused_since(&self) -> Option<Instant> {
        let members = self.members.lock();
        members.is_unused().then(|| *self.used.lock())
    }

    pub(crate) fn subscriptions(&self) -> usize {
        let members = self.members.lock();
        members.slots.len() - members.free.len()
    }

    pub(crate) fn shrink(&self) {
        self.hot.lock().shrink();
    }

    /// When it last had a subscription or an event.
    pub(crate) fn used(&self) -> Instant {
        let shown = self.made + Duration::from_millis(self.shown.load(Ordering::Relaxed));
        shown.max(*self.used.lock())
    }

    /// It has shown events.
    fn note_shown(&self) {
        let millis = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.shown.store(millis, Ordering::Relaxed);
    }

    /// See [`HotLog::copy`].
    pub(crate) fn copy_hot(
        &self,
        format: &dyn WireFormat,
        cursor: Seq,
        last: Seq,
        bytes_max: usize,
        run: &mut Run,
    ) -> bool {
        self.hot.lock().copy(format, cursor, last, bytes_max, run)
    }

    /// The run of everything hot above `after`, or above the hot part's floor where that is higher.
    pub(crate) fn copy_round(&self, format: &dyn WireFormat, after: Seq, run: &mut Run) {
        let hot = self.hot.lock();
        let after = after.max(hot.floor(format));
        hot.copy(format, after, Seq::MAX, usize::MAX / 2, run);
    }

    /// Everyone subscribed here.
    pub(crate) fn each_subscription(&self, mut each: impl FnMut(&Arc<Subscription>)) {
        let mut chunk = Vec::new();
        let mut from = 0;
        while self.chunk(from, pump::CHUNK, &mut chunk) {
            from += pump::CHUNK;
            chunk.iter().for_each(&mut each);
        }
    }

    /// Everyone here who is told who is there, subscribed or watching; who is both is met twice.
    pub(crate) fn each_onlooker(&self, mut each: impl FnMut(&Arc<Connection>)) {
        self.each_subscription(|sub| each(&sub.connection));
        let watchers: Vec<_> = self.members.lock().watchers.values().cloned().collect();
        watchers.iter().for_each(each);
    }

    /// How long a quiet room stays active.
    pub(crate) fn is_idle(&self, linger: Duration, now: Instant) -> bool {
        self.unused_since().is_some_and(|since| now.duration_since(since) >= linger)
    }
}
