//! Why it is not known who asks.

use std::borrow::Cow;

use chat_core::{Error, ErrorCode};

/// Why an [`Authenticator`](super::Authenticator) lets nobody in. The texts are told to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// There are no credentials: 401, or 4401 on a socket.
    #[error("no token was given")]
    Missing,
    /// They are not valid, or not any more: 401, or 4401 on a socket.
    #[error("{0}")]
    Invalid(Cow<'static, str>),
    /// They are valid, and the user may not chat: 403, or 4403 on a socket.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// It cannot be told now: 503, or an error and 1001 on a socket.
    #[error("who asks cannot be told now")]
    Unavailable,
}

impl AuthError {
    /// Credentials that are not valid, with what the client is told.
    #[must_use]
    pub fn invalid(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(why.into())
    }

    /// A user who may not chat, with what the client is told.
    #[must_use]
    pub fn forbidden(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Forbidden(why.into())
    }

    pub(crate) fn disagree() -> Self {
        Self::invalid("the tokens of this request name different users")
    }
}

impl From<AuthError> for Error {
    fn from(error: AuthError) -> Self {
        let (code, message) = match error {
            AuthError::Missing => (ErrorCode::Unauthorized, Cow::Borrowed("no token was given")),
            AuthError::Invalid(why) => (ErrorCode::Unauthorized, why),
            AuthError::Forbidden(why) => (ErrorCode::Forbidden, why),
            AuthError::Unavailable => {
                (ErrorCode::Unavailable, Cow::Borrowed("who asks cannot be told now; nothing was done"))
            }
        };
        Self::new(code, message)
    }
}
