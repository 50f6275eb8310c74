//! What was committed stays, whatever becomes of the process.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
};

use chat_core::{
    model::Seq,
    store::{EventLimit, LogStore as _, Outcome},
};

use crate::{
    scratch::{Scratch, open},
    words::{assert_sound, commit, head, key, room, send, user},
};

/// Names the file to a process that is to be killed.
const FILE: &str = "CHAT_STORE_SQLITE_KILLED";
/// What begins a line that says a send was acknowledged.
const ACK: &str = "acknowledged ";

const ALL: EventLimit = EventLimit { events: 10_000, bytes: usize::MAX };

#[test]
fn what_was_committed_is_there_after_a_drop_without_a_close() {
    let scratch = Scratch::new();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (room, before, epoch) = runtime().block_on(async {
        let store = scratch.open().await;
        let room = room(&store).await;
        for n in 0..10 {
            commit(&store, send(room, n)).await.unwrap();
        }
        (room, store.events(room, Seq::ZERO, ALL).await.unwrap(), store.epoch().await.unwrap())
    });
    runtime().block_on(async {
        let store = scratch.open().await;
        assert_eq!(store.events(room, Seq::ZERO, ALL).await.unwrap(), before);
        assert_eq!(store.epoch().await.unwrap(), epoch);
        assert!(matches!(commit(&store, send(room, 3)).await, Ok(Outcome::Repeat(_))));
        assert_eq!(commit(&store, send(room, 99)).await.unwrap().event().unwrap().seq, Seq::new(12));
        assert_sound(&store).await;
    });
}

/// Runs in a process of its own, until it is killed: sends for ever, and says what was acknowledged.
#[tokio::test]
async fn sends_until_killed() {
    let Some(file) = env::var_os(FILE) else { return };
    let store = open(&PathBuf::from(file)).await;
    let room = room(&store).await;
    for n in 0.. {
        commit(&store, send(room, n)).await.unwrap();
        writeln!(std::io::stdout(), "\n{ACK}{room} {n}").unwrap();
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_the_process_was_killed() {
    let scratch = Scratch::new();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["durability::sends_until_killed", "--exact", "--nocapture"])
        .env(FILE, scratch.file())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let parse = |line: String| {
        let (room, n) = line.strip_prefix(ACK)?.split_once(' ')?;
        Some((room.parse().ok()?, n.parse().ok()?))
    };
    let mut acknowledged: Vec<(_, usize)> =
        lines.by_ref().map_while(Result::ok).filter_map(parse).take(60).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(lines.map_while(Result::ok).filter_map(parse));
    assert!(acknowledged.len() >= 60, "the process ended by itself");

    let store = scratch.open().await;
    let room = acknowledged[0].0;
    for (_, n) in &acknowledged {
        let sent = store.sent(room, &user("ann"), &key(*n)).await.unwrap();
        assert_eq!(sent.map(|(event, _)| event.seq), Some(Seq::new(*n as u64 + 2)));
    }
    // One may have been stored whose acknowledgement was not given any more.
    let head = head(&store, room).await.get() as usize;
    assert!((acknowledged.len() + 1..=acknowledged.len() + 2).contains(&head), "{head}");
    assert_sound(&store).await;
}
