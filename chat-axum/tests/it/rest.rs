//! REST: good and bad input of every route.

mod answers;
mod members;
mod messages;
mod moderation;
mod rooms;
mod search;

use serde_json::Value;

use crate::support::Chat;

/// Asks a row of questions; each must give the status, and a problem must have the code and name the field.
pub(super) async fn table(chat: &Chat, rows: &[(&str, &str, String, Value, u16, &str)]) {
    for (user, method, path, body, status, told) in rows {
        let answer = chat.ask(user, method, path, body.clone()).await;
        assert_eq!(answer.status, *status, "{user}: {method} {path} {body}: {answer:?}");
        if *status < 400 {
            continue;
        }
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{method} {path}");
        let (code, field) = told.split_once(' ').unwrap_or((told, ""));
        assert_eq!(answer.body["code"], code, "{user}: {method} {path} {body}: {answer:?}");
        assert_eq!(
            answer.body["field"].as_str().unwrap_or_default(),
            field,
            "{method} {path} {body}: {answer:?}"
        );
        assert_eq!(answer.body["status"], *status);
        assert_eq!(answer.body["type"], "about:blank");
        assert!(!answer.body["title"].as_str().unwrap().is_empty());
        assert!(!answer.body["detail"].as_str().unwrap().is_empty());
    }
}

pub(super) fn row<'a>(
    user: &'a str,
    method: &'a str,
    path: impl Into<String>,
    body: Value,
    status: u16,
    told: &'a str,
) -> (&'a str, &'a str, String, Value, u16, &'a str) {
    (user, method, path.into(), body, status, told)
}
