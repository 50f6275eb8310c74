//! Who is given a file, and how.

use axum::{body::Body, http::Request};
use chat_axum::Media;
use serde_json::{Value, json};

use super::{PNG, files, form};
use crate::support::{Chat, Client, MOUNT, chat_with, limits, stuck, token, token_of};

#[tokio::test]
async fn a_file_is_for_who_may_read_its_message() {
    let files = files().await;
    let chat = &files.chat;
    let (room, other) = (chat.group("ann", &["bob"]).await, chat.group("ann", &["eve"]).await);
    let file = files.upload("ann", "a.png", "image/png", PNG).await;
    let url = &file["url"];
    let status = async |user: &str| chat.fetch(user, "GET", url, &[]).await.0.as_u16();
    assert_eq!((status("ann").await, status("bob").await, status("").await), (200, 404, 401));
    let unknown = chat.fetch("bob", "GET", &json!(format!("{MOUNT}/attachments/unknown")), &[]).await;
    assert_eq!((unknown.0.as_u16(), unknown.2), (404, chat.fetch("bob", "GET", url, &[]).await.2));

    let send = |content: &str| json!({ "content": content, "attachments": [file["id"]], "client_id": "k" });
    let path = format!("/rooms/{room}/messages");
    let message = chat.must("ann", "POST", &path, send("")).await;
    let mut shown = file.clone();
    shown.as_object_mut().unwrap().remove("url");
    assert_eq!(message["attachments"], json!([shown]));
    assert_eq!(chat.ask("ann", "POST", &path, send("")).await.status, 200, "a repeat");
    assert_eq!(chat.ask("ann", "POST", &path, send("x")).await.body["code"], "body_mismatch");
    let again = json!({ "content": "", "attachments": [file["id"]] });
    assert_eq!(chat.ask("ann", "POST", &format!("/rooms/{other}/messages"), again.clone()).await.status, 409);
    let theirs = chat.ask("eve", "POST", &format!("/rooms/{other}/messages"), again).await;
    assert_eq!((theirs.status.as_u16(), &theirs.body["field"]), (400, &json!("attachments")));
    assert_eq!((status("ann").await, status("bob").await, status("eve").await), (200, 200, 404));
    assert_eq!(
        chat.ask("ann", "DELETE", &format!("/attachments/{}", file["id"].as_str().unwrap()), Value::Null)
            .await
            .status,
        409
    );

    chat.must("ann", "DELETE", &format!("/rooms/{room}/members/bob"), Value::Null).await;
    assert_eq!(status("bob").await, 404);
    chat.must("ann", "DELETE", &format!("{path}/{}", message["seq"]), Value::Null).await;
    assert_eq!(status("ann").await, 404);
    let history = chat.must("ann", "GET", &path, Value::Null).await;
    assert_eq!(history["messages"][0]["attachments"], json!([]));
}

#[tokio::test]
async fn late_joiners_are_given_what_they_may_read() {
    let files = files().await;
    let body = json!({ "kind": "group", "members": ["bob"], "history": "from_join" });
    let room = files.chat.must("ann", "POST", "/rooms", body).await["id"].as_u64().unwrap();
    let (early, _) = files.sent("ann", room, PNG, "image/png").await;
    files.chat.must("ann", "POST", &format!("/rooms/{room}/members"), json!({ "users": ["cat"] })).await;
    let (late, _) = files.sent("ann", room, PNG, "image/png").await;
    for (user, first) in [("bob", 200), ("cat", 404)] {
        assert_eq!(files.chat.fetch(user, "GET", &early["url"], &[]).await.0, first, "{user}");
        assert_eq!(files.chat.fetch(user, "GET", &late["url"], &[]).await.0, 200, "{user}");
    }
}

