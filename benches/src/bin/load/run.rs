//! One workload against one server.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chat_benches::Usage;

use crate::{
    Fallible,
    args::{Timing, Workload},
    fleet::Fleet,
    outcome::{Latency, Outcome, Spent},
    publisher::Publisher,
    rest::Rest,
    session::Session,
    target::Target,
};

/// How long the last deliveries may take once nothing more is published.
const FINISH_MAX: Duration = Duration::from_secs(15);
/// How long before that what the making of the rooms and the connecting left behind may settle.
const SETTLE: Duration = Duration::from_millis(500);
/// How long tokens are good for.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

pub(crate) fn run(target: &Target, workload: &Workload, timing: Timing) -> Fallible<Outcome> {
    let Workload { connections, publishers, content, sample, .. } = *workload;
    let (rooms, sessions) = people(target, workload.rooms, connections, publishers.min(connections))?;
    let mut fleet = Fleet::new(&rooms, content as usize, sample)?;
    let connected_per_second = fleet.connect(target, sessions)?;
    fleet.serve(SETTLE)?;
    fleet.start(workload.pace())?;
    fleet.serve(timing.warmup())?;

    fleet.intake.meter.clear();
    let (server_before, own_before) = (target.usage()?, Usage::of(std::process::id())?);
    let started = Instant::now();
    fleet.serve(timing.measured())?;
    let seconds = started.elapsed().as_secs_f64();
    let (server_after, own_after) = (target.usage()?, Usage::of(std::process::id())?);
    let meter = std::mem::take(&mut fleet.intake.meter);

    let lost = fleet.finish(FINISH_MAX)?;
    Ok(Outcome {
        seconds,
        deliveries: meter.deliveries,
        bytes: meter.bytes,
        acks: meter.acks,
        signals: meter.signals,
        held_back: meter.held_back,
        latency: Latency::of(&meter.latency),
        server: server_before.zip(server_after).map(|(before, after)| Spent::between(before, after)),
        own: Spent::between(own_before, own_after),
        connected_per_second,
        lost,
        faults: fleet.intake.faults.clone(),
    })
}

/// Makes the rooms and the sessions of their members: everyone is a user of their own, and the first of a room made it.
pub(crate) fn people(
    target: &Target,
    rooms: u32,
    per_room: u32,
    publishers: u32,
) -> Fallible<(Vec<u64>, Vec<Session>)> {
    let exp = (SystemTime::now().duration_since(UNIX_EPOCH)? + TOKEN_LIFE).as_secs();
    let mut rest = Rest::connect(&target.base)?;
    let (mut ids, mut sessions) = (Vec::new(), Vec::new());
    for room in 0..rooms {
        let first = u64::from(room) * u64::from(per_room) + 1;
        let users = first..first + u64::from(per_room);
        let others: Vec<String> = users.clone().skip(1).map(|user| user.to_string()).collect();
        let owner = target.signer.user(first, exp);
        ids.push(rest.make_room(&owner, &format!("load {room}"), &others)?);
        for (at, user) in users.enumerate() {
            let publisher = (at < publishers as usize).then(|| Box::new(Publisher::new(user as u32)));
            sessions.push(Session::new(room as usize, target.signer.user(user, exp), publisher));
        }
    }
    Ok((ids, sessions))
}
