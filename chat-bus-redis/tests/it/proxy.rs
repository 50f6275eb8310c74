//! A TCP proxy that does what networks do: delays, cuts, swallows, ends one side.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// Bytes taken at once.
const CHUNK: usize = 16 * 1024;

/// A way to a server. Dropped, it and all connections through it are closed.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    weather: Arc<watch::Sender<Weather>>,
    accepting: JoinHandle<()>,
}

/// What becomes of connections.
#[derive(Clone, Debug, Default)]
struct Weather {
    /// Connections made before the last cut are closed.
    cuts: u64,
    /// New connections are closed at once.
    refuses: bool,
    /// What the server says goes nowhere, and connections stay open.
    swallows: bool,
    /// The server seems to have ended its side of connections made so far, and not to mind being talked to.
    half_closes: u64,
    /// Everything comes later by this.
    delay: Duration,
}

impl Proxy {
    /// A way to the server at `port` of this machine.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let own_port = listener.local_addr().unwrap().port();
        let weather = Arc::new(watch::Sender::new(Weather::default()));
        let accepting = tokio::spawn(accept(listener, port, weather.subscribe()));
        Self { port: own_port, weather, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Closes all connections.
    pub(crate) fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Closes all connections, and new ones at once, or lets new ones through again.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.weather.send_modify(|weather| {
            weather.refuses = refuses;
            weather.cuts += u64::from(refuses);
        });
    }

    /// Swallows what the server says, while connections stay open, or passes on again.
    pub(crate) fn swallow(&self, swallows: bool) {
        self.weather.send_modify(|weather| weather.swallows = swallows);
    }

    /// Ends the server's side of all connections made so far, as clients see it.
    pub(crate) fn half_close(&self) {
        self.weather.send_modify(|weather| weather.half_closes += 1);
    }

    /// Delays both ways.
    pub(crate) fn delay(&self, delay: Duration) {
        self.weather.send_modify(|weather| weather.delay = delay);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, port: u16, weather: watch::Receiver<Weather>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                if !weather.borrow().refuses {
                    connections.spawn(connect(client, port, weather.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(client: TcpStream, port: u16, mut weather: watch::Receiver<Weather>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let cuts = weather.borrow().cuts;
    let half_closes = weather.borrow().half_closes;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = pass(from_client, to_server, weather.clone());
    let back = pass_back(from_server, to_client, weather.clone(), half_closes);
    let both = async { tokio::join!(there, back) };
    tokio::select! {
        _ = both => {}
        _ = weather.wait_for(|weather| weather.cuts > cuts) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, weather: watch::Receiver<Weather>) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let delay = weather.borrow().delay;
        sleep(delay).await;
        if to.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}

async fn pass_back(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    half_closes: u64,
) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = tokio::select! {
            read = from.read(&mut chunk) => read.unwrap_or(0),
            _ = weather.wait_for(|weather| weather.half_closes > half_closes) => 0,
        };
        if length == 0 {
            drop(to.shutdown().await);
            return;
        }
        let (delay, swallows) = (weather.borrow().delay, weather.borrow().swallows);
        sleep(delay).await;
        if !swallows && to.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}
