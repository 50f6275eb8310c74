//! Where Redis is, and how fred is to talk to it.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use chat_core::bus::BusError;
use fred::types::{
    RespVersion,
    config::{Config, ConnectionConfig, PerformanceConfig, ServerConfig, TcpConfig},
};

use crate::options::RedisOptions;

/// Messages that wait between the socket and the task that takes them; above, they are told as lost.
const ARRIVED_MAX: usize = 8_192;

/// Commands that wait for a connection.
const COMMANDS_MAX: usize = 4_096;

/// A deployment of Redis or Valkey.
pub(crate) struct Target {
    config: Config,
    /// Connections that were tried.
    tried: AtomicUsize,
    pub(super) connection: ConnectionConfig,
    pub(super) command_timeout: Duration,
    pub(super) connect_timeout: Duration,
}

impl Target {
    /// Reads a URL.
    pub(crate) fn parse(url: &str, options: &RedisOptions) -> Result<Self, BusError> {
        let refused = |why: &'static str| BusError::new("reading the URL").with_source(why);
        let scheme = url.split("://").next().unwrap_or_default();
        let is_plain = |scheme: &str| matches!(scheme, "redis" | "valkey" | "rediss" | "valkeys");
        let (server, suffix) = scheme.split_once('-').unwrap_or((scheme, ""));
        if !is_plain(server) || !matches!(suffix, "" | "sentinel" | "cluster") {
            return Err(refused(
                "the scheme must be redis, rediss, valkey or valkeys, -sentinel or -cluster",
            ));
        }
        let mut config =
            Config::from_url(url).map_err(|error| BusError::new("reading the URL").with_source(error))?;
        // Without TLS compiled in fred would go on in the clear.
        if matches!(server, "rediss" | "valkeys") && !config.uses_tls() {
            return Err(refused("TLS needs a TLS feature of fred, switched on by the host"));
        }
        if let Some((username, password)) = &options.credentials {
            config.username.clone_from(username);
            config.password = Some(password.clone());
        }
        // Subscriptions and commands share a connection only in RESP3, and no URL asks for it.
        config.version = RespVersion::RESP3;
        config.fail_fast = true;
        let connection = ConnectionConfig {
            // Where there are several to ask, one that does not answer leaves time for the next.
            connection_timeout: match config.server.hosts().len() {
                0 | 1 => options.connect_timeout,
                _ => options.connect_timeout / 2,
            },
            internal_command_timeout: options.command_timeout,
            // A command that may have been executed is not repeated behind our back.
            max_command_attempts: 1,
            max_command_buffer_len: COMMANDS_MAX,
            tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        };
        let (command_timeout, connect_timeout) = (options.command_timeout, options.connect_timeout);
        Ok(Self { config, tried: AtomicUsize::new(0), connection, command_timeout, connect_timeout })
    }

    /// For the next try. It asks another server first than the one before: fred begins with the first each time,
    /// and one that is cut off from the others may know only what was true once.
    pub(super) fn next(&self) -> Config {
        let mut config = self.config.clone();
        if let ServerConfig::Sentinel { hosts, .. } | ServerConfig::Clustered { hosts, .. } =
            &mut config.server
        {
            let first = self.tried.fetch_add(1, Ordering::Relaxed) % hosts.len().max(1);
            hosts.rotate_left(first);
        }
        config
    }

    /// Whether channels are sharded.
    pub(crate) fn is_cluster(&self) -> bool {
        self.config.server.is_clustered()
    }

    /// For a connection that brings messages, or one that does not.
    pub(super) fn performance(&self, subscribes: bool) -> PerformanceConfig {
        PerformanceConfig {
            default_command_timeout: self.command_timeout,
            broadcast_channel_capacity: if subscribes { ARRIVED_MAX } else { 32 },
            ..PerformanceConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_those_of_the_manual() {
        let parse = |url| Target::parse(url, &RedisOptions::default());
        for url in ["redis://localhost", "valkey://u:p@localhost:1/2", "redis://[::1]:6379"] {
            assert!(!parse(url).ok().unwrap().is_cluster(), "{url}");
        }
        assert!(parse("redis-cluster://a:1?node=b:2").ok().unwrap().is_cluster());
        assert!(parse("valkey-cluster://a:1").ok().unwrap().is_cluster());
        let sentinel = parse("redis-sentinel://a:1?node=b:2&sentinelServiceName=main").ok().unwrap();
        assert!(sentinel.config.server.is_sentinel());
        for url in
            ["", "http://localhost", "localhost:6379", "redis-other://a:1", "redis+unix:///a", "redis://"]
        {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn each_try_asks_another_server_first() {
        let url = "redis-sentinel://c?node=a:1&node=b:1&sentinelServiceName=main";
        let target = Target::parse(url, &RedisOptions::default()).ok().unwrap();
        let first = || target.next().server.hosts()[0].host.to_string();
        assert_eq!([first(), first(), first(), first()], ["a", "b", "c", "a"]);
        assert_eq!(target.next().server.hosts().len(), 3);
    }

    /// Without a TLS feature fred reads such a URL and connects in the clear.
    #[test]
    fn tls_is_never_silently_left_out() {
        for url in ["rediss://localhost", "valkeys://localhost", "rediss-cluster://localhost"] {
            let parsed = Target::parse(url, &RedisOptions::default());
            assert!(!parsed.is_ok_and(|target| !target.config.uses_tls()), "{url}");
        }
    }
}
