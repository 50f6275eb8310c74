//! Files that are fetched from the store itself.

use std::{borrow::Cow, time::Duration};

use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{LARGE, files, media_at, text};
use crate::{
    media::{PNG, form},
    s3_store::{BUCKET, KEY_SECRET},
    support::{chat_with, limits, stuck, token},
};

/// Asks for a URL with nothing but the URL.
async fn follow(method: &str, url: &str) -> (StatusCode, HeaderMap, Bytes) {
    let url: Uri = url.parse().unwrap();
    let tcp = TcpStream::connect(url.authority().unwrap().as_str()).await.unwrap();
    let (mut client, connection) = http1::handshake(TokioIo::new(tcp)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(url.path_and_query().unwrap().as_str())
        .header(header::HOST, url.authority().unwrap().as_str());
    let answer = client.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
}

/// What a URL asks for under this name.
fn asked<'a>(url: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let (_, query) = url.split_once('?').unwrap();
    form_urlencoded::parse(query.as_bytes()).find_map(|(key, value)| (key == name).then_some(value))
}

#[tokio::test]
async fn who_may_see_a_file_is_sent_on_to_the_store() {
    let files = files("presigned", limits(), |media| media.presigned(Duration::from_secs(60))).await;
    let chat = &files.chat;
    let room = chat.group("ann", &["bob"]).await;
    let bytes = text(LARGE);
    let file = files.upload("ann", "a \u{E9}.txt", "text/plain", &bytes).await;
    let body = json!({ "content": "", "attachments": [file["id"]] });
    chat.must("ann", "POST", &format!("/rooms/{room}/messages"), body).await;
    let sent_on = async |user: &str, method: &str| {
        let (status, headers, body) = chat.fetch(user, method, &file["url"], &[]).await;
        assert!(body.is_empty() || status != 307);
        (status.as_u16(), headers.get("location").map(|url| url.to_str().unwrap().to_owned()), headers)
    };
    let (status, url, headers) = sent_on("bob", "GET").await;
    let url = url.unwrap();
    assert_eq!((status, &headers["cache-control"]), (307, &"private, no-store".parse().unwrap()));
    assert!(url.starts_with(&format!("http://{}/{BUCKET}/some/where/", files.store.address)), "{url}");
    assert!(!url.contains(&token("bob")) && !url.contains(KEY_SECRET), "{url}");
    assert_eq!(asked(&url, "X-Amz-Expires").unwrap(), "60");

    // The store has no type and name of its own for a file: what it answers is what the URL asks for.
    let kind = "text/plain; charset=utf-8";
    let how = "attachment; filename=\"a _.txt\"; filename*=UTF-8''a%20%C3%A9.txt";
    assert_eq!(asked(&url, "response-content-type").unwrap(), kind);
    assert_eq!(asked(&url, "response-content-disposition").unwrap(), how);
    let (status, headers, got) = follow("GET", &url).await;
    assert!(status == 200 && got == bytes, "{status}");
    assert_eq!(
        (&headers["content-type"], &headers["content-disposition"]),
        (&kind.parse().unwrap(), &how.parse().unwrap())
    );

    let (status, head_url, _) = sent_on("bob", "HEAD").await;
    let (head_status, _, got) = follow("HEAD", &head_url.unwrap()).await;
    assert_eq!((status, head_status.as_u16(), got.len()), (307, 200, 0));

    // It is for this file, so shown, until then, and for reading.
    let other = files.upload("ann", "b.txt", "text/plain", b"another").await;
    let names = |file: &Value| file["id"].as_str().unwrap().to_owned();
    let (id, other) = (names(&file), names(&other));
    let folder = |id: &str| format!("{}/{id}", &id[..2]);
    for (what, method, changed) in [
        ("another file", "GET", url.replace(&folder(&id), &folder(&other))),
        ("shown in place", "GET", url.replace("attachment", "inline")),
        ("another type", "GET", url.replace("text%2Fplain", "text%2Fhtml")),
        ("for longer", "GET", url.replace("X-Amz-Expires=60", "X-Amz-Expires=600")),
        ("written", "PUT", url.clone()),
        ("removed", "DELETE", url.clone()),
        ("without a signature", "GET", url.split_once('?').unwrap().0.to_owned()),
    ] {
        assert!(changed != url || method != "GET", "{what}");
        let (status, _, got) = follow(method, &changed).await;
        assert!(status == 403 && got != bytes, "{what}: {status}");
    }
    assert_eq!(follow("GET", &url).await.0, 200);

    for (user, expected) in [("eve", 404), ("", 401)] {
        for method in ["GET", "HEAD"] {
            let (status, url, _) = sent_on(user, method).await;
            assert_eq!((status, url), (expected, None), "{user}");
        }
    }
    chat.must("ann", "DELETE", &format!("/rooms/{room}/members/bob"), Value::Null).await;
    assert_eq!(sent_on("bob", "GET").await.0, 404);
}

#[tokio::test]
async fn a_url_holds_for_its_time() {
    // As short as there is.
    let files = files("expiry", limits(), |media| media.presigned(Duration::ZERO)).await;
    let file = files.upload("ann", "a.png", "image/png", PNG).await;
    let (_, headers, _) = files.chat.fetch("ann", "GET", &file["url"], &[]).await;
    let url = headers["location"].to_str().unwrap();
    assert_eq!(asked(url, "X-Amz-Expires").unwrap(), "1");
    let refused = async {
        loop {
            let (status, _, body) = follow("GET", url).await;
            if status != 200 {
                return (status.as_u16(), String::from_utf8_lossy(&body).into_owned());
            }
        }
    };
    let (status, body) = stuck(refused).await;
    assert!(status == 403 && body.contains("expired"), "{status} {body}");

    let longest = media_at(files.store.address).presigned(Duration::MAX);
    let chat = chat_with(limits(), |router| router.media(longest)).await;
    let file = chat.post_form("ann", form("a.png", "image/png", PNG)).await.body;
    let (_, headers, _) = chat.fetch("ann", "GET", &file["url"], &[]).await;
    let url = headers["location"].to_str().unwrap();
    assert_eq!(
        (asked(url, "X-Amz-Expires").unwrap(), follow("GET", url).await.0.as_u16()),
        ("604800".into(), 200)
    );
}
