//! Who is let in, and as whom.

use axum::{Router, body::Body, http::Request};
use chat_axum::{
    AuthError, Authenticator, ChatRouter, Credentials, JwtAlgorithm, JwtAuthenticator, async_trait,
};
use chat_core::{Engine, Principal, model::UserId};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Answer, Chat, MOUNT, SECRET, chat, now, token, token_of};

/// Who the caller is, with these headers.
async fn me(chat: &Chat, headers: &[(&str, String)]) -> Answer {
    let mut request = Request::get(format!("{MOUNT}/users/me"));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    chat.send(request.body(Body::empty()).unwrap()).await
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

fn cookie(token: &str) -> (&'static str, String) {
    ("cookie", format!("chat_token={token}"))
}

fn signed(algorithm: Algorithm, claims: &Value, secret: &[u8]) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret)).unwrap()
}

/// Base64url without padding.
fn encoded(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

#[tokio::test]
async fn valid_tokens_name_a_user_and_a_profile() {
    let chat = chat().await;
    let later = now() + 60.0;
    for (claims, id, name) in [
        (json!({"sub": "ann"}), "ann", "ann"),
        (json!({"user_id": 7, "sub": "x"}), "7", "7"),
        (json!({"user_id": "7"}), "7", "7"),
        (json!({"sub": 7}), "7", "7"),
        (json!({"sub": "al", "first_name": "Al", "last_name": "B."}), "al", "Al B."),
        (json!({"sub": "bo", "exp": later.floor() as u64, "nbf": now() - 1.0}), "bo", "bo"),
        (json!({"sub": "cy", "exp": now() - 2.0}), "cy", "cy"),
        (json!({"sub": "di", "nbf": now() + 2.0}), "di", "di"),
        (json!({"sub": "ed", "aud": "someone", "iss": "x"}), "ed", "ed"),
    ] {
        let answer = me(&chat, &[bearer(&token_of(claims.clone()))]).await;
        assert_eq!(answer.status, 200, "{claims}: {answer:?}");
        assert_eq!((&answer.body["id"], &answer.body["name"]), (&json!(id), &json!(name)), "{claims}");
    }
}

#[tokio::test]
async fn bad_tokens_are_refused_and_not_told_again() {
    let chat = chat().await;
    let fine = json!({"sub": "ann", "exp": now() + 60.0});
    let text = fine.to_string();
    let unsigned = format!("{}.{}.", encoded(r#"{"alg":"none","typ":"JWT"}"#), encoded(&text));
    let (head, tail) = (token("ann"), token("bob"));
    let (head, tail) = (head.rsplit_once('.').unwrap().0, tail.rsplit_once('.').unwrap().1);
    let mixed = format!("{head}.{tail}");
    for (what, token) in [
        ("expired", token_of(json!({"sub": "ann", "exp": now() - 60.0}))),
        ("expired a moment ago", token_of(json!({"sub": "ann", "exp": (now() - 1.0).floor()}))),
        ("not yet", token_of(json!({"sub": "ann", "nbf": now() + 60.0}))),
        ("another secret", signed(Algorithm::HS256, &fine, b"another secret")),
        ("another algorithm", signed(Algorithm::HS512, &fine, SECRET)),
        ("none", unsigned.clone()),
        ("none with a signature", format!("{unsigned}{tail}")),
        ("another's signature", mixed),
        ("without exp", signed(Algorithm::HS256, &json!({"sub": "ann"}), SECRET)),
        ("exp is a text", signed(Algorithm::HS256, &json!({"sub": "ann", "exp": "9999999999"}), SECRET)),
        ("no user", token_of(json!({"name": "x"}))),
        ("a fraction", token_of(json!({"user_id": 1.0}))),
        ("too large", token_of(json!({"user_id": 9_007_199_254_740_992_u64}))),
        ("no JWT", "abc".to_owned()),
    ] {
        let answer = me(&chat, &[bearer(&token)]).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.body["code"], "unauthorized", "{what}");
        assert!(!answer.body.to_string().contains(&token), "{what}");
    }
    assert_eq!(me(&chat, &[]).await.status, 401);
    assert_eq!(me(&chat, &[("authorization", "Basic YTpi".to_owned())]).await.status, 401);
}

#[tokio::test]
async fn several_tokens_must_name_one_user() {
    let chat = chat().await;
    let (ann, bob) = (token("ann"), token("bob"));
    let stale = token_of(json!({"sub": "ann", "exp": now() - 60.0}));
    for (what, headers, status) in [
        ("the same twice", vec![bearer(&ann), cookie(&ann)], 200),
        ("two of one user", vec![bearer(&ann), cookie(&token_of(json!({"sub": "ann", "x": 1})))], 200),
        ("header and cookie", vec![bearer(&ann), cookie(&bob)], 401),
        ("two headers", vec![bearer(&ann), bearer(&bob)], 401),
        ("two cookies", vec![cookie(&ann), cookie(&bob)], 401),
        ("a stale cookie beside", vec![bearer(&ann), cookie(&stale)], 200),
        ("a stale header beside", vec![bearer(&stale), cookie(&ann)], 401),
        ("a stale cookie alone", vec![cookie(&stale)], 401),
        ("a stale cookie and a good one", vec![cookie(&stale), cookie(&ann)], 200),
    ] {
        let answer = me(&chat, &headers).await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
    }
    let many: Vec<_> = (0..5).map(|n| cookie(&token_of(json!({"sub": "ann", "n": n})))).collect();
    assert_eq!(me(&chat, &many).await.status, 401);
    // REST takes no token from the query: links get copied.
    let request = Request::get(format!("{MOUNT}/users/me?token={ann}")).body(Body::empty()).unwrap();
    assert_eq!(chat.send(request).await.status, 401);
}

#[tokio::test]
async fn audience_and_issuer_are_required_once_set() {
    let jwt = JwtAuthenticator::hs256(SECRET).unwrap().audience("chat").audience("talk").issuer("us");
    for (claims, is_valid) in [
        (json!({"sub": "a", "aud": "chat", "iss": "us"}), true),
        (json!({"sub": "a", "aud": ["x", "talk"], "iss": "us"}), true),
        (json!({"sub": "a", "aud": "x", "iss": "us"}), false),
        (json!({"sub": "a", "aud": "chat", "iss": "them"}), false),
        (json!({"sub": "a", "aud": "chat"}), false),
        (json!({"sub": "a", "iss": "us"}), false),
    ] {
        assert_eq!(jwt.verify(&token_of(claims.clone())).is_ok(), is_valid, "{claims}");
    }
}

#[tokio::test]
async fn keys_can_be_rotated_and_public_ones_are_not_secrets() {
    const PUBLIC: &[u8] = b"-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";
    let claims = json!({"sub": "a", "exp": now() + 60.0});
    let eddsa = JwtAuthenticator::new(JwtAlgorithm::EdDsa, PUBLIC).unwrap();
    // The classic: the public key taken for a shared secret.
    assert!(eddsa.verify(&signed(Algorithm::HS256, &claims, PUBLIC)).is_err());
    let both =
        eddsa.or_key(JwtAlgorithm::Hs256, SECRET).unwrap().or_key(JwtAlgorithm::Hs256, b"old").unwrap();
    assert!(both.verify(&signed(Algorithm::HS256, &claims, b"old")).is_ok());
    assert!(both.verify(&signed(Algorithm::HS256, &claims, SECRET)).is_ok());
    assert!(both.verify(&signed(Algorithm::HS256, &claims, PUBLIC)).is_err());
    assert!(JwtAuthenticator::hs256(b"").is_err());
    assert!(JwtAuthenticator::new(JwtAlgorithm::Rs256, b"no key").is_err());
    assert!(!format!("{both:?}").contains("old"));
}

#[derive(Debug)]
struct HostSession;

#[async_trait]
impl Authenticator for HostSession {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, AuthError> {
        assert!(credentials.token().is_none());
        let request = credentials.request().ok_or(AuthError::Missing)?;
        match request.headers.get("x-session").and_then(|value| value.to_str().ok()) {
            Some("down") => Err(AuthError::Unavailable),
            Some("banned") => Err(AuthError::forbidden("not you")),
            Some(user) => Ok(Principal::new(UserId::new(user).unwrap())),
            None => Err(AuthError::Missing),
        }
    }
}

#[tokio::test]
async fn a_host_goes_by_its_own_session() {
    let engine = Engine::builder().build().await.unwrap();
    // Of any state of the host's, and at any place.
    let app: Router<String> = Router::new().nest("/a/b", ChatRouter::new(engine, HostSession).build());
    let app: Router = app.with_state("host".to_owned());
    for (session, origin, status) in [
        ("ann", Some("http://h"), 201),
        ("ann", None, 403),
        ("down", Some("http://h"), 503),
        ("banned", Some("http://h"), 403),
        ("", None, 401),
    ] {
        let mut request =
            Request::post("/a/b/rooms").header("host", "h").header("content-type", "application/json");
        if !session.is_empty() {
            request = request.header("x-session", session);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let request = request.body(Body::from(r#"{"kind":"group"}"#)).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{session} {origin:?}");
        assert_eq!(response.headers().contains_key("retry-after"), status == 503);
    }
}
