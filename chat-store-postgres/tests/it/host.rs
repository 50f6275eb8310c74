//! Changes as a part of a host's transaction.

use chat_core::{
    CreateRoom, Engine,
    model::{ClientId, Role, RoomId, RoomKind, Seq},
    protocol::{Send, SendTo},
    store::{
        Actor, Change, LogStore as _, MessageQuery, MessageStore as _, Outcome, PointerStore as _, Range,
        Refusal, RoomKey, RoomStore as _, StoreErrorKind,
    },
};
use chat_store_postgres::sqlx;
use sqlx::{Connection as _, Row as _};

use crate::{
    scratch::Scratch,
    words::{assert_sound, by, change, commit, create_for, delete, head, log, remove, room, send, user},
};

#[tokio::test]
async fn what_is_rolled_back_never_was() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    let before = log(&store, room).await;
    let mut host = scratch.connect().await;
    let mut tx = host.begin().await.unwrap();
    let changes = vec![send(room, 1), remove(room, "bob"), create_for(Some("order 7"))];
    let (answers, announcement) = store.commit_in(&mut tx, changes).await.unwrap();
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(announcement.rooms().len(), 2);
    // Nobody sees it before its end.
    assert_eq!(log(&store, room).await, before);
    tx.rollback().await.unwrap();
    assert_eq!(log(&store, room).await, before);
    let key = RoomKey::Subject("order 7".to_owned());
    assert_eq!(store.find_room(&key).await.unwrap(), None);
    // Nothing of it is remembered either: bob writes.
    assert!(matches!(commit(&store, by("bob", send(room, 2))).await, Ok(Outcome::Applied(_))));
    assert_sound(&store).await;
}

#[tokio::test]
async fn what_is_committed_is_there_with_the_hosts_own_rows() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    // Remembered as of before.
    commit(&store, by("bob", send(room, 1))).await.unwrap();
    let mut host = scratch.connect().await;
    scratch.run(&mut host, "CREATE TABLE {s}orders (id integer, room bigint)").await;
    let mut tx = host.begin().await.unwrap();
    let notice = Change { actor: Actor::Host, ..send(room, 2) };
    let changes = vec![
        create_for(Some("order 7")),
        notice,
        remove(room, "bob"),
        delete(room, Seq::new(2)),
        send(room, 1_000),
        send(room, 1_000),
        by("bob", send(room, 3)),
    ];
    let (answers, announcement) = store.commit_in(&mut tx, changes).await.unwrap();
    let made = answers[0].as_ref().unwrap().event().unwrap().room;
    let insert = format!("INSERT INTO {}.orders VALUES (7, {made})", scratch.schema);
    sqlx::raw_sql(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(announcement.rooms(), [room, made]);
    let applied: Vec<_> =
        answers[1..5].iter().map(|answer| answer.clone().unwrap().event().unwrap().clone()).collect();
    // The second message is deleted by now, and everything else is read back as it was answered.
    assert_eq!(log(&store, room).await[2..], applied);
    assert!(matches!(&answers[5], Ok(Outcome::Repeat(event)) if *event == applied[3]), "{:?}", answers[5]);
    assert_eq!(answers[6], Err(Refusal::NotMember));
    assert_eq!(store.find_room(&RoomKey::Subject("order 7".to_owned())).await.unwrap(), Some(made));
    assert_eq!(commit(&store, by("bob", send(room, 4))).await, Err(Refusal::NotMember));
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_host_delays_the_rooms_that_it_holds_and_no_other() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let (held, free) = (room(&store).await, room(&store).await);
    let mut host = scratch.connect().await;
    let mut tx = host.begin().await.unwrap();
    let (answers, announcement) = store.commit_in(&mut tx, vec![send(held, 1)]).await.unwrap();
    assert!(answers[0].is_ok());
    assert_eq!(announcement.rooms(), [held]);
    let answers = store.commit(vec![send(held, 2), send(free, 2)]).await.unwrap();
    assert!(matches!(answers[..], [Err(Refusal::Held), Ok(_)]), "{answers:?}");
    // Reading waits for nobody.
    let newest = MessageQuery {
        viewer: None,
        range: Range::Before(Seq::MAX),
        thread: None,
        visible_from: Seq::ZERO,
        limit: 9,
    };
    assert_eq!(store.messages(held, &newest).await.unwrap().messages.len(), 0);
    assert_eq!(store.pointers(held, 9).await.unwrap().len(), 2);
    tx.commit().await.unwrap();
    let later = commit(&store, send(held, 2)).await.unwrap();
    assert_eq!(later.event().unwrap().seq, Seq::new(3));
    assert_eq!(head(&store, free).await, Seq::new(2));
}

