use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::Serving;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// Often enough for a server in the same process to have taken whoever waits.
const TURNS: usize = 200;

struct Served {
    address: SocketAddr,
    /// Requests to `/counted` that were answered.
    counted: Arc<AtomicUsize>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

async fn served(head_wait: Duration, connections_max: usize) -> Served {
    let counted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&counted);
    let counting = get(async move || count.fetch_add(1, Ordering::Relaxed).to_string());
    let app = Router::new().route("/", get(async || "hi")).route("/counted", counting);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(Serving { app, head_wait, connections_max }.run(listener, stop.clone()));
    Served { address, counted, stop, running }
}

/// Asks over a connection, and reads as far as the answer's body.
async fn ask(tcp: &mut TcpStream, path: &str, body: &str) {
    tcp.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let end = format!("\r\n\r\n{body}");
    while !answer.ends_with(end.as_bytes()) {
        assert!(tcp.read_buf(&mut answer).await.unwrap() > 0, "closed: {answer:?}");
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{answer:?}");
}

#[tokio::test]
async fn half_a_head_is_not_waited_for() {
    let served = served(Duration::from_millis(50), 10).await;
    for (before, half) in
        [(false, "GET / HTTP/1.1\r\nHo"), (true, "GET / HTTP/1.1\r\nHost: x\r\n"), (false, "")]
    {
        let mut tcp = TcpStream::connect(served.address).await.unwrap();
        if before {
            ask(&mut tcp, "/", "hi").await;
        }
        tcp.write_all(half.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        tokio::time::timeout(LONG, tcp.read_to_end(&mut rest)).await.expect("held").unwrap();
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{rest:?}");
    }
}

#[tokio::test]
async fn one_connection_too_many_waits_for_its_turn() {
    let served = served(LONG, 1).await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    ask(&mut first, "/", "hi").await;
    let mut second = TcpStream::connect(served.address).await.unwrap();
    let waiting = tokio::spawn(async move { ask(&mut second, "/counted", "0").await });
    for _ in 0..TURNS {
        ask(&mut first, "/", "hi").await;
    }
    assert_eq!(served.counted.load(Ordering::Relaxed), 0);
    drop(first);
    tokio::time::timeout(LONG, waiting).await.expect("never taken").unwrap();
}

#[tokio::test]
async fn it_stops_once_idle_connections_are_closed() {
    let served = served(LONG, 10).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    ask(&mut idle, "/", "hi").await;
    served.stop.cancel();
    tokio::time::timeout(LONG, served.running).await.expect("goes on").unwrap();
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
    assert!(TcpStream::connect(served.address).await.is_err());
}
