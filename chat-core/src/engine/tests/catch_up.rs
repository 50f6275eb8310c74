//! Connections that cannot take everything at once.

use std::{sync::Arc, time::Duration};

use super::{
    super::Engine,
    boundless, engine, join,
    pipe::{Pipe, Writes},
    room, say, say_many, settle, user,
};
use crate::{
    Limits,
    model::{RoomId, Seq},
    protocol::{ClientFrame, Command, FrameId},
};

fn ping(id: u64) -> ClientFrame {
    ClientFrame { id: Some(FrameId::Number(id)), command: Command::Ping }
}

/// What waits in memory for a connection, in bytes.
fn waiting(engine: &Engine, n: usize) -> usize {
    let connection = engine.inner.users.of(&user(n)).remove(0);
    let out = connection.out.lock();
    let Some(wait) = &out.wait else { return 0 };
    assert!(wait.behind.len() <= connection.all_subs().len());
    let signals: usize = wait.signals.values().map(|(_, bytes)| bytes.len()).sum();
    wait.rest.len() + wait.replies.bytes.len() + signals
}

/// A reader that takes 4 KiB and stops, while `messages` are said and 50 pings asked, and then reads on.
async fn stalled_reader(limits: Limits, messages: usize) -> u64 {
    let engine = engine(limits).await;
    let room = room(&engine, 3).await;
    let (slow, fast) = (Pipe::narrow(4 * 1024), Pipe::wide(&Writes::default()));
    let slow_commands = join(&engine, 0, &slow).await;
    let _fast_commands = join(&engine, 1, &fast).await;
    settle().await;
    let mut said = 0;
    for n in 0..50 {
        say_many(&engine, room, messages / 50).await;
        said += messages / 50;
        slow_commands.submit(ping(n)).unwrap();
        // One look at the run queue for each chunk, and not a moment of time.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        let connection = engine.inner.users.of(&user(1)).remove(0);
        let cursor = connection.sub(room).unwrap().cursor();
        assert_eq!(cursor, Seq::new(said as u64 + 1), "the fast reader waits for the slow one");
        assert!(waiting(&engine, 0) < 100 * 1024, "{} bytes wait", waiting(&engine, 0));
    }
    assert!(slow.len() <= 4 * 1024);
    slow.open();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(fast.positions(room), (Some((Seq::new(2), Seq::new(said as u64 + 1))), 0));
    let (reached, left_out) = slow.positions(room);
    assert_eq!(reached, Some((Seq::new(2), Seq::new(said as u64 + 1))));
    let pongs: Vec<_> =
        slow.frames().iter().filter(|f| f["type"] == "pong").map(|f| f["id"].as_u64().unwrap()).collect();
    assert_eq!(pongs, (0..50).collect::<Vec<_>>());
    left_out
}

