use chat_core::model::UserId;

use super::*;

const RATE: Rate = Rate::new(1.0, 10);

fn key(name: &str) -> QuotaKey {
    QuotaKey::Sends(UserId::new(name).unwrap())
}

/// All nodes of a test, and what they know together, as `settle.lua` keeps it.
#[derive(Default)]
struct Shared {
    full_at: Option<Instant>,
    total: u64,
}

impl Shared {
    fn settle(&mut self, budgets: &Budgets, now: Instant) {
        for used in budgets.take_used() {
            let full_at = self.full_at.unwrap_or(now).max(now);
            let owed = full_at.duration_since(now).as_micros() as u64;
            self.full_at = Some(full_at + Duration::from_micros(used.micros));
            self.total += used.micros;
            budgets.learn(&used, &Answer { owed, total: self.total, asked: now });
        }
    }
}

#[test]
fn alone_a_node_learns_nothing_that_it_did_not_know() {
    let (budgets, mut shared, start) = (Budgets::default(), Shared::default(), Instant::now());
    let mut granted = 0;
    for tick in 0..1_000_u32 {
        let now = start + tick * Duration::from_millis(10);
        granted += u32::from(budgets.take(key("ann"), 1, RATE, now).is_ok());
        if tick % 25 == 0 {
            shared.settle(&budgets, now);
        }
    }
    // The burst, and one a second for just under ten seconds.
    assert_eq!(granted, 19);
}

#[test]
fn together_nodes_grant_their_bursts_and_then_the_rate() {
    const NODES: u32 = 4;
    let nodes: Vec<Budgets> = (0..NODES).map(|_| Budgets::default()).collect();
    let (mut shared, start) = (Shared::default(), Instant::now());
    let mut granted = 0;
    for tick in 0..20_000_u32 {
        let now = start + tick * Duration::from_millis(10);
        for (n, node) in nodes.iter().enumerate() {
            granted += u32::from(node.take(key("ann"), 1, RATE, now).is_ok());
            if tick as usize % 25 == n {
                shared.settle(node, now);
            }
        }
    }
    assert!(granted <= NODES * RATE.burst + 200 + NODES, "{granted}");
    assert!(granted >= 200, "{granted}");
}

#[test]
fn what_waits_to_be_told_is_not_forgotten() {
    let (budgets, start) = (Budgets::default(), Instant::now());
    let fast = Rate::new(1e6, 10);
    for n in 0..1_000 {
        budgets.take(key(&format!("user {n}")), 1, fast, start).unwrap();
    }
    assert_eq!(budgets.take_used().len(), 1_000);
    assert!(budgets.take_used().is_empty());
    let later = start + Duration::from_secs(1);
    for n in 0..1_000 {
        budgets.take(key(&format!("later {n}")), 1, fast, later).unwrap();
    }
    let left: usize = budgets.shards.iter().map(|shard| shard.lock().budgets.len()).sum();
    assert!(left < 1_500, "{left}");
}

#[test]
fn a_node_that_cannot_tell_keeps_a_bounded_amount() {
    let (budgets, start) = (Budgets::default(), Instant::now());
    for n in 0..SHARDS * USED_MAX * 2 {
        budgets.take(key(&format!("user {n}")), 1, RATE, start).unwrap();
    }
    assert!(budgets.take_used().len() <= SHARDS * USED_MAX);
}
