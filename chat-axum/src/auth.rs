//! Who is asking.

mod caller;
mod error;
#[cfg(feature = "jwt")]
mod jwt;
mod tokens;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use axum::http::request::Parts;
use chat_core::Principal;

pub(crate) use caller::identify;
pub use error::AuthError;
#[cfg(feature = "jwt")]
pub use jwt::{InvalidKey, JwtAlgorithm, JwtAuthenticator};
pub(crate) use tokens::Tokens;

/// Tells who is asking: the seam to the host's own users.
///
/// The adapter finds the tokens of a request (see [`Credentials::token`]) and asks once for each; without one it asks
/// once all the same, so that a host can go by its own session cookie or by what a layer of its own has put into the
/// request's extensions. Where several tokens are valid and name different users, the request is refused.
///
/// A call is bounded by nobody but the implementation: a host that asks a service must give it a deadline.
///
/// ```
/// use chat_axum::{AuthError, Authenticator, Credentials};
/// use chat_core::{Principal, model::UserId};
///
/// /// What a layer of the host's has found.
/// #[derive(Clone)]
/// struct SignedIn(String);
///
/// #[derive(Debug)]
/// struct HostSession;
///
/// #[chat_axum::async_trait]
/// impl Authenticator for HostSession {
///     async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, AuthError> {
///         let request = credentials.request().ok_or(AuthError::Missing)?;
///         let SignedIn(name) = request.extensions.get().ok_or(AuthError::Missing)?;
///         let user = UserId::new(name.as_str()).map_err(|_| AuthError::invalid("not a user id"))?;
///         Ok(Principal::new(user))
///     }
/// }
/// ```
#[async_trait]
pub trait Authenticator: fmt::Debug + Send + Sync + 'static {
    /// Who it is.
    ///
    /// # To ensure correctness
    /// - The same credentials name the same user for as long as they are valid.
    /// - [`Principal::expires_at`] is set where the credentials end: the engine then ends live sockets too.
    /// - Neither the answer nor the error holds the token, as both may be logged.
    ///
    /// # Errors
    /// See [`AuthError`].
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, AuthError>;
}

#[async_trait]
impl<A: Authenticator + ?Sized> Authenticator for Arc<A> {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, AuthError> {
        (**self).authenticate(credentials).await
    }
}

/// What a request or a frame says of who sent it.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    token: Option<&'a str>,
    request: Option<&'a Parts>,
}

impl<'a> Credentials<'a> {
    /// Credentials of a token, a request, or both.
    #[must_use]
    pub const fn new(token: Option<&'a str>, request: Option<&'a Parts>) -> Self {
        Self { token, request }
    }

    /// The token: from a `hello` or `auth` frame, from `Authorization: Bearer`, from the cookie, and for sockets also
    /// from the query (`?token=`) or the subprotocol `chat.bearer.<token>`.
    #[must_use]
    pub const fn token(&self) -> Option<&'a str> {
        self.token
    }

    /// The request: headers, extensions, URI. None where a token is renewed on a live socket, which keeps nothing of
    /// the request that opened it.
    #[must_use]
    pub const fn request(&self) -> Option<&'a Parts> {
        self.request
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers and URI can hold the token too.
        f.debug_struct("Credentials")
            .field("token", &self.token.map(|_| "[redacted]"))
            .field("request", &self.request.is_some())
            .finish()
    }
}
