//! Migrations, schemas, poolers, and what `verify` finds.

use std::{error::Error as _, time::SystemTime};

use chat_core::{
    EventBody,
    model::{ReportStatus, Role, RoomId, Seq, Timestamp},
    store::{
        AuditStore as _, Change, ChangeBody, Decision, LogStore as _, NewReport, Outcome, Refusal,
        ReportScope, ReportStore as _, Reported, ReportsQuery, StoreErrorKind,
    },
};
use chat_store_postgres::{PostgresOptions, PostgresStore, sqlx};
use futures::future::join_all;

use crate::{
    scratch::{Scratch, pool, pool_of},
    words::{assert_sound, by, change, commit, delete, head, remove, room, send, user},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_nodes_begin_at_once() {
    let scratch = Scratch::new();
    let begin = (0..10).map(|_| {
        let store = PostgresStore::new(pool_of(1), scratch.options()).unwrap();
        tokio::spawn(async move {
            store.migrate().await.unwrap();
            store.epoch().await.unwrap()
        })
    });
    let epochs: Vec<String> = join_all(begin).await.into_iter().map(Result::unwrap).collect();
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]), "{epochs:?}");
    assert_sound(&scratch.open().await).await;
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let (room, epoch) = (room(&store).await, store.epoch().await.unwrap());
    store.migrate().await.unwrap();
    let again = scratch.open().await;
    assert_eq!(again.epoch().await.unwrap(), epoch);
    assert_eq!(head(&again, room).await, Seq::new(1));
}

#[tokio::test]
async fn tables_that_the_host_made_are_taken_as_they_are() {
    let scratch = Scratch::new();
    let mut connection = scratch.connect().await;
    scratch.run(&mut connection, &PostgresStore::migration_sql(&scratch.options()).unwrap()).await;
    let store = scratch.open().await;
    let room = room(&store).await;
    assert_eq!(head(&store, room).await, Seq::new(1));
    assert_sound(&store).await;
}

/// Mutes stood in the member's row alone before step 7.
#[tokio::test]
async fn a_mute_of_an_earlier_version_is_kept() {
    let scratch = Scratch::new();
    let all = PostgresStore::migration_sql(&scratch.options()).unwrap();
    let (before, _) = all.split_once("-- Until when users of a room may not write").unwrap();
    let mut connection = scratch.connect().await;
    scratch.run(&mut connection, before).await;
    let old = "INSERT INTO {s}rooms (id, kind, name_folded, history, created_at, created_by, head, at, floor, messages,
            members, deleted, rules)
            VALUES (nextval('{s}room_ids'), 'group', '', 'all', 1, 'ann', 1, 1, 0, 0, 3, false, 1);
        INSERT INTO {s}room_events (room, seq, ordinal, kind, at, actor)
            VALUES (1, 1, 0, 'room_created', 1, 'ann');
        INSERT INTO {s}members (room, user_id, role, joined_at, muted_until, visible_from, read, delivered) VALUES
            (1, 'ann', 'owner', 1, NULL, 0, 1, 1), (1, 'bob', 'member', 1, 9000, 0, 1, 1),
            (1, 'cat', 'member', 1, NULL, 0, 1, 1)";
    scratch.run(&mut connection, old).await;

    let store = scratch.open().await;
    let room = RoomId::new(1).unwrap();
    let muted = |at| Err(Refusal::Muted { remaining: Timestamp::from_micros(9_000).since(at) });
    let by_bob = |at, n| Change { at, ..by("bob", send(room, n)) };
    let early = Timestamp::from_micros(5);
    assert_eq!(commit(&store, by_bob(early, 1)).await, muted(early));
    assert!(commit(&store, by("cat", send(room, 2))).await.is_ok());
    // It outlasts leaving, as others do, and ends when it was to end.
    assert!(commit(&store, remove(room, "bob")).await.is_ok());
    let back = ChangeBody::AddMember { user: user("bob"), role: Role::Member };
    let added = commit(&store, change(Some(room), back)).await.unwrap();
    let EventBody::MemberJoined { member } = &added.event().unwrap().body else { panic!("{added:?}") };
    assert_eq!(member.muted_until, Some(Timestamp::from_micros(9_000)));
    let late = Timestamp::from_micros(8_999);
    assert_eq!(commit(&store, by_bob(late, 3)).await, muted(late));
    assert!(commit(&store, by_bob(Timestamp::from_micros(9_000), 4)).await.is_ok());
    assert_sound(&store).await;
}

