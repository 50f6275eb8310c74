//! Wall-clock time and all chance, so that a seed replays a whole system.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::model::Timestamp;

/// Where the engine gets the time of day and random numbers from. (How long things take it asks of the runtime.)
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time of day. The engine makes it non-decreasing per room.
    fn now(&self) -> Timestamp;

    /// A number that nobody can foresee: ids of connections and nodes, epochs, jitter.
    fn random(&self) -> u64;
}

/// The system's clock and the system's randomness.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no parts")]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    fn random(&self) -> u64 {
        getrandom::u64().unwrap_or_else(|_| {
            // No system randomness (an early boot, a bare sandbox): the time keeps ids apart, if not secret.
            self.now().as_micros().cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15)
        })
    }
}
