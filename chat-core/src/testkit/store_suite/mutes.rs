//! Cases of mutes and bans.

use std::{sync::Arc, time::Duration};

use super::{scene::Scene, words::*};
use crate::{
    event::EventBody,
    model::{Ban, LeaveReason, RoomId},
    store::{Change, ChangeBody, Outcome, Refusal, Store},
};

async fn bans(store: &Arc<dyn Store>, room: RoomId, limit: usize) -> Vec<Ban> {
    store.bans(room, limit).await.expect("a healthy store reads bans")
}

fn names(bans: &[Ban]) -> Vec<&str> {
    bans.iter().map(|ban| ban.user.as_str()).collect()
}

/// A muted member writes nothing until the time has come, and is told how long that is; all else stays allowed.
pub async fn a_muted_member_writes_nothing_until_it_ends(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let seqs = [scene.say("bob", room, "one").await, scene.say("bob", room, "two").await];
    scene.apply("bob", room, react(seqs[0], THUMB)).await;
    let until = scene.then(60);
    let event = scene.apply("ann", room, mute("bob", Some(until))).await;
    let EventBody::MemberChanged { member, former_owner: None } = event.body else { panic!("{event:?}") };
    assert_eq!((&member.user, member.muted_until), (&user("bob"), Some(until)));
    assert_eq!(scene.members(room).await[1], member);
    scene.wait(20);
    for body in [ChangeBody::Send(scene.text("x")), edit(seqs[0], "x"), react(seqs[1], THUMB)] {
        let answer = scene.ask("bob", room, body).await;
        assert_eq!(answer, Err(Refusal::Muted { remaining: Duration::from_secs(40) }));
    }
    scene.apply("bob", room, unreact(seqs[0], THUMB)).await;
    scene.apply("bob", room, delete(seqs[0])).await;
    scene.wait(39);
    assert_eq!(scene.verdict("bob", room, edit(seqs[1], "x")).await, "muted");
    scene.wait(1);
    scene.apply("bob", room, edit(seqs[1], "x")).await;
    scene.say("bob", room, "back").await;
}

/// A mute is taken back, prolonged and shortened; one that stands, or has run out, is no change; none begins in the
/// past.
pub async fn mutes_are_changed_and_taken_back(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    assert_eq!(scene.verdict("ann", room, mute("bob", None)).await, "unchanged");
    let (begin, until) = (scene.now(), scene.then(60));
    scene.apply("ann", room, mute("bob", Some(until))).await;
    assert_eq!(scene.verdict("ann", room, mute("bob", Some(until))).await, "unchanged");
    scene.apply("ann", room, mute("bob", Some(scene.then(90)))).await;
    scene.apply("ann", room, mute("bob", Some(scene.then(30)))).await;
    let event = scene.apply("ann", room, mute("bob", None)).await;
    let EventBody::MemberChanged { member, .. } = event.body else { panic!("{event:?}") };
    assert_eq!(member.muted_until, None);
    scene.say("bob", room, "hello").await;
    scene.apply("ann", room, mute("bob", Some(scene.then(5)))).await;
    scene.wait(5);
    assert_eq!(scene.verdict("ann", room, mute("bob", None)).await, "unchanged", "it ran out");
    for past in [scene.now(), begin] {
        let answer = scene.ask("ann", room, mute("bob", Some(past))).await;
        assert!(matches!(answer, Err(Refusal::Invalid { field: "until", .. })), "{answer:?}");
    }
}

/// A mute stays through a change of role and a hand-over.
pub async fn a_mute_stays_through_a_change_of_role(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let until = scene.then(60);
    scene.apply("ann", room, mute("bob", Some(until))).await;
    scene.apply("ann", room, set_role("bob", crate::model::Role::Moderator)).await;
    assert_eq!(scene.members(room).await[1].muted_until, Some(until));
    assert_eq!(scene.verdict("bob", room, ChangeBody::Send(scene.text("x"))).await, "muted");
}

