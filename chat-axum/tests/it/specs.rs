//! The descriptions under `docs/spec` are what the types say. `cargo xtask spec` writes them anew.

use std::{env, fs, path::PathBuf};

use axum::{body::Body, http::Request};
use chat_axum::{asyncapi_document, openapi_document, typescript_types};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::support::{MOUNT, chat};

/// Where it is set, the files are written instead.
const WRITE: &str = "WRITE_SPECS";

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap() + "\n"
}

#[tokio::test]
async fn they_are_served_to_whoever_asks() {
    let chat = chat().await;
    for (path, kind, word) in [
        ("openapi.json", "application/json", "\"openapi\":\"3.1.0\""),
        ("asyncapi.json", "application/json", "\"asyncapi\":\"3.0.0\""),
        ("protocol.schema.json", "application/schema+json", "\"SendCommand\""),
        ("protocol.d.ts", "text/plain", "export type SendCommand"),
    ] {
        let request = Request::get(format!("{MOUNT}/{path}")).body(Body::empty()).unwrap();
        let answer = chat.router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let said = answer.headers()["content-type"].to_str().unwrap();
        assert!(said.starts_with(kind), "{path}: {said}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(std::str::from_utf8(&body).unwrap().contains(word), "{path}");
    }
}

#[test]
fn the_files_say_what_the_types_say() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec"));
    let cookie = "chat_token";
    let files = [
        ("protocol.schema.json", pretty(&chat_core::schema::protocol())),
        ("protocol.d.ts", typescript_types()),
        ("asyncapi.json", pretty(&asyncapi_document(cookie))),
        ("openapi.json", pretty(&openapi_document(cookie))),
    ];
    if env::var_os(WRITE).is_some() {
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in &files {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    for (name, text) in &files {
        let written = fs::read_to_string(folder.join(name)).unwrap_or_default();
        let (mut now, mut then) = (text.lines(), written.lines());
        let first = now.by_ref().zip(then.by_ref()).enumerate().find(|(_, (now, then))| now != then);
        assert!(
            written == *text,
            "docs/spec/{name} has drifted, first at {first:?}: `cargo xtask spec` writes it anew"
        );
    }
}
