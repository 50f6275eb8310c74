//! The contract behind a pooler in transaction mode that keeps no prepared statements.

use std::sync::Arc;

use chat_core::{
    store::{LogStore as _, Store},
    testkit::same_as_memory,
};
use chat_store_postgres::{PostgresStore, sqlx};
use futures::future::join_all;
use sqlx::PgPool;
use xtask::PgBouncer;

use crate::{
    scratch::{Scratch, database, pool_to},
    words::assert_sound,
};

/// A way to the database that `DATABASE_URL` names.
fn pooler() -> PgBouncer {
    let database = database();
    PgBouncer::start(database.get_host(), database.get_port(), database.get_username()).unwrap()
}

fn pool(pooler: &PgBouncer, connections: u32) -> PgPool {
    pool_to(database().host("127.0.0.1").port(pooler.port()), connections)
}

fn open(scratch: &Scratch, pool: PgPool) -> PostgresStore {
    PostgresStore::new(pool, scratch.options().statement_cache(false)).unwrap()
}

async fn pooled() -> ((Scratch, PgBouncer), PostgresStore) {
    let (scratch, pooler) = (Scratch::new(), pooler());
    let store = open(&scratch, pool(&pooler, 6));
    store.migrate().await.unwrap();
    ((scratch, pooler), store)
}

chat_core::store_suite!(pooled);

#[tokio::test]
async fn batches_do_what_their_changes_do_alone() {
    let (_kept, store) = pooled().await;
    let asked: Arc<dyn Store> = Arc::new(store.clone());
    same_as_memory(&asked, 7, 30).await;
    assert_sound(&store).await;
}

/// With more connections than the pooler has.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_nodes_begin_at_once() {
    let (scratch, pooler) = (Scratch::new(), pooler());
    let begin = (0..10).map(|_| {
        let store = open(&scratch, pool(&pooler, 1));
        tokio::spawn(async move {
            store.migrate().await.unwrap();
            store.epoch().await.unwrap()
        })
    });
    let epochs: Vec<String> = join_all(begin).await.into_iter().map(Result::unwrap).collect();
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]), "{epochs:?}");
    assert_sound(&scratch.open().await).await;
}
