//! Connections that are lost, and what is said of it.

use std::{pin::pin, task::Poll, time::Duration};

use chat_core::{
    model::Seq,
    store::{LogStore as _, Outcome, PointerStore as _, StoreErrorKind},
};
use chat_store_postgres::{PostgresOptions, PostgresStore, sqlx};
use futures::poll;
use sqlx::postgres::PgPoolOptions;

use crate::{
    scratch::{Scratch, database, pool_of},
    words::{assert_sound, commit, commit_surely, head, room, send},
};

/// Ends all connections that wait for a lock in a statement of this schema's.
const KILL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND query LIKE '%{n}%'";

/// Holds all of a table: what comes is stuck in the midst of its statement.
const STUCK: &str = "BEGIN; LOCK TABLE {s}messages IN ACCESS EXCLUSIVE MODE";

async fn kill(scratch: &Scratch) {
    let mut connection = scratch.connect().await;
    let sql = KILL.replace("{n}", &scratch.schema);
    loop {
        let ended = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone())).fetch_all(&mut connection).await.unwrap();
        if !ended.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_unknown() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    commit(&store, send(room, 1)).await.unwrap();
    let mut holder = scratch.connect().await;
    scratch.run(&mut holder, STUCK).await;
    // Remembered: the first statement is the one that writes.
    let writing = tokio::spawn({
        let store = store.clone();
        async move { store.commit(vec![send(room, 2)]).await }
    });
    kill(&scratch).await;
    let error = writing.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.operation()), (StoreErrorKind::Unknown, "commit"));
    scratch.run(&mut holder, "COMMIT").await;
    // Asked again it is done once. Who was ended says so before it lets go of the room.
    assert!(matches!(commit_surely(&store, send(room, 2)).await, Ok(Outcome::Applied(_))));
    assert_eq!(head(&store, room).await, Seq::new(3));
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_before_anything_is_written_is_unavailable() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    let mut holder = scratch.connect().await;
    scratch.run(&mut holder, STUCK).await;
    // Another store remembers nothing: the first statement reads.
    let fresh = PostgresStore::new(pool_of(2), scratch.options()).unwrap();
    let writing = tokio::spawn(async move { fresh.commit(vec![send(room, 2)]).await });
    kill(&scratch).await;
    assert_eq!(writing.await.unwrap().unwrap_err().kind(), StoreErrorKind::Unavailable);
    let reading = tokio::spawn({
        let store = store.clone();
        async move { store.unread(&crate::words::user("ann"), &[room]).await }
    });
    kill(&scratch).await;
    assert_eq!(reading.await.unwrap().unwrap_err().kind(), StoreErrorKind::Unavailable);
    scratch.run(&mut holder, "COMMIT").await;
    assert_eq!(head(&store, room).await, Seq::new(1));
}

#[tokio::test]
async fn a_store_without_a_connection_is_unavailable() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_millis(50))
        .connect_lazy_with(database());
    let narrow = PostgresStore::new(pool.clone(), scratch.options()).unwrap();
    let held = pool.acquire().await.unwrap();
    assert_eq!(narrow.commit(vec![send(room, 1)]).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(narrow.heads(&[room]).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    drop(held);
    assert!(matches!(commit(&narrow, send(room, 1)).await, Ok(Outcome::Applied(_))));
    pool.close().await;
    assert_eq!(narrow.commit(vec![send(room, 2)]).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    let nowhere = pool_of(1);
    nowhere.set_connect_options(database().port(1).host("127.0.0.1"));
    let nowhere = PostgresStore::new(nowhere, PostgresOptions::default()).unwrap();
    assert_eq!(nowhere.commit(vec![send(room, 1)]).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn what_the_database_cannot_hold_is_internal() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    let mut with_nul = send(room, 1);
    if let chat_core::store::ChangeBody::Send(message) = &mut with_nul.body {
        message.content = "a\0b".to_owned();
    }
    let error = store.commit(vec![with_nul, send(room, 2)]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert_eq!(head(&store, room).await, Seq::new(1));
    // The rules allowed what a constraint does not: one of the two is wrong.
    let mut connection = scratch.connect().await;
    scratch.run(&mut connection, "ALTER TABLE {s}messages ADD CHECK (content <> 'message 3')").await;
    assert_eq!(store.commit(vec![send(room, 3)]).await.unwrap_err().kind(), StoreErrorKind::Internal);
    scratch.run(&mut connection, "UPDATE {s}rooms SET kind = 'what'").await;
    assert_eq!(store.rooms_of_ann().await, StoreErrorKind::Corrupt);
}

trait Asks {
    async fn rooms_of_ann(&self) -> StoreErrorKind;
}

impl Asks for PostgresStore {
    async fn rooms_of_ann(&self) -> StoreErrorKind {
        use chat_core::store::{RoomScope, RoomStore as _, RoomsQuery};
        let viewer = Some(crate::words::user("ann"));
        let query = RoomsQuery { viewer, scope: RoomScope::Joined, before: None, limit: 9 };
        self.rooms(&query).await.unwrap_err().kind()
    }
}

#[tokio::test]
async fn a_commit_that_is_dropped_is_stored_whole_or_not_at_all() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    let batch = |n: usize| (0..3).map(|i| send(room, n * 3 + i)).collect::<Vec<_>>();
    let mut finished = 0;
    for n in 0..60 {
        let mut commit = pin!(store.commit(batch(n)));
        for _ in 0..n {
            if let Poll::Ready(answers) = poll!(commit.as_mut()) {
                // One that was dropped before may hold the room still.
                finished += usize::from(answers.unwrap().iter().all(Result::is_ok));
                break;
            }
            tokio::time::sleep(Duration::from_micros(50)).await;
        }
    }
    let mut stored = 0;
    for n in 0..60 {
        // One that was dropped may be at work still.
        let answers = loop {
            let answers = store.commit(batch(n)).await.unwrap();
            if answers.iter().all(Result::is_ok) {
                break answers;
            }
        };
        let repeats = answers.iter().filter(|answer| matches!(answer, Ok(Outcome::Repeat(_)))).count();
        assert!(repeats == 0 || repeats == 3, "{answers:?}");
        stored += usize::from(repeats == 3);
    }
    assert!(stored >= finished, "{stored} of {finished}");
    assert_eq!(head(&store, room).await, Seq::new(1 + 180));
    assert_sound(&store).await;
}
