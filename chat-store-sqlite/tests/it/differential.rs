//! The same random calls on this store and on the one in memory: all answers and all that is read are equal.

use std::collections::BTreeMap;

use chat_core::{
    memory::MemoryStore,
    model::{Profile, RoomId, Seq, Timestamp, UserId},
    store::{
        AttachmentStore as _, AuditStore as _, BlockStore as _, Change, EventLimit, LogStore as _,
        MessageStore as _, Outcome, PointerStore as _, ProfileStore as _, RoomStore as _,
    },
};
use chat_store_sqlite::SqliteStore;

use crate::{chance::Chance, scratch::Scratch};

/// Enough of every page.
const ALL: usize = 10_000;

struct Both {
    memory: MemoryStore,
    sqlite: SqliteStore,
    context: String,
    /// How often each came about.
    outcomes: BTreeMap<&'static str, u32>,
}

/// Asks both stores the same, and gives what both answer.
macro_rules! same {
    ($both:expr, $method:ident $arguments:tt) => {{
        let expected = $both.memory.$method $arguments.await.unwrap();
        let found = $both.sqlite.$method $arguments.await;
        let found = found.unwrap_or_else(|error| panic!("{}: {error}: {:?}", $both.context, error));
        assert_eq!(found, expected, "{} of {}", stringify!($method $arguments), $both.context);
        expected
    }};
}

#[tokio::test]
async fn random_calls_are_answered_as_by_the_store_in_memory() {
    let mut outcomes = BTreeMap::new();
    for seed in 0..8 {
        let scratch = Scratch::new();
        let mut both = Both {
            memory: MemoryStore::default(),
            sqlite: scratch.open().await,
            context: String::new(),
            outcomes,
        };
        let mut chance = Chance::new(seed);
        for batch in 0..60 {
            both.context = format!("seed {seed}, batch {batch}");
            let changes: Vec<Change> = (0..=chance.below(14)).map(|_| chance.change()).collect();
            both.commit(&mut chance, changes).await;
            both.write(&mut chance).await;
            both.write_files(&mut chance).await;
            both.ask(&mut chance).await;
        }
        both.compare(chance.rooms).await;
        let damage = both.sqlite.verify().await.unwrap();
        assert!(damage.is_empty(), "seed {seed}: {damage:#?}");
        outcomes = both.outcomes;
    }
    // Otherwise these seeds would prove less than they say: 11 kinds of events, and three of other outcomes.
    assert!(outcomes.len() == 14 && outcomes.values().all(|count| *count > 3), "{outcomes:#?}");
}

impl Both {
    async fn commit(&mut self, chance: &mut Chance, changes: Vec<Change>) {
        let expected = self.memory.commit(changes.clone()).await.unwrap();
        let found = self.sqlite.commit(changes.clone()).await;
        let found = found.unwrap_or_else(|error| panic!("{}: {error:?}: {changes:#?}", self.context));
        for ((change, expected), found) in changes.iter().zip(&expected).zip(&found) {
            assert_eq!(found, expected, "{}: {change:#?} of {changes:#?}", self.context);
            let name = match expected {
                Ok(Outcome::Applied(event)) => event.body.kind(),
                Ok(Outcome::Repeat(_)) => "repeat",
                Ok(Outcome::Unchanged) => "unchanged",
                Err(_) => "refused",
            };
            *self.outcomes.entry(name).or_default() += 1;
            if let Ok(Outcome::Applied(event)) = expected {
                chance.note(event);
            }
        }
        assert_eq!(found.len(), expected.len());
    }

    /// Everything that is written without a place in a log.
    async fn write(&self, chance: &mut Chance) {
        let moves = chance.moves();
        same!(self, advance(&moves));
        if chance.often(0.2) {
            let (user, other) = (chance.user(), chance.user());
            if chance.often(0.6) {
                same!(self, put_block(&user, &other, Timestamp::from_micros(1), 3));
            } else {
                same!(self, drop_block(&user, &other));
            }
        }
        if chance.often(0.2) {
            let mut profile = Profile::unknown(chance.user());
            profile.name = format!("name {}", chance.below(9));
            profile.avatar = chance.often(0.5).then(|| "picture".to_owned());
            let again = Profile { name: "again".to_owned(), ..profile.clone() };
            let profiles = if chance.often(0.5) { vec![profile, again] } else { vec![profile] };
            same!(self, put_profiles(&profiles));
        }
        if chance.often(0.2) {
            let seen: Vec<_> = (0..3).map(|_| (chance.user(), chance.time())).collect();
            same!(self, touch(&seen));
        }
    }

    /// Files that come and go.
    async fn write_files(&self, chance: &mut Chance) {
        for _ in 0..4 {
            let (upload, file, room) = chance.upload();
            same!(self, begin_upload(&upload));
            if chance.often(0.9) {
                same!(self, finish_upload(&file, room));
            }
        }
        let (id, user) = (chance.file(), chance.user());
        if chance.often(0.1) {
            let user = chance.often(0.9).then_some(&user);
            same!(self, remove_upload(&id, user));
        }
        if chance.often(0.1) {
            let (before, limit) = (chance.time(), chance.below(5) as usize);
            let gone = same!(self, removed_attachments(before, Some(&id), limit));
            same!(self, forget_attachments(&gone));
            same!(self, forget_attachments(std::slice::from_ref(&id)));
        }
    }

    /// A few questions with all their turns.
    async fn ask(&self, chance: &mut Chance) {
        for _ in 0..4 {
            let (room, user, rooms) = (chance.room(), chance.user(), chance.room_ids());
            let (after, limit, users) = (chance.seq(), chance.below(8) as usize, chance.users(5));
            let event_limit = chance.event_limit();
            same!(self, events(room, after, event_limit));
            let query = chance.message_query();
            same!(self, messages(room, &query));
            let mut query = chance.search_query();
            for _ in 0..3 {
                query.before = same!(self, search(&query)).next;
            }
            let query = chance.rooms_query();
            same!(self, rooms(&query));
            let key = chance.key();
            same!(self, find_room(&key));
            same!(self, heads(&rooms));
            let some = chance.often(0.5).then_some(rooms.as_slice());
            same!(self, memberships(&user, some, limit));
            same!(self, members(room, users.first(), limit));
            same!(self, bans(room, limit));
            same!(self, audit(room, None, limit));
            same!(self, blocks(&user, limit));
            same!(self, versions(room, after, limit));
            same!(self, pointers(room, limit));
            same!(self, unread(&user, &rooms));
            same!(self, profiles(&users));
            let file = chance.file();
            same!(self, attachment(&file));
            same!(self, acquaintances(&user, &users, 1 + limit as u32, limit));
        }
    }

    /// Everything there is.
    async fn compare(&self, rooms: u64) {
        for room in 1..=rooms {
            let room = RoomId::new(room as i64).unwrap();
            let limit = EventLimit { events: ALL, bytes: usize::MAX };
            let page = same!(self, events(room, Seq::ZERO, limit));
            for event in &page.events {
                same!(self, versions(room, event.seq, ALL));
                if let (Some(actor), Some(client_id)) = (&event.actor, &event.client_id) {
                    let sent = same!(self, sent(room, actor, client_id));
                    assert_eq!(sent.map(|(event, _)| event).as_ref(), Some(event));
                }
            }
            let members: Vec<UserId> =
                same!(self, members(room, None, ALL)).into_iter().map(|member| member.user).collect();
            for user in &members {
                same!(self, unread(user, &[room]));
            }
        }
    }
}
