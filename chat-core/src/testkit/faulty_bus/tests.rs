use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};

use super::{BusFaults, FaultyBus, Told};
use crate::{
    bus::{BusLink, BusMessage, Cluster, Incoming, Lease, Lost, Payload, Topic},
    memory::LocalBus,
    model::{ConnectionId, NodeId, RoomId, Seq, UserId},
    signal::PresenceStatus,
};

const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);
const HOUR: Duration = Duration::from_secs(3_600);

fn topic() -> Topic {
    Topic::Room(RoomId::new(1).unwrap())
}

struct Pair {
    bus: FaultyBus<LocalBus>,
    a: BusLink,
    b: BusLink,
}

impl Pair {
    async fn new(seed: u64, faults: BusFaults) -> Self {
        let bus = FaultyBus::new(Arc::new(LocalBus::default()), seed);
        let (a, b) = (bus.join(A, "e").await.unwrap(), bus.join(B, "e").await.unwrap());
        b.bus.subscribe(&[topic()]).await.unwrap();
        bus.set_faults(faults);
        Self { bus, a, b }
    }

    fn publish(&self, seq: u64) {
        self.a.bus.publish(topic(), Payload::Head(RoomId::new(1).unwrap(), Seq::new(seq)));
    }

    /// What comes in within the hour: numbers of heads, 0 for a loss on the topic, `MAX` for a loss of all.
    async fn heard(&mut self) -> Vec<u64> {
        let mut heard = Vec::new();
        while let Ok(incoming) = timeout(HOUR, self.b.incoming.recv()).await {
            heard.push(match incoming.unwrap() {
                Incoming::Message(BusMessage { payload: Payload::Head(_, seq), .. }) => seq.get(),
                Incoming::Lost(Lost::Topics(topics)) if topics == [topic()] => 0,
                Incoming::Lost(Lost::All) => u64::MAX,
                other => panic!("{other:?}"),
            });
        }
        heard
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_message_is_told_when_the_faults_say_so() {
    let drop = |told| BusFaults { drop: 1.0, told, ..BusFaults::default() };
    for (told, expected) in [
        (Told::AtOnce, vec![0, 0]),
        (Told::After(Duration::from_secs(9)), vec![u64::MAX]),
        (Told::Never, vec![]),
    ] {
        let mut pair = Pair::new(1, drop(told)).await;
        pair.publish(1);
        pair.publish(2);
        let start = Instant::now();
        let first = timeout(HOUR, async { pair.b.incoming.recv().await }).await.ok();
        match told {
            Told::AtOnce => assert!(start.elapsed() < Duration::from_secs(1)),
            Told::After(wait) => assert!(start.elapsed() >= wait && start.elapsed() < 2 * wait),
            Told::Never => assert_eq!(first, None),
        }
        assert_eq!(pair.heard().await.len() + usize::from(first.is_some()), expected.len(), "{told:?}");
        pair.publish(3);
        assert_eq!(pair.heard().await, expected.into_iter().take(1).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn messages_are_repeated() {
    let faults = BusFaults { repeat: 1.0, late_by: Duration::from_secs(1), ..BusFaults::default() };
    let mut pair = Pair::new(1, faults).await;
    (1..=20).for_each(|n| pair.publish(n));
    let mut heard = pair.heard().await;
    heard.sort_unstable();
    assert_eq!(heard, (1..=20).flat_map(|n| [n, n]).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn latency_keeps_the_order_and_lateness_does_not() {
    let latency = Duration::from_secs(1);
    let mut pair = Pair::new(1, BusFaults { latency, ..BusFaults::default() }).await;
    (1..=50).for_each(|n| pair.publish(n));
    let start = Instant::now();
    assert_eq!(pair.heard().await, (1..=50).collect::<Vec<_>>());
    assert!(start.elapsed() > HOUR + latency / 2);

    let mut pair = Pair::new(1, BusFaults { late: 0.5, late_by: latency, ..BusFaults::default() }).await;
    (1..=50).for_each(|n| pair.publish(n));
    let mut heard = pair.heard().await;
    assert!(!heard.is_sorted());
    heard.sort_unstable();
    assert_eq!(heard, (1..=50).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_deaf_node_hears_nothing_and_is_told_when_it_hears_again() {
    let mut pair = Pair::new(1, BusFaults::default()).await;
    pair.bus.deafen(B);
    pair.publish(1);
    assert_eq!(pair.heard().await, [0; 0]);
    assert!(pair.b.bus.is_healthy(), "nobody can tell");
    pair.bus.mend(B);
    pair.publish(2);
    assert_eq!(pair.heard().await, [u64::MAX, 2]);
    pair.bus.mend(B);
    assert_eq!(pair.heard().await, [0; 0], "there was nothing to mend");
}

#[tokio::test(start_paused = true)]
async fn deafness_is_told_when_overdue_or_never() {
    let after = BusFaults { told: Told::After(Duration::from_secs(5)), ..BusFaults::default() };
    let mut pair = Pair::new(1, after).await;
    pair.bus.deafen(B);
    pair.publish(1);
    pair.publish(2);
    assert_eq!(pair.heard().await, [u64::MAX], "while it is deaf");
    pair.publish(3);
    pair.bus.mend(B);
    pair.publish(4);
    let heard = pair.heard().await;
    assert!(heard.contains(&4) && heard.last() == Some(&u64::MAX), "{heard:?}");

    let mut pair = Pair::new(1, BusFaults { told: Told::Never, ..BusFaults::default() }).await;
    pair.bus.deafen(B);
    pair.publish(1);
    assert_eq!(pair.heard().await, [0; 0]);
    pair.bus.mend(B);
    assert_eq!(pair.heard().await, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_cut_off_neither_hears_nor_is_heard() {
    let mut pair = Pair::new(1, BusFaults::default()).await;
    pair.bus.cut(A);
    assert!(!pair.a.bus.is_healthy());
    pair.publish(1);
    assert_eq!(pair.heard().await, [0; 0]);
    let lease = Lease {
        user: UserId::new("ann").unwrap(),
        connection: ConnectionId(1),
        status: PresenceStatus::Online,
    };
    assert!(pair.a.leases.renew(std::slice::from_ref(&lease), HOUR).await.is_err());
    pair.bus.mend(A);
    assert_eq!(pair.a.incoming.recv().await, Some(Incoming::Lost(Lost::All)));
    assert_eq!(pair.a.leases.renew(&[lease], HOUR).await.unwrap().len(), 1);
    pair.publish(2);
    assert_eq!(pair.heard().await, [2]);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_failed_is_confirmed_later_and_told() {
    for cut in [false, true] {
        let pair = Pair::new(1, BusFaults::default()).await;
        let (bus, mut a) = (pair.bus, pair.a);
        if cut {
            bus.cut(A);
        } else {
            let confirm_after = Duration::from_secs(9);
            bus.set_faults(BusFaults { refuse: 1.0, confirm_after, ..BusFaults::default() });
        }
        let other = Topic::Node(NodeId(9));
        assert!(a.bus.subscribe(&[topic(), other.clone()]).await.is_err());
        a.bus.unsubscribe(&[other]).await;
        bus.mend(A);
        let mut told = Vec::new();
        while let Ok(incoming) = timeout(HOUR, a.incoming.recv()).await {
            told.push(incoming.unwrap());
        }
        assert!(told.contains(&Incoming::Lost(Lost::Topics(vec![topic()]))), "{told:?}");
        pair.b.bus.publish(topic(), Payload::Disconnect(UserId::new("ann").unwrap()));
        assert!(matches!(timeout(HOUR, a.incoming.recv()).await, Ok(Some(Incoming::Message(_)))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscription_is_confirmed_or_told_to_whoever_gave_up() {
    let confirm_after = Duration::from_secs(100);
    let faults = BusFaults { stall: 1.0, confirm_after, ..BusFaults::default() };
    let mut pair = Pair::new(3, faults).await;
    let (one, two) = (Topic::Node(NodeId(8)), Topic::Node(NodeId(9)));
    let start = Instant::now();
    pair.a.bus.subscribe(&[one]).await.unwrap();
    assert!(start.elapsed() > Duration::from_secs(1));
    assert!(timeout(Duration::ZERO, pair.a.bus.subscribe(std::slice::from_ref(&two))).await.is_err());
    let told = timeout(HOUR, pair.a.incoming.recv()).await;
    assert_eq!(told, Ok(Some(Incoming::Lost(Lost::Topics(vec![two])))));
}

#[tokio::test(start_paused = true)]
async fn lease_calls_fail_before_or_after_they_take_effect() {
    let pair = Pair::new(1, BusFaults { leases: 1.0, ..BusFaults::default() }).await;
    let mut effects = 0;
    for n in 0..40 {
        let user = UserId::new(n.to_string()).unwrap();
        let lease = Lease { user: user.clone(), connection: ConnectionId(n), status: PresenceStatus::Online };
        assert!(pair.a.leases.renew(&[lease], HOUR).await.is_err());
        pair.bus.set_faults(BusFaults::default());
        effects += usize::from(pair.a.leases.read(&[user]).await.unwrap() == [PresenceStatus::Online]);
        pair.bus.set_faults(BusFaults { leases: 1.0, ..BusFaults::default() });
    }
    assert!((5..=35).contains(&effects), "{effects}");
}

#[tokio::test(start_paused = true)]
async fn a_seed_replays() {
    let second = Duration::from_secs(1);
    let faults = BusFaults {
        drop: 0.1,
        repeat: 0.1,
        latency: second,
        late: 0.1,
        late_by: second,
        ..BusFaults::default()
    };
    let mut traces = Vec::new();
    for seed in [1, 1, 2] {
        let mut pair = Pair::new(seed, faults).await;
        (1..=200).for_each(|n| pair.publish(n));
        traces.push(pair.heard().await);
    }
    assert_eq!(traces[0], traces[1]);
    assert_ne!(traces[0], traces[2]);
}
