//! Three servers over one Postgres and one Redis.

use std::{net::SocketAddr, time::Duration};

use tokio::sync::{Mutex, MutexGuard};

use super::{
    backend::{Backend, DATABASE},
    proxy::{Mode, Proxy},
};
use crate::{
    http::{ask, stuck},
    process::{Folder, Launch, Server},
    rest::SECRET,
};

/// How many there are.
pub(crate) const NODES: usize = 3;

/// Events behind above which a client is told a gap: few, so that some are.
pub(crate) const GAP_AFTER: u64 = 60;

/// Newest events given after a gap.
pub(crate) const GAP_KEEP: u64 = 20;

/// Between two looks at what a node says of itself.
const LOOK: Duration = Duration::from_millis(50);

/// However the tests are run: one cluster at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A server, and the ways by which it reaches what it needs.
#[derive(Debug)]
pub(crate) struct Node {
    launch: Launch,
    server: Option<Server>,
    pub(crate) address: SocketAddr,
    pub(crate) postgres: Proxy,
    pub(crate) redis: Proxy,
}

impl Node {
    async fn new(number: usize, backend: &Backend, more: &[&str]) -> Self {
        let postgres = Proxy::before(backend.postgres.port()).await;
        let redis = Proxy::before(backend.redis.port()).await;
        let database = format!("postgres://postgres@127.0.0.1:{}/{DATABASE}", postgres.port());
        let flags = [
            format!("--redis=redis://127.0.0.1:{}", redis.port()),
            format!("--jwt-secret={SECRET}"),
            "--media=memory:".to_owned(),
            format!("--limit=gap_after={GAP_AFTER}"),
            format!("--limit=gap_keep={GAP_KEEP}"),
            "--limit=sends=10000/10000".to_owned(),
            "--limit=commands=10000/10000".to_owned(),
            "--limit=rooms_made=10000/10000".to_owned(),
            "--limit=members_added=10000/10000".to_owned(),
            // Who is there and has what is told in the small rooms alone: it is not what is tested here.
            "--limit=signals_room_max=10".to_owned(),
        ];
        let flags: Vec<_> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let launch = Launch::on(Folder::new(&format!("node-{number}")), database, &flags);
        Self { launch, server: None, address: SocketAddr::from(([127, 0, 0, 1], 0)), postgres, redis }
    }

    /// Starts it, at the same address each time.
    pub(crate) fn start(&mut self, more: &[&str]) {
        let server = tokio::task::block_in_place(|| self.launch.start_with(more));
        self.address = server.address;
        self.server = Some(server);
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.server.take().unwrap().kill();
    }

    /// SIGSTOP.
    pub(crate) fn freeze(&self) {
        self.server.as_ref().unwrap().freeze();
    }

    /// SIGCONT.
    pub(crate) fn thaw(&self) {
        self.server.as_ref().unwrap().thaw();
    }

    /// What it says to those who ask whether it can serve.
    pub(crate) async fn readiness(&self) -> u16 {
        ask(self.address, "GET", "/readyz", None, None).await.status
    }

    /// Waits until it says so.
    pub(crate) async fn says(&self, readiness: u16) {
        stuck(async {
            while self.readiness().await != readiness {
                tokio::time::sleep(LOOK).await;
            }
        })
        .await;
    }
}

/// Three servers that are one chat.
#[derive(Debug)]
pub(crate) struct Nodes {
    // Ended before what they need is.
    nodes: Vec<Node>,
    pub(crate) backend: Backend,
    _alone: MutexGuard<'static, ()>,
}

impl Nodes {
    /// Starts them, all with these flags too.
    pub(crate) async fn start(more: &[&str]) -> Self {
        let alone = ALONE.lock().await;
        let backend = Backend::start();
        let mut nodes = Vec::new();
        for number in 0..NODES {
            let mut node = Node::new(number, &backend, more).await;
            node.start(&[]);
            nodes.push(node);
        }
        Self { nodes, backend, _alone: alone }
    }

    pub(crate) fn node(&self, number: usize) -> &Node {
        &self.nodes[number]
    }

    pub(crate) fn node_mut(&mut self, number: usize) -> &mut Node {
        &mut self.nodes[number]
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// What becomes of what the nodes and Redis say to each other.
    pub(crate) fn redis(&self, mode: Mode) {
        self.nodes.iter().for_each(|node| node.redis.set(mode));
    }

    /// What becomes of what the nodes and Postgres say to each other.
    pub(crate) fn postgres(&self, mode: Mode) {
        self.nodes.iter().for_each(|node| node.postgres.set(mode));
    }
}
