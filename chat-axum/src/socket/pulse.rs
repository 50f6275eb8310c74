//! One ticker for all sockets: pings, death by silence, and ends that take too long.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chat_core::{
    Limits,
    protocol::{Close, CloseCode},
};
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    PATIENCE,
    live::{Ear, Live},
};
use crate::ws::{Beat, Heartbeat, frame};

/// So often within the time between two pings each connection is looked at; deaths are late by as much at most.
const LOOKS: u32 = 8;

/// The connections are looked at in so many groups, one after another, so that not all are pinged at one moment.
const GROUPS_MAX: u128 = 16;

/// A tick is not shorter than this.
const TICK_MIN: Duration = Duration::from_millis(5);

/// Connections looked at before others have their turn on the thread.
const CHUNK: usize = 64;

/// Watches over the connections of a router. Its task exists only while there are some.
pub(super) struct Pulse {
    groups: Box<[Mutex<Vec<Watched>>]>,
    next: AtomicUsize,
    running: Mutex<bool>,
    ended: CancellationToken,
    began: Instant,
    tick: Duration,
    every: Duration,
    silence_max: Duration,
    patience: Duration,
    ping: Vec<u8>,
}

/// One connection. That it has ended is seen by its being gone.
struct Watched {
    live: Weak<Live>,
    heartbeat: Heartbeat,
    /// Since when, in milliseconds, its end has been settled; 0: it is not.
    closing: u64,
}

impl Pulse {
    pub(super) fn new(limits: &Limits) -> Self {
        let round = limits.heartbeat / LOOKS;
        let groups = (round.as_micros() / TICK_MIN.as_micros()).clamp(1, GROUPS_MAX) as u32;
        let mut ping = Vec::new();
        frame::ping(&mut ping, &[]);
        Self {
            groups: (0..groups).map(|_| Mutex::default()).collect(),
            next: AtomicUsize::new(0),
            running: Mutex::new(false),
            ended: CancellationToken::new(),
            began: Instant::now(),
            tick: (round / groups).max(TICK_MIN),
            every: limits.heartbeat,
            silence_max: limits.heartbeat_dead,
            patience: PATIENCE.min(limits.heartbeat_dead),
            ping,
        }
    }

    /// Takes a connection in, and starts to tick where it is the first.
    pub(super) fn watch(self: &Arc<Self>, live: &Arc<Live>) {
        let group = self.next.fetch_add(1, Ordering::Relaxed) % self.groups.len();
        let heartbeat = Heartbeat::new(self.now());
        self.groups[group].lock().push(Watched { live: Arc::downgrade(live), heartbeat, closing: 0 });
        let mut running = self.running.lock();
        if !*running {
            *running = true;
            tokio::spawn(Arc::clone(self).run());
        }
    }

    /// Cuts off what is left, and ticks no more.
    pub(super) fn end(&self) {
        self.ended.cancel();
        for group in &self.groups {
            for watched in std::mem::take(&mut *group.lock()) {
                if let Some(live) = watched.live.upgrade() {
                    live.io.close();
                }
            }
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn run(self: Arc<Self>) {
        let mut at = Instant::now();
        loop {
            for group in &self.groups {
                at += self.tick;
                tokio::select! {
                    biased;
                    () = self.ended.cancelled() => return,
                    () = tokio::time::sleep_until(at) => {}
                }
                // After a pause of the whole process there is nothing to catch up with.
                at = at.max(Instant::now() - self.tick);
                self.look_at(group).await;
            }
            let mut running = self.running.lock();
            // A connection is taken in before `running` is looked at, so that none is overlooked.
            if self.groups.iter().all(|group| group.lock().is_empty()) {
                *running = false;
                return;
            }
        }
    }

    /// Looks at a group's connections, without holding up those that come in meanwhile.
    async fn look_at(&self, group: &Mutex<Vec<Watched>>) {
        let mut all = std::mem::take(&mut *group.lock());
        let mut kept = 0;
        for at in 0..all.len() {
            if self.look(&mut all[at]) {
                all.swap(kept, at);
                kept += 1;
            }
            if at % CHUNK == CHUNK - 1 {
                tokio::task::yield_now().await;
            }
        }
        all.truncate(kept);
        all.shrink_to(2 * kept);
        let mut new = group.lock();
        all.append(&mut new);
        *new = all;
    }

    /// Looks at one connection. `false`: it has ended.
    fn look(&self, watched: &mut Watched) -> bool {
        let Some(live) = watched.live.upgrade() else { return false };
        let now = self.now();
        if live.commands.closing().is_some() {
            let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX).max(1);
            if watched.closing == 0 {
                watched.closing = millis;
            } else if u128::from(millis - watched.closing) >= self.patience.as_millis() {
                // Who does not read its last frames does without them.
                live.io.close();
            }
            return true;
        }
        match live.listen() {
            Ear::Heard => watched.heartbeat.resume(now),
            Ear::Unread => watched.heartbeat.pause(),
            Ear::Quiet => {}
        }
        match watched.heartbeat.beat(now, self.every, self.silence_max) {
            Beat::Rest(_) => {}
            Beat::Ping => live.commands.send_raw(&self.ping),
            Beat::Dead => live.commands.close(Close::silent(CloseCode::HeartbeatTimeout)),
        }
        true
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}
