//! What a run found.

use std::{collections::BTreeMap, fmt};

use chat_benches::{Histogram, Usage};

use crate::meter::Faults;

/// What one side's process did in the measured time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) cpu: f64,
    pub(crate) voluntary_switches: u64,
    pub(crate) involuntary_switches: u64,
    /// At its end, in KiB.
    pub(crate) resident_kib: u64,
}

impl Spent {
    pub(crate) fn between(before: Usage, after: Usage) -> Self {
        Self {
            cpu: after.cpu - before.cpu,
            // Threads that ended take their counts with them.
            voluntary_switches: after.voluntary_switches.saturating_sub(before.voluntary_switches),
            involuntary_switches: after.involuntary_switches.saturating_sub(before.involuntary_switches),
            resident_kib: after.resident_kib,
        }
    }
}

/// Milliseconds from publish to delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Latency {
    pub(crate) fn of(histogram: &Histogram) -> Self {
        let ms = |ns: u64| ns as f64 / 1e6;
        let at = |share| ms(histogram.quantile(share));
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: ms(histogram.max()) }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Measured time.
    pub(crate) seconds: f64,
    pub(crate) deliveries: u64,
    pub(crate) bytes: u64,
    pub(crate) acks: u64,
    pub(crate) signals: u64,
    pub(crate) held_back: u64,
    pub(crate) latency: Latency,
    pub(crate) server: Option<Spent>,
    pub(crate) own: Spent,
    pub(crate) connected_per_second: f64,
    pub(crate) lost: u64,
    pub(crate) faults: Faults,
}

impl Outcome {
    /// Whether every event came to everyone once and in order, and nobody was refused or disconnected. A `gap` is said,
    /// and so allowed.
    pub(crate) fn is_clean(&self) -> bool {
        let Faults { repeated, out_of_order, errors, .. } = &self.faults;
        self.lost + repeated + out_of_order == 0 && errors.is_empty()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.deliveries as f64 / self.seconds
    }

    /// Microseconds of the server's CPU for each delivery.
    pub(crate) fn cpu_per_delivery(&self) -> Option<f64> {
        let deliveries = self.deliveries.max(1) as f64;
        self.server.map(|server| server.cpu * 1e6 / deliveries)
    }

    pub(crate) fn bytes_per_delivery(&self) -> f64 {
        self.bytes as f64 / self.deliveries.max(1) as f64
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, latency, faults, own, .. } = self;
        let per_second = |count: u64| grouped(count as f64 / seconds);
        writeln!(f, "deliveries/s        {}", grouped(self.per_second()))?;
        writeln!(f, "publishes/s         {}", per_second(self.acks))?;
        writeln!(f, "signals/s           {}", per_second(self.signals))?;
        writeln!(f, "bytes/delivery      {:.0}", self.bytes_per_delivery())?;
        let Latency { p50, p90, p99, max } = latency;
        writeln!(f, "latency ms          p50 {p50:.2}  p90 {p90:.2}  p99 {p99:.2}  max {max:.2}")?;
        if let (Some(server), Some(each)) = (&self.server, self.cpu_per_delivery()) {
            writeln!(
                f,
                "server CPU          {each:.3} µs/delivery, {:.0} % of a core",
                server.cpu / seconds * 100.0
            )?;
            writeln!(
                f,
                "server switches/s   {} voluntary, {} involuntary",
                per_second(server.voluntary_switches),
                per_second(server.involuntary_switches)
            )?;
            writeln!(f, "server memory       {} KiB", server.resident_kib)?;
        }
        writeln!(f, "generator CPU       {:.0} % of a core", own.cpu / seconds * 100.0)?;
        writeln!(f, "connected/s         {}", grouped(self.connected_per_second))?;
        writeln!(f, "lost                {}", self.lost)?;
        writeln!(f, "repeated            {}", faults.repeated)?;
        writeln!(f, "out of order        {}", faults.out_of_order)?;
        writeln!(f, "gaps                {} ({} events)", faults.gaps, faults.skipped)?;
        if self.held_back > 0 {
            writeln!(f, "publishes held back {}", self.held_back)?;
        }
        write!(f, "errors              {}", listed(&faults.errors))
    }
}

/// Errors by what they are.
pub(crate) fn listed(errors: &BTreeMap<String, u64>) -> String {
    if errors.is_empty() {
        return "none".to_owned();
    }
    errors.iter().map(|(what, count)| format!("{what}: {count}")).collect::<Vec<_>>().join(", ")
}

/// A whole number with its thousands apart.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let texts = [0.0, 999.4, 1_000.0, 1_234_567.8].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,568"]);
    }

    #[test]
    fn errors_are_listed() {
        let mut errors = BTreeMap::new();
        assert_eq!(listed(&errors), "none");
        errors.insert("rate_limited".to_owned(), 3);
        errors.insert("bye".to_owned(), 1);
        assert_eq!(listed(&errors), "bye: 1, rate_limited: 3");
    }
}
