//! The contract of stores.

use std::sync::Arc;

use chat_core::{store::Store, testkit::same_as_memory};
use chat_store_postgres::PostgresStore;

use crate::{scratch::Scratch, words::assert_sound};

async fn setup() -> (Scratch, PostgresStore) {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    (scratch, store)
}

chat_core::store_suite!(setup);
chat_core::import_suite!(setup);

#[tokio::test]
async fn batches_do_what_their_changes_do_alone() {
    for seed in 0..4 {
        let (_scratch, store) = setup().await;
        let asked: Arc<dyn Store> = Arc::new(store.clone());
        same_as_memory(&asked, seed, 30).await;
        assert_sound(&store).await;
    }
}
