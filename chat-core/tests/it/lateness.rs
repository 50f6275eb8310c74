//! A store that is late with what is written beside the logs.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Engine, Error, ErrorCode, Limits, Principal,
    memory::MemoryStore,
    protocol::{Send, SendTo},
    testkit::{CallFaults, FaultyStore, StoreFaults},
};
use futures::FutureExt as _;
use serde_json::json;

use crate::client::{Client, room_of, user};

fn late(stall_max: Duration) -> StoreFaults {
    let writes = CallFaults { stall: 1.0, stall_max, ..CallFaults::default() };
    StoreFaults { writes, ..StoreFaults::default() }
}

/// A request that is given up is dropped wherever it is.
#[tokio::test(start_paused = true)]
async fn what_was_stored_is_told_though_its_caller_is_gone() {
    let store = FaultyStore::new(Arc::new(MemoryStore::default()), 7);
    let engine = Engine::builder().store(store.clone()).build().await.unwrap();
    let room = room_of(&engine, &["ann", "bob"]).await;
    let ann = Principal::new(user("ann"));
    let bob = Principal::new(user("bob"));
    let as_ann = engine.as_user(&ann);
    let mut client = Client::connect(&engine, "ann").await;
    client.expect("welcome").await;
    store.set_faults(late(Duration::from_secs(1)));
    // Some of them are dropped before they are stored, and some after.
    for n in 0..10 {
        assert!(as_ann.block(&user(&format!("u{n}"))).now_or_never().is_none());
    }
    while client.expect("blocked").await["users"].as_array().unwrap().len() < 10 {}
    for _ in 0..10 {
        let seq = engine.as_user(&bob).send(Send::text(SendTo::Room(room), "hi")).await.unwrap().message.seq;
        assert!(as_ann.read(room, seq).now_or_never().is_none());
        loop {
            let told = client.expect("receipt").await;
            if told["user"] == "ann" && told["read"] == json!(seq) {
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_late_may_be_stored() {
    let store = FaultyStore::new(Arc::new(MemoryStore::default()), 7);
    let mut limits = Limits::default();
    limits.store_timeout = Duration::from_millis(10);
    let engine = Engine::builder().limits(limits).store(store.clone()).build().await.unwrap();
    let room = room_of(&engine, &["ann", "bob"]).await;
    let ann = Principal::new(user("ann"));
    let seq = engine.as_host().send(Send::text(SendTo::Room(room), "hi")).await.unwrap().message.seq;
    let as_ann = engine.as_user(&ann);
    store.set_faults(late(Duration::from_secs(3_600)));
    let is_unknown = |error: Error| {
        assert_eq!(error.code(), ErrorCode::OutcomeUnknown, "{error}");
        assert!(error.is_retryable() && error.to_string().contains("may be stored"), "{error}");
    };
    // Half of them were stored, and half were not.
    for _ in 0..10 {
        is_unknown(as_ann.block(&user("bob")).await.unwrap_err());
        is_unknown(as_ann.unblock(&user("bob")).await.unwrap_err());
        is_unknown(as_ann.read(room, seq).await.unwrap_err());
        is_unknown(as_ann.begin_upload().await.unwrap_err());
    }
    is_unknown(as_ann.report(room, seq, "rude").await.unwrap_err());
    store.set_faults(StoreFaults::default());
    let again = as_ann.report(room, seq, "rude").await;
    assert!(again.is_ok() || again.is_err_and(|error| error.code() == ErrorCode::Conflict));
}
