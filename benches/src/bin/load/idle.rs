//! What connections cost that do nothing.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use crate::{
    Fallible,
    args::IdleArgs,
    fleet::Fleet,
    outcome::{Spent, grouped, listed},
    run::people,
    target::Target,
};

/// How long what connecting left behind (presence, timers, freed buffers) may settle.
const SETTLE: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub(crate) struct Idle {
    connections: u32,
    pub(crate) connected_per_second: f64,
    /// Resident memory before and after, in KiB.
    resident: Option<(u64, u64)>,
    /// The server's CPU while nothing happened, as a share of a core.
    busy: Option<f64>,
    errors: BTreeMap<String, u64>,
}

impl Idle {
    pub(crate) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    pub(crate) fn kib_per_connection(&self) -> Option<f64> {
        let (before, after) = self.resident?;
        Some((after as f64 - before as f64) / f64::from(self.connections))
    }
}

pub(crate) fn run(
    target: &Target,
    connections: u32,
    IdleArgs { per_room, watch }: IdleArgs,
) -> Fallible<Idle> {
    let rooms = connections.div_ceil(per_room);
    let (rooms, mut sessions) = people(target, rooms, per_room, 0)?;
    sessions.truncate(connections as usize);
    let mut fleet = Fleet::new(&rooms, 0, 1)?;
    // The rooms and their members are there by now: only the connections come on top.
    let before = target.usage()?;
    let connected_per_second = fleet.connect(target, sessions)?;
    fleet.serve(SETTLE)?;
    let (settled, started) = (target.usage()?, Instant::now());
    fleet.serve(Duration::from_secs(watch.into()))?;
    let watched = started.elapsed().as_secs_f64();
    let after = target.usage()?;
    Ok(Idle {
        connections,
        connected_per_second,
        resident: before.zip(after).map(|(before, after)| (before.resident_kib, after.resident_kib)),
        busy: settled.zip(after).map(|(before, after)| Spent::between(before, after).cpu / watched),
        errors: fleet.intake.faults.errors.clone(),
    })
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "connections         {}", self.connections)?;
        writeln!(f, "connected/s         {}", grouped(self.connected_per_second))?;
        if let (Some((before, after)), Some(each)) = (self.resident, self.kib_per_connection()) {
            writeln!(f, "server memory       {before} KiB, then {after} KiB: {each:.2} KiB/connection")?;
        }
        if let Some(busy) = self.busy {
            writeln!(f, "server CPU          {:.1} % of a core while idle", busy * 100.0)?;
        }
        write!(f, "errors              {}", listed(&self.errors))
    }
}
