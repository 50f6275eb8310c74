//! Several stores on one file, and calls that end half-way.

use std::{pin::pin, time::Duration};

use chat_core::{
    model::Seq,
    store::{LogStore as _, Outcome, StoreErrorKind},
};
use chat_store_sqlite::{SqliteOptions, SqliteStore, sqlx};
use futures::{future::join_all, poll};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    scratch::{Scratch, open},
    words::{assert_sound, commit, head, room, send},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn equal_sends_by_two_stores_are_stored_once() {
    let scratch = Scratch::new();
    let (one, two) = (scratch.open().await, open(&scratch.file()).await);
    let room = room(&one).await;
    for n in 0..40 {
        let (one, two) = (one.clone(), two.clone());
        let (by_one, by_two) = (
            tokio::spawn(async move { commit(&one, send(room, n)).await.unwrap() }),
            tokio::spawn(async move { commit(&two, send(room, n)).await.unwrap() }),
        );
        match (by_one.await.unwrap(), by_two.await.unwrap()) {
            (Outcome::Applied(new), Outcome::Repeat(old)) | (Outcome::Repeat(old), Outcome::Applied(new)) => {
                assert_eq!(new, old);
                assert_eq!(new.seq, Seq::new(n as u64 + 2));
            }
            both => panic!("{both:?}"),
        }
    }
    assert_sound(&one).await;
}

#[tokio::test]
async fn what_one_store_wrote_the_other_reads_at_once() {
    let scratch = Scratch::new();
    let (one, two) = (scratch.open().await, open(&scratch.file()).await);
    let room = room(&one).await;
    assert_eq!(one.epoch().await.unwrap(), two.epoch().await.unwrap());
    for n in 0..20 {
        let (writer, reader) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let event = commit(writer, send(room, n)).await.unwrap().event().cloned().unwrap();
        assert_eq!(head(reader, room).await, event.seq);
    }
    let renewed = two.renew_epoch(&one.epoch().await.unwrap(), "another").await.unwrap();
    assert_eq!((renewed.as_str(), one.epoch().await.unwrap().as_str()), ("another", "another"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_file_is_opened_by_many_at_once() {
    for _ in 0..4 {
        let scratch = Scratch::new();
        let file = scratch.file();
        let opened = (0..6).map(|_| {
            let file = file.clone();
            tokio::spawn(async move { open(&file).await.epoch().await.unwrap() })
        });
        let epochs: Vec<String> = join_all(opened).await.into_iter().map(Result::unwrap).collect();
        assert!(epochs.iter().all(|epoch| *epoch == epochs[0]), "{epochs:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_locked_for_too_long_is_unavailable() {
    let scratch = Scratch::new();
    let room = room(&scratch.open().await).await;
    let options = SqliteOptions::default().busy_timeout(Duration::from_millis(20));
    let store = SqliteStore::open(scratch.file(), options).await.unwrap();
    let mut other = connect(&scratch).await;
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = store.commit(vec![send(room, 1)]).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (StoreErrorKind::Unavailable, "commit"));
    // Reading waits for nobody.
    assert_eq!(head(&store, room).await, Seq::new(1));
    held.rollback().await.unwrap();
    assert!(matches!(commit(&store, send(room, 1)).await, Ok(Outcome::Applied(_))));
}

#[tokio::test]
async fn a_store_without_a_free_connection_is_unavailable() {
    let scratch = Scratch::new();
    let options = SqliteConnectOptions::new().filename(scratch.file()).create_if_missing(true);
    let pool = sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_millis(20))
        .connect_with(options)
        .await
        .unwrap();
    let store = SqliteStore::from_pools(pool.clone(), pool.clone(), SqliteOptions::default()).await.unwrap();
    let room = room(&store).await;
    let held = pool.acquire().await.unwrap();
    let error = store.commit(vec![send(room, 1)]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let error = store.heads(&[room]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    drop(held);
    assert_eq!(head(&store, room).await, Seq::new(1));
    store.close().await;
    assert_eq!(store.heads(&[room]).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn a_commit_that_is_dropped_is_stored_whole_or_not_at_all() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    let batch = |n: usize| (0..3).map(|i| send(room, n * 3 + i)).collect::<Vec<_>>();
    let mut finished = 0;
    for n in 0..120 {
        let mut commit = pin!(store.commit(batch(n)));
        for _ in 0..n {
            if poll!(commit.as_mut()).is_ready() {
                finished += 1;
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    // The pins above live to the end of each turn: by now every one is dropped.
    let mut stored = 0;
    for n in 0..120 {
        let answers = store.commit(batch(n)).await.unwrap();
        let repeats = answers.iter().filter(|answer| matches!(answer, Ok(Outcome::Repeat(_)))).count();
        assert!(repeats == 0 || repeats == 3, "{answers:?}");
        stored += usize::from(repeats == 3);
    }
    assert!(stored >= finished, "{stored} of {finished}");
    assert_eq!(head(&store, room).await, Seq::new(1 + 360));
    assert_sound(&store).await;
}

async fn connect(scratch: &Scratch) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(scratch.file());
    SqliteConnection::connect_with(&options).await.unwrap()
}
