//! Cases of the log: positions, batches, times, pages of events.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    scene::{ALL, Scene, carried},
    words::*,
};
use crate::{
    event::EventBody,
    model::{Emoji, LeaveReason, MessageKind, Role, RoomId, RoomKind, Seq},
    store::{Change, ChangeBody, EventLimit, EventPage, Head, NewMessage, Outcome, Store},
};

/// Applied changes take positions 1, 2, 3 and so on, in each room for itself.
pub async fn positions_are_dense_from_one(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let rooms = [scene.group(&["ann", "bob"]).await, scene.open(&["ann", "bob"]).await];
    for n in 2..=20 {
        for room in rooms {
            assert_eq!(scene.say("ann", room, "hello").await, Seq::new(n));
        }
    }
    for room in rooms {
        assert_eq!(scene.log(room).await.len(), 20);
    }
}

/// A refused, repeated or empty change takes no position: the next applied one is the next.
pub async fn what_is_not_applied_takes_no_position(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let first = scene.text("hello");
    let seq = scene.send("ann", room, first.clone()).await;
    for (who, body, verdict) in [
        ("ann", ChangeBody::Send(first), "repeat"),
        ("ann", edit(seq, "hello"), "unchanged"),
        ("ann", add("bob"), "unchanged"),
        ("bob", unreact(seq, THUMB), "unchanged"),
        ("bob", edit(seq, "hi"), "forbidden"),
        ("eve", ChangeBody::Send(scene.text("hi")), "room_not_found"),
        ("bob", remove("ann"), "forbidden"),
        ("ann", delete(Seq::new(1)), "not_found"),
        ("ann", remove("eve"), "not_found"),
        ("ann", mute("bob", Some(scene.now())), "invalid"),
    ] {
        assert_eq!(scene.verdict(who, room, body.clone()).await, verdict, "{who}: {body:?}");
    }
    assert_eq!(scene.say("bob", room, "hi").await, Seq::new(3));
    assert_eq!(scene.kinds(room).await, ["room_created", "message", "message"]);
}

/// The answers of a batch are in the order of its changes, whatever their rooms; one that is refused hinders none.
pub async fn a_batch_is_answered_change_by_change(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let (one, two) = (scene.group(&["ann", "bob"]).await, scene.group(&["ann", "cat"]).await);
    let send = |who, room, text: &str| scene.change(who, room, ChangeBody::Send(scene.text(text)));
    assert_eq!(scene.commit(Vec::new()).await, []);
    let answers = scene
        .commit(vec![
            send("ann", one, "a"),
            send("cat", two, "b"),
            send("cat", one, "not a member"),
            send("bob", one, "c"),
            send("ann", two, "d"),
            send("ann", nowhere(), "nowhere"),
            scene.create("ann", scene.new_room(RoomKind::Group, &["ann"])),
            send("ann", one, "e"),
        ])
        .await;
    let names: Vec<_> = answers.iter().map(name_of).collect();
    let (not, yes) = ("room_not_found", "applied");
    assert_eq!(names, [yes, yes, not, yes, yes, not, yes, yes]);
    let said: Vec<_> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().ok()?.event())
        .filter(|event| event.body.carries_content())
        .map(|event| (event.room, event.seq.get(), carried(event).content.as_str()))
        .collect();
    assert_eq!(said, [(one, 2, "a"), (two, 2, "b"), (one, 3, "c"), (two, 3, "d"), (one, 4, "e")]);
    assert_eq!((scene.log(one).await.len(), scene.log(two).await.len()), (4, 3));
}

