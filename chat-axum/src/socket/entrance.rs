//! Before a client is known: the handshake's end, the token, the first frame.

use std::{future::poll_fn, ops::ControlFlow, sync::Arc};

use axum::http::request::Parts;
use chat_core::{
    ConnectOptions, Error, ErrorCode, Outlet as _, Principal,
    protocol::{ClientFrame, CloseCode, Command, ErrorBody, FrameError, Hello, ServerFrame},
};
use tokio::time::{Instant, timeout_at};

use super::{
    LINGER, PATIENCE,
    live::{Live, WriteHalf},
    sockets::Seat,
};
use crate::{
    auth::{AuthError, Tokens, identify},
    shared::Shared,
    ws::{Event, Io, Progress, ReadError, Reader, Upgrading, code, frame},
};

/// A connection on its way in.
pub(super) struct Entrance {
    pub(super) shared: Arc<Shared>,
    pub(super) parts: Parts,
    pub(super) tokens: Tokens,
    /// Given up once the user is known.
    pub(super) seat: Option<Seat>,
}

/// Why a connection does not get in: what it is told, and how it is closed.
struct Refused {
    error: Option<FrameError>,
    close: u16,
}

/// What the first frame was.
enum First {
    Frame(Result<ClientFrame, FrameError>),
    Binary,
    Close(Option<u16>),
    Ping(Vec<u8>),
}

impl Entrance {
    /// Leads a client in, or tells it why not and ends the connection.
    pub(super) async fn enter(mut self: Box<Self>, upgrading: Upgrading) -> Option<(Reader, Arc<Live>)> {
        let limits = self.shared.engine.limits().clone();
        let deadline = Instant::now() + limits.hello_timeout;
        // A client that is gone before the answer was out.
        let io = Arc::new(timeout_at(deadline, upgrading).await.ok()?.ok()?);
        let mut reader = Reader::new(Arc::clone(&io), limits.hello_bytes_max);
        match self.admit(&mut reader, deadline).await {
            Ok(live) => {
                reader.set_limit(limits.frame_bytes_max);
                let live = Arc::new(live);
                self.shared.sockets.watch(&live);
                Some((reader, live))
            }
            Err(refused) => {
                drop(self.seat.take());
                self.send_off(&io, refused).await;
                None
            }
        }
    }

    async fn admit(&mut self, reader: &mut Reader, deadline: Instant) -> Result<Live, Refused> {
        let shared = Arc::clone(&self.shared);
        let (principal, hello) = tokio::select! {
            biased;
            () = shared.sockets.closing() => return Err(Refused::silent(code::GOING_AWAY)),
            met = timeout_at(deadline, self.meet(reader)) => match met {
                Ok(met) => met?,
                // Who is known may come back and say hello; who is not has no token to show.
                Err(_) if self.seat.is_none() => {
                    return Err(Refused::silent(CloseCode::HeartbeatTimeout.get()));
                }
                Err(_) => return Err(Refused::silent(CloseCode::Unauthorized.get())),
            },
        };
        let options = ConnectOptions::new(Arc::clone(&shared.format), hello);
        let connected = shared.engine.connect(principal, options).await.map_err(Refused::from)?;
        let io = Arc::clone(reader.io());
        Ok(Live::new(connected.attach(Box::new(WriteHalf(Arc::clone(&io)))), io))
    }

    /// Finds out who it is, by the request and by the first frame.
    async fn meet(&mut self, reader: &mut Reader) -> Result<(Principal, Hello), Refused> {
        let mut known = match identify(&*self.shared.authenticator, &self.tokens, Some(&self.parts)).await {
            Ok(caller) => {
                self.seat = None;
                Ok(caller.principal)
            }
            // The frame may have a token yet; a cookie that is stale is as good as none.
            Err(error @ (AuthError::Missing | AuthError::Invalid(_))) if self.tokens.explicit.is_empty() => {
                Err(error)
            }
            Err(error) => return Err(Error::from(error).into()),
        };
        let mut hello = self.first_frame(reader).await?;
        if let Some(token) = hello.token.take() {
            let mut tokens = Tokens::default();
            tokens.put_first(token);
            let named = identify(&*self.shared.authenticator, &tokens, Some(&self.parts)).await;
            let principal = named.map_err(Error::from)?.principal;
            if matches!(&known, Ok(known) if known.user != principal.user) {
                return Err(Error::from(AuthError::disagree()).into());
            }
            self.seat = None;
            known = Ok(principal);
        }
        Ok((known.map_err(Error::from)?, hello))
    }

