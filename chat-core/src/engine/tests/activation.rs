//! Rooms that become active, stay so, and keep events at hand.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::{
    super::Engine,
    boundless, engine, join,
    pipe::{Pipe, Writes},
    room, say, settle,
};
use crate::{
    Limits,
    bus::{Bus, BusError, BusLink, Cluster, Payload, Topic},
    memory::{LocalBus, MemoryStore},
    model::{NodeId, RoomId, Seq},
    testkit::FaultyStore,
};

/// A bus of which one sees what is subscribed.
#[derive(Clone, Debug, Default)]
struct Watched {
    inner: LocalBus,
    topics: Arc<Mutex<BTreeSet<Topic>>>,
}

#[derive(Debug)]
struct WatchedLink {
    inner: Arc<dyn Bus>,
    topics: Arc<Mutex<BTreeSet<Topic>>>,
}

#[async_trait::async_trait]
impl Cluster for Watched {
    async fn join(&self, node: NodeId, epoch: &str) -> Result<BusLink, BusError> {
        let link = self.inner.join(node, epoch).await?;
        let bus = Arc::new(WatchedLink { inner: link.bus, topics: Arc::clone(&self.topics) });
        Ok(BusLink { bus, ..link })
    }
}

#[async_trait::async_trait]
impl Bus for WatchedLink {
    fn publish(&self, topic: Topic, payload: Payload) {
        self.inner.publish(topic, payload);
    }

    async fn subscribe(&self, topics: &[Topic]) -> Result<(), BusError> {
        self.topics.lock().extend(topics.iter().cloned());
        self.inner.subscribe(topics).await
    }

    async fn unsubscribe(&self, topics: &[Topic]) {
        self.topics.lock().retain(|topic| !topics.contains(topic));
        self.inner.unsubscribe(topics).await;
    }

    async fn renew_epoch(&self, epoch: &str) -> Result<(), BusError> {
        self.inner.renew_epoch(epoch).await
    }

    fn is_healthy(&self) -> bool {
        self.inner.is_healthy()
    }
}

/// Whoever asks again and again for rooms that are not there, or while the store is away, leaves nothing behind.
#[tokio::test(start_paused = true)]
async fn a_room_that_does_not_become_active_leaves_no_topic() {
    let (bus, store) = (Watched::default(), FaultyStore::new(Arc::new(MemoryStore::default()), 7));
    let engine = Engine::builder().bus(bus.clone()).store(store.clone()).build().await.unwrap();
    let there = room(&engine, 1).await;
    let unknown = RoomId::new(4_711).unwrap();
    let followed = || {
        let topics = bus.topics.lock();
        topics.iter().filter(|topic| matches!(topic, Topic::Room(_))).cloned().collect::<Vec<_>>()
    };
    store.go_down();
    engine.inner.activate(&[there, unknown]).await.unwrap_err();
    settle().await;
    assert_eq!(followed(), []);
    store.come_back();
    engine.inner.activate(&[there, unknown]).await.unwrap();
    settle().await;
    assert_eq!(followed(), [Topic::Room(there)]);
}

/// Where a node keeps too much, it is the quiet rooms that pay for it, however long ago the busy ones were entered.
#[tokio::test(start_paused = true)]
async fn the_busiest_rooms_stay_hot() {
    let engine = engine(Limits { hot_bytes_node_max: 40_000, ..boundless() }).await;
    let (busy, quiet) = (room(&engine, 2).await, room(&engine, 2).await);
    let pipe = Pipe::wide(&Writes::default());
    let _commands = join(&engine, 0, &pipe).await;
    settle().await;
    let hot = |room: RoomId| {
        let active = engine.inner.rooms.get(room).unwrap();
        let mut run = super::super::hot::Run::default();
        active.copy_round(&crate::NativeJson, Seq::ZERO, &mut run);
        run.ends.len()
    };
    let fill = async |room| {
        for _ in 0..20 {
            say(&engine, room, "x".repeat(1_000)).await;
        }
    };
    fill(quiet).await;
    settle().await;
    fill(busy).await;
    assert_eq!((hot(quiet), hot(busy)), (20, 20));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!((hot(quiet), hot(busy)), (0, 20));
}
