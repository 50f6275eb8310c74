//! What every request of one router shares.

use std::{fmt, sync::Arc};

use chat_core::Engine;

use crate::{auth::Authenticator, media::Media, origin::Origins, socket::Sockets};

/// The state behind the routes of one mounted router.
pub struct Shared {
    pub(crate) engine: Engine,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) origins: Origins,
    /// The cookie that may hold a token.
    pub(crate) cookie: String,
    /// Whether REST takes a token from the query too.
    pub(crate) query_tokens: bool,
    pub(crate) sockets: Sockets,
    /// Where files are kept; none where the host keeps none.
    pub(crate) media: Option<Media>,
}

impl Shared {
    /// The chat.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}
