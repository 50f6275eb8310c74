//! A cluster of three servers.

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
        deployment.meet().await;
        deployment
    }

    pub(crate) fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{}?node=127.0.0.1:{}", self.ports[0], self.ports[1])
    }

    /// Who a server is to the others.
    pub(crate) async fn id(&self, server: usize) -> String {
        let answer = ask(self.ports[server], &["CLUSTER", "MYID"]).await;
        answer.split("\r\n").nth(1).unwrap().to_owned()
    }

    async fn meet(&self) {
        let third = SLOTS / 3;
        let ranges = [(0, third), (third + 1, 2 * third), (2 * third + 1, SLOTS - 1)];
        for (port, (first, last)) in self.ports.iter().zip(ranges) {
            let range = [first.to_string(), last.to_string()];
            assert_eq!(ask(*port, &["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]]).await, "+OK\r\n");
        }
        for port in &self.ports[1..] {
            let bus = ask(*port, &["CONFIG", "GET", "cluster-port"]).await;
            let bus = bus.split("\r\n").nth(4).unwrap().to_owned();
            let meet = ["CLUSTER", "MEET", "127.0.0.1", &port.to_string(), &bus];
            assert_eq!(ask(self.ports[0], &meet).await, "+OK\r\n");
        }
        for port in &self.ports {
            eventually("the cluster is formed", async || {
                let slots = ask(*port, &["CLUSTER", "SLOTS"]).await;
                let info = ask(*port, &["CLUSTER", "INFO"]).await;
                let knows = self.ports.iter().all(|port| slots.contains(&format!(":{port}\r\n")));
                (knows && info.contains("cluster_state:ok")).then_some(())
            })
            .await;
        }
    }
}

fn start_server() -> Result<Redis, String> {
    // By itself it would take its port and 10,000, which may be none.
    let bus = free_port()?.to_string();
    let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", &bus];
    Redis::start_with(&arguments.map(String::from))
}