/// Each change of a batch is judged on what those before it left, preconditions and targets alike.
pub async fn a_batch_sees_what_it_did_before(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let send = |who, text: &str| scene.change(who, room, ChangeBody::Send(scene.text(text)));
    let ask = |who, body| scene.change(who, room, body);
    let answers = scene
        .commit(vec![
            send("cat", "too early"),
            ask("ann", add("cat")),
            send("cat", "hello"),
            ask("cat", edit(Seq::new(3), "hello!")),
            ask("bob", react(Seq::new(3), THUMB)),
            ask("bob", react(Seq::new(3), THUMB)),
            ask("ann", set_role("bob", Role::Moderator)),
            ask("bob", mute("cat", Some(scene.then(60)))),
            send("cat", "muted"),
            ask("bob", remove("cat")),
            send("cat", "too late"),
            ask("bob", delete(Seq::new(3))),
            ask("bob", react(Seq::new(3), "x")),
            ask("ann", ChangeBody::DeleteRoom),
            send("ann", "gone"),
        ])
        .await;
    let names: Vec<_> = answers.iter().map(name_of).collect();
    let (not, yes, same) = ("room_not_found", "applied", "unchanged");
    let expected = [not, yes, yes, yes, yes, same, yes, yes, "muted", yes, not, yes, "not_found", yes, not];
    assert_eq!(names, expected);
    let applied = answers.iter().filter_map(|answer| answer.as_ref().ok()?.event());
    let positions: Vec<u64> = applied.map(|event| event.seq.get()).collect();
    assert_eq!(positions, (2..=10).collect::<Vec<_>>());
    assert_eq!(scene.head(room).await, Seq::new(10));
}

/// What someone held and nobody holds any more is committed as it stands, in its order, each change answered.
pub async fn what_was_held_is_committed_in_order(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let again = async |changes: Vec<Change>| {
        store.commit_held(changes).await.expect("a healthy store commits what was held")
    };
    let send = |who, message: &NewMessage| scene.change(who, room, ChangeBody::Send(message.clone()));
    let (first, second) = (scene.text("first"), scene.text("second"));
    let answers = again(vec![
        send("cat", &first),
        send("ann", &first),
        scene.change("bob", room, edit(Seq::new(2), "not bob's")),
        scene.change("ann", room, add("cat")),
        send("cat", &second),
        send("ann", &first),
        scene.change("ann", room, edit(Seq::new(2), "first, edited")),
    ])
    .await;
    let names: Vec<_> = answers.iter().map(name_of).collect();
    let yes = "applied";
    assert_eq!(names, ["room_not_found", yes, "forbidden", yes, yes, "repeat", yes]);
    let applied: Vec<_> = [1, 3, 4, 6].map(|at: usize| answers[at].clone().ok()).into();
    let log = scene.log(room).await;
    let positions: Vec<_> = applied
        .iter()
        .map(|answer| answer.as_ref().and_then(Outcome::event).map(|event| event.seq))
        .collect();
    assert_eq!(positions, (2..=5).map(|n| Some(Seq::new(n))).collect::<Vec<_>>());
    assert_eq!(log.len(), 5, "and it is stored");
    assert_eq!(
        (carried(&log[1]).content.as_str(), carried(&log[3]).content.as_str()),
        ("first, edited", "second")
    );

    assert_eq!(again(Vec::new()).await, []);
    let rooms = [&["ann", "bob"][..], &["bob"]]
        .map(|names| scene.create("ann", scene.new_room(RoomKind::Group, names)));
    let made = again(rooms.into()).await;
    for (answer, expected) in made.iter().zip(["ann Owner, bob Member", "bob Owner"]) {
        let event = answer.as_ref().ok().and_then(Outcome::event).expect("rooms are made");
        assert_eq!(scene.roles(event.room).await, expected);
    }
}

/// Events of all kinds are read back equal to what the commit answered.
pub async fn what_is_committed_is_read_back(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let mut new = scene.new_room(RoomKind::Public, &["ann", "bob \u{E9} \u{1F980} '\"%_\\\n"]);
    new.name = Some("A room: '\"%_\\ \u{1F980}".to_owned());
    new.metadata = metadata("k \u{E9}", "v \u{1F980} '\"\\");
    new.subject = Some("order:17".to_owned());
    let room = scene.make("ann", new).await;
    let mut message = scene.text("text '\"%_\\ \u{1F980} \u{E9}\n\r\t");
    message.kind = MessageKind::new("poll").expect("a short kind");
    message.attachments = vec![scene.file("ann", "b").await, scene.file("ann", "a").await];
    message.metadata = metadata("a", "b");
    message.digest = [255; 16];
    let seq = scene.send("ann", room, message).await;
    scene.wait(1);
    // Each is compared by `apply` with what is read back.
    let mut reply = scene.naming("", &["ann"]);
    (reply.reply_to, reply.thread) = (Some(seq), Some(seq));
    let event = scene.apply("ann", room, ChangeBody::Send(reply)).await;
    assert_eq!(carried(&event).content, "");
    scene.apply("ann", room, edit(seq, &"long \u{1F980}".repeat(2_000))).await;
    scene.apply("ann", room, react(seq, "a b")).await;
    scene.apply("ann", room, unreact(seq, "a b")).await;
    scene.apply("cat", room, ChangeBody::Join).await;
    scene.apply("ann", room, set_role("cat", Role::Moderator)).await;
    scene.apply("ann", room, transfer("cat")).await;
    scene.apply("cat", room, mute("ann", Some(scene.then(5)))).await;
    scene.apply("cat", room, rename("other")).await;
    scene.apply("cat", room, remove("ann")).await;
    let event = scene.apply("host", room, ban("cat", None)).await;
    assert!(matches!(event.body, EventBody::MemberLeft { reason: LeaveReason::Banned, .. }));
    scene.apply("host", room, delete(seq)).await;
    scene.apply("host", room, ChangeBody::DeleteRoom).await;
}

