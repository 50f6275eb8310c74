//! Faults by chance, one or two at a time, for as long as it is told.

use std::{
    env,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

use super::{
    chance::Chance,
    checker::Counts,
    fault::Fault,
    fleet::{Fleet, Scale},
    nodes::{NODES, Nodes},
    scenarios::{ALL, FEW, SOME},
};

/// Times that something goes wrong before all is read and checked, and other clients go on in other rooms.
const TROUBLES: usize = 6;

const CLIENTS: usize = 300;
const PACE: Duration = Duration::from_millis(1_200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "goes on for minutes: cargo xtask soak"]
async fn soak() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed: u64 = variable("CHAT_SOAK_SEED").unwrap_or(now.as_secs());
    let minutes: u64 = variable("CHAT_SOAK_MINUTES").unwrap_or(10);
    println!("seed {seed}, {minutes} minutes");
    let end = Instant::now() + Duration::from_secs(60 * minutes);
    let mut chance = Chance::new(seed);
    let mut nodes = Nodes::start(&[]).await;
    let mut total = Counts::default();
    for round in 1.. {
        let scale = Scale { seed: chance.next(), clients: CLIENTS, pace: PACE };
        let mut fleet = Fleet::set_out(&nodes, scale).await;
        for _ in 0..TROUBLES {
            fleet.more(&ALL, SOME).await;
            trouble(&mut chance, &mut nodes, &mut fleet).await;
        }
        fleet.more(&ALL, SOME).await;
        total += fleet.come_home(&nodes).await.hold(&nodes, &format!("round {round}"));
        if Instant::now() >= end {
            break;
        }
    }
    println!("all of it: {total}");
}

/// Something goes wrong for a while, or two things do, or everyone has to come back.
async fn trouble(chance: &mut Chance, nodes: &mut Nodes, fleet: &mut Fleet) {
    if chance.percent(15) {
        println!("everyone comes back");
        fleet.scatter();
        return;
    }
    let mut faults = vec![Fault::any(chance)];
    if chance.percent(30) {
        faults.extend(Some(Fault::any(chance)).filter(|second| faults[0].goes_with(*second)));
    }
    let longest = faults.iter().map(|fault| fault.longest()).max().unwrap_or_default();
    let hold = chance.between(Duration::from_millis(500), longest);
    println!("{faults:?} for {hold:?}");
    for fault in &faults {
        fault.begin(nodes);
    }
    let held = tokio::time::sleep(hold);
    let working: Vec<usize> =
        (0..NODES).filter(|node| faults.iter().all(|fault| fault.working().contains(node))).collect();
    fleet.more(&working, FEW).await;
    held.await;
    // A node needs its database to start.
    faults.sort_by_key(|fault| matches!(fault, Fault::NodeKilled(_)));
    for fault in &faults {
        fault.end(nodes);
    }
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: no number")))
}
