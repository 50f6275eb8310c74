//! What goes wrong.

use super::{
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
