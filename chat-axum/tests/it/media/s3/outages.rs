//! A store that is down, silent or slow.

use std::{io, time::Duration};

use axum::{
    body::Body,
    http::{Request, header},
};
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::{Files, LARGE, begun, files, pieces, streamed, text};
use crate::{
    media::{PNG, form, uploading},
    s3_store::BUCKET,
    support::{Answer, limits, stuck, token},
};

fn is_told_to_retry(what: &str, answer: &Answer) {
    let Answer { status, headers, body } = answer;
    assert_eq!((status.as_u16(), &body["code"]), (503, &json!("unavailable")), "{what}: {body}");
    assert_eq!(body["retryable"], true, "{what}: {body}");
    assert!(headers.contains_key("retry-after"), "{what}");
    assert!(!body.to_string().contains(BUCKET), "what is inside stays inside: {body}");
}

#[tokio::test]
async fn a_store_that_is_down_is_said_at_once_and_nothing_is_kept() {
    let mut files = files("down", limits(), |media| media).await;
    let file = files.upload("ann", "a.png", "image/png", PNG).await;
    let path = format!("/attachments/{}", file["id"].as_str().unwrap());
    files.store.stop().await;
    let asked = Instant::now();
    let small = files.chat.post_form("ann", form("b.png", "image/png", PNG)).await;
    is_told_to_retry("a small upload", &small);
    let large = files.chat.send(uploading("ann", streamed(&form("b.txt", "text/plain", &text(LARGE))))).await;
    is_told_to_retry("an upload in parts", &large);
    is_told_to_retry("a download", &files.chat.ask("ann", "GET", &path, Value::Null).await);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    stuck(files.media.settled()).await;

    files.store.serve().await;
    assert_eq!(files.chat.fetch("ann", "GET", &file["url"], &[]).await.0, 200);
    assert_eq!((files.store.objects(), files.store.unfinished()), (1, 0));
    // What could not be removed while it was down was never a file, and is forgotten now.
    assert_eq!(files.media.collect(&files.chat.engine).await.unwrap(), 2);
    assert!(files.chat.engine.removed_attachments(None, 10).await.unwrap().is_empty());
    files.upload("ann", "b.txt", "text/plain", &text(LARGE)).await;
}

#[tokio::test]
async fn a_store_that_goes_down_half_way_ends_an_upload() {
    let mut files = files("half", limits(), |media| media).await;
    let (more, body) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(1);
    let body =
        Body::from_stream(futures::stream::unfold(body, async |mut body| Some((body.recv().await?, body))));
    let upload = tokio::spawn({
        let router = files.chat.router.clone();
        async move { router.oneshot(uploading("ann", body)).await.unwrap() }
    });
    for piece in pieces(&begun(6_000_000)) {
        more.send(piece).await.unwrap();
    }
    stuck(files.store.has_done("partNumber=1")).await;
    files.store.stop().await;
    for piece in pieces(&text(6_000_000)) {
        let _ = more.send(piece).await;
    }
    drop(more);
    let answer = stuck(upload).await.unwrap();
    assert_eq!(answer.status(), 503);
    stuck(files.media.settled()).await;
    files.store.serve().await;
    files.media.collect(&files.chat.engine).await.unwrap();
    assert_eq!(files.store.objects(), 0);
    // Nobody can abort what nobody could reach: that is for the bucket's own rule.
    assert!(files.store.unfinished() > 0);
}

/// What comes of work once the store has done this for it and does not say so; how long that took.
async fn unanswered<T>(files: &Files, request: &'static str, work: impl Future<Output = T>) -> (T, Duration) {
    files.store.done();
    files.store.hold(request);
    let mut work = std::pin::pin!(work);
    tokio::select! {
        _ = &mut work => panic!("{request}: it is not waited for"),
        () = stuck(files.store.has_done(request)) => {}
    }
    let (asked, came) = passing(work).await;
    files.store.let_go();
    stuck(files.media.settled()).await;
    (came, asked)
}

/// How long work takes that waits for nothing but the time.
async fn passing<T>(work: impl Future<Output = T>) -> (Duration, T) {
    tokio::time::pause();
    let asked = Instant::now();
    let came = work.await;
    let took = asked.elapsed();
    tokio::time::resume();
    (took, came)
}

#[tokio::test]
async fn a_store_that_says_nothing_is_given_up() {
    let files = files("silent", limits(), |media| media).await;
    let file = files.upload("ann", "a.png", "image/png", PNG).await;
    let path = format!("/attachments/{}", file["id"].as_str().unwrap());
    // Some of it has passed by then.
    let wait = 20..=30;
    for (request, form) in [
        ("PUT", form("a.png", "image/png", PNG)),
        ("?uploads", form("a.txt", "text/plain", &text(LARGE))),
        ("partNumber=2", form("a.txt", "text/plain", &text(LARGE))),
        ("POST /chat-files/some/where", form("a.txt", "text/plain", &text(LARGE))),
    ] {
        let upload = files.chat.send(uploading("ann", streamed(&form)));
        let (answer, took) = unanswered(&files, request, upload).await;
        is_told_to_retry(request, &answer);
        assert!(wait.contains(&took.as_secs()), "{request}: {took:?}");
    }
    let download = files.chat.ask("ann", "GET", &path, Value::Null);
    let (answer, took) = unanswered(&files, "GET", download).await;
    is_told_to_retry("a download", &answer);
    assert!(wait.contains(&took.as_secs()), "{took:?}");
    let removal = files.chat.ask("ann", "DELETE", &path, Value::Null);
    let (answer, took) = unanswered(&files, "DELETE", removal).await;
    assert!(answer.status == 204 && wait.contains(&took.as_secs()), "{took:?} {answer:?}");
    assert_eq!(files.chat.fetch("ann", "GET", &file["url"], &[]).await.0, 404);
    files.media.collect(&files.chat.engine).await.unwrap();
    assert_eq!(files.store.objects(), 0);
}

/// A file as it comes.
async fn coming(files: &Files, file: &Value) -> axum::body::BodyDataStream {
    let request = Request::get(file["url"].as_str().unwrap())
        .header(header::AUTHORIZATION, format!("Bearer {}", token("ann")));
    let request = request.body(Body::empty()).unwrap();
    files.chat.router.clone().oneshot(request).await.unwrap().into_body().into_data_stream()
}

#[tokio::test]
async fn a_slow_reader_is_given_all_of_a_file() {
    let files = files("slow", limits(), |media| media).await;
    let bytes = text(LARGE);
    let file = files.upload("ann", "a.txt", "text/plain", &bytes).await;
    let mut body = coming(&files, &file).await;
    let mut got = body.next().await.unwrap().unwrap().to_vec();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(900)).await;
    tokio::time::resume();
    while let Some(more) = body.next().await {
        got.extend_from_slice(&more.unwrap());
    }
    assert!(got == bytes);
    assert_eq!(files.store.done().iter().filter(|one| one.starts_with("GET")).count(), 1);
}

#[tokio::test]
async fn a_file_that_stops_coming_is_given_up() {
    let files = files("stopped", limits(), |media| media).await;
    let file = files.upload("ann", "a.txt", "text/plain", &text(LARGE)).await;
    files.store.stop_sending(1_000_000);
    let mut body = coming(&files, &file).await;
    let mut got = 0;
    while got < 1_000_000 {
        got += stuck(body.next()).await.unwrap().unwrap().len();
    }
    let (took, more) = passing(body.next()).await;
    assert!(more.unwrap().is_err(), "it is seen to be cut off");
    assert_eq!((took.as_secs(), got), (30, 1_000_000));
}
