//! What a server says of itself, and how it goes down.

use std::{fs, process::Output};

use serde_json::{Value, json};

use crate::{
    http::{ask, exchange, must, stuck},
    process::{Folder, Launch, Server, command},
    socket::{Heard, Socket},
};

/// Messages sent around the end.
const SENDS: u64 = 5;

/// Messages said one after the other, without waiting for an answer.
const PIPELINED: usize = 14;

/// Signs up; the token.
pub(crate) async fn sign_up(server: &Server, name: &str) -> String {
    let body = json!({ "username": name, "password": "a password" });
    let answer = ask(server.address, "POST", "/auth/signup/", None, Some(&body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["token"].as_str().unwrap().to_owned()
}

async fn room(server: &Server, token: &str) -> u64 {
    let body = json!({ "kind": "group", "name": "Drained" });
    must(server.address, "POST", "/api/v1/rooms", token, Some(&body)).await["id"].as_u64().unwrap()
}

#[tokio::test]
async fn a_drain_loses_nothing() {
    let mut launch = Launch::new("drain", &[]);
    let server = launch.start();
    let ann = sign_up(&server, "ann").await;
    let room = room(&server, &ann).await;
    let hello = json!({ "rooms": { room.to_string(): null } });
    let (mut socket, welcome) = stuck(Socket::join(server.address, &ann, hello)).await.unwrap();
    assert_eq!(welcome["type"], "welcome", "{welcome}");

    // One message is known to be stored; others are under way when the signal comes.
    let mut acknowledged = Vec::new();
    let (mut bye, mut code) = (None, None);
    let mut terminated = false;
    let say = |number: u64| {
        let text = format!("m-{number}");
        json!({ "type": "send", "id": text, "room_id": room, "content": text, "client_id": text })
    };
    for number in 1..=SENDS {
        stuck(socket.say(&say(number))).await.unwrap();
    }
    loop {
        match stuck(socket.hear()).await {
            Heard::Frame(frame) => match frame["type"].as_str().unwrap() {
                "ok" => {
                    acknowledged.push((frame["seq"].as_u64().unwrap(), frame["id"].clone()));
                    if !terminated {
                        server.terminate();
                        terminated = true;
                    }
                }
                "bye" => bye = Some(frame),
                "error" => assert_eq!(frame["retryable"], true, "{frame}"),
                _ => {}
            },
            Heard::End(end) => {
                code = code.or(end);
                break;
            }
        }
    }
    let bye = bye.unwrap();
    assert_eq!(bye["reason"], "shutdown", "{bye}");
    assert!(bye["reconnect_after_ms"].is_u64(), "{bye}");
    assert_eq!(code, Some(1001));
    assert!(!acknowledged.is_empty());
    let status = stuck(server.ended()).await;
    assert!(status.success(), "{status}");

    // The secret and the accounts are kept: the token still holds, and so do name and password.
    let server = launch.start();
    // What was not answered is sent again, and what was, too: each stands once.
    let (mut socket, _) = stuck(Socket::join(server.address, &ann, json!({}))).await.unwrap();
    for number in 1..=SENDS {
        stuck(socket.say(&say(number))).await.unwrap();
        loop {
            match stuck(socket.hear()).await {
                Heard::Frame(frame) if frame["type"] == "ok" => break,
                Heard::Frame(frame) => assert_ne!(frame["type"], "error", "{frame}"),
                Heard::End(code) => panic!("closed: {code:?}"),
            }
        }
    }
    let log = must(server.address, "GET", &format!("/api/v1/rooms/{room}/events?since=0"), &ann, None).await;
    assert_eq!(log["head"], SENDS + 1, "{log}");
    let events = log["events"].as_array().unwrap();
    for (seq, text) in &acknowledged {
        let event = events.iter().find(|event| event["seq"] == *seq).unwrap();
        assert_eq!(event["message"]["content"], *text, "{event}");
    }
    let body = json!({ "username": "ann", "password": "a password" });
    assert_eq!(ask(server.address, "POST", "/auth/login/", None, Some(&body)).await.status, 200);
    assert_eq!(ask(server.address, "POST", "/auth/signup/", None, Some(&body)).await.status, 409);
    let secret = fs::read_to_string(launch.folder().join("chat.db.secret")).unwrap();
    assert!(secret.len() >= 32);
    println!("{} acknowledged before the drain ended", acknowledged.len());
}

/// Whatever the signal meets half-way: what was stored was answered, before the goodbye.
#[tokio::test]
async fn sends_under_way_are_answered_before_bye() {
    let mut launch = Launch::new("under-way", &[]);
    let server = launch.start();
    let ann = sign_up(&server, "ann").await;
    let room = room(&server, &ann).await;
    let (mut socket, _) = stuck(Socket::join(server.address, &ann, json!({}))).await.unwrap();
    for number in 1..=PIPELINED {
        let text = format!("m-{number}");
        let send = json!({ "type": "send", "id": text, "room_id": room, "content": text, "client_id": text });
        stuck(socket.say(&send)).await.unwrap();
    }
    // The first is stored; the others are read, stored or on their way.
    let mut answered = 0;
    let mut terminated = false;
    loop {
        let Heard::Frame(frame) = stuck(socket.hear()).await else { panic!("no goodbye") };
        match frame["type"].as_str().unwrap() {
            "bye" => break,
            "ok" => answered += 1,
            "message" => {}
            _ => panic!("{frame}"),
        }
        if !terminated {
            server.terminate();
            terminated = true;
        }
    }
    let status = stuck(server.ended()).await;
    assert!(status.success(), "{status}");
    let server = launch.start();
    let log = must(server.address, "GET", &format!("/api/v1/rooms/{room}/events?since=1"), &ann, None).await;
    assert_eq!(log["events"].as_array().unwrap().len(), answered, "{log}");
    println!("{answered} of {PIPELINED} stored and answered");
}

/// Whoever stops the server and copies the database has it all.
#[tokio::test]
async fn after_the_end_the_file_is_whole_by_itself() {
    let mut launch = Launch::new("whole", &[]);
    let server = launch.start();
    let ann = sign_up(&server, "ann").await;
    let room = room(&server, &ann).await;
    assert!(fs::metadata(launch.folder().join("chat.db-wal")).unwrap().len() > 0);
    server.terminate();
    assert!(stuck(server.ended()).await.success());
    let beside = fs::metadata(launch.folder().join("chat.db-wal"));
    assert!(beside.as_ref().map_or(true, |file| file.len() == 0), "{beside:?}");

    let elsewhere = Folder::new("whole-copy");
    for file in ["chat.db", "chat.db.secret"] {
        fs::copy(launch.folder().join(file), elsewhere.join(file)).unwrap();
    }
    let database = format!("sqlite://{}", elsewhere.join("chat.db").display());
    let mut copied = Launch::on(elsewhere, database, &[]);
    let server = copied.start();
    must(server.address, "GET", &format!("/api/v1/rooms/{room}"), &ann, None).await;
    let body = json!({ "username": "ann", "password": "a password" });
    assert_eq!(ask(server.address, "POST", "/auth/login/", None, Some(&body)).await.status, 200);
}

/// One place is enough for one after the other: a WebSocket needs none once it is one.
#[tokio::test]
async fn sockets_take_no_place_from_requests() {
    let mut launch = Launch::new("places", &["--http-connections=1"]);
    let server = launch.start();
    let ann = sign_up(&server, "ann").await;
    let (_first, _) = stuck(Socket::join(server.address, &ann, json!({}))).await.unwrap();
    let (_second, _) = stuck(Socket::join(server.address, &ann, json!({}))).await.unwrap();
    room(&server, &ann).await;
}

/// A body that stops half way is not waited for.
#[tokio::test]
async fn half_a_sign_up_is_answered() {
    let mut launch = Launch::new("half", &["--limit=body_timeout=50"]);
    let server = launch.start();
    for path in ["/auth/signup/", "/auth/login"] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: 100\r\n\r\n{{\"username\":",
            server.address
        );
        assert_eq!(exchange(server.address, request.as_bytes()).await.status, 408, "{path}");
    }
}

#[tokio::test]
async fn operators_and_browsers_are_served() {
    let mut launch = Launch::new("serve", &[]);
    let server = launch.start();
    let get = |path: &'static str| ask(server.address, "GET", path, None, None);
    assert_eq!(get("/healthz").await.status, 200);
    assert_eq!(get("/readyz").await.status, 200);

    let ann = sign_up(&server, "ann").await;
    let room = room(&server, &ann).await;
    let path = format!("/api/v1/rooms/{room}/messages");
    must(server.address, "POST", &path, &ann, Some(&json!({ "content": "hi" }))).await;
    let metrics = get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("chat_commit_batch_size"), "{}", metrics.body);

    for (path, kind, word) in [
        ("/", "text/html", "data-testid=\"signup-form\""),
        ("/app.js", "text/javascript", "import"),
        ("/chat-client.js", "text/javascript", "export"),
        ("/app.css", "text/css", "{"),
        ("/selftest/", "text/html", "id=\"result\""),
    ] {
        let answer = get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").unwrap().starts_with(kind), "{path}: {}", answer.head);
        let csp = answer.header("content-security-policy").unwrap();
        assert!(
            csp.contains("default-src 'self'") && csp.contains("frame-ancestors 'none'"),
            "{path}: {csp}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.body.contains(word), "{path}");
    }
    let api = get("/api/v1/openapi.json").await;
    assert_eq!(api.status, 200);
    assert!(api.json()["paths"].as_object().is_some_and(|paths| !paths.is_empty()));
    let socket = get("/api/v1/asyncapi.json").await;
    assert_eq!((socket.status, &socket.json()["asyncapi"]), (200, &Value::from("3.0.0")));

    assert_eq!(get("/nowhere").await.status, 404);
    assert_eq!(get("/api/v1/nowhere").await.status, 404);
    let stranger = get("/api/v1/rooms").await;
    assert_eq!((stranger.status, &stranger.json()["code"]), (401, &Value::from("unauthorized")));
}

#[tokio::test]
async fn origins_hold_on_every_path() {
    let mut launch = Launch::new("origins", &["--allow-origin=http://localhost:3000"]);
    let server = launch.start();
    let as_page = async |method: &str, path: &str, origin: &str| {
        let asks = if method == "OPTIONS" { "Access-Control-Request-Method: GET\r\n" } else { "" };
        let address = server.address;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: {origin}\r\n{asks}Connection: close\r\n\r\n"
        );
        exchange(address, request.as_bytes()).await
    };
    for path in ["/healthz", "/readyz", "/metrics", "/", "/nowhere", "/api/v1/rooms", "/api/v1/nowhere"] {
        for method in ["GET", "OPTIONS"] {
            let answer = as_page(method, path, "http://localhost:3000").await;
            let told = answer.header("access-control-allow-origin");
            assert_eq!(told, Some("http://localhost:3000"), "{method} {path}: {}", answer.head);
            assert_eq!(as_page(method, path, "http://localhost:3001").await.status, 403, "{method} {path}");
        }
    }
}

/// Starts with flags that cannot work; what it says.
async fn refuse(flags: &[&str]) -> String {
    let mut command = command();
    command.args(["--listen=127.0.0.1:0"]).args(flags);
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    let Output { status, stdout, stderr } = stuck(run).await.unwrap();
    assert!(!status.success(), "{flags:?}");
    assert!(stdout.is_empty(), "{flags:?}");
    String::from_utf8(stderr).unwrap()
}

#[tokio::test]
async fn flags_that_cannot_work_are_refused() {
    for (flags, word) in [
        (&["--nope"][..], "--nope"),
        (&["--database=mysql://x"], "must be sqlite://FILE, postgres://USER@HOST/DATABASE or memory:"),
        (&["--database=sqlite://chat.db?mode=ro"], "sqlite://FILE takes no options"),
        (&["--http-connections=0"], "--http-connections"),
        (&["--database=postgres://x"], "--jwt-secret must be given"),
        (&["--media=ftp://x"], "must be a folder, s3://BUCKET/PREFIX or memory:"),
        (&["--database=memory:", "--redis=nonsense"], "redis"),
        (&["--database=memory:", "--limit=nope=1"], "content_bytes_max"),
        (&["--database=memory:", "--limit=sends=fast"], "sends=fast"),
        (&["--database=memory:", "--allow-origin=nonsense"], "origin"),
        (&["--database=memory:", "--public-url=https://chat.example/path"], "and no path"),
        (&["--database=sqlite:///nowhere/at/all/chat.db"], ""),
        (&["--listen=here"], "--listen"),
    ] {
        let said = refuse(flags).await;
        assert!(!said.trim().is_empty(), "{flags:?} says nothing");
        assert!(said.to_lowercase().contains(&word.to_lowercase()), "{flags:?}: {said}");
    }
}
