//! Whether messages flow: not what TCP believes, but what came back.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::{
    sync::watch,
    time::{Duration, Instant},
};

/// What a node hears of itself.
#[derive(Debug)]
pub(crate) struct Health {
    /// Numbers probes and marks.
    count: AtomicU64,
    /// By shard, since the connection was made.
    heard: Mutex<Vec<Heard>>,
    /// Whether every shard has been heard on this connection, and none is late.
    is_up: watch::Sender<bool>,
    /// The greatest mark heard.
    marked: watch::Sender<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    /// Below, it was said on an earlier connection.
    since: u64,
    last: Instant,
    ever: bool,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self {
            count: AtomicU64::new(1),
            heard: Mutex::default(),
            is_up: watch::Sender::new(false),
            marked: watch::Sender::new(0),
        }
    }

    /// There is a new connection, on which so many shards are to be heard.
    pub(crate) fn begin(&self, shards: usize) {
        let since = self.count.load(Ordering::Relaxed);
        *self.heard.lock() = vec![Heard { since, last: Instant::now(), ever: false }; shards];
    }

    /// The connection is gone, or of no use.
    pub(crate) fn end(&self) {
        self.heard.lock().clear();
        self.is_up.send_replace(false);
    }

    /// The number of a probe or mark to send.
    pub(crate) fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn probe_heard(&self, shard: usize, count: u64) {
        let mut all = self.heard.lock();
        let Some(heard) = all.get_mut(shard).filter(|heard| count >= heard.since) else { return };
        heard.last = Instant::now();
        heard.ever = true;
        if all.iter().all(|heard| heard.ever) {
            self.is_up.send_if_modified(|is_up| !std::mem::replace(is_up, true));
        }
    }

    pub(crate) fn mark_heard(&self, count: u64) {
        self.marked.send_if_modified(|marked| {
            let is_new = count > *marked;
            *marked = count.max(*marked);
            is_new
        });
    }

    /// Resolves when the mark was heard.
    pub(crate) async fn marked(&self, count: u64) {
        // The sender is here: it does not close.
        let _ = self.marked.subscribe().wait_for(|marked| *marked >= count).await;
    }

    /// Resolves when messages flow.
    pub(crate) async fn up(&self) {
        let _ = self.is_up.subscribe().wait_for(|is_up| *is_up).await;
    }

    pub(crate) fn is_up(&self) -> bool {
        *self.is_up.borrow()
    }

    /// Whether a shard was not heard for this long.
    pub(crate) fn is_deaf(&self, timeout: Duration) -> bool {
        self.heard.lock().iter().any(|heard| heard.last.elapsed() >= timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn messages_flow_when_every_shard_was_heard_on_this_connection() {
        let health = Health::new();
        let old = health.next();
        health.begin(2);
        let timeout = Duration::from_secs(5);
        health.probe_heard(0, old);
        health.probe_heard(1, health.next());
        assert!(!health.is_up(), "one was said on an earlier connection");
        health.probe_heard(0, health.next());
        assert!(health.is_up());
        tokio::time::advance(timeout / 2).await;
        health.probe_heard(0, health.next());
        assert!(!health.is_deaf(timeout));
        tokio::time::advance(timeout / 2).await;
        assert!(health.is_deaf(timeout), "one shard is enough");
        health.end();
        assert!(!health.is_up() && !health.is_deaf(timeout));
    }
}
