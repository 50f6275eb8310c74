//! Random changes on a store and on a naive model of it.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    naive::{HOST, Naive, Said, Wish},
    scene::{Scene, carried},
    words::*,
};
use crate::{
    model::{Role, RoomId, Seq},
    store::{Change, ChangeBody, NewMessage, PointerMove, Store},
    testkit::Rng,
};

const USERS: [&str; 5] = ["ann", "bob", "cat", "dan", "eve"];

struct Played {
    room: RoomId,
    naive: Naive,
}

/// Plays so many steps of random changes, chosen by the seed, in two rooms of a store of its own, and compares what
/// the store answers and holds with a naive model. The trace is printed where they differ.
///
/// # Panics
/// Where they differ.
pub async fn play(store: &Arc<dyn Store>, seed: u64, steps: usize) {
    let scene = Scene::of(store);
    let mut rng = Rng::new(seed);
    let makers = ["ann", "cat", "bob"];
    let mut rooms = [
        Played { room: scene.group(&makers).await, naive: Naive::made(false, &makers) },
        Played { room: scene.open(&makers).await, naive: Naive::made(true, &makers) },
    ];
    let mut trace = Vec::new();
    for step in 0..steps {
        scene.wait(1);
        if rng.chance(0.15) {
            let played = &mut rooms[rng.below(2) as usize];
            read(&scene, &mut rng, played, &mut trace).await;
        }
        let (mut batch, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..=rng.below(4) {
            let played = &mut rooms[rng.below(2) as usize];
            let who = if rng.chance(0.1) { HOST } else { USERS[rng.below(5) as usize] };
            let wish = wish(&mut rng, &played.naive, step);
            trace.push(format!("{} {who} {wish:?}", played.room));
            batch.push(asked(&scene, who, played.room, &wish));
            expected.push(played.naive.ask(who, &wish));
        }
        let answers = scene.commit(batch).await;
        let names: Vec<_> = answers.iter().map(name_of).collect();
        assert_eq!(names, expected, "seed {seed}, the last of:\n{}", trace.join("\n"));
        if step % 10 == 9 || step + 1 == steps {
            for played in &rooms {
                let context = format!("seed {seed}, after:\n{}", trace.join("\n"));
                compare(&scene, played, &context).await;
            }
        }
    }
}

fn wish(rng: &mut Rng, naive: &Naive, step: usize) -> Wish {
    let name = |rng: &mut Rng| USERS[rng.below(5) as usize].to_owned();
    let role =
        |rng: &mut Rng| [Role::Member, Role::Member, Role::Moderator, Role::Owner][rng.below(4) as usize];
    // Mostly of messages that are there, sometimes of whatever else is at a position.
    let messages = naive.messages();
    let target = match rng.pick(&messages) {
        Some(message) if rng.chance(0.9) => message.seq,
        _ => rng.below(naive.head() + 3),
    };
    let emoji = ["a", "b", "c"][rng.below(3) as usize].to_owned();
    match rng.below(20) {
        0..7 => Wish::Say {
            key: format!("key {}", rng.below(60)),
            digest: u8::from(rng.chance(0.1)),
            text: format!("text {step}"),
            names: (0..rng.below(3)).map(|_| name(rng)).collect(),
            notice: false,
        },
        7..9 => Wish::Edit { target, text: format!("edited {}", rng.below(4)) },
        9 => Wish::Delete { target },
        10..12 => Wish::React { target, emoji },
        12 => Wish::Unreact { target, emoji },
        13..15 => Wish::Add { user: name(rng), role: role(rng) },
        15 => Wish::Join,
        16 => Wish::Leave,
        17 => Wish::Remove { user: name(rng) },
        18 => Wish::SetRole { user: name(rng), role: role(rng) },
        _ => Wish::Say {
            key: format!("key {}", rng.below(60)),
            digest: 0,
            text: format!("notice {step}"),
            names: vec![name(rng)],
            notice: true,
        },
    }
}

/// The wish as a store is asked for it.
fn asked(scene: &Scene<'_>, who: &str, room: RoomId, wish: &Wish) -> Change {
    let seq = |target: &u64| Seq::new(*target);
    let body = match wish {
        Wish::Say { key: name, digest, text, names, notice } => {
            let plain = if *notice { scene.notice(text) } else { scene.text(text) };
            let mentions = names.iter().map(|name| user(name)).collect();
            ChangeBody::Send(NewMessage { client_id: key(name), digest: [*digest; 16], mentions, ..plain })
        }
        Wish::Edit { target, text } => edit(seq(target), text),
        Wish::Delete { target } => delete(seq(target)),
        Wish::React { target, emoji } => react(seq(target), emoji),
        Wish::Unreact { target, emoji } => unreact(seq(target), emoji),
        Wish::Add { user, role } => add_as(user, *role),
        Wish::Join => ChangeBody::Join,
        Wish::Leave => ChangeBody::Leave,
        Wish::Remove { user } => remove(user),
        Wish::SetRole { user, role } => set_role(user, *role),
    };
    scene.change(who, room, body)
}

async fn read(scene: &Scene<'_>, rng: &mut Rng, played: &mut Played, trace: &mut Vec<String>) {
    let (who, to) = (USERS[rng.below(5) as usize], rng.below(played.naive.head() + 5));
    trace.push(format!("{} {who} reads up to {to}", played.room));
    let moved = PointerMove { room: played.room, user: user(who), read: Seq::new(to), delivered: Seq::ZERO };
    let moved = scene.store.advance(&[moved]).await.expect("a healthy store moves pointers");
    let now = moved[0].as_ref().map(|pointer| pointer.read.get());
    assert_eq!(now, played.naive.read(who, to), "the last of:\n{}", trace.join("\n"));
}

async fn compare(scene: &Scene<'_>, played: &Played, context: &str) {
    let Played { room, naive } = played;
    let log = scene.log(*room).await;
    assert_eq!(log.len() as u64, naive.head(), "{context}");
    let expected = naive.members();
    let members = scene.members(*room).await;
    let roles: Vec<_> = members.iter().map(|member| (member.user.as_str(), member.role)).collect();
    let expected_roles: Vec<_> = expected.iter().map(|(name, (role, _))| (name.as_str(), *role)).collect();
    assert_eq!(roles, expected_roles, "{context}");
    for (name, (role, _)) in &expected {
        let entry = scene.entry(Some(name), *room).await;
        assert_eq!((entry.role, entry.head.get()), (Some(*role), naive.head()), "{context}");
        assert_eq!(entry.member_count as usize, expected.len(), "{context}");
        let counts = (entry.read.get(), entry.unread, entry.mentions);
        assert_eq!(counts, naive.unread(name), "{name}, {context}");
        let unread = scene.unread(name, *room).await;
        assert_eq!((unread.read.get(), unread.unread, unread.mentions), counts, "{name}, {context}");
    }
    let said = naive.messages();
    let last = said.iter().rev().find(|message| !message.deleted).map(|message| message.seq);
    let entry = scene.entry(None, *room).await;
    assert_eq!(entry.last_message.map(|message| message.seq.get()), last, "{context}");
    assert_eq!(shown(scene, *room).await, said, "{context}");
    for event in log.iter().filter(|event| event.body.carries_content()) {
        let message = carried(event);
        let now = said.iter().find(|one| one.seq == message.seq.get()).expect("a message of the model");
        assert_eq!((&message.content, message.version), (&now.text, now.version), "{event:?}, {context}");
    }
}

/// The messages of a room in the words of the model.
async fn shown(scene: &Scene<'_>, room: RoomId) -> Vec<Said> {
    let history = scene.history(room, None).await;
    let mut said: Vec<_> = history
        .iter()
        .map(|view| Said {
            seq: view.message.seq.get(),
            sender: view.message.sender.as_ref().map_or(HOST, |sender| sender.as_str()).to_owned(),
            text: view.message.content.clone(),
            names: view.message.mentions.iter().map(ToString::to_string).collect(),
            version: view.message.version,
            deleted: view.message.deleted,
            notice: view.message.kind.is_system(),
            reactions: BTreeSet::new(),
        })
        .collect();
    for who in USERS {
        for (said, view) in said.iter_mut().zip(scene.history(room, Some(who)).await) {
            let own = view.reactions.into_iter().filter(|kind| kind.mine);
            said.reactions.extend(own.map(|kind| (kind.emoji.to_string(), who.to_owned())));
        }
    }
    for (said, view) in said.iter().zip(&history) {
        let counted: u32 = view.reactions.iter().map(|kind| kind.count).sum();
        assert_eq!(counted as usize, said.reactions.len(), "counts are of those who reacted");
    }
    said
}
