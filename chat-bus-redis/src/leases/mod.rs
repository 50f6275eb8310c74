//! Who is online, in Redis.
//!
//! A user's leases are one hash; a shard's leases lie in one sorted set by when they run out. Both are in the slot of
//! the shard, so that one script changes both, for many users at once, and finds the edge while nobody else can.

use std::{collections::HashMap, fmt, mem, sync::Arc, time::Duration};

use async_trait::async_trait;
use chat_core::{
    PresenceStatus,
    bus::{BusError, Edge, Lease, Leases},
    model::{ConnectionId, UserId},
};
use futures::{StreamExt, stream};
use parking_lot::Mutex;

use crate::{
    driver::{DriverError, Script},
    metrics,
    names::{Names, SHARDS},
    node::Node,
};

/// Users of one script.
const USERS_MAX: usize = 256;

/// Scripts on their way at once.
const SCRIPTS_MAX: usize = 8;

/// Leases of a shard that one call of [`Leases::expired`] ends at most; the next goes on.
const SWEPT_MAX: usize = 512;

/// Users remembered whose edges may have been lost with an answer.
const DOUBTFUL_MAX: usize = 16_384;

static RENEW: Script = Script::new(concat!(include_str!("common.lua"), include_str!("renew.lua")));
static FINISH: Script = Script::new(concat!(include_str!("common.lua"), include_str!("finish.lua")));
static READ: Script = Script::new(concat!(include_str!("common.lua"), include_str!("read.lua")));
static RAN_OUT: Script = Script::new(concat!(include_str!("common.lua"), include_str!("ran_out.lua")));

/// The leases of a cluster of nodes.
pub(crate) struct RedisLeases {
    node: Arc<Node>,
    /// Users of calls that failed: the script may have run, and then nobody was told of its edges. The next sweep
    /// tells what is true of them.
    doubtful: Mutex<Vec<UserId>>,
}

/// What one script does to one user.
struct Part {
    user: UserId,
    /// Count, then what the script wants of each lease.
    arguments: Vec<Vec<u8>>,
}

impl RedisLeases {
    pub(crate) const fn new(node: Arc<Node>) -> Self {
        Self { node, doubtful: Mutex::new(Vec::new()) }
    }

    /// Runs a script over users, a shard and chunk at a time, and gives the edges that it found.
    async fn change(
        &self,
        operation: &'static str,
        script: &'static Script,
        first: &[u8],
        parts: Vec<Part>,
    ) -> Result<Vec<Edge>, BusError> {
        let mut shards: Vec<Vec<Part>> = (0..SHARDS).map(|_| Vec::new()).collect();
        for part in parts {
            shards[Names::shard_of(&part.user)].push(part);
        }
        let chunks = shards
            .iter()
            .enumerate()
            .flat_map(|(shard, parts)| parts.chunks(USERS_MAX).map(move |chunk| (shard, chunk)));
        let runs: Vec<_> = chunks
            .map(|(shard, chunk)| async move {
                let found = self.change_some(script, first, shard, chunk).await;
                (found, chunk)
            })
            .collect();
        let mut runs = stream::iter(runs).buffer_unordered(SCRIPTS_MAX);
        let (mut edges, mut failed) = (Vec::new(), None);
        let mut doubtful = Vec::new();
        while let Some((found, chunk)) = runs.next().await {
            match found {
                Ok(found) => edges.extend(found),
                Err(error) => {
                    doubtful.extend(chunk.iter().map(|part| part.user.clone()));
                    failed = Some(error);
                }
            }
        }
        let Some(error) = failed else { return Ok(edges) };
        doubtful.extend(edges.into_iter().map(|edge| edge.user));
        self.doubt(doubtful);
        Err(failure(operation, error))
    }

    async fn change_some(
        &self,
        script: &Script,
        first: &[u8],
        shard: usize,
        parts: &[Part],
    ) -> Result<Vec<Edge>, DriverError> {
        let names = self.node.names();
        let mut keys = vec![names.expiries(shard)];
        let mut arguments = vec![first.to_vec()];
        for part in parts {
            keys.push(names.leases(&part.user));
            arguments.push(part.user.as_str().as_bytes().to_vec());
            arguments.extend_from_slice(&part.arguments);
        }
        let found = self.node.run(script, keys, arguments).await?;
        let edges = found.chunks_exact(2).filter_map(|pair| {
            let part = parts.get(pair[0].parse::<usize>().ok()?)?;
            Some(Edge { user: part.user.clone(), status: status(&pair[1]) })
        });
        Ok(edges.collect())
    }

    fn doubt(&self, users: Vec<UserId>) {
        let mut doubtful = self.doubtful.lock();
        let room = DOUBTFUL_MAX.saturating_sub(doubtful.len());
        doubtful.extend(users.into_iter().take(room));
    }

    /// What is true of users whose edges may not have been told.
    async fn resolve_doubts(&self) -> Result<Vec<Edge>, BusError> {
        let mut users = mem::take(&mut *self.doubtful.lock());
        users.sort_unstable();
        users.dedup();
        match self.read(&users).await {
            Ok(statuses) => {
                Ok(users.into_iter().zip(statuses).map(|(user, status)| Edge { user, status }).collect())
            }
            Err(error) => {
                self.doubt(users);
                Err(error)
            }
        }
    }

