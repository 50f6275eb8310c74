//! Cases of blocks.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{
    contention::commit,
    scene::{Scene, carried},
    words::*,
};
use crate::{
    model::{Role, RoomKind},
    store::{Blocked, Change, ChangeBody, Outcome, Refusal, Store},
};

const HEALTHY: &str = "a healthy store keeps blocks";

async fn block(scene: &Scene<'_>, who: &str, whom: &str) -> Blocked {
    scene.store.put_block(&user(who), &user(whom), scene.now(), 3).await.expect(HEALTHY)
}

async fn unblock(scene: &Scene<'_>, who: &str, whom: &str) -> bool {
    scene.store.drop_block(&user(who), &user(whom)).await.expect(HEALTHY)
}

/// Blocks are made and taken back one by one, are of one user, listed by id, and as many as may be.
pub async fn blocks_are_made_and_taken_back(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let list = async |who: &str, limit| store.blocks(&user(who), limit).await.expect(HEALTHY);
    assert!(!unblock(&scene, "ann", "bob").await);
    for whom in ["dan", "bob", "Bob"] {
        assert_eq!(block(&scene, "ann", whom).await, Blocked::Made);
        assert_eq!(block(&scene, "ann", whom).await, Blocked::Stood);
    }
    assert_eq!(block(&scene, "ann", "cat").await, Blocked::TooMany);
    assert_eq!(block(&scene, "ann", "bob").await, Blocked::Stood, "also where there are as many as may be");
    assert_eq!(block(&scene, "bob", "ann").await, Blocked::Made);
    assert_eq!(list("ann", 10).await, users(&["Bob", "bob", "dan"]));
    assert_eq!(list("ann", 2).await, users(&["Bob", "bob"]));
    assert_eq!((list("bob", 10).await, list("cat", 10).await), (users(&["ann"]), vec![]));
    assert!(unblock(&scene, "ann", "bob").await);
    assert!(!unblock(&scene, "ann", "bob").await);
    assert_eq!(list("ann", 10).await, users(&["Bob", "dan"]));
    assert_eq!(block(&scene, "ann", "cat").await, Blocked::Made);
}

/// There are never more blocks than may be, however many are made at once.
pub async fn blocks_are_bounded_also_at_once(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let put = |n: usize| {
        let (store, at) = (Arc::clone(store), scene.now());
        // Each of them twice.
        let whom = user(&format!("user {}", n / 2));
        tokio::spawn(async move { store.put_block(&user("ann"), &whom, at, 5).await.expect(HEALTHY) })
    };
    let running: Vec<_> = (0..16).map(put).collect();
    let mut made = 0;
    for task in running {
        made += usize::from(task.await.expect("no block panics") == Blocked::Made);
    }
    assert_eq!(made, 5);
    assert_eq!(store.blocks(&user("ann"), 100).await.expect(HEALTHY).len(), 5);
}

/// Who is blocked writes nothing into the direct room with who blocks, and makes none; repeats are answered, and what
/// takes back is allowed. The other way, in rooms of others and for the host nothing changes, and all of it ends with
/// the block.
pub async fn a_blocked_user_writes_no_direct_messages(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.direct(&["ann", "bob"]).await;
    let group = scene.group(&["ann", "bob"]).await;
    let first = scene.text("one");
    let seq = scene.send("bob", room, first.clone()).await;
    let said = scene.say("ann", room, "two").await;
    scene.apply("bob", room, react(said, THUMB)).await;
    assert_eq!(block(&scene, "ann", "bob").await, Blocked::Made);
    for _ in 0..2 {
        for body in [ChangeBody::Send(scene.text("x")), edit(seq, "x"), react(said, "x")] {
            assert_eq!(scene.ask("bob", room, body).await, Err(Refusal::Blocked));
        }
    }
    assert_eq!(scene.verdict("bob", room, ChangeBody::Send(first)).await, "repeat");
    scene.apply("bob", room, unreact(said, THUMB)).await;
    scene.apply("bob", room, delete(seq)).await;
    scene.say("ann", room, "three").await;
    scene.send("host", room, scene.notice("four")).await;
    scene.say("bob", group, "five").await;
    // The one that stands is found; another is not made.
    let pair = || scene.create("bob", scene.new_room(RoomKind::Direct, &["bob", "ann"]));
    assert_eq!(name_of(&scene.commit_one(pair()).await), "repeat");
    scene.apply("host", room, ChangeBody::DeleteRoom).await;
    assert_eq!(scene.commit_one(pair()).await, Err(Refusal::Blocked));
    assert!(unblock(&scene, "ann", "bob").await);
    let again = scene.direct(&["bob", "ann"]).await;
    scene.say("bob", again, "six").await;
    assert_eq!(block(&scene, "ann", "bob").await, Blocked::Made);
    assert_eq!(scene.verdict("bob", again, ChangeBody::Send(scene.text("x"))).await, "blocked");
    assert!(unblock(&scene, "ann", "bob").await);
    scene.say("bob", again, "seven").await;
}

