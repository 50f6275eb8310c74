//! Getting in, or not.

use std::{sync::Arc, time::Duration};

use axum::Router;
use chat_axum::{AuthError, Authenticator, ChatRouter, Credentials, async_trait};
use chat_core::{Engine, Principal, model::UserId};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Chat, Client, MOUNT, chat, chat_with, limits, now, stuck, token, token_of, until};

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

/// Cursors of many rooms are more than a stranger may say.
#[tokio::test]
async fn who_is_known_by_the_request_may_say_a_long_hello() {
    let mut limits = limits();
    (limits.hello_bytes_max, limits.frame_bytes_max) = (256, 2_048);
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let stale = token_of(json!({"sub": "ann", "exp": now() - 60.0}));
    let bearer = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    let cookie = |token: &str| vec![("cookie", format!("chat_token={token}"))];
    let ann = token("ann");
    for (what, query, headers, bytes, closed) in [
        ("header", String::new(), bearer(&ann), 1_024, None),
        ("cookie", String::new(), cookie(&ann), 1_024, None),
        ("query", format!("?token={ann}"), vec![], 1_024, None),
        ("too long for anyone", String::new(), bearer(&ann), 2_049, Some(1009)),
        ("a stale cookie", String::new(), cookie(&stale), 1_024, Some(1009)),
        ("nobody", String::new(), vec![], 1_024, Some(1009)),
    ] {
        let mut client = Client::open(address, &query, &headers).await.expect(what);
        client.say(json!({"type": "hello", "padding": "x".repeat(bytes)})).await;
        match closed {
            None => assert_eq!(client.hear().await["type"], "welcome", "{what}"),
            closed => assert_eq!(client.hear_out().await, (vec![], closed), "{what}"),
        }
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
async fn strangers_keep_no_user_out() {
    let mut limits = limits();
    limits.unauthenticated_max = 2;
    let chat = chat_with(limits, |router| router).await;
    let address = chat.serve();
    let strangers = (Client::stranger(address).await, Client::stranger(address).await);
    let ann = [("authorization", format!("Bearer {}", token("ann")))];
    let mut client = Client::open(address, "", &ann).await.unwrap();
    client.say(json!({"type": "hello"})).await;
    assert_eq!(client.hear().await["type"], "welcome");
    // A bad token is as good as none.
    let stale = token_of(json!({"sub": "ann", "exp": now() - 60.0}));
    for token in ["nonsense", &stale] {
        let refused = Client::open(address, &format!("?token={token}"), &[]).await.err().unwrap();
        assert_eq!(refused.status(), 503, "{token}");
    }
    assert_eq!(chat.sockets.unauthenticated_count(), 2);
    drop(strangers);
}

/// Knows whoever has a token, once it is let; and tells that it was asked.
#[derive(Debug)]
struct Slow {
    asked: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

#[async_trait]
impl Authenticator for Slow {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, AuthError> {
        let token = credentials.token().ok_or(AuthError::Missing)?.to_owned();
        self.asked.add_permits(1);
        self.turns.acquire().await.unwrap().forget();
        Ok(Principal::new(UserId::new(token).unwrap()))
    }
}

#[tokio::test]
async fn tokens_looked_at_at_once_are_bounded() {
    let mut limits = limits();
    limits.token_checks_max = 1;
    let (asked, turns) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let slow = Slow { asked: Arc::clone(&asked), turns: Arc::clone(&turns) };
    let router = ChatRouter::new(engine.clone(), slow);
    let sockets = router.sockets();
    let chat = Chat { engine, sockets, router: Router::new().nest(MOUNT, router.build()) };
    let address = chat.serve();
    let ann = tokio::spawn(async move { Client::open(address, "?token=ann", &[]).await });
    stuck(asked.acquire()).await.unwrap().forget();
    let refused = Client::open(address, "?token=bob", &[]).await.err().unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    turns.add_permits(2);
    stuck(ann).await.unwrap().unwrap();
    assert!(Client::open(address, "?token=bob", &[]).await.is_ok());
}

/// Who cannot be told in time is not held to be nobody: a client that is told so would throw its token away.
#[tokio::test]
async fn who_cannot_be_told_in_time_is_to_come_back() {
    let mut limits = limits();
    limits.hello_timeout = Duration::from_millis(50);
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let never = Slow { asked: Arc::new(Semaphore::new(0)), turns: Arc::new(Semaphore::new(0)) };
    let router = ChatRouter::new(engine.clone(), never);
    let sockets = router.sockets();
    let chat = Chat { engine, sockets, router: Router::new().nest(MOUNT, router.build()) };
    let mut client = Client::open(chat.serve(), "?token=ann", &[]).await.unwrap();
    let (frames, code) = client.hear_out().await;
    assert_eq!((&frames[0]["code"], code), (&json!("unavailable"), Some(1001)));
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
