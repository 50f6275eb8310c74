//! Real servers, as tests of other crates start them.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
};

use xtask::{Postgres, Redis};

/// What a server answers first; `None` where nobody listens.
fn ask(port: u16, question: &[u8]) -> Option<Vec<u8>> {
    let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    tcp.write_all(question).unwrap();
    let mut answer = vec![0; 64];
    let length = tcp.read(&mut answer).unwrap();
    answer.truncate(length);
    Some(answer)
}

#[test]
fn a_redis_is_started_killed_and_started_empty() {
    let mut redis = Redis::start().unwrap();
    assert_eq!(ask(redis.port(), b"SET a 1\r\n").unwrap(), b"+OK\r\n");
    assert_eq!(ask(redis.port(), b"EXISTS a\r\n").unwrap(), b":1\r\n");
    redis.kill();
    assert_eq!(ask(redis.port(), b"PING\r\n"), None);
    redis.start_again().unwrap();
    assert_eq!(ask(redis.port(), b"EXISTS a\r\n").unwrap(), b":0\r\n");
}

#[test]
fn a_postgres_is_started_stopped_and_started_again() {
    // A request for TLS, which it answers before anything else.
    let hello = [0, 0, 0, 8, 4, 210, 22, 47];
    let mut postgres = Postgres::start(false).unwrap();
    assert_eq!(ask(postgres.port(), &hello).unwrap(), b"N");
    postgres.stop().unwrap();
    assert_eq!(ask(postgres.port(), &hello), None);
    postgres.start_again().unwrap();
    assert_eq!(ask(postgres.port(), &hello).unwrap(), b"N");
}
