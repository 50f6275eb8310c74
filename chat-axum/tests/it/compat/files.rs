//! Files, as formats show them that have nothing but URLs.

use axum::{
    body::Body,
    http::{Request, header},
};
use chat_axum::{
    Media,
    compat::{Conversation, Flat},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{chat_of, chat_of_with, must, named_token, open};
use crate::{
    media::form,
    support::{Answer, Chat, limits},
};

const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01D\0;";

/// A conversation of users 1 and 2; its path.
async fn conversation(chat: &Chat) -> String {
    let body = json!({ "name": "Group", "participants": [2] });
    let made = must(chat, "1", "POST", "/api/conversations/", body, 201).await;
    format!("/api/conversations/{}/", made["id"])
}

/// Uploads a small picture.
async fn upload(chat: &Chat, user: &str, path: &str, claimed: &str, bytes: &[u8]) -> Answer {
    let mut body = format!(
        "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"../a.gif\"\r\ncontent-type: {claimed}\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--x--\r\n");
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", named_token(user)))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
    chat.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_conversations_files() {
    let chat = chat_of(limits(), Conversation).await;
    let place = conversation(&chat).await;
    let path = |rest: &str| format!("{place}{rest}");
    let attachments = path("attachments/");
    let file = upload(&chat, "1", &attachments, "image/gif", GIF).await;
    assert_eq!(file.status, 201, "{file:?}");
    let file = file.body;
    assert_eq!(
        file,
        json!({ "id": file["id"], "url": file["url"], "name": "a.gif", "content_type": "image/gif", "size": GIF.len() })
    );
    let address = chat.serve();
    let socket = place.replace("/api/conversations/", "/ws/chat/");
    let mut bob = open(address, &socket, "2").await;
    let body = json!({ "content": "", "attachments": [file["id"]] });
    let send = path("send_message/");
    // Another's file, and one that is sent, is nobody's to send.
    must(&chat, "2", "POST", &send, body.clone(), 400).await;
    let sent = must(&chat, "1", "POST", &send, body.clone(), 201).await;
    assert_eq!(sent["attachments"], json!([file]));
    assert_eq!(bob.frame().await["message"], sent);
    let url = file["url"].as_str().unwrap();
    let get_at = |url: &str, user: &str| {
        let request = Request::get(url);
        let request = match user {
            "" => request,
            user => request.header("authorization", format!("Bearer {}", named_token(user))),
        };
        chat.router.clone().oneshot(request.body(Body::empty()).unwrap())
    };
    let get = |user: &str| get_at(url, user);
    assert_eq!(get("2").await.unwrap().status(), 200);
    assert_eq!(get_at(&format!("{url}/"), "2").await.unwrap().status(), 200);
    assert_eq!(get("").await.unwrap().status(), 401);
    assert!([403, 404].contains(&get("3").await.unwrap().status().as_u16()));
    let one = |file: &Value| path(&format!("attachments/{}/", file.as_str().unwrap()));
    must(&chat, "1", "DELETE", &one(&file["id"]), Value::Null, 409).await;
    let unsent = upload(&chat, "1", &attachments, "image/gif", GIF).await.body;
    must(&chat, "2", "DELETE", &one(&unsent["id"]), Value::Null, 404).await;
    must(&chat, "1", "DELETE", &one(&unsent["id"]), Value::Null, 204).await;
    must(&chat, "1", "DELETE", &one(&unsent["id"]), Value::Null, 404).await;
    for (user, path, claimed, bytes, status) in [
        ("1", attachments.as_str(), "image/png", GIF, 415),
        ("1", attachments.as_str(), "image/gif", b"".as_slice(), 400),
        ("1", attachments.as_str(), "text/html", b"<html></html>".as_slice(), 415),
        ("3", attachments.as_str(), "image/gif", GIF, 403),
        ("1", "/api/conversations/987654/attachments/", "image/gif", GIF, 404),
    ] {
        let answer = upload(&chat, user, path, claimed, bytes).await;
        assert_eq!(answer.status, status, "{claimed} {path}: {answer:?}");
        assert!(answer.body["detail"].is_string());
    }
}

#[tokio::test]
async fn urls_are_whole_where_the_host_says_where_files_are() {
    const PLACE: &str = "https://chat.example/attachments/";
    let media = || Media::memory().files_url(PLACE);
    let chat = chat_of_with(limits(), Conversation, media()).await;
    let place = conversation(&chat).await;
    let file = upload(&chat, "1", &format!("{place}attachments/"), "image/gif", GIF).await.body;
    assert_eq!(file["url"], format!("{PLACE}{}", file["id"].as_str().unwrap()));
    let mut bob = open(chat.serve(), &place.replace("/api/conversations/", "/ws/chat/"), "2").await;
    let body = json!({ "content": "", "attachments": [file["id"]] });
    must(&chat, "1", "POST", &format!("{place}send_message/"), body, 201).await;
    assert_eq!(bob.frame().await["message"]["attachments"], json!([file]));

    // A format without attachments; the native API goes on telling paths.
    let chat = chat_of_with(limits(), Flat, media()).await;
    let room = chat.group("1", &["2"]).await;
    let mut bob = open(chat.serve(), "/ws/chat/", "2").await;
    bob.say(json!({ "type": "join_room", "room_id": room })).await;
    assert_eq!(bob.frame().await["type"], "room_joined");
    let file = chat.post_form("1", form("a.gif", "image/gif", GIF)).await.body;
    let id = file["id"].as_str().unwrap();
    assert_eq!(file["url"], format!("/api/v1/attachments/{id}"));
    let body = json!({ "content": "", "attachments": [id] });
    chat.must("1", "POST", &format!("/rooms/{room}/messages"), body).await;
    assert_eq!(bob.frame().await["data"]["content"], format!("{PLACE}{id}"));
}
