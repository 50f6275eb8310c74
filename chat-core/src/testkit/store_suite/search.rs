//! Cases of the search for open rooms.

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    model::{Role, RoomEntry, RoomId, RoomKind},
    store::{ChangeBody, RoomScope, RoomsQuery, Store},
};

async fn named(scene: &Scene<'_>, kind: RoomKind, name: &str) -> RoomId {
    let mut new = scene.new_room(kind, &["own", "mem"]);
    new.name = (!name.is_empty()).then(|| name.to_owned());
    scene.make("own", new).await
}

fn search(viewer: Option<&str>, text: &str, limit: usize) -> RoomsQuery {
    RoomsQuery { viewer: viewer.map(user), scope: RoomScope::Public(text.to_owned()), before: None, limit }
}

fn shown(entries: &[RoomEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.room.name.as_deref().unwrap_or("-")).collect()
}

/// Open rooms are found by a part of their name in any case, joined or not; other rooms never.
pub async fn open_rooms_are_found_by_name(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    named(&scene, RoomKind::Group, "Rust secret").await;
    for name in ["Rust", "Garden", "all about RUST", "", "\u{C4}pfel", "100% sure", "a_b", "a\\b", "axb"] {
        scene.wait(1);
        named(&scene, RoomKind::Public, name).await;
    }
    scene.direct(&["own", "mem"]).await;
    for (text, expected) in [
        ("rust", vec!["all about RUST", "Rust"]),
        ("RuS", vec!["all about RUST", "Rust"]),
        (" rust", vec!["all about RUST"]),
        ("rustic", vec![]),
        ("\u{E4}pfel", vec!["\u{C4}pfel"]),
        ("\u{C4}PFEL", vec!["\u{C4}pfel"]),
        ("%", vec!["100% sure"]),
        ("_", vec!["a_b"]),
        ("\\", vec!["a\\b"]),
        ("'", vec![]),
        ("*", vec![]),
        ("", vec!["axb", "a\\b", "a_b", "100% sure", "\u{C4}pfel", "-", "all about RUST", "Garden", "Rust"]),
    ] {
        for viewer in [Some("own"), Some("eve"), None] {
            assert_eq!(
                shown(&scene.rooms(&search(viewer, text, 100)).await),
                expected,
                "{text:?} {viewer:?}"
            );
        }
    }
}

/// What is found comes latest activity first, page by page, with the reader's standing where there is one.
pub async fn open_rooms_are_listed_by_activity(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut rooms = Vec::new();
    for name in ["room a", "room b", "other", "room c", "room d"] {
        rooms.push(named(&scene, RoomKind::Public, name).await);
    }
    assert_eq!(shown(&scene.rooms(&search(None, "room", 9)).await), ["room d", "room c", "room b", "room a"]);
    scene.wait(1);
    scene.say("own", rooms[1], "hello").await;
    scene.wait(1);
    scene.apply("own", rooms[0], rename("ROOM a")).await;
    let all = scene.rooms(&search(Some("mem"), "room", 9)).await;
    assert_eq!(shown(&all), ["ROOM a", "room b", "room d", "room c"]);
    assert_eq!((all[1].role, all[1].unread, all[1].member_count), (Some(Role::Member), 1, 2));
    let (mut got, mut query) = (Vec::new(), search(Some("mem"), "room", 1));
    while let Some(entry) = scene.rooms(&query).await.pop() {
        query.before = Some(entry.activity);
        got.push(entry);
        assert!(got.len() <= all.len(), "a page after the last");
    }
    assert_eq!(got, all);
    scene.apply("own", rooms[1], rename("gone elsewhere")).await;
    scene.apply("own", rooms[0], ChangeBody::DeleteRoom).await;
    assert_eq!(shown(&scene.rooms(&search(Some("eve"), "room", 9)).await), ["room d", "room c"]);
}
