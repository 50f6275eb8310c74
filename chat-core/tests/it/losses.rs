//! Losses of the bus that come faster than they can be made up for.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chat_core::{
    Engine, Limits,
    bus::{BusError, BusLink, Cluster, Incoming, Lost},
    memory::{LocalBus, MemoryStore},
    model::NodeId,
    protocol::{Send, SendTo},
    testkit::FaultyStore,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use crate::client::{Client, room_of};

/// A bus that brings nothing but what a test sends.
#[derive(Debug)]
struct ByHand(Mutex<Option<mpsc::Receiver<Incoming>>>);

#[chat_core::async_trait]
impl Cluster for ByHand {
    async fn join(&self, node: NodeId, epoch: &str) -> Result<BusLink, BusError> {
        let mut link = LocalBus::default().join(node, epoch).await?;
        link.incoming = self.0.lock().unwrap().take().expect("one node joins");
        Ok(link)
    }
}

#[tokio::test(start_paused = true)]
async fn losses_that_come_fast_are_made_up_for_together() {
    let store = Arc::new(MemoryStore::default());
    let slow = FaultyStore::new(Arc::clone(&store), 1);
    let (lose, incoming) = mpsc::channel(200);
    let mut limits = Limits::default();
    limits.sweep = Duration::from_secs(100_000);
    let bus = ByHand(Mutex::new(Some(incoming)));
    let engine = Engine::builder().store(slow.clone()).bus(bus).limits(limits).build().await.unwrap();
    let elsewhere = Engine::builder().shared_store(store).build().await.unwrap();
    let room = room_of(&engine, &["ann"]).await;
    let mut ann = Client::connect(&engine, "ann").await;
    ann.expect("welcome").await;
    slow.slow_down("heads", Duration::from_secs(1));
    slow.slow_down("pointers", Duration::from_secs(8));
    let (begun, before) = (Instant::now(), slow.calls("heads"));
    lose.send(Incoming::Lost(Lost::All)).await.unwrap();
    // The heads have been read by then, and the rest is under way.
    sleep(Duration::from_secs(2)).await;
    for n in 0..100 {
        if n == 99 {
            let send = Send::text(SendTo::Room(room), "what was lost last");
            elsewhere.as_host().send(send).await.unwrap();
        }
        lose.send(Incoming::Lost(Lost::All)).await.unwrap();
    }
    assert_eq!(ann.expect("message").await["seq"], 2);
    assert!(begun.elapsed() < Duration::from_secs(11), "{:?}", begun.elapsed());
    sleep(Duration::from_secs(20)).await;
    assert_eq!(slow.calls("heads") - before, 2);
}
