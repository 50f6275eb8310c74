//! What was acknowledged is there, whenever the process ends.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::Path,
};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    http::{self, stuck},
    process::Launch,
    rest::{SECRET, log, token},
    socket::{Heard, Socket},
};

const KILLS: u64 = 20;
const USERS: usize = 3;
const CLIENTS: usize = 6;

/// What the clients are told by the test.
#[derive(Clone, Debug)]
struct Told {
    /// How often the server was started; it listens.
    started: u64,
    /// Whether to send on.
    sending: bool,
    /// The heads to read up to, once nobody sends.
    heads: Option<HashMap<u64, u64>>,
}

/// What the test is told by the clients.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    acknowledged: u64,
    silent: usize,
}

/// A send that is not answered yet.
#[derive(Clone, Debug)]
struct Pending {
    room: u64,
    client_id: String,
}

/// One client, and all that it saw.
#[derive(Debug)]
struct Client {
    name: String,
    address: SocketAddr,
    token: String,
    rooms: [u64; 2],
    told: watch::Receiver<Told>,
    progress: watch::Sender<Progress>,
    epoch: Option<String>,
    cursors: HashMap<u64, u64>,
    pending: Option<Pending>,
    sent: u64,
    silent: bool,
    /// Events by room and seq.
    record: BTreeMap<(u64, u64), Value>,
    /// Rooms and seqs by client id.
    acknowledged: HashMap<String, (u64, u64)>,
    connections: u64,
    repeats: u64,
    gaps: u64,
}

impl Client {
    /// Comes back as often as it takes; ends when it has read to the heads.
    async fn run(mut self) -> Self {
        let mut tried = 0;
        loop {
            // A server that was lost is not looked for: the test says when there is another.
            let told = self.told.wait_for(|told| told.started > tried).await.unwrap().clone();
            tried = told.started;
            let hello = match &self.epoch {
                Some(epoch) => json!({ "epoch": epoch, "rooms": &self.cursors }),
                None => json!({ "rooms": &self.cursors }),
            };
            let Some((socket, welcome)) = Socket::join(self.address, &self.token, hello).await else {
                continue;
            };
            self.connections += 1;
            self.welcomed(&welcome);
            if self.converse(socket).await {
                return self;
            }
        }
    }

    fn welcomed(&mut self, welcome: &Value) {
        assert_eq!(welcome["type"], "welcome", "{}: {welcome}", self.name);
        assert_ne!(welcome["reset"], true, "{}: {welcome}", self.name);
        assert!(welcome["gone"].as_array().is_none_or(Vec::is_empty), "{}: {welcome}", self.name);
        let epoch = welcome["epoch"].as_str().unwrap().to_owned();
        assert_eq!(*self.epoch.get_or_insert_with(|| epoch.clone()), epoch, "{}", self.name);
        for (room, cursor) in &self.cursors {
            let head = welcome["heads"][room.to_string()].as_u64().unwrap();
            assert!(head >= *cursor, "{}: saw {cursor} of room {room}, whose head is {head}", self.name);
        }
    }

    /// Sends and reads until the server is lost (then false) or all is read.
    async fn converse(&mut self, mut socket: Socket) -> bool {
        if self.pending.is_some() && self.send(&mut socket).await.is_err() {
            return false;
        }
        loop {
            let told = self.told.borrow_and_update().clone();
            if self.pending.is_none() {
                if told.sending {
                    self.sent += 1;
                    let room = self.rooms[usize::from(self.sent.is_multiple_of(2))];
                    self.pending = Some(Pending { room, client_id: format!("{}-{}", self.name, self.sent) });
                    if self.send(&mut socket).await.is_err() {
                        return false;
                    }
                } else if !self.silent {
                    self.silent = true;
                    self.progress.send_modify(|progress| progress.silent += 1);
                }
                if told.heads.is_some_and(|heads| heads == self.cursors) {
                    return true;
                }
            }
            let heard = tokio::select! {
                heard = socket.hear() => heard,
                changed = self.told.changed() => {
                    changed.unwrap();
                    continue;
                }
            };
            let Heard::Frame(frame) = heard else { return false };
            if self.hear(frame) && self.send(&mut socket).await.is_err() {
                return false;
            }
        }
    }

    async fn send(&self, socket: &mut Socket) -> std::io::Result<()> {
        let Some(Pending { room, client_id }) = &self.pending else { return Ok(()) };
        let send = json!({
            "type": "send", "id": client_id, "room_id": room, "content": client_id, "client_id": client_id,
        });
        socket.say(&send).await
    }

    /// Takes a frame; true where the pending send is to be said again.
    fn hear(&mut self, frame: Value) -> bool {
        match frame["type"].as_str().unwrap() {
            "ok" => {
                let Pending { room, client_id } = self.pending.take().unwrap();
                assert_eq!(frame["id"], *client_id, "{}: {frame}", self.name);
                assert_eq!(frame["room_id"], room, "{}: {frame}", self.name);
                assert_eq!(frame["message"]["content"], *client_id, "{}: {frame}", self.name);
                self.repeats += u64::from(frame["repeat"] == true);
                self.acknowledged.insert(client_id, (room, frame["seq"].as_u64().unwrap()));
                self.progress.send_modify(|progress| progress.acknowledged += 1);
            }
            "error" => {
                assert_eq!(frame["retryable"], true, "{}: {frame}", self.name);
                return true;
            }
            "gap" => {
                let cursor = self.cursor(&frame);
                assert_eq!(frame["from"], *cursor + 1, "a gap that does not start at the cursor: {frame}");
                *cursor = frame["to"].as_u64().unwrap();
                self.gaps += 1;
            }
            "presence" | "receipt" | "typing" | "unread" | "bye" => {}
            _ => {
                let seq = frame["seq"].as_u64().unwrap_or_else(|| panic!("{}: no event: {frame}", self.name));
                let cursor = self.cursor(&frame);
                assert_eq!(seq, *cursor + 1, "not the next event: {frame}");
                *cursor = seq;
                self.record.insert((frame["room_id"].as_u64().unwrap(), seq), frame);
            }
        }
        false
    }

