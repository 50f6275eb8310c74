//! Putting the router together.

use std::{fmt, sync::Arc};

use axum::Router;
use chat_core::Engine;

use crate::{
    auth::Authenticator,
    compat::{self, Format},
    media::{self, Media},
    origin::{InvalidOrigin, OriginGate, Origins},
    problem::Problem,
    rest,
    shared::Shared,
    socket::{self, Sockets},
    unread,
};

/// The cookie that a token is looked for in.
const TOKEN_COOKIE: &str = "chat_token";

/// The chat's router with every default, to be nested under any path of the host's.
///
/// ```
/// # async fn app(engine: chat_core::Engine) -> Result<axum::Router, chat_axum::InvalidKey> {
/// let authenticator = chat_axum::JwtAuthenticator::hs256(b"at least thirty-two bytes of chance")?;
/// Ok(axum::Router::new().nest("/chat", chat_axum::router(engine, authenticator)))
/// # }
/// ```
///
/// See [`ChatRouter`] for origins, the cookie's name, and the way to end.
pub fn router<S>(engine: Engine, authenticator: impl Authenticator) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    ChatRouter::new(engine, authenticator).build()
}

/// The chat's routes with their options: the WebSocket at `/ws` and REST beside it, under whatever path the host nests
/// them.
///
/// ```
/// use chat_axum::{ChatRouter, JwtAuthenticator};
/// use std::time::Duration;
///
/// # async fn serve(engine: chat_core::Engine) -> Result<(), Box<dyn std::error::Error>> {
/// let authenticator = JwtAuthenticator::hs256(b"at least thirty-two bytes of chance")?;
/// let chat = ChatRouter::new(engine, authenticator).allow_origin("https://app.example")?;
/// let sockets = chat.sockets();
/// let app: axum::Router = axum::Router::new().nest("/chat", chat.build());
/// // … serve `app`, and once the process is asked to end:
/// let in_time = sockets.shutdown(Duration::from_secs(10)).await;
/// # Ok(())
/// # }
/// ```
///
/// # What the host still has to do
/// - Bounds, sizes and heartbeats are those of [`Engine::limits`].
/// - TCP_NODELAY can only be set where connections are accepted, and without it small frames wait for each other:
///   `axum::serve(listener.tap_io(|tcp| { let _ = tcp.set_nodelay(true); }), app)`.
/// - [`Sockets::shutdown`] when the process ends: axum's own graceful shutdown does not wait for upgraded connections.
/// - A layer that logs URIs must leave out queries: `?token=` is one of the ways in.
/// - Reads by REST have no rate of their own: a layer of the host's can bound them by address.
#[must_use = "the router is made by `build`"]
pub struct ChatRouter {
    engine: Engine,
    authenticator: Arc<dyn Authenticator>,
    origins: Origins,
    cookie: String,
    sockets: Sockets,
    media: Option<Media>,
}

impl ChatRouter {
    /// The chat of `engine`, for those whom `authenticator` knows; same origin only.
    pub fn new(engine: Engine, authenticator: impl Authenticator) -> Self {
        let sockets = Sockets::new(&engine);
        Self {
            engine,
            authenticator: Arc::new(authenticator),
            origins: Origins::default(),
            cookie: TOKEN_COOKIE.to_owned(),
            sockets,
            media: None,
        }
    }

    /// Lets pages of another origin (`https://app.example`, `http://localhost:5173`) use sockets and REST from a
    /// browser, with credentials.
    ///
    /// A browser's page of any other origin is refused with 403 on every path. Requests without an `Origin` header
    /// are no browser's, or a browser's reads from its own site, and pass.
    ///
    /// # Errors
    /// [`InvalidOrigin`] for what is no origin. There is no wildcard: with credentials, it would let any site act for
    /// its visitors.
    pub fn allow_origin(mut self, origin: &str) -> Result<Self, InvalidOrigin> {
        self.origins.allow(origin)?;
        Ok(self)
    }

    /// The cookie that a token is looked for in; `chat_token` where nothing is said. Its writes need an `Origin` that
    /// is allowed.
    pub fn token_cookie(mut self, name: impl Into<String>) -> Self {
        self.cookie = name.into();
        self
    }

    /// Takes files and keeps them there. Without it there are none: their paths are unknown.
    pub fn media(mut self, media: Media) -> Self {
        self.media = Some(media.bounded(self.engine.limits()));
        self
    }

    /// The sockets that the router will have: to count them, and to end them.
    #[must_use]
    pub fn sockets(&self) -> Sockets {
        self.sockets.clone()
    }

    /// The gate that these routes stand behind, for others of the host's. To be asked for once all origins are named.
    pub fn gate(&self) -> OriginGate {
        OriginGate(Arc::new(self.origins.clone()))
    }

    /// The routes of another wire format, on the same rooms, for the same users, behind the same gate. To be asked for
    /// once everything is set.
    pub fn format_router<S>(&self, format: &impl Format) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let mut routes = format.routes();
        for (path, socket) in format.sockets() {
            routes = compat::at(routes, path, socket::route(socket, None));
        }
        let mut routes = routes.method_not_allowed_fallback(rest::method_not_allowed);
        if self.media.is_some() {
            for (_, path, handler) in media::routes::file_routes() {
                routes = compat::at(routes, path, handler);
            }
            routes = compat::nothing_else_below(routes, "/attachments");
        }
        let shared = self.shared(true);
        let routes = unread::around(media::cookie::around(routes, &shared), &shared);
        let routes = self.gate().around(routes.with_state(shared));
        routes.layer(axum::middleware::from_fn(compat::plain_errors))
    }

    /// The router.
    pub fn build<S>(self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let mut router = Router::new();
        for (_, path, handler) in rest::routes().into_iter().chain(socket::routes()) {
            router = router.route(path, handler);
        }
        #[cfg(feature = "openapi")]
        {
            for (path, handler) in crate::specs::routes() {
                router = router.route(path, handler);
            }
        }
        if self.media.is_some() {
            for (_, path, handler) in media::routes::routes() {
                router = router.route(path, handler);
            }
        }
        let shared = self.shared(false);
        let router = unread::around(media::cookie::around(router, &shared), &shared)
            .fallback(async || Problem::not_found())
            .method_not_allowed_fallback(rest::method_not_allowed)
            .with_state(shared);
        self.gate().around(router)
    }

    fn shared(&self, query_tokens: bool) -> Arc<Shared> {
        Arc::new(Shared {
            engine: self.engine.clone(),
            authenticator: Arc::clone(&self.authenticator),
            origins: self.origins.clone(),
            cookie: self.cookie.clone(),
            query_tokens,
            sockets: self.sockets.clone(),
            media: self.media.clone(),
        })
    }
}

impl fmt::Debug for ChatRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatRouter").field("origins", &self.origins).finish_non_exhaustive()
    }
}