/// Who leaves and comes back, or is removed and added, is muted until the time has come, and no longer.
pub async fn a_mute_outlasts_leaving(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.open(&["ann", "bob"]).await;
    let until = Some(scene.then(60));
    scene.apply("ann", room, mute("bob", until)).await;
    scene.apply("bob", room, ChangeBody::Leave).await;
    scene.wait(1);
    let event = scene.apply("bob", room, ChangeBody::Join).await;
    let EventBody::MemberJoined { member } = event.body else { panic!("{event:?}") };
    assert_eq!(member.muted_until, until);
    assert_eq!(scene.members(room).await[1], member);
    assert_eq!(scene.verdict("bob", room, ChangeBody::Send(scene.text("x"))).await, "muted");
    let batch = [remove("bob"), add("bob")].map(|body| scene.change("ann", room, body));
    assert!(scene.commit(batch.into()).await.iter().all(Result::is_ok));
    assert_eq!(scene.verdict("bob", room, ChangeBody::Send(scene.text("x"))).await, "muted");
    scene.apply("ann", room, mute("bob", None)).await;
    scene.apply("bob", room, ChangeBody::Leave).await;
    scene.apply("bob", room, ChangeBody::Join).await;
    scene.say("bob", room, "it was taken back").await;
    scene.apply("ann", room, mute("bob", until)).await;
    scene.apply("bob", room, ChangeBody::Leave).await;
    scene.wait(59);
    scene.apply("bob", room, ChangeBody::Join).await;
    assert_eq!(scene.members(room).await[1].muted_until, None);
    scene.say("bob", room, "it ran out").await;
    let other = scene.open(&["ann"]).await;
    scene.apply("ann", room, mute("bob", Some(scene.then(60)))).await;
    scene.apply("bob", other, ChangeBody::Join).await;
    scene.say("bob", other, "it is of one room").await;
}

/// A node whose clock was ahead for once has moved the room's time, and no mute or ban ends by that, nor does it hinder
/// new ones.
pub async fn a_clock_ahead_ends_no_mute_and_no_ban(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.open(&["ann", "bob", "cat", "dan"]).await;
    scene.apply("ann", room, mute("bob", Some(scene.then(60)))).await;
    scene.apply("ann", room, ban("cat", Some(scene.then(60)))).await;
    let early = scene.change("dan", room, ChangeBody::Send(scene.text("from next year")));
    let ahead = Change { at: scene.then(86_400 * 365), ..early };
    let told = scene.commit_one(ahead).await.expect("a message of a member");
    let Outcome::Applied(told) = told else { panic!("{told:?}") };
    let answer = scene.ask("bob", room, ChangeBody::Send(scene.text("x"))).await;
    assert_eq!(answer, Err(Refusal::Muted { remaining: Duration::from_secs(60) }));
    assert_eq!(scene.verdict("cat", room, ChangeBody::Join).await, "banned");
    scene.apply("ann", room, mute("dan", Some(scene.then(30)))).await;
    assert_eq!(scene.verdict("dan", room, ChangeBody::Send(scene.text("x"))).await, "muted");
    scene.apply("ann", room, ban("dan", Some(scene.then(30)))).await;
    assert_eq!(scene.verdict("dan", room, ChangeBody::Join).await, "banned");
    scene.wait(60);
    scene.say("bob", room, "it ran out").await;
    scene.apply("cat", room, ChangeBody::Join).await;
    let log = scene.log(room).await;
    assert!(log.is_sorted_by_key(|event| event.at), "the log does not go back");
    assert!(log.last().is_some_and(|event| event.at >= told.at));
}

