//! What the server takes from its environment.

use serde_json::json;

use crate::{
    drain::sign_up,
    http::{ask, must},
    process::Launch,
};

#[tokio::test]
async fn the_environment_says_yes_and_no_as_usual() {
    for (said, status) in [("1", 201), ("true", 201), ("yes", 201), ("0", 404), ("false", 404), ("", 404)] {
        let secret = "--jwt-secret=a secret of more than thirty-two bytes";
        let mut launch = Launch::new("environment", &[secret]).with(&[("CHAT_DEMO", said.to_owned())]);
        let server = launch.start();
        let body = json!({ "username": "ann", "password": "a password" });
        let answer = ask(server.address, "POST", "/auth/signup/", None, Some(&body)).await;
        assert_eq!(answer.status, status, "{said:?}");
    }
}

/// As compose files write those that are not set.
#[tokio::test]
async fn empty_variables_are_as_none() {
    let names =
        ["DATABASE_URL", "REDIS_URL", "JWT_SECRET", "COMPAT", "MEDIA_URL", "ALLOW_ORIGIN", "PUBLIC_URL"];
    let more = ["TOKEN_COOKIE", "LIMITS", "DEMO", "LISTEN", "HTTP_CONNECTIONS"];
    let names: Vec<String> = names.iter().chain(&more).map(|name| format!("CHAT_{name}")).collect();
    let variables: Vec<(&str, String)> = names.iter().map(|name| (name.as_str(), String::new())).collect();
    let mut launch = Launch::new("empty", &[]).with(&variables);
    let server = launch.start();
    // Without a secret, on loopback, anyone may sign up.
    let ann = sign_up(&server, "ann").await;
    must(server.address, "GET", "/api/v1/rooms", &ann, None).await;
}

#[tokio::test]
async fn limits_of_flags_and_of_the_environment_add_up() {
    let variables = [("CHAT_LIMITS", "content_bytes_max=4,metadata_bytes_max=9,name_chars_max=4".to_owned())];
    let flags = ["--limit=content_bytes_max=8", "--limit=page_max=100"];
    let mut launch = Launch::new("limits", &flags).with(&variables);
    let server = launch.start();
    let ann = sign_up(&server, "ann").await;
    for (name, status) in [("four", 201), ("fives", 413)] {
        let body = json!({ "kind": "group", "name": name });
        let made = ask(server.address, "POST", "/api/v1/rooms", Some(&ann), Some(&body)).await;
        assert_eq!(made.status, status, "{made:?}");
    }
    for (content, status) in [("eightbyt", 201), ("nine byte", 413)] {
        let body = json!({ "content": content });
        let path = "/api/v1/rooms/1/messages";
        let sent = ask(server.address, "POST", path, Some(&ann), Some(&body)).await;
        assert_eq!(sent.status, status, "{sent:?}");
    }
}

/// What is written to files is for who owns the process, and for no terminal.
#[cfg(unix)]
#[tokio::test]
async fn the_database_is_private_and_the_log_is_plain() {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    let mut launch = Launch::new("private", &[]);
    let server = launch.start();
    sign_up(&server, "ann").await;
    for name in ["chat.db", "chat.db-wal", "chat.db-shm", "chat.db.secret"] {
        let mode = fs::metadata(launch.folder().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let log = fs::read_to_string(launch.folder().join("server.log")).unwrap();
    assert!(!log.is_empty() && !log.contains('\u{1b}'), "{log}");
}
