//! What every request of one router shares.

use std::{fmt, sync::Arc};

use chat_core::{Engine, WireFormat};

use crate::{auth::Authenticator, origin::Origins, socket::Sockets};

/// The state behind a router.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) origins: Origins,
    /// The cookie that may hold a token.
    pub(crate) cookie: String,
    pub(crate) sockets: Sockets,
    /// What the sockets of this router speak.
    pub(crate) format: Arc<dyn WireFormat>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}
