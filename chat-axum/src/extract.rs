//! What handlers take from a request, refused in one way.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{StatusCode, header, request::Parts},
};
use chat_core::{
    ErrorCode, Principal,
    model::{MAX_SAFE_INTEGER, Seq},
};
use serde::{Deserialize, Deserializer, de, de::DeserializeOwned};

use crate::{
    auth::{Tokens, identify},
    media::cookie::Recognised,
    origin::Verdict,
    problem::Problem,
    shared::Shared,
};

/// Who asks. A write that a cookie alone vouches for needs an allowed `Origin`.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers take it apart")]
pub struct User(pub Principal);

impl FromRequestParts<Arc<Shared>> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let tokens = Tokens::of_request(parts, &shared.cookie, shared.query_tokens);
        let caller = identify(&*shared.authenticator, &tokens, Some(parts)).await?;
        // A page of another site can make a browser send cookies, but neither a token nor our `Origin`.
        if !caller.is_explicit
            && !parts.method.is_safe()
            && shared.origins.judge(&parts.headers, &parts.uri) != Verdict::Allowed
        {
            let detail = "a write authenticated by cookie needs the Origin header of an allowed origin";
            return Err(Problem::new(ErrorCode::Forbidden, detail));
        }
        shared.engine.recognise(&caller.principal);
        if let Some(recognised) = parts.extensions.get::<Recognised>() {
            recognised.note(&caller.principal);
        }
        Ok(Self(caller.principal))
    }
}

/// A JSON body: an object of at most [`frame_bytes_max`](chat_core::Limits::frame_bytes_max) bytes, all of which comes
/// within [`body_timeout`](chat_core::Limits::body_timeout).
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers take it apart")]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Problem> {
        parse(&read_json(request, shared).await?).map(Self)
    }
}

/// The query.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers take it apart")]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Shared>> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs).map(Self).map_err(|error| {
            let path = error.path().to_string();
            refused(&path, &error.into_inner().to_string())
        })
    }
}

/// What the path names. What cannot be the name of anything is not found; U+0000 is `bad_field`, as in any text.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers take it apart")]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Shared>> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        if let Ok(params) = RawPathParams::from_request_parts(parts, shared).await
            && let Some((name, _)) = params.iter().find(|(_, value)| value.contains('\0'))
        {
            return Err(Problem::bad_field(name.to_owned(), "must not hold U+0000"));
        }
        let path = axum::extract::Path::<T>::from_request_parts(parts, shared).await;
        path.map(|axum::extract::Path(path)| Self(path)).map_err(|_| Problem::not_found())
    }
}

/// A place in a room's log, as a client names it: a whole number that JSON can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "handlers take it apart")]
pub struct Position(pub Seq);

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u64::deserialize(deserializer)?;
        if value > MAX_SAFE_INTEGER {
            return Err(de::Error::custom("must be a whole number up to 2^53-1"));
        }
        Ok(Self(Seq::new(value)))
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for Position {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Seq".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<Seq>()
    }
}

/// A field that tells *null* from *absent*: `#[serde(default, deserialize_with = "or_null")]`.
pub(crate) fn or_null<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// The bytes of a JSON body that begins as an object does.
pub(crate) async fn read_json(request: Request, shared: &Shared) -> Result<Bytes, Problem> {
    let (max, patience) = (shared.engine.limits().frame_bytes_max, shared.engine.limits().body_timeout);
    if !is_json(&request) {
        let problem = Problem::new(ErrorCode::BadFrame, "the body must be application/json");
        return Err(problem.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let too_large = || Problem::new(ErrorCode::TooLarge, format!("the body must be at most {max} bytes"));
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > max) {
        return Err(too_large());
    }
    let read = tokio::time::timeout(patience, axum::body::to_bytes(request.into_body(), max));
    let read = read.await.map_err(|_| {
        let detail = format!("the body did not come within {} ms", patience.as_millis());
        Problem::new(ErrorCode::BadFrame, detail).with_status(StatusCode::REQUEST_TIMEOUT)
    })?;
    let body = read.map_err(|error| {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(error) = source {
            if error.is::<http_body_util::LengthLimitError>() {
                return too_large();
            }
            source = error.source();
        }
        Problem::new(ErrorCode::BadFrame, "the body could not be read")
    })?;
    // An array would be read field by field.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::new(ErrorCode::BadFrame, "the body is not a JSON object"));
    }
    Ok(body)
}

fn is_json(request: &Request) -> bool {
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else { return false };
    let Ok(value) = value.to_str() else { return false };
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// A body as a value, or which part of it does not fit.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // What is no JSON is told apart from JSON that does not fit: serde's errors do not always do.
    if serde_json::from_slice::<de::IgnoredAny>(body).is_err() {
        return Err(Problem::new(ErrorCode::BadFrame, "the body is not JSON"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        refused(&path, &plain(error.inner()))
    })
}

/// A part that does not fit, with the outermost field that it is in.
fn refused(path: &str, message: &str) -> Problem {
    let quoted = |before: &str| message.strip_prefix(before)?.strip_suffix('`');
    if let Some(field) = quoted("missing field `") {
        return Problem::bad_field(field.to_owned(), "is missing");
    }
    if let Some(field) = quoted("duplicate field `") {
        return Problem::bad_field(field.to_owned(), "is given twice");
    }
    match path.split(['.', '[']).next() {
        None | Some("") => Problem::new(ErrorCode::BadFrame, message.to_owned()),
        Some(field) => Problem::bad_field(field.to_owned(), message.to_owned()),
    }
}

/// What serde says, without a place that means nothing to whoever did not write the text by hand.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or_else(|| text.clone(), |at| text[..at].to_owned())
}
