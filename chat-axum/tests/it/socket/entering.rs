//! Getting in, or not.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, MOUNT, chat, chat_with, limits, now, token, token_of, until};

#[tokio::test]
async fn a_token_comes_by_any_of_five_ways() {
    let chat = chat().await;
    let address = chat.serve();
    let ann = token("ann");
    let bearer = ("authorization", format!("Bearer {ann}"));
    let cookie = ("cookie", format!("chat_token={ann}"));
    let protocol = ("sec-websocket-protocol", format!("chat.v1, chat.bearer.{ann}"));
    for (query, headers) in [
        ("", vec![bearer.clone()]),
        ("", vec![cookie.clone()]),
        ("", vec![protocol.clone()]),
        (&*format!("?token={ann}"), vec![]),
        (&*format!("?token={ann}"), vec![bearer, cookie, protocol]),
    ] {
        let mut client = Client::open(address, query, &headers).await.unwrap();
        client.say(json!({"type": "hello"})).await;
        let welcome = client.hear().await;
        assert_eq!(
            (&welcome["type"], &welcome["user"]["id"]),
            (&json!("welcome"), &json!("ann")),
            "{headers:?}"
        );
    }
    let (_client, welcome) = Client::join(address, "ann", Value::Null).await;
    assert_eq!(welcome["user"]["id"], "ann");
    assert_eq!(welcome["epoch"].as_str(), Some(&*chat.engine.epoch()));
    assert_eq!(welcome["heartbeat_ms"], 25_000);
}

#[tokio::test]
async fn nobody_without_a_valid_token_gets_in() {
    let chat = chat().await;
    let address = chat.serve();
    let (ann, bob) = (token("ann"), token("bob"));
    let stale = token_of(json!({"sub": "ann", "exp": now() - 60.0}));
    let bearer = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    let cookie = |token: &str| vec![("cookie", format!("chat_token={token}"))];
    for (what, query, headers, hello, is_in) in [
        ("no token", String::new(), vec![], json!({}), false),
        ("a stale one in hello", String::new(), vec![], json!({"token": stale}), false),
        ("no token at all", String::new(), vec![], json!({"token": "x"}), false),
        ("a stale one in the query", format!("?token={stale}"), vec![], json!({"token": ann}), false),
        ("a stale cookie", String::new(), cookie(&stale), json!({}), false),
        ("a stale cookie and a good hello", String::new(), cookie(&stale), json!({"token": ann}), true),
        ("two users", String::new(), bearer(&ann), json!({"token": bob}), false),
        ("two users before hello", format!("?token={bob}"), bearer(&ann), json!({}), false),
        ("a cookie of another", String::new(), cookie(&bob), json!({"token": ann}), false),
        ("one user twice", String::new(), bearer(&ann), json!({"token": ann}), true),
    ] {
        let mut client = Client::open(address, &query, &headers).await.expect(what);
        let mut hello = hello;
        hello["type"] = json!("hello");
        client.say(hello).await;
        if is_in {
            assert_eq!(client.hear().await["type"], "welcome", "{what}");
            continue;
        }
        let (frames, code) = client.hear_out().await;
        assert_eq!(code, Some(4401), "{what}: {frames:?}");
        assert_eq!((frames.len(), &frames[0]["code"]), (1, &json!("unauthorized")), "{what}");
    }
    until(|| chat.sockets.unauthenticated_count() == 0).await;
}

#[tokio::test]
async fn hello_comes_first_or_not_at_all() {
    let mut limits = limits();
    limits.hello_bytes_max = 256;
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let big = json!({"type": "hello", "token": "x".repeat(300)}).to_string();
    for (message, told, closed) in [
        (Message::text(r#"{"type":"ping","id":1}"#), Some(("bad_frame", json!(1))), 4400),
        (Message::text("hello"), Some(("bad_frame", Value::Null)), 4400),
        (Message::text(r#"{"type":"hello","rooms":5}"#), Some(("bad_field", Value::Null)), 4400),
        (Message::binary(b"{}".to_vec()), Some(("bad_frame", Value::Null)), 4400),
        (Message::text(big), None, 1009),
        (Message::Close(None), None, 1000),
    ] {
        let mut client = Client::stranger(address).await;
        client.send(Message::Ping("are you there".into())).await;
        assert_eq!(client.next().await, Some(Message::Pong("are you there".into())));
        client.send(message.clone()).await;
        let (frames, code) = client.hear_out().await;
        assert_eq!(code, Some(closed), "{message:?}");
        let got = frames.first().map(|frame| (frame["code"].as_str().unwrap(), frame["id"].clone()));
        assert_eq!(got, told, "{message:?}");
    }
}

#[tokio::test]
async fn who_does_not_say_hello_in_time_is_closed() {
    let mut limits = limits();
    limits.hello_timeout = Duration::from_millis(50);
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let mut stranger = Client::stranger(address).await;
    assert_eq!(stranger.hear_out().await, (vec![], Some(4401)));
    let headers = [("authorization", format!("Bearer {}", token("ann")))];
    let mut known = Client::open(address, "", &headers).await.unwrap();
    assert_eq!(known.hear_out().await, (vec![], Some(4408)));
    drop((stranger, known));
    until(|| chat.sockets.count() == 0).await;
}

#[tokio::test]
async fn sockets_without_a_user_are_bounded() {
    let mut limits = limits();
    limits.unauthenticated_max = 2;
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let mut first = Client::stranger(address).await;
    let second = Client::stranger(address).await;
    let refused = Client::open(address, "", &[]).await.err().unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    // A user who gets in makes room, as does one who goes.
    first.say(json!({"type": "hello", "token": token("ann")})).await;
    assert_eq!(first.hear().await["type"], "welcome");
    let third = Client::stranger(address).await;
    assert_eq!(chat.sockets.unauthenticated_count(), 2);
    drop((second, third));
    until(|| chat.sockets.unauthenticated_count() == 0).await;
    assert_eq!(chat.sockets.count(), 1);
}

#[tokio::test]
async fn a_subprotocol_is_spoken_where_it_is_offered() {
    let chat = chat().await;
    let address = chat.serve();
    for (offered, spoken) in [("chat.v1", Some("chat.v1")), ("other, chat.v1", Some("chat.v1")), ("", None)] {
        let mut request = axum::http::Request::get(format!("http://{address}{MOUNT}/ws"))
            .header("host", address.to_string())
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        if !offered.is_empty() {
            request = request.header("sec-websocket-protocol", offered);
        }
        let request = request.body(()).unwrap();
        let (_, response) = tokio_tungstenite::connect_async(ws_request(&request)).await.unwrap();
        let got = response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap());
        assert_eq!(got, spoken, "{offered}");
    }
}

/// The same request for the client, whose `http` is its own.
fn ws_request(request: &axum::http::Request<()>) -> tokio_tungstenite::tungstenite::http::Request<()> {
    let mut copy = tokio_tungstenite::tungstenite::http::Request::get(
        request.uri().to_string().replace("http://", "ws://"),
    );
    for (name, value) in request.headers() {
        copy = copy.header(name.as_str(), value.as_bytes());
    }
    copy.body(()).unwrap()
}