/// Who blocks is not brought into a room by who is blocked, neither when it is made nor later; others may.
pub async fn who_blocks_is_added_by_others_alone(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["bob", "cat", "dan"]).await;
    scene.apply("bob", room, set_role("cat", Role::Moderator)).await;
    assert_eq!(block(&scene, "ann", "bob").await, Blocked::Made);
    assert_eq!(scene.ask("bob", room, add("ann")).await, Err(Refusal::Blocked));
    let made = scene.create("bob", scene.new_room(RoomKind::Group, &["bob", "cat", "ann"]));
    assert_eq!(scene.commit_one(made).await, Err(Refusal::Blocked));
    scene.apply("cat", room, add("ann")).await;
    assert_eq!(scene.verdict("bob", room, add("ann")).await, "unchanged", "she is there");
    scene.apply("bob", room, remove("ann")).await;
    scene.apply("host", room, add("ann")).await;
    scene.apply("ann", room, ChangeBody::Leave).await;
    // Her own rooms are hers to make, and public ones to join.
    let own = scene.group(&["ann", "bob"]).await;
    scene.say("bob", own, "hello").await;
    let open = scene.open(&["bob"]).await;
    scene.apply("ann", open, ChangeBody::Join).await;
    assert!(unblock(&scene, "ann", "bob").await);
    scene.apply("bob", room, add("ann")).await;
}

/// Who blocks is not named by who is blocked, in sends and edits; the message stands.
pub async fn who_blocks_is_not_named(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat"]).await;
    let names = async |who: &str| {
        let body = ChangeBody::Send(scene.naming("x", &["ann", "cat"]));
        carried(&scene.apply(who, room, body).await).clone()
    };
    assert_eq!(names("bob").await.mentions, users(&["ann", "cat"]));
    assert_eq!(block(&scene, "ann", "bob").await, Blocked::Made);
    let message = names("bob").await;
    assert_eq!(message.mentions, users(&["cat"]));
    assert_eq!(names("cat").await.mentions, users(&["ann", "cat"]));
    assert_eq!(scene.unread("ann", room).await.mentions, 2);
    let event = scene.apply("bob", room, edit_naming(message.seq, "y", &["ann"])).await;
    assert_eq!(carried(&event).mentions, []);
    assert!(unblock(&scene, "ann", "bob").await);
    let event = scene.apply("bob", room, edit_naming(message.seq, "y", &["ann"])).await;
    assert_eq!(carried(&event).mentions, users(&["ann"]));
}

