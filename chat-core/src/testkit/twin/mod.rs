//! A store beside a [`MemoryStore`]: asked the same by chance, both must answer the same.

mod chance;
mod lens;

use std::sync::Arc;

use chance::{Chance, Known, USERS, user};
use lens::{Lens, plain};

use crate::{
    memory::MemoryStore,
    model::{Activity, Member, Role, RoomId, Seq, Timestamp},
    store::{
        Change, EventLimit, MessageQuery, Outcome, PointerMove, Range, RoomScope, RoomsQuery, SearchQuery,
        SearchScope, Store,
    },
};

const HEALTHY: &str = "a healthy store answers";

/// Rooms that changes are drawn for; made ones beyond it are only read.
const ROOMS: usize = 6;

/// Asks `store`, which must be empty and nobody else's, for batches of changes drawn from `seed`, and a memory store
/// for the same changes one by one; then asks both for everything that can be read, after each batch.
///
/// So it finds what a store that looks things up before it writes forgot to look up, and batches that do something
/// else than their changes alone.
///
/// # Panics
/// At the first answer of `store` that differs.
pub async fn same_as_memory(store: &Arc<dyn Store>, seed: u64, batches: usize) {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let mut twin =
        Twin { store, memory, lens: Lens::default(), rooms: Vec::new(), chance: Chance::new(seed) };
    for batch in 0..batches {
        let what = format!("seed {seed}, batch {batch}");
        twin.commit(&what).await;
        twin.move_pointers(&what).await;
        twin.read_rooms(&what).await;
        twin.read_users(&what).await;
    }
}

struct Twin<'s> {
    store: &'s Arc<dyn Store>,
    memory: Arc<dyn Store>,
    lens: Lens,
    rooms: Vec<RoomId>,
    chance: Chance,
}