/// What the guide for operators says does what it says.
#[tokio::test]
async fn old_reports_and_entries_are_removed_by_hand() {
    let guide = include_str!("../../../docs/deploying.md");
    let (_, trim) = guide.split_once("-- Postgres\n").unwrap();
    let (trim, _) = trim.split_once("-- SQLite").unwrap();
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap());
    let old = Timestamp::from_micros(5);
    for n in 0..3 {
        let sent = commit(&store, send(room, n)).await.unwrap();
        let seq = sent.event().unwrap().seq;
        let report = NewReport { room, seq, reporter: user("bob"), reason: "rude".to_owned(), at: old };
        let Reported::Made(report) = store.put_report(&report).await.unwrap() else { panic!("{report:?}") };
        // The third stays pending.
        if let Some(at) = [old, now].get(n) {
            let by = user("ann");
            let decision = Decision { report: report.id, status: ReportStatus::Reviewed, by, at: *at };
            store.decide_report(&decision).await.unwrap();
        }
    }
    scratch.run(&mut scratch.connect().await, &trim.replace("chat.", "{s}")).await;
    let all = ReportsQuery { scope: ReportScope::Everywhere, status: None, before: None, limit: 9 };
    let left = store.reports(&all).await.unwrap();
    let left: Vec<_> = left.iter().map(|report| (report.status, report.decided_at)).collect();
    assert_eq!(left, [(ReportStatus::Pending, None), (ReportStatus::Reviewed, Some(now))]);
    let trail = store.audit(room, None, 9).await.unwrap();
    assert_eq!(trail.iter().map(|entry| entry.record.at).collect::<Vec<_>>(), [now]);
    assert_sound(&store).await;
}

#[tokio::test]
async fn schemas_keep_stores_in_one_database_apart() {
    let scratches = [Scratch::new(), Scratch::new()];
    let (one, two) = (scratches[0].open().await, scratches[1].open().await);
    let in_one = room(&one).await;
    commit(&one, send(in_one, 1)).await.unwrap();
    let in_two = room(&two).await;
    assert_eq!(in_one, in_two);
    assert_eq!((head(&one, in_one).await, head(&two, in_two).await), (Seq::new(2), Seq::new(1)));
    assert_ne!(one.epoch().await.unwrap(), two.epoch().await.unwrap());
}

/// A restore may bring back another room under the number that the remembered one had.
#[tokio::test]
async fn what_was_remembered_ends_with_the_epoch() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    store.epoch().await.unwrap();
    commit(&store, by("bob", send(room, 1))).await.unwrap();
    let mut connection = scratch.connect().await;
    let restore = "DELETE FROM {s}members WHERE user_id = 'bob'; UPDATE {s}rooms SET members = 1;
        UPDATE {s}meta SET epoch = 'another'";
    scratch.run(&mut connection, restore).await;
    assert_eq!(store.epoch().await.unwrap(), "another");
    assert_eq!(commit(&store, by("bob", send(room, 2))).await, Err(Refusal::NotMember));
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_schema_that_is_no_name_is_refused() {
    let options = PostgresOptions::default().schema("a\";--");
    assert!(PostgresStore::migration_sql(&options).is_err());
    assert_eq!(PostgresStore::new(pool(), options).unwrap_err().kind(), StoreErrorKind::Internal);
}

#[tokio::test]
async fn tables_of_a_later_version_are_left_alone() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let mut connection = scratch.connect().await;
    scratch.run(&mut connection, "INSERT INTO {s}migrations VALUES (99, 'later', '')").await;
    let error = store.migrate().await.unwrap_err();
    let why = error.source().unwrap().to_string();
    assert!(error.kind() == StoreErrorKind::Internal && why.contains("later version"), "{why}");
}

