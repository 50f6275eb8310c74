//! What goes wrong.

use std::{mem::discriminant, time::Duration};

use super::{
    chance::Chance,
    nodes::{NODES, Nodes},
    proxy::Mode,
};

/// Something that goes wrong for a while. A node is named where it happens to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL; started again in the end.
    NodeKilled(usize),
    /// SIGSTOP; in the end it goes on, and knows nothing of the time between.
    NodeFrozen(usize),
    /// Redis is killed, and started empty in the end.
    RedisKilled,
    /// What Redis says does not arrive.
    RedisDeaf,
    /// Redis takes nobody.
    RedisUnreachable,
    /// Nothing passes between a node and Redis, and nobody says so.
    RedisBlackHole(usize),
    /// Postgres goes down, and comes up in the end.
    PostgresDown,
    /// Postgres takes nobody.
    PostgresRefuses,
    /// Nothing passes between a node and Postgres, and nobody says so.
    PostgresBlackHole(usize),
}

impl Fault {
    pub(crate) fn any(chance: &mut Chance) -> Self {
        let node = chance.below(NODES);
        *chance.pick(&[
            Self::NodeKilled(node),
            Self::NodeFrozen(node),
            Self::RedisKilled,
            Self::RedisDeaf,
            Self::RedisUnreachable,
            Self::RedisBlackHole(node),
            Self::PostgresDown,
            Self::PostgresRefuses,
            Self::PostgresBlackHole(node),
        ])
    }

    /// How long it is held where there is time.
    pub(crate) const fn longest(self) -> Duration {
        Duration::from_secs(match self {
            Self::NodeKilled(_) | Self::RedisKilled | Self::PostgresDown => 5,
            Self::NodeFrozen(_) => 15,
            Self::PostgresRefuses | Self::PostgresBlackHole(_) => 20,
            Self::RedisDeaf | Self::RedisUnreachable | Self::RedisBlackHole(_) => 30,
        })
    }

    /// Whether another fault may be there at the same time: each node and each proxy has one.
    pub(crate) fn goes_with(self, other: Self) -> bool {
        let is_of_node = |fault| matches!(fault, Self::NodeKilled(_) | Self::NodeFrozen(_));
        discriminant(&self) != discriminant(&other) && !(is_of_node(self) && is_of_node(other))
    }

    pub(crate) fn begin(self, nodes: &mut Nodes) {
        match self {
            Self::NodeKilled(node) => nodes.node_mut(node).kill(),
            Self::NodeFrozen(node) => nodes.node(node).freeze(),
            Self::RedisKilled => nodes.backend.redis.kill(),
            Self::RedisDeaf => nodes.redis(Mode::Swallow),
            Self::RedisUnreachable => nodes.redis(Mode::Cut),
            Self::RedisBlackHole(node) => nodes.node(node).redis.set(Mode::BlackHole),
            Self::PostgresDown => {
                tokio::task::block_in_place(|| nodes.backend.postgres.stop()).unwrap();
            }
            Self::PostgresRefuses => nodes.postgres(Mode::Cut),
            Self::PostgresBlackHole(node) => nodes.node(node).postgres.set(Mode::BlackHole),
        }
    }

    pub(crate) fn end(self, nodes: &mut Nodes) {
        match self {
            Self::NodeKilled(node) => nodes.node_mut(node).start(&[]),
            Self::NodeFrozen(node) => nodes.node(node).thaw(),
            Self::RedisKilled => {
                tokio::task::block_in_place(|| nodes.backend.redis.start_again()).unwrap();
            }
            Self::RedisDeaf | Self::RedisUnreachable | Self::RedisBlackHole(_) => nodes.redis(Mode::Pass),
            Self::PostgresDown => {
                tokio::task::block_in_place(|| nodes.backend.postgres.start_again()).unwrap();
            }
            Self::PostgresRefuses | Self::PostgresBlackHole(_) => nodes.postgres(Mode::Pass),
        }
    }

    /// The nodes that go on working while it lasts.
    pub(crate) fn working(self) -> Vec<usize> {
        (0..NODES).filter(|&node| self.spares(node)).collect()
    }

    fn spares(self, node: usize) -> bool {
        match self {
            // A node without the bus is slower to hear of others, nothing else.
            Self::RedisKilled | Self::RedisDeaf | Self::RedisUnreachable | Self::RedisBlackHole(_) => true,
            Self::PostgresDown | Self::PostgresRefuses => false,
            Self::NodeKilled(lost) | Self::NodeFrozen(lost) | Self::PostgresBlackHole(lost) => node != lost,
        }
    }
}
