//! Counters named after what went wrong. The host's recorder decides where they go; without one they cost nothing.

use metrics::counter;

/// A connection could not be made.
pub(crate) fn connect_failed() {
    counter!("chat_redis_connect_failures_total").increment(1);
}

/// A connection was lost or given up.
pub(crate) fn disconnected() {
    counter!("chat_redis_disconnects_total").increment(1);
}

/// Probes stayed away: connected, and deaf.
pub(crate) fn probe_missed() {
    counter!("chat_redis_probes_missed_total").increment(1);
}

/// A message was not published, or perhaps not.
pub(crate) fn publish_dropped() {
    counter!("chat_redis_publishes_dropped_total").increment(1);
}

/// Something that came in was dropped, for the engine does not read.
pub(crate) fn incoming_dropped() {
    counter!("chat_redis_incoming_dropped_total").increment(1);
}

/// Messages came in faster than they were taken.
pub(crate) fn overrun(missed: u64) {
    counter!("chat_redis_overruns_total").increment(missed);
}

/// A message came in that this build does not understand.
pub(crate) fn not_understood() {
    counter!("chat_redis_messages_not_understood_total").increment(1);
}

/// A subscription was not confirmed in time.
pub(crate) fn subscription_late() {
    counter!("chat_redis_subscriptions_late_total").increment(1);
}

/// Leases could not be written or read.
pub(crate) fn leases_failed() {
    counter!("chat_redis_lease_failures_total").increment(1);
}

/// Budgets could not be settled with the other nodes.
pub(crate) fn settling_failed() {
    counter!("chat_redis_settle_failures_total").increment(1);
}
