//! Migrations, prefixes, and what `verify` finds.

use std::{error::Error as _, time::SystemTime};

use chat_core::{
    EventBody,
    model::{ReportStatus, Role, RoomId, Seq, Timestamp},
    store::{
        Actor, AuditStore as _, Change, ChangeBody, Decision, LogStore as _, MessageStore as _, NewReport,
        Refusal, ReportScope, ReportStore as _, Reported, ReportsQuery, Require, SearchQuery, SearchScope,
        SearchText, StoreErrorKind,
    },
};
use chat_store_sqlite::{SqliteOptions, SqliteStore, sqlx};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    scratch::Scratch,
    words::{assert_sound, commit, delete, head, room, send, user},
};

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let (room, epoch) = (room(&store).await, store.epoch().await.unwrap());
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    let again = scratch.open().await;
    assert_eq!(again.epoch().await.unwrap(), epoch);
    assert_eq!(head(&again, room).await, Seq::new(1));
}

#[tokio::test]
async fn tables_that_the_host_made_are_taken_as_they_are() {
    let scratch = Scratch::new();
    let options = SqliteOptions::default().prefix("talk_");
    by_hand(&scratch, &SqliteStore::migration_sql(&options).unwrap()).await;
    let store = SqliteStore::open(scratch.file(), options).await.unwrap();
    let room = room(&store).await;
    assert_eq!(head(&store, room).await, Seq::new(1));
    assert_sound(&store).await;
}

#[tokio::test]
async fn what_an_earlier_version_stored_is_found() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    // More than are put into the index at once.
    for n in 0..3 {
        let changes = (0..400).map(|i| send(room, 400 * n + i)).collect();
        assert!(store.commit(changes).await.unwrap().iter().all(Result::is_ok));
    }
    commit(&store, delete(room, Seq::new(2))).await.unwrap();
    store.close().await;
    by_hand(&scratch, "DROP TABLE chat_search; DELETE FROM chat_migrations WHERE version = 2").await;
    let store = scratch.open().await;
    assert_sound(&store).await;
    for (text, expected) in [("77 message", &[79][..]), ("1199 message", &[1_201]), ("0 message", &[])] {
        let text = SearchText::new(text);
        let query =
            SearchQuery { text, scope: SearchScope::Everywhere, sender: None, before: None, limit: 9 };
        let found = store.search(&query).await.unwrap().messages;
        assert_eq!(found.iter().map(|message| message.seq.get()).collect::<Vec<_>>(), expected);
    }
}

/// Mutes stood in the member's row alone before step 4.
#[tokio::test]
async fn a_mute_of_an_earlier_version_is_kept() {
    let scratch = Scratch::new();
    let all = SqliteStore::migration_sql(&SqliteOptions::default()).unwrap();
    let (before, _) = all.split_once("-- Until when users of a room may not write").unwrap();
    by_hand(&scratch, before).await;
    let old = "INSERT INTO chat_rooms (id, kind, name_folded, history, created_at, created_by, head, at, floor, messages,
            members, deleted) VALUES (1, 'group', '', 'all', 1, 'ann', 1, 1, 0, 0, 3, 0);
        UPDATE chat_meta SET last_room = 1;
        INSERT INTO chat_room_events (room, seq, ordinal, kind, at, actor)
            VALUES (1, 1, 0, 'room_created', 1, 'ann');
        INSERT INTO chat_members (room, user, role, joined_at, muted_until, visible_from, read, delivered) VALUES
            (1, 'ann', 'owner', 1, NULL, 0, 1, 1), (1, 'bob', 'member', 1, 9000, 0, 1, 1),
            (1, 'cat', 'member', 1, NULL, 0, 1, 1)";
    by_hand(&scratch, old).await;

    let store = scratch.open().await;
    let room = RoomId::new(1).unwrap();
    let muted = |at| Err(Refusal::Muted { remaining: Timestamp::from_micros(9_000).since(at) });
    let send_at = |name: &str, at, n| {
        let actor = Actor::User(user(name));
        Change { actor, at, require: Require::WRITER, ..send(room, n) }
    };
    let early = Timestamp::from_micros(5);
    assert_eq!(commit(&store, send_at("bob", early, 1)).await, muted(early));
    assert!(commit(&store, send_at("cat", early, 2)).await.is_ok());
    // It outlasts leaving, as others do, and ends when it was to end.
    let by_host =
        |body| Change { room: Some(room), actor: Actor::Host, at: early, require: Require::NOTHING, body };
    assert!(commit(&store, by_host(ChangeBody::Remove { user: user("bob") })).await.is_ok());
    let back = ChangeBody::AddMember { user: user("bob"), role: Role::Member };
    let added = commit(&store, by_host(back)).await.unwrap();
    let EventBody::MemberJoined { member } = &added.event().unwrap().body else { panic!("{added:?}") };
    assert_eq!(member.muted_until, Some(Timestamp::from_micros(9_000)));
    let late = Timestamp::from_micros(8_999);
    assert_eq!(commit(&store, send_at("bob", late, 3)).await, muted(late));
    assert!(commit(&store, send_at("bob", Timestamp::from_micros(9_000), 4)).await.is_ok());
    assert_sound(&store).await;
}

