//! All connections and the loop that serves them.

use std::time::{Duration, Instant};

use chat_benches::{Poller, ReadBuffer, Ready, now_ns};

use crate::{
    Fallible,
    connection::Connection,
    intake::Intake,
    pace::{Pace, Until},
    room::{Room, Spread},
    session::{Phase, Session},
    target::Target,
};

/// Connections on their way at once: far below a listener's backlog and the server's bound on the unauthenticated.
const CONNECTING_MAX: usize = 128;
/// How long a server may take for the next few of them.
const CONNECTING_STALL: Duration = Duration::from_secs(20);
/// Publishes a publisher may have outstanding at a fixed rate, before more are left out.
const OUTSTANDING_MAX: u32 = 1_000;
/// Publishes made up for in one turn, so that a rate nobody can keep does not keep the generator from reading.
const DUE_A_TURN: usize = 1_000;

#[derive(Debug)]
pub(crate) struct Fleet {
    poller: Poller,
    ready: Vec<Ready>,
    buffer: ReadBuffer,
    connections: Vec<Connection>,
    rooms: Vec<Room>,
    /// Connections that publish.
    publishers: Vec<usize>,
    pub(crate) intake: Intake,
    pace: Pace,
    content: usize,
    /// When the next publish is due, and whose it is (fixed rate).
    due: u64,
    turn: usize,
    scratch: Vec<u8>,
}

impl Fleet {
    /// A fleet without connections, for these rooms.
    pub(crate) fn new(rooms: &[u64], content: usize, sample: u32) -> Fallible<Self> {
        Ok(Self {
            poller: Poller::new()?,
            ready: Vec::new(),
            buffer: ReadBuffer::new(),
            connections: Vec::new(),
            rooms: rooms.iter().copied().map(Room::new).collect(),
            publishers: Vec::new(),
            intake: Intake::new(sample),
            pace: Pace::Silent,
            content,
            due: 0,
            turn: 0,
            scratch: Vec::new(),
        })
    }

    /// Connects these sessions and waits until all are welcomed; returns how many a second were.
    pub(crate) fn connect(&mut self, target: &Target, sessions: Vec<Session>) -> Fallible<f64> {
        let (all, started) = (sessions.len(), Instant::now());
        let mut sessions = sessions.into_iter();
        let (mut welcomed, mut progress) = (0, started);
        while welcomed < all {
            let room_for = CONNECTING_MAX - (self.connections.len() - welcomed);
            for session in sessions.by_ref().take(room_for) {
                let key = self.connections.len();
                if session.publisher.is_some() {
                    self.publishers.push(key);
                    self.rooms[session.room].publishers.push(key);
                }
                self.connections.push(Connection::open(&target.base, &self.poller, key, session)?);
            }
            self.turn(Duration::from_millis(10))?;
            let live = self.rooms.iter().map(|room| room.live as usize).sum();
            if live > welcomed {
                (welcomed, progress) = (live, Instant::now());
            }
            let faults = &self.intake.faults.errors;
            if !faults.is_empty() || progress.elapsed() > CONNECTING_STALL {
                return Err(format!("{welcomed} of {all} connected, then: {faults:?}").into());
            }
        }
        Ok(all as f64 / started.elapsed().as_secs_f64())
    }

    /// Begins to publish.
    pub(crate) fn start(&mut self, pace: Pace) -> Fallible<()> {
        self.pace = pace;
        self.due = now_ns();
        self.intake.counts_spread = pace.waits_for_everyone();
        for (room, head) in self.heads().into_iter().enumerate() {
            self.rooms[room].spread = Spread::from(head);
        }
        self.publish_due()
    }

    /// Publishes nothing more and waits until everything is answered and delivered; what has not come by `patience`
    /// counts as lost. Returns how many that is.
    pub(crate) fn finish(&mut self, patience: Duration) -> Fallible<u64> {
        self.pace = Pace::Silent;
        let started = Instant::now();
        while started.elapsed() < patience && !(self.all_answered() && self.missing() == 0) {
            self.turn(Duration::from_millis(20))?;
        }
        Ok(self.missing())
    }

