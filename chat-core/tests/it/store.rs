//! The contract of stores, held by the one in memory, bare and behind a wrapper that does nothing as yet.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use chat_core::{
    memory::MemoryStore,
    store::Store,
    testkit::{FaultyStore, store_suite::play},
};

mod memory {
    use super::*;

    fn setup() -> Ready<((), MemoryStore)> {
        ready(((), MemoryStore::default()))
    }

    chat_core::store_suite!(setup);
    chat_core::import_suite!(setup);
}

mod wrapped {
    use super::*;

    fn setup() -> Ready<((), FaultyStore<MemoryStore>)> {
        ready(((), FaultyStore::new(Arc::new(MemoryStore::default()), 1)))
    }

    chat_core::store_suite!(setup);
}

/// More of what the suite does a little of, for the store that is fast.
#[tokio::test]
async fn many_seeds_leave_what_a_naive_model_expects() {
    for seed in 100..250 {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        play(&store, seed, 60).await;
    }
}