/// What the guide for operators says does what it says.
#[tokio::test]
async fn old_reports_and_entries_are_removed_by_hand() {
    let guide = include_str!("../../../docs/deploying.md");
    let (_, trim) = guide.split_once("-- SQLite").unwrap();
    let (trim, _) = trim.split_once("```").unwrap();
    // The first line goes on as a comment.
    let trim = format!("--{trim}");
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap());
    let old = Timestamp::from_micros(5);
    let report = async |n: usize, decided_at: Option<Timestamp>| {
        let seq = commit(&store, send(room, n)).await.unwrap().event().unwrap().seq;
        let report = NewReport { room, seq, reporter: user("bob"), reason: "rude".to_owned(), at: old };
        let Reported::Made(report) = store.put_report(&report).await.unwrap() else { panic!("{report:?}") };
        if let Some(at) = decided_at {
            let by = user("ann");
            let decision = Decision { report: report.id, status: ReportStatus::Reviewed, by, at };
            store.decide_report(&decision).await.unwrap();
        }
    };
    let left = async || {
        let all = ReportsQuery { scope: ReportScope::Everywhere, status: None, before: None, limit: 9 };
        let reports = store.reports(&all).await.unwrap();
        let trail = store.audit(room, None, 9).await.unwrap();
        let reports: Vec<_> = reports.iter().map(|report| (report.id.get(), report.decided_at)).collect();
        (reports, trail.iter().map(|entry| entry.record.at).collect::<Vec<_>>())
    };
    report(0, Some(old)).await;
    by_hand(&scratch, &trim).await;
    assert_eq!(left().await, (vec![(1, Some(old))], vec![old]), "the latest stays");
    report(1, Some(now)).await;
    report(2, None).await;
    by_hand(&scratch, &trim).await;
    assert_eq!(left().await, (vec![(3, None), (2, Some(now))], vec![now]));
    assert_sound(&store).await;
}

#[tokio::test]
async fn prefixes_keep_stores_in_one_file_apart() {
    let scratch = Scratch::new();
    let one = scratch.open().await;
    let two = SqliteStore::open(scratch.file(), SqliteOptions::default().prefix("b")).await.unwrap();
    let in_one = room(&one).await;
    commit(&one, send(in_one, 1)).await.unwrap();
    let in_two = room(&two).await;
    assert_eq!(in_one, in_two);
    assert_eq!((head(&one, in_one).await, head(&two, in_two).await), (Seq::new(2), Seq::new(1)));
    assert_ne!(one.epoch().await.unwrap(), two.epoch().await.unwrap());
}

#[tokio::test]
async fn a_prefix_that_is_no_name_is_refused() {
    let scratch = Scratch::new();
    for prefix in ["", "1a", "a b", "a;--", "a\"", "_", "sqlite_x", &"a".repeat(33)] {
        let options = SqliteOptions::default().prefix(prefix);
        assert!(SqliteStore::migration_sql(&options).is_err(), "{prefix:?}");
        let error = SqliteStore::open(scratch.file(), options).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Internal, "{prefix:?}");
    }
}

