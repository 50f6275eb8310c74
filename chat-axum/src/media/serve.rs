//! A file on its way out.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chat_core::{Limits, model::Attachment};
use futures::TryStreamExt as _;
use object_store::{GetOptions, GetRange};

use super::{
    Media,
    answer::{answer, bytes},
    name,
    range::{Part, parse},
    types::is_inline,
    writing::failed,
};
use crate::problem::Problem;

/// Nothing that a file holds may run, load or send anything, wherever it is opened.
const POLICY: &str =
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox";

/// Answers a request for a file that whoever asks may see, in pages that may by `policy`.
pub(super) async fn serve(
    media: &Media,
    limits: &Limits,
    file: &Attachment,
    policy: HeaderValue,
    method: &Method,
    asked: &HeaderMap,
) -> Result<Response, Problem> {
    #[cfg(feature = "s3")]
    if let Some(answer) = media.send_on(file, method, limits.file_store_wait).await {
        return answer;
    }
    let tag = format!("\"{}\"", file.id);
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    describe(headers, file, &tag);
    headers.insert("cross-origin-resource-policy", policy);
    if names(asked, header::IF_NONE_MATCH.as_str(), &tag) {
        headers.remove(header::CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let part = wanted(method, asked, &tag, file.size);
    let (from, to) = match part {
        Part::Whole => (0, file.size),
        Part::Some(from, to) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(
                response.headers_mut(),
                header::CONTENT_RANGE,
                format!("bytes {from}-{}/{}", to - 1, file.size),
            );
            (from, to)
        }
        Part::Unsatisfiable => {
            let problem = Problem::bad_field("Range", "there is nothing in that range");
            let mut response = problem.with_status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
            set(response.headers_mut(), header::CONTENT_RANGE, format!("bytes */{}", file.size));
            return Ok(response);
        }
    };
    set(response.headers_mut(), header::CONTENT_LENGTH, (to - from).to_string());
    if method != Method::HEAD {
        let options = GetOptions { range: Some(GetRange::Bounded(from..to)), ..GetOptions::default() };
        let (path, wait) = (media.path(&file.id), limits.file_store_wait);
        let found = answer(wait, media.objects.store.get_opts(&path, options)).await;
        let found = found.map_err(|error| failed(&error))?;
        let bytes = bytes(wait, found.into_stream())
            .inspect_err(|error| tracing::warn!(%error, "a download is cut off: the object store failed"));
        *response.body_mut() = Body::from_stream(bytes);
    }
    Ok(response)
}

fn describe(headers: &mut HeaderMap, file: &Attachment, tag: &str) {
    set(headers, header::CONTENT_TYPE, shown_type(file));
    set(headers, header::CONTENT_DISPOSITION, disposition(file));
    set(headers, header::ETAG, tag.to_owned());
    for (name, value) in [
        (header::ACCEPT_RANGES, "bytes"),
        // Whether one may see it is asked each time.
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

pub(super) fn shown_type(file: &Attachment) -> String {
    let kind = &file.content_type;
    if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.clone() }
}

pub(super) fn disposition(file: &Attachment) -> String {
    name::disposition(if is_inline(&file.content_type) { "inline" } else { "attachment" }, &file.name)
}

/// The part that is asked for. One that is asked for only of another version is not (`If-Range`).
fn wanted(method: &Method, asked: &HeaderMap, tag: &str, size: u64) -> Part {
    let one = |name| asked.get(name).and_then(|value| value.to_str().ok());
    let is_of_this = one(header::IF_RANGE).is_none_or(|version| version == tag);
    match one(header::RANGE) {
        Some(range) if is_of_this && method == Method::GET => parse(range, size),
        _ => Part::Whole,
    }
}

/// Whether a list of versions names this one.
fn names(asked: &HeaderMap, header: &str, tag: &str) -> bool {
    let lists = asked.get_all(header).iter().filter_map(|value| value.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: String) {
    // Types, ids, numbers and escaped names: no sign in them ends a header.
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
