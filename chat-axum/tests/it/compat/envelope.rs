//! `envelope`.

use chat_axum::compat::Envelope;
use serde_json::json;

use super::{at_rest, chat_of, named_token, open};
use crate::support::{Chat, Client, limits, token, token_of};

const PATH: &str = "/ws/chat/";

async fn chat() -> (Chat, u64, std::net::SocketAddr) {
    let chat = chat_of(limits(), Envelope).await;
    let room = chat.group("1", &["2"]).await;
    let address = chat.serve();
    (chat, room, address)
}

/// Whatever was asked before has been dealt with: nothing but the pong comes.
async fn is_quiet(client: &mut Client) {
    client.say(json!({ "type": "ping", "data": {} })).await;
    let pong = at_rest(client.frame().await);
    assert_eq!(pong, json!({ "type": "pong", "data": {}, "timestamp": "<time>" }));
}

#[tokio::test]
async fn strangers_keep_no_user_out() {
    let mut limits = limits();
    limits.unauthenticated_max = 1;
    let chat = chat_of(limits, Envelope).await;
    let address = chat.serve();
    let stranger = Client::open_at(address, PATH, &[]).await.unwrap();
    let refused = Client::open_at(address, &format!("{PATH}?token=nonsense"), &[]).await.err().unwrap();
    assert_eq!(refused.status(), 503);
    is_quiet(&mut open(address, PATH, "1").await).await;
    drop(stranger);
}

#[tokio::test]
async fn a_conversation() {
    let (_chat, room, address) = chat().await;
    let mut ann = open(address, PATH, "1").await;
    ann.say(json!({ "type": "join_room", "data": { "room_id": room }, "room_id": room })).await;
    is_quiet(&mut ann).await;
    // The other names itself in its first frame.
    let mut bob = Client::open_at(address, "/ws/chat", &[]).await.unwrap();
    bob.say(json!({ "type": "auth", "data": { "user_id": 2, "token": named_token("2") } })).await;
    let online = at_rest(ann.frame().await);
    assert_eq!(
        online,
        json!({ "type": "user_status", "data": { "user_id": 2, "status": "online", "last_seen": "<time>" },
            "timestamp": "<time>" })
    );
    let sent = json!({ "type": "message", "data": { "room_id": room, "content": "Hello world!" },
        "room_id": room, "user_id": 2, "timestamp": "2001-01-01T00:00:00Z" });
    bob.say(sent).await;
    let message = ann.frame().await;
    assert_ne!(message["data"]["created_at"], "2001-01-01T00:00:00Z");
    let id = message["data"]["id"].clone();
    assert_eq!(
        at_rest(message),
        json!({ "type": "message", "data": {
            "id": id, "content": "Hello world!", "sender": 2, "chat": room, "created_at": "<time>",
            "sender_info": { "id": 2, "name": "User 2", "role": "teacher", "avatar": null },
        }, "room_id": room, "timestamp": "<time>" })
    );
    bob.say(json!({ "type": "typing", "data": { "is_typing": true }, "room_id": room, "user_id": "2" }))
        .await;
    assert_eq!(
        at_rest(ann.frame().await),
        json!({ "type": "typing", "data": {
            "room_id": room, "user_id": 2, "user_name": "User 2", "is_typing": true }, "timestamp": "<time>" })
    );
    for (said, shown) in [("away", "away"), ("offline", "offline"), ("online", "online")] {
        bob.say(json!({ "type": "user_status", "data": { "status": said }, "user_id": 2 })).await;
        assert_eq!(ann.frame().await["data"]["status"], shown);
    }
    ann.say(json!({ "type": "leave_room", "data": { "room_id": room } })).await;
    is_quiet(&mut ann).await;
    bob.say(json!({ "type": "message", "data": { "content": "unheard" }, "room_id": room })).await;
    is_quiet(&mut bob).await;
    is_quiet(&mut ann).await;
}

#[tokio::test]
async fn who_comes_in() {
    let (_chat, _, address) = chat().await;
    let expired = token_of(json!({ "user_id": 1, "exp": 1 }));
    for token in ["nonsense", expired.as_str()] {
        let path = format!("{PATH}?token={token}");
        let mut client = Client::open_at(address, &path, &[]).await.unwrap();
        assert_eq!(client.hear_out().await, (Vec::new(), Some(4401)));
        let mut client = Client::open_at(address, PATH, &[]).await.unwrap();
        client.say(json!({ "type": "auth", "data": { "token": token } })).await;
        assert_eq!(client.hear_out().await, (Vec::new(), Some(4401)));
    }
    let mut client = Client::open_at(address, PATH, &[]).await.unwrap();
    client.say(json!({ "type": "auth", "data": { "user_id": 2, "token": token("1") } })).await;
    assert_eq!(client.frame().await["data"]["error"], "the token is another user's");
    assert_eq!(client.hear_out().await, (Vec::new(), Some(4401)));
    // Whatever of a frame says who it is: outside of its data too, and where the two differ.
    let mut client = Client::open_at(address, PATH, &[]).await.unwrap();
    client.say(json!({ "type": "auth", "user_id": 2, "data": { "token": token("1") } })).await;
    assert_eq!(client.frame().await["data"]["error"], "the token is another user's");
    assert_eq!(client.hear_out().await, (Vec::new(), Some(4401)));
    let mut client = Client::open_at(address, PATH, &[]).await.unwrap();
    for (inside, outside) in [(1, 2), (2, 1)] {
        let data = json!({ "user_id": inside, "token": token("1") });
        client.say(json!({ "type": "auth", "user_id": outside, "data": data })).await;
        assert_eq!(client.frame().await["data"]["error"], "user_id differs from data.user_id");
    }
    let data = json!({ "user_id": 1, "token": token("1") });
    client.say(json!({ "type": "auth", "user_id": "1", "data": data })).await;
    is_quiet(&mut client).await;
    // Before that, other frames are answered and the socket waits on.
    let mut client = Client::open_at(address, PATH, &[]).await.unwrap();
    for frame in ["x", "{}", r#"{"type":"ping"}"#, r#"{"type":"auth","data":{}}"#] {
        client.send(tokio_tungstenite::tungstenite::Message::text(frame)).await;
        assert_eq!(client.frame().await["type"], "error", "{frame}");
    }
    client.say(json!({ "type": "auth", "data": { "token": token("1") } })).await;
    is_quiet(&mut client).await;
    // With a token in the request, the frame adds nothing, or a newer one.
    let mut client = open(address, PATH, "1").await;
    client.say(json!({ "type": "auth", "data": { "user_id": 1 } })).await;
    client.say(json!({ "type": "auth", "data": { "user_id": 1, "token": token("1") } })).await;
    is_quiet(&mut client).await;
    // Nobody becomes another.
    client.say(json!({ "type": "auth", "data": { "token": token("2") } })).await;
    assert_eq!(client.hear_out().await.1, Some(4401));
}