    async fn first_frame(&self, reader: &mut Reader) -> Result<Hello, Refused> {
        loop {
            let format = &self.shared.format;
            let read = reader.read(|event| match event {
                Event::Text(text) => ControlFlow::Break(First::Frame(format.decode(text.as_bytes()))),
                Event::Binary(_) => ControlFlow::Break(First::Binary),
                Event::Ping(payload) => ControlFlow::Break(First::Ping(payload.to_vec())),
                Event::Pong(_) => ControlFlow::Continue(()),
                Event::Close(received) => ControlFlow::Break(First::Close(received.map(|(code, _)| code))),
            });
            let first = match read.await {
                Ok(Progress::Read) => continue,
                Ok(Progress::Stopped(first)) => first,
                Err(ReadError::Protocol(error)) => return Err(Refused::silent(error.close_code())),
                Ok(Progress::Ended) | Err(_) => return Err(Refused::gone()),
            };
            let bad = |id, message: &str| {
                let message = message.to_owned();
                Refused::bad(FrameError { id, code: ErrorCode::BadFrame, message, field: None })
            };
            return match first {
                First::Ping(payload) => {
                    let mut pong = Vec::new();
                    frame::pong(&mut pong, &payload);
                    write_all(reader.io(), &pong).await;
                    continue;
                }
                First::Close(received) => Err(Refused::silent(received.unwrap_or(code::NORMAL))),
                First::Binary => Err(bad(None, "the protocol is JSON in text frames")),
                First::Frame(Err(error)) => Err(Refused::bad(error)),
                First::Frame(Ok(ClientFrame { command: Command::Hello(hello), .. })) => Ok(hello),
                First::Frame(Ok(frame)) => Err(bad(frame.id, "the first frame must be hello")),
            };
        }
    }

    /// The last words, and the end.
    async fn send_off(&self, io: &Io, refused: Refused) {
        if refused.close == 0 {
            return io.close();
        }
        let mut last = Vec::new();
        if let Some(error) = &refused.error {
            let body = ErrorBody {
                id: error.id.as_ref(),
                code: error.code,
                message: &error.message,
                retryable: error.code.is_retryable(),
                retry_after_ms: None,
                field: error.field,
            };
            self.shared.format.frame(&ServerFrame::Error(body), &mut last);
        }
        frame::close(&mut last, refused.close, "");
        let written = tokio::time::timeout(PATIENCE, write_all(io, &last)).await;
        if written.is_ok() {
            io.finish(LINGER).await;
        } else {
            io.close();
        }
    }
}

impl Refused {
    const fn silent(close: u16) -> Self {
        Self { error: None, close }
    }

    /// Nobody is there to be told.
    const fn gone() -> Self {
        Self::silent(0)
    }

    const fn bad(error: FrameError) -> Self {
        Self { error: Some(error), close: CloseCode::BadProtocol.get() }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let close = match error.code() {
            ErrorCode::Unauthorized => CloseCode::Unauthorized,
            ErrorCode::Forbidden => CloseCode::Forbidden,
            _ => CloseCode::GoingAway,
        };
        let told = FrameError {
            id: None,
            code: error.code(),
            message: error.message().to_owned(),
            field: error.field(),
        };
        Self { error: Some(told), close: close.get() }
    }
}

/// Writes before the engine does. An error shows at the next read.
async fn write_all(io: &Io, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match poll_fn(|cx| io.poll_write(cx, bytes)).await {
            Ok(written) if written > 0 => bytes = &bytes[written..],
            _ => return,
        }
    }
    // As above.
    let _ = poll_fn(|cx| io.poll_flush(cx)).await;
}
