//! The processes.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use chat_benches::Usage;
use xtask::{Postgres, Redis};

use crate::{
    Fallible,
    args::TargetArgs,
    target::{Cores, Target},
};

/// What tokens are signed with.
const SECRET: &str = "a secret for load on loopback alone";

/// Two servers, a Postgres that waits for the disk, and a Redis.
#[derive(Debug)]
pub(crate) struct Cluster {
    // Ended before what they need is.
    pub(crate) nodes: [Target; 2],
    redis: Redis,
    _postgres: Postgres,
}

impl Cluster {
    pub(crate) fn start(server: &Path, more: &[String], cores: Cores) -> Fallible<Self> {
        let (postgres, redis) = (Postgres::start(true)?, Redis::start()?);
        // Nodes must be told where files are, and no file is sent here.
        let redis_url = ["--redis".to_owned(), redis.url(), "--media=memory:".to_owned()];
        let target = TargetArgs {
            server: Some(server.to_owned()),
            database: Some(postgres.url()),
            server_arg: [&redis_url, more].concat(),
            secret: SECRET.to_owned(),
            // The two share the machine with all that they need.
            no_pin: true,
            ..TargetArgs::default()
        };
        let nodes = [target.start(cores)?, target.start(cores)?];
        Ok(Self { nodes, redis, _postgres: postgres })
    }

    /// Seconds of processor that Redis has used.
    pub(crate) fn redis_cpu(&self) -> Fallible<f64> {
        Ok(Usage::of(self.redis.pid().ok_or("Redis is gone")?)?.cpu)
    }

    /// How often something was published.
    pub(crate) fn published(&self) -> Fallible<u64> {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.redis.port()))?);
        stream.get_mut().write_all(b"INFO commandstats\r\n")?;
        let mut length = String::new();
        stream.read_line(&mut length)?;
        let mut text = vec![0; length.trim().trim_start_matches('$').parse()?];
        stream.read_exact(&mut text)?;
        let text = String::from_utf8(text)?;
        let calls = |line: &str| {
            let (name, rest) = line.split_once(":calls=")?;
            let is_publish = matches!(name, "cmdstat_publish" | "cmdstat_spublish");
            is_publish.then(|| rest.split(',').next()?.parse::<u64>().ok()).flatten()
        };
        Ok(text.lines().filter_map(calls).sum())
    }

    /// It stands still: connections stand, and nobody is answered.
    pub(crate) fn freeze_redis(&self) -> Fallible<()> {
        Ok(self.redis.stand_still(true)?)
    }

    pub(crate) fn thaw_redis(&self) -> Fallible<()> {
        Ok(self.redis.stand_still(false)?)
    }
}
