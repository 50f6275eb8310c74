//! Cases of ownership: handed over, and inherited where the last owner goes.

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    event::EventBody,
    model::{Role, RoomId, RoomKind},
    store::{ChangeBody, Store},
};

/// Makes the change, which ends a membership, and gives who is owner by it.
async fn successor(scene: &Scene<'_>, who: &str, room: RoomId, body: ChangeBody) -> Option<String> {
    let event = scene.apply(who, room, body).await;
    let EventBody::MemberLeft { successor, .. } = event.body else { panic!("{event:?}") };
    let successor = successor?;
    assert_eq!(successor.role, Role::Owner);
    assert!(scene.members(room).await.contains(&successor), "the event tells what is stored");
    Some(successor.user.as_str().to_owned())
}

/// Where the last owner leaves, the moderator who stands longest becomes owner, not a member who stands longer.
pub async fn the_eldest_moderator_inherits(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["own", "mem"]).await;
    for name in ["zoe", "abe", "bea"] {
        scene.wait(1);
        scene.apply("own", room, add_as(name, Role::Member)).await;
    }
    // Made moderators in another order than they joined.
    for name in ["bea", "abe", "zoe"] {
        scene.wait(1);
        scene.apply("own", room, set_role(name, Role::Moderator)).await;
    }
    assert_eq!(successor(&scene, "own", room, ChangeBody::Leave).await.as_deref(), Some("zoe"));
    assert_eq!(scene.roles(room).await, "abe Moderator, bea Moderator, mem Member, zoe Owner");
    assert_eq!(successor(&scene, "zoe", room, ChangeBody::Leave).await.as_deref(), Some("abe"));
    assert_eq!(scene.verdict("abe", room, rename("x")).await, "applied");
    assert_eq!(scene.verdict("abe", room, remove("bea")).await, "applied");
}

/// Without a moderator the member who stands longest becomes owner; the lesser id of two who joined at once.
pub async fn else_the_eldest_member_inherits(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["own", "zoe", "yan"]).await;
    scene.wait(1);
    scene.apply("own", room, add("abe")).await;
    scene.say("abe", room, "hello").await;
    for expected in [Some("yan"), Some("zoe"), Some("abe"), None] {
        let owner = scene.members(room).await.into_iter().find(|member| member.role == Role::Owner);
        let owner = owner.expect("a room with members has an owner").user;
        assert_eq!(successor(&scene, owner.as_str(), room, ChangeBody::Leave).await.as_deref(), expected);
    }
    assert_eq!((scene.members(room).await, scene.entry(None, room).await.member_count), (vec![], 0));
    scene.apply("host", room, add_as("new", Role::Owner)).await;
    scene.say("new", room, "hello").await;
}

/// While there is another owner nobody inherits, nor where one goes who owns nothing.
pub async fn nobody_inherits_while_an_owner_is_left(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut new = scene.new_room(RoomKind::Group, &["own", "own2", "mod", "mem"]);
    (new.members[1].1, new.members[2].1) = (Role::Owner, Role::Moderator);
    let room = scene.make("own", new).await;
    assert_eq!(successor(&scene, "own2", room, remove("mem")).await, None);
    assert_eq!(successor(&scene, "own", room, ChangeBody::Leave).await, None);
    assert_eq!(scene.roles(room).await, "mod Moderator, own2 Owner");
    assert_eq!(successor(&scene, "mod", room, ChangeBody::Leave).await, None);
}

/// The heir takes over also where the last owner is removed or banned, and keeps pointers and what may be read.
pub async fn an_heir_takes_over_however_the_owner_goes(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    for body in [remove("own"), ban("own", None)] {
        let room = scene.group(&["own", "mem"]).await;
        scene.say("own", room, "hello").await;
        let before = scene.pointer("mem", room).await;
        assert_eq!(successor(&scene, "host", room, body).await.as_deref(), Some("mem"));
        assert_eq!(scene.roles(room).await, "mem Owner");
        assert_eq!(scene.pointer("mem", room).await, before);
        assert_eq!(scene.unread("mem", room).await.unread, 1);
    }
}

/// An owner hands over and becomes moderator; both are told by one event.
pub async fn ownership_is_handed_over(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat"]).await;
    let event = scene.apply("ann", room, transfer("bob")).await;
    let EventBody::MemberChanged { member, former_owner } = event.body else { panic!("{event:?}") };
    assert_eq!((member.user, member.role), (user("bob"), Role::Owner));
    let former = former_owner.expect("there was an owner");
    assert_eq!((former.user, former.role), (user("ann"), Role::Moderator));
    assert_eq!(scene.roles(room).await, "ann Moderator, bob Owner, cat Member");
    assert_eq!(scene.verdict("ann", room, transfer("cat")).await, "forbidden");
    assert_eq!(scene.verdict("bob", room, transfer("bob")).await, "unchanged");
    assert_eq!(scene.verdict("bob", room, transfer("eve")).await, "not_found");
    scene.apply("bob", room, remove("ann")).await;
}

/// The host hands over for the owner who stands longest, also where there is none.
pub async fn the_host_hands_over(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat"]).await;
    scene.apply("host", room, transfer("bob")).await;
    assert_eq!(scene.roles(room).await, "ann Moderator, bob Owner, cat Member");
    assert_eq!(scene.verdict("host", room, transfer("bob")).await, "unchanged");
    assert_eq!(scene.verdict("host", room, transfer("eve")).await, "not_found");
    scene.apply("host", room, set_role("bob", Role::Member)).await;
    let event = scene.apply("host", room, transfer("cat")).await;
    let EventBody::MemberChanged { former_owner: None, .. } = event.body else { panic!("{event:?}") };
    assert_eq!(scene.roles(room).await, "ann Moderator, bob Member, cat Owner");
    scene.wait(1);
    scene.apply("host", room, add_as("abe", Role::Owner)).await;
    scene.apply("host", room, set_role("bob", Role::Owner)).await;
    scene.apply("host", room, transfer("ann")).await;
    let roles = "abe Owner, ann Owner, bob Moderator, cat Owner";
    assert_eq!(scene.roles(room).await, roles, "the lesser id of those who joined at once");
}

/// Ownership goes on within one batch, as often as owners go.
pub async fn ownership_goes_on_within_a_batch(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut new =
        scene.new_room(RoomKind::Group, &["own", "mod 2", "mod 1", "mem 3", "mem 2", "mem 1", "mem 4"]);
    (new.members[1].1, new.members[2].1) = (Role::Moderator, Role::Moderator);
    let room = scene.make("own", new).await;
    let mut batch: Vec<_> =
        ["own", "mod 1", "mod 2"].map(|who| scene.change(who, room, ChangeBody::Leave)).into();
    batch.push(scene.change("mem 1", room, remove("mem 2")));
    batch.push(scene.change("mem 1", room, set_role("mem 4", Role::Moderator)));
    batch.push(scene.change("host", room, remove("mem 1")));
    batch.push(scene.change("mem 4", room, ChangeBody::Leave));
    let heirs: Vec<_> = scene
        .commit(batch)
        .await
        .iter()
        .map(|answer| match &answer.as_ref().expect("each is applied").event().expect("an event").body {
            EventBody::MemberLeft { successor, .. } => successor.as_ref().map(|heir| heir.user.to_string()),
            _ => None,
        })
        .collect();
    let heirs: Vec<_> = heirs.iter().map(|heir| heir.as_deref().unwrap_or("-")).collect();
    assert_eq!(heirs, ["mod 1", "mod 2", "mem 1", "-", "-", "mem 4", "mem 3"]);
    assert_eq!(scene.roles(room).await, "mem 3 Owner");
}
