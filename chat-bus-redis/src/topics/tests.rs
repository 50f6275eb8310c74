use std::time::Duration;

use chat_core::model::{NodeId, RoomId};

use super::*;

const GRACE: Duration = Duration::from_secs(10);

fn room(n: i64) -> Topic {
    Topic::Room(RoomId::new(n).unwrap())
}

fn new() -> (Arc<Names>, Topics) {
    let names = Arc::new(Names::new("chat", "e"));
    (Arc::clone(&names), Topics::new(names))
}

/// Redis is asked and confirms.
fn settle(topics: &mut Topics) -> (Vec<Arc<str>>, u64) {
    let (channels, ticket) = topics.take_missing(&Arc::clone(&topics.names)).unwrap();
    topics.confirm(&channels);
    (channels, ticket)
}

#[test]
fn a_confirmed_topic_needs_no_second_word_with_redis() {
    let (names, mut topics) = new();
    let ticket = topics.want(&[room(1), room(1)]).unwrap();
    let again = topics.want(&[room(1)]).unwrap();
    assert!(again > ticket, "it is not confirmed yet");
    let (channels, settled) = settle(&mut topics);
    assert_eq!((channels.len(), settled), (1, again));
    assert_eq!(topics.want(&[room(1)]), None);
    assert!(topics.take_missing(&names).unwrap().0.is_empty());
}

#[test]
fn an_ended_topic_is_silent_at_once_and_released_after_the_grace() {
    let (names, mut topics) = new();
    let start = Instant::now();
    topics.want(&[room(1), Topic::Node(NodeId(1))]);
    settle(&mut topics);
    let channel = names.channel(&room(1));
    assert_eq!(topics.wanted(&channel), Some(room(1)));
    topics.release(&[room(1), room(2)], start);
    assert_eq!(topics.wanted(&channel), None);
    assert!(topics.take_released(GRACE, start + GRACE / 2).is_empty());
    assert_eq!(topics.take_released(GRACE, start + GRACE), [Arc::<str>::from(channel)]);
    assert!(topics.want(&[room(1)]).is_some(), "it must be asked for again");
}

#[test]
fn flapping_costs_nothing() {
    let (_, mut topics) = new();
    let start = Instant::now();
    topics.want(&[room(1)]);
    settle(&mut topics);
    for n in 0..5 {
        topics.release(&[room(1)], start + n * GRACE / 10);
        assert_eq!(topics.want(&[room(1)]), None);
    }
    assert!(topics.take_released(GRACE, start + 2 * GRACE).is_empty());
    assert!(topics.released.is_empty());
}

#[test]
fn a_topic_ended_before_redis_was_asked_is_never_asked_for() {
    let (names, mut topics) = new();
    let start = Instant::now();
    topics.want(&[room(1)]);
    topics.release(&[room(1)], start);
    assert!(topics.take_released(GRACE, start + GRACE).is_empty());
    assert!(topics.take_missing(&names).unwrap().0.is_empty());
}

#[test]
fn a_new_connection_is_asked_for_what_is_wanted() {
    let (names, mut topics) = new();
    topics.want(&[room(1), room(2)]);
    settle(&mut topics);
    topics.release(&[room(1)], Instant::now());
    topics.restart();
    assert!(topics.want(&[room(2)]).is_some(), "nothing is confirmed any more");
    assert_eq!(settle(&mut topics).0, [Arc::<str>::from(names.channel(&room(2)))]);
}

#[test]
fn a_late_confirmation_is_told_of_those_who_gave_up() {
    let (names, mut topics) = new();
    topics.want(&[room(1), room(2)]);
    assert!(topics.give_up(&[room(1)]));
    let (channels, _) = topics.take_missing(&names).unwrap();
    assert_eq!(topics.confirm(&channels), [room(1)]);
    assert!(topics.confirm(&channels).is_empty());
    assert!(!topics.give_up(&[room(1)]), "there is nothing to wait for any more");
}

#[test]
fn another_epoch_has_other_channels_for_the_same_topics() {
    let (old, mut topics) = new();
    topics.want(&[room(1)]);
    let (_, before) = settle(&mut topics);
    let names = Arc::new(Names::new("chat", "f"));
    let ticket = topics.rename(Arc::clone(&names));
    assert!(topics.take_missing(&old).is_none());
    assert_eq!(topics.wanted(&old.channel(&room(1))), None);
    let (channels, settled) = settle(&mut topics);
    assert_eq!(channels, [Arc::<str>::from(names.channel(&room(1)))]);
    assert!(settled == ticket && ticket > before);
}
