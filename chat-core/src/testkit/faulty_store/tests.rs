use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};

use super::{CallFaults, CommitFault, FaultyStore, StoreFaults};
use crate::{
    store::{EventLimit, LogStore, ProfileStore, RoomStore, Store, StoreErrorKind},
    testkit::tape::{Tape, recorded, room, said, send},
};

async fn commit(store: &dyn Store, content: &str) -> Result<usize, StoreErrorKind> {
    store.commit(vec![send(content)]).await.map(|answers| answers.len()).map_err(|error| error.kind())
}

#[tokio::test(start_paused = true)]
async fn commits_follow_the_script() {
    let tape = Arc::new(Tape::default());
    let store = FaultyStore::new(Arc::clone(&tape), 1);
    store.script([
        CommitFault::Unavailable,
        CommitFault::AnswerLost,
        CommitFault::RequestLost,
        CommitFault::Nothing,
    ]);
    assert_eq!(commit(&store, "a").await, Err(StoreErrorKind::Unavailable));
    assert_eq!(commit(&store, "b").await, Err(StoreErrorKind::Unknown));
    assert_eq!(commit(&store, "c").await, Err(StoreErrorKind::Unknown));
    assert_eq!(commit(&store, "d").await, Ok(1));
    assert_eq!(commit(&store, "e").await, Ok(1), "the script is over");
    let stored: Vec<_> = said(&*tape).await.into_iter().map(|(_, content)| content).collect();
    assert_eq!(stored, ["b", "d", "e"]);
    assert_eq!((store.calls("commit"), store.calls("events")), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn rates_are_kept_by_kind_of_call() {
    let always = CallFaults { answer_lost: 1.0, ..CallFaults::default() };
    let store = FaultyStore::new(recorded(1).await as Arc<dyn Store>, 1);
    store.set_faults(StoreFaults { reads: always, ..StoreFaults::default() });
    assert_eq!(store.heads(&[room()]).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert!(store.touch(&[]).await.is_ok() && commit(&store, "a").await.is_ok());
    store.set_faults(StoreFaults { writes: always, ..StoreFaults::default() });
    assert_eq!(store.touch(&[]).await.unwrap_err().kind(), StoreErrorKind::Unknown);
    assert!(store.find_room(&crate::store::RoomKey::Subject(String::new())).await.is_ok());
    store.set_faults(StoreFaults { commits: always, ..StoreFaults::default() });
    assert_eq!(commit(&store, "b").await, Err(StoreErrorKind::Unknown));
    store.set_faults(StoreFaults::default());
    assert_eq!(said(&store).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_does_nothing() {
    let store = FaultyStore::new(recorded(1).await, 1);
    store.go_down();
    assert_eq!(commit(&store, "a").await, Err(StoreErrorKind::Unavailable));
    assert_eq!(store.epoch().await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    store.come_back();
    assert_eq!(said(&store).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_store_goes_on_when_thawed() {
    let tape = recorded(0).await;
    let store = FaultyStore::new(Arc::clone(&tape), 1);
    store.freeze();
    let frozen = store.clone();
    let mut waiting = tokio::spawn(async move { commit(&frozen, "a").await });
    assert!(timeout(Duration::from_secs(3_600), &mut waiting).await.is_err());
    assert!(said(&*tape).await.is_empty());
    store.thaw();
    assert_eq!(waiting.await.unwrap(), Ok(1));
    assert_eq!(said(&*tape).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn stalls_come_before_or_after_the_effect_and_end() {
    let tape = recorded(0).await;
    let stall = CallFaults { stall: 1.0, stall_max: Duration::from_secs(60), ..CallFaults::default() };
    let store = FaultyStore::new(Arc::clone(&tape), 1)
        .with_faults(StoreFaults { commits: stall, ..StoreFaults::default() });
    let (mut stored_first, mut stored_last) = (0, 0);
    for n in 0..40 {
        let (start, before) = (Instant::now(), said(&*tape).await.len());
        let content = n.to_string();
        let call = commit(&store, &content);
        tokio::pin!(call);
        assert!(timeout(Duration::ZERO, &mut call).await.is_err(), "every commit stalls");
        if said(&*tape).await.len() > before {
            stored_first += 1
        } else {
            stored_last += 1
        }
        assert_eq!(call.await, Ok(1));
        assert!(start.elapsed() <= Duration::from_secs(61));
    }
    assert!(stored_first > 5 && stored_last > 5, "{stored_first} and {stored_last}");
}

#[tokio::test(start_paused = true)]
async fn a_seed_replays() {
    let some = CallFaults { unavailable: 0.2, answer_lost: 0.2, request_lost: 0.2, ..CallFaults::default() };
    let faults = StoreFaults { commits: some, reads: some, writes: some };
    let mut traces = Vec::new();
    for seed in [1, 1, 2] {
        let store = FaultyStore::new(recorded(3).await, seed).with_faults(faults);
        let mut trace = Vec::new();
        for n in 0..50 {
            let limit = EventLimit { events: 1, bytes: 1 };
            trace.push((
                commit(&store, &n.to_string()).await,
                store.events(room(), crate::model::Seq::ZERO, limit).await.is_ok(),
            ));
        }
        traces.push(trace);
    }
    assert_eq!(traces[0], traces[1]);
    assert_ne!(traces[0], traces[2]);
}
