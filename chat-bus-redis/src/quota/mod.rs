//! Budgets: granted here, settled with the other nodes behind.

mod budgets;

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use chat_core::{
    bus::{Quota, QuotaKey},
    limits::Rate,
};
use tokio::time::{Instant, sleep};

use self::budgets::{Answer, Budgets, Use};
use crate::{
    driver::{DriverError, Script},
    metrics,
    names::SHARDS,
    node::Node,
};

/// Budgets settled by one script.
const KEYS_MAX: usize = 256;

static SETTLE: Script = Script::new(include_str!("settle.lua"));

/// The budgets of a node, kept in step with those of the others.
pub(crate) struct RedisQuota {
    node: Arc<Node>,
    budgets: Budgets,
}

impl RedisQuota {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self { node, budgets: Budgets::default() }
    }

    /// Tells the others what was granted here and learns what they granted, for ever.
    pub(crate) async fn settle(&self) {
        loop {
            sleep(self.node.options.settle_interval).await;
            let mut shards: HashMap<usize, Vec<(String, Use)>> = HashMap::with_capacity(SHARDS);
            let names = self.node.names();
            for used in self.budgets.take_used() {
                if let Some((shard, key)) = names.budget(&used.key) {
                    shards.entry(shard).or_default().push((key, used));
                }
            }
            for chunk in shards.values().flat_map(|used| used.chunks(KEYS_MAX)) {
                if self.settle_some(chunk).await.is_err() {
                    // What was granted while Redis is away is not counted elsewhere: each node by itself.
                    metrics::settling_failed();
                    break;
                }
            }
        }
    }

    async fn settle_some(&self, used: &[(String, Use)]) -> Result<(), DriverError> {
        let keys = used.iter().map(|(key, _)| key.clone()).collect();
        let arguments = used.iter().map(|(_, used)| used.micros.to_string().into_bytes()).collect();
        let asked = Instant::now();
        let found = self.node.run(&SETTLE, keys, arguments).await?;
        for ((_, used), pair) in used.iter().zip(found.chunks_exact(2)) {
            if let (Ok(owed), Ok(total)) = (pair[0].parse(), pair[1].parse()) {
                self.budgets.learn(used, &Answer { owed, total, asked });
            }
        }
        Ok(())
    }
}

impl Quota for RedisQuota {
    fn take(&self, key: QuotaKey, cost: u32, rate: Rate) -> Result<(), Duration> {
        self.budgets.take(key, cost, rate, Instant::now())
    }
}

impl fmt::Debug for RedisQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisQuota").field("budgets", &self.budgets).finish_non_exhaustive()
    }
}
