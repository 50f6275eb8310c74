//! What a room hears of its log, and what follows from it.

use std::sync::{Arc, atomic::Ordering};

use tokio::time::{Instant, sleep_until};

use super::Room;
use crate::{
    engine::{
        Inner, metrics, pump,
        room_log::{Heard, Step},
    },
    event::{Event, EventBody},
    model::Seq,
    store::{EventLimit, EventPage},
};

/// A page read to fill a hole.
const FILL: EventLimit = EventLimit { events: 500, bytes: 512 * 1024 };

/// What was shown last and the event after it, however large they are.
const LARGE: EventLimit = EventLimit { events: 2, bytes: usize::MAX };

impl Room {
    /// Takes what was heard of the log; gives what follows to everyone subscribed.
    ///
    /// Where strangers did it and a format shows who they are, it is heard once they are known: no more than news that
    /// were late on the bus, which the log puts in order.
    pub(crate) fn hear(self: &Arc<Self>, engine: &Arc<Inner>, heard: Heard) {
        if self.needs_people.load(Ordering::Relaxed) {
            let strangers = match &heard {
                Heard::Event(event) => engine.strangers(std::iter::once(&**event)),
                _ => Vec::new(),
            };
            if !strangers.is_empty() {
                let (room, engine) = (Arc::clone(self), Arc::clone(engine));
                engine.clone().spawn(async move {
                    engine.learn(&strangers).await;
                    room.hear_known(&engine, heard);
                });
                return;
            }
        }
        self.hear_known(engine, heard);
    }

    fn hear_known(self: &Arc<Self>, engine: &Arc<Inner>, heard: Heard) {
        let mut log = self.log.lock();
        let step = log.hear(heard, Instant::now());
        for event in &step.deliver {
            self.show(event);
        }
        drop(log);
        self.follow(engine, &step);
    }

    /// Takes several committed events under one lock.
    pub(crate) fn hear_all(self: &Arc<Self>, engine: &Arc<Inner>, events: &[Arc<Event>]) {
        if self.needs_people.load(Ordering::Relaxed) {
            let strangers = engine.strangers(events.iter().map(AsRef::as_ref));
            if !strangers.is_empty() {
                let (room, engine, events) = (Arc::clone(self), Arc::clone(engine), events.to_vec());
                engine.clone().spawn(async move {
                    engine.learn(&strangers).await;
                    room.hear_all_known(&engine, &events);
                });
                return;
            }
        }
        self.hear_all_known(engine, events);
    }

    fn hear_all_known(self: &Arc<Self>, engine: &Arc<Inner>, events: &[Arc<Event>]) {
        let mut log = self.log.lock();
        let mut all = Step::default();
        let now = Instant::now();
        for event in events {
            let step = log.hear(Heard::Event(Arc::clone(event)), now);
            for event in &step.deliver {
                self.show(event);
            }
            all.deliver.extend(step.deliver);
            all.fetch = step.fetch.or(all.fetch);
            all.wake_at = step.wake_at;
            all.reset |= step.reset;
        }
        drop(log);
        self.follow(engine, &all);
    }

