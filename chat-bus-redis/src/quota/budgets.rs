//! The budgets of one node.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    fmt,
    hash::{BuildHasher, RandomState},
    mem,
    time::Duration,
};

use chat_core::{bus::QuotaKey, limits::Rate};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Locks that keys are spread over.
const SHARDS: usize = 32;

/// Budgets that each call looks at, to forget those that are full again.
const LOOKED_AT: usize = 2;

/// Budgets of a lock that wait to be settled; what is granted of others meanwhile counts on this node alone.
const USED_MAX: usize = 2_048;

/// Above, Lua would not count exactly.
const MICROS_MAX: u64 = 1 << 50;

/// The generic cell rate algorithm, in whole nanoseconds, rounded so that no more than the rate is ever granted:
/// what others granted counts from when it is learned.
///
/// A budget that is full again is forgotten: each call looks at two others of its shard, in turn, so that a shard
/// never holds many more than twice the budgets that were in use at once.
pub(super) struct Budgets {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

/// What was granted of a budget and the others do not know of.
pub(super) struct Use {
    pub(super) key: QuotaKey,
    pub(super) micros: u64,
}

/// What all nodes together know of a budget.
pub(super) struct Answer {
    /// How long it would have taken until it was full, before what was told with the question.
    pub(super) owed: u64,
    /// All that was granted since it was full, with what was told.
    pub(super) total: u64,
    /// When the question was asked.
    pub(super) asked: Instant,
}

#[derive(Default)]
struct Shard {
    budgets: HashMap<QuotaKey, Budget>,
    /// Every key of the map once, the one to look at next first.
    turns: VecDeque<QuotaKey>,
    /// Keys with something to tell, each once.
    used: Vec<QuotaKey>,
}

struct Budget {
    full_at: Instant,
    /// Granted and not told, in microseconds.
    untold: u64,
    /// All that was granted anywhere when this node last asked.
    known: Option<u64>,
}

impl Budgets {
    pub(super) fn take(&self, key: QuotaKey, cost: u32, rate: Rate, now: Instant) -> Result<(), Duration> {
        if cost == 0 {
            return Ok(());
        }
        if cost > rate.burst {
            return Err(Duration::MAX);
        }
        let mut shard = self.shard(&key).lock();
        shard.forget(now);
        shard.take(key, cost, rate, now)
    }

    /// What there is to tell.
    pub(super) fn take_used(&self) -> Vec<Use> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = &mut *shard.lock();
            for key in mem::take(&mut shard.used) {
                if let Some(budget) = shard.budgets.get_mut(&key) {
                    all.push(Use { key, micros: mem::take(&mut budget.untold).min(MICROS_MAX) });
                }
            }
        }
        all
    }

    /// Counts what the others granted.
    pub(super) fn learn(&self, told: &Use, answer: &Answer) {
        let mut shard = self.shard(&told.key).lock();
        let Some(budget) = shard.budgets.get_mut(&told.key) else { return };
        let others = match budget.known {
            // What is there beside what was known and what was told. Less: it was full in between, and is new.
            Some(known) if answer.total >= known.saturating_add(told.micros) => {
                answer.total - known - told.micros
            }
            Some(_) => answer.total.saturating_sub(told.micros),
            None => answer.owed,
        };
        budget.known = Some(answer.total);
        if others > 0 {
            let from = budget.full_at.max(answer.asked);
            budget.full_at = from.checked_add(Duration::from_micros(others)).unwrap_or(budget.full_at);
        }
    }

    fn shard(&self, key: &QuotaKey) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}

impl Shard {
    fn take(&mut self, key: QuotaKey, cost: u32, rate: Rate, now: Instant) -> Result<(), Duration> {
        let interval = nanos_each(rate);
        let whole = times(interval, rate.burst);
        let earned_in = times(interval, cost);
        let granted = |full_at: Instant| {
            let full_at = full_at.max(now).checked_add(earned_in).ok_or(Duration::MAX)?;
            let over = full_at.duration_since(now).saturating_sub(whole);
            if over.is_zero() { Ok(full_at) } else { Err(over) }
        };
        let budget = match self.budgets.entry(key.clone()) {
            Entry::Occupied(entry) => {
                let budget = entry.into_mut();
                budget.full_at = granted(budget.full_at)?;
                budget
            }
            Entry::Vacant(entry) => {
                let full_at = granted(now)?;
                self.turns.push_back(key.clone());
                entry.insert(Budget { full_at, untold: 0, known: None })
            }
        };
        let is_listed = budget.untold > 0;
        if is_listed || self.used.len() < USED_MAX {
            let micros = u64::try_from(earned_in.as_micros()).unwrap_or(u64::MAX).max(1);
            budget.untold = budget.untold.saturating_add(micros);
            if !is_listed {
                self.used.push(key);
            }
        }
        Ok(())
    }

    fn forget(&mut self, now: Instant) {
        for _ in 0..LOOKED_AT {
            let Some(key) = self.turns.pop_front() else { return };
            // What is full and not told yet is forgotten when it was.
            if self.budgets.get(&key).is_some_and(|budget| budget.full_at > now || budget.untold > 0) {
                self.turns.push_back(key);
            } else {
                self.budgets.remove(&key);
            }
        }
    }
}

/// The time in which one is earned, rounded up.
fn nanos_each(rate: Rate) -> u64 {
    if rate.per_second > 0.0 {
        // A cast of a float saturates, so that the slowest rate is one in 584 years.
        (1e9 / rate.per_second).ceil().max(1.0) as u64
    } else {
        u64::MAX
    }
}

fn times(nanos: u64, n: u32) -> Duration {
    let total = u128::from(nanos) * u128::from(n);
    let seconds = u64::try_from(total / 1_000_000_000).unwrap_or(u64::MAX);
    Duration::from_secs(seconds).saturating_add(Duration::from_nanos((total % 1_000_000_000) as u64))
}

impl Default for Budgets {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: usize = self.shards.iter().map(|shard| shard.lock().budgets.len()).sum();
        f.debug_struct("Budgets").field("keys", &keys).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