/// Whatever is committed after a block has been made knows of it: sends into a direct room, additions and rooms made,
/// while blocks come and go.
pub async fn nothing_passes_a_block_that_stands(store: &Arc<dyn Store>) {
    const ROUNDS: usize = 12;
    let scene = Scene::of(store);
    let direct = scene.direct(&["ann", "bob"]).await;
    let group = scene.group(&["bob", "cat"]).await;
    for round in 0..ROUNDS {
        let standing = Arc::new(AtomicBool::new(false));
        let asked = |n: usize| -> Change {
            match n % 3 {
                0 => scene.change("bob", direct, ChangeBody::Send(scene.text(&format!("{round} {n}")))),
                1 => scene.change("bob", group, add("ann")),
                _ => scene.create("bob", scene.new_room(RoomKind::Group, &["bob", "ann"])),
            }
        };
        let mut running = Vec::new();
        for task in 0..3 {
            let (store, standing) = (Arc::clone(store), Arc::clone(&standing));
            let changes: Vec<Change> = (0..8).map(|_| asked(task)).collect();
            running.push(tokio::spawn(async move {
                for change in changes {
                    let stood = standing.load(Ordering::SeqCst);
                    let answer = commit(&store, vec![change]).await.remove(0);
                    let passed = matches!(answer, Ok(Outcome::Applied(_)));
                    assert!(!(stood && passed), "it stood before it was asked: {answer:?}");
                }
            }));
        }
        assert_eq!(block(&scene, "ann", "bob").await, Blocked::Made);
        standing.store(true, Ordering::SeqCst);
        let now = scene.head(direct).await;
        for task in running {
            task.await.expect("no task panics");
        }
        // Nothing came after the block had returned.
        assert_eq!(scene.head(direct).await, now);
        let is_member = scene.members(group).await.iter().any(|member| member.user == user("ann"));
        assert_eq!(scene.verdict("bob", direct, ChangeBody::Send(scene.text("x"))).await, "blocked");
        let expected = if is_member { "unchanged" } else { "blocked" };
        assert_eq!(scene.verdict("bob", group, add("ann")).await, expected);
        if is_member {
            scene.apply("host", group, remove("ann")).await;
        }
        assert!(unblock(&scene, "ann", "bob").await);
        scene.say("bob", direct, "again").await;
    }
}

/// A direct room that is made while one of its two blocks the other knows of it, whoever makes it: nothing is written
/// into it by who is blocked, once the block has been made.
pub async fn no_direct_room_is_made_past_a_block(store: &Arc<dyn Store>) {
    const ROUNDS: usize = 12;
    let scene = Scene::of(store);
    for round in 0..ROUNDS {
        let [who, whom] = ["ann", "bob"].map(|name| format!("{name} {round}"));
        // By who blocks, by the host, and by who is blocked.
        let maker = [&who, "host", &whom][round % 3];
        let pair = scene.create(maker, scene.new_room(RoomKind::Direct, &[&who, &whom]));
        let standing = Arc::new(AtomicBool::new(false));
        let texts: Vec<_> = (0..8).map(|n| scene.text(&n.to_string())).collect();
        let (actor, at) = (actor(&whom), scene.now());
        let writing = tokio::spawn({
            let (store, standing) = (Arc::clone(store), Arc::clone(&standing));
            async move {
                let made = commit(&store, vec![pair]).await.remove(0);
                let Ok(Outcome::Applied(event)) = made else { return };
                for text in texts {
                    let body = ChangeBody::Send(text);
                    let (room, require) = (Some(event.room), require_of(&body));
                    let stood = standing.load(Ordering::SeqCst);
                    let change = Change { room, actor: actor.clone(), at, require, body };
                    let answer = commit(&store, vec![change]).await.remove(0);
                    let passed = matches!(answer, Ok(Outcome::Applied(_)));
                    assert!(!(stood && passed), "it stood before it was asked: {answer:?}");
                }
            }
        });
        assert_eq!(block(&scene, &who, &whom).await, Blocked::Made);
        standing.store(true, Ordering::SeqCst);
        writing.await.expect("no task panics");
        let again = scene.create(&whom, scene.new_room(RoomKind::Direct, &[&who, &whom]));
        match scene.commit_one(again).await {
            Ok(Outcome::Repeat(event)) => {
                let text = ChangeBody::Send(scene.text("x"));
                assert_eq!(scene.verdict(&whom, event.room, text).await, "blocked");
            }
            answer => assert_eq!(answer, Err(Refusal::Blocked)),
        }
    }
}
