//! A primary and its replica, and three Sentinels that watch over them.

use std::time::Duration;

use xtask::{Redis, free_port};

use crate::peer::{ask, eventually};

/// Who is not heard for so long is down.
const DOWN_AFTER: Duration = Duration::from_millis(500);

/// Of three Sentinels.
const QUORUM: u32 = 2;

/// Ended when dropped.
pub(crate) struct Watched {
    pub(crate) primary: Redis,
    pub(crate) replica: Redis,
    pub(crate) sentinels: Vec<Redis>,
}

impl Watched {
    pub(crate) async fn start() -> Self {
        let primary = Redis::start().unwrap();
        let port = primary.port().to_string();
        // By themselves it would send what they are to know only after a while, for others that may come.
        let replica = ["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"];
        let replica = Redis::start_with(&replica.map(String::from)).unwrap();
        let sentinel = || Redis::start_sentinel(primary.port(), QUORUM, DOWN_AFTER).unwrap();
        let sentinels: Vec<_> = (0..3).map(|_| sentinel()).collect();
        for sentinel in &sentinels {
            // They look every second and not every ten, and a machine that stands still for a moment does not make
            // them keep away for half a minute.
            let hurry = [
                "info-period",
                "1000",
                "publish-period",
                "200",
                "ask-period",
                "200",
                "tilt-trigger",
                "60000",
            ];
            let words: Vec<_> = ["SENTINEL", "DEBUG"].into_iter().chain(hurry).collect();
            assert_eq!(ask(sentinel.port(), &words).await, "+OK\r\n");
        }
        Self { primary, replica, sentinels }
    }

    pub(crate) fn url(&self) -> String {
        let [first, second, third] = [0, 1, 2].map(|n: usize| self.sentinels[n].port());
        let others = format!("node=127.0.0.1:{second}&node=127.0.0.1:{third}");
        format!("redis-sentinel://127.0.0.1:{first}?{others}&sentinelServiceName=main")
    }

    /// Waits until the Sentinels know each other and the replica, which follows.
    pub(crate) async fn is_formed(&self) {
        for sentinel in &self.sentinels {
            eventually("the Sentinels know each other and the replica", async || {
                let state = ask(sentinel.port(), &["INFO", "sentinel"]).await;
                let is_known = state.contains("status=ok") && state.contains("slaves=1,sentinels=3");
                is_known.then_some(())
            })
            .await;
        }
        eventually("the replica follows", async || {
            let state = ask(self.replica.port(), &["INFO", "replication"]).await;
            state.contains("master_link_status:up").then_some(())
        })
        .await;
        // They choose no replica that they have not asked since it follows.
        for sentinel in &self.sentinels {
            eventually("the Sentinels know that it follows", async || {
                let replicas = ask(sentinel.port(), &["SENTINEL", "REPLICAS", "main"]).await;
                replicas.contains("master-link-status\r\n$2\r\nok\r\n").then_some(())
            })
            .await;
        }
    }

    /// Waits until all Sentinels name the replica as the primary.
    pub(crate) async fn has_failed_over(&self) {
        let named = format!("\r\n{}\r\n", self.replica.port());
        for sentinel in &self.sentinels {
            eventually("the replica is the primary", async || {
                let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"];
                ask(sentinel.port(), &words).await.ends_with(&named).then_some(())
            })
            .await;
        }
    }
}

/// A Sentinel that the others do not know, and that names a primary that is gone.
pub(crate) fn lost_sentinel() -> Redis {
    Redis::start_sentinel(free_port().unwrap(), QUORUM, DOWN_AFTER).unwrap()
}
