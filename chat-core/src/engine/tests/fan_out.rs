//! Rooms with many members, and what else runs beside them. Turns of the scheduler are counted, not time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    super::{
        Commands, Engine,
        pump::{BackOfQueue, CHUNK},
    },
    boundless, engine, join,
    pipe::{Pipe, Writes},
    room, say, settle, user,
};
use crate::{
    Limits,
    model::{RoomId, Seq},
    protocol::{ClientFrame, Command, FrameId},
};

struct Crowd {
    engine: Engine,
    room: RoomId,
    writes: Writes,
    members: BTreeMap<usize, (Commands, Arc<Pipe>)>,
}

impl Crowd {
    /// A room of `users`, of whom `count` are connected.
    async fn of(users: usize, count: usize) -> Self {
        let engine = engine(boundless()).await;
        let room = room(&engine, users).await;
        let mut crowd = Self { engine, room, writes: Writes::default(), members: BTreeMap::new() };
        for n in 0..count {
            crowd.join(n).await;
        }
        settle().await;
        crowd
    }

    async fn join(&mut self, n: usize) {
        let pipe = Pipe::wide(&self.writes);
        let commands = join(&self.engine, n, &pipe).await;
        self.members.insert(n, (commands, pipe));
    }

    /// The lowest and the highest position of a member.
    fn spread(&self) -> (Seq, Seq) {
        let room = self.engine.inner.rooms.get(self.room).unwrap();
        let (mut low, mut high) = (Seq::MAX, Seq::ZERO);
        room.each_subscription(|sub| {
            low = low.min(sub.cursor());
            high = high.max(sub.cursor());
        });
        (low, high)
    }

    fn head(&self) -> Seq {
        self.engine.inner.rooms.get(self.room).unwrap().head()
    }
}

/// However large a room, whoever is ready has a turn after one chunk of its members.
#[tokio::test(start_paused = true)]
async fn a_large_room_leaves_turns_to_others() {
    let crowd = Crowd::of(10_001, 10_000).await;
    let quiet = Pipe::wide(&Writes::default());
    let commands = join(&crowd.engine, 20_000, &quiet).await;
    settle().await;
    let over = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (writes, over) = (Arc::clone(&crowd.writes), Arc::clone(&over));
        tokio::spawn(async move {
            let (mut most, mut turns, mut pongs) = (0, 0_u64, 0);
            while !over.load(Ordering::Relaxed) {
                let before = writes.load(Ordering::Relaxed);
                let length = quiet.len();
                let frame = ClientFrame { id: Some(FrameId::Number(turns)), command: Command::Ping };
                commands.submit(frame).unwrap();
                BackOfQueue::default().await;
                most = most.max(writes.load(Ordering::Relaxed) - before);
                pongs += u64::from(quiet.len() > length);
                turns += 1;
            }
            (most, turns, pongs)
        })
    };
    for n in 0..5 {
        say(&crowd.engine, crowd.room, format!("message {n}")).await;
    }
    let active = crowd.engine.inner.rooms.get(crowd.room).unwrap();
    while active.baton.done() < active.baton.head() {
        BackOfQueue::default().await;
    }
    assert_eq!(crowd.spread(), (crowd.head(), crowd.head()));
    over.store(true, Ordering::Relaxed);
    let (most, turns, pongs) = watcher.await.unwrap();
    assert!(most <= CHUNK, "{most} writes between two turns");
    assert!(turns > 100 && pongs == turns, "{pongs} pongs in {turns} turns");
}

/// At saturation nobody is left behind by more than what is said in one round.
#[tokio::test(start_paused = true)]
async fn cursors_spread_by_no_more_than_a_round() {
    let members = 640;
    let crowd = Crowd::of(members, members).await;
    // A round has so many turns; one may be under way when something is said.
    let round = members / CHUNK + 2;
    let mut heads = vec![crowd.head()];
    for n in 0..300 {
        say(&crowd.engine, crowd.room, format!("message {n}")).await;
        BackOfQueue::default().await;
        heads.push(crowd.head());
        if let Some(then) = heads.len().checked_sub(2 * round + 1) {
            let (low, _) = crowd.spread();
            assert!(low >= heads[then], "at {n}: {low} lies below {}", heads[then]);
        }
    }
    for _ in 0..2 * round {
        BackOfQueue::default().await;
    }
    assert_eq!(crowd.spread(), (crowd.head(), crowd.head()));
}

/// Members who come and go while the pump walks over them: each is given everything from its own beginning on.
#[tokio::test(start_paused = true)]
async fn joins_and_leaves_during_a_round_pass_nobody_over() {
    let users = 300;
    let mut crowd = Crowd::of(users, 200).await;
    let mut chance = 7_u64;
    let mut below = |n: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        usize::try_from(chance >> 16).unwrap() % n
    };
    for n in 0..300 {
        say(&crowd.engine, crowd.room, format!("message {n}")).await;
        for _ in 0..below(4) {
            BackOfQueue::default().await;
        }
        let who = below(users);
        if crowd.members.remove(&who).is_none() {
            crowd.join(who).await;
        }
    }
    settle().await;
    let head = crowd.head();
    for (n, (_, pipe)) in &crowd.members {
        let welcome = &pipe.frames()[0];
        let began = Seq::new(welcome["heads"][crowd.room.to_string()].as_u64().unwrap());
        let (reached, left_out) = pipe.positions(crowd.room);
        assert_eq!(left_out, 0);
        assert_eq!(reached.map_or(began, |(_, last)| last), head, "of {}", user(*n));
        assert_eq!(reached.map_or_else(|| began.next(), |(first, _)| first), began.next(), "of {}", user(*n));
    }
    let active = crowd.engine.inner.rooms.get(crowd.room).unwrap();
    assert_eq!(active.subscriptions(), crowd.members.len());
}

/// Slow readers keep no more than a bound, however many rooms they follow.
#[tokio::test(start_paused = true)]
async fn stalled_readers_of_many_rooms_keep_one_frame_each() {
    let engine = engine(Limits { signals_waiting_max: 8, ..boundless() }).await;
    let mut rooms = Vec::new();
    for _ in 0..20 {
        rooms.push(room(&engine, 2).await);
    }
    let pipe = Pipe::narrow(20 * 1024);
    let _commands = join(&engine, 0, &pipe).await;
    for n in 0..40 {
        for room in &rooms {
            say(&engine, *room, format!("{n} {}", "x".repeat(1_000))).await;
        }
    }
    settle().await;
    let connection = engine.inner.users.of(&user(0)).remove(0);
    {
        let out = connection.out.lock();
        let wait = out.wait.as_ref().unwrap();
        assert!(wait.rest.len() < 2_000 && wait.replies.bytes.is_empty(), "{} bytes", wait.rest.len());
        assert!(wait.signals.len() <= 8 && wait.behind.len() <= rooms.len());
    }
    pipe.open();
    settle().await;
    for room in rooms {
        assert_eq!(pipe.positions(room), (Some((Seq::new(2), Seq::new(41))), 0));
    }
}