#[tokio::test(start_paused = true)]
async fn a_stalled_reader_is_told_a_gap_and_delays_nobody() {
    let left_out = stalled_reader(boundless(), 60_000).await;
    assert!(left_out > 59_000, "{left_out}");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_reader_reads_everything_from_the_store() {
    let limits = Limits { gap_after: 1_000_000, ..boundless() };
    assert_eq!(stalled_reader(limits, 10_000).await, 0);
}

/// Whatever a transport takes of each write, its peer reads whole frames in order.
#[tokio::test(start_paused = true)]
async fn an_outlet_that_takes_what_it_likes_is_given_whole_frames_in_order() {
    for seed in 1..30 {
        let limits = Limits { hot_events_max: 16, hot_bytes_max: 4 * 1024, ..boundless() };
        let engine = engine(limits).await;
        let mut rooms: Vec<RoomId> = Vec::new();
        for _ in 0..3 {
            rooms.push(room(&engine, 3).await);
        }
        let pipes: Vec<_> = (0..3).map(|n| Pipe::moody(seed * 3 + n)).collect();
        let mut commands = Vec::new();
        for (n, pipe) in pipes.iter().enumerate() {
            commands.push(join(&engine, n, pipe).await);
        }
        for n in 0..60_usize {
            let length = if n.is_multiple_of(7) { 900 } else { 1 + n };
            say(&engine, rooms[n % 3], "x".repeat(length)).await;
            commands[n % 3].submit(ping(n as u64)).unwrap();
            if n.is_multiple_of(5) {
                tokio::task::yield_now().await;
            }
        }
        settle().await;
        for (n, pipe) in pipes.iter().enumerate() {
            for room in &rooms {
                assert_eq!(pipe.positions(*room), (Some((Seq::new(2), Seq::new(21))), 0), "seed {seed}");
            }
            let pongs = pipe.frames().iter().filter(|frame| frame["type"] == "pong").count();
            assert_eq!(pongs, 20, "seed {seed}, pipe {n}");
        }
    }
}

/// Nothing of a deleted message stays in what is kept hot.
#[tokio::test(start_paused = true)]
async fn what_was_deleted_is_not_hot_any_more() {
    const SECRET: &str = "swordfish";
    let engine = engine(boundless()).await;
    let room = room(&engine, 2).await;
    let pipe = Pipe::wide(&Writes::default());
    let _commands = join(&engine, 0, &pipe).await;
    say(&engine, room, "before").await;
    say(&engine, room, SECRET).await;
    say(&engine, room, "after").await;
    let hot = || {
        let connection = engine.inner.users.of(&user(0)).remove(0);
        let active = engine.inner.rooms.get(room).unwrap();
        let mut run = super::super::hot::Run::default();
        active.copy_round(&*connection.format, Seq::ZERO, &mut run);
        String::from_utf8(run.bytes).unwrap()
    };
    assert!(hot().contains(SECRET));
    engine.as_host().delete(room, Seq::new(3)).await.unwrap();
    assert!(!hot().contains(SECRET));
    assert!(hot().contains("after") && hot().contains("message_deleted"));
    settle().await;
    assert_eq!(pipe.positions(room), (Some((Seq::new(2), Seq::new(5))), 0));
}

/// Real threads: pumps, drains, publishers and readers at once, and nobody is forgotten.
#[test]
fn nothing_is_left_lying_between_threads() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let limits = Limits { hot_events_max: 32, sweep: Duration::from_secs(3_600), ..boundless() };
        let engine = engine(limits).await;
        let mut rooms = Vec::new();
        for _ in 0..4 {
            rooms.push(room(&engine, 12).await);
        }
        let pipes: Vec<Arc<Pipe>> = (0..12).map(|n| Pipe::moody(77 + n)).collect();
        let mut commands = Vec::new();
        for (n, pipe) in pipes.iter().enumerate() {
            commands.push(join(&engine, n, pipe).await);
        }
        let publishers: Vec<_> = rooms
            .iter()
            .map(|room| {
                let (engine, room) = (engine.clone(), *room);
                tokio::spawn(async move {
                    for n in 0..150 {
                        say(&engine, room, format!("message {n}")).await;
                    }
                })
            })
            .collect();
        for publisher in publishers {
            publisher.await.unwrap();
        }
        let all = Some((Seq::new(2), Seq::new(151)));
        let level = || pipes.iter().all(|pipe| rooms.iter().all(|room| at_end(&engine, pipe, *room, all)));
        tokio::time::timeout(Duration::from_secs(30), async {
            while !level() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("everyone level");
        for pipe in &pipes {
            for room in &rooms {
                assert_eq!(pipe.positions(*room), (all, 0));
            }
        }
    });
}

/// Whether whole frames were taken up to the end. (Parts of a frame are no JSON.)
fn at_end(engine: &Engine, pipe: &Pipe, room: RoomId, all: Option<(Seq, Seq)>) -> bool {
    let idle = engine.inner.users.all().iter().all(|(_, connections)| {
        connections.iter().all(|connection| {
            let sub = connection.sub(room);
            !connection.out.lock().draining && sub.is_some_and(|sub| sub.cursor() == Seq::new(151))
        })
    });
    idle && pipe.positions(room).0 == all
}

/// What is written late, long after the room's last round, is told to be delivered too.
#[tokio::test(start_paused = true)]
async fn what_a_stalled_reader_reads_at_last_is_told_to_be_delivered() {
    let engine = engine(Limits { signal_repair: Duration::from_secs(3_600), ..boundless() }).await;
    let room = room(&engine, 2).await;
    let (slow, sender) = (Pipe::narrow(4 * 1024), Pipe::wide(&Writes::default()));
    let _slow = join(&engine, 0, &slow).await;
    let _sender = join(&engine, 1, &sender).await;
    settle().await;
    say_many(&engine, room, 100).await;
    let head = serde_json::json!(101);
    let is_told = || {
        let told =
            |f: &serde_json::Value| f["type"] == "receipt" && f["user"] == "u0" && f["delivered"] == head;
        sender.frames().iter().any(told)
    };
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!is_told(), "it was not read yet");
    slow.open();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(is_told(), "it was read");
}
