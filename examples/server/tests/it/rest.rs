//! What several tests ask for by REST, and who they ask as.

use std::{
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::http;

/// What tokens are signed with.
pub(crate) const SECRET: &str = "a secret of more than thirty-two bytes";

/// How long a token holds, in seconds; longer than any test.
const TOKEN_LIFE: u64 = 24 * 60 * 60;

const PAGE: usize = 200;

/// A token for a user.
pub(crate) fn token(user: usize) -> String {
    let exp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + TOKEN_LIFE;
    let claims = json!({ "sub": user.to_string(), "name": format!("User {user}"), "exp": exp });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

/// The whole log of a room; dense from 1.
pub(crate) async fn log(address: SocketAddr, token: &str, room: u64) -> Vec<Value> {
    let mut log: Vec<Value> = Vec::new();
    loop {
        let path = format!("/api/v1/rooms/{room}/events?since={}&limit={PAGE}", log.len());
        let page = http::must(address, "GET", &path, token, None).await;
        for event in page["events"].as_array().unwrap() {
            assert_eq!(event["seq"], log.len() + 1, "not dense: {event}");
            assert_eq!(event["room_id"], room);
            log.push(event.clone());
        }
        if page["head"] == log.len() {
            return log;
        }
        assert!(!page["events"].as_array().unwrap().is_empty(), "no events below the head: {page}");
    }
}
