//! Stores with flaws that only some cases look for, each found out by its case.

use std::{any::Any, future::Future, sync::Arc};

use crate::{
    memory::MemoryStore,
    testkit::{BrokenStore, Flaw, forward::prelude::*},
};

/// What is wrong with a [`Spoilt`] store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoil {
    /// What was held is answered and never stored.
    HeldIsLost,
    /// What was held is stored the other way round.
    HeldIsReversed,
    /// Keys are looked up without regard to case.
    KeysWithoutCase,
    /// Keys are looked up without blanks around them.
    KeysWithoutBlanks,
    /// A page of the trail is as long as the trail.
    TrailWithoutLimit,
    /// A search goes on where it began.
    SearchStands,
    /// A search goes on for ever, above what was found.
    SearchGoesUp,
    /// All rooms but the last of each page are listed.
    RoomsAreLeftOut,
    /// Deleted rooms are not listed.
    DeletedRoomsAreLeftOut,
    /// Pages of events tell a head of before they were read.
    EventsAreTorn,
    /// Pages of messages tell a head of after they were read.
    MessagesAreTorn,
    /// Entries of rooms tell a head of after they were read.
    RoomsAreTorn,
}

#[derive(Debug)]
struct Spoilt<S: ?Sized> {
    inner: Arc<S>,
    spoil: Spoil,
}

