//! Cases of deleted messages.

use std::sync::Arc;

use super::{
    messages::versions,
    scene::{Scene, carried},
    words::*,
};
use crate::store::{ChangeBody, NewMessage, Outcome, Store};

const SECRET: &str = "the secret";

/// What a deleted message said is gone from every answer at once: message, edits, versions, mentions, reactions,
/// repeats and lists; its place stays, with all that is no content.
pub async fn deleted_content_is_gone_everywhere(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let root = scene.say("ann", room, "root").await;
    let new = NewMessage {
        mentions: users(&["bob"]),
        attachments: vec![scene.file("ann", SECRET).await],
        metadata: metadata(SECRET, SECRET),
        reply_to: Some(root),
        thread: Some(root),
        ..scene.text(SECRET)
    };
    let seq = scene.send("ann", room, new.clone()).await;
    let before = scene.message(room, seq).await.message;
    for text in ["the secret 2", "the secret 3"] {
        scene.apply("ann", room, edit(seq, text)).await;
    }
    scene.apply("bob", room, react(seq, THUMB)).await;
    assert_eq!(scene.unread("bob", room).await.mentions, 1);
    scene.wait(1);
    scene.apply("ann", room, delete(seq)).await;

    let view = scene.message(room, seq).await;
    let tombstone = view.message;
    assert_eq!((tombstone.content.as_str(), tombstone.deleted, tombstone.version), ("", true, 4));
    assert!(
        tombstone.mentions.is_empty() && tombstone.attachments.is_empty() && tombstone.metadata.is_empty()
    );
    assert_eq!(view.reactions, []);
    assert_eq!((tombstone.id, tombstone.sender.clone(), tombstone.at), (before.id, before.sender, before.at));
    assert_eq!((tombstone.reply_to, tombstone.thread), (Some(root), Some(root)));
    assert_eq!(versions(store, room, seq).await, []);
    assert_eq!(scene.unread("bob", room).await.mentions, 0);
    let carriers = scene.log(room).await.into_iter().filter(|event| event.body.target() == Some(seq));
    for event in carriers.filter(|event| event.body.carries_content()) {
        assert_eq!(*carried(&event), tombstone, "position {}", event.seq);
    }
    let sent = store.sent(room, &user("ann"), &new.client_id).await.expect("a healthy store finds sends");
    assert_eq!(*carried(&sent.expect("its tombstone is there").0), tombstone);
    let Ok(Outcome::Repeat(event)) = scene.ask("ann", room, ChangeBody::Send(new)).await else {
        panic!("a repeat of a deleted message is one")
    };
    assert_eq!(*carried(&event), tombstone);
    for viewer in [Some("ann"), Some("bob"), None] {
        let last = scene.entry(viewer, room).await.last_message.expect("the root is left");
        assert_eq!(last.seq, root);
    }
    let shown = format!("{:?} {:?}", scene.log(room).await, scene.history(room, Some("bob")).await);
    assert!(!shown.contains(SECRET), "{shown}");
}

/// A deleted message is deleted once, edited no more and gets no reactions; what was there to take back is gone.
pub async fn a_deleted_message_takes_no_change(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let seq = scene.say("bob", room, "hello").await;
    scene.apply("ann", room, react(seq, THUMB)).await;
    scene.apply("ann", room, delete(seq)).await;
    for (who, body, verdict) in [
        ("ann", delete(seq), "unchanged"),
        ("bob", delete(seq), "unchanged"),
        ("host", delete(seq), "unchanged"),
        ("bob", edit(seq, "x"), "not_found"),
        ("bob", edit(seq, ""), "not_found"),
        ("bob", react(seq, THUMB), "not_found"),
        ("ann", react(seq, "x"), "not_found"),
        ("ann", unreact(seq, THUMB), "unchanged"),
    ] {
        assert_eq!(scene.verdict(who, room, body.clone()).await, verdict, "{who}: {body:?}");
    }
    assert_eq!(scene.message(room, seq).await.message.version, 2);
}

/// A deleted message keeps its place among messages and in its thread, and is no room's last message.
pub async fn a_tombstone_keeps_its_place(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let root = scene.say("ann", room, "root").await;
    let mut thread = Vec::new();
    for text in ["one", "two", "three"] {
        thread.push(scene.send("bob", room, NewMessage { thread: Some(root), ..scene.text(text) }).await);
    }
    scene.apply("bob", room, delete(thread[2])).await;
    scene.apply("bob", room, delete(thread[0])).await;
    let history = scene.history(room, None).await;
    let deleted: Vec<_> = history.iter().map(|view| view.message.deleted).collect();
    assert_eq!(deleted, [false, true, false, true]);
    let replies = history[0].replies.expect("the root begins a thread");
    assert_eq!((replies.count, replies.last_seq), (3, thread[2]));
    let last = async || scene.entry(Some("ann"), room).await.last_message.map(|last| last.seq);
    assert_eq!(last().await, Some(thread[1]));
    for seq in [thread[1], root] {
        scene.apply("ann", room, delete(seq)).await;
    }
    assert_eq!(last().await, None);
    let new = scene.say("ann", room, "new").await;
    assert_eq!(last().await, Some(new));
}
