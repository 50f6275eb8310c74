//! Cases of roles: who may do what to whom.

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    model::{Role, RoomId, RoomKind},
    store::{ChangeBody, Require, Store},
};

/// Actors of a staffed room: owner, moderator, member, no member.
const ACTORS: [&str; 5] = ["host", "own", "mod", "mem", "eve"];

/// A room with two of each role.
async fn staffed(scene: &Scene<'_>, kind: RoomKind) -> RoomId {
    let mut new = scene.new_room(kind, &["own", "own2", "mod", "mod2", "mem", "mem2"]);
    for (n, (_, role)) in new.members.iter_mut().enumerate() {
        *role = [Role::Owner, Role::Moderator, Role::Member][n / 2];
    }
    scene.make("own", new).await
}

/// Asks for the same of each actor, in a room of its own each time. `expected` are the verdicts by actor.
async fn each_actor(scene: &Scene<'_>, what: &str, body: impl Fn() -> ChangeBody, expected: [&str; 5]) {
    for (who, expected) in ACTORS.into_iter().zip(expected) {
        let room = staffed(scene, RoomKind::Group).await;
        assert_eq!(scene.verdict(who, room, body()).await, expected, "{who}: {what}");
    }
}

const YES: &str = "applied";
const NO: &str = "forbidden";
const NOT: &str = "room_not_found";

/// Members are added by who stands above the role they get; the host gives any.
pub async fn roles_say_who_adds_members(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    for (role, expected) in [
        (Role::Member, [YES, YES, YES, NO, NOT]),
        (Role::Moderator, [YES, YES, NO, NO, NOT]),
        (Role::Owner, [YES, NO, NO, NO, NOT]),
    ] {
        each_actor(&scene, &format!("adding a {role:?}"), || add_as("new", role), expected).await;
    }
}

/// Members are removed, banned and muted by who stands above them; the host stands above all.
pub async fn roles_say_who_removes_bans_and_mutes(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let until = Some(scene.then(60));
    for (target, expected) in [
        ("mem2", [YES, YES, YES, NO, NOT]),
        ("mod2", [YES, YES, NO, NO, NOT]),
        ("own2", [YES, NO, NO, NO, NOT]),
    ] {
        each_actor(&scene, &format!("removing {target}"), || remove(target), expected).await;
        each_actor(&scene, &format!("banning {target}"), || ban(target, None), expected).await;
        each_actor(&scene, &format!("muting {target}"), || mute(target, until), expected).await;
    }
    for who in ["own", "mod", "host"] {
        let room = staffed(&scene, RoomKind::Group).await;
        for body in [remove("eve"), mute("eve", until), set_role("eve", Role::Member), transfer("eve")] {
            let expected =
                if who == "mod" && matches!(body, ChangeBody::Transfer { .. }) { NO } else { "not_found" };
            assert_eq!(scene.verdict(who, room, body.clone()).await, expected, "{who}: {body:?}");
        }
    }
}

/// Roles are given and taken by who stands above the old one and the new one.
pub async fn roles_say_who_gives_and_takes_roles(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    for (target, role, expected) in [
        ("mem2", Role::Member, ["unchanged", "unchanged", "unchanged", NO, NOT]),
        ("mem2", Role::Moderator, [YES, YES, NO, NO, NOT]),
        ("mem2", Role::Owner, [YES, NO, NO, NO, NOT]),
        ("mod2", Role::Member, [YES, YES, NO, NO, NOT]),
        ("mod2", Role::Moderator, ["unchanged", "unchanged", NO, NO, NOT]),
        ("mod2", Role::Owner, [YES, NO, NO, NO, NOT]),
        ("own2", Role::Member, [YES, NO, NO, NO, NOT]),
        ("own2", Role::Owner, ["unchanged", NO, NO, NO, NOT]),
    ] {
        each_actor(&scene, &format!("{target} {role:?}"), || set_role(target, role), expected).await;
    }
    let room = staffed(&scene, RoomKind::Group).await;
    scene.apply("own", room, set_role("mem", Role::Moderator)).await;
    scene.apply("mem", room, remove("mem2")).await;
    scene.apply("own", room, set_role("mem", Role::Member)).await;
    assert_eq!(scene.verdict("mem", room, rename("x")).await, NO, "what was taken is gone");
}

/// Nobody stands above oneself: no role, mute, removal or ban of one's own.
pub async fn nobody_stands_above_oneself(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = staffed(&scene, RoomKind::Group).await;
    for who in ["own", "mod", "mem"] {
        for body in [
            remove(who),
            ban(who, None),
            mute(who, Some(scene.then(60))),
            set_role(who, Role::Owner),
            set_role(who, Role::Member),
        ] {
            assert_eq!(scene.verdict(who, room, body.clone()).await, NO, "{who}: {body:?}");
        }
    }
}

/// Ownership is handed over by owners and the host, a room deleted likewise.
pub async fn roles_say_who_hands_over_and_deletes(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    each_actor(&scene, "handing over", || transfer("mem2"), [YES, YES, NO, NO, NOT]).await;
    each_actor(&scene, "deleting", || ChangeBody::DeleteRoom, [YES, YES, NO, NO, NOT]).await;
    each_actor(&scene, "renaming", || rename("x"), [YES, YES, YES, NO, NOT]).await;
    each_actor(&scene, "leaving", || ChangeBody::Leave, [NOT, YES, YES, YES, NOT]).await;
}

/// Messages are deleted by their sender and by moderators and above, whoever sent them.
pub async fn roles_say_who_deletes_messages(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    for sender in ["own2", "mod2", "mem2", "host"] {
        for (who, expected) in ACTORS.into_iter().zip([YES, YES, YES, NO, NOT]) {
            let room = staffed(&scene, RoomKind::Group).await;
            let seq = scene.say(sender, room, "hello").await;
            assert_eq!(scene.verdict(who, room, delete(seq)).await, expected, "{who} of {sender}");
        }
        if sender != "host" {
            let room = staffed(&scene, RoomKind::Group).await;
            let seq = scene.say(sender, room, "hello").await;
            scene.apply(sender, room, delete(seq)).await;
        }
    }
}

/// What a change requires is checked of a user, and of no host: least role first, then the mute. A room that is not
/// open does not tell a stranger that it is there.
pub async fn what_a_change_requires_is_checked(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let cases = [
        (Require::NOTHING, ["yes", "yes", "yes", "yes", "yes"]),
        (Require::MEMBER, ["yes", "yes", "yes", "yes", "no"]),
        (Require::WRITER, ["yes", "yes", "yes", "muted", "no"]),
        (Require::MODERATOR, ["yes", "yes", "yes", NO, "no"]),
        (Require::OWNER, ["yes", "yes", NO, NO, "no"]),
        (Require { role: Some(Role::Moderator), unmuted: true }, ["yes", "yes", "yes", NO, "no"]),
    ];
    for (kind, stranger) in [(RoomKind::Group, NOT), (RoomKind::Public, NO)] {
        let room = staffed(&scene, kind).await;
        scene.apply("own", room, mute("mem", Some(scene.then(600)))).await;
        for (require, expected) in cases {
            for (who, expected) in ACTORS.into_iter().zip(expected) {
                let mut change = scene.change(who, room, ChangeBody::Send(scene.text("hello")));
                change.require = require;
                let expected = match expected {
                    "yes" => YES,
                    "no" => stranger,
                    other => other,
                };
                let answer = scene.commit_one(change).await;
                assert_eq!(name_of(&answer), expected, "{who} {require:?} {kind:?}");
            }
        }
    }
}