impl Twin<'_> {
    async fn known(&self, room: RoomId) -> Known {
        let everything = MessageQuery {
            viewer: None,
            range: Range::After(Seq::ZERO),
            thread: None,
            visible_from: Seq::ZERO,
            limit: usize::MAX,
        };
        let page = self.memory.messages(room, &everything).await.expect(HEALTHY);
        let members = self.memory.members(room, None, usize::MAX).await.expect(HEALTHY);
        let twice = |member: &Member| if member.role == Role::Owner { 2 } else { 1 };
        Known {
            room,
            head: page.as_of,
            members: members.iter().flat_map(|member| vec![member.user.clone(); twice(member)]).collect(),
            messages: page.messages.iter().map(|view| view.message.seq).collect(),
        }
    }

    async fn commit(&mut self, what: &str) {
        let mut known = Vec::new();
        for room in self.rooms.iter().rev().take(ROOMS) {
            known.push(self.known(*room).await);
        }
        // One or two rooms a batch, so that its changes meet.
        let first = self.chance.rng.below(known.len() as u64) as usize;
        known.rotate_left(first);
        known.truncate(1 + self.chance.rng.below(2) as usize);
        let count = 1 + self.chance.rng.below(16);
        let mut changes = Vec::new();
        for _ in 0..count {
            let mut change = self.chance.change(&known);
            // What was just sent is a target too.
            if let Some(known) = known.iter_mut().find(|known| Some(known.room) == change.room) {
                known.head = known.head.next();
                known.messages.push(known.head);
            }
            if self.chance.rng.chance(0.1) {
                change = self.chance.rng.pick(&changes).cloned().unwrap_or(change);
            }
            changes.push(change);
        }
        let asked = changes
            .iter()
            .map(|change| Change { room: change.room.map(|room| self.lens.theirs(room)), ..change.clone() });
        let answers = self.store.commit(asked.collect()).await.expect(HEALTHY);
        assert_eq!(answers.len(), changes.len(), "{what}: one answer a change");
        for (change, answer) in changes.into_iter().zip(answers) {
            let told = format!("{what}: {change:?}");
            let expected = self.memory.commit(vec![change]).await.expect(HEALTHY).remove(0);
            if let (Ok(Outcome::Applied(ours)), Ok(Outcome::Applied(theirs))) = (&expected, &answer) {
                self.lens.pair(ours.room, theirs.room);
                if ours.seq == Seq::new(1) {
                    self.rooms.push(ours.room);
                }
            }
            assert_eq!(self.lens.see(answer), plain(expected), "{told}");
        }
    }

    async fn move_pointers(&mut self, what: &str) {
        let mut moves = Vec::new();
        for room in self.rooms.clone().into_iter().rev().take(ROOMS) {
            let known = self.known(room).await;
            moves.push(self.chance.pointer_move(&known));
            if self.chance.rng.chance(0.5) {
                moves.push(self.chance.pointer_move(&known));
            }
            if self.chance.rng.chance(0.1) {
                self.block(what).await;
            }
        }
        let asked: Vec<_> = moves
            .iter()
            .map(|wanted| PointerMove { room: self.lens.theirs(wanted.room), ..wanted.clone() })
            .collect();
        let expected = self.memory.advance(&moves).await.expect(HEALTHY);
        assert_eq!(self.store.advance(&asked).await.expect(HEALTHY), expected, "{what}: {moves:?}");
    }

    /// Someone blocks someone, or takes it back.
    async fn block(&mut self, what: &str) {
        let (user, other) = (self.chance.user(), self.chance.user());
        if self.chance.rng.chance(0.6) {
            let (at, max) = (Timestamp::from_micros(1), 1 + self.chance.rng.below(3) as usize);
            let made = self.store.put_block(&user, &other, at, max).await.expect(HEALTHY);
            let expected = self.memory.put_block(&user, &other, at, max).await.expect(HEALTHY);
            assert_eq!(made, expected, "{what}: {user} blocks {other}");
        } else {
            let dropped = self.store.drop_block(&user, &other).await.expect(HEALTHY);
            let expected = self.memory.drop_block(&user, &other).await.expect(HEALTHY);
            assert_eq!(dropped, expected, "{what}: {user} and {other}");
        }
    }

    async fn read_rooms(&mut self, what: &str) {
        for room in self.rooms.clone() {
            let theirs = self.lens.theirs(room);
            let known = self.known(room).await;
            let head = known.head;
            let all = EventLimit { events: 10_000, bytes: usize::MAX };
            let some = EventLimit { events: 1 + self.chance.rng.below(7) as usize, bytes: usize::MAX };
            for (after, limit) in [(Seq::ZERO, all), (self.chance.seq(head), some)] {
                let page = self.store.events(theirs, after, limit).await.expect(HEALTHY);
                let expected = self.memory.events(room, after, limit).await.expect(HEALTHY);
                assert_eq!(self.lens.see(page), plain(expected), "{what}: {room} after {after}, {limit:?}");
            }
            for _ in 0..3 {
                let query = self.chance.query(&known);
                let page = self.store.messages(theirs, &query).await.expect(HEALTHY);
                let expected = self.memory.messages(room, &query).await.expect(HEALTHY);
                assert_eq!(self.lens.see(page), plain(expected), "{what}: {room} {query:?}");
            }
            let query = self.chance.search(&known);
            self.read_search(query, what).await;
            let (target, sender) = (self.chance.seq(head), self.chance.user());
            let (key, limit) = (self.chance.client_id(), 1 + self.chance.rng.below(9) as usize);
            let versions = self.store.versions(theirs, target, limit).await.expect(HEALTHY);
            let expected = self.memory.versions(room, target, limit).await.expect(HEALTHY);
            assert_eq!(versions, expected, "{what}: {room} {target}");
            let sent = self.store.sent(theirs, &sender, &key).await.expect(HEALTHY);
            let expected = self.memory.sent(room, &sender, &key).await.expect(HEALTHY);
            assert_eq!(self.lens.see(sent), plain(expected), "{what}: {room} {sender} {key}");
            for after in [None, Some(&sender)] {
                let members = self.store.members(theirs, after, limit).await.expect(HEALTHY);
                let expected = self.memory.members(room, after, limit).await.expect(HEALTHY);
                assert_eq!(members, expected, "{what}: {room} after {after:?}");
            }
            let pointers = self.store.pointers(theirs, limit).await.expect(HEALTHY);
            assert_eq!(pointers, self.memory.pointers(room, limit).await.expect(HEALTHY), "{what}: {room}");
            // Bans of one moment come in any order.
            let (mut bans, mut expected) = (
                self.store.bans(theirs, 100).await.expect(HEALTHY),
                self.memory.bans(room, 100).await.expect(HEALTHY),
            );
            assert!(bans.is_sorted_by_key(|ban| std::cmp::Reverse(ban.at)), "{what}: {bans:?}");
            bans.sort_by(|a, b| a.user.cmp(&b.user));
            expected.sort_by(|a, b| a.user.cmp(&b.user));
            assert_eq!(bans, expected, "{what}: {room}");
            let trail = self.store.audit(theirs, None, limit).await.expect(HEALTHY);
            let expected = self.memory.audit(room, None, limit).await.expect(HEALTHY);
            assert_eq!(self.lens.see(trail), plain(expected), "{what}: {room}");
        }
        let theirs: Vec<_> = self.rooms.iter().map(|room| self.lens.theirs(*room)).collect();
        let mut heads = self.lens.see(self.store.heads(&theirs).await.expect(HEALTHY));
        heads.sort_unstable_by_key(|head| head.room);
        assert_eq!(heads, self.memory.heads(&self.rooms).await.expect(HEALTHY), "{what}");
        let mut heads = self.lens.see(self.store.heads_after(None, usize::MAX).await.expect(HEALTHY));
        heads.sort_unstable_by_key(|head| head.room);
        assert_eq!(heads, self.memory.heads_after(None, usize::MAX).await.expect(HEALTHY), "{what}");
        let limit = 1 + self.chance.rng.below(9) as usize;
        let mut members = self.lens.see(self.store.members_of(&theirs, limit).await.expect(HEALTHY));
        members.sort_unstable_by_key(|(room, _)| *room);
        assert_eq!(
            members,
            self.memory.members_of(&self.rooms, limit).await.expect(HEALTHY),
            "{what}: {limit}"
        );
        let key = self.chance.key();
        let found = self.store.find_room(&key).await.expect(HEALTHY);
        let expected = self.memory.find_room(&key).await.expect(HEALTHY);
        assert_eq!(self.lens.see(found), expected, "{what}: {key:?}");
    }

    async fn read_users(&mut self, what: &str) {
        let theirs: Vec<_> = self.rooms.iter().map(|room| self.lens.theirs(*room)).collect();
        for number in 0..USERS {
            let user = user(number);
            let mut unread = self.lens.see(self.store.unread(&user, &theirs).await.expect(HEALTHY));
            unread.sort_unstable_by_key(|(room, _)| *room);
            assert_eq!(
                unread,
                self.memory.unread(&user, &self.rooms).await.expect(HEALTHY),
                "{what}: {user}"
            );
            let limit = 1 + self.chance.rng.below(20) as usize;
            let all = self.store.memberships(&user, None, limit).await.expect(HEALTHY);
            let expected = self.memory.memberships(&user, None, limit).await.expect(HEALTHY);
            assert_eq!(self.lens.see(all), expected, "{what}: {user}");
            let these = self.store.memberships(&user, Some(&theirs), limit).await.expect(HEALTHY);
            let expected = self.memory.memberships(&user, Some(&self.rooms), limit).await.expect(HEALTHY);
            assert_eq!(self.lens.see(these), expected, "{what}: {user}");
            let others =
                if self.chance.rng.chance(0.5) { vec![] } else { vec![user.clone(), self.chance.user()] };
            let most = 1 + self.chance.rng.below(5) as u32;
            let shared = self.store.acquaintances(&user, &others, most, 100).await.expect(HEALTHY);
            let expected = self.memory.acquaintances(&user, &others, most, 100).await.expect(HEALTHY);
            assert_eq!(shared, expected, "{what}: {user} of {others:?} in {most}");
        }
        for scope in [
            RoomScope::Joined,
            RoomScope::These(self.rooms.clone()),
            RoomScope::Public(String::new()),
            RoomScope::Public("CAF\u{e9}".to_owned()),
            RoomScope::Public("%".to_owned()),
            RoomScope::Public("a_b".to_owned()),
        ] {
            let viewer = self.chance.rng.chance(0.8).then(|| self.chance.user());
            self.read_list(RoomsQuery { viewer, scope, before: None, limit: 3 }, what).await;
        }
    }

    /// What is found of a room, page by page.
    async fn read_search(&self, mut query: SearchQuery, what: &str) {
        let mut asked = query.clone();
        if let SearchScope::These(rooms) = &mut asked.scope {
            rooms.iter_mut().for_each(|room| room.room = self.lens.theirs(room.room));
        }
        loop {
            let page = self.store.search(&asked).await.expect(HEALTHY);
            let expected = self.memory.search(&query).await.expect(HEALTHY);
            (asked.before, query.before) = (page.next, expected.next);
            assert_eq!(self.lens.see(page), plain(expected), "{what}: {query:?}");
            if query.before.is_none() {
                return;
            }
        }
    }

    /// A list page by page.
    async fn read_list(&self, mut query: RoomsQuery, what: &str) {
        loop {
            let mut asked = query.clone();
            asked.before = query.before.map(|place| Activity { room: self.lens.theirs(place.room), ..place });
            if let RoomScope::These(rooms) = &mut asked.scope {
                rooms.iter_mut().for_each(|room| *room = self.lens.theirs(*room));
            }
            let page = self.lens.see(self.store.rooms(&asked).await.expect(HEALTHY));
            let expected = self.memory.rooms(&query).await.expect(HEALTHY);
            let last = expected.last().map(|entry| entry.activity);
            assert_eq!(page, plain(expected), "{what}: {query:?}");
            if last.is_none() {
                return;
            }
            query.before = last;
        }
    }
}
