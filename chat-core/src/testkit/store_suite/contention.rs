//! Cases of several tasks at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::{sync::Barrier, task::JoinSet};

use super::{
    scene::{Answer, Scene, carried},
    words::*,
};
use crate::{
    event::{Event, EventBody},
    model::{Role, RoomId, RoomKind, Seq},
    store::{Change, ChangeBody, NewMessage, Outcome, PointerMove, Refusal, RoomScope, RoomsQuery, Store},
};

/// Commits as the engine does: what someone else holds is asked again, by itself.
pub(super) async fn commit(store: &Arc<dyn Store>, batch: Vec<Change>) -> Vec<Answer> {
    let mut answers = store.commit(batch.clone()).await.expect("a healthy store commits");
    loop {
        let held = |(at, answer): (usize, &Answer)| (*answer == Err(Refusal::Held)).then_some(at);
        let Some(first) = answers.iter().enumerate().find_map(held) else { return answers };
        let same = |at: &usize| batch[*at].room == batch[first].room && answers[*at] == Err(Refusal::Held);
        let at: Vec<usize> = (first..batch.len()).filter(same).collect();
        let changes = at.iter().map(|at| batch[*at].clone()).collect();
        let again = store.commit_held(changes).await.expect("a healthy store commits what was held");
        assert_eq!(again.len(), at.len(), "one answer a change");
        for (at, answer) in at.into_iter().zip(again) {
            answers[at] = answer;
        }
    }
}

/// Tasks that commit their batches one after the other, all beginning at once; the answers by task and batch.
async fn at_once(store: &Arc<dyn Store>, tasks: Vec<Vec<Vec<Change>>>) -> Vec<Vec<Vec<Answer>>> {
    let begin = Arc::new(Barrier::new(tasks.len()));
    let mut running = JoinSet::new();
    for (n, batches) in tasks.into_iter().enumerate() {
        let (store, begin) = (Arc::clone(store), Arc::clone(&begin));
        running.spawn(async move {
            begin.wait().await;
            let mut answers = Vec::new();
            for batch in batches {
                answers.push(commit(&store, batch).await);
            }
            (n, answers)
        });
    }
    let mut done = running.join_all().await;
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, answers)| answers).collect()
}

/// One change a task; the answers.
async fn each_at_once(store: &Arc<dyn Store>, changes: Vec<Change>) -> Vec<Answer> {
    let tasks = changes.into_iter().map(|change| vec![vec![change]]).collect();
    at_once(store, tasks).await.into_iter().flatten().flatten().collect()
}

/// Positions stay dense while many tasks write to the same rooms, in batches that name them in different orders; each
/// applied change is in the log once, as answered, and a task's own in its order.
pub async fn positions_stay_dense_under_contention(store: &Arc<dyn Store>) {
    const TASKS: usize = 8;
    const BATCHES: usize = 6;
    let scene = Scene::of(store);
    let names: Vec<String> = (0..TASKS).map(|n| format!("user {n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(scene.group(&names).await);
    }
    let mut tasks = Vec::new();
    for (task, who) in names.iter().enumerate() {
        let batch = |batch: usize| -> Vec<Change> {
            let place = |n: usize| if task % 2 == 0 { n } else { rooms.len() - 1 - n };
            let changes = (0..rooms.len() * 2).map(|n| {
                let room = rooms[(place(n % rooms.len()) + task) % rooms.len()];
                let body = match n {
                    // Refused: no position for it.
                    3 => edit(Seq::new(1), "x"),
                    _ => ChangeBody::Send(scene.text(&format!("{who} {batch} {n}"))),
                };
                scene.change(who, room, body)
            });
            changes.collect()
        };
        tasks.push((0..BATCHES).map(batch).collect());
    }
    let answers = at_once(store, tasks).await;
    let mut applied: BTreeMap<RoomId, BTreeMap<Seq, Event>> = BTreeMap::new();
    for of_task in &answers {
        let mut last: BTreeMap<RoomId, Seq> = BTreeMap::new();
        for (n, answer) in of_task.iter().flatten().enumerate() {
            match answer {
                Ok(Outcome::Applied(event)) => {
                    let before = last.insert(event.room, event.seq);
                    assert!(before.is_none_or(|before| before < event.seq), "out of order: {event:?}");
                    let twice = applied.entry(event.room).or_default().insert(event.seq, event.clone());
                    assert_eq!(twice, None, "one position given twice");
                }
                other => assert_eq!((n % 8, name_of(other)), (3, "not_found")),
            }
        }
    }
    let mut ids = BTreeSet::new();
    for room in rooms {
        let log = scene.log(room).await;
        let stored: BTreeMap<_, _> = log[1..].iter().map(|event| (event.seq, event.clone())).collect();
        assert_eq!(applied.remove(&room), Some(stored));
        assert!(log.windows(2).all(|pair| pair[0].at <= pair[1].at));
        assert!(log[1..].iter().all(|event| ids.insert(carried(event).id.get())));
    }
    assert_eq!(ids.len(), TASKS * BATCHES * 7);
}

/// Equal sends from many tasks at once are one message; all are answered with it.
pub async fn equal_sends_at_once_are_one(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    for round in 0..10 {
        let message = scene.text("hello");
        let send = |_| scene.change("ann", room, ChangeBody::Send(message.clone()));
        let answers = each_at_once(store, (0..6).map(send).collect()).await;
        let mut names: Vec<_> = answers.iter().map(name_of).collect();
        names.sort_unstable();
        assert_eq!(names, ["applied", "repeat", "repeat", "repeat", "repeat", "repeat"]);
        let events: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()?.event()).collect();
        assert!(events.iter().all(|event| *event == events[0]), "{events:?}");
        assert_eq!(scene.log(room).await.len(), round + 2);
    }
}

