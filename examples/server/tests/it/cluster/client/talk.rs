//! What is said on one connection.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Client, End};
use crate::{
    cluster::record::{Acknowledged, Answered, Given},
    socket::{Heard, Socket},
};

/// Until a node that does not answer is given up.
const PATIENCE: Duration = Duration::from_secs(3);

/// Commands of a client that are not answered yet.
const PENDING_MAX: usize = 3;

/// The longest that a client reads nothing.
const STALL: Duration = Duration::from_millis(1_500);

/// Before a refused command is said again, where nothing else was asked for.
const AGAIN: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(400)];

/// Messages kept to react to.
const SEEN_MAX: usize = 8;

/// What is wanted.
#[derive(Clone, Debug)]
enum Wish {
    Send { client_id: String, content: String },
    React { target: u64, emoji: &'static str },
    Ping,
}

/// A command that is not answered yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    room: u64,
    wish: Wish,
    /// The number of the frame that it was last said in, on this connection.
    frame: Option<u64>,
    /// Said before this connection, or refused on it: its place tells nothing of the order here.
    is_old: bool,
    /// Not to be said before this, nor to be waited for beyond it.
    due: Instant,
}

impl Pending {
    fn new(room: u64, wish: Wish) -> Self {
        Self { room, wish, frame: None, is_old: false, due: Instant::now() }
    }

    pub(super) const fn is_message(&self) -> bool {
        matches!(self.wish, Wish::Send { .. })
    }

    pub(super) const fn was_said(&self) -> bool {
        self.frame.is_some()
    }

    pub(super) fn into_client_id(self) -> String {
        match self.wish {
            Wish::Send { client_id, .. } => client_id,
            Wish::React { .. } | Wish::Ping => String::new(),
        }
    }

    pub(super) fn say_again(&mut self, at: Instant) {
        self.is_old |= self.frame.take().is_some();
        self.due = at;
    }

    fn to_frame(&self, number: u64) -> Value {
        let room = self.room;
        match &self.wish {
            Wish::Send { client_id, content } => json!({
                "type": "send", "id": number, "room_id": room, "content": content, "client_id": client_id,
            }),
            Wish::React { target, emoji } => {
                json!({ "type": "react", "id": number, "room_id": room, "seq": target, "emoji": emoji })
            }
            Wish::Ping => json!({ "type": "ping", "id": number }),
        }
    }
}

/// What holds for one connection alone.
struct Moment {
    /// Frames said.
    frames: u64,
    next_act: Instant,
    /// Until when nothing is read.
    stalled: Option<Instant>,
}

impl Client {
    /// Says and hears until it is over.
    pub(super) async fn converse(&mut self, socket: &mut Socket) -> End {
        let mut moment = Moment { frames: 0, next_act: self.next_act(), stalled: None };
        self.pending.retain(|pending| !matches!(pending.wish, Wish::Ping));
        loop {
            let now = Instant::now();
            let told = self.part.told.borrow_and_update().clone();
            if told.scatterings > self.scatterings {
                self.scatterings = told.scatterings;
                return End::Vanished;
            }
            if self.pending.iter().any(|pending| pending.frame.is_some() && pending.due <= now) {
                return End::GaveUp;
            }
            if let Err(end) = self.say_what_is_due(socket, &mut moment).await {
                return end;
            }
            if !told.is_sending && self.pending.is_empty() {
                if !self.is_silent {
                    self.is_silent = true;
                    self.part.progress.send_modify(|progress| progress.silent += 1);
                }
                if told.heads.is_some_and(|heads| self.has_read_to(&heads)) {
                    return End::Done;
                }
            }
            if moment.stalled.is_some_and(|until| until <= now) {
                moment.stalled = None;
            }
            if moment.next_act <= now {
                moment.next_act = self.next_act();
                if let Some(end) = self.act(told.is_sending, &mut moment) {
                    return end;
                }
                continue;
            }
            let dues = self.pending.iter().map(|pending| pending.due);
            let wake = dues.chain(moment.stalled).fold(moment.next_act, Instant::min);
            tokio::select! {
                heard = socket.hear(), if moment.stalled.is_none() => match heard {
                    Heard::Frame(frame) => self.hear(&frame),
                    Heard::End(code) => return End::Lost(code),
                },
                changed = self.part.told.changed() => changed.unwrap(),
                () = sleep_until(wake) => {}
            }
        }
    }

    fn next_act(&mut self) -> Instant {
        Instant::now() + self.part.chance.between(Duration::ZERO, self.part.pace * 2)
    }

    /// Does something; the end where that is what it does.
    fn act(&mut self, is_sending: bool, moment: &mut Moment) -> Option<End> {
        if moment.stalled.is_some() || self.pending.len() >= PENDING_MAX {
            return None;
        }
        if !is_sending {
            // Who only listens finds out whether there still is anyone.
            if self.pending.is_empty() {
                self.pending.push(Pending::new(0, Wish::Ping));
            }
            return None;
        }
        match self.part.chance.below(100) {
            0..3 => return Some(End::Vanished),
            3..8 => {
                let stall = self.part.chance.between(Duration::ZERO, STALL);
                moment.stalled = Some(Instant::now() + stall);
            }
            8..18 if !self.seen.is_empty() => {
                let (room, target) = *self.part.chance.pick(&self.seen);
                let emoji = *self.part.chance.pick(&["👍", "🎉", "👀"]);
                self.pending.push(Pending::new(room, Wish::React { target, emoji }));
            }
            18..20 => self.pending.push(Pending::new(0, Wish::Ping)),
            20..25 => {
                self.send();
                self.send();
                self.send();
            }
            _ => self.send(),
        }
        None
    }

