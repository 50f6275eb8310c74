//! The engine's side.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chat_core::{
    Engine, Limits, Principal,
    limits::Rate,
    model::{RoomId, RoomKind, UserId},
    protocol::{Send, SendTo},
};
use chat_store_postgres::{PostgresOptions, PostgresStore, sqlx};
use futures::future::join_all;
use sqlx::{PgPool, postgres::PgPoolOptions};

use super::{CONNECTIONS, Figures, ROOMS, USERS};

/// Words of which messages are made.
const WORDS: u64 = 5_000;

/// An engine over the server, with rooms to send to.
pub(crate) struct House {
    engine: Engine,
    pub(crate) pool: PgPool,
    users: Vec<Arc<Principal>>,
    pub(crate) rooms: Vec<RoomId>,
    pub(crate) hot: RoomId,
}

impl House {
    pub(crate) async fn open(url: &str) -> Self {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        let pool = pool.connect(url).await.unwrap();
        let store = PostgresStore::new(pool.clone(), PostgresOptions::default()).unwrap();
        store.migrate().await.unwrap();
        let mut limits = Limits::default();
        limits.sends = Rate::new(1e9, u32::MAX);
        limits.members_per_call_max = USERS;
        let engine = Engine::builder().store(store).limits(limits).build().await.unwrap();
        let user = |n: usize| UserId::new(format!("user {n}")).unwrap();
        let users = (0..USERS).map(|n| Arc::new(Principal::new(user(n)))).collect();
        let mut rooms = Vec::new();
        let each = USERS / ROOMS;
        for room in 0..ROOMS {
            rooms.push(made(&engine, (0..each).map(|n| user(room * each + n)).collect()).await);
        }
        let hot = made(&engine, (0..USERS).map(user).collect()).await;
        Self { engine, pool, users, rooms, hot }
    }

    /// Sends as everybody, each into a room of theirs, again and again.
    pub(crate) async fn send(&self, name: &str, rooms: &[RoomId], time: Duration) -> Figures {
        println!("engine: {name}");
        let begun = Instant::now();
        let each = self.users.len() / rooms.len();
        let sends = self.users.iter().enumerate().map(|(n, principal)| {
            let (engine, principal, room) = (self.engine.clone(), Arc::clone(principal), rooms[n / each]);
            tokio::spawn(async move {
                let (mut latencies, mut chance) = (Vec::new(), n as u64 + 1);
                while begun.elapsed() < time {
                    let send = Send::text(SendTo::Room(room), text(&mut chance));
                    let asked = Instant::now();
                    engine.as_user(&principal).send(send).await.unwrap();
                    latencies.push(asked.elapsed());
                }
                latencies
            })
        });
        let sends: Vec<_> = sends.collect();
        let latencies = join_all(sends).await.into_iter().flat_map(Result::unwrap).collect();
        Figures::of(latencies, 1, begun.elapsed())
    }
}

async fn made(engine: &Engine, members: Vec<UserId>) -> RoomId {
    let owner = members[0].clone();
    let room = chat_core::CreateRoom::new(RoomKind::Group).with_members(members).with_owner(owner);
    engine.as_host().create_room(room).await.unwrap().room
}

/// A dozen words, some much more frequent than others: about a hundred bytes.
fn text(chance: &mut u64) -> String {
    let mut words = Vec::with_capacity(12);
    for _ in 0..12 {
        *chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (a, b) = ((*chance >> 33) % WORDS, (*chance >> 20) % WORDS);
        words.push(format!("wo{}rd", a * b / WORDS));
    }
    words.join(" ")
}
