//! Rooms that someone else holds, and many writers at once.

use std::time::{Duration, Instant};

use chat_core::{
    EventBody,
    model::{Role, Seq, Timestamp},
    store::{
        Change, ChangeBody, LogStore as _, Outcome, PointerMove, PointerStore as _, ProfileStore as _,
        Refusal,
    },
};
use chat_store_postgres::{PostgresStore, sqlx};
use futures::future::join_all;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::{
    scratch::Scratch,
    words::{
        assert_sound, by, change, commit, commit_surely, create_for, head, log, remove, room, send, user,
    },
};

/// Holds a row of the room's, as a commit or a host's transaction does.
const HOLD: &str = "BEGIN; SELECT 1 FROM {s}rooms WHERE id = 1 FOR NO KEY UPDATE";

/// Waits until so many connections wait for a lock, of those that this schema's statements are from.
pub(crate) async fn wait_for_waiters(scratch: &Scratch, waiters: i64) {
    let mut connection = scratch.connect().await;
    let begun = Instant::now();
    loop {
        let found: i64 = sqlx::query(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'",
        )
        .bind(&scratch.schema)
        .fetch_one(&mut connection)
        .await
        .unwrap()
        .get(0);
        if found >= waiters {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{found} wait, not {waiters}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) async fn release(mut connection: PgConnection) {
    sqlx::raw_sql("COMMIT").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_waits_for_a_room_is_judged_by_what_it_is_then() {
    let scratch = Scratch::new();
    let (one, two) = (scratch.open().await, scratch.open().await);
    let room = room(&one).await;
    assert_eq!(room.get(), 1);
    // What is remembered is of before.
    for store in [&one, &two] {
        commit(store, by("bob", send(room, 100))).await.unwrap();
        commit(store, send(room, 101)).await.unwrap();
    }
    let before = head(&one, room).await;
    let mut holder = scratch.connect().await;
    scratch.run(&mut holder, HOLD).await;

    let held = |store: &PostgresStore, change: Change| {
        let store = store.clone();
        tokio::spawn(async move { store.commit_held(vec![change]).await.unwrap().pop().unwrap() })
    };
    let removal = held(&one, remove(room, "bob"));
    wait_for_waiters(&scratch, 1).await;
    let by_bob = held(&two, by("bob", send(room, 7)));
    wait_for_waiters(&scratch, 2).await;
    let sends = [held(&one, send(room, 8)), held(&two, send(room, 8))];
    wait_for_waiters(&scratch, 4).await;
    release(holder).await;

    assert!(matches!(removal.await.unwrap(), Ok(Outcome::Applied(_))));
    assert_eq!(by_bob.await.unwrap(), Err(Refusal::NotMember));
    let [first, second] = sends;
    let mut answers = [first.await.unwrap().unwrap(), second.await.unwrap().unwrap()];
    answers.sort_by_key(|answer| matches!(answer, Outcome::Repeat(_)));
    let [Outcome::Applied(new), Outcome::Repeat(old)] = &answers else { panic!("{answers:?}") };
    assert_eq!(new, old);
    assert_eq!(head(&one, room).await.since(before), 2, "a removal and a message");
    assert_eq!(log(&one, room).await.len() as u64, before.get() + 2);
    assert_sound(&one).await;
}

#[tokio::test]
async fn what_a_node_remembers_is_never_an_answer() {
    let scratch = Scratch::new();
    let (one, two) = (scratch.open().await, scratch.open().await);
    let room = room(&one).await;
    let by_bob = |n: usize| by("bob", send(room, n));
    let mute = |until| change(Some(room), ChangeBody::Mute { user: user("bob"), until });
    for n in 0..3 {
        assert!(commit(&one, by_bob(10 * n)).await.is_ok());
        commit(&two, mute(Some(Timestamp::from_micros(9_000)))).await.unwrap();
        assert!(matches!(commit(&one, by_bob(10 * n + 1)).await, Err(Refusal::Muted { .. })));
        commit(&two, mute(None)).await.unwrap();
        assert!(commit(&one, by_bob(10 * n + 1)).await.is_ok());
        // Also one that the other sent.
        assert!(commit(&two, by_bob(10 * n + 2)).await.is_ok());
        assert!(matches!(commit(&one, by_bob(10 * n + 2)).await, Ok(Outcome::Repeat(_))));
        let other = ChangeBody::Ban { user: user("carl"), until: None };
        commit(&two, change(Some(room), other)).await.unwrap();
        let add = ChangeBody::AddMember { user: user("carl"), role: Role::Member };
        assert_eq!(commit(&one, change(Some(room), add.clone())).await, Err(Refusal::Banned));
        let lift = ChangeBody::Unban { user: user("carl") };
        assert_eq!(commit(&one, change(Some(room), lift)).await, Ok(Outcome::Unchanged));
        assert!(matches!(commit(&two, change(Some(room), add)).await, Ok(Outcome::Applied(_))));
        assert!(commit(&one, by("carl", send(room, n))).await.is_ok());
        commit(&two, remove(room, "carl")).await.unwrap();
        assert_eq!(commit(&one, by("carl", send(room, n + 5))).await, Err(Refusal::NotMember));
    }
    assert_sound(&one).await;
}

#[tokio::test]
async fn a_held_room_holds_up_no_other_of_its_batch() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let (held, free) = (room(&store).await, room(&store).await);
    let mut holder = scratch.connect().await;
    scratch.run(&mut holder, HOLD).await;
    for n in 0..2 {
        let batch = vec![send(free, n), send(held, 10 + n), remove(held, "nobody"), send(free, 20 + n)];
        let answers = store.commit(batch).await.unwrap();
        assert!(matches!(answers[..], [Ok(_), Err(Refusal::Held), Err(_), Ok(_)]), "{answers:?}");
        assert_eq!(answers[2], Err(Refusal::Held), "all of a held room's");
    }
    assert_eq!((head(&store, held).await, head(&store, free).await), (Seq::new(1), Seq::new(5)));
    release(holder).await;
    assert!(matches!(commit(&store, send(held, 10)).await, Ok(Outcome::Applied(_))));
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_held_rooms_hold_up_no_other() {
    let scratch = Scratch::new();
    scratch.open().await;
    let store = PostgresStore::new(scratch.pool(4), scratch.options()).unwrap();
    let mut rooms = Vec::new();
    for _ in 0..7 {
        rooms.push(room(&store).await);
    }
    let free = rooms.pop().unwrap();
    let mut holder = scratch.connect().await;
    scratch.run(&mut holder, "BEGIN; SELECT 1 FROM {s}rooms WHERE id < 7 FOR NO KEY UPDATE").await;
    let held: Vec<_> = rooms
        .iter()
        .map(|&room| {
            let store = store.clone();
            tokio::spawn(async move { store.commit_held(vec![send(room, 1)]).await.unwrap().pop().unwrap() })
        })
        .collect();
    wait_for_waiters(&scratch, 2).await;
    for n in 0..3 {
        assert!(matches!(commit(&store, send(free, n)).await, Ok(Outcome::Applied(_))));
    }
    assert!(held.iter().all(|waiting| !waiting.is_finished()), "the free one did not wait for any of them");
    release(holder).await;
    for waiting in held {
        assert!(matches!(waiting.await.unwrap(), Ok(Outcome::Applied(_))), "each is done once it can be");
    }
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_room_that_is_held_for_too_long_is_held_in_the_end() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    let mut holder = scratch.connect().await;
    scratch.run(&mut holder, HOLD).await;
    let begun = Instant::now();
    let answers = store.commit_held((1..=20).map(|n| send(room, n)).collect()).await.unwrap();
    assert_eq!(answers, vec![Err(Refusal::Held); 20]);
    // Two seconds, and not two for each.
    assert!((1_900..20_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    release(holder).await;
    assert!(commit(&store, send(room, 1)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_on_few_rooms_end_without_a_deadlock() {
    const TASKS: usize = 12;
    const BATCHES: usize = 12;
    // The database counts those of all its schemas.
    let scratch = Scratch::apart().await;
    let stores = [scratch.open().await, scratch.open().await, scratch.open().await];
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(room(&stores[0]).await);
    }
    let deadlocks = deadlocks(&scratch).await;
    let write = |task: usize| {
        let (store, rooms) = (stores[task % stores.len()].clone(), rooms.clone());
        tokio::spawn(async move {
            for batch in 0..BATCHES {
                let place = |n: usize| rooms[if task.is_multiple_of(2) { n % 4 } else { 3 - n % 4 }];
                let changes: Vec<Change> = (0..8)
                    .map(|n| {
                        let change = send(place(n), task * 1_000 + batch * 10 + n);
                        if n.is_multiple_of(3) { by("bob", change) } else { change }
                    })
                    .collect();
                for (change, answer) in changes.iter().zip(store.commit(changes.clone()).await.unwrap()) {
                    match answer {
                        Err(Refusal::Held) => _ = commit_surely(&store, change.clone()).await.unwrap(),
                        answer => assert!(matches!(answer, Ok(Outcome::Applied(_))), "{answer:?}"),
                    }
                }
                let moves: Vec<PointerMove> = (0..4)
                    .flat_map(|n| ["ann", "bob"].map(|name| (place(n), user(name))))
                    .map(|(room, user)| PointerMove { room, user, read: Seq::new(9), delivered: Seq::MAX })
                    .collect();
                assert!(store.advance(&moves).await.unwrap().iter().all(Option::is_some));
            }
        })
    };
    for task in join_all((0..TASKS).map(write)).await {
        task.unwrap();
    }
    let sent: u64 =
        join_all(rooms.iter().map(|room| head(&stores[0], *room))).await.iter().map(|h| h.get() - 1).sum();
    assert_eq!(sent as usize, TASKS * BATCHES * 8);
    assert_eq!(self::deadlocks(&scratch).await, deadlocks);
    assert_sound(&stores[0]).await;
    assert_dense(&scratch).await;
}

/// How often the database ended someone for a deadlock, so far.
async fn deadlocks(scratch: &Scratch) -> i64 {
    let mut connection = scratch.connect().await;
    let asked = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    sqlx::query(asked).fetch_one(&mut connection).await.unwrap().get(0)
}

/// The positions of messages and other events together are exactly those above the floor, up to the head.
async fn assert_dense(scratch: &Scratch) {
    let mut connection = scratch.connect().await;
    let sql = "SELECT count(*) FROM {s}rooms r WHERE ARRAY(
            SELECT seq FROM (SELECT seq, room FROM {s}messages UNION ALL SELECT seq, room FROM {s}room_events) l
            WHERE l.room = r.id ORDER BY seq)
        IS DISTINCT FROM ARRAY(SELECT generate_series(r.floor + 1, r.head))";
    let sql = sql.replace("{s}", &format!("{}.", scratch.schema));
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
    assert_eq!(rows.get::<i64, _>(0), 0, "rooms with holes or doubles");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_all_kinds_at_once_leave_dense_logs() {
    let scratch = Scratch::new();
    let stores = [scratch.open().await, scratch.open().await, scratch.open().await];
    let room = room(&stores[0]).await;
    let write = |task: usize| {
        let store = stores[task % stores.len()].clone();
        tokio::spawn(async move {
            for n in 0..20 {
                let key = task * 100 + n;
                let sent = commit_surely(&store, send(room, key)).await.unwrap();
                let event = sent.event().unwrap();
                let EventBody::Message { message } = &event.body else { panic!("{event:?}") };
                assert_eq!(message.seq, event.seq);
                if n.is_multiple_of(4) {
                    let deleted = crate::words::delete(room, event.seq);
                    assert!(matches!(commit_surely(&store, deleted).await, Ok(Outcome::Applied(_))));
                }
            }
        })
    };
    for task in join_all((0..6).map(write)).await {
        task.unwrap();
    }
    assert_eq!(head(&stores[0], room).await, Seq::new(1 + 6 * 25));
    assert_sound(&stores[0]).await;
    assert_dense(&scratch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_room_that_a_host_is_making_is_held() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    for end in ["ROLLBACK", "COMMIT"] {
        let subject = format!("order 7 {end}");
        let mut host = scratch.connect().await;
        let mut tx = host.begin().await.unwrap();
        let (answers, announcement) =
            store.commit_in(&mut tx, vec![create_for(Some(&subject))]).await.unwrap();
        let made = answers[0].as_ref().unwrap().event().unwrap().room;
        assert_eq!(announcement.rooms(), [made]);
        // One that is held, and one beside it that is not.
        let asked = vec![create_for(Some(&subject)), create_for(Some("another")), create_for(None)];
        let answers = store.commit(asked).await.unwrap();
        assert_eq!(answers[0], Err(Refusal::Held));
        assert!(answers[1].is_ok() && answers[2].is_ok(), "{answers:?}");
        let waiting = {
            let (store, subject) = (store.clone(), subject.clone());
            tokio::spawn(async move { store.commit_held(vec![create_for(Some(&subject))]).await.unwrap() })
        };
        wait_for_waiters(&scratch, 1).await;
        if end == "COMMIT" {
            tx.commit().await.unwrap()
        } else {
            tx.rollback().await.unwrap()
        }
        match (end, waiting.await.unwrap().remove(0)) {
            ("COMMIT", Ok(Outcome::Repeat(event))) => assert_eq!(event.room, made),
            ("ROLLBACK", Ok(Outcome::Applied(event))) => assert_ne!(event.room, made),
            (_, other) => panic!("{end}: {other:?}"),
        }
    }
    assert_sound(&store).await;
}

/// What the database ended for another's sake is done all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_against_another_asks_again() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let both = [(user("ann"), Timestamp::from_micros(5)), (user("bob"), Timestamp::from_micros(5))];
    store.touch(&both).await.unwrap();
    let mut other = scratch.connect().await;
    let later = |name: &str| format!("UPDATE {{s}}profiles SET last_seen = 7 WHERE id = '{name}'");
    scratch.run(&mut other, &format!("BEGIN; {}", later("bob"))).await;
    let touching = tokio::spawn({
        let (store, both) = (store.clone(), both.clone().map(|(user, _)| (user, Timestamp::from_micros(9))));
        async move { store.touch(&both).await }
    });
    wait_for_waiters(&scratch, 1).await;
    // Each waits for the other now; who has waited longer looks first, and is ended.
    scratch.run(&mut other, &later("ann")).await;
    release(other).await;
    touching.await.unwrap().unwrap();
    let seen = store.profiles(&both.map(|(user, _)| user)).await.unwrap();
    assert!(seen.iter().all(|row| row.last_seen == Some(Timestamp::from_micros(9))), "{seen:?}");
}
