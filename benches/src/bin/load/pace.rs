//! When to publish.

use clap::ValueEnum;

/// What ends a publish that is outstanding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// Its answer. The window is each publisher's.
    #[default]
    Ok,
    /// Its delivery to everyone in the room. The window is the room's: window times publishers.
    Everyone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as publishes end.
    Window { size: u32, until: Until },
    /// One in so many nanoseconds, in all.
    Rate { interval_ns: u64 },
    /// Never.
    Silent,
}

impl Pace {
    pub(crate) fn waits_for_everyone(self) -> bool {
        matches!(self, Self::Window { until: Until::Everyone, .. })
    }
}
