//! Cases of [`Bus`](crate::bus::Bus).

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::peer::{Peer, eventually, room, soon, user};
use crate::{
    bus::{BusLink, BusMessage, Cluster, Incoming, Lost, Payload, Topic},
    event::{Event, EventBody},
    model::{ClientId, Emoji, NodeId, RoomId, Seq, Timestamp},
    signal::{PresenceStatus, Signal},
};

/// More than any backend lets wait for a node.
const FLOOD: u64 = 40_000;

/// Messages between two looks at whether they have arrived.
const STEP: u64 = 256;

/// A message reaches every other node that subscribed to its topic, with its publisher and topic.
pub async fn published_messages_reach_the_other_nodes(cluster: &dyn Cluster) {
    let (a, mut b) = Peer::two(cluster).await;
    let mut c = Peer::join(cluster, 3).await;
    let topic = Topic::Room(room(1));
    for peer in [&b, &c] {
        peer.subscribe(std::slice::from_ref(&topic)).await;
        assert!(peer.link.bus.is_healthy());
    }
    a.head(room(1), 7);
    let expected = BusMessage { from: NodeId(1), topic, payload: Payload::Head(room(1), Seq::new(7)) };
    assert_eq!(b.message().await, expected);
    assert_eq!(c.message().await, expected);
}

/// Events, heads, signals and the rest arrive equal to what was published, on topics of all kinds.
pub async fn every_payload_arrives_as_it_was(cluster: &dyn Cluster) {
    let (a, mut b) = Peer::two(cluster).await;
    let (ann, at) = (user("ann \"the\" \u{1F980}\n"), Timestamp::from_micros(1_700_000_000_123_000));
    let event = |body, actor, client_id| {
        let body: EventBody = body;
        Payload::Event(Arc::new(Event { room: room(1), seq: Seq::new(9), at, actor, client_id, body }))
    };
    let emoji = Emoji::new("\u{1F44D}").expect("an emoji");
    let key = ClientId::new("key: \u{E9}").expect("a short key");
    let payloads = [
        event(EventBody::ReactionAdded { target: Seq::new(3), emoji }, Some(ann.clone()), None),
        event(EventBody::RoomDeleted {}, None, Some(key)),
        Payload::Head(room(1), Seq::new(9)),
        Payload::Signal(Signal::Typing { room_id: room(1), user: ann.clone(), is_typing: true }),
        Payload::Signal(Signal::Receipt {
            room_id: room(1),
            user: ann.clone(),
            read: Seq::ZERO,
            delivered: Seq::new(9),
        }),
        Payload::Signal(Signal::Presence {
            user: ann.clone(),
            status: PresenceStatus::Offline,
            last_seen: Some(at),
        }),
        Payload::Signal(Signal::Presence {
            user: ann.clone(),
            status: PresenceStatus::Away,
            last_seen: None,
        }),
        Payload::Signal(Signal::PresenceCount { room_id: room(1), online: 5 }),
        Payload::Signal(Signal::Unread { room_id: room(1), unread: 1_000, mentions: 2 }),
        Payload::RoomSet(ann.clone()),
        Payload::Disconnect(ann.clone()),
        Payload::Rights(ann.clone(), room(1)),
        Payload::Blocks(ann.clone()),
    ];
    for topic in [Topic::Room(room(1)), Topic::User(ann.clone()), Topic::Node(NodeId(2))] {
        b.subscribe(std::slice::from_ref(&topic)).await;
        for payload in &payloads {
            a.link.bus.publish(topic.clone(), payload.clone());
            let got = b.message().await;
            assert_eq!((&got.topic, &got.payload), (&topic, payload));
        }
    }
}

/// The publisher's own node does not get what it publishes.
pub async fn a_publisher_does_not_get_its_own(cluster: &dyn Cluster) {
    let (mut a, mut b) = Peer::two(cluster).await;
    for peer in [&a, &b] {
        peer.subscribe(&[Topic::Room(room(1))]).await;
    }
    a.head(room(1), 1);
    assert_eq!(b.seq(room(1)).await, 1);
    b.head(room(1), 2);
    assert_eq!(a.seq(room(1)).await, 2, "the first that it gets is the other's");
}

/// A node gets nothing of topics that it did not subscribe to.
pub async fn topics_not_subscribed_to_are_not_delivered(cluster: &dyn Cluster) {
    let (a, mut b) = Peer::two(cluster).await;
    b.subscribe(&[Topic::Room(room(1))]).await;
    for n in 1..=20 {
        a.head(room(2), n);
        a.link.bus.publish(Topic::Node(NodeId(1)), Payload::RoomSet(user("ann")));
        a.head(room(1), n);
        assert_eq!(b.seq(room(1)).await, n);
    }
}

