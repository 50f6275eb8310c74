//! What a client writes down.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use parking_lot::Mutex;
use serde_json::Value;

/// A place in a room's log.
pub(crate) type Place = (u64, u64);

/// What was given in a room, in the order it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// An event, by its position; the ledger has what it says.
    Event { room: u64, seq: u64 },
    /// What was left out.
    Gap { room: u64, from: u64, to: u64 },
}

/// A command that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) room: u64,
    /// Which of the connection's frames it was said in.
    pub(crate) frame: u64,
    pub(crate) seq: u64,
}

/// One connection, from its welcome on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    pub(crate) node: usize,
    pub(crate) epoch: String,
    /// The client was told to drop what it kept.
    pub(crate) is_reset: bool,
    /// The cursor in each room that the connection goes on from: the client's, else the head that it was told.
    pub(crate) starts: BTreeMap<u64, u64>,
    pub(crate) given: Vec<Given>,
    /// What this connection stored, and nothing that stood already.
    pub(crate) stored: Vec<Answered>,
    /// The code that it was closed with, where it was.
    pub(crate) close: Option<u16>,
}

/// What was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub(crate) epoch: String,
    pub(crate) place: Place,
}

/// All that a client saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) user: String,
    pub(crate) rooms: Vec<u64>,
    pub(crate) connections: Vec<Connection>,
    /// Messages by client id.
    pub(crate) acknowledged: HashMap<String, Acknowledged>,
    /// Messages whose answer the client did not wait for, and that it did not repeat: stored or not, but not twice.
    pub(crate) abandoned: HashSet<String>,
    /// Reactions: where they are, and the message that each is on.
    pub(crate) reactions: Vec<(Acknowledged, u64)>,
    /// Where it ended in each room.
    pub(crate) cursors: BTreeMap<u64, u64>,
    /// Frames that have no business being there.
    pub(crate) odd: Vec<String>,
    /// Acknowledgements of what stood already.
    pub(crate) repeats: u64,
    /// Answers `unavailable`.
    pub(crate) refused: u64,
    /// Answers `outcome_unknown`.
    pub(crate) unknown: u64,
    /// Times that it was not answered in time and left.
    pub(crate) given_up: u64,
}

/// What every event said to those it was given to: kept once, as most of them see the same.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<HashMap<String, HashMap<Place, Value>>>);

impl Ledger {
    /// Notes what someone was given; what was given before, where it was something else.
    pub(crate) fn note(&self, epoch: &str, place: Place, event: &Value) -> Option<Value> {
        let mut epochs = self.0.lock();
        if !epochs.contains_key(epoch) {
            epochs.insert(epoch.to_owned(), HashMap::new());
        }
        let before = epochs.get_mut(epoch)?.entry(place).or_insert_with(|| event.clone());
        (before != event).then(|| before.clone())
    }

    /// What was given under an epoch.
    pub(crate) fn under(&self, epoch: &str) -> HashMap<Place, Value> {
        self.0.lock().get(epoch).cloned().unwrap_or_default()
    }
}

/// A ledger that all clients write to.
pub(crate) type SharedLedger = Arc<Ledger>;
