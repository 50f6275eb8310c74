//! Time of day from the runtime's time, chance from a seed.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{clock::Clock, model::Timestamp, testkit::Rng};

/// When every simulation begins, as the clocks tell it.
const BEGAN: i64 = 1_700_000_000_000_000;

/// The clock of one simulated node. It may be off.
#[derive(Debug)]
pub struct SimClock {
    began: Instant,
    ahead: Duration,
    rng: Mutex<Rng>,
}

impl SimClock {
    /// A clock of a simulation that began at `began`, `ahead` of the others.
    #[must_use]
    pub const fn new(began: Instant, ahead: Duration, rng: Rng) -> Self {
        Self { began, ahead, rng: Mutex::new(rng) }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(BEGAN).plus(self.began.elapsed() + self.ahead)
    }

    fn random(&self) -> u64 {
        self.rng.lock().next_u64()
    }
}
