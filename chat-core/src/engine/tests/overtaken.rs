//! A store that was put back to an earlier state under a running node, and written to by another before it looked.

use std::{sync::Arc, time::Duration};

use super::{
    super::{Commands, Engine},
    join,
    pipe::{Pipe, Writes},
    room, say, settle,
};
use crate::{
    Limits, SystemClock,
    clock::Clock,
    memory::MemoryStore,
    model::{RoomId, Seq, Timestamp},
    store::{LogStore, Store},
};

/// The clock of who writes what the store holds after it was put back.
#[derive(Debug)]
struct HourLater;

impl Clock for HourLater {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(Duration::from_secs(3_600))
    }

    fn random(&self) -> u64 {
        SystemClock.random()
    }
}

struct Scene {
    store: Arc<MemoryStore>,
    /// Shows what it wrote, and hears nothing of the other.
    frozen: Engine,
    other: Engine,
    rooms: [RoomId; 2],
}

impl Scene {
    async fn new(limits: Limits) -> Self {
        let store = Arc::new(MemoryStore::default());
        let node = || Engine::builder().shared_store(Arc::clone(&store) as Arc<dyn Store>);
        let frozen = node().limits(limits).build().await.unwrap();
        let other = node().clock(HourLater).build().await.unwrap();
        let rooms = [room(&frozen, 2).await, room(&frozen, 2).await];
        Self { store, frozen, other, rooms }
    }

    async fn join(&self, pipe: &Arc<Pipe>) -> Commands {
        let commands = join(&self.frozen, 0, pipe).await;
        settle().await;
        commands
    }

    /// Both rooms stand at 21; then the store is as it was at 16, and is written to until they stand at 25. No time
    /// passes from the one to the other.
    async fn overtake(&self) {
        for room in self.rooms {
            for n in 2..=16 {
                say(&self.frozen, room, format!("kept {n}")).await;
            }
        }
        let backup = self.store.backup();
        for room in self.rooms {
            for n in 17..=21 {
                say(&self.frozen, room, format!("lost {n}")).await;
            }
        }
        settle().await;
        self.store.restore(&backup);
        for room in self.rooms {
            for n in 17..=25 {
                say(&self.other, room, format!("new {n}")).await;
            }
        }
    }
}

/// What a client was told: how far each of two rooms, whether anything of the new log, and the end.
fn told(pipe: &Pipe, rooms: [RoomId; 2]) -> ([Option<Seq>; 2], bool, Option<String>) {
    let frames = pipe.frames();
    let is_new = |frame: &serde_json::Value| {
        frame["message"]["content"].as_str().is_some_and(|content| content.starts_with("new"))
    };
    let bye = frames.iter().find(|frame| frame["type"] == "bye");
    let reached = rooms.map(|room| pipe.positions(room).0.map(|(_, last)| last));
    (reached, frames.iter().any(is_new), bye.map(|bye| bye["reason"].as_str().unwrap().to_owned()))
}

#[tokio::test(start_paused = true)]
async fn an_overtaken_store_is_noticed_before_anything_of_it_is_shown() {
    let scene = Scene::new(Limits::default()).await;
    let pipe = Pipe::wide(&Writes::default());
    let _commands = scene.join(&pipe).await;
    let old = scene.frozen.epoch();
    scene.overtake().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let at_21 = Some(Seq::new(21));
    assert_eq!(told(&pipe, scene.rooms), ([at_21; 2], false, Some("reset".to_owned())));
    let epoch = scene.frozen.epoch();
    assert_ne!(epoch, old);

    // Once, though two rooms went back: who comes back stays, and is given what follows.
    let pipe = Pipe::wide(&Writes::default());
    let _commands = scene.join(&pipe).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    say(&scene.frozen, scene.rooms[0], "new 26").await;
    settle().await;
    assert_eq!(told(&pipe, scene.rooms), ([Some(Seq::new(26)), None], true, None));
    assert_eq!((scene.frozen.epoch(), &*scene.store.epoch().await.unwrap()), (Arc::clone(&epoch), &*epoch));
}

#[tokio::test(start_paused = true)]
async fn who_is_behind_is_given_nothing_of_an_overtaken_store() {
    // Nothing but the reading of who is behind looks at the store.
    let limits = Limits { sweep: Duration::from_secs(3_600), hot_events_max: 4, ..Limits::default() };
    let scene = Scene::new(limits).await;
    let slow = Pipe::wide(&Writes::default());
    let _commands = scene.join(&slow).await;
    slow.shut();
    scene.overtake().await;
    slow.open();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (_, any_new, end) = told(&slow, scene.rooms);
    assert_eq!((any_new, end), (false, Some("reset".to_owned())));
}
