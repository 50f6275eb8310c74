//! Hundreds of clients in a score of rooms.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    chance::Chance,
    checker::Evidence,
    client::{Client, Part, Progress, Told},
    nodes::{NODES, Nodes},
    record::{Record, SharedLedger},
};
use crate::{
    http::{must, stuck},
    rest::{log, token},
};

/// Members of each room for a hundred users.
const SIZES: [usize; 20] = [25, 20, 16, 12, 10, 10, 8, 8, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 2, 2];

/// Some have two devices.
const CLIENTS_PER_USERS: [usize; 2] = [5, 4];

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) seed: u64,
    pub(crate) clients: usize,
    /// Between two acts of a client, on average.
    pub(crate) pace: Duration,
}

/// A room and its members, by number.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) id: u64,
    pub(crate) members: Vec<usize>,
}

/// The clients, under way.
#[derive(Debug)]
pub(crate) struct Fleet {
    rooms: Vec<Room>,
    clients: Vec<JoinHandle<Record>>,
    tell: watch::Sender<Told>,
    seen: watch::Receiver<Progress>,
    ledger: SharedLedger,
}

impl Fleet {
    /// Makes rooms and sends everyone off; until all have been welcomed somewhere.
    pub(crate) async fn set_out(nodes: &Nodes, scale: Scale) -> Self {
        let chance = Chance::new(scale.seed);
        let users = scale.clients * CLIENTS_PER_USERS[1] / CLIENTS_PER_USERS[0];
        let rooms = make_rooms(nodes, users).await;
        let (tell, told) = watch::channel(Told { is_sending: true, scatterings: 0, heads: None });
        let (progress, seen) = watch::channel(Progress::default());
        let ledger = SharedLedger::default();
        let clients = (0..scale.clients).map(|number| {
            let user = number % users;
            let part = Part {
                name: format!("c{number}"),
                user: user.to_string(),
                token: token(user),
                rooms: rooms.iter().filter(|room| room.members.contains(&user)).map(|room| room.id).collect(),
                addresses: nodes.addresses(),
                pace: scale.pace,
                chance: chance.fork(number as u64),
                told: told.clone(),
                progress: progress.clone(),
                ledger: Arc::clone(&ledger),
            };
            tokio::spawn(Client::new(part).run())
        });
        let clients = clients.collect();
        let mut fleet = Self { rooms, clients, tell, seen, ledger };
        stuck(fleet.seen.wait_for(|progress| progress.welcomed == scale.clients)).await.unwrap();
        fleet
    }

    /// Waits until each of some nodes has acknowledged so much more.
    pub(crate) async fn more(&mut self, on: &[usize], count: u64) {
        let before = self.seen.borrow_and_update().acknowledged;
        let enough =
            |progress: &Progress| on.iter().all(|&node| progress.acknowledged[node] >= before[node] + count);
        stuck(self.seen.wait_for(enough)).await.unwrap();
    }

    /// Waits until every client was told that the store is another.
    pub(crate) async fn all_reset(&mut self) {
        let count = self.clients.len();
        stuck(self.seen.wait_for(|progress| progress.reset.values().any(|&reset| reset == count)))
            .await
            .unwrap();
    }

    /// Everyone drops their connection and comes back.
    pub(crate) fn scatter(&self) {
        self.tell.send_modify(|told| told.scatterings += 1);
    }

    /// Nobody sends any more; waits for all answers, and until everyone has read to the end. What came of it all.
    pub(crate) async fn come_home(mut self, nodes: &Nodes) -> Evidence {
        let count = self.clients.len();
        self.tell.send_modify(|told| told.is_sending = false);
        stuck(self.seen.wait_for(|progress| progress.silent == count)).await.unwrap();
        let mut heads = BTreeMap::new();
        for (room, log) in self.logs(nodes, 0).await {
            heads.insert(room, log.len() as u64);
        }
        let told = Arc::new(heads.clone());
        self.tell.send_modify(|now| now.heads = Some(told));
        let mut records = Vec::new();
        for client in std::mem::take(&mut self.clients) {
            records.push(stuck(client).await.unwrap());
        }
        // Once more, from elsewhere: what was forgotten by its sender may have been stored late.
        let logs = self.logs(nodes, NODES - 1).await;
        Evidence { records, heads, logs, ledger: self.ledger }
    }

    async fn logs(&self, nodes: &Nodes, node: usize) -> BTreeMap<u64, Vec<serde_json::Value>> {
        let mut logs = BTreeMap::new();
        for Room { id, members } in &self.rooms {
            logs.insert(*id, log(nodes.node(node).address, &token(members[0]), *id).await);
        }
        logs
    }
}

/// Makes rooms of all sizes, so that everyone is in some.
async fn make_rooms(nodes: &Nodes, users: usize) -> Vec<Room> {
    let mut rooms = Vec::new();
    let mut next = 0;
    for (number, size) in SIZES.iter().enumerate() {
        let size = (size * users / 100).max(2);
        let members: Vec<usize> = (0..size).map(|member| (next + member) % users).collect();
        next += size;
        let named: Vec<_> = members[1..].iter().map(ToString::to_string).collect();
        let body = json!({ "kind": "group", "name": format!("Room {number}"), "members": named });
        let address = nodes.node(number % NODES).address;
        let made = must(address, "POST", "/api/v1/rooms", &token(members[0]), Some(&body)).await;
        rooms.push(Room { id: made["id"].as_u64().unwrap(), members });
    }
    rooms
}
