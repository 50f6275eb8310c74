//! A client's end of a connection, of either side.

use std::{sync::Arc, time::Duration};

use crate::{
    engine::{Commands, Connected, Deliveries},
    testkit::{
        Rng,
        sim::{frame::split, outlet::Wire},
    },
};

/// Where frames come from.
pub(super) enum Link {
    Pull { deliveries: Deliveries, rng: Rng, broken: bool },
    Push { wire: Arc<Wire>, arrived: Vec<u8> },
}

impl Link {
    pub(super) fn new(connected: Connected, is_push: bool, rng: &mut Rng) -> (Commands, Self) {
        let own = Rng::new(rng.next_u64());
        let moody = 2 + rng.below(20);
        if is_push {
            let wire = Wire::new(own, moody);
            let commands = connected.attach(wire.outlet());
            (commands, Self::Push { wire, arrived: Vec::new() })
        } else {
            let (commands, deliveries) = connected.split();
            (commands, Self::Pull { deliveries, rng: own, broken: false })
        }
    }

    /// The next frames; `None` once there are no more. A call that is dropped has lost nothing.
    pub(super) async fn next(&mut self, commands: &Commands) -> Option<Vec<Vec<u8>>> {
        match self {
            Self::Pull { deliveries, rng, broken } => {
                let batch = deliveries.next().await?;
                if *broken {
                    // Nothing of it reaches the client, and so the session ends.
                    return Some(Vec::new());
                }
                let frames = batch.frames().map(<[u8]>::to_vec).collect();
                if rng.chance(0.99) {
                    batch.written();
                }
                Some(frames)
            }
            Self::Push { wire, arrived } => loop {
                let more = tokio::select! {
                    biased;
                    more = wire.read() => more,
                    _ = commands.ended() => {
                        let rest = wire.rest();
                        if rest.is_empty() {
                            return None;
                        }
                        rest
                    }
                };
                arrived.extend_from_slice(&more);
                let frames = split(arrived);
                if !frames.is_empty() {
                    return Some(frames);
                }
            },
        }
    }

    /// Takes nothing any more, or goes on. (The pull side just does not pull.)
    pub(super) fn stall(&self, stalled: bool) {
        if let Self::Push { wire, .. } = self {
            wire.stall(stalled);
        }
    }

    /// The transport fails.
    pub(super) fn break_off(&mut self) {
        match self {
            Self::Pull { broken, .. } => *broken = true,
            Self::Push { wire, .. } => wire.cut(),
        }
    }
}

/// How long a client waits for a call that is no command.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);