#[tokio::test]
async fn files_are_served_so_that_nothing_in_them_runs() {
    let files = files().await;
    let cases: [(&str, &[u8], &str, &str); 3] = [
        ("image/png", PNG, "image/png", "inline; filename=\"x.bin\""),
        ("text/plain", b"hello", "text/plain; charset=utf-8", "attachment; filename=\"x.bin\""),
        ("application/pdf", b"%PDF-1.7 ", "application/pdf", "attachment; filename=\"x.bin\""),
    ];
    for (kind, bytes, shown, how) in cases {
        let file = files.upload("ann", "x.bin", kind, bytes).await;
        for method in ["GET", "HEAD"] {
            let (status, headers, body) = files.chat.fetch("ann", method, &file["url"], &[]).await;
            assert_eq!(status, 200);
            assert_eq!(body.len(), if method == "GET" { bytes.len() } else { 0 });
            assert_eq!(headers["content-length"], bytes.len().to_string());
            assert_eq!(
                (&headers["content-type"], &headers["content-disposition"]),
                (&shown.parse().unwrap(), &how.parse().unwrap())
            );
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert!(headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
            assert!(headers["cache-control"].to_str().unwrap().starts_with("private"));
            assert_eq!(headers["accept-ranges"], "bytes");
        }
    }
}

#[tokio::test]
async fn pages_of_other_origins_show_files_where_some_are_allowed() {
    for (origin, policy) in [(None, "same-origin"), (Some("http://localhost:3000"), "cross-origin")] {
        let chat = chat_with(limits(), |router| {
            let router = router.media(Media::memory());
            match origin {
                Some(origin) => router.allow_origin(origin).unwrap(),
                None => router,
            }
        })
        .await;
        let url = &chat.post_form("ann", form("a.png", "image/png", PNG)).await.body["url"];
        let tag = chat.fetch("ann", "GET", url, &[]).await.1["etag"].to_str().unwrap().to_owned();
        for (name, value, status) in
            [("accept", "image/*", 200), ("range", "bytes=0-1", 206), ("if-none-match", tag.as_str(), 304)]
        {
            let (answered, headers, _) = chat.fetch("ann", "GET", url, &[(name, value)]).await;
            assert_eq!(answered, status);
            assert_eq!(headers["cross-origin-resource-policy"], policy, "{origin:?} {status}");
        }
    }
}

#[tokio::test]
async fn parts_and_versions_are_asked_for() {
    let files = files().await;
    let bytes: Vec<u8> = (b'a'..=b'z').cycle().take(10_000).collect();
    let file = files.upload("ann", "x.txt", "text/plain", &bytes).await;
    let tag = format!("\"{}\"", file["id"].as_str().unwrap());
    for (headers, status, range, from, to) in [
        (vec![("range", "bytes=0-9")], 206, "bytes 0-9/10000", 0, 10),
        (vec![("range", "bytes=9990-")], 206, "bytes 9990-9999/10000", 9_990, 10_000),
        (vec![("range", "bytes=-5")], 206, "bytes 9995-9999/10000", 9_995, 10_000),
        (vec![("range", "bytes=0-1"), ("if-range", tag.as_str())], 206, "bytes 0-1/10000", 0, 2),
        (vec![("range", "bytes=0-1"), ("if-range", "\"other\"")], 200, "", 0, 10_000),
        (vec![("range", "bytes=0-1,5-6")], 200, "", 0, 10_000),
        (vec![("range", "lines=0-1")], 200, "", 0, 10_000),
        (vec![("range", "bytes=10000-")], 416, "bytes */10000", 0, 0),
        (vec![("if-none-match", tag.as_str())], 304, "", 0, 0),
        (vec![("if-none-match", "\"other\", W/\"x\"")], 200, "", 0, 10_000),
    ] {
        let (got, answer, body) = files.chat.fetch("ann", "GET", &file["url"], &headers).await;
        assert_eq!(got, status, "{headers:?}");
        let content_range = answer.get("content-range").map_or("", |value| value.to_str().unwrap());
        assert_eq!(content_range, range, "{headers:?}");
        if got.is_success() {
            assert_eq!(body, bytes[from..to], "{headers:?}");
        }
        if status == 304 {
            assert!(body.is_empty());
            assert_eq!(answer["etag"], tag);
        }
    }
}

/// The cookie of an answer: its value, and the rest.
fn given(headers: &axum::http::HeaderMap) -> Option<(String, String)> {
    let cookie = headers.get("set-cookie")?.to_str().unwrap();
    let (pair, rest) = cookie.split_once("; ").unwrap();
    Some((pair.to_owned(), rest.to_owned()))
}

async fn cookie_of(chat: &Chat, request: Request<Body>) -> Option<(String, String)> {
    given(&chat.send(request).await.headers)
}

#[tokio::test]
async fn the_cookie_opens_files_and_nothing_else() {
    let files = files().await;
    let chat = &files.chat;
    let file = files.upload("ann", "a.png", "image/png", PNG).await;
    let answer = chat.ask("ann", "GET", "/users/me", Value::Null).await;
    let (cookie, rest) = given(&answer.headers).unwrap();
    assert!(cookie.starts_with("chat_media="), "{cookie}");
    let parts: Vec<&str> = rest.split("; ").collect();
    assert!(
        matches!(parts[..], ["Path=/api/v1/attachments", age, "HttpOnly", "SameSite=Lax"] if age == "Max-Age=3599" || age == "Max-Age=3600"),
        "{rest}"
    );
    assert!(!cookie.contains(&token("ann")[..20]));

    let by_cookie = |cookie: &str, method: &str, url: &str| {
        Request::builder().method(method).uri(url).header("cookie", cookie).body(Body::empty()).unwrap()
    };
    let url = file["url"].as_str().unwrap();
    let status = async |cookie: &str, method: &str, url: &str| {
        use tower::ServiceExt as _;
        let response = chat.router.clone().oneshot(by_cookie(cookie, method, url)).await.unwrap();
        assert!(given(response.headers()).is_none(), "it does not renew itself");
        response.status().as_u16()
    };
    let with_stale = format!("chat_token=stale; {cookie}");
    for (cookie, method, url, expected) in [
        (cookie.as_str(), "GET", url, 200),
        (cookie.as_str(), "HEAD", url, 200),
        (with_stale.as_str(), "GET", url, 200),
        (cookie.as_str(), "DELETE", url, 401),
        (cookie.as_str(), "GET", "/api/v1/rooms", 401),
        (cookie.as_str(), "GET", "/api/v1/users/me", 401),
        ("chat_media=", "GET", url, 401),
        ("chat_media=1.YW5u.xxxx", "GET", url, 401),
        ("x=y", "GET", url, 401),
    ] {
        assert_eq!(status(cookie, method, url).await, expected, "{cookie} {method} {url}");
    }
    // A token that was put there on purpose must be right.
    let mut request = by_cookie(&cookie, "GET", url);
    request.headers_mut().insert("authorization", "Bearer wrong".parse().unwrap());
    assert_eq!(chat.send(request).await.status, 401);
    // Another's cookie opens what that one may see.
    let theirs = given(&chat.ask("bob", "GET", "/users/me", Value::Null).await.headers).unwrap().0;
    assert_eq!(status(&theirs, "GET", url).await, 404);
    // Nobody who is not known gets one, and errors give it too.
    assert!(given(&chat.ask("", "GET", "/rooms", Value::Null).await.headers).is_none());
    assert!(given(&chat.ask("ann", "GET", "/rooms/999", Value::Null).await.headers).is_some());
}

#[tokio::test]
async fn the_cookie_ends_with_the_token_and_is_for_https_where_that_is_spoken() {
    let files = files().await;
    let claims = json!({ "sub": "ann", "exp": crate::support::now() + 30.0 });
    let me = |proto: &str| {
        let request = Request::get(format!("{MOUNT}/users/me"))
            .header("authorization", format!("Bearer {}", token_of(claims.clone())))
            .header("x-forwarded-proto", proto);
        request.body(Body::empty()).unwrap()
    };
    let (_, rest) = cookie_of(&files.chat, me("http")).await.unwrap();
    let age: u64 = rest.split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
    assert!((28..=30).contains(&age) && !rest.contains("Secure"), "{rest}");
    let (_, rest) = cookie_of(&files.chat, me("https")).await.unwrap();
    assert!(rest.ends_with("; Secure"), "{rest}");
}

#[tokio::test]
async fn an_upgrade_gives_the_cookie_to_who_is_known_by_then() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let files = files().await;
    let address = files.chat.serve();
    for (query, known) in
        [(format!("?token={}", token("ann")), true), (String::new(), false), ("?token=x".to_owned(), false)]
    {
        let mut tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET {MOUNT}/ws{query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            head.push(stuck(tcp.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        assert_eq!(head.contains("set-cookie: chat_media="), known, "{head}");
    }
    // The socket works all the same.
    drop(Client::join(address, "ann", Value::Null).await);
}

#[tokio::test]
async fn without_a_place_there_are_no_files() {
    let chat = crate::support::chat().await;
    assert_eq!(chat.post_form("ann", form("a.png", "image/png", PNG)).await.status, 404);
    let answer = chat.ask("ann", "GET", "/attachments/x", Value::Null).await;
    assert_eq!(answer.status, 404);
    assert!(given(&answer.headers).is_none());
}