impl<S: Store + ?Sized> Spoilt<S> {
    async fn pass<T: Any>(
        &self,
        _: Kind,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut answer = call.await?;
        if let Some(page) = (&mut answer as &mut dyn Any).downcast_mut::<SearchPage>()
            && page.more
        {
            let first = page.messages.first().map(|message| message.id.get());
            match self.spoil {
                Spoil::SearchStands => page.next = first.and_then(|first| MessageId::new(first + 1)),
                Spoil::SearchGoesUp => page.next = MessageId::new(i64::MAX),
                _ => {}
            }
        }
        if let Some(page) = (&mut answer as &mut dyn Any).downcast_mut::<MessagePage>()
            && let Some(room) = page.messages.first().map(|view| view.message.room_id)
            && self.spoil == Spoil::MessagesAreTorn
        {
            page.as_of = self.head_a_little_later(room).await?;
        }
        if operation == "heads_after"
            && let Some(heads) = (&mut answer as &mut dyn Any).downcast_mut::<Vec<Head>>()
        {
            match self.spoil {
                Spoil::RoomsAreLeftOut if heads.len() > 1 => drop(heads.remove(heads.len() - 2)),
                Spoil::DeletedRoomsAreLeftOut => {
                    let query = |room| RoomsQuery {
                        viewer: None,
                        scope: crate::store::RoomScope::These(vec![room]),
                        before: None,
                        limit: 1,
                    };
                    for head in std::mem::take(heads) {
                        if !self.inner.rooms(&query(head.room)).await?.is_empty() {
                            heads.push(head);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(answer)
    }

    async fn head(&self, room: RoomId) -> Result<Seq, StoreError> {
        Ok(self.inner.heads(&[room]).await?.first().map(|head| head.head).unwrap_or_default())
    }

    /// As a second statement would find it, where it takes its time.
    async fn head_a_little_later(&self, room: RoomId) -> Result<Seq, StoreError> {
        let before = self.head(room).await?;
        for _ in 0..10_000 {
            if self.head(room).await? > before {
                break;
            }
            tokio::task::yield_now().await;
        }
        self.head(room).await
    }

    async fn commit_through(
        &self,
        mut changes: Vec<Change>,
        holds: Holds,
    ) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        match (holds, self.spoil) {
            (Holds::AreWaitedFor, Spoil::HeldIsLost) => Ok(vec![Ok(Outcome::Unchanged); changes.len()]),
            (Holds::AreWaitedFor, Spoil::HeldIsReversed) => {
                changes.reverse();
                let mut answers = self.inner.commit_held(changes).await?;
                answers.reverse();
                Ok(answers)
            }
            _ => holds.commit(&*self.inner, changes).await,
        }
    }

    async fn events_through(
        &self,
        room: RoomId,
        after: Seq,
        limit: EventLimit,
    ) -> Result<EventPage, StoreError> {
        if self.spoil != Spoil::EventsAreTorn {
            return self.inner.events(room, after, limit).await;
        }
        let head = self.head(room).await?;
        self.head_a_little_later(room).await?;
        let page = self.inner.events(room, after, limit).await?;
        Ok(EventPage { head, ..page })
    }
}

forward_store!(@log Spoilt);
forward_store!(@message Spoilt);
forward_store!(@pointer Spoilt);
forward_store!(@profile Spoilt);
forward_store!(@report Spoilt);
forward_store!(@block Spoilt);
forward_store!(@attachment Spoilt);

#[async_trait::async_trait]
impl<S: Store + ?Sized> AuditStore for Spoilt<S> {
    async fn audit(
        &self,
        room: RoomId,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let limit = if self.spoil == Spoil::TrailWithoutLimit { usize::MAX } else { limit };
        self.inner.audit(room, before, limit).await
    }
}

#[async_trait::async_trait]
impl<S: Store + ?Sized> RoomStore for Spoilt<S> {
    async fn find_room(&self, key: &RoomKey) -> Result<Option<RoomId>, StoreError> {
        let exact = self.inner.find_room(key).await?;
        let like = match (self.spoil, key) {
            // One of those that look alike: the one that has the look of most.
            (Spoil::KeysWithoutCase, RoomKey::Subject(subject)) => {
                let mut folded = subject.to_lowercase();
                folded[..1.min(subject.len())].make_ascii_uppercase();
                folded
            }
            (Spoil::KeysWithoutBlanks, RoomKey::Subject(subject)) => subject.trim().to_owned(),
            _ => return Ok(exact),
        };
        Ok(self.inner.find_room(&RoomKey::Subject(like)).await?.or(exact))
    }

    async fn memberships(
        &self,
        user: &UserId,
        rooms: Option<&[RoomId]>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        self.inner.memberships(user, rooms, limit).await
    }

    async fn rooms(&self, query: &RoomsQuery) -> Result<Vec<RoomEntry>, StoreError> {
        let mut rooms = self.inner.rooms(query).await?;
        if self.spoil == Spoil::RoomsAreTorn {
            for entry in &mut rooms {
                entry.head = self.head_a_little_later(entry.room.id).await?;
            }
        }
        Ok(rooms)
    }

    async fn members(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        self.inner.members(room, after, limit).await
    }

    async fn members_of(
        &self,
        rooms: &[RoomId],
        limit: usize,
    ) -> Result<Vec<(RoomId, Vec<Member>)>, StoreError> {
        self.inner.members_of(rooms, limit).await
    }

    async fn acquaintances(
        &self,
        user: &UserId,
        users: &[UserId],
        room_size_max: u32,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.inner.acquaintances(user, users, room_size_max, limit).await
    }

    async fn bans(&self, room: RoomId, limit: usize) -> Result<Vec<Ban>, StoreError> {
        self.inner.bans(room, limit).await
    }
}

fn spoilt(spoil: Spoil) -> Arc<dyn Store> {
    Arc::new(Spoilt { inner: Arc::new(MemoryStore::default()), spoil })
}

/// Whether a case fails, which is run as its macro runs it.
macro_rules! fails {
    ($case:ident, $store:expr) => {{
        let store: Arc<dyn Store> = $store;
        let case = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
            runtime.unwrap().block_on(super::$case(&store));
        };
        std::thread::spawn(case).join().is_err()
    }};
}

#[test]
fn what_was_held_and_is_lost_or_turned_round_is_found_out() {
    for spoil in [Spoil::HeldIsLost, Spoil::HeldIsReversed] {
        assert!(fails!(what_was_held_is_committed_in_order, spoilt(spoil)), "{spoil:?}");
    }
}

#[test]
fn a_hole_far_up_a_log_is_found_out() {
    for flaw in [Flaw::Missing, Flaw::Doubled, Flaw::Swapped, Flaw::Echoed] {
        let store = Arc::new(BrokenStore::new(Arc::new(MemoryStore::default()), flaw, 150));
        assert!(fails!(a_long_log_has_no_holes, store), "{flaw:?}");
    }
}

#[test]
fn rooms_that_are_left_out_of_the_list_of_all_are_found_out() {
    for spoil in [Spoil::RoomsAreLeftOut, Spoil::DeletedRoomsAreLeftOut] {
        assert!(fails!(all_rooms_are_listed_by_id, spoilt(spoil)), "{spoil:?}");
    }
}

#[test]
fn subjects_that_are_only_alike_are_found_out() {
    for spoil in [Spoil::KeysWithoutCase, Spoil::KeysWithoutBlanks] {
        assert!(fails!(subjects_are_told_apart_byte_for_byte, spoilt(spoil)), "{spoil:?}");
    }
}

#[test]
fn a_trail_without_pages_is_found_out() {
    assert!(fails!(a_page_of_the_trail_has_its_limit, spoilt(Spoil::TrailWithoutLimit)));
}

#[test]
fn a_search_that_does_not_go_on_is_found_out_and_ends() {
    for spoil in [Spoil::SearchStands, Spoil::SearchGoesUp] {
        assert!(fails!(found_messages_come_newest_first_page_by_page, spoilt(spoil)), "{spoil:?}");
    }
}

#[test]
fn torn_reads_are_found_out_each_time() {
    for spoil in [Spoil::EventsAreTorn, Spoil::MessagesAreTorn, Spoil::RoomsAreTorn] {
        for n in 0..10 {
            assert!(fails!(reads_beside_writes_are_of_one_moment, spoilt(spoil)), "{spoil:?}, {n}");
        }
    }
}
