//! The cookie that opens files: what tags in a page fetch carries no other word of who asks.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{OriginalUri, Request, State},
    http::{HeaderMap, HeaderValue, Uri, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chat_core::{
    Principal,
    model::{Timestamp, UserId},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use parking_lot::Mutex;
use sha2::Sha256;

use super::FILES;
use crate::shared::Shared;

/// Its name.
const NAME: &str = "chat_media";

/// How long it holds for who came with a token that does not end.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Who a request turned out to be of, told to [`give`] by whoever found out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recognised(Arc<Mutex<Option<Principal>>>);

impl Recognised {
    pub(crate) fn note(&self, principal: &Principal) {
        *self.0.lock() = Some(principal.clone());
    }
}

/// Routes whose answers give the cookie, where there are files to open.
pub(crate) fn around(routes: Router<Arc<Shared>>, shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    match shared.media {
        Some(_) => routes.layer(from_fn_with_state(Arc::clone(shared), give)),
        None => routes,
    }
}

/// Gives the cookie with every answer to somebody who is known.
async fn give(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let Some(media) = &shared.media else { return next.run(request).await };
    let recognised = Recognised::default();
    let path = files_path(&request);
    let is_secure = media.terms.is_secure || is_https(request.headers(), request.uri());
    request.extensions_mut().insert(recognised.clone());
    let mut response = next.run(request).await;
    let Some(principal) = recognised.0.lock().take() else { return response };
    let now = shared.engine.now();
    let ends = principal.expires_at.unwrap_or_else(|| now.plus(LIFETIME));
    let seconds = ends.since(now).as_secs();
    let value = sign(&media.terms.cookie_key, &principal.user, ends);
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!("{NAME}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Where the files of the routes are that a request came to, as browsers see it.
pub(super) fn files_path(request: &Request) -> String {
    let own = request.uri().path();
    let whole = request.extensions().get::<OriginalUri>().map_or(own, |uri| uri.0.path());
    let mount = whole.strip_suffix(own).unwrap_or_default().trim_end_matches('/');
    // A header cannot be broken out of by a path: what is no sign of a path was escaped by who asked.
    format!("{mount}{FILES}")
}

/// The user whom a request's cookie names, where it is ours and holds still.
pub(super) fn user(key: &[u8], headers: &HeaderMap, now: Timestamp) -> Option<UserId> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == NAME).take(4).find_map(|(_, value)| verify(key, value, now))
}

/// A key that nobody else has.
pub(super) fn random_key() -> Arc<[u8]> {
    let mut key = [0; 32];
    match getrandom::fill(&mut key) {
        Ok(()) => Arc::new(key),
        // Without one, no cookie is ever right.
        Err(_) => Arc::new([]),
    }
}

fn sign(key: &[u8], user: &UserId, ends: Timestamp) -> String {
    let said = format!("{}.{}", ends.as_micros(), URL_SAFE_NO_PAD.encode(user.as_str()));
    let mac = mac(key, &said).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    format!("{said}.{}", mac.unwrap_or_default())
}

fn verify(key: &[u8], value: &str, now: Timestamp) -> Option<UserId> {
    let (said, sent) = value.rsplit_once('.')?;
    // Before anything that it says is looked at.
    mac(key, said)?.verify_slice(&URL_SAFE_NO_PAD.decode(sent).ok()?).ok()?;
    let (ends, user) = said.split_once('.')?;
    if now >= Timestamp::from_micros(ends.parse().ok()?) {
        return None;
    }
    let user = String::from_utf8(URL_SAFE_NO_PAD.decode(user).ok()?).ok()?;
    UserId::new(user).ok()
}

fn mac(key: &[u8], said: &str) -> Option<Hmac<Sha256>> {
    if key.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"chat_media/1/");
    mac.update(said.as_bytes());
    Some(mac)
}

fn is_https(headers: &HeaderMap, uri: &Uri) -> bool {
    // Who lies here changes nobody's cookie but the own.
    let forwarded = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let first = forwarded.and_then(|value| value.split(',').next()).map(str::trim);
    uri.scheme_str() == Some("https") || first.is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use super::{sign, user, verify};
    use axum::http::HeaderMap;
    use chat_core::model::{Timestamp, UserId};

    #[test]
    fn a_cookie_holds_for_its_user_and_its_time_alone() {
        let (key, now) = (b"a key".as_slice(), Timestamp::from_micros(1_000));
        let ann = UserId::new("ann; Path=/ \u{E9}").unwrap();
        let cookie = sign(key, &ann, now.plus(std::time::Duration::from_secs(1)));
        assert!(
            cookie.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)),
            "{cookie}"
        );
        assert_eq!(verify(key, &cookie, now), Some(ann.clone()));
        assert_eq!(verify(key, &cookie, Timestamp::from_micros(1_001_000)), None);
        assert_eq!(verify(b"another", &cookie, now), None);
        assert_eq!(verify(b"", &sign(b"", &ann, Timestamp::from_micros(i64::MAX)), now), None);
        for at in 0..cookie.len() {
            let mut forged = cookie.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            // The last sign of a text in base64 has bits that mean nothing.
            assert!(at + 1 == cookie.len() || verify(key, &forged, now).is_none(), "{at}");
        }
        let mut headers = HeaderMap::new();
        headers.append("cookie", "chat_media=x; other=y".parse().unwrap());
        headers.append("cookie", format!("chat_media={cookie}").parse().unwrap());
        assert_eq!(user(key, &headers, now), Some(ann));
    }
}
