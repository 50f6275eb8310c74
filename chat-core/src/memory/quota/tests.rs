use std::{collections::HashSet, time::Duration};

use proptest::prelude::*;
use tokio::time::{Instant, advance};

use super::LocalQuota;
use crate::{
    bus::{Quota, QuotaKey},
    limits::Rate,
    model::UserId,
};

fn sends(n: u64) -> QuotaKey {
    QuotaKey::Sends(UserId::new(n.to_string()).unwrap())
}

fn keys(quota: &LocalQuota) -> usize {
    quota.shards.iter().map(|shard| shard.lock().full_at.len()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Over every window between two grants, and the wait that is told is exact.
    #[test]
    fn never_more_than_the_burst_and_the_rate(
        per_second in 0.01_f64..5_000.0,
        burst in 1_u32..50,
        asks in prop::collection::vec((1_u32..6, 0_u64..400_000), 1..120),
    ) {
        let rate = Rate::new(per_second, burst);
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
            let quota = LocalQuota::default();
            let mut granted: Vec<(Instant, u32)> = Vec::new();
            for (cost, pause) in asks {
                match quota.take(sends(1), cost, rate) {
                    Ok(()) => granted.push((Instant::now(), cost)),
                    Err(wait) if cost > burst => prop_assert_eq!(wait, Duration::MAX),
                    Err(wait) => {
                        // The runtime's clock is of whole milliseconds here: one too early is refused still.
                        let wait = Duration::from_millis(u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap());
                        if wait > Duration::from_millis(1) {
                            advance(wait - Duration::from_millis(2).min(wait)).await;
                            prop_assert!(quota.take(sends(1), cost, rate).is_err(), "granted before its time");
                            advance(Duration::from_millis(2).min(wait)).await;
                        } else {
                            advance(wait).await;
                        }
                        prop_assert_eq!(quota.take(sends(1), cost, rate), Ok(()), "refused after the wait");
                        granted.push((Instant::now(), cost));
                    }
                }
                advance(Duration::from_micros(pause)).await;
            }
            for (first, (start, _)) in granted.iter().enumerate() {
                let mut total = 0;
                for (at, cost) in &granted[first..] {
                    total += cost;
                    let bound = f64::from(burst) + per_second * (*at - *start).as_secs_f64();
                    prop_assert!(f64::from(total) <= bound + 1e-6, "{} in {:?}, bound {}", total, *at - *start, bound);
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn full_budgets_are_forgotten_a_few_at_a_time() {
    let quota = LocalQuota::default();
    let rate = Rate::new(1.0, 2);
    for n in 0..10_000 {
        quota.take(sends(n), 1, rate).unwrap();
    }
    assert_eq!(keys(&quota), 10_000, "none is full again");
    advance(Duration::from_secs(2)).await;
    let mut most = 0;
    for n in 10_000..40_000 {
        quota.take(sends(n), 1, rate).unwrap();
        most = most.max(keys_if(&quota, n));
        if n % 1_000 == 0 {
            advance(Duration::from_secs(2)).await;
        }
    }
    assert!(most <= 10_100, "{most} keys");
    assert!(keys(&quota) < 3_000, "{} keys of about 1,000 in use", keys(&quota));
    for shard in &quota.shards {
        let shard = shard.lock();
        assert_eq!(shard.turns.len(), shard.full_at.len());
        assert_eq!(shard.turns.iter().collect::<HashSet<_>>().len(), shard.turns.len(), "each key once");
    }
}

fn keys_if(quota: &LocalQuota, n: u64) -> usize {
    if n.is_multiple_of(100) { keys(quota) } else { 0 }
}

#[test]
fn odd_rates_grant_no_more_than_their_burst() {
    for per_second in [0.0, -1.0, f64::NAN, 1e-300] {
        let quota = LocalQuota::default();
        let rate = Rate::new(per_second, 2);
        assert_eq!(quota.take(sends(1), 2, rate), Ok(()), "{per_second}");
        assert!(quota.take(sends(1), 1, rate).is_err(), "{per_second}");
    }
    let quota = LocalQuota::default();
    assert_eq!(quota.take(sends(1), u32::MAX, Rate::new(f64::INFINITY, u32::MAX)), Ok(()));
    assert!(quota.take(sends(1), u32::MAX, Rate::new(1e-300, u32::MAX)).is_err());
}
