//! A store that fails as stores do, from a seed.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::Future,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::sleep};

use super::{Rng, forward::prelude::*};
use crate::store::StoreErrorKind;

/// How often calls of one kind fail, and how. The default is never; probabilities are from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "tests build it, with the rest from the default")]
pub struct CallFaults {
    /// Calls that fail with `Unavailable` and do nothing.
    pub unavailable: f64,
    /// Calls that take effect and whose answer is lost: `Unknown` for a write, `Unavailable` for a read.
    pub answer_lost: f64,
    /// Calls that do nothing and fail as if only the answer had been lost.
    pub request_lost: f64,
    /// Calls that take up to `stall_max`, half of them before and half of them after they take effect.
    pub stall: f64,
    /// See there.
    pub stall_max: Duration,
}

/// How often a [`FaultyStore`] fails, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "tests build it, with the rest from the default")]
pub struct StoreFaults {
    /// Of [`LogStore::commit`].
    pub commits: CallFaults,
    /// Of the other writes.
    pub writes: CallFaults,
    /// Of reads.
    pub reads: CallFaults,
}

/// What happens to one commit, by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests choose one")]
pub enum CommitFault {
    /// It goes through.
    Nothing,
    /// `Unavailable`, and nothing is stored.
    Unavailable,
    /// `Unknown`, and it is stored.
    AnswerLost,
    /// `Unknown`, and nothing is stored.
    RequestLost,
}

/// A store around another one, that fails before a write, loses the answer after it, and stalls, by rates and by
/// hand. All chance comes from the seed, all time from the runtime. Clones are the same store, so that a test keeps
/// one to give orders.
pub struct FaultyStore<S: ?Sized> {
    inner: Arc<S>,
    control: Arc<Control>,
}

struct Control {
    state: Mutex<State>,
    /// Not a `watch`, which wakes its waiters in an order of chance.
    thawed: Notify,
}

struct State {
    rng: Rng,
    faults: StoreFaults,
    down: bool,
    frozen: bool,
    script: VecDeque<CommitFault>,
    calls: BTreeMap<&'static str, u64>,
    /// Methods that are to panic once, and how many of their calls come before that.
    panics: BTreeMap<&'static str, u64>,
    /// Methods that take a time of their own.
    slow: BTreeMap<&'static str, Duration>,
}

/// What becomes of one call.
struct Plan {
    fault: CommitFault,
    before: Duration,
    after: Duration,
}

impl Control {
    /// Waits while it is frozen.
    async fn thawed(&self) {
        loop {
            let mut thawed = std::pin::pin!(self.thawed.notified());
            thawed.as_mut().enable();
            if !self.state.lock().frozen {
                return;
            }
            thawed.await;
        }
    }
}

impl<S: Store + ?Sized> FaultyStore<S> {
    /// Wraps a store, without faults as yet.
    #[must_use]
    pub fn new(inner: Arc<S>, seed: u64) -> Self {
        let state = State {
            rng: Rng::new(seed),
            faults: StoreFaults::default(),
            down: false,
            frozen: false,
            script: VecDeque::new(),
            calls: BTreeMap::new(),
            panics: BTreeMap::new(),
            slow: BTreeMap::new(),
        };
        let control = Control { state: Mutex::new(state), thawed: Notify::new() };
        Self { inner, control: Arc::new(control) }
    }

    /// With these faults from the beginning.
    #[must_use]
    pub fn with_faults(self, faults: StoreFaults) -> Self {
        self.set_faults(faults);
        self
    }

    /// From now on it fails like this.
    pub fn set_faults(&self, faults: StoreFaults) {
        self.control.state.lock().faults = faults;
    }

    /// What happens to the next commits, one after the other, whatever the rates say.
    pub fn script(&self, commits: impl IntoIterator<Item = CommitFault>) {
        self.control.state.lock().script.extend(commits);
    }

    /// From now on every call fails with `Unavailable`.
    pub fn go_down(&self) {
        self.control.state.lock().down = true;
    }

    /// Ends [`FaultyStore::go_down`].
    pub fn come_back(&self) {
        self.control.state.lock().down = false;
    }