    /// Makes an event visible: from here on it is given. Called under the log's lock, in order.
    pub(super) fn show(&self, event: &Event) {
        match &event.body {
            EventBody::MemberLeft { user, .. } => {
                self.member_count
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                    .ok();
                self.show_end(event);
                self.typists.lock().end(user);
                return;
            }
            EventBody::RoomDeleted {} => {
                self.show_end(event);
                return;
            }
            EventBody::MemberJoined { .. } => {
                self.member_count.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
        let mut hot = self.hot.lock();
        hot.append(event);
        self.baton.raise(event.seq.get());
    }

    /// Bounds the subscriptions that an event ends, before anything above it can be given: both under the members'
    /// lock, so that one that begins meanwhile finds the event in the hot part.
    fn show_end(&self, event: &Event) {
        let mut members = self.members.lock();
        members.watchers.retain(|_, connection| event.body.ends(&connection.user).is_none());
        for sub in members.slots.iter().flatten() {
            if let Some(reason) = event.body.ends(&sub.connection.user) {
                sub.bound(event.seq, reason);
            }
        }
        let mut hot = self.hot.lock();
        hot.append(event);
        self.baton.raise(event.seq.get());
        drop(hot);
        drop(members);
    }

    /// Does what follows from a step, outside of every lock.
    pub(super) fn follow(self: &Arc<Self>, engine: &Arc<Inner>, step: &Step) {
        for event in &step.deliver {
            if let EventBody::MemberJoined { member } = &event.body {
                engine.user_rooms_changed(&member.user);
            }
        }
        if !step.deliver.is_empty() {
            self.note_shown();
            pump::kick(self, engine);
        }
        if step.reset {
            engine.store_went_back(self);
        }
        if let Some(after) = step.fetch {
            metrics::gap_found();
            let (room, engine) = (Arc::clone(self), Arc::clone(engine));
            engine.clone().spawn(async move { room.fill(&engine, after).await });
        } else if let Some(at) = step.wake_at
            && !self.timer_armed.swap(true, Ordering::SeqCst)
        {
            let (room, engine) = (Arc::clone(self), Arc::clone(engine));
            engine.clone().spawn(async move {
                sleep_until(at).await;
                room.timer_armed.store(false, Ordering::SeqCst);
                room.hear(&engine, Heard::Woken);
            });
        }
    }

    /// Reads what follows `after`, which is what was shown or one below.
    async fn fill(self: &Arc<Self>, engine: &Arc<Inner>, after: Seq) {
        let filling = Filling(Some(self));
        let shown = self.head();
        let page = {
            let Ok(_turn) = engine.catch_up_reads.acquire().await else { return };
            match engine.read("events", engine.store.events(self.id, after, FILL)).await {
                // One event as large as a page, and shown already: at least the next is needed.
                Ok(page) if page.head > shown && page.events.last().is_some_and(|last| last.seq <= shown) => {
                    engine.read("events", engine.store.events(self.id, after, LARGE)).await
                }
                page => page,
            }
        };
        match page {
            Ok(page) => {
                if page.events.last().is_some_and(|last| last.seq > shown) {
                    metrics::gap_filled();
                }
                // A deleted room keeps its last event alone: what lies below cannot be shown any more.
                if page.floor > after {
                    self.jump(page.floor);
                }
                if self.needs_people.load(Ordering::Relaxed) {
                    let strangers = engine.strangers(page.events.iter());
                    if !strangers.is_empty() {
                        engine.learn(&strangers).await;
                    }
                }
                filling.end(engine, Heard::Page { events: page.events, head: page.head, shown });
            }
            Err(_) => filling.end(engine, Heard::FetchFailed),
        }
    }

    /// Whether a page of the log, read for someone who is behind when `shown` was the head, is of another log than was
    /// shown: then the store went back, and nothing of the page is to be given.
    pub(crate) fn is_contradicted(
        self: &Arc<Self>,
        engine: &Arc<Inner>,
        page: &EventPage,
        shown: Seq,
    ) -> bool {
        let went_back = page.head < shown || self.log.lock().read_back(&page.events);
        if went_back {
            engine.store_went_back(self);
        }
        went_back
    }

    /// Goes on above `floor`: what lies at or below is not kept.
    fn jump(&self, floor: Seq) {
        let mut log = self.log.lock();
        if floor > log.head() {
            log.jump(floor);
            let mut hot = self.hot.lock();
            hot.jump(floor);
            self.baton.raise(floor.get());
        }
    }
}

/// A room that a page is read for. Whatever becomes of the read, it does not keep the next from being asked for.
struct Filling<'a>(Option<&'a Arc<Room>>);

impl Filling<'_> {
    fn end(mut self, engine: &Arc<Inner>, heard: Heard) {
        if let Some(room) = self.0.take() {
            room.hear_known(engine, heard);
        }
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        if let Some(room) = self.0 {
            room.log.lock().forget_fetch();
        }
    }
}