/// Of messages that name one file at once, in several rooms, one carries it.
pub async fn a_file_sent_twice_at_once_is_sent_once(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let rooms = [scene.group(&["ann"]).await, scene.group(&["ann"]).await, scene.group(&["ann"]).await];
    for round in 0..10 {
        let file = scene.file("ann", &format!("file {round}")).await;
        let send = |room| scene.change("ann", room, ChangeBody::Send(scene.carrying(&[&file])));
        let answers = each_at_once(store, rooms.into_iter().chain(rooms).map(send).collect()).await;
        let mut names: Vec<_> = answers.iter().map(name_of).collect();
        names.sort_unstable();
        assert_eq!(names, ["applied", "conflict", "conflict", "conflict", "conflict", "conflict"]);
        let event = answers.iter().find_map(|answer| answer.as_ref().ok()?.event()).expect("one is applied");
        let stored = store.attachment(&file).await.expect("the store answers").expect("it is there");
        assert_eq!(stored.sent, Some((event.room, event.seq)));
    }
}

/// Of sends with different bodies under one key at once, one is stored and the others are refused.
pub async fn different_sends_under_one_key_at_once(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann"]).await;
    for _ in 0..5 {
        let message = scene.text("hello");
        let send = |n| {
            scene.change("ann", room, ChangeBody::Send(NewMessage { digest: [n; 16], ..message.clone() }))
        };
        let answers = each_at_once(store, (0..4).map(send).collect()).await;
        let mut names: Vec<_> = answers.iter().map(name_of).collect();
        names.sort_unstable();
        assert_eq!(names, ["applied", "body_mismatch", "body_mismatch", "body_mismatch"]);
    }
    assert_eq!(scene.log(room).await.len(), 6);
}

/// Of equal rooms made by many tasks at once one is made, for a pair, a subject and a maker's key alike.
pub async fn equal_rooms_at_once_are_one(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    for round in 0..4 {
        let peer = format!("bob {round}");
        let pair = scene.new_room(RoomKind::Direct, &["ann", &peer]);
        let mut subject = scene.new_room(RoomKind::Group, &["ann"]);
        subject.subject = Some(format!("order:{round}"));
        let mut made = scene.new_room(RoomKind::Public, &["ann"]);
        made.client_id = Some(scene.key());
        for new in [pair, subject, made] {
            let create = |_| scene.create("ann", new.clone());
            let answers = each_at_once(store, (0..6).map(create).collect()).await;
            let applied = answers.iter().filter(|answer| name_of(answer) == "applied").count();
            let repeats = answers.iter().filter(|answer| name_of(answer) == "repeat").count();
            assert_eq!((applied, repeats), (1, 5), "{answers:?}");
            let rooms: BTreeSet<_> =
                answers.iter().filter_map(|answer| Some(answer.as_ref().ok()?.event()?.room)).collect();
            assert_eq!(rooms.len(), 1);
        }
    }
    let scope = RoomScope::Joined;
    let query = RoomsQuery { viewer: Some(user("ann")), scope, before: None, limit: 100 };
    assert_eq!(scene.rooms(&query).await.len(), 12);
}

/// Nothing of a user is stored above the removal, however many of the user's sends are on the way.
pub async fn nothing_of_a_removed_member_is_above_the_removal(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat"]).await;
    let send = |who, _| vec![scene.change(who, room, ChangeBody::Send(scene.text("hello")))];
    let mut tasks: Vec<Vec<_>> = (0..4).map(|_| (0..8).map(|n| send("bob", n)).collect()).collect();
    tasks.push(vec![vec![scene.change("ann", room, remove("bob"))]]);
    tasks.push((0..8).map(|n| send("cat", n)).collect());
    let answers = at_once(store, tasks).await;
    let log = scene.log(room).await;
    let left = log.iter().position(|event| matches!(event.body, EventBody::MemberLeft { .. }));
    let left = left.expect("bob was removed");
    let of_bob = |events: &[Event]| events.iter().filter(|event| event.actor == Some(user("bob"))).count();
    assert_eq!(of_bob(&log[left..]), 0);
    let applied =
        answers[..4].iter().flatten().flatten().filter(|answer| name_of(answer) == "applied").count();
    assert_eq!(of_bob(&log), applied);
    assert!(
        answers[..4].iter().flatten().flatten().all(|a| matches!(name_of(a), "applied" | "room_not_found"))
    );
}

