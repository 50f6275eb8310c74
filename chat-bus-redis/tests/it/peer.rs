//! A node of a test, and a word with its server.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

use chat_bus_redis::{RedisBus, RedisOptions};
use chat_core::{
    bus::{BusError, BusLink, Cluster, Incoming, Lost, Payload, Topic},
    model::{NodeId, RoomId, Seq, UserId},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// What a working bus does takes a hundredth of it.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Peer {
    pub(crate) link: BusLink,
}

/// A prefix that nobody else has, and probes that notice fast.
pub(crate) fn options() -> RedisOptions {
    RedisOptions::default()
        .with_prefix(format!("test {:016x}", RandomState::new().build_hasher().finish()))
        .with_probes(Duration::from_millis(100), Duration::from_millis(1_500))
}

impl Peer {
    pub(crate) async fn join(url: &str, options: &RedisOptions, node: u64) -> Self {
        let bus = RedisBus::new(url, options.clone()).unwrap();
        Self { link: bus.join(NodeId(node), "epoch").await.unwrap() }
    }

    pub(crate) async fn subscribe(&self, room: RoomId) {
        self.link.bus.subscribe(&[Topic::Room(room)]).await.expect("a healthy bus confirms");
    }

    pub(crate) fn head(&self, room: RoomId, seq: u64) {
        self.link.bus.publish(Topic::Room(room), Payload::Head(room, Seq::new(seq)));
    }

    pub(crate) async fn incoming(&mut self) -> Incoming {
        let next = timeout(DEADLINE, self.link.incoming.recv()).await;
        next.expect("something was due to come in").expect("the bus goes on")
    }

    /// Waits for the head; whatever comes before is of no matter.
    pub(crate) async fn heard(&mut self, room: RoomId, seq: u64) {
        loop {
            if let Incoming::Message(message) = self.incoming().await
                && message.payload == Payload::Head(room, Seq::new(seq))
            {
                return;
            }
        }
    }

    /// Waits until it is told that everything may have been lost.
    pub(crate) async fn lost_all(&mut self) {
        while self.incoming().await != Incoming::Lost(Lost::All) {}
    }

    /// Waits until a loss is told that covers the topic.
    pub(crate) async fn lost(&mut self, topic: &Topic) {
        loop {
            match self.incoming().await {
                Incoming::Lost(Lost::All) => return,
                Incoming::Lost(Lost::Topics(topics)) if topics.contains(topic) => return,
                _ => {}
            }
        }
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.link.bus.is_healthy()
    }

    pub(crate) async fn becomes_healthy(&self) {
        eventually("the bus is healthy", async || self.is_healthy().then_some(())).await;
    }

    /// How long it took.
    pub(crate) async fn becomes_unhealthy(&self) -> Duration {
        let start = Instant::now();
        eventually("the bus is not healthy", async || (!self.is_healthy()).then_some(())).await;
        start.elapsed()
    }
}

pub(crate) fn room(n: i64) -> RoomId {
    RoomId::new(n).unwrap()
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// Tries until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = attempt().await {
            return answer;
        }
        assert!(Instant::now() < end, "waited {DEADLINE:?} until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Says one thing to a server and gives what it answers, as it comes.
pub(crate) async fn ask(port: u16, words: &[&str]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(text.as_bytes()).await.unwrap();
    // Then it ends its side too, so that all of the answer is read. (A Sentinel knows no `QUIT`.)
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
    read.expect("a server answers").unwrap();
    String::from_utf8(answer).unwrap()
}

/// The texts of an answer that is a list of them.
pub(crate) fn texts(answer: &str) -> Vec<String> {
    answer
        .split("\r\n")
        .skip(1)
        .filter(|line| !line.is_empty() && !line.starts_with('$'))
        .map(String::from)
        .collect()
}

pub(crate) fn source_of(error: &BusError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
