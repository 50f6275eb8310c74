//! Cases of reactions.

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    event::EventBody,
    model::{Emoji, RoomId, Seq},
    store::{ChangeBody, Store},
};

/// The reactions of a message as a user sees them, as text: kind, count, and a star at the own ones.
async fn shown(scene: &Scene<'_>, viewer: &str, room: RoomId, seq: Seq) -> String {
    let history = scene.history(room, Some(viewer)).await;
    let view = history.into_iter().find(|view| view.message.seq == seq).expect("the message is there");
    let own = |mine| if mine { "*" } else { "" };
    let kinds: Vec<_> =
        view.reactions.iter().map(|kind| format!("{}{}{}", kind.emoji, kind.count, own(kind.mine))).collect();
    kinds.join(" ")
}

/// Each user reacts once with each emoji and takes it back once; counts and own ones are told, first use first.
pub async fn reactions_are_counted_by_kind(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat"]).await;
    let (seq, other) = (scene.say("ann", room, "hello").await, scene.say("ann", room, "other").await);
    let event = scene.apply("bob", room, react(seq, "z")).await;
    let emoji = Emoji::new("z").expect("a short emoji");
    assert_eq!(event.body, EventBody::ReactionAdded { target: seq, emoji: emoji.clone() });
    for (who, text) in [("ann", "a"), ("cat", "z"), ("cat", THUMB), ("ann", "z")] {
        scene.apply(who, room, react(seq, text)).await;
        assert_eq!(scene.verdict(who, room, react(seq, text)).await, "unchanged");
    }
    assert_eq!(shown(&scene, "ann", room, seq).await, format!("z3* a1* {THUMB}1"));
    assert_eq!(shown(&scene, "bob", room, seq).await, format!("z3* a1 {THUMB}1"));
    assert_eq!(shown(&scene, "eve", room, seq).await, format!("z3 a1 {THUMB}1"));
    assert_eq!(shown(&scene, "ann", room, other).await, "");
    let event = scene.apply("cat", room, unreact(seq, "z")).await;
    assert_eq!(event.body, EventBody::ReactionRemoved { target: seq, emoji });
    assert_eq!(scene.verdict("cat", room, unreact(seq, "z")).await, "unchanged");
    assert_eq!(scene.verdict("bob", room, unreact(seq, "a")).await, "unchanged");
    scene.apply("cat", room, unreact(seq, THUMB)).await;
    assert_eq!(shown(&scene, "cat", room, seq).await, "z2 a1");
    assert_eq!(scene.message(room, seq).await.message.version, 1, "a reaction is no edit");
}

/// Emoji are told apart byte for byte.
pub async fn emoji_are_told_apart(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann"]).await;
    let seq = scene.say("ann", room, "hello").await;
    let kinds =
        ["a", "A", "\u{E9}", "e\u{301}", "\u{2764}", "\u{2764}\u{FE0F}", "\u{1F44D}", "\u{1F44D}\u{1F3FD}"];
    for text in kinds {
        scene.apply("ann", room, react(seq, text)).await;
    }
    let expected: Vec<_> = kinds.iter().map(|text| format!("{text}1*")).collect();
    assert_eq!(shown(&scene, "ann", room, seq).await, expected.join(" "));
}

/// A message carries so many kinds and no more; more of a kind that stands, and a kind in the place of one that was
/// taken back, are welcome.
pub async fn kinds_of_reactions_are_bounded(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let (seq, other) = (scene.say("ann", room, "hello").await, scene.say("ann", room, "other").await);
    let react = |target, text| {
        let emoji = Emoji::new(text).expect("a short emoji");
        ChangeBody::React { target, emoji, kinds_max: 2 }
    };
    for text in ["a", "b"] {
        scene.apply("ann", room, react(seq, text)).await;
    }
    assert_eq!(scene.verdict("ann", room, react(seq, "c")).await, "conflict");
    assert_eq!(scene.verdict("bob", room, react(seq, "c")).await, "conflict");
    scene.apply("bob", room, react(seq, "b")).await;
    assert_eq!(scene.verdict("bob", room, react(seq, "b")).await, "unchanged");
    scene.apply("ann", room, react(other, "c")).await;
    scene.apply("ann", room, unreact(seq, "b")).await;
    assert_eq!(scene.verdict("ann", room, react(seq, "c")).await, "conflict", "bob's is left");
    scene.apply("bob", room, unreact(seq, "b")).await;
    scene.apply("ann", room, react(seq, "c")).await;
}

/// Reactions are of members, to messages; the host has none.
pub async fn members_react_to_messages(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann"]).await;
    let seq = scene.say("ann", room, "hello").await;
    let event = scene.apply("ann", room, react(seq, THUMB)).await.seq;
    assert_eq!(scene.verdict("host", room, react(seq, THUMB)).await, "forbidden");
    assert_eq!(scene.verdict("host", room, unreact(seq, THUMB)).await, "forbidden");
    assert_eq!(scene.verdict("eve", room, react(seq, THUMB)).await, "room_not_found");
    for target in [Seq::ZERO, Seq::new(1), event] {
        assert_eq!(scene.verdict("ann", room, react(target, THUMB)).await, "not_found");
        assert_eq!(scene.verdict("ann", room, unreact(target, THUMB)).await, "not_found");
    }
}
