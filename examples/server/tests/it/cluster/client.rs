//! A client: does what users do, comes back as often as it takes, and writes down all that it sees.

mod talk;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    net::TcpSocket,
    sync::watch,
    time::{Instant, sleep, timeout},
};

use self::talk::Pending;
use super::{
    chance::Chance,
    nodes::NODES,
    record::{Connection, Record, SharedLedger},
};
use crate::socket::Socket;

/// Until a node that does not welcome is given up. A node that stands still takes connections, and answers nobody.
const WELCOME_PATIENCE: Duration = Duration::from_secs(5);

/// Before it tries again; doubled each time, up to the second.
const BACKOFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(800)];

/// Bytes that the system keeps for a client that is slow: so few that the server notices.
const SLOW_BYTES: u32 = 4 * 1024;

/// What the clients are told by the test.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Whether to go on sending.
    pub(crate) is_sending: bool,
    /// Grows where everyone is to come back at once.
    pub(crate) scatterings: u64,
    /// The heads to read up to, once nobody sends.
    pub(crate) heads: Option<Arc<BTreeMap<u64, u64>>>,
}

/// What the test is told by the clients.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// Acknowledgements of each node.
    pub(crate) acknowledged: [u64; NODES],
    /// Clients that were welcomed at least once.
    pub(crate) welcomed: usize,
    /// Clients that wait for no answer and say nothing more.
    pub(crate) silent: usize,
    /// Clients that were told that the store is another, by the epoch that it has now.
    pub(crate) reset: BTreeMap<String, usize>,
}

/// Who a client is, and what it knows of the world.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) user: String,
    pub(crate) token: String,
    pub(crate) rooms: Vec<u64>,
    pub(crate) addresses: Vec<SocketAddr>,
    /// Between two of its acts, on average.
    pub(crate) pace: Duration,
    pub(crate) chance: Chance,
    pub(crate) told: watch::Receiver<Told>,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) ledger: SharedLedger,
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// All is read.
    Done,
    /// The client went away without a word.
    Vanished,
    /// The server did, with a code where it had the time.
    Lost(Option<u16>),
    /// The server did not answer.
    GaveUp,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    part: Part,
    record: Record,
    epoch: Option<String>,
    pending: Vec<Pending>,
    node: usize,
    sent: u64,
    is_slow: bool,
    is_silent: bool,
    scatterings: u64,
    /// Messages seen of late: to react to.
    seen: Vec<(u64, u64)>,
}

impl Client {
    pub(crate) fn new(mut part: Part) -> Self {
        let mut record = Record {
            name: part.name.clone(),
            user: part.user.clone(),
            rooms: part.rooms.clone(),
            ..Record::default()
        };
        // Half of them read what was before them, the others begin with what comes.
        if part.chance.percent(50) {
            record.cursors = part.rooms.iter().map(|&room| (room, 0)).collect();
        }
        let is_slow = part.chance.percent(20);
        let node = part.chance.below(NODES);
        let (epoch, pending, seen) = (None, Vec::new(), Vec::new());
        Self { part, record, epoch, pending, node, sent: 0, is_slow, is_silent: false, scatterings: 0, seen }
    }

    /// Comes back as often as it takes; ends when it has read to the heads.
    pub(crate) async fn run(mut self) -> Record {
        let mut wait = BACKOFF[0];
        loop {
            let Ok(Some((mut socket, welcome))) = timeout(WELCOME_PATIENCE, self.join()).await else {
                sleep(self.part.chance.between(wait / 2, wait)).await;
                wait = (wait * 2).min(BACKOFF[1]);
                self.elsewhere();
                continue;
            };
            wait = BACKOFF[0];
            self.welcomed(&welcome);
            let end = self.converse(&mut socket).await;
            let connection = self.record.connections.last_mut().unwrap();
            match end {
                End::Done => return self.record,
                End::Vanished => {}
                End::Lost(code) => connection.close = code,
                End::GaveUp => self.record.given_up += 1,
            }
            drop(socket);
            self.lose();
            self.elsewhere();
        }
    }

    /// On to another node.
    fn elsewhere(&mut self) {
        self.node = (self.node + 1 + self.part.chance.below(NODES - 1)) % NODES;
    }

    /// Opens a connection; the welcome, or nothing where there is nobody, or nobody who can.
    async fn join(&mut self) -> Option<(Socket, Value)> {
        let mut hello = json!({ "rooms": &self.record.cursors });
        if let Some(epoch) = &self.epoch {
            hello["epoch"] = json!(epoch);
        }
        let address = self.part.addresses[self.node];
        let tcp = TcpSocket::new_v4().unwrap();
        if self.is_slow {
            tcp.set_recv_buffer_size(SLOW_BYTES).unwrap();
        }
        let tcp = tcp.connect(address).await.ok()?;
        let (socket, first) = Socket::join_over(tcp, address, &self.part.token, hello).await?;
        match first["type"].as_str().unwrap() {
            "welcome" => return Some((socket, first)),
            "error" if first["retryable"] == true => {}
            "bye" if first["reason"] == "reset" => {}
            _ => self.record.odd.push(first.to_string()),
        }
        None
    }

    fn welcomed(&mut self, welcome: &Value) {
        let epoch = welcome["epoch"].as_str().unwrap().to_owned();
        let is_reset = welcome["reset"] == true;
        if is_reset {
            self.record.cursors.clear();
            self.seen.clear();
            self.pending.retain(Pending::is_message);
        } else if self.epoch.as_ref().is_some_and(|known| *known != epoch) {
            self.record.odd.push(format!("another epoch without a word: {welcome}"));
        }
        for gone in welcome["gone"].as_array().into_iter().flatten() {
            self.record.odd.push(format!("room {gone} is gone"));
        }
        let mut starts = BTreeMap::new();
        for &room in &self.part.rooms {
            let Some(head) = welcome["heads"][room.to_string()].as_u64() else {
                self.record.odd.push(format!("no head of room {room}: {welcome}"));
                continue;
            };
            let cursor = *self.record.cursors.entry(room).or_insert(head);
            if cursor > head {
                self.record.odd.push(format!("saw {cursor} of room {room}, whose head is {head}"));
            }
            starts.insert(room, cursor);
        }
        let is_first = self.record.connections.is_empty();
        let connection =
            Connection { node: self.node, epoch: epoch.clone(), is_reset, starts, ..Connection::default() };
        self.record.connections.push(connection);
        self.part.progress.send_modify(|progress| {
            progress.welcomed += usize::from(is_first);
            if is_reset {
                *progress.reset.entry(epoch.clone()).or_default() += 1;
            }
        });
        self.epoch = Some(epoch);
    }

    /// A connection is over: what was not answered is said again, but for some that is forgotten.
    fn lose(&mut self) {
        let mut kept = Vec::new();
        for mut pending in std::mem::take(&mut self.pending) {
            if pending.is_message() && pending.was_said() && self.part.chance.percent(10) {
                self.record.abandoned.insert(pending.into_client_id());
                continue;
            }
            pending.say_again(Instant::now());
            kept.push(pending);
        }
        self.pending = kept;
    }
}