/// A ban removes a member and keeps out until the time has come: by joining and by being added; the host is bound
/// by none and lifts it so.
pub async fn a_banned_user_stays_out_until_it_ends(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.open(&["ann", "bob", "cat", "dan"]).await;
    let until = Some(scene.then(60));
    let event = scene.apply("ann", room, ban("bob", until)).await;
    let gone =
        |name| EventBody::MemberLeft { user: user(name), reason: LeaveReason::Banned, successor: None };
    assert_eq!(event.body, gone("bob"));
    scene.wait(1);
    assert_eq!(scene.apply("host", room, ban("cat", None)).await.body, gone("cat"));
    let by_host = Ban { user: user("cat"), by: None, at: scene.now(), until: None };
    let by_ann = Ban { user: user("bob"), by: Some(user("ann")), at: event.at, until };
    assert_eq!(bans(store, room, 10).await, [by_host, by_ann]);
    assert_eq!(scene.roles(room).await, "ann Owner, dan Member");
    scene.wait(58);
    for name in ["bob", "cat"] {
        assert_eq!(scene.verdict(name, room, ChangeBody::Join).await, "banned", "{name}");
        assert_eq!(scene.verdict("ann", room, add(name)).await, "banned", "{name}");
        assert_eq!(scene.verdict("dan", room, add(name)).await, "forbidden", "{name}");
    }
    scene.wait(1);
    scene.apply("bob", room, ChangeBody::Join).await;
    scene.wait(86_400 * 365);
    assert_eq!(scene.verdict("cat", room, ChangeBody::Join).await, "banned", "for good");
    scene.apply("host", room, add("cat")).await;
    assert!(!names(&bans(store, room, 10).await).contains(&"cat"), "added by the host, it is lifted");
    scene.apply("cat", room, ChangeBody::Leave).await;
    scene.apply("cat", room, ChangeBody::Join).await;
}

/// A ban that has run out does not hinder adding, which does away with it.
pub async fn adding_does_away_with_a_ban_that_ran_out(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    scene.apply("ann", room, ban("bob", Some(scene.then(60)))).await;
    scene.wait(60);
    assert_eq!(names(&bans(store, room, 10).await), ["bob"], "it is kept until then");
    scene.apply("ann", room, add("bob")).await;
    assert_eq!(bans(store, room, 10).await, []);
}

/// A ban of one who is no member stands without an event, and replaces an earlier one.
pub async fn a_ban_without_a_member_is_silent(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.open(&["ann", "bob"]).await;
    assert_eq!(scene.verdict("bob", room, ban("eve", None)).await, "forbidden");
    assert_eq!(scene.verdict("eve", room, ban("bob", None)).await, "forbidden");
    assert_eq!(scene.verdict("ann", room, ban("eve", None)).await, "unchanged");
    assert_eq!(scene.verdict("eve", room, ChangeBody::Join).await, "banned");
    scene.wait(1);
    let until = Some(scene.then(60));
    assert_eq!(scene.verdict("ann", room, ban("eve", until)).await, "unchanged");
    let one = Ban { user: user("eve"), by: Some(user("ann")), at: scene.now(), until };
    assert_eq!(bans(store, room, 10).await, [one]);
    let answer = scene.ask("ann", room, ban("eve", Some(scene.now()))).await;
    assert!(matches!(answer, Err(Refusal::Invalid { field: "until", .. })), "{answer:?}");
    scene.wait(60);
    scene.apply("eve", room, ChangeBody::Join).await;
    assert_eq!(scene.kinds(room).await, ["room_created", "member_joined"]);
}

/// Bans are of one room, the latest first, as many as asked for; a lifted one holds no more and takes no position.
pub async fn bans_are_listed_and_lifted(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let (room, other) = (scene.open(&["ann"]).await, scene.open(&["ann"]).await);
    for name in ["cat", "bob", "dan"] {
        scene.wait(1);
        scene.ask("ann", room, ban(name, None)).await.expect("a ban of a stranger");
    }
    assert_eq!(names(&bans(store, room, 10).await), ["dan", "bob", "cat"]);
    assert_eq!(names(&bans(store, room, 2).await), ["dan", "bob"]);
    assert_eq!(bans(store, other, 10).await, []);
    assert_eq!(bans(store, nowhere(), 10).await, []);
    assert_eq!(scene.verdict("ann", other, unban("bob")).await, "not_found");
    assert_eq!(scene.verdict("ann", room, unban("eve")).await, "not_found");
    assert_eq!(scene.verdict("ann", nowhere(), unban("bob")).await, "room_not_found");
    assert_eq!(scene.verdict("bob", room, unban("bob")).await, "forbidden");
    assert_eq!(scene.verdict("ann", room, unban("bob")).await, "unchanged");
    assert_eq!(scene.verdict("ann", room, unban("bob")).await, "not_found");
    assert_eq!(names(&bans(store, room, 10).await), ["dan", "cat"]);
    assert_eq!(scene.log(room).await.len(), 1);
    scene.apply("bob", room, ChangeBody::Join).await;
    scene.apply("cat", other, ChangeBody::Join).await;
}
