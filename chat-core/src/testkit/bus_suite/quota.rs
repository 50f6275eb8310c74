//! Cases of [`Quota`](crate::bus::Quota), on one node: what holds across nodes each backend documents.

use std::time::Duration;

use tokio::time::{Instant, interval};

use super::peer::{Peer, eventually, room, user};
use crate::{
    bus::{Cluster, QuotaKey},
    limits::Rate,
    testkit::Rng,
};

/// Earns nothing while a case runs.
const SLOW: f64 = 0.001;

fn sends(name: &str) -> QuotaKey {
    QuotaKey::Sends(user(name))
}

/// A fresh budget grants its burst at once and then refuses.
pub async fn quota_grants_the_burst_and_no_more(cluster: &dyn Cluster) {
    let quota = Peer::join(cluster, 1).await.link.quota;
    for burst in [1, 2, 20] {
        let (rate, key) = (Rate::new(SLOW, burst), sends(&format!("ann {burst}")));
        for _ in 0..burst {
            assert_eq!(quota.take(key.clone(), 1, rate), Ok(()));
        }
        let wait = quota.take(key, 1, rate).expect_err("the burst is spent");
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1_001), "{wait:?}");
    }
}

/// Asking in vain costs nothing, and after the time told the budget grants.
pub async fn quota_refusal_takes_nothing_and_names_the_wait(cluster: &dyn Cluster) {
    let quota = Peer::join(cluster, 1).await.link.quota;
    let rate = Rate::new(20.0, 1);
    assert_eq!(quota.take(sends("ann"), 1, rate), Ok(()));
    for _ in 0..1_000 {
        if let Err(wait) = quota.take(sends("ann"), 1, rate) {
            assert!(wait <= Duration::from_millis(51), "{wait:?} for one of twenty a second");
        }
    }
    eventually("the budget grants again", async || quota.take(sends("ann"), 1, rate).ok()).await;
}

/// A cost of several is taken as a whole, and one above the burst is refused for ever.
pub async fn quota_cost_counts_and_above_the_burst_is_never_granted(cluster: &dyn Cluster) {
    let quota = Peer::join(cluster, 1).await.link.quota;
    let (rate, key) = (Rate::new(SLOW, 10), QuotaKey::MembersAdded(user("ann")));
    assert_eq!(quota.take(key.clone(), 0, rate), Ok(()));
    assert_eq!(quota.take(key.clone(), 11, rate), Err(Duration::MAX));
    assert_eq!(quota.take(key.clone(), 7, rate), Ok(()));
    assert!(quota.take(key.clone(), 4, rate).is_err());
    assert_eq!(quota.take(key.clone(), 3, rate), Ok(()), "the refused four took nothing");
    assert!(quota.take(key.clone(), 1, rate).is_err());
    assert_eq!(quota.take(key, 0, rate), Ok(()), "nothing may always be taken");
}

/// Users, kinds and rooms do not draw on each other's budgets.
pub async fn quota_keys_have_budgets_of_their_own(cluster: &dyn Cluster) {
    let quota = Peer::join(cluster, 1).await.link.quota;
    let rate = Rate::new(SLOW, 1);
    let of = |name| {
        [
            QuotaKey::Sends(user(name)),
            QuotaKey::Typing(user(name), room(1)),
            QuotaKey::Typing(user(name), room(2)),
            QuotaKey::RoomsMade(user(name)),
            QuotaKey::MembersAdded(user(name)),
            QuotaKey::Searches(user(name)),
            QuotaKey::Uploads(user(name)),
        ]
    };
    for key in of("ann").into_iter().chain(of("bob")) {
        assert_eq!(quota.take(key.clone(), 1, rate), Ok(()), "{key:?}");
        assert!(quota.take(key, 1, rate).is_err());
    }
}

/// However it is asked, a budget grants no more than its burst and what was earned since.
pub async fn quota_stays_below_burst_and_rate(cluster: &dyn Cluster) {
    let quota = Peer::join(cluster, 1).await.link.quota;
    let (rate, mut rng) = (Rate::new(400.0, 20), Rng::new(20));
    let (start, mut granted) = (Instant::now(), 0);
    let mut tick = interval(Duration::from_millis(2));
    while start.elapsed() < Duration::from_millis(400) {
        for _ in 0..rng.below(8) {
            let cost = 1 + rng.below(4) as u32;
            if quota.take(sends("ann"), cost, rate).is_ok() {
                granted += cost;
            }
            let bound = f64::from(rate.burst) + rate.per_second * start.elapsed().as_secs_f64();
            assert!(f64::from(granted) <= bound, "{granted} of {bound}");
        }
        tick.tick().await;
    }
    assert!(granted >= rate.burst, "{granted}");
}
