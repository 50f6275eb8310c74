//! Cases of sends that are asked for again.

use std::sync::Arc;

use super::{
    scene::{Scene, carried},
    words::*,
};
use crate::{
    event::Event,
    model::{ClientId, RoomId, RoomKind, Seq},
    store::{ChangeBody, NewMessage, Outcome, Store},
};

/// Sends what was sent before and gives the event it is answered with.
async fn again(scene: &Scene<'_>, who: &str, room: RoomId, message: &NewMessage) -> Event {
    match scene.ask(who, room, ChangeBody::Send(message.clone())).await {
        Ok(Outcome::Repeat(event)) => event,
        other => panic!("{who}: a repeat was due, not {other:?}"),
    }
}

/// A send under the key of an earlier one is answered with that one's event, however much lies between.
pub async fn a_repeated_send_is_answered_as_the_first(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let message = scene.naming("hello", &["bob"]);
    let first = scene.apply("ann", room, ChangeBody::Send(message.clone())).await;
    assert_eq!(first.client_id.as_ref(), Some(&message.client_id));
    assert_eq!(again(&scene, "ann", room, &message).await, first);
    scene.wait(86_400 * 365);
    for n in 0..20 {
        scene.say("bob", room, &format!("text {n}")).await;
    }
    assert_eq!(again(&scene, "ann", room, &message).await, first);
    assert_eq!(scene.pointer("ann", room).await.read, first.seq, "a repeat moves no pointer");
    assert_eq!(scene.log(room).await.len(), 22);
}

/// A repeat is answered as the first was also where the sender may not write any more.
pub async fn a_repeat_comes_before_every_precondition(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.open(&["ann", "bob", "cat", "dan"]).await;
    let root = scene.say("ann", room, "root").await;
    let mut sent = Vec::new();
    for who in ["bob", "cat", "dan"] {
        let message = NewMessage { reply_to: Some(root), thread: Some(root), ..scene.text("hello") };
        let event = scene.apply(who, room, ChangeBody::Send(message.clone())).await;
        sent.push((who, message, event));
    }
    scene.apply("ann", room, mute("bob", Some(scene.then(600)))).await;
    scene.apply("ann", room, remove("cat")).await;
    scene.apply("ann", room, ban("dan", None)).await;
    for (who, message, event) in &sent {
        assert_eq!(again(&scene, who, room, message).await, *event);
        let other = ChangeBody::Send(scene.text("other"));
        assert_ne!(scene.verdict(who, room, other).await, "applied", "{who} may not write");
    }
}

/// A repeat is answered with the message as it is now: edited, or a tombstone.
pub async fn a_repeat_carries_the_message_as_it_is_now(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let message = scene.text("hello");
    let seq = scene.send("ann", room, message.clone()).await;
    scene.apply("ann", room, edit(seq, "hello!")).await;
    let event = again(&scene, "ann", room, &message).await;
    assert_eq!((event.seq, carried(&event).content.as_str(), carried(&event).version), (seq, "hello!", 2));
    scene.apply("ann", room, delete(seq)).await;
    let event = again(&scene, "ann", room, &message).await;
    assert_eq!((event.seq, carried(&event).content.as_str(), carried(&event).deleted), (seq, "", true));
    assert_eq!(scene.history(room, None).await.len(), 1, "a deleted message is not sent anew");
}

/// What counts is the digest of the request: another one under the same key is refused, the same one is a repeat
/// whatever became of it.
pub async fn another_body_under_a_key_is_refused(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let message = scene.text("hello");
    let first = scene.apply("bob", room, ChangeBody::Send(message.clone())).await;
    let mut last = [7; 16];
    last[15] = 8;
    for digest in [[0; 16], [8; 16], last] {
        let other = NewMessage { digest, ..message.clone() };
        assert_eq!(scene.verdict("bob", room, ChangeBody::Send(other)).await, "body_mismatch");
    }
    let shaped = NewMessage { content: "shaped by a hook".to_owned(), ..message.clone() };
    assert_eq!(again(&scene, "bob", room, &shaped).await, first);
    scene.apply("ann", room, remove("bob")).await;
    let other = NewMessage { digest: [8; 16], ..message.clone() };
    assert_eq!(scene.verdict("bob", room, ChangeBody::Send(other)).await, "body_mismatch");
    assert_eq!(again(&scene, "bob", room, &message).await, first);
}

/// Equal sends in one batch are one message; one with another body is refused.
pub async fn equal_sends_in_one_batch_are_one(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let message = scene.text("hello");
    let other = NewMessage { digest: [8; 16], ..message.clone() };
    let batch = [message.clone(), message.clone(), other, message.clone()];
    let ask = |message| scene.change("ann", room, ChangeBody::Send(message));
    let answers = scene.commit(batch.map(ask).to_vec()).await;
    let names: Vec<_> = answers.iter().map(name_of).collect();
    assert_eq!(names, ["applied", "repeat", "body_mismatch", "repeat"]);
    let events: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()?.event()).collect();
    assert!(events.iter().all(|event| *event == events[0]), "{events:?}");
    assert_eq!(scene.log(room).await.len(), 2);
}

