//! Blocks that are made elsewhere: by another node, and while something is under way.

use chat_core::{
    model::{Role, RoomId, RoomKind, Timestamp, UserId},
    store::{
        Actor, BlockStore as _, Blocked, Change, ChangeBody, ImportPart, ImportRoom, ImportStore as _,
        LogStore as _, Outcome, Refusal, Require,
    },
};
use chat_store_postgres::{PostgresStore, sqlx};
use sqlx::{Connection as _, PgConnection};

use crate::{
    contention::{release, wait_for_waiters},
    scratch::Scratch,
    words::{add_ann, assert_sound, by, commit, create, create_direct, head, log, send, user},
};

const AT: Timestamp = Timestamp::from_micros(5);

async fn block(store: &PostgresStore) {
    let made = store.put_block(&user("ann"), &user("bob"), AT, 9).await.unwrap();
    assert_eq!(made, Blocked::Made);
}

async fn unblock(store: &PostgresStore) {
    assert!(store.drop_block(&user("ann"), &user("bob")).await.unwrap());
}

/// A block that its node has not committed yet.
async fn block_under_way(scratch: &Scratch) -> PgConnection {
    let mut node = scratch.connect().await;
    scratch.run(&mut node, "BEGIN; SELECT {s}block_v1('ann', 'bob', 5, 9)").await;
    node
}

/// A room of bob, who owns it, and cat.
async fn group_of_bob(store: &PostgresStore) -> RoomId {
    let mut group = create();
    if let ChangeBody::Create(new) = &mut group.body {
        new.members = vec![(user("bob"), Role::Owner), (user("cat"), Role::Member)];
    }
    let group = Change { actor: Actor::User(user("bob")), ..group };
    commit(store, group).await.unwrap().event().unwrap().room
}

async fn direct(store: &PostgresStore) -> RoomId {
    commit(store, create_direct()).await.unwrap().event().unwrap().room
}

/// Waits for whoever holds something, as the engine's second try does.
fn patiently(store: &PostgresStore, change: Change) -> tokio::task::JoinHandle<Result<Outcome, Refusal>> {
    let store = store.clone();
    tokio::spawn(async move { store.commit_held(vec![change]).await.unwrap().pop().unwrap() })
}

#[tokio::test]
async fn what_a_node_remembers_does_not_pass_a_block_of_another() {
    let scratch = Scratch::new();
    let (one, two) = (scratch.open().await, scratch.open().await);
    let (direct, group) = (direct(&one).await, group_of_bob(&one).await);
    for round in 0..3 {
        // Remembered here, by now for the second time.
        for n in 0..2 {
            assert!(commit(&one, by("bob", send(direct, 10 * round + n))).await.is_ok());
        }
        block(&two).await;
        let asked = vec![
            by("bob", send(direct, 10 * round + 2)),
            by("bob", add_ann(group)),
            Change { actor: Actor::User(user("bob")), ..create() },
            by("bob", send(group, 10 * round)),
            send(direct, 10 * round + 3),
        ];
        let answers = one.commit(asked).await.unwrap();
        assert_eq!(answers[..3], [Err(Refusal::Blocked), Err(Refusal::Blocked), Err(Refusal::Blocked)]);
        // Everybody else goes on, in the same batch.
        assert!(answers[3..].iter().all(Result::is_ok), "{answers:?}");
        // Remembered as blocked, and taken back elsewhere.
        assert_eq!(commit(&one, by("bob", send(direct, 10 * round + 4))).await, Err(Refusal::Blocked));
        unblock(&two).await;
        assert!(commit(&one, by("bob", send(direct, 10 * round + 5))).await.is_ok());
    }
    assert_sound(&one).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_is_judged_while_a_block_is_made_is_refused_by_it() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let (direct, group) = (direct(&store).await, group_of_bob(&store).await);
    commit(&store, by("bob", send(direct, 1))).await.unwrap();
    let before = (head(&store, direct).await, head(&store, group).await);
    let node = block_under_way(&scratch).await;
    let asked = [by("bob", send(direct, 2)), by("bob", add_ann(group))];
    for change in &asked {
        assert_eq!(commit(&store, change.clone()).await, Err(Refusal::Held));
    }
    let mut waiting = Vec::new();
    for (change, waiters) in asked.into_iter().zip(1..) {
        waiting.push(patiently(&store, change));
        wait_for_waiters(&scratch, waiters).await;
    }
    release(node).await;
    for answer in waiting {
        assert_eq!(answer.await.unwrap(), Err(Refusal::Blocked));
    }
    assert_eq!((head(&store, direct).await, head(&store, group).await), before);
    assert_sound(&store).await;
}

