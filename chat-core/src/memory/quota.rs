//! Budgets in memory.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    fmt,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    bus::{Quota, QuotaKey},
    limits::Rate,
};

/// Locks that keys are spread over.
const SHARDS: usize = 32;

/// Budgets that each call looks at, to forget those that are full again.
const LOOKED_AT: usize = 2;

/// The budgets of a cluster of one process: the generic cell rate algorithm, in whole nanoseconds, rounded so that
/// no more than the rate is ever granted.
///
/// A budget that is full again is forgotten: each call looks at two others of its shard, in turn, so that a shard
/// never holds many more than twice the budgets that were in use at once.
pub(super) struct LocalQuota {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Default)]
struct Shard {
    /// When each budget will be full again.
    full_at: HashMap<QuotaKey, Instant>,
    /// Every key of the map once, the one to look at next first.
    turns: VecDeque<QuotaKey>,
}

impl Shard {
    fn take(&mut self, key: QuotaKey, cost: u32, rate: Rate, now: Instant) -> Result<(), Duration> {
        let interval = nanos_each(rate);
        let whole = times(interval, rate.burst);
        let granted = |full_at: Instant| {
            let full_at = full_at.max(now).checked_add(times(interval, cost)).ok_or(Duration::MAX)?;
            let over = full_at.duration_since(now).saturating_sub(whole);
            if over.is_zero() { Ok(full_at) } else { Err(over) }
        };
        match self.full_at.entry(key) {
            Entry::Occupied(mut entry) => {
                let full_at = granted(*entry.get())?;
                entry.insert(full_at);
            }
            Entry::Vacant(entry) => {
                let full_at = granted(now)?;
                self.turns.push_back(entry.key().clone());
                entry.insert(full_at);
            }
        }
        Ok(())
    }

    fn forget(&mut self, now: Instant) {
        for _ in 0..LOOKED_AT {
            let Some(key) = self.turns.pop_front() else { return };
            if self.full_at.get(&key).is_some_and(|full_at| *full_at > now) {
                self.turns.push_back(key);
            } else {
                self.full_at.remove(&key);
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

impl Quota for LocalQuota {
    fn take(&self, key: QuotaKey, cost: u32, rate: Rate) -> Result<(), Duration> {
        if cost == 0 {
            return Ok(());
        }
        if cost > rate.burst {
            return Err(Duration::MAX);
        }
        let at = self.hasher.hash_one(&key) as usize % SHARDS;
        let now = Instant::now();
        let mut shard = self.shards[at].lock();
        shard.forget(now);
        shard.take(key, cost, rate, now)
    }
}

impl Default for LocalQuota {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl fmt::Debug for LocalQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: usize = self.shards.iter().map(|shard| shard.lock().full_at.len()).sum();
        f.debug_struct("LocalQuota").field("keys", &keys).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
