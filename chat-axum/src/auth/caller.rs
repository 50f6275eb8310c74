//! From tokens to the one who asks.

use axum::http::request::Parts;
use chat_core::Principal;

use super::{AuthError, Authenticator, Credentials, Tokens};

/// Tokens of one request that are looked at: each costs a check of a signature, or a call of the host's.
const TOKENS_MAX: usize = 4;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    /// Whether a token was put into the request on purpose, and not by a browser on its own: another site can make a
    /// browser send the one and not the other.
    pub(crate) is_explicit: bool,
}

/// Tells who asks.
///
/// Every token that was put there on purpose must be valid; a cookie that is not is passed over beside one that is.
/// All valid ones name one user, and the first of them counts: frame, header, query, subprotocol, cookie.
pub(crate) async fn identify(
    authenticator: &dyn Authenticator,
    tokens: &Tokens,
    request: Option<&Parts>,
) -> Result<Caller, AuthError> {
    if tokens.len() > TOKENS_MAX {
        return Err(AuthError::invalid("too many tokens"));
    }
    if tokens.len() == 0 {
        let principal = authenticator.authenticate(Credentials::new(None, request)).await?;
        return Ok(Caller { principal, is_explicit: false });
    }
    let mut caller: Option<Caller> = None;
    let mut failed = None;
    let explicit = tokens.explicit.iter().map(|token| (token, true));
    for (token, is_explicit) in explicit.chain(tokens.ambient.iter().map(|token| (token, false))) {
        match authenticator.authenticate(Credentials::new(Some(token), request)).await {
            Ok(principal) => match &caller {
                Some(caller) if caller.principal.user != principal.user => {
                    return Err(AuthError::disagree());
                }
                Some(_) => {}
                None => caller = Some(Caller { principal, is_explicit }),
            },
            Err(error) if is_explicit || error == AuthError::Unavailable => return Err(error),
            Err(error) => failed = Some(error),
        }
    }
    caller.ok_or_else(|| failed.unwrap_or(AuthError::Missing))
}