/// Topics of different kinds with the same number are different, and no text in a user id is special.
pub async fn topics_are_kept_apart_whatever_their_names(cluster: &dyn Cluster) {
    let (a, mut b) = Peer::two(cluster).await;
    let names =
        ["7", "ann", "Ann", "an*", "an?", "a[mn]n", "{ann}", "ann:1", "room:7", "a\nb", "a b", "\u{E9}"];
    let mut topics = vec![Topic::Room(room(7)), Topic::Node(NodeId(7))];
    topics.extend(names.iter().map(|name| Topic::User(user(name))));
    for topic in &topics {
        b.subscribe(std::slice::from_ref(topic)).await;
        // Only the last of them may arrive, and on its own topic.
        for other in topics.iter().filter(|other| *other != topic) {
            a.link.bus.publish(other.clone(), Payload::RoomSet(user("wrong")));
        }
        a.link.bus.publish(topic.clone(), Payload::RoomSet(user("right")));
        let got = b.message().await;
        assert_eq!((&got.topic, got.payload), (topic, Payload::RoomSet(user("right"))));
        ended(&a, &mut b, topic).await;
    }
}

/// From the moment that a subscription is confirmed everything that is published is delivered.
pub async fn a_confirmed_subscription_gets_what_is_published_after(cluster: &dyn Cluster) {
    let (a, mut b) = Peer::two(cluster).await;
    for n in 1..=100 {
        b.subscribe(&[Topic::Room(room(n))]).await;
        a.head(room(n), 1);
        assert_eq!(b.seq(room(n)).await, 1);
    }
}

/// Subscribing to what stands changes nothing.
pub async fn subscribing_twice_delivers_once(cluster: &dyn Cluster) {
    let (a, mut b) = Peer::two(cluster).await;
    let topic = Topic::Room(room(1));
    b.subscribe(&[topic.clone(), topic.clone()]).await;
    b.subscribe(std::slice::from_ref(&topic)).await;
    for n in 1..=3 {
        a.head(room(1), n);
        assert_eq!(b.seq(room(1)).await, n);
    }
    ended(&a, &mut b, &topic).await;
}

/// A call may name many topics, and none.
pub async fn many_topics_in_one_call(cluster: &dyn Cluster) {
    let (a, mut b) = Peer::two(cluster).await;
    b.subscribe(&[]).await;
    b.link.bus.unsubscribe(&[]).await;
    let rooms: Vec<RoomId> = (1..=1_000).map(room).collect();
    let topics: Vec<Topic> = rooms.iter().copied().map(Topic::Room).collect();
    b.subscribe(&topics).await;
    for room in &rooms {
        a.head(*room, 1);
    }
    let mut left = rooms.clone();
    while !left.is_empty() {
        let message = b.message().await;
        left.retain(|room| message.topic != Topic::Room(*room));
    }
    soon("unsubscribing", b.link.bus.unsubscribe(&topics)).await;
}

/// After a subscription was ended, messages on its topic cease.
pub async fn an_ended_subscription_gets_nothing_more(cluster: &dyn Cluster) {
    let (a, mut b) = Peer::two(cluster).await;
    let topic = Topic::Room(room(1));
    b.subscribe(std::slice::from_ref(&topic)).await;
    a.head(room(1), 1);
    assert_eq!(b.seq(room(1)).await, 1);
    ended(&a, &mut b, &topic).await;
    b.subscribe(std::slice::from_ref(&topic)).await;
    a.head(room(1), 2);
    // What was published last while it was ended may be on its way still: order holds within a topic, and that the
    // other topic flowed says nothing of this one where they go through different servers.
    let mut message = b.message().await;
    while message.payload == Payload::Disconnect(user("late")) {
        message = b.message().await;
    }
    assert_eq!(message.payload, Payload::Head(room(1), Seq::new(2)), "and it can be made again");
}

/// Ends a subscription and waits until nothing comes on it any more, while another topic flows.
async fn ended(a: &Peer, b: &mut Peer, topic: &Topic) {
    let (flows, mark) = (room(999_999), Topic::Room(room(999_999)));
    b.subscribe(std::slice::from_ref(&mark)).await;
    soon("unsubscribing", b.link.bus.unsubscribe(std::slice::from_ref(topic))).await;
    let mut round = 0;
    eventually("an ended subscription is silent", async || {
        round += 1;
        a.link.bus.publish(topic.clone(), Payload::Disconnect(user("late")));
        a.head(flows, round);
        let mut silent = true;
        loop {
            let message = b.message().await;
            if message.payload == Payload::Head(flows, Seq::new(round)) {
                return silent.then_some(());
            }
            silent &= message.topic != *topic;
        }
    })
    .await;
    soon("unsubscribing", b.link.bus.unsubscribe(&[mark])).await;
}

/// Messages on one topic from one node arrive in the order published, each once.
pub async fn messages_of_a_topic_keep_their_order(cluster: &dyn Cluster) {
    let (a, mut b) = Peer::two(cluster).await;
    b.subscribe(&[Topic::Room(room(1))]).await;
    for n in 1..=1_000 {
        a.head(room(1), n);
    }
    for n in 1..=1_000 {
        assert_eq!(b.seq(room(1)).await, n);
    }
}

