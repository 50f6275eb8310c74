//! Counters named after what can go wrong. The host's recorder decides where they go; without one they cost nothing.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::{bus::BusError, store::StoreError};

/// A write did not fit into a connection's transport.
pub(crate) fn blocked() {
    counter!("chat_writes_blocked_total").increment(1);
}

/// A connection let more answers wait than it may.
pub(crate) fn flooded() {
    counter!("chat_connections_flooded_total").increment(1);
}

/// A drain is at work: its connection lags.
pub(crate) fn drain_started() {
    gauge!("chat_connections_lagging").increment(1.0);
}

/// A drain is done.
pub(crate) fn drain_ended() {
    gauge!("chat_connections_lagging").decrement(1.0);
}

/// A client was told that events are left out.
pub(crate) fn gap_told() {
    counter!("chat_gaps_told_total").increment(1);
}

/// A hole in a room's log was found on this node.
pub(crate) fn gap_found() {
    counter!("chat_gaps_found_total").increment(1);
}

/// A hole was filled from the store.
pub(crate) fn gap_filled() {
    counter!("chat_gaps_filled_total").increment(1);
}

/// A signal was dropped for a connection that does not read.
pub(crate) fn signal_dropped(kind: &'static str) {
    counter!("chat_signals_dropped_total", "kind" => kind).increment(1);
}

/// A client came with cursors, and so it went on.
pub(crate) fn resumed(outcome: &'static str) {
    counter!("chat_resumes_total", "outcome" => outcome).increment(1);
}

/// Code of the host's or of a backend's panicked; the call failed.
pub(crate) fn panicked(whose: &'static str) {
    counter!("chat_foreign_panics_total", "whose" => whose).increment(1);
}

/// The engine itself panicked in a command of a socket.
pub(crate) fn command_panicked() {
    counter!("chat_command_panics_total").increment(1);
}

/// An after-hook was left out: too many waited.
pub(crate) fn after_hook_dropped() {
    counter!("chat_after_hooks_dropped_total").increment(1);
}

/// The store failed.
pub(crate) fn store_failed(error: &StoreError) {
    counter!("chat_store_errors_total", "operation" => error.operation()).increment(1);
}

/// The bus failed.
pub(crate) fn bus_failed(_error: &BusError) {
    counter!("chat_bus_errors_total").increment(1);
}

/// The bus said that it lost something.
pub(crate) fn bus_lost() {
    counter!("chat_bus_lost_total").increment(1);
}

/// The store went back, and the epoch was renewed.
pub(crate) fn epoch_reset() {
    counter!("chat_epoch_resets_total").increment(1);
}

/// A batch was committed.
pub(crate) fn committed(changes: usize, took: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
    histogram!("chat_commit_batch_size").record(changes as f64);
    histogram!("chat_commit_seconds").record(took.as_secs_f64());
}

/// A lane's queue was found full.
pub(crate) fn lane_full() {
    counter!("chat_lane_full_total").increment(1);
}

/// Changes were not made at once, because someone else held their rooms.
pub(crate) fn held(changes: usize) {
    counter!("chat_changes_held_total").increment(changes as u64);
}

/// How many changes waited in a lane when a batch was taken.
pub(crate) fn lane_waiting(changes: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a queue is small")]
    histogram!("chat_lane_waiting").record(changes as f64);
}

/// A hook or policy did not answer in time.
pub(crate) fn hook_timed_out(hook: &'static str) {
    counter!("chat_hook_timeouts_total", "hook" => hook).increment(1);
}

/// Connections now.
pub(crate) fn connections(now: usize) {
    #[expect(clippy::cast_precision_loss, reason = "connections fit a float")]
    gauge!("chat_connections").set(now as f64);
}

/// Active rooms and bytes kept hot now.
pub(crate) fn rooms(active: usize, hot_bytes: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge need not be exact")]
    {
        gauge!("chat_rooms_active").set(active as f64);
        gauge!("chat_hot_bytes").set(hot_bytes as f64);
    }
}