/// `at` is raised to the time of the room's latest event, in each room for itself.
pub async fn times_never_go_back(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let early = scene.now();
    scene.wait(100);
    let late = scene.now();
    let room = scene.group(&["ann", "bob"]).await;
    let mut change = scene.change("ann", room, ChangeBody::Send(scene.text("a")));
    change.at = early;
    let answer = scene.commit_one(change).await;
    let Ok(Outcome::Applied(event)) = answer else { panic!("applied, not {answer:?}") };
    assert_eq!((event.at, carried(&event).at), (late, late));
    let mut batch = Vec::new();
    for (n, body) in
        [add("cat"), edit(Seq::new(2), "b"), mute("bob", Some(scene.then(900)))].into_iter().enumerate()
    {
        let mut change = scene.change("ann", room, body);
        change.at = if n == 1 { scene.then(10) } else { early };
        batch.push(change);
    }
    scene.commit(batch).await;
    let log = scene.log(room).await;
    let times: Vec<_> = log.iter().map(|event| event.at).collect();
    assert_eq!(times, [late, late, late, scene.then(10), scene.then(10)]);
    assert_eq!(carried(&log[3]).edited_at, Some(scene.then(10)));
    let joined = scene.members(room).await.into_iter().find(|member| member.user == user("cat"));
    assert_eq!(joined.map(|member| member.joined_at), Some(late), "what is kept has the event's time");
    assert_eq!(scene.entry(None, room).await.updated_at, scene.then(10));
}

/// A page holds every event above the cursor, oldest first, without a hole.
pub async fn events_are_contiguous_from_the_cursor(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    for n in 0..9 {
        scene.say("ann", room, &format!("text {n}")).await;
        scene.apply("bob", room, react(scene.head(room).await, THUMB)).await;
    }
    let all = scene.log(room).await;
    assert_eq!(all.len(), 19);
    for after in 0..=20 {
        for events in [1, 2, 5, 100] {
            let page = scene.events(room, Seq::new(after), EventLimit { events, bytes: usize::MAX }).await;
            let from = all.len().min(after as usize);
            assert_eq!(page.events, all[from..all.len().min(from + events)], "{events} after {after}");
            assert_eq!((page.head.get(), page.floor), (19, Seq::ZERO));
        }
    }
}

/// A page ends before the limit of events or bytes is passed, and holds one event all the same.
pub async fn events_stop_at_their_limits(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann"]).await;
    for _ in 0..6 {
        scene.say("ann", room, &"x".repeat(1_000)).await;
    }
    for (events, bytes, expected) in
        [(0, 0, 1), (1, 0, 1), (9, 1, 1), (9, 1_000, 1), (9, 3_500, 3), (2, 3_500, 2), (9, 100_000, 6)]
    {
        let page = scene.events(room, Seq::new(1), EventLimit { events, bytes }).await;
        assert_eq!(page.events.len(), expected, "{events} events, {bytes} bytes");
        assert_eq!(page.events[0].seq, Seq::new(2));
    }
}

