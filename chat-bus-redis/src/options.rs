//! What a host may choose.

use std::{fmt, time::Duration};

/// How a [`RedisBus`](crate::RedisBus) names things, how long it waits and how much it keeps. Every bound has a
/// default that fits a node with tens of thousands of connections.
#[derive(Clone)]
pub struct RedisOptions {
    pub(crate) prefix: String,
    pub(crate) credentials: Option<(Option<String>, String)>,
    pub(crate) command_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) probe_interval: Duration,
    pub(crate) probe_timeout: Duration,
    pub(crate) release_grace: Duration,
    pub(crate) settle_interval: Duration,
    pub(crate) incoming_max: usize,
    pub(crate) outgoing_max: usize,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            prefix: "chat".into(),
            credentials: None,
            command_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(5),
            probe_interval: Duration::from_secs(2),
            probe_timeout: Duration::from_secs(5),
            release_grace: Duration::from_secs(10),
            settle_interval: Duration::from_millis(250),
            incoming_max: 8_192,
            outgoing_max: 4_096,
        }
    }
}

impl RedisOptions {
    /// What every channel and key begins with; `chat` by default. Two systems with different prefixes, or with
    /// stores of different epochs, never hear of each other on one Redis.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// A user name (none: the default user) and password, in place of those of the URL.
    #[must_use]
    pub fn with_credentials(mut self, username: Option<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((username, password.into()));
        self
    }

    /// How long a command, and the confirmation of a subscription, may take; 2 s by default, at least 10 ms. A
    /// command that takes longer ends its connection.
    #[must_use]
    pub fn with_command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout.max(Duration::from_millis(10));
        self
    }

    /// How long making a connection may take; 5 s by default, at least 10 ms. Where the URL names several servers,
    /// each of them has half of it.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.max(Duration::from_millis(10));
        self
    }

    /// A probe is sent this often, and one that stays away for `timeout` makes the bus deaf: unhealthy, told as
    /// lost, and connected anew. 2 s and 5 s by default; the time-out is at least two intervals.
    #[must_use]
    pub fn with_probes(mut self, interval: Duration, timeout: Duration) -> Self {
        self.probe_interval = interval.max(Duration::from_millis(10));
        self.probe_timeout = timeout.max(2 * self.probe_interval);
        self
    }

    /// How long an ended subscription is kept, in case it is made again; 10 s by default.
    #[must_use]
    pub const fn with_release_grace(mut self, grace: Duration) -> Self {
        self.release_grace = grace;
        self
    }

    /// How often budgets are settled with the other nodes; 250 ms by default, 10 ms to 1 s.
    #[must_use]
    pub fn with_settle_interval(mut self, interval: Duration) -> Self {
        self.settle_interval = interval.clamp(Duration::from_millis(10), Duration::from_secs(1));
        self
    }

    /// How many messages may wait for the engine, 8,192 by default, and for Redis, 4,096 by default; at least 16.
    /// What comes when that many wait is dropped and told as lost, to the engine or to the other nodes.
    #[must_use]
    pub fn with_queues(mut self, incoming: usize, outgoing: usize) -> Self {
        self.incoming_max = incoming.max(16);
        self.outgoing_max = outgoing.max(16);
        self
    }
}

/// Never the password.
impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("prefix", &self.prefix)
            .field("command_timeout", &self.command_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("probe_interval", &self.probe_interval)
            .field("probe_timeout", &self.probe_timeout)
            .field("release_grace", &self.release_grace)
            .field("settle_interval", &self.settle_interval)
            .field("incoming_max", &self.incoming_max)
            .field("outgoing_max", &self.outgoing_max)
            .finish_non_exhaustive()
    }
}
