//! Cases of messages: sent and edited.

use std::sync::Arc;

use super::{
    scene::{Scene, carried},
    words::*,
};
use crate::{
    model::{MessageId, MessageKind, MessageVersion, RoomId, Seq},
    store::{ChangeBody, NewMessage, Refusal, Store},
};

pub(super) async fn versions(store: &Arc<dyn Store>, room: RoomId, seq: Seq) -> Vec<MessageVersion> {
    store.versions(room, seq, 100).await.expect("a healthy store reads versions")
}

/// A message carries all that was sent with it.
pub async fn a_message_carries_what_was_sent(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat"]).await;
    let root = scene.say("ann", room, "root").await;
    scene.wait(3);
    let files = vec![scene.file("bob", "z").await, scene.file("bob", "a").await];
    let new = NewMessage {
        kind: MessageKind::new("poll").expect("a short kind"),
        reply_to: Some(root),
        thread: Some(root),
        mentions: users(&["cat", "ann"]),
        attachments: files,
        metadata: metadata("k", "v"),
        ..scene.text("hello \u{1F980}")
    };
    let event = scene.apply("bob", room, ChangeBody::Send(new.clone())).await;
    assert_eq!(event.client_id, Some(new.client_id));
    let message = carried(&event);
    assert_eq!((message.room_id, message.seq, &message.sender), (room, event.seq, &Some(user("bob"))));
    assert_eq!((message.at, message.edited_at, message.version), (scene.now(), None, 1));
    assert_eq!((&message.kind, &message.content, message.deleted), (&new.kind, &new.content, false));
    assert_eq!((message.reply_to, message.thread), (Some(root), Some(root)));
    assert_eq!(message.mentions, new.mentions);
    assert!(message.attachments.iter().map(|file| &file.id).eq(&new.attachments));
    assert_eq!(message.metadata, new.metadata);
    assert_eq!(scene.message(room, event.seq).await.message, *message);
}

/// Of those whom a message names, members are kept, each once, in the order given.
pub async fn mentions_are_of_members_each_once(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat"]).await;
    let seq = scene.send("ann", room, scene.naming("x", &["cat", "eve", "bob", "cat", "Bob", "ann"])).await;
    assert_eq!(scene.message(room, seq).await.message.mentions, users(&["cat", "bob", "ann"]));
    scene.apply("ann", room, edit_naming(seq, "y", &["eve", "ann", "ann", "bob"])).await;
    assert_eq!(scene.message(room, seq).await.message.mentions, users(&["ann", "bob"]));
    scene.apply("bob", room, ChangeBody::Leave).await;
    scene.apply("ann", room, edit(seq, "z")).await;
    assert_eq!(scene.message(room, seq).await.message.mentions, users(&["ann", "bob"]), "as before");
    scene.apply("ann", room, edit_naming(seq, "z", &[])).await;
    assert_eq!(scene.message(room, seq).await.message.mentions, []);
}

/// A reply and a thread name a message of the room, deleted or not; nothing else will do.
pub async fn replies_name_messages_of_the_room(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let (room, other) = (scene.group(&["ann", "bob"]).await, scene.group(&["ann"]).await);
    let message = scene.say("ann", room, "hello").await;
    let elsewhere = scene.say("ann", other, "one").await;
    assert_eq!(elsewhere, message);
    let elsewhere = scene.say("ann", other, "two").await;
    let event = scene.apply("bob", room, react(message, THUMB)).await.seq;
    assert_eq!(elsewhere, event);
    for target in [Seq::ZERO, Seq::new(1), event, event.next()] {
        for (reply_to, thread, field) in [(Some(target), None, "reply_to"), (None, Some(target), "thread")] {
            let new = NewMessage { reply_to, thread, ..scene.text("x") };
            let answer = scene.ask("ann", room, ChangeBody::Send(new)).await;
            assert!(matches!(&answer, Err(Refusal::Invalid { field: of, .. }) if *of == field), "{answer:?}");
        }
    }
    scene.apply("ann", room, delete(message)).await;
    for (reply_to, thread) in [(Some(message), None), (None, Some(message))] {
        scene.send("ann", room, NewMessage { reply_to, thread, ..scene.text("x") }).await;
    }
}

/// A message of a thread begins no thread of its own; it can be quoted.
pub async fn threads_do_not_nest(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann"]).await;
    let root = scene.say("ann", room, "root").await;
    let inner = scene.send("ann", room, NewMessage { thread: Some(root), ..scene.text("in it") }).await;
    let answer =
        scene.ask("ann", room, ChangeBody::Send(NewMessage { thread: Some(inner), ..scene.text("x") })).await;
    assert!(matches!(answer, Err(Refusal::Invalid { field: "thread", .. })), "{answer:?}");
    let quote = NewMessage { thread: Some(root), reply_to: Some(inner), ..scene.text("x") };
    scene.send("ann", room, quote).await;
    let quote = scene.send("ann", room, NewMessage { reply_to: Some(root), ..scene.text("x") }).await;
    scene.send("ann", room, NewMessage { thread: Some(quote), ..scene.text("x") }).await;
}