    /// From now on calls wait before they take effect.
    pub fn freeze(&self) {
        self.control.state.lock().frozen = true;
    }

    /// Ends [`FaultyStore::freeze`]; the calls that wait go on.
    pub fn thaw(&self) {
        self.control.state.lock().frozen = false;
        self.control.thawed.notify_waiters();
    }

    /// A method panics, once, after so many further calls. It goes by its name; `commit_held` counts as `commit`.
    pub fn panic_after(&self, method: &'static str, calls: u64) {
        self.control.state.lock().panics.insert(method, calls);
    }

    /// From now on each call of a method takes so long before it takes effect.
    pub fn slow_down(&self, method: &'static str, takes: Duration) {
        self.control.state.lock().slow.insert(method, takes);
    }

    /// How often a method was called so far, by its name.
    #[must_use]
    pub fn calls(&self, method: &str) -> u64 {
        self.control.state.lock().calls.get(method).copied().unwrap_or(0)
    }

    async fn pass<T>(
        &self,
        kind: Kind,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let Plan { fault, before, after } = self.plan(kind, operation);
        self.control.thawed().await;
        if !before.is_zero() {
            sleep(before).await;
        }
        let unknown = if kind == Kind::Read { StoreErrorKind::Unavailable } else { StoreErrorKind::Unknown };
        let answer = match fault {
            CommitFault::Nothing => call.await,
            CommitFault::Unavailable => Err(StoreError::new(StoreErrorKind::Unavailable, operation)),
            // A failure of its own is no success with a lost answer.
            CommitFault::AnswerLost => call.await.and(Err(StoreError::new(unknown, operation))),
            CommitFault::RequestLost => Err(StoreError::new(unknown, operation)),
        };
        if !after.is_zero() {
            sleep(after).await;
        }
        answer
    }

    fn plan(&self, kind: Kind, operation: &'static str) -> Plan {
        let state = &mut *self.control.state.lock();
        *state.calls.entry(operation).or_default() += 1;
        match state.panics.get_mut(operation) {
            Some(0) => {
                state.panics.remove(operation);
                panic!("the store panics in {operation}, as told");
            }
            Some(calls) => *calls -= 1,
            None => {}
        }
        let faults = match kind {
            Kind::Commit => state.faults.commits,
            Kind::Write => state.faults.writes,
            Kind::Read => state.faults.reads,
        };
        // Everything is drawn each time, so that one rate does not change what another one meets.
        let rng = &mut state.rng;
        let unavailable = rng.chance(faults.unavailable);
        let (answer_lost, request_lost) = (rng.chance(faults.answer_lost), rng.chance(faults.request_lost));
        let (stalls, first, time) = (rng.chance(faults.stall), rng.chance(0.5), rng.up_to(faults.stall_max));
        let scripted = if kind == Kind::Commit { state.script.pop_front() } else { None };
        let fault = match scripted {
            _ if state.down => CommitFault::Unavailable,
            Some(fault) => fault,
            None if unavailable => CommitFault::Unavailable,
            None if request_lost => CommitFault::RequestLost,
            None if answer_lost => CommitFault::AnswerLost,
            None => CommitFault::Nothing,
        };
        let part = |mine: bool| if stalls && mine { time } else { Duration::ZERO };
        let slow = state.slow.get(operation).copied().unwrap_or_default();
        Plan { fault, before: slow + part(first), after: part(!first) }
    }

    async fn commit_through(
        &self,
        changes: Vec<Change>,
        holds: Holds,
    ) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        self.pass(Kind::Commit, "commit", holds.commit(&*self.inner, changes)).await
    }

    async fn events_through(
        &self,
        room: RoomId,
        after: Seq,
        limit: EventLimit,
    ) -> Result<EventPage, StoreError> {
        self.pass(Kind::Read, "events", self.inner.events(room, after, limit)).await
    }
}

forward_store!(FaultyStore);

impl<S: ?Sized> Clone for FaultyStore<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), control: Arc::clone(&self.control) }
    }
}

impl<S: fmt::Debug + ?Sized> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.control.state.lock();
        f.debug_struct("FaultyStore")
            .field("faults", &state.faults)
            .field("down", &state.down)
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