/// A message and its edits are read back as the message is now.
pub async fn events_carry_messages_as_they_are_now(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let (one, two) = (scene.say("ann", room, "one").await, scene.say("ann", room, "two").await);
    scene.apply("ann", room, edit(one, "uno")).await;
    scene.apply("ann", room, edit(one, "eins")).await;
    scene.apply("ann", room, edit(two, "zwei")).await;
    scene.apply("bob", room, react(one, THUMB)).await;
    scene.apply("ann", room, delete(two)).await;
    let log = scene.log(room).await;
    assert_eq!(
        scene.kinds(room).await,
        [
            "room_created",
            "message",
            "message",
            "message_edited",
            "message_edited",
            "message_edited",
            "reaction_added",
            "message_deleted"
        ]
    );
    for at in [1, 3, 4] {
        let message = carried(&log[at]);
        assert_eq!((message.seq, message.content.as_str(), message.version), (one, "eins", 3));
    }
    for at in [2, 5] {
        let message = carried(&log[at]);
        assert_eq!((message.seq, message.content.as_str(), message.version), (two, "", 3));
        assert!(message.deleted);
    }
    let emoji = Emoji::new(THUMB).expect("an emoji");
    assert_eq!(log[6].body, EventBody::ReactionAdded { target: one, emoji });
}

/// An unknown room has an empty page with head 0, and no head.
pub async fn an_unknown_room_has_no_log(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann"]).await;
    for unknown in [nowhere(), RoomId::new(room.get() + 1).expect("a number above 0")] {
        assert_eq!(scene.events(unknown, Seq::ZERO, ALL).await, EventPage::default());
        assert_eq!(scene.page(unknown, &everything()).await, crate::store::MessagePage::default());
    }
    scene.say("ann", room, "hello").await;
    let mut heads = store.heads(&[nowhere(), room]).await.expect("a healthy store reads heads");
    assert_eq!(heads.pop(), Some(Head { room, head: Seq::new(2) }));
    assert_eq!(heads, []);
    assert_eq!(store.heads(&[]).await.expect("a healthy store reads heads"), []);
}

/// A change without a room, or of an unknown one, is refused as such, by whomever it is wanted.
pub async fn an_unknown_room_takes_no_change(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann"]).await;
    for who in ["ann", "host"] {
        for body in everything_asked(&scene) {
            let mut change = scene.change(who, nowhere(), body);
            assert_eq!(name_of(&scene.commit_one(change.clone()).await), "room_not_found", "{change:?}");
            change.room = None;
            assert_eq!(name_of(&scene.commit_one(change.clone()).await), "room_not_found", "{change:?}");
        }
    }
    assert_eq!(scene.head(room).await, Seq::new(1));
}

/// Positions above the head, up to the greatest, find nothing and break nothing.
pub async fn positions_above_the_head_find_nothing(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann"]).await;
    let seq = scene.say("ann", room, "hello").await;
    for above in [seq.next(), Seq::new(u64::MAX >> 1), Seq::new((u64::MAX >> 1) + 1), Seq::MAX] {
        let page = scene.events(room, above, ALL).await;
        assert_eq!((page.events.len(), page.head), (0, seq));
        assert_eq!(scene.verdict("ann", room, edit(above, "x")).await, "not_found");
        assert_eq!(scene.verdict("ann", room, delete(above)).await, "not_found");
        assert_eq!(scene.verdict("ann", room, react(above, THUMB)).await, "not_found");
        assert_eq!(scene.verdict("ann", room, unreact(above, THUMB)).await, "not_found");
        for (reply_to, thread) in [(Some(above), None), (None, Some(above))] {
            let message = NewMessage { reply_to, thread, ..scene.text("x") };
            assert_eq!(scene.verdict("ann", room, ChangeBody::Send(message)).await, "invalid");
        }
        assert_eq!(store.versions(room, above, 9).await.expect("a healthy store reads versions"), []);
    }
}

/// A message's id is its own over all rooms.
pub async fn message_ids_are_unique_over_rooms(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let rooms = [scene.group(&["ann"]).await, scene.group(&["ann"]).await, scene.open(&["ann"]).await];
    let mut ids = BTreeSet::new();
    for n in 0..12 {
        let room = rooms[n % 3];
        let event = scene.apply("ann", room, ChangeBody::Send(scene.text("hello"))).await;
        assert!(ids.insert(carried(&event).id.get()), "{event:?}");
        assert_eq!(carried(&event).room_id, room);
    }
    assert!(rooms[0] != rooms[1] && rooms[1] != rooms[2]);
}