#[tokio::test]
async fn rooms_end_and_keys_are_free_within_one_transaction() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let first = commit(&store, create_for(Some("order 7"))).await.unwrap().event().unwrap().room;
    let mut host = scratch.connect().await;
    let mut tx = host.begin().await.unwrap();
    let end = change(Some(first), chat_core::store::ChangeBody::DeleteRoom);
    let changes = vec![create_for(Some("order 7")), end, create_for(Some("order 7")), send(first, 1)];
    let (answers, announcement) = store.commit_in(&mut tx, changes).await.unwrap();
    assert!(matches!(&answers[0], Ok(Outcome::Repeat(event)) if event.room == first));
    let second = answers[2].as_ref().unwrap().event().unwrap().room;
    assert_ne!(second, first);
    assert_eq!(answers[3], Err(Refusal::RoomNotFound));
    assert_eq!(announcement.rooms(), [first, second]);
    tx.commit().await.unwrap();
    assert_sound(&store).await;
}

#[tokio::test]
async fn without_a_transaction_nothing_is_done() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    let mut host = scratch.connect().await;
    let error = store.commit_in(&mut host, vec![send(room, 1)]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert_eq!(head(&store, room).await, Seq::new(1));
    // A snapshot of before would hide what others wrote.
    let mut tx = host.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    let one: i32 = sqlx::query("SELECT 1").fetch_one(&mut *tx).await.unwrap().get(0);
    assert_eq!(one, 1);
    commit(&store, send(room, 2)).await.unwrap();
    assert!(store.commit_in(&mut tx, vec![send(room, 3)]).await.is_err());
    tx.rollback().await.unwrap();
    assert_eq!(head(&store, room).await, Seq::new(2));
}

#[tokio::test]
async fn a_room_and_its_first_message_are_made_in_one_transaction() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let engine = Engine::builder().store(store.clone()).build().await.unwrap();
    let as_host = engine.as_host();
    let mut host = scratch.connect().await;
    let create = || {
        let mut create = CreateRoom::new(RoomKind::Group).with_owner(user("ann"));
        create.subject = Some("order/4711".to_owned());
        as_host.change_to_create(create).unwrap()
    };
    let send = |room| {
        let client_id = ClientId::new("paid").unwrap();
        Send::text(SendTo::Room(room), "Your order was paid").with_client_id(client_id)
    };
    for is_kept in [false, true] {
        let mut tx = host.begin().await.unwrap();
        let (answers, made) = store.commit_in(&mut tx, vec![create()]).await.unwrap();
        let Ok(Outcome::Applied(event)) = &answers[0] else { panic!("{answers:?}") };
        let changes = vec![
            as_host.change_to_send(send(event.room)).unwrap(),
            as_host.change_to_add_member(event.room, user("bob"), Role::Member),
        ];
        let (answers, said) = store.commit_in(&mut tx, changes).await.unwrap();
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Outcome::Applied(_)))), "{answers:?}");
        assert_eq!(made, said);
        if is_kept { tx.commit().await.unwrap() } else { tx.rollback().await.unwrap() }
    }
    let key = RoomKey::Subject("order/4711".to_owned());
    let room = store.find_room(&key).await.unwrap().unwrap();
    assert_eq!(head(&store, room).await, Seq::new(3));
    // What the engine says again, and what a transaction does, is what stands.
    let again = as_host.send(send(room)).await.unwrap();
    assert_eq!((again.message.seq, again.is_repeat), (Seq::new(2), true));
    let mut tx = host.begin().await.unwrap();
    let (answers, made) = store.commit_in(&mut tx, vec![create()]).await.unwrap();
    assert!(matches!(&answers[0], Ok(Outcome::Repeat(event)) if event.room == room), "{answers:?}");
    let (answers, said) =
        store.commit_in(&mut tx, vec![as_host.change_to_send(send(room)).unwrap()]).await.unwrap();
    assert!(matches!(&answers[0], Ok(Outcome::Repeat(event)) if event.seq == Seq::new(2)), "{answers:?}");
    assert_eq!((made.rooms(), said.rooms()), (&[][..], &[][..]));
    // A refusal is an answer, and no error.
    let nowhere = as_host.change_to_send(send(RoomId::new(99_999).unwrap())).unwrap();
    let (answers, _) = store.commit_in(&mut tx, vec![nowhere]).await.unwrap();
    assert_eq!(answers, [Err(Refusal::RoomNotFound)]);
    tx.commit().await.unwrap();
    assert_sound(&store).await;
}
