use std::time::Duration;

use chat_core::model::{NodeId, RoomId};

use super::*;

const GRACE: Duration = Duration::from_secs(10);

fn room(n: i64) -> Topic {
    Topic::Room(RoomId::new(n).unwrap())
}

/// Redis is asked and confirms.
fn settle(topics: &mut Topics) -> (Vec<Arc<str>>, u64) {
    let (channels, ticket) = topics.take_missing();
    topics.confirm(&channels);
    (channels, ticket)
}

#[test]
fn a_confirmed_topic_needs_no_second_word_with_redis() {
    let (names, mut topics) = (Names::new("chat", "e"), Topics::default());
    let ticket = topics.want(&names, &[room(1), room(1)]).unwrap();
    let again = topics.want(&names, &[room(1)]).unwrap();
    assert!(again > ticket, "it is not confirmed yet");
    let (channels, settled) = settle(&mut topics);
    assert_eq!((channels.len(), settled), (1, again));
    assert_eq!(topics.want(&names, &[room(1)]), None);
    assert!(topics.take_missing().0.is_empty());
}

#[test]
fn an_ended_topic_is_silent_at_once_and_released_after_the_grace() {
    let (names, mut topics) = (Names::new("chat", "e"), Topics::default());
    let start = Instant::now();
    topics.want(&names, &[room(1), Topic::Node(NodeId(1))]);
    settle(&mut topics);
    let channel = names.channel(&room(1));
    assert_eq!(topics.wanted(&channel), Some(room(1)));
    topics.release(&names, &[room(1), room(2)], start);
    assert_eq!(topics.wanted(&channel), None);
    assert!(topics.take_released(GRACE, start + GRACE / 2).is_empty());
    assert_eq!(topics.take_released(GRACE, start + GRACE), [Arc::<str>::from(channel)]);
    assert!(topics.want(&names, &[room(1)]).is_some(), "it must be asked for again");
}

#[test]
fn flapping_costs_nothing() {
    let (names, mut topics) = (Names::new("chat", "e"), Topics::default());
    let start = Instant::now();
    topics.want(&names, &[room(1)]);
    settle(&mut topics);
    for n in 0..5 {
        topics.release(&names, &[room(1)], start + n * GRACE / 10);
        assert_eq!(topics.want(&names, &[room(1)]), None);
    }
    assert!(topics.take_released(GRACE, start + 2 * GRACE).is_empty());
    assert!(topics.released.is_empty());
}

#[test]
fn a_topic_ended_before_redis_was_asked_is_never_asked_for() {
    let (names, mut topics) = (Names::new("chat", "e"), Topics::default());
    let start = Instant::now();
    topics.want(&names, &[room(1)]);
    topics.release(&names, &[room(1)], start);
    assert!(topics.take_released(GRACE, start + GRACE).is_empty());
    assert!(topics.take_missing().0.is_empty());
}

#[test]
fn a_new_connection_is_asked_for_what_is_wanted() {
    let (names, mut topics) = (Names::new("chat", "e"), Topics::default());
    topics.want(&names, &[room(1), room(2)]);
    settle(&mut topics);
    topics.release(&names, &[room(1)], Instant::now());
    topics.restart();
    assert!(topics.want(&names, &[room(2)]).is_some(), "nothing is confirmed any more");
    assert_eq!(settle(&mut topics).0, [Arc::<str>::from(names.channel(&room(2)))]);
}
