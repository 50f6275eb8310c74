//! Batches do what their changes do alone: a memory store beside a memory store.

use std::sync::Arc;

use chat_core::{
    memory::MemoryStore,
    store::Store,
    testkit::{BrokenStore, Flaw, same_as_memory},
};

#[tokio::test]
async fn batches_do_what_their_changes_do_alone() {
    for seed in 0..20 {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        same_as_memory(&store, seed, 60).await;
    }
}

#[tokio::test]
async fn a_store_that_differs_is_found_out() {
    for flaw in [Flaw::Missing, Flaw::Doubled, Flaw::Swapped, Flaw::Echoed, Flaw::Mixed, Flaw::FalseAck] {
        let store: Arc<dyn Store> = Arc::new(BrokenStore::new(Arc::new(MemoryStore::default()), flaw, 20));
        let found = tokio::spawn(async move { same_as_memory(&store, 1, 60).await }).await;
        assert!(found.is_err_and(|error| error.is_panic()), "{flaw:?}");
    }
}
