//! Sign-up, sign-in and sign-out of demo accounts: tokens for the chat, nothing more.

#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequest as _, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use chat_core::{
    Engine, Principal,
    model::{Profile, UserId},
};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::accounts::{Account, AccountError, Accounts};

/// How long a token holds.
const TOKEN_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Bytes of a body: a name and a password.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Names shown of a search.
const FOUND_MAX: usize = 20;

/// What the routes need.
#[derive(Clone)]
struct Demo {
    engine: Engine,
    accounts: Accounts,
    secret: Arc<str>,
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    user_id: u64,
    username: String,
    name: String,
    exp: u64,
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

/// `/auth/signup/`, `/auth/login/`, `/auth/users/`, `/auth/sessions/`, with and without the last slash.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(
    engine: Engine,
    accounts: Accounts,
    secret: Arc<str>,
) -> Router<S> {
    let demo = Demo { engine, accounts, secret };
    Router::new()
        .route("/auth/signup", post(sign_up))
        .route("/auth/signup/", post(sign_up))
        .route("/auth/login", post(sign_in))
        .route("/auth/login/", post(sign_in))
        .route("/auth/users", get(search))
        .route("/auth/users/", get(search))
        .route("/auth/sessions", delete(sign_out))
        .route("/auth/sessions/", delete(sign_out))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(demo)
}

async fn sign_up(State(demo): State<Demo>, request: Request) -> Response {
    let given = match credentials(&demo, request).await {
        Ok(given) => given,
        Err(refused) => return refused,
    };
    match demo.accounts.sign_up(&given.username, &given.password).await {
        Ok(account) => {
            introduce(&demo.engine, &account);
            token(&demo, &account, StatusCode::CREATED)
        }
        Err(error) => refusal(&error),
    }
}

/// Lets others see the name at once, and not after the first call.
fn introduce(engine: &Engine, account: &Account) {
    let Ok(user) = UserId::new(account.id.as_str()) else { return };
    let (name, username) = (account.username.clone(), account.username.clone());
    let profile = Profile { name, username, ..Profile::unknown(user.clone()) };
    engine.recognise(&Principal::new(user).with_profile(profile));
}

async fn sign_in(State(demo): State<Demo>, request: Request) -> Response {
    let given = match credentials(&demo, request).await {
        Ok(given) => given,
        Err(refused) => return refused,
    };
    match demo.accounts.sign_in(&given.username, &given.password).await {
        Ok(account) => token(&demo, &account, StatusCode::OK),
        Err(error) => refusal(&error),
    }
}

/// The body, which may take as long as any of the chat's.
async fn credentials(demo: &Demo, request: Request) -> Result<Credentials, Response> {
    let patience = demo.engine.limits().body_timeout;
    match tokio::time::timeout(patience, Json::from_request(request, &())).await {
        Ok(Ok(Json(given))) => Ok(given),
        Ok(Err(rejected)) => Err(bad_body(rejected.status())),
        Err(_) => Err(problem(StatusCode::REQUEST_TIMEOUT, "bad_frame", "the body did not come in time")),
    }
}

async fn search(State(demo): State<Demo>, headers: HeaderMap, Query(search): Query<Search>) -> Response {
    if caller(&demo, &headers).is_none() {
        return problem(StatusCode::UNAUTHORIZED, "unauthorized", "sign in first");
    }
    match demo.accounts.search(&search.q, FOUND_MAX).await {
        Ok(found) => Json(found).into_response(),
        Err(error) => refusal(&error),
    }
}

/// Ends every connection of who asks, on every node. The token holds on: nothing here keeps a list of tokens.
async fn sign_out(State(demo): State<Demo>, headers: HeaderMap) -> Response {
    let user = caller(&demo, &headers).and_then(|claims| UserId::new(claims.user_id.to_string()).ok());
    let Some(user) = user else {
        return problem(StatusCode::UNAUTHORIZED, "unauthorized", "sign in first");
    };
    demo.engine.disconnect(&user);
    StatusCode::NO_CONTENT.into_response()
}

/// Who asks, by the bearer token.
fn caller(demo: &Demo, headers: &HeaderMap) -> Option<Claims> {
    let bearer = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let key = DecodingKey::from_secret(demo.secret.as_bytes());
    let token = jsonwebtoken::decode(bearer.strip_prefix("Bearer ")?, &key, &Validation::default());
    token.ok().map(|token| token.claims)
}

fn token(demo: &Demo, account: &Account, status: StatusCode) -> Response {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let user_id = account.id.parse().unwrap_or_default();
    let claims = Claims {
        user_id,
        username: account.username.clone(),
        name: account.username.clone(),
        exp: (now + TOKEN_LIFE).as_secs(),
    };
    let key = EncodingKey::from_secret(demo.secret.as_bytes());
    match jsonwebtoken::encode(&Header::default(), &claims, &key) {
        Ok(token) => (status, Json(json!({ "token": token, "user_id": user_id }))).into_response(),
        Err(error) => refusal(&AccountError::Internal(error.into())),
    }
}

/// What is wrong with a body, by what axum says of it.
fn bad_body(status: StatusCode) -> Response {
    match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            problem(status, "bad_frame", "the body must be application/json")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            problem(status, "too_large", &format!("the body must be at most {BODY_BYTES_MAX} bytes"))
        }
        _ => {
            let detail = "the body must be JSON with username and password";
            problem(StatusCode::BAD_REQUEST, "bad_field", detail)
        }
    }
}

async fn method_not_allowed() -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED, "bad_frame", "this path does not know this method")
}

fn refusal(error: &AccountError) -> Response {
    let (status, code) = match error {
        AccountError::Invalid(_) => (StatusCode::BAD_REQUEST, "bad_field"),
        AccountError::Taken => (StatusCode::CONFLICT, "conflict"),
        AccountError::Wrong => (StatusCode::UNAUTHORIZED, "unauthorized"),
        AccountError::Busy => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
        AccountError::Internal(source) => {
            tracing::error!(%source, "accounts failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "internal")
        }
    };
    let mut response = problem(status, code, &error.to_string());
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    response
}

/// Answers for paths that are none.
pub(crate) async fn nothing() -> Response {
    problem(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(),
        "code": code, "detail": detail,
    });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
