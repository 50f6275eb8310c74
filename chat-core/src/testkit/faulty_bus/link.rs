//! A node's part of a faulty bus.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::AbortHandle,
    time::{Instant, sleep_until},
};

use super::{
    BusFaults, Condition, Control, Rng, Told,
    pipe::{Held, Pipe},
};
use crate::{
    bus::{Bus, BusError, Edge, Incoming, Lease, Leases, Lost, Payload, Topic},
    model::{ConnectionId, NodeId, UserId},
    signal::PresenceStatus,
};

/// What waits for a node that does not read; above, the bus within loses it, and says so.
const INCOMING_MAX: usize = 1_024;

/// What the pump, the bus and the leases of one node share.
pub(super) struct Link {
    node: NodeId,
    control: Arc<Control>,
    inner: Arc<dyn Bus>,
    state: Mutex<LinkState>,
    /// Something was put into the pipe.
    changed: Notify,
}

struct LinkState {
    pipe: Pipe,
    /// Subscriptions asked for while cut off.
    unconfirmed: Vec<Topic>,
}

impl Link {
    pub(super) fn new(node: NodeId, control: Arc<Control>, rng: Rng, inner: Arc<dyn Bus>) -> Self {
        let state = LinkState { pipe: Pipe::new(rng), unconfirmed: Vec::new() };
        Self { node, control, inner, state: Mutex::new(state), changed: Notify::new() }
    }

    pub(super) const fn node(&self) -> NodeId {
        self.node
    }

    /// The node is well again.
    pub(super) fn mend(&self) {
        let (faults, now) = (self.control.faults(), Instant::now());
        let mut state = self.state.lock();
        let topics = std::mem::take(&mut state.unconfirmed);
        if !topics.is_empty() {
            state.pipe.hold(now, Held::Confirm(topics, None));
        }
        state.pipe.lose_all(&faults, now);
        drop(state);
        self.changed.notify_one();
    }

    fn condition(&self) -> Option<Condition> {
        self.control.condition(self.node)
    }

    fn is_cut(&self) -> bool {
        self.condition() == Some(Condition::Cut)
    }

    /// Something came from the bus within.
    fn take_in(&self, incoming: Incoming) {
        let (faults, condition, now) = (self.control.faults(), self.condition(), Instant::now());
        let pipe = &mut self.state.lock().pipe;
        match condition {
            None => pipe.take_in(incoming, &faults, now),
            // Who is told at once is told when it hears again.
            Some(_) if faults.told == Told::AtOnce => {}
            Some(_) => pipe.lose_all(&faults, now),
        }
    }

    /// A subscription's time has come.
    async fn confirm(&self, topics: Vec<Topic>, waiting: Option<oneshot::Sender<()>>) -> Option<Lost> {
        if self.is_cut() {
            self.state.lock().unconfirmed.extend(topics);
            return None;
        }
        // Where the bus within refuses, it is the one to confirm later and to say so.
        self.inner.subscribe(&topics).await.ok()?;
        let told = waiting.is_some_and(|waiting| waiting.send(()).is_ok());
        (!told && !topics.is_empty()).then_some(Lost::Topics(topics))
    }

    /// Moves what comes in from the bus within to the node, each thing at its time.
    async fn pump(&self, mut incoming: mpsc::Receiver<Incoming>, out: mpsc::Sender<Incoming>) {
        loop {
            let due = self.state.lock().pipe.first_due();
            tokio::select! {
                biased;
                () = out.closed() => return,
                () = self.changed.notified() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                next = incoming.recv() => match next {
                    Some(next) => self.take_in(next),
                    None => return,
                },
            }
            loop {
                let next = self.state.lock().pipe.next(Instant::now());
                let arrived = match next {
                    Some(Held::Incoming(incoming)) => Some(incoming),
                    Some(Held::Confirm(topics, waiting)) => {
                        self.confirm(topics, waiting).await.map(Incoming::Lost)
                    }
                    None => break,
                };
                if let Some(arrived) = arrived
                    && out.send(arrived).await.is_err()
                {
                    return;
                }
            }
        }
    }
}

/// The bus as the node sees it. Dropping it ends the pump, and so leaves the bus within.
pub(super) struct FaultyLink {
    link: Arc<Link>,
    pump: AbortHandle,
}

