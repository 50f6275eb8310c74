//! The calls that make rooms, one after the other over one connection.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::json;

use crate::{Fallible, base::Base};

/// Members named in one call: with the maker as many as a server takes by default.
const MEMBERS_A_CALL: usize = 99;
/// How long to go on where the server says "too many requests".
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Rest {
    base: Base,
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Rest {
    pub(crate) fn connect(base: &Base) -> Fallible<Self> {
        let stream = TcpStream::connect(base.addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(Self { base: base.clone(), stream: BufReader::new(stream) })
    }

    /// Makes a group of the token's user and `members`; returns its id.
    pub(crate) fn make_room(&mut self, token: &str, name: &str, members: &[String]) -> Fallible<u64> {
        #[derive(Deserialize)]
        struct Room {
            id: u64,
        }
        let mut calls = members.chunks(MEMBERS_A_CALL);
        let first = calls.next().unwrap_or_default();
        let body = json!({ "kind": "group", "name": name, "members": first });
        let room: Room = serde_json::from_slice(&self.post(token, "/rooms", &body.to_string())?)?;
        for members in calls {
            let body = json!({ "users": members });
            self.post(token, &format!("/rooms/{}/members", room.id), &body.to_string())?;
        }
        Ok(room.id)
    }

    /// Posts until it is taken; a bound on rate is waited out.
    fn post(&mut self, token: &str, path: &str, body: &str) -> Fallible<Vec<u8>> {
        let started = Instant::now();
        loop {
            let answer = self.post_once(token, path, body)?;
            match answer.status {
                200..=299 => return Ok(answer.body),
                429 if started.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(250)),
                status => {
                    let body = String::from_utf8_lossy(&answer.body);
                    return Err(format!("POST {path} was answered {status}: {body}").into());
                }
            }
        }
    }

    fn post_once(&mut self, token: &str, path: &str, body: &str) -> Fallible<Answer> {
        let Base { host, mount, .. } = &self.base;
        let len = body.len();
        let request = format!(
            "POST {mount}{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        read_answer(&mut self.stream)
    }
}

fn read_answer(stream: &mut impl BufRead) -> Fallible<Answer> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no HTTP answer")?;
    let mut len = None;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                len = Some(value.trim().parse()?)
            }
            Some(_) => {}
            None => break,
        }
    }
    // Without a length it would be chunked; answers this small are not.
    let mut body = vec![0; len.ok_or("an answer without a length")?];
    stream.read_exact(&mut body)?;
    Ok(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_follow_each_other_on_one_connection() {
        let bytes = b"HTTP/1.1 201 Created\r\nContent-Length: 8\r\nX: y\r\n\r\n{\"id\":7}HTTP/1.1 429 No\r\ncontent-length:0\r\n\r\n";
        let mut stream = bytes.as_slice();
        let answer = read_answer(&mut stream).unwrap();
        assert_eq!((answer.status, &*answer.body), (201, &br#"{"id":7}"#[..]));
        assert_eq!(read_answer(&mut stream).unwrap().status, 429);
        assert!(read_answer(&mut stream).is_err(), "the end is no answer");
    }
}
