//! What was measured.

use std::{
    fmt,
    time::{Duration, Instant},
};

use chat_benches::Histogram;

use super::talk::Sent;

/// A message that took longer came by the store.
const BY_THE_BUS: Duration = Duration::from_millis(250);

/// At one rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    asked: u32,
    delivered_per_second: f64,
    p50: Duration,
    p99: Duration,
    /// Seconds of Redis's processor for each publish.
    cpu_each: f64,
    published_each: f64,
    pub(crate) undelivered: usize,
}

impl Figures {
    pub(crate) const HEAD: &str = "| messages/s | delivered/s | ack to delivery p50 ms | p99 ms | publishes a message | Redis CPU µs a publish | undelivered |\n\
         |---:|---:|---:|---:|---:|---:|---:|";

    pub(crate) fn of(sent: &[Sent], asked: u32, time: Duration, cpu: f64, published: u64) -> Self {
        let (latencies, undelivered) = latencies(sent.iter());
        let at = |share| Duration::from_nanos(latencies.quantile(share));
        let delivered = latencies.total() as f64;
        Self {
            asked,
            delivered_per_second: delivered / time.as_secs_f64(),
            p50: at(0.5),
            p99: at(0.99),
            cpu_each: cpu / published as f64,
            published_each: published as f64 / delivered,
            undelivered,
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {:.0} | {:.2} | {:.2} | {:.2} | {:.1} | {} |",
            self.asked,
            self.delivered_per_second,
            millis(self.p50),
            millis(self.p99),
            self.published_each,
            self.cpu_each * 1e6,
            self.undelivered,
        )
    }
}

/// While the bus was away, and after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    length: Duration,
    /// Messages acknowledged meanwhile, and how long they were on their way.
    during: u64,
    p50: Duration,
    p99: Duration,
    /// Messages that were on their way when it came back, and until the last of them was delivered.
    behind: usize,
    caught_up: Duration,
    /// Until the last message came that took long.
    by_the_bus: Duration,
    pub(crate) undelivered: usize,
}

impl Outage {
    pub(crate) fn of(sent: &[Sent], begun: Instant, thawed: Instant) -> Self {
        let (_, undelivered) = latencies(sent.iter());
        let (during, _) = latencies(sent.iter().filter(|sent| sent.acknowledged < thawed));
        let at = |share| Duration::from_nanos(during.quantile(share));
        let late = |sent: &&Sent| sent.delivered.is_some_and(|at| at > thawed);
        let behind: Vec<Instant> = sent
            .iter()
            .filter(|sent| sent.acknowledged < thawed)
            .filter(late)
            .filter_map(|sent| sent.delivered)
            .collect();
        let slow = sent.iter().filter(late).filter(|sent| latency(sent) > Some(BY_THE_BUS));
        let since = |last: Option<Instant>| last.map_or(Duration::ZERO, |at| at.duration_since(thawed));
        Self {
            length: thawed - begun,
            during: during.total(),
            p50: at(0.5),
            p99: at(0.99),
            behind: behind.len(),
            caught_up: since(behind.into_iter().max()),
            by_the_bus: since(slow.filter_map(|sent| sent.delivered).max()),
            undelivered,
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Redis stood still for {:.1} s: {} messages delivered that were acknowledged meanwhile, p50 {:.0} ms, p99 {:.0} ms",
            self.length.as_secs_f64(),
            self.during,
            millis(self.p50),
            millis(self.p99),
        )?;
        write!(
            f,
            "after it: {} messages behind, caught up after {:.0} ms; the last message of more than {} ms after {:.0} ms; undelivered {}",
            self.behind,
            millis(self.caught_up),
            BY_THE_BUS.as_millis(),
            millis(self.by_the_bus),
            self.undelivered,
        )
    }
}

/// From the acknowledgement on; a delivery before it took no time.
fn latency(sent: &Sent) -> Option<Duration> {
    Some(sent.delivered?.saturating_duration_since(sent.acknowledged))
}

/// Of those that were delivered, and how many were not.
fn latencies<'s>(sent: impl Iterator<Item = &'s Sent>) -> (Histogram, usize) {
    let (mut latencies, mut undelivered) = (Histogram::new(), 0);
    for sent in sent {
        match latency(sent) {
            Some(latency) => latencies.record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX)),
            None => undelivered += 1,
        }
    }
    (latencies, undelivered)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_ends_when_the_last_message_from_before_is_there() {
        let begun = Instant::now();
        let at = |millis| begun + Duration::from_millis(millis);
        let sent = |acknowledged, delivered: Option<u64>| Sent {
            acknowledged: at(acknowledged),
            delivered: delivered.map(at),
        };
        let all = [
            sent(100, Some(2_100)),
            sent(9_000, Some(10_400)),
            sent(10_100, Some(10_600)),
            sent(11_000, Some(11_001)),
            sent(12_000, None),
        ];
        let outage = Outage::of(&all, begun, at(10_000));
        assert_eq!((outage.during, outage.behind, outage.undelivered), (2, 1, 1));
        assert_eq!((outage.caught_up.as_millis(), outage.by_the_bus.as_millis()), (400, 600));
    }
}
