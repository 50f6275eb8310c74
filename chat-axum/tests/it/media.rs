//! Files: sent in, fetched, removed.

mod downloads;
mod leftovers;
#[cfg(feature = "s3")]
mod s3;
mod uploads;

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use bytes::Bytes;
use chat_axum::Media;
use chat_core::Rate;
use futures::TryStreamExt as _;
use http_body_util::BodyExt;
use object_store::{ObjectStore, memory::InMemory};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Answer, Chat, MOUNT, chat_with, limits, token};

const BOUNDARY: &str = "the-boundary";

/// A whole PNG of one pixel.
pub(crate) const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\rIDATx\xdac\xfc\xff\xff?\x03\0\x08\xfc\x02\xfe\xa7\x9a\xa0\xa0\0\0\0\0IEND\xaeB`\x82";

/// A chat with files in memory, and a look behind them.
pub(super) struct Files {
    pub(super) chat: Chat,
    pub(super) media: Media,
    pub(super) objects: Arc<InMemory>,
}

pub(super) async fn files() -> Files {
    files_with(limits(), |media| media).await
}

pub(super) async fn files_with(mut limits: chat_core::Limits, options: impl FnOnce(Media) -> Media) -> Files {
    if limits.uploads == chat_core::Limits::default().uploads {
        limits.uploads = Rate::new(10_000.0, 10_000);
    }
    let objects = Arc::new(InMemory::new());
    let media = options(Media::new(Arc::clone(&objects) as _, "some/where"));
    let given = media.clone();
    Files { chat: chat_with(limits, |router| router.media(given)).await, media, objects }
}

impl Files {
    /// What is stored, once what was broken off is cleaned up.
    pub(super) async fn stored(&self) -> usize {
        self.media.settled().await;
        self.objects.list(None).try_collect::<Vec<_>>().await.unwrap().len()
    }

    /// A file that must be taken; what is told of it.
    pub(super) async fn upload(&self, user: &str, name: &str, kind: &str, bytes: &[u8]) -> Value {
        let answer = self.chat.post_form(user, form(name, kind, bytes)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.body
    }

    /// A file that is sent in a room; what is told of it, and the message's place.
    pub(super) async fn sent(&self, user: &str, room: u64, bytes: &[u8], kind: &str) -> (Value, Value) {
        let file = self.upload(user, "a file", kind, bytes).await;
        let body = json!({ "content": "", "attachments": [file["id"]] });
        let message = self.chat.must(user, "POST", &format!("/rooms/{room}/messages"), body).await;
        (file, message["seq"].clone())
    }
}

/// One field of a form.
pub(crate) fn field(head: &str, bytes: &[u8]) -> Vec<u8> {
    let mut part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n").into_bytes();
    part.extend_from_slice(bytes);
    part.extend_from_slice(b"\r\n");
    part
}

/// A form with a file alone.
pub(super) fn form(name: &str, kind: &str, bytes: &[u8]) -> Vec<u8> {
    let kind = if kind.is_empty() { String::new() } else { format!("\r\nContent-Type: {kind}") };
    ended(field(&format!("name=\"file\"; filename=\"{name}\"{kind}"), bytes))
}

pub(crate) fn ended(mut form: Vec<u8>) -> Vec<u8> {
    form.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    form
}

/// A request to upload.
pub(crate) fn uploading(user: &str, body: Body) -> Request<Body> {
    let mut request = Request::post(format!("{MOUNT}/attachments"))
        .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"));
    if !user.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token(user)));
    }
    request.body(body).unwrap()
}

impl Chat {
    pub(super) async fn post_form(&self, user: &str, form: Vec<u8>) -> Answer {
        self.send(uploading(user, Body::from(form))).await
    }

    /// A file as a browser fetches it; `url` as it was told.
    pub(super) async fn fetch(
        &self,
        user: &str,
        method: &str,
        url: &Value,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::builder().method(method).uri(url.as_str().unwrap());
        if !user.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token(user)));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        #[cfg(feature = "openapi")]
        if let Some(path) = url.as_str().unwrap().strip_prefix(MOUNT) {
            crate::described::assert_described(method, path, response.status().as_u16());
        }
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
    }
}
