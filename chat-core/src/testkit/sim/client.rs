//! A client: does what users do, forgets nothing it needs to resume, and writes down everything.

mod act;
mod link;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::link::Link;
use super::{
    frame::Seen,
    names::NamedJson,
    record::{Asked, Note, Record, What},
    tamper::Tamper,
    world::{Node, Phase, World},
};
use crate::{
    engine::{Commands, ConnectOptions},
    event::EventBody,
    hooks::Principal,
    model::{ClientId, RoomId, Seq},
    protocol::{Command, Hello, Subscribe},
    signal::UnsubscribeReason,
    testkit::Rng,
    wire::{NativeJson, WireFormat},
};

/// A message that is to be stored, until the client is told for sure what became of it.
#[derive(Clone, Debug)]
struct Draft {
    room: RoomId,
    client_id: ClientId,
    content: String,
    /// Under way on this connection, as this frame.
    asked: Option<u64>,
}

pub(super) struct Client {
    world: Arc<World>,
    rng: Rng,
    record: Record,
    tamper: Tamper,
    follow: Subscribe,
    format: Arc<dyn WireFormat>,
    // What it keeps over connections.
    epoch: Option<String>,
    cursors: BTreeMap<RoomId, Seq>,
    drafts: Vec<Draft>,
    sent: VecDeque<Draft>,
    seen: VecDeque<(RoomId, Seq)>,
    own: VecDeque<(RoomId, Seq, ClientId)>,
    gaps: VecDeque<(RoomId, Seq, Seq)>,
    keys: u64,
    // What it knows of this connection.
    subs: BTreeSet<RoomId>,
    frames: u64,
}

enum Happened {
    Died,
    Phase,
    Frames(Option<Vec<Vec<u8>>>),
    GoesOn,
    Acts,
}

impl Client {
    pub(super) fn new(world: Arc<World>, index: usize, tamper: Tamper) -> Self {
        let mut rng = world.rng.fork(10_000 + index as u64);
        let user = world.user(index);
        let is_named = world.rng.fork(20_000 + index as u64).chance(0.3);
        let follow = if rng.chance(0.15) { Subscribe::Listed } else { Subscribe::All };
        Self {
            rng,
            record: Record { client: index, user, notes: Vec::new(), is_open: false },
            tamper,
            follow,
            format: if is_named { Arc::new(NamedJson) } else { Arc::new(NativeJson) },
            epoch: None,
            cursors: BTreeMap::new(),
            drafts: Vec::new(),
            sent: VecDeque::new(),
            seen: VecDeque::new(),
            own: VecDeque::new(),
            gaps: VecDeque::new(),
            keys: 0,
            subs: BTreeSet::new(),
            frames: 0,
            world,
        }
    }

    /// Lives until the simulation is over.
    pub(super) async fn run(mut self) -> Record {
        sleep(self.rng.up_to(Duration::from_secs(2))).await;
        while self.world.phase() != Phase::Over {
            if let Some(node) = self.world.pick(&mut self.rng) {
                self.connect(&node).await;
            }
            let most = if self.world.phase() == Phase::Storm { 3_000 } else { 300 };
            let wait = self.rng.up_to(Duration::from_millis(most));
            if !self.record.is_open {
                sleep(wait).await;
            }
        }
        self.record
    }

    fn note(&mut self, what: What) {
        if !matches!(what, What::Sees(_)) {
            self.say_in_trace(&format!("{what:?}"));
        }
        self.record.notes.push(Note { at: self.world.now(), what });
    }

    fn say_in_trace(&self, what: &str) {
        self.world.trace.add(self.world.now(), self.record.client, what);
    }

    fn hello(&mut self) -> Hello {
        if self.rng.chance(0.05) {
            // A new device.
            self.epoch = None;
            self.cursors.clear();
        }
        let mut rooms: BTreeMap<RoomId, Option<Seq>> = BTreeMap::new();
        for (room, seq) in &self.cursors {
            // What was seen last may not have been kept.
            let forgotten = if self.rng.chance(0.1) { self.rng.below(4) } else { 0 };
            rooms.insert(*room, if self.rng.chance(0.03) { None } else { Some(seq.back(forgotten)) });
        }
        if self.follow == Subscribe::Listed {
            for room in self.world.rooms.lock().clone() {
                if self.rng.chance(0.5) {
                    rooms.entry(room).or_insert(None);
                }
            }
        }
        Hello { token: None, epoch: self.epoch.clone(), rooms, subscribe: self.follow }
    }

    async fn connect(&mut self, node: &Arc<Node>) {
        let hello = self.hello();
        let is_push = self.rng.chance(0.5);
        let options = ConnectOptions::new(Arc::clone(&self.format), hello.clone());
        let principal = Principal::new(self.record.user.clone());
        let connecting = timeout(Duration::from_secs(15), node.engine.connect(principal, options));
        let connected = tokio::select! {
            biased;
            () = node.gate.died() => return,
            connected = connecting => connected,
        };
        let Ok(Ok(connected)) = connected else { return };
        let side = if is_push { "push" } else { "pull" };
        self.say_in_trace(&format!("begins on node {} ({side})", node.place));
        self.note(What::Begins { hello });
        self.subs.clear();
        self.tamper.reset();
        self.gaps.clear();
        for draft in &mut self.drafts {
            draft.asked = None;
        }
        let (commands, link) = Link::new(connected, is_push, &mut self.rng);
        let why = self.live(node, &commands, link).await;
        if let Some(why) = why {
            self.say_in_trace(why);
            self.note(What::Ends);
        } else {
            self.record.is_open = true;
        }
    }

