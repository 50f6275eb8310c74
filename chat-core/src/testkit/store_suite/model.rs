//! Cases that compare a store with a naive model.

use std::sync::Arc;

use super::play::play;
use crate::store::Store;

/// Random changes, alone and in batches, leave what a naive model expects: positions, members, unread counts, content.
pub async fn random_changes_leave_what_a_naive_model_expects(store: &Arc<dyn Store>) {
    for seed in 0..5 {
        play(store, seed, 100).await;
    }
}