/// A block finds the room that is made at the same time, whoever makes it; else a node could go on remembering the room
/// as it was without the block.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_direct_room_is_made_before_a_block_or_after_it() {
    let by_host = Change { actor: Actor::Host, ..create_direct() };
    for made_by in [create_direct(), by_host] {
        let scratch = Scratch::new();
        let (one, two) = (scratch.open().await, scratch.open().await);
        let node = block_under_way(&scratch).await;
        assert_eq!(commit(&one, made_by.clone()).await, Err(Refusal::Held));
        let making = patiently(&one, made_by);
        wait_for_waiters(&scratch, 1).await;
        release(node).await;
        let room = making.await.unwrap().unwrap().event().unwrap().room;
        assert_eq!(commit(&two, by("bob", send(room, 1))).await, Err(Refusal::Blocked));
        unblock(&one).await;
        assert!(commit(&two, by("bob", send(room, 1))).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_direct_room_is_imported_before_a_block_or_after_it() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    // Who reserves ids waits for all who write; this is about what comes after.
    store.reserve_ids(RoomId::new(7).unwrap(), None).await.unwrap();
    let node = block_under_way(&scratch).await;
    let importing = tokio::spawn({
        let store = store.clone();
        async move {
            let room = ImportRoom {
                id: RoomId::new(7).unwrap(),
                kind: RoomKind::Direct,
                name: None,
                metadata: chat_core::model::Metadata::default(),
                created_at: AT,
                members: ["ann", "bob"].map(|name| (user(name), Role::Member)).to_vec(),
            };
            store.import(&ImportPart { room, messages: Vec::new() }).await.unwrap().unwrap()
        }
    });
    wait_for_waiters(&scratch, 1).await;
    release(node).await;
    importing.await.unwrap();
    let room = RoomId::new(7).unwrap();
    assert_eq!(commit(&store, by("bob", send(room, 1))).await, Err(Refusal::Blocked));
}

#[tokio::test]
async fn a_host_speaks_for_a_blocked_user_in_vain() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let (standing, group) = (direct(&store).await, group_of_bob(&store).await);
    commit(&store, by("bob", send(standing, 1))).await.unwrap();
    block(&store).await;
    let before = (log(&store, standing).await, log(&store, group).await);
    let with = |maker: Actor, other: &UserId| {
        let mut direct = create_direct();
        if let ChangeBody::Create(new) = &mut direct.body {
            new.members = vec![(other.clone(), Role::Member), (user("bob"), Role::Member)];
        }
        Change { actor: maker, ..direct }
    };
    let bob = || Actor::User(user("bob"));
    let mut host = scratch.connect().await;
    let mut tx = host.begin().await.unwrap();
    let changes = vec![
        by("bob", send(standing, 2)),
        Change { require: Require::NOTHING, ..by("bob", add_ann(group)) },
        by("bob", add_ann(group)),
        with(bob(), &user("cat")),
        with(bob(), &user("ann")),
        Change { actor: bob(), ..create() },
    ];
    let (answers, announcement) = store.commit_in(&mut tx, changes).await.unwrap();
    let blocked = Err(Refusal::Blocked);
    assert_eq!(answers[..3], [blocked.clone(), blocked.clone(), blocked.clone()]);
    let made = answers[3].as_ref().unwrap().event().unwrap().room;
    // The pair's room stands, and is found; what it is written into is refused.
    assert!(matches!(&answers[4], Ok(Outcome::Repeat(event)) if event.room == standing), "{answers:?}");
    assert_eq!(answers[5], blocked);
    assert_eq!(announcement.rooms(), [made]);
    tx.commit().await.unwrap();
    assert_eq!((log(&store, standing).await, log(&store, group).await), before);

    // Where there is none as yet, none is made.
    let end = Change { actor: Actor::Host, ..crate::words::change(Some(standing), ChangeBody::DeleteRoom) };
    commit(&store, end).await.unwrap();
    let mut tx = host.begin().await.unwrap();
    let changes = vec![with(bob(), &user("ann")), with(Actor::Host, &user("ann"))];
    let (answers, _) = store.commit_in(&mut tx, changes).await.unwrap();
    assert_eq!(answers[0], blocked);
    // In its own name a host is nobody whom one could block.
    assert!(matches!(&answers[1], Ok(Outcome::Applied(_))), "{answers:?}");
    tx.commit().await.unwrap();
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_host_waits_for_a_block_and_a_block_for_a_host() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let (direct, group) = (direct(&store).await, group_of_bob(&store).await);
    let node = block_under_way(&scratch).await;
    let hosting = tokio::spawn({
        let (store, mut host) = (store.clone(), scratch.connect().await);
        async move {
            let mut tx = host.begin().await.unwrap();
            let changes = vec![by("bob", send(direct, 1)), by("bob", add_ann(group))];
            let (answers, _) = store.commit_in(&mut tx, changes).await.unwrap();
            tx.commit().await.unwrap();
            answers
        }
    });
    wait_for_waiters(&scratch, 1).await;
    release(node).await;
    assert_eq!(hosting.await.unwrap(), [Err(Refusal::Blocked), Err(Refusal::Blocked)]);

    // What was judged without the block is committed before it.
    unblock(&store).await;
    let mut host = scratch.connect().await;
    let mut tx = host.begin().await.unwrap();
    let changes = vec![by("bob", send(direct, 1)), by("bob", add_ann(group))];
    let (answers, _) = store.commit_in(&mut tx, changes).await.unwrap();
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let blocking = tokio::spawn({
        let store = store.clone();
        async move { block(&store).await }
    });
    wait_for_waiters(&scratch, 1).await;
    assert!(!blocking.is_finished());
    tx.commit().await.unwrap();
    blocking.await.unwrap();
    assert_eq!(commit(&store, by("bob", send(direct, 2))).await, Err(Refusal::Blocked));
    assert_sound(&store).await;
}
