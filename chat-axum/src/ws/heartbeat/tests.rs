use std::time::Duration;

use super::{Beat, Heartbeat};

const EVERY: Duration = Duration::from_secs(25);
const SILENCE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(1_000 + seconds)
}

#[test]
fn a_silent_peer_is_pinged_twice_and_then_dead() {
    let mut heartbeat = Heartbeat::new(at(0));
    assert_eq!(heartbeat.beat(at(0), EVERY, SILENCE), Beat::Rest(at(25)));
    assert_eq!(heartbeat.beat(at(24), EVERY, SILENCE), Beat::Rest(at(25)));
    assert_eq!(heartbeat.beat(at(25), EVERY, SILENCE), Beat::Ping);
    assert_eq!(heartbeat.beat(at(25), EVERY, SILENCE), Beat::Rest(at(50)));
    assert_eq!(heartbeat.beat(at(50), EVERY, SILENCE), Beat::Ping);
    assert_eq!(heartbeat.beat(at(51), EVERY, SILENCE), Beat::Rest(at(60)));
    assert_eq!(heartbeat.beat(at(60), EVERY, SILENCE), Beat::Dead);
}

#[test]
fn a_sign_of_life_puts_death_off_and_the_pings_go_on() {
    let mut heartbeat = Heartbeat::new(at(0));
    heartbeat.heard(at(59));
    assert_eq!(heartbeat.beat(at(60), EVERY, SILENCE), Beat::Ping);
    assert_eq!(heartbeat.beat(at(85), EVERY, SILENCE), Beat::Ping);
    assert_eq!(heartbeat.beat(at(118), EVERY, SILENCE), Beat::Ping);
    assert_eq!(heartbeat.beat(at(119), EVERY, SILENCE), Beat::Dead);
}

#[test]
fn nobody_dies_while_not_read() {
    let mut heartbeat = Heartbeat::new(at(0));
    heartbeat.pause();
    assert_eq!(heartbeat.beat(at(500), EVERY, SILENCE), Beat::Ping);
    assert_eq!(heartbeat.beat(at(500), EVERY, SILENCE), Beat::Rest(at(525)));
    heartbeat.resume(at(501));
    assert_eq!(heartbeat.beat(at(524), EVERY, SILENCE), Beat::Rest(at(525)));
    assert_eq!(heartbeat.beat(at(525), EVERY, SILENCE), Beat::Ping);
    assert_eq!(heartbeat.beat(at(561), EVERY, SILENCE), Beat::Dead);
}