impl FaultyLink {
    pub(super) fn start(
        link: Arc<Link>,
        incoming: mpsc::Receiver<Incoming>,
    ) -> (Self, mpsc::Receiver<Incoming>) {
        let (out, outer) = mpsc::channel(INCOMING_MAX);
        let pumped = Arc::clone(&link);
        let pump = tokio::spawn(async move { pumped.pump(incoming, out).await }).abort_handle();
        (Self { link, pump }, outer)
    }
}

#[async_trait]
impl Bus for FaultyLink {
    fn publish(&self, topic: Topic, payload: Payload) {
        if !self.link.is_cut() {
            self.link.inner.publish(topic, payload);
        }
    }

    async fn subscribe(&self, topics: &[Topic]) -> Result<(), BusError> {
        let BusFaults { refuse, stall, confirm_after, .. } = self.link.control.faults();
        let cut = self.link.is_cut();
        let confirmed = {
            let mut state = self.link.state.lock();
            let rng = state.pipe.rng();
            let (refused, stalled) = (rng.chance(refuse), rng.chance(stall));
            let due = Instant::now() + rng.up_to(confirm_after);
            if cut {
                state.unconfirmed.extend_from_slice(topics);
                return Err(BusError::new("subscribe: cut off"));
            }
            if refused {
                state.pipe.hold(due, Held::Confirm(topics.to_vec(), None));
                self.link.changed.notify_one();
                return Err(BusError::new("subscribe: refused"));
            }
            stalled.then(|| {
                let (confirm, confirmed) = oneshot::channel();
                state.pipe.hold(due, Held::Confirm(topics.to_vec(), Some(confirm)));
                self.link.changed.notify_one();
                confirmed
            })
        };
        match confirmed {
            Some(confirmed) => confirmed.await.map_err(|_| BusError::new("subscribe: given up")),
            None => self.link.inner.subscribe(topics).await,
        }
    }

    async fn unsubscribe(&self, topics: &[Topic]) {
        {
            let mut state = self.link.state.lock();
            state.unconfirmed.retain(|topic| !topics.contains(topic));
            state.pipe.forget(topics);
        }
        self.link.inner.unsubscribe(topics).await;
    }

    async fn renew_epoch(&self, epoch: &str) -> Result<(), BusError> {
        self.link.inner.renew_epoch(epoch).await
    }

    fn is_healthy(&self) -> bool {
        !self.link.is_cut() && self.link.inner.is_healthy()
    }
}

impl Drop for FaultyLink {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Leases whose calls fail.
pub(super) struct FaultyLeases {
    link: Arc<Link>,
    inner: Arc<dyn Leases>,
}

impl FaultyLeases {
    pub(super) fn new(link: Arc<Link>, inner: Arc<dyn Leases>) -> Self {
        Self { link, inner }
    }

    /// Fails, or says whether the answer to a call that goes through is lost.
    fn asked(&self, operation: &'static str) -> Result<Answer, BusError> {
        let faults = self.link.control.faults();
        let (fails, after) = {
            let mut state = self.link.state.lock();
            let rng = state.pipe.rng();
            (rng.chance(faults.leases), rng.chance(0.5))
        };
        if self.link.is_cut() || (fails && !after) {
            return Err(BusError::new(operation));
        }
        Ok(Answer { operation, lost: fails })
    }
}

/// What becomes of an answer.
struct Answer {
    operation: &'static str,
    lost: bool,
}

impl Answer {
    fn of<T>(self, answer: Result<T, BusError>) -> Result<T, BusError> {
        if self.lost { Err(BusError::new(self.operation)) } else { answer }
    }
}

#[async_trait]
impl Leases for FaultyLeases {
    async fn renew(&self, leases: &[Lease], ttl: Duration) -> Result<Vec<Edge>, BusError> {
        self.asked("renew")?.of(self.inner.renew(leases, ttl).await)
    }

    async fn release(&self, leases: &[(UserId, ConnectionId)]) -> Result<Vec<Edge>, BusError> {
        self.asked("release")?.of(self.inner.release(leases).await)
    }

    async fn read(&self, users: &[UserId]) -> Result<Vec<PresenceStatus>, BusError> {
        self.asked("read")?.of(self.inner.read(users).await)
    }

    async fn expired(&self) -> Result<Vec<Edge>, BusError> {
        self.asked("expired")?.of(self.inner.expired().await)
    }
}

impl fmt::Debug for FaultyLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyLink")
            .field("node", &self.link.node)
            .field("inner", &self.link.inner)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FaultyLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyLeases").field("inner", &self.inner).finish_non_exhaustive()
    }
}