/// A key is of one sender in one room, byte for byte.
pub async fn keys_of_sends_are_kept_apart(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let rooms = [scene.group(&["ann", "bob", "Ann"]).await, scene.group(&["ann"]).await];
    let longest = "\u{1F980}".repeat(16);
    for text in ["a key", "A KEY", "a key ", "a%key", "a_key", "\u{E9}", "e\u{301}", longest.as_str()] {
        let message = NewMessage { client_id: key(text), ..scene.text("hello") };
        for (who, room) in [
            ("ann", rooms[0]),
            ("Ann", rooms[0]),
            ("bob", rooms[0]),
            ("host", rooms[0]),
            ("ann", rooms[1]),
            ("host", rooms[1]),
        ] {
            scene.apply(who, room, ChangeBody::Send(message.clone())).await;
            again(&scene, who, room, &message).await;
        }
    }
    assert_eq!(scene.log(rooms[0]).await.len(), 1 + 8 * 4);
}

/// The host's sends share one space of keys in each room.
pub async fn the_hosts_sends_have_keys_too(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann"]).await;
    let message = scene.notice("hello");
    let first = scene.apply("host", room, ChangeBody::Send(message.clone())).await;
    assert_eq!((first.actor.as_ref(), carried(&first).sender.as_ref()), (None, None));
    assert_eq!(again(&scene, "host", room, &message).await, first);
    let other = NewMessage { digest: [8; 16], ..message };
    assert_eq!(scene.verdict("host", room, ChangeBody::Send(other)).await, "body_mismatch");
}

/// A message is found under its sender's key as it is now, with the digest of its request.
pub async fn a_sent_message_is_found_under_its_key(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let mut digest = [0; 16];
    for (n, byte) in digest.iter_mut().enumerate() {
        *byte = (n as u8).wrapping_mul(85);
    }
    let message = NewMessage { digest, ..scene.text("hello") };
    let sent = async |room: RoomId, who: &str, key: &ClientId| {
        store.sent(room, &user(who), key).await.expect("a healthy store finds sends")
    };
    assert_eq!(sent(room, "ann", &message.client_id).await, None);
    let event = scene.apply("ann", room, ChangeBody::Send(message.clone())).await;
    assert_eq!(sent(room, "ann", &message.client_id).await, Some((event, digest)));
    scene.apply("ann", room, edit(Seq::new(2), "hello!")).await;
    let (event, _) = sent(room, "ann", &message.client_id).await.expect("it is there");
    assert_eq!((event.seq, carried(&event).content.as_str()), (Seq::new(2), "hello!"));
    scene.apply("ann", room, delete(Seq::new(2))).await;
    let (event, _) = sent(room, "ann", &message.client_id).await.expect("its tombstone is there");
    assert!(carried(&event).deleted && carried(&event).content.is_empty());
    assert_eq!(sent(room, "bob", &message.client_id).await, None);
    assert_eq!(sent(room, "ann", &key("another")).await, None);
    assert_eq!(sent(nowhere(), "ann", &message.client_id).await, None);
    let host = scene.text("of the host");
    scene.send("host", room, host.clone()).await;
    assert_eq!(sent(room, "ann", &host.client_id).await, None);
    scene.apply("ann", room, ChangeBody::DeleteRoom).await;
    assert_eq!(sent(room, "ann", &message.client_id).await, None, "a deleted room keeps no sends");
    assert_eq!(scene.verdict("ann", room, ChangeBody::Send(message)).await, "room_not_found");
}

/// A room is made once for a pair, a subject or its maker's key, also within one batch; the repeat names it.
pub async fn equal_rooms_in_one_batch_are_one(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let pair = scene.new_room(RoomKind::Direct, &["bob", "ann"]);
    let mut subject = scene.new_room(RoomKind::Group, &["ann"]);
    subject.subject = Some("order:17".to_owned());
    let mut made = scene.new_room(RoomKind::Public, &["ann"]);
    made.client_id = Some(scene.key());
    for new in [pair, subject, made] {
        let first = scene.create("ann", new.clone());
        let answers = scene.commit(vec![first.clone(), first.clone()]).await;
        let later = scene.commit_one(first).await;
        let names: Vec<_> = answers.iter().chain([&later]).map(name_of).collect();
        assert_eq!(names, ["applied", "repeat", "repeat"]);
        let rooms: Vec<_> = answers
            .iter()
            .chain([&later])
            .filter_map(|answer| answer.as_ref().ok()?.event())
            .map(|event| (event.room, event.seq, event.body.kind()))
            .collect();
        assert_eq!(rooms, [(rooms[0].0, Seq::new(1), "room_created"); 3]);
        assert_eq!(scene.log(rooms[0].0).await.len(), 1);
    }
}
