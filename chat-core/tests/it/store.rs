//! The contract of stores, held by the one in memory, bare and behind a wrapper that does nothing as yet.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use chat_core::{memory::MemoryStore, testkit::FaultyStore};

mod memory {
    use super::*;

    fn setup() -> Ready<((), MemoryStore)> {
        ready(((), MemoryStore::default()))
    }

    chat_core::store_suite!(setup);
}

mod wrapped {
    use super::*;

    fn setup() -> Ready<((), FaultyStore<MemoryStore>)> {
        ready(((), FaultyStore::new(Arc::new(MemoryStore::default()), 1)))
    }

    chat_core::store_suite!(setup);
}
