//! Short words for what is asked of a store.

use super::scene::{Answer, Scene};
use crate::{
    model::{ClientId, Emoji, Metadata, Role, RoomId, Seq, Timestamp, UserId},
    store::{Actor, ChangeBody, MessageQuery, Outcome, Range, Refusal, Require, RoomUpdate},
};

pub(super) const THUMB: &str = "\u{1F44D}";

pub(super) fn user(name: &str) -> UserId {
    UserId::new(name).expect("a short name")
}

pub(super) fn users(names: &[&str]) -> Vec<UserId> {
    names.iter().map(|name| user(name)).collect()
}

pub(super) fn key(text: &str) -> ClientId {
    ClientId::new(text).expect("a short key")
}

/// A room that no case makes.
pub(super) fn nowhere() -> RoomId {
    RoomId::new(900_000_000).expect("a number above 0")
}

/// A user, or the host by that name.
pub(super) fn actor(who: &str) -> Actor {
    match who {
        "host" => Actor::Host,
        name => Actor::User(user(name)),
    }
}

pub(super) fn metadata(key: &str, value: &str) -> Metadata {
    let mut map = serde_json::Map::new();
    map.insert(key.to_owned(), value.into());
    map.into()
}

pub(super) fn edit(target: Seq, content: &str) -> ChangeBody {
    ChangeBody::Edit { target, content: content.to_owned(), mentions: None }
}

pub(super) fn edit_naming(target: Seq, content: &str, names: &[&str]) -> ChangeBody {
    ChangeBody::Edit { target, content: content.to_owned(), mentions: Some(users(names)) }
}

pub(super) const fn delete(target: Seq) -> ChangeBody {
    ChangeBody::Delete { target }
}

pub(super) fn react(target: Seq, emoji: &str) -> ChangeBody {
    let emoji = Emoji::new(emoji).expect("a short emoji");
    ChangeBody::React { target, emoji, kinds_max: 50 }
}

pub(super) fn unreact(target: Seq, emoji: &str) -> ChangeBody {
    ChangeBody::Unreact { target, emoji: Emoji::new(emoji).expect("a short emoji") }
}

pub(super) fn add(name: &str) -> ChangeBody {
    add_as(name, Role::Member)
}

pub(super) fn add_as(name: &str, role: Role) -> ChangeBody {
    ChangeBody::AddMember { user: user(name), role }
}

pub(super) fn remove(name: &str) -> ChangeBody {
    ChangeBody::Remove { user: user(name) }
}

pub(super) fn ban(name: &str, until: Option<Timestamp>) -> ChangeBody {
    ChangeBody::Ban { user: user(name), until }
}

pub(super) fn unban(name: &str) -> ChangeBody {
    ChangeBody::Unban { user: user(name) }
}

pub(super) fn mute(name: &str, until: Option<Timestamp>) -> ChangeBody {
    ChangeBody::Mute { user: user(name), until }
}

pub(super) fn set_role(name: &str, role: Role) -> ChangeBody {
    ChangeBody::SetRole { user: user(name), role }
}

pub(super) fn transfer(name: &str) -> ChangeBody {
    ChangeBody::Transfer { to: user(name) }
}

pub(super) fn rename(name: &str) -> ChangeBody {
    ChangeBody::Update(RoomUpdate { name: Some(Some(name.to_owned())), ..RoomUpdate::default() })
}

/// What the engine requires of the user who wants it.
pub(super) const fn require_of(body: &ChangeBody) -> Require {
    match body {
        ChangeBody::Create(_) | ChangeBody::Join => Require::NOTHING,
        ChangeBody::Send(_) | ChangeBody::Edit { .. } | ChangeBody::React { .. } => Require::WRITER,
        ChangeBody::Delete { .. } | ChangeBody::Unreact { .. } | ChangeBody::Leave => Require::MEMBER,
        ChangeBody::Transfer { .. } | ChangeBody::DeleteRoom => Require::OWNER,
        _ => Require::MODERATOR,
    }
}

/// What came of a change, in a word.
pub(super) const fn name_of(answer: &Answer) -> &'static str {
    match answer {
        Ok(Outcome::Applied(_)) => "applied",
        Ok(Outcome::Repeat(_)) => "repeat",
        Ok(Outcome::Unchanged) => "unchanged",
        Err(Refusal::RoomNotFound | Refusal::NotMember) => "room_not_found",
        Err(Refusal::NotFound(_)) => "not_found",
        Err(Refusal::NotJoined | Refusal::Forbidden(_)) => "forbidden",
        Err(Refusal::Muted { .. }) => "muted",
        Err(Refusal::Banned) => "banned",
        Err(Refusal::Blocked) => "blocked",
        Err(Refusal::Conflict(_)) => "conflict",
        Err(Refusal::BodyMismatch) => "body_mismatch",
        Err(Refusal::Held) => "held",
        Err(Refusal::Invalid { .. }) => "invalid",
    }
}

/// All messages, for nobody in particular.
pub(super) const fn everything() -> MessageQuery {
    MessageQuery {
        viewer: None,
        range: Range::Before(Seq::MAX),
        thread: None,
        visible_from: Seq::ZERO,
        limit: 100_000,
    }
}

/// One change of each kind but for making a room, about position 2 and the user `bob`.
pub(super) fn everything_asked(scene: &Scene<'_>) -> Vec<ChangeBody> {
    let target = Seq::new(2);
    vec![
        ChangeBody::Send(scene.text("hello")),
        edit(target, "x"),
        delete(target),
        react(target, THUMB),
        unreact(target, THUMB),
        add("bob"),
        ChangeBody::Join,
        ChangeBody::Leave,
        remove("bob"),
        ban("bob", None),
        set_role("bob", Role::Moderator),
        transfer("bob"),
        mute("bob", Some(scene.then(60))),
        rename("x"),
        ChangeBody::DeleteRoom,
    ]
}