    /// Goes on until the connection is over, and says why; `None`: the simulation is over.
    async fn live(&mut self, node: &Arc<Node>, commands: &Commands, mut link: Link) -> Option<&'static str> {
        let world = Arc::clone(&self.world);
        let mut next_act = Instant::now() + self.rng.up_to(world.plan.pace);
        let mut stalled: Option<Instant> = None;
        loop {
            match world.phase() {
                Phase::Over => return None,
                Phase::Calm | Phase::Hush if stalled.is_some() => {
                    link.stall(false);
                    stalled = None;
                }
                _ => {}
            }
            let happened = tokio::select! {
                biased;
                () = node.gate.died() => Happened::Died,
                () = world.turned.notified() => Happened::Phase,
                frames = link.next(commands), if stalled.is_none() => Happened::Frames(frames),
                () = sleep_until(stalled.unwrap_or(next_act)), if stalled.is_some() => Happened::GoesOn,
                () = sleep_until(next_act) => Happened::Acts,
            };
            match happened {
                Happened::Died => return Some("node died"),
                Happened::Phase => {}
                Happened::Frames(None) => return Some("closed"),
                Happened::Frames(Some(frames)) => {
                    for frame in frames {
                        self.take(&frame);
                    }
                }
                Happened::GoesOn => {
                    link.stall(false);
                    stalled = None;
                }
                Happened::Acts => {
                    next_act = Instant::now() + self.rng.up_to(world.plan.pace * 2);
                    match world.phase() {
                        Phase::Storm => {}
                        Phase::Calm => {
                            self.repeat_drafts(node, commands).await;
                            continue;
                        }
                        Phase::Hush | Phase::Over => continue,
                    }
                    let (what, long) = (self.rng.below(100), self.rng.up_to(Duration::from_secs(8)));
                    match what {
                        0 | 1 => return Some("vanished"),
                        2 => {
                            commands
                                .close(crate::protocol::Close::silent(crate::protocol::CloseCode::Normal));
                        }
                        3 => link.break_off(),
                        4..=6 if stalled.is_none() => {
                            link.stall(true);
                            stalled = Some(Instant::now() + long);
                        }
                        _ => {
                            let act = self.act(node, commands);
                            tokio::select! {
                                biased;
                                () = node.gate.died() => return Some("node died"),
                                () = act => {}
                            }
                        }
                    }
                }
            }
        }
    }

    fn take(&mut self, frame: &[u8]) {
        let text = String::from_utf8_lossy(frame);
        self.say_in_trace(&text);
        for seen in self.tamper.pass(Seen::read(frame)) {
            self.see(&seen);
            self.note(What::Sees(seen));
        }
    }

    fn see(&mut self, seen: &Seen) {
        match seen {
            Seen::Welcome { epoch, reset, heads, gone, .. } => {
                self.epoch = Some(epoch.clone());
                if *reset {
                    self.cursors.clear();
                }
                for room in gone {
                    self.cursors.remove(room);
                }
                for (room, head) in heads {
                    self.subs.insert(*room);
                    self.cursors.entry(*room).or_insert(*head);
                }
            }
            Seen::Subscribed { room, from, .. } => {
                self.subs.insert(*room);
                self.cursors.insert(*room, *from);
            }
            Seen::RoomAdded(listed) => {
                self.subs.insert(listed.id);
                self.cursors.insert(listed.id, listed.head);
            }
            Seen::Unsubscribed { room, reason } => {
                self.subs.remove(room);
                if *reason != UnsubscribeReason::Requested && self.rng.chance(0.5) {
                    self.cursors.remove(room);
                }
            }
            Seen::Gap { room, from, to } => {
                self.cursors.insert(*room, *to);
                self.gaps.push_back((*room, from.back(1), *to));
                self.gaps.truncate(8);
            }
            Seen::Event(event) => {
                self.cursors.insert(event.room, event.seq);
                if let EventBody::Message { message } = &event.body {
                    self.seen.push_front((event.room, message.seq));
                    self.seen.truncate(12);
                }
            }
            Seen::Ok { id, seq, .. } => {
                if let Some(at) = self.drafts.iter().position(|draft| draft.asked == Some(*id)) {
                    let draft = self.drafts.remove(at);
                    if let Some(seq) = seq {
                        self.own.push_front((draft.room, *seq, draft.client_id.clone()));
                        self.own.truncate(6);
                    }
                    self.sent.push_front(draft);
                    self.sent.truncate(5);
                }
            }
            Seen::Error { id: Some(id), code } => {
                if let Some(at) = self.drafts.iter().position(|draft| draft.asked == Some(*id)) {
                    match code.as_str() {
                        "unavailable" | "outcome_unknown" | "rate_limited" => self.drafts[at].asked = None,
                        _ => drop(self.drafts.remove(at)),
                    }
                }
            }
            _ => {}
        }
    }

    /// Gives a command to the node, when it takes one. `None`: the connection is over.
    async fn submit(&mut self, commands: &Commands, asked: Asked, command: Command) -> Option<u64> {
        self.frames += 1;
        let id = self.frames;
        let frame = crate::protocol::ClientFrame { id: Some(crate::protocol::FrameId::Number(id)), command };
        while commands.submit(frame.clone()).is_err() {
            if commands.end().is_some() {
                return None;
            }
            commands.ready().await;
        }
        self.note(What::Asks { id, asked });
        Some(id)
    }
}