    /// Leases of a shard that have run out.
    async fn ran_out(&self, shard: usize) -> Result<Vec<(UserId, String)>, DriverError> {
        let limit = SWEPT_MAX.to_string().into_bytes();
        let members = self.node.run(&RAN_OUT, vec![self.node.names().expiries(shard)], vec![limit]).await?;
        let members = members.iter().filter_map(|member| {
            let (user, connection) = member.split_once('\0')?;
            Some((UserId::new(user).ok()?, connection.to_owned()))
        });
        Ok(members.collect())
    }
}

#[async_trait]
impl Leases for RedisLeases {
    async fn renew(&self, leases: &[Lease], ttl: Duration) -> Result<Vec<Edge>, BusError> {
        // As long as Lua counts exactly.
        let ttl = u64::try_from(ttl.as_millis()).ok().filter(|ttl| *ttl < 1 << 50);
        let ttl = ttl.ok_or(BusError::new("renew: the time to live is out of range"))?;
        let said = leases.iter().map(|lease| {
            let arguments = [lease.connection.to_string().into_bytes(), number(lease.status).to_vec()];
            (lease.user.clone(), arguments)
        });
        self.change("renew", &RENEW, ttl.to_string().as_bytes(), by_user(said)).await
    }

    async fn release(&self, leases: &[(UserId, ConnectionId)]) -> Result<Vec<Edge>, BusError> {
        let said =
            leases.iter().map(|(user, connection)| (user.clone(), [connection.to_string().into_bytes()]));
        self.change("release", &FINISH, b"0", by_user(said)).await
    }

    async fn read(&self, users: &[UserId]) -> Result<Vec<PresenceStatus>, BusError> {
        let mut shards: Vec<Vec<usize>> = vec![Vec::new(); SHARDS];
        for (at, user) in users.iter().enumerate() {
            shards[Names::shard_of(user)].push(at);
        }
        let runs: Vec<_> = shards
            .iter()
            .flat_map(|places| places.chunks(USERS_MAX))
            .map(|chunk| async move {
                let names = self.node.names();
                let keys = chunk.iter().map(|at| names.leases(&users[*at])).collect();
                (self.node.run(&READ, keys, Vec::new()).await, chunk)
            })
            .collect();
        let mut runs = stream::iter(runs).buffer_unordered(SCRIPTS_MAX);
        let mut statuses = vec![PresenceStatus::Offline; users.len()];
        while let Some((found, chunk)) = runs.next().await {
            let found = found.map_err(|error| failure("read", error))?;
            for (at, found) in chunk.iter().zip(found) {
                statuses[*at] = status(&found);
            }
        }
        Ok(statuses)
    }

    async fn expired(&self) -> Result<Vec<Edge>, BusError> {
        let mut edges = self.resolve_doubts().await?;
        match self.end_what_ran_out().await {
            Ok(ended) => {
                edges.extend(ended);
                Ok(edges)
            }
            Err(error) => {
                self.doubt(edges.into_iter().map(|edge| edge.user).collect());
                Err(error)
            }
        }
    }
}

impl RedisLeases {
    async fn end_what_ran_out(&self) -> Result<Vec<Edge>, BusError> {
        let looks: Vec<_> = (0..SHARDS).map(|shard| self.ran_out(shard)).collect();
        let mut looks = stream::iter(looks).buffer_unordered(SCRIPTS_MAX);
        let mut ended = Vec::new();
        while let Some(found) = looks.next().await {
            ended.extend(found.map_err(|error| failure("expired", error))?);
        }
        let ended = ended.into_iter().map(|(user, connection)| (user, [connection.into_bytes()]));
        self.change("expired", &FINISH, b"1", by_user(ended)).await
    }
}

/// Brings what is said of one user together.
fn by_user<const N: usize>(said: impl Iterator<Item = (UserId, [Vec<u8>; N])>) -> Vec<Part> {
    let mut places: HashMap<UserId, usize> = HashMap::new();
    let mut parts: Vec<(UserId, Vec<[Vec<u8>; N]>)> = Vec::new();
    for (user, arguments) in said {
        let at = *places.entry(user.clone()).or_insert(parts.len());
        if at == parts.len() {
            parts.push((user, Vec::new()));
        }
        parts[at].1.push(arguments);
    }
    let part = |(user, said): (UserId, Vec<[Vec<u8>; N]>)| {
        let mut arguments = vec![said.len().to_string().into_bytes()];
        arguments.extend(said.into_iter().flatten());
        Part { user, arguments }
    };
    parts.into_iter().map(part).collect()
}

const fn number(status: PresenceStatus) -> &'static [u8] {
    match status {
        PresenceStatus::Offline => b"0",
        PresenceStatus::Away => b"1",
        // And whatever comes above it one day.
        _ => b"2",
    }
}

fn status(number: &str) -> PresenceStatus {
    match number {
        "0" => PresenceStatus::Offline,
        "1" => PresenceStatus::Away,
        _ => PresenceStatus::Online,
    }
}

fn failure(operation: &'static str, error: DriverError) -> BusError {
    metrics::leases_failed();
    BusError::new(operation).with_source(error)
}

impl fmt::Debug for RedisLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLeases").field("doubtful", &self.doubtful.lock().len()).finish_non_exhaustive()
    }
}