    fn cursor(&mut self, frame: &Value) -> &mut u64 {
        let room = frame["room_id"].as_u64().unwrap();
        self.cursors.get_mut(&room).unwrap_or_else(|| panic!("not a room of the test: {frame}"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_killed_twenty_times() {
    let mut launch = Launch::new(
        "kill",
        &[
            &format!("--jwt-secret={SECRET}"),
            "--limit=sends=10000/10000",
            "--limit=commands=10000/10000",
            "--limit=rooms_made=10000/10000",
        ],
    );
    let mut server = launch.start();
    let address = server.address;
    let tokens: Vec<_> = (1..=USERS).map(token).collect();
    let mut rooms = [0; 2];
    for room in &mut rooms {
        let body = json!({ "kind": "group", "name": "Killed", "members": ["2", "3"] });
        let made = http::must(address, "POST", "/api/v1/rooms", &tokens[0], Some(&body)).await;
        *room = made["id"].as_u64().unwrap();
    }

    let (tell, told) = watch::channel(Told { started: 1, sending: true, heads: None });
    let (progress, mut seen) = watch::channel(Progress::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let client = Client {
                name: format!("c{number}"),
                address,
                token: tokens[number % USERS].clone(),
                rooms,
                told: told.clone(),
                progress: progress.clone(),
                epoch: None,
                cursors: rooms.map(|room| (room, 0)).into(),
                pending: None,
                sent: 0,
                silent: false,
                record: BTreeMap::new(),
                acknowledged: HashMap::new(),
                connections: 0,
                repeats: 0,
                gaps: 0,
            };
            tokio::spawn(client.run())
        })
        .collect();

    for kill in 1..=KILLS {
        // Not always as far into the work.
        more(&mut seen, 20 + kill * 7 % 40).await;
        if kill.is_multiple_of(2) {
            // In the middle of a commit, or between it and its answers: what is sent again then stands already.
            stuck(written(&launch.folder().join("chat.db-wal"))).await;
        }
        server.kill();
        server = tokio::task::block_in_place(|| launch.start());
        tell.send_modify(|told| told.started += 1);
    }
    more(&mut seen, 50).await;
    tell.send_modify(|told| told.sending = false);
    stuck(seen.wait_for(|progress| progress.silent == CLIENTS)).await.unwrap();

    let mut logs = HashMap::new();
    for room in rooms {
        logs.insert(room, log(address, &tokens[0], room).await);
    }
    let heads = logs.iter().map(|(&room, log)| (room, log.len() as u64)).collect();
    tell.send_modify(|told| told.heads = Some(heads));

    // Where each message is, by its content: its client id.
    let mut places: HashMap<&str, (u64, u64)> = HashMap::new();
    for (&room, log) in &logs {
        for event in log.iter().filter(|event| event["type"] == "message") {
            let place = (room, event["seq"].as_u64().unwrap());
            let before = places.insert(event["message"]["content"].as_str().unwrap(), place);
            assert!(before.is_none(), "stored twice: {event}");
        }
    }
    let (mut acknowledged, mut recorded, mut connections, mut repeats, mut gaps) = (0, 0, 0, 0, 0);
    for client in clients {
        let client = stuck(client).await.unwrap();
        assert_eq!(client.sent, client.acknowledged.len() as u64, "{}: not all were answered", client.name);
        for (client_id, place) in &client.acknowledged {
            assert_eq!(
                places.get(client_id.as_str()),
                Some(place),
                "{client_id} is not where it was said to be"
            );
        }
        for (&(room, seq), event) in &client.record {
            let stored = &logs[&room][usize::try_from(seq).unwrap() - 1];
            assert_eq!(event, stored, "{} was given another event", client.name);
        }
        acknowledged += client.acknowledged.len();
        recorded += client.record.len();
        connections += client.connections;
        repeats += client.repeats;
        gaps += client.gaps;
    }
    assert_eq!(places.len(), acknowledged, "messages that nobody sent");
    let events: usize = logs.values().map(Vec::len).sum();
    println!(
        "{KILLS} kills, {connections} connections, {acknowledged} acknowledged ({repeats} as repeats), \
         {events} events in {} logs, {recorded} received, {gaps} gaps",
        logs.len()
    );
}

/// Waits for so many acknowledgements more.
async fn more(seen: &mut watch::Receiver<Progress>, count: u64) {
    let target = seen.borrow_and_update().acknowledged + count;
    stuck(seen.wait_for(|progress| progress.acknowledged >= target)).await.unwrap();
}

/// Waits until a file is written to.
async fn written(path: &Path) {
    let look = || std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let before = look();
    while look() == before {
        tokio::task::yield_now().await;
    }
}
