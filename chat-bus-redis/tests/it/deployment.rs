//! A cluster of three servers, and of more.

use std::{
    sync::{Arc, Weak, mpsc},
    thread,
};

use tokio::sync::{Mutex, oneshot};
use xtask::{Redis, free_port};

use crate::peer::{ask, eventually};

const SLOTS: u32 = 16_384;

/// Three servers that share all slots. Ended when dropped.
pub(crate) struct Deployment {
    pub(crate) ports: Vec<u16>,
    /// Keeps the servers: they would end with the thread that started them. It ends when `end` is dropped.
    keeper: Option<thread::JoinHandle<()>>,
    end: Option<mpsc::Sender<()>>,
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.end = None;
        // A process that ends first would leave their folders.
        drop(self.keeper.take().map(thread::JoinHandle::join));
    }
}

impl Deployment {
    /// The one that is there, while any test uses it, or a new one.
    pub(crate) async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Deployment>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(deployment) = shared.upgrade() {
            return deployment;
        }
        let deployment = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&deployment);
        deployment
    }

    pub(crate) async fn start() -> Self {
        let (end, ends) = mpsc::channel::<()>();
        let (tell, told) = oneshot::channel();
        let keeper = thread::spawn(move || {
            let servers: Vec<Redis> = (0..3).map(|_| start_server().unwrap()).collect();
            drop(tell.send(servers.iter().map(Redis::port).collect()));
            // Nobody sends: this waits until the other end is dropped.
            let _ = ends.recv();
        });
        let deployment =
            Self { ports: told.await.expect("servers start"), keeper: Some(keeper), end: Some(end) };
        form(&deployment.ports).await;
        deployment
    }

    pub(crate) fn url(&self) -> String {
        url(&self.ports)
    }
}

pub(crate) fn url(ports: &[u16]) -> String {
    format!("redis-cluster://127.0.0.1:{}?node=127.0.0.1:{}", ports[0], ports[1])
}

/// Shares all slots among servers that know nothing of each other, and waits until each knows of all.
pub(crate) async fn form(ports: &[u16]) {
    let third = SLOTS / 3;
    let ranges = [(0, third), (third + 1, 2 * third), (2 * third + 1, SLOTS - 1)];
    for (port, (first, last)) in ports.iter().zip(ranges) {
        let range = [first.to_string(), last.to_string()];
        assert_eq!(ask(*port, &["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]]).await, "+OK\r\n");
    }
    for port in &ports[1..] {
        meet(ports[0], *port).await;
    }
    for port in ports {
        eventually("the cluster is formed", async || {
            let slots = ask(*port, &["CLUSTER", "SLOTS"]).await;
            let info = ask(*port, &["CLUSTER", "INFO"]).await;
            let knows = ports.iter().all(|port| slots.contains(&format!(":{port}\r\n")));
            (knows && info.contains("cluster_state:ok")).then_some(())
        })
        .await;
    }
}

/// Makes a new server the replica of the first of a cluster, and waits until it can take that one's place.
pub(crate) async fn replicate(ports: &[u16], replica: u16) {
    meet(ports[0], replica).await;
    let primary = id(ports[0]).await;
    eventually("the new server knows its primary", async || {
        let answer = ask(replica, &["CLUSTER", "REPLICATE", &primary]).await;
        (answer == "+OK\r\n").then_some(())
    })
    .await;
    eventually("the replica follows", async || {
        let state = ask(replica, &["INFO", "replication"]).await;
        state.contains("master_link_status:up").then_some(())
    })
    .await;
    // Those that have a voice must know whom they may choose.
    for port in ports {
        eventually("all know the replica", async || {
            ask(*port, &["CLUSTER", "SLOTS"]).await.contains(&format!(":{replica}\r\n")).then_some(())
        })
        .await;
    }
}

/// Who a server is to the others.
pub(crate) async fn id(port: u16) -> String {
    let answer = ask(port, &["CLUSTER", "MYID"]).await;
    answer.split("\r\n").nth(1).unwrap().to_owned()
}

async fn meet(known: u16, port: u16) {
    let bus = ask(port, &["CONFIG", "GET", "cluster-port"]).await;
    let bus = bus.split("\r\n").nth(4).unwrap().to_owned();
    let words = ["CLUSTER", "MEET", "127.0.0.1", &port.to_string(), &bus];
    assert_eq!(ask(known, &words).await, "+OK\r\n");
}

/// A server of a cluster to be.
pub(crate) fn start_server() -> Result<Redis, String> {
    // By itself it would take its port and 10,000, which may be none.
    let bus = free_port()?.to_string();
    let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", &bus];
    Redis::start_with(&arguments.map(String::from))
}
