//! What a socket's path speaks, and what its connections hear from the start.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use axum::extract::RawPathParams;
use chat_core::{
    Engine, Principal, WireFormat,
    model::UserId,
    protocol::{CloseCode, FrameError, Hello},
};

use super::Relay;

/// The sockets of one path: how a connection begins, and what it speaks from there on.
///
/// Who is connecting is found out before [`SocketFormat::admit`] is asked: a socket without a valid token is accepted
/// and closed with 4401, since a browser would not see the reason of a refusal.
#[async_trait]
pub trait SocketFormat: fmt::Debug + Send + Sync + 'static {
    /// What a client says first.
    fn greeting(&self) -> Greeting {
        Greeting::Nothing
    }

    /// What errors look like before the connection has its format; where there is none they are told by the close code
    /// alone.
    fn opening(&self) -> Option<&dyn WireFormat> {
        None
    }

    /// Reads the token of the first frame, for [`Greeting::Token`].
    ///
    /// # Errors
    /// What to answer; the socket waits for another frame.
    fn first_token(&self, frame: &[u8]) -> Result<FirstToken, FrameError> {
        let _ = frame;
        Err(FrameError {
            id: None,
            code: chat_core::ErrorCode::BadFrame,
            message: "no token is expected".to_owned(),
            field: None,
        })
    }

    /// What stands between the engine and the connection, where what is written is for that connection alone; asked
    /// before [`SocketFormat::admit`].
    fn relay(&self, visit: &Visit<'_>) -> Option<Box<dyn Relay>> {
        let _ = visit;
        None
    }

    /// Settles what the connection speaks and which rooms it hears.
    ///
    /// # Errors
    /// The code to close it with.
    async fn admit(&self, visit: Visit<'_>) -> Result<Admission, CloseCode>;
}

/// What a client says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a fourth would change how connections begin")]
pub enum Greeting {
    /// The native `hello`, which is [`Visit::hello`].
    Hello,
    /// A frame with a token, where the request had none.
    Token,
    /// Nothing: the connection begins at once.
    Nothing,
}

/// A token that came in the first frame.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "formats build it")]
pub struct FirstToken {
    /// The token.
    pub token: String,
    /// Whose it is said to be; told so and closed with 4401 where that is not true.
    pub user: Option<UserId>,
}

impl fmt::Debug for FirstToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstToken").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A connection on its way in, whose user is known.
#[derive(Debug)]
#[non_exhaustive]
pub struct Visit<'a> {
    /// The chat.
    pub engine: &'a Engine,
    /// Who it is.
    pub principal: &'a Principal,
    /// What was said first, for [`Greeting::Hello`].
    pub hello: Option<Hello>,
    /// Where files are kept.
    pub(crate) media: Option<&'a crate::media::Media>,
    pub(super) params: Option<&'a RawPathParams>,
}

impl Visit<'_> {
    /// What stands in the path for `{name}`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params?.iter().find_map(|(key, value)| (key == name).then_some(value))
    }
}

/// What a connection speaks, and what it hears from the start.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "formats build it")]
pub struct Admission {
    /// What it speaks.
    pub format: Arc<dyn WireFormat>,
    /// Its rooms.
    pub hello: Hello,
}

/// The native protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NativeSocket;

#[async_trait]
impl SocketFormat for NativeSocket {
    fn greeting(&self) -> Greeting {
        Greeting::Hello
    }

    fn opening(&self) -> Option<&dyn WireFormat> {
        Some(&crate::NativeFrames)
    }

    async fn admit(&self, visit: Visit<'_>) -> Result<Admission, CloseCode> {
        Ok(Admission { format: Arc::new(crate::NativeFrames), hello: visit.hello.unwrap_or_default() })
    }
}
