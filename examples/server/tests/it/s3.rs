//! A server whose files are in S3, by `--media` and the variables that the AWS tools have.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{
    http::{Answer, ask, exchange, must},
    process::{Folder, Launch},
    rest::{SECRET, token},
    s3_store::{BUCKET, KEY, KEY_SECRET, S3Store},
};

const TEXT: &str = "a file that is kept elsewhere";

async fn upload(address: SocketAddr, user: usize) -> Answer {
    let form = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
         Content-Type: text/plain\r\n\r\n{TEXT}\r\n--b--\r\n"
    );
    let request = format!(
        "POST /api/v1/attachments HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Authorization: Bearer {}\r\nContent-Type: multipart/form-data; boundary=b\r\n\
         Content-Length: {}\r\n\r\n{form}",
        token(user),
        form.len()
    );
    exchange(address, request.as_bytes()).await
}

#[tokio::test]
async fn files_are_kept_in_a_bucket_and_survive_the_server() {
    let folder = Folder::new("s3");
    let mut store = S3Store::start(folder.join("store")).await;
    let variables = [
        ("AWS_ENDPOINT_URL", format!("http://{}", store.address)),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", KEY_SECRET.to_owned()),
    ];
    let media = format!("--media=s3://{BUCKET}/some/where");
    let mut launch = Launch::new("s3-server", &["--jwt-secret", SECRET, &media]).with(&variables);
    let server = launch.start();
    let group = json!({ "kind": "group", "members": ["2"] });
    let room = must(server.address, "POST", "/api/v1/rooms", &token(1), Some(&group)).await["id"].clone();
    let uploaded = upload(server.address, 1).await;
    assert_eq!((uploaded.status, store.objects()), (201, 1), "{uploaded:?}");
    let file = uploaded.json();
    let url = file["url"].as_str().unwrap();
    let message = json!({ "content": "", "attachments": [file["id"]] });
    let path = format!("/api/v1/rooms/{room}/messages");
    let sent = must(server.address, "POST", &path, &token(1), Some(&message)).await;

    server.terminate();
    assert!(server.ended().await.success());
    let server = launch.start();
    let fetched = ask(server.address, "GET", url, Some(&token(2)), None).await;
    assert_eq!((fetched.status, fetched.body.as_str()), (200, TEXT), "{fetched:?}");
    assert_eq!(fetched.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(ask(server.address, "GET", url, Some(&token(3)), None).await.status, 404);

    store.stop().await;
    for answer in
        [upload(server.address, 1).await, ask(server.address, "GET", url, Some(&token(2)), None).await]
    {
        assert_eq!((answer.status, &answer.json()["retryable"]), (503, &Value::Bool(true)), "{answer:?}");
    }
    let without = json!({ "content": "chat goes on" });
    must(server.address, "POST", &path, &token(1), Some(&without)).await;
    store.serve().await;
    assert_eq!(ask(server.address, "GET", url, Some(&token(2)), None).await.status, 200);
    must(server.address, "DELETE", &format!("{path}/{}", sent["seq"]), &token(1), None).await;
    assert_eq!(ask(server.address, "GET", url, Some(&token(2)), None).await.status, 404);
    assert_eq!(upload(server.address, 1).await.status, 201);
}