    fn send(&mut self) {
        if self.pending.len() >= PENDING_MAX {
            return;
        }
        self.sent += 1;
        let client_id = format!("{}-{}", self.part.name, self.sent);
        let length = if self.part.chance.percent(5) { 2_000 } else { 20 };
        let content = format!("{client_id} {}", "x".repeat(self.part.chance.below(length)));
        let room = *self.part.chance.pick(&self.part.rooms);
        self.pending.push(Pending::new(room, Wish::Send { client_id, content }));
    }

    async fn say_what_is_due(&mut self, socket: &mut Socket, moment: &mut Moment) -> Result<(), End> {
        let now = Instant::now();
        for pending in self.pending.iter_mut().filter(|p| p.frame.is_none() && p.due <= now) {
            moment.frames += 1;
            let frame = pending.to_frame(moment.frames);
            pending.frame = Some(moment.frames);
            pending.due = now + PATIENCE + STALL;
            match timeout(PATIENCE, socket.say(&frame)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(End::Lost(None)),
                Err(_) => return Err(End::GaveUp),
            }
        }
        Ok(())
    }

    fn has_read_to(&self, heads: &BTreeMap<u64, u64>) -> bool {
        self.record.cursors.iter().all(|(room, cursor)| heads.get(room).is_some_and(|head| cursor >= head))
    }

    fn hear(&mut self, frame: &Value) {
        let room = frame["room_id"].as_u64().unwrap_or_default();
        match frame["type"].as_str().unwrap() {
            "ok" | "pong" => self.answered(frame),
            "error" => self.refused(frame),
            "gap" => {
                let (from, to) = (frame["from"].as_u64().unwrap(), frame["to"].as_u64().unwrap());
                self.give(Given::Gap { room, from, to });
                self.record.cursors.insert(room, to);
            }
            "presence" | "receipt" | "typing" | "unread" | "bye" => {}
            kind => match frame["seq"].as_u64() {
                Some(seq) if self.part.rooms.contains(&room) => {
                    self.give(Given::Event { room, seq });
                    self.record.cursors.insert(room, seq);
                    if kind == "message" {
                        self.seen.insert(0, (room, seq));
                        self.seen.truncate(SEEN_MAX);
                    }
                    let epoch = self.epoch.as_deref().unwrap_or_default();
                    if let Some(before) = self.part.ledger.note(epoch, (room, seq), frame) {
                        self.record.odd.push(format!("given {frame} where another was given {before}"));
                    }
                }
                _ => self.record.odd.push(frame.to_string()),
            },
        }
    }

    fn give(&mut self, given: Given) {
        self.record.connections.last_mut().unwrap().given.push(given);
    }

    fn take(&mut self, frame: &Value) -> Option<Pending> {
        let number = frame["id"].as_u64();
        let found =
            self.pending.iter().position(|pending| pending.frame.is_some() && pending.frame == number);
        if found.is_none() {
            self.record.odd.push(format!("an answer to nothing: {frame}"));
        }
        found.map(|index| self.pending.remove(index))
    }

    fn answered(&mut self, frame: &Value) {
        let Some(pending) = self.take(frame) else { return };
        let epoch = self.epoch.clone().unwrap_or_default();
        let (room, seq) = (pending.room, frame["seq"].as_u64());
        let acknowledged = seq.map(|seq| Acknowledged { epoch, place: (room, seq) });
        match (pending.wish, acknowledged) {
            (Wish::Ping, None) if frame["type"] == "pong" => return,
            (Wish::Send { client_id, content }, Some(acknowledged)) => {
                if frame["message"]["content"] != content {
                    self.record.odd.push(format!("{client_id} was acknowledged as another: {frame}"));
                }
                let before = self.record.acknowledged.insert(client_id, acknowledged);
                if before.is_some() {
                    self.record.odd.push(format!("acknowledged twice: {frame}"));
                }
            }
            (Wish::React { target, .. }, Some(acknowledged)) => {
                self.record.reactions.push((acknowledged, target));
            }
            // A reaction that stood already.
            (Wish::React { .. }, None) => {}
            (wish, _) => self.record.odd.push(format!("{wish:?} is answered by {frame}")),
        }
        if frame["repeat"] == true {
            self.record.repeats += 1;
        } else if let (Some(seq), Some(number), false) = (seq, pending.frame, pending.is_old) {
            let connection = self.record.connections.last_mut().unwrap();
            connection.stored.push(Answered { room, frame: number, seq });
        }
        let node = self.node;
        self.part.progress.send_modify(|progress| progress.acknowledged[node] += 1);
    }

    fn refused(&mut self, frame: &Value) {
        let Some(mut pending) = self.take(frame) else { return };
        match frame["code"].as_str().unwrap() {
            "unavailable" => self.record.refused += 1,
            "outcome_unknown" => self.record.unknown += 1,
            _ => {
                self.record.odd.push(frame.to_string());
                return;
            }
        }
        let wait = match frame["retry_after_ms"].as_u64() {
            Some(wait) => Duration::from_millis(wait),
            None => self.part.chance.between(AGAIN[0], AGAIN[1]),
        };
        pending.say_again(Instant::now() + wait);
        self.pending.push(pending);
    }
}
