//! What a seed means: how large a simulation is, how tight its bounds are, and what goes wrong in it.

use std::time::Duration;

use crate::{
    limits::{Limits, Rate},
    testkit::{BusFaults, CallFaults, Rng, StoreFaults, Told},
};

/// Everything about a simulation that does not happen in it.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) nodes: usize,
    pub(super) users: usize,
    pub(super) clients: usize,
    pub(super) rooms: usize,
    /// While things go wrong.
    pub(super) storm: Duration,
    /// Until everything must have settled.
    pub(super) calm: Duration,
    /// Until what was asked for last must have reached everyone.
    pub(super) hush: Duration,
    /// Between two acts of a client, about.
    pub(super) pace: Duration,
    pub(super) limits: Limits,
}

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed).fork(1);
        // Most are small, so that many can be run; some are crowded.
        let clients = match rng.below(40) {
            0 => 100 + rng.below(150),
            1..=5 => 30 + rng.below(40),
            _ => 3 + rng.below(16),
        };
        let clients = usize::try_from(clients).unwrap_or(3);
        let mut limits = Limits::default();
        limits.gap_keep = 3 + rng.below(10);
        limits.gap_after = limits.gap_keep + rng.below(40);
        limits.resume_events_max = 10 + rng.below(200);
        limits.hot_events_max = 4 + usize::try_from(rng.below(60)).unwrap_or(0);
        limits.hot_bytes_max = 2_000 + usize::try_from(rng.below(30_000)).unwrap_or(0);
        limits.hot_bytes_node_max = 4_000 + usize::try_from(rng.below(200_000)).unwrap_or(0);
        limits.catch_up_reads = 1 + usize::try_from(rng.below(8)).unwrap_or(0);
        limits.connections_per_user_max = 2 + usize::try_from(rng.below(4)).unwrap_or(0);
        limits.replies_bytes_max = 8_000 + usize::try_from(rng.below(60_000)).unwrap_or(0);
        limits.signals_waiting_max = 2 + usize::try_from(rng.below(30)).unwrap_or(0);
        limits.welcome_rooms = 1 + usize::try_from(rng.below(6)).unwrap_or(0);
        limits.lanes = 1 + usize::try_from(rng.below(4)).unwrap_or(0);
        limits.lane_queue_max = 4 + usize::try_from(rng.below(100)).unwrap_or(0);
        limits.batch_changes_max = 1 + usize::try_from(rng.below(20)).unwrap_or(0);
        limits.in_flight_max = 1 + usize::try_from(rng.below(16)).unwrap_or(0);
        limits.sends = if rng.chance(0.2) { Rate::new(2.0, 4) } else { Rate::new(1_000.0, 1_000) };
        limits.signals_room_max = if rng.chance(0.3) { 3 } else { 200 };
        limits.members_added = Rate::new(1_000.0, 1_000);
        limits.rooms_made = Rate::new(1_000.0, 1_000);
        limits.store_timeout = Duration::from_millis(500 + rng.below(2_500));
        limits.sweep = Duration::from_millis(500 + rng.below(1_000));
        limits.room_set_sweep = Duration::from_millis(2_000 + rng.below(3_000));
        limits.signal_repair = Duration::from_secs(5);
        limits.room_linger = Duration::from_millis(200 + rng.below(3_000));
        limits.offline_grace = Duration::from_millis(200 + rng.below(2_000));
        limits.reconnect_spread = Duration::from_millis(500);
        // By themselves: what else a seed means does not depend on it.
        let mut names = rng.fork(2);
        limits.people_fresh = Duration::from_millis(100 + names.below(3_000));
        Self {
            nodes: 1 + usize::try_from(rng.below(4)).unwrap_or(0),
            users: (clients * 2).div_ceil(3).max(2),
            clients,
            rooms: 1 + usize::try_from(rng.below(6)).unwrap_or(0),
            storm: Duration::from_secs(if clients > 80 { 8 } else { 8 + rng.below(12) }),
            calm: Duration::from_secs(20),
            hush: Duration::from_secs(6),
            pace: Duration::from_millis(if clients > 80 { 1_500 } else { 150 + rng.below(900) }),
            limits,
        }
    }
}

/// How a store fails for a while.
pub(super) fn store_faults(rng: &mut Rng) -> StoreFaults {
    let mut calls = || {
        let mut rate = |most: f64| if rng.chance(0.5) { unit(rng) * most } else { 0.0 };
        let (unavailable, answer_lost, request_lost, stall) = (rate(0.3), rate(0.4), rate(0.2), rate(0.9));
        CallFaults {
            unavailable,
            answer_lost,
            request_lost,
            stall,
            stall_max: if rng.chance(0.2) { Duration::from_secs(5) } else { Duration::from_millis(100) },
        }
    };
    StoreFaults { commits: calls(), writes: calls(), reads: calls() }
}

/// How a bus fails for a while.
pub(super) fn bus_faults(rng: &mut Rng) -> BusFaults {
    let mut rate = |most: f64| if rng.chance(0.5) { unit(rng) * most } else { 0.0 };
    let (drop, repeat, late, refuse, stall, leases) =
        (rate(0.5), rate(0.5), rate(0.5), rate(0.5), rate(0.5), rate(0.3));
    let told = match rng.below(3) {
        0 => Told::AtOnce,
        1 => Told::After(rng.up_to(Duration::from_secs(3))),
        _ => Told::Never,
    };
    BusFaults {
        drop,
        repeat,
        latency: rng.up_to(Duration::from_millis(30)),
        late,
        late_by: rng.up_to(Duration::from_secs(1)),
        told,
        refuse,
        stall,
        confirm_after: rng.up_to(Duration::from_secs(2)),
        leases,
    }
}

fn unit(rng: &mut Rng) -> f64 {
    rng.below(1_000) as f64 / 1_000.0
}
