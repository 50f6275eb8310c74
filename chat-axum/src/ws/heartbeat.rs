//! Whether the peer still lives.

use std::time::Duration;

/// When to ping a connection and when to give it up. Knows no clock: `now` is the time since some fixed moment.
///
/// Whatever comes in counts as life, and time in which nothing was read counts for nobody.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    /// In milliseconds, as these are kept for every connection.
    heard: u64,
    pinged: u64,
    paused: bool,
}

/// What a look at the clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "nothing, a ping, or the end")]
pub enum Beat {
    /// Nothing to do before this time.
    Rest(Duration),
    /// Send a ping now; it is counted as sent.
    Ping,
    /// The peer is dead.
    Dead,
}

impl Heartbeat {
    /// A peer that has just been heard.
    #[must_use]
    pub fn new(now: Duration) -> Self {
        Self { heard: millis(now), pinged: millis(now), paused: false }
    }

    /// Bytes came in.
    pub fn heard(&mut self, now: Duration) {
        self.heard = millis(now);
    }

    /// The connection is not being read: silence says nothing.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// The connection is being read again.
    pub fn resume(&mut self, now: Duration) {
        self.paused = false;
        self.heard(now);
    }

    /// What to do at `now`, with a ping `every` so often and death after so long a silence.
    pub fn beat(&mut self, now: Duration, every: Duration, silence_max: Duration) -> Beat {
        let (now, every) = (millis(now), millis(every));
        let death = self.heard.saturating_add(millis(silence_max));
        if !self.paused && now >= death {
            return Beat::Dead;
        }
        let ping = self.pinged.saturating_add(every);
        if now >= ping {
            self.pinged = now;
            return Beat::Ping;
        }
        Beat::Rest(Duration::from_millis(if self.paused { ping } else { ping.min(death) }))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