#[tokio::test]
async fn without_prepared_statements_all_goes_the_same() {
    let scratch = Scratch::new();
    scratch.open().await;
    let store = PostgresStore::new(pool(), scratch.options().statement_cache(false)).unwrap();
    let room = room(&store).await;
    for n in 0..3 {
        assert!(matches!(commit(&store, send(room, n)).await, Ok(Outcome::Applied(_))));
    }
    assert!(matches!(commit(&store, send(room, 1)).await, Ok(Outcome::Repeat(_))));
    let mut held = scratch.connect().await;
    scratch.run(&mut held, "BEGIN; SELECT 1 FROM {s}rooms FOR NO KEY UPDATE").await;
    let answers = store.commit_held(vec![send(room, 9)]).await.unwrap();
    assert_eq!(answers, [Err(Refusal::Held)]);
    scratch.run(&mut held, "COMMIT").await;
    assert_eq!(head(&store, room).await, Seq::new(4));
    // Nothing stays prepared on a connection that others get after us, and no setting either.
    let pool = pool_of(1);
    let alone = PostgresStore::new(pool.clone(), scratch.options().statement_cache(false)).unwrap();
    commit(&alone, send(room, 5)).await.unwrap();
    alone.commit_held(vec![send(room, 6)]).await.unwrap();
    let left =
        "SELECT count(*), current_setting('lock_timeout') FROM pg_prepared_statements WHERE name <> ''";
    let row = sqlx::raw_sql(left).fetch_one(&pool).await.unwrap();
    use sqlx::Row as _;
    assert_eq!((row.get::<i64, _>(0), row.get::<String, _>(1)), (0, "0".to_owned()));
    assert_sound(&store).await;
}

#[tokio::test]
async fn verify_says_what_is_damaged_and_where() {
    for (damage, expected) in [
        ("DELETE FROM {s}messages WHERE room = 1 AND seq = 3", "room 1: position 3 is missing, up to 3"),
        ("DELETE FROM {s}room_events WHERE seq = 1", "room 1: position 1 is missing, up to 1"),
        ("UPDATE {s}rooms SET head = 9", "room 1: the head is 9, the latest position is 6"),
        ("DELETE FROM {s}members WHERE user_id = 'bob'", "room 1: the room counts 2 members and has 1"),
        (
            "UPDATE {s}members SET read = 99 WHERE user_id = 'bob'",
            "room 1: pointers of bob out of order: 99, 1",
        ),
        ("UPDATE {s}messages SET ordinal = 7 WHERE seq = 3", "room 1: position 3 has the ordinal 7, not 2"),
        ("UPDATE {s}messages SET at = 0 WHERE seq = 3", "room 1: the time goes back at position 3"),
        (
            "UPDATE {s}messages SET content = 'x' WHERE deleted",
            "room 1: something is left of the deleted message 2",
        ),
        (
            "INSERT INTO {s}mentions VALUES ('bob', 1, 2)",
            "room 1: something is left of the deleted message 2",
        ),
        (
            "INSERT INTO {s}reactions VALUES (1, 77, 'x', 'bob', 3)",
            "room 1: a reaction of 77, which is no message",
        ),
        ("UPDATE {s}rooms SET newest = 3", "room 1: the newest message is 5, not 3"),
        ("ALTER SEQUENCE {s}message_ids RESTART 1", "an id above the greatest that was given"),
        ("DELETE FROM {s}meta", "there are 0 rows of the epoch, not one"),
        ("UPDATE {s}messages SET room = 8 WHERE seq = 5", "room 8: a row without its room"),
        ("DELETE FROM {s}search WHERE seq = 3", "room 1: message 3 is not found by all its words"),
        (
            "UPDATE {s}search SET words = '''0/#1'' ''0/other''' WHERE seq = 3",
            "room 1: message 3 is not found by all its words",
        ),
        (
            "INSERT INTO {s}search SELECT id, room, seq, '''0/message''' FROM {s}messages WHERE deleted",
            "room 1: what was searched for is left of 2",
        ),
        ("INSERT INTO {s}search VALUES (99, 1, 98, '')", "room 1: what was searched for is left of 98"),
        ("DROP INDEX {s}search_words", "search_words is missing"),
        ("DROP TABLE {s}bans", "bans is missing"),
        ("DROP INDEX {s}messages_sent", "messages_sent is missing"),
        ("DROP FUNCTION {s}advance_v1", "advance_v1 is missing"),
    ] {
        let scratch = Scratch::new();
        let store = scratch.open().await;
        let room = room(&store).await;
        for n in 0..4 {
            commit(&store, send(room, n)).await.unwrap();
        }
        commit(&store, delete(room, Seq::new(2))).await.unwrap();
        assert_sound(&store).await;
        let mut connection = scratch.connect().await;
        scratch.run(&mut connection, damage).await;
        let found: Vec<String> = store.verify().await.unwrap().iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|found| found == expected), "{damage}: {found:#?}");
    }
}