/// A message is edited by its sender alone, whatever the role of another; the host edits the host's.
pub async fn the_sender_alone_edits(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let of_bob = scene.say("bob", room, "hello").await;
    let of_host = scene.send("host", room, scene.notice("notice")).await;
    scene.wait(9);
    assert_eq!(scene.verdict("ann", room, edit(of_bob, "x")).await, "forbidden");
    assert_eq!(scene.verdict("host", room, edit(of_bob, "x")).await, "forbidden");
    assert_eq!(scene.verdict("bob", room, edit(of_host, "x")).await, "forbidden");
    assert_eq!(scene.verdict("eve", room, edit(of_bob, "x")).await, "room_not_found");
    assert_eq!(scene.verdict("bob", room, edit(Seq::new(1), "x")).await, "not_found");
    scene.apply("host", room, edit(of_host, "other")).await;
    let before = scene.message(room, of_bob).await.message;
    let event = scene.apply("bob", room, edit(of_bob, "hello!")).await;
    let message = carried(&event);
    assert_eq!((message.content.as_str(), message.version), ("hello!", 2));
    assert_eq!((message.at, message.edited_at), (before.at, Some(scene.now())));
    assert_eq!((message.id, message.seq, message.sender.as_ref()), (before.id, of_bob, Some(&user("bob"))));
    assert_eq!(scene.message(room, of_bob).await.message, *message);
}

/// An edit to the text and mentions that stand is no change; to other mentions it is one.
pub async fn an_edit_to_the_same_is_no_change(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let seq = scene.send("ann", room, scene.naming("hello", &["bob"])).await;
    for same in
        [edit(seq, "hello"), edit_naming(seq, "hello", &["bob"]), edit_naming(seq, "hello", &["bob", "eve"])]
    {
        assert_eq!(scene.verdict("ann", room, same).await, "unchanged");
    }
    assert_eq!(scene.message(room, seq).await.message.version, 1);
    scene.apply("ann", room, edit_naming(seq, "hello", &[])).await;
    scene.apply("ann", room, edit(seq, "Hello")).await;
    scene.apply("ann", room, edit(seq, "Hello ")).await;
    assert_eq!(scene.message(room, seq).await.message.version, 4);
}

/// Messages are found by their ids, in the order asked for; not those of a deleted room.
pub async fn messages_are_found_by_their_ids(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let (room, other) = (scene.group(&["ann", "bob"]).await, scene.group(&["ann"]).await);
    let (one, two) = (scene.say("ann", room, "one").await, scene.say("bob", room, "two").await);
    let three = scene.say("ann", other, "three").await;
    let id = async |room, seq| scene.message(room, seq).await.message.id;
    let ids = [id(other, three).await, id(room, one).await, id(room, two).await];
    let find =
        async |ids: &[MessageId]| store.find_messages(ids).await.expect("a healthy store finds messages");
    scene.apply("ann", room, delete(one)).await;
    let unknown = MessageId::new(900_000_000).expect("a number above 0");
    let asked = [ids[0], unknown, ids[1], ids[2], ids[0]];
    let found = [Some((other, three)), None, Some((room, one)), Some((room, two)), Some((other, three))];
    assert_eq!(find(&asked).await, found);
    assert_eq!(find(&[]).await, []);
    scene.apply("ann", other, ChangeBody::DeleteRoom).await;
    assert_eq!(find(&ids).await, [None, Some((room, one)), Some((room, two))]);
}

/// Earlier versions are kept, oldest first, each with since when it stood; the standing one is not among them.
pub async fn earlier_versions_are_kept(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let (seq, other) = (scene.say("ann", room, "one").await, scene.say("ann", room, "other").await);
    assert_eq!(versions(store, room, seq).await, []);
    let mut expected = Vec::new();
    let mut since = scene.now();
    for (n, (before, after)) in [("one", "two"), ("two", "three"), ("three", "one")].into_iter().enumerate() {
        scene.wait(7);
        scene.apply("ann", room, edit(seq, after)).await;
        expected.push(MessageVersion { version: n as u32 + 1, content: before.to_owned(), at: since });
        since = scene.now();
        assert_eq!(versions(store, room, seq).await, expected);
    }
    let first = store.versions(room, seq, 2).await.expect("a healthy store reads versions");
    assert_eq!(first, expected[..2]);
    assert_eq!(versions(store, room, other).await, []);
    assert_eq!(versions(store, room, Seq::new(1)).await, []);
    assert_eq!(versions(store, nowhere(), seq).await, []);
}