    /// Serves until `time` is over.
    pub(crate) fn serve(&mut self, time: Duration) -> Fallible<()> {
        let started = Instant::now();
        while let Some(left) = time.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
            self.turn(left.min(Duration::from_millis(20)))?;
        }
        Ok(())
    }

    /// One wait, and everything that was ready by then.
    fn turn(&mut self, wait_max: Duration) -> Fallible<()> {
        let wait = match self.pace {
            Pace::Rate { .. } => wait_max.min(Duration::from_nanos(self.due.saturating_sub(now_ns()))),
            _ => wait_max,
        };
        let mut ready = std::mem::take(&mut self.ready);
        self.poller.wait(&mut ready, Some(wait))?;
        for event in &ready {
            self.serve_one(event);
        }
        self.ready = ready;
        self.publish_due()
    }

    fn serve_one(&mut self, event: &Ready) {
        let connection = &mut self.connections[event.key];
        if connection.session.phase == Phase::Closed {
            return;
        }
        let room_at = connection.session.room;
        let room = &mut self.rooms[room_at];
        if event.readable
            && let Err(reason) = connection.receive(room, &mut self.intake, &mut self.buffer)
        {
            return self.lose(event.key, reason);
        }
        if let Pace::Window { size, until } = self.pace {
            match until {
                Until::Ok => self.top_up(event.key, size),
                Until::Everyone => {
                    let ended = room.spread.settle(room.live);
                    if ended > 0 {
                        room.open = room.open.saturating_sub(ended);
                        self.top_up_room(room_at, size);
                    }
                }
            }
        }
        self.flush(event.key);
    }

    /// What is due without anything having come: by the clock, or after a pause.
    fn publish_due(&mut self) -> Fallible<()> {
        match self.pace {
            Pace::Silent => {}
            Pace::Window { size, until: Until::Ok } => {
                for at in 0..self.publishers.len() {
                    self.top_up(self.publishers[at], size);
                    self.flush(self.publishers[at]);
                }
            }
            Pace::Window { size, until: Until::Everyone } => {
                for room in 0..self.rooms.len() {
                    self.top_up_room(room, size);
                }
            }
            Pace::Rate { interval_ns } => {
                for _ in 0..DUE_A_TURN {
                    if self.due > now_ns() {
                        break;
                    }
                    let key = *self.publishers.get(self.turn).ok_or("no publisher")?;
                    self.turn = (self.turn + 1) % self.publishers.len();
                    // Stamped with the time it was due, so that a late generator does not look like a fast server.
                    if self.publish(key, OUTSTANDING_MAX, self.due) {
                        self.flush(key);
                    } else {
                        self.intake.meter.held_back += 1;
                    }
                    self.due += interval_ns.max(1);
                }
            }
        }
        Ok(())
    }

    fn top_up(&mut self, key: usize, window: u32) {
        if self.connections[key].session.publisher.is_some() {
            while self.publish(key, window, now_ns()) {}
        }
    }

    fn top_up_room(&mut self, room: usize, window: u32) {
        for _ in 0..self.rooms[room].publishers.len() as u32 * window {
            let Room { publishers, open, turn, .. } = &mut self.rooms[room];
            if *open >= window * publishers.len() as u32 {
                break;
            }
            let key = publishers[*turn];
            *turn = (*turn + 1) % publishers.len();
            if self.publish(key, window, now_ns()) {
                self.rooms[room].open += 1;
                self.flush(key);
            }
        }
    }

    /// Queues one publish, unless that one has to wait.
    fn publish(&mut self, key: usize, outstanding_max: u32, stamp: u64) -> bool {
        let Session { phase, publisher, out, room, .. } = &mut self.connections[key].session;
        let publisher = publisher.as_mut().filter(|publisher| publisher.may(stamp, outstanding_max));
        let Some(publisher) = publisher.filter(|_| *phase == Phase::Live) else {
            return false;
        };
        publisher.push(out, &mut self.scratch, self.rooms[*room].id, self.content, stamp);
        true
    }

    fn flush(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        if connection.session.phase != Phase::Closed
            && let Err(error) = connection.flush(&self.poller)
        {
            self.lose(key, error.to_string());
        }
    }

    #[cold]
    fn lose(&mut self, key: usize, reason: String) {
        let connection = &mut self.connections[key];
        if connection.session.phase == Phase::Live {
            self.rooms[connection.session.room].live -= 1;
        }
        connection.session.phase = Phase::Closed;
        connection.close();
        self.intake.faults.error(reason);
    }

    fn live_sessions(&self) -> impl Iterator<Item = &Session> {
        self.connections.iter().map(|connection| &connection.session).filter(|it| it.phase == Phase::Live)
    }

    fn all_answered(&self) -> bool {
        let mut publishers = self.live_sessions().filter_map(|session| session.publisher.as_ref());
        publishers.all(|publisher| publisher.outstanding == 0)
    }

    /// The highest seq of each room that anybody was told of.
    fn heads(&self) -> Vec<u64> {
        let mut heads: Vec<u64> = self.rooms.iter().map(|room| room.acked).collect();
        for session in self.live_sessions() {
            heads[session.room] = heads[session.room].max(session.cursor.last());
        }
        heads
    }

    /// Events not given to connections that are live.
    fn missing(&self) -> u64 {
        let heads = self.heads();
        self.live_sessions().map(|session| session.cursor.missing(heads[session.room])).sum()
    }
}
