//! The contract of stores.

use chat_store_sqlite::SqliteStore;

use crate::scratch::Scratch;

async fn setup() -> (Scratch, SqliteStore) {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    (scratch, store)
}

chat_core::store_suite!(setup);