#[tokio::test]
async fn tables_of_a_later_version_are_left_alone() {
    let scratch = Scratch::new();
    drop(scratch.open().await);
    by_hand(&scratch, "INSERT INTO chat_migrations VALUES (99, 'later', '')").await;
    let error = SqliteStore::open(scratch.file(), SqliteOptions::default()).await.unwrap_err();
    let why = error.source().unwrap().to_string();
    assert!(error.kind() == StoreErrorKind::Internal && why.contains("later version"), "{why}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_corrupt() {
    let scratch = Scratch::new();
    std::fs::write(scratch.file(), "no database at all, but a text that is long enough").unwrap();
    let error = SqliteStore::open(scratch.file(), SqliteOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn verify_says_what_is_damaged_and_where() {
    for (damage, expected) in [
        ("DELETE FROM chat_messages WHERE room = 1 AND seq = 3", "room 1: position 3 is missing, up to 3"),
        ("DELETE FROM chat_room_events WHERE seq = 1", "room 1: position 1 is missing, up to 1"),
        ("UPDATE chat_rooms SET head = 9", "room 1: the head is 9, the latest position is 6"),
        ("DELETE FROM chat_members WHERE user = 'bob'", "room 1: the room counts 2 members and has 1"),
        (
            "UPDATE chat_members SET read = 99 WHERE user = 'bob'",
            "room 1: pointers of bob out of order: 99, 1",
        ),
        ("UPDATE chat_messages SET ordinal = 7 WHERE seq = 3", "room 1: position 3 has the ordinal 7, not 2"),
        (
            "UPDATE chat_messages SET content = 'x' WHERE deleted = 1",
            "room 1: something is left of the deleted message 2",
        ),
        (
            "INSERT INTO chat_mentions VALUES ('bob', 1, 2)",
            "room 1: something is left of the deleted message 2",
        ),
        (
            "INSERT INTO chat_reactions VALUES (1, 77, 'x', 'bob', 3)",
            "room 1: a reaction of 77, which is no message",
        ),
        ("UPDATE chat_rooms SET newest = 3", "room 1: the newest message is 5, not 3"),
        ("UPDATE chat_meta SET last_message = 1", "an id above the greatest that was given"),
        ("DELETE FROM chat_meta", "there are 0 rows of counters, not one"),
        ("UPDATE chat_messages SET room = 8 WHERE seq = 5", "room 8: a row without its room"),
        ("DELETE FROM chat_search WHERE rowid = 2", "room 1: message 3 is not found by all its words"),
        (
            "INSERT OR REPLACE INTO chat_search (rowid, words) VALUES (2, '\u{E000}1 other')",
            "room 1: message 3 is not found by all its words",
        ),
        (
            "INSERT INTO chat_search (rowid, words) VALUES (1, '\u{E000}1 message')",
            "room 1: what was searched for is left of 2",
        ),
        ("INSERT INTO chat_search (rowid, words) VALUES (99, 'x')", "what was searched for is left of 99"),
        ("DROP TABLE chat_search", "chat_search is missing"),
        ("DROP TABLE chat_bans", "chat_bans is missing"),
        ("DROP INDEX chat_messages_sent", "chat_messages_sent is missing"),
    ] {
        let scratch = Scratch::new();
        let store = scratch.open().await;
        let room = room(&store).await;
        for n in 0..4 {
            commit(&store, send(room, n)).await.unwrap();
        }
        commit(&store, delete(room, Seq::new(2))).await.unwrap();
        assert_sound(&store).await;
        by_hand(&scratch, damage).await;
        let found: Vec<String> = store.verify().await.unwrap().iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|found| found == expected), "{damage}: {found:#?}");
    }
}

async fn by_hand(scratch: &Scratch, sql: &str) {
    let options = SqliteConnectOptions::new().filename(scratch.file()).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