/// However many owners leave at once, a room with members has an owner.
pub async fn a_room_keeps_an_owner_whoever_leaves_at_once(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    for _ in 0..6 {
        let names = ["own 1", "own 2", "own 3", "mem 1", "mem 2"];
        let mut new = scene.new_room(RoomKind::Group, &names);
        for (_, role) in &mut new.members[..3] {
            *role = Role::Owner;
        }
        let room = scene.make("own 1", new).await;
        let leave = |who: &&str| scene.change(who, room, ChangeBody::Leave);
        let answers = each_at_once(store, names[..4].iter().map(leave).collect()).await;
        assert!(answers.iter().all(|answer| name_of(answer) == "applied"), "{answers:?}");
        assert_eq!(scene.roles(room).await, "mem 2 Owner");
        assert_eq!(scene.entry(None, room).await.member_count, 1);
        scene.log(room).await;
    }
}

/// Joining, leaving and being added at once: who is a member, and how many are, stays what the log says.
pub async fn members_stay_what_the_log_says(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.open(&["ann"]).await;
    let batch = |who: &str, n: usize| {
        let body = [ChangeBody::Join, ChangeBody::Leave][n % 2].clone();
        vec![scene.change(who, room, body)]
    };
    let mut tasks: Vec<Vec<_>> = Vec::new();
    for who in ["bob", "bob", "cat", "cat"] {
        tasks.push((0..10).map(|n| batch(who, n)).collect());
    }
    let added = |n: usize| vec![scene.change("ann", room, add(["bob", "cat"][n % 2]))];
    tasks.push((0..6).map(added).collect());
    at_once(store, tasks).await;
    let mut expected = BTreeSet::from(["ann".to_owned()]);
    for event in &scene.log(room).await[1..] {
        match &event.body {
            EventBody::MemberJoined { member } => {
                assert!(expected.insert(member.user.to_string()), "joined twice: {event:?}");
            }
            EventBody::MemberLeft { user, .. } => {
                assert!(expected.remove(user.as_str()), "left twice: {event:?}")
            }
            other => panic!("no such change was wanted: {other:?}"),
        }
    }
    let members: BTreeSet<_> =
        scene.members(room).await.iter().map(|member| member.user.to_string()).collect();
    assert_eq!(members, expected);
    assert_eq!(scene.entry(None, room).await.member_count as usize, expected.len());
    for name in ["bob", "cat"] {
        let rooms = store.memberships(&user(name), None, 9).await.expect("a healthy store reads memberships");
        assert_eq!(rooms.len(), usize::from(expected.contains(name)), "{name}");
    }
}

/// Pointers moved by many tasks at once end at the greatest, and are never seen to go back.
pub async fn pointers_moved_at_once_end_at_the_greatest(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let changes = (0..40).map(|_| scene.change("ann", room, ChangeBody::Send(scene.text("hello"))));
    scene.commit(changes.collect()).await;
    let mut running = JoinSet::new();
    for task in 0..6_u64 {
        let store = Arc::clone(store);
        running.spawn(async move {
            let mut last = (Seq::ZERO, Seq::ZERO);
            for n in 0..12 {
                let to = Seq::new(1 + (n * 17 + task * 7) % 40);
                let (read, delivered) = if n % 2 == 0 { (to, Seq::ZERO) } else { (Seq::ZERO, to) };
                let moved = PointerMove { room, user: user("bob"), read, delivered };
                let now = store.advance(&[moved]).await.expect("a healthy store moves pointers").remove(0);
                let now = now.expect("bob is a member");
                assert!(now.read >= last.0.max(read) && now.delivered >= last.1.max(delivered), "{now:?}");
                assert!(now.delivered >= now.read, "{now:?}");
                last = (now.read, now.delivered);
            }
            last
        });
    }
    let ends = running.join_all().await;
    let pointer = scene.pointer("bob", room).await;
    assert_eq!(Some(pointer.read), ends.iter().map(|end| end.0).max());
    assert_eq!(Some(pointer.delivered), ends.iter().map(|end| end.1).max());
}

/// Of renewals of one epoch at once one wins, and all get its epoch.
pub async fn one_of_many_renewals_of_the_epoch_wins(store: &Arc<dyn Store>) {
    let mut standing = store.epoch().await.expect("a healthy store has an epoch");
    for round in 0..5 {
        let mut running = JoinSet::new();
        for n in 0..6 {
            let (store, old) = (Arc::clone(store), standing.clone());
            let new = format!("epoch {round} {n}");
            running.spawn(async move {
                store.renew_epoch(&old, &new).await.expect("a healthy store renews its epoch")
            });
        }
        let got: BTreeSet<_> = running.join_all().await.into_iter().collect();
        assert_eq!(got.len(), 1, "{got:?}");
        let now = store.epoch().await.expect("a healthy store has an epoch");
        assert!(got.contains(&now) && now != standing);
        standing = now;
    }
}