/// A node that does not read loses messages, is told so, costs no one else any, and gets later ones.
pub async fn overflow_is_told_as_lost(cluster: &dyn Cluster) {
    let (a, mut slow) = Peer::two(cluster).await;
    let mut reader = Peer::join(cluster, 3).await;
    let topic = Topic::Room(room(1));
    for peer in [&slow, &reader] {
        peer.subscribe(std::slice::from_ref(&topic)).await;
    }
    for n in 1..=FLOOD {
        a.head(room(1), n);
        // What the reader has got the publisher has sent: nothing piles up on the way out.
        while n % STEP == 0 && reader.seq(room(1)).await < n {}
    }
    let (mut got, mut last) = (0, 0);
    let mut seq = |message: &BusMessage| {
        let Payload::Head(_, seq) = message.payload else { panic!("a head was due, not {message:?}") };
        assert!(seq.get() > last, "{seq} after {last}");
        last = seq.get();
        last
    };
    loop {
        match slow.incoming().await {
            Incoming::Message(message) => {
                got += 1;
                assert!(seq(&message) <= got, "{message:?} with a hole before it and no word of a loss");
            }
            Incoming::Lost(lost) if covers(&lost, &topic) => break,
            Incoming::Lost(_) => {}
        }
    }
    assert!(got < FLOOD, "a node that does not read may not make anything grow without a bound");
    let mut n = FLOOD;
    eventually("messages flow again", async || {
        n += 1;
        a.head(room(1), n);
        while let Ok(incoming) = timeout(Duration::from_millis(20), slow.link.incoming.recv()).await {
            if let Incoming::Message(message) = incoming.expect("the bus goes on")
                && seq(&message) > FLOOD
            {
                return Some(());
            }
        }
        None
    })
    .await;
}

fn covers(lost: &Lost, topic: &Topic) -> bool {
    match lost {
        Lost::All => true,
        Lost::Topics(topics) => topics.contains(topic),
    }
}

/// Nodes of another epoch do not hear each other.
pub async fn another_epoch_is_ignored(cluster: &dyn Cluster) {
    let (a, mut b) = Peer::two(cluster).await;
    let other = Peer::join_epoch(cluster, 3, "epoch two").await;
    let mut fourth = Peer::join_epoch(cluster, 4, "epoch two").await;
    for peer in [&b, &fourth] {
        peer.subscribe(&[Topic::Room(room(1))]).await;
    }
    for n in 1..=20 {
        other.head(room(1), 2 * n);
        a.head(room(1), 2 * n + 1);
        assert_eq!(b.seq(room(1)).await, 2 * n + 1);
        assert_eq!(fourth.seq(room(1)).await, 2 * n);
    }
}

/// A node whose epoch is renewed hears those of the new one and no others, on the topics that it had.
pub async fn a_renewed_epoch_parts_nodes_and_joins_them(cluster: &dyn Cluster) {
    let (a, mut b) = Peer::two(cluster).await;
    b.subscribe(&[Topic::Room(room(1))]).await;
    let renew = |peer: &Peer| {
        let bus = Arc::clone(&peer.link.bus);
        async move { soon("renewing", bus.renew_epoch("epoch two")).await.expect("a healthy bus confirms") }
    };
    renew(&b).await;
    let other = Peer::join_epoch(cluster, 3, "epoch two").await;
    a.head(room(1), 1);
    other.head(room(1), 2);
    assert_eq!(b.seq(room(1)).await, 2);
    renew(&a).await;
    a.head(room(1), 3);
    assert_eq!(b.seq(room(1)).await, 3);
}

/// A node whose link is dropped is no part of the bus any more; its stream ends, the others' go on.
pub async fn dropping_the_link_leaves(cluster: &dyn Cluster) {
    let (a, b) = Peer::two(cluster).await;
    let mut c = Peer::join(cluster, 3).await;
    for peer in [&b, &c] {
        peer.subscribe(&[Topic::Room(room(1))]).await;
    }
    let BusLink { bus, leases, quota, mut incoming } = b.link;
    drop((bus, leases, quota));
    soon("the end of the stream", async { while incoming.recv().await.is_some() {} }).await;
    a.head(room(1), 1);
    assert_eq!(c.seq(room(1)).await, 1);
}

/// A node that left and joins again has no subscriptions, and can make them.
pub async fn a_node_that_comes_back_starts_afresh(cluster: &dyn Cluster) {
    let (a, b) = Peer::two(cluster).await;
    b.subscribe(&[Topic::Room(room(1)), Topic::Room(room(2))]).await;
    drop(b);
    let mut b = Peer::join(cluster, 2).await;
    b.subscribe(&[Topic::Room(room(2))]).await;
    for n in 1..=20 {
        a.head(room(1), n);
        a.head(room(2), n);
        assert_eq!(b.seq(room(2)).await, n);
    }
}
