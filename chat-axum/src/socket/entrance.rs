//! Before a client is known: the handshake's end, the token, the first frame.

use std::{ops::ControlFlow, sync::Arc};

use axum::{extract::RawPathParams, http::request::Parts};
use chat_core::{
    ConnectOptions, Connected, Error, ErrorCode, Principal, WireFormat,
    model::UserId,
    protocol::{ClientFrame, CloseCode, Command, ErrorBody, FrameError, Hello, ServerFrame},
};
use tokio::time::{Instant, timeout_at};

use super::{
    Admission, FirstToken, Greeting, LINGER, PATIENCE, SocketFormat, Visit,
    live::{Live, WriteHalf},
    relay::{Relay, Relayed},
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
    /// What the path speaks.
    pub(super) format: Arc<dyn SocketFormat>,
    pub(super) parts: Parts,
    pub(super) params: Option<RawPathParams>,
    pub(super) tokens: Tokens,
    /// Whom the request itself names.
    pub(super) known: Result<Principal, AuthError>,
    /// Needed until the user is known.
    pub(super) seat: Option<Seat>,
    /// How it came out, where that was settled before the answer.
    pub(super) opened: Option<Result<Opened, Refused>>,
}

/// A session that has begun, before there is anything to write to.
pub(super) struct Opened {
    connected: Connected,
    format: Arc<dyn WireFormat>,
    relay: Option<Box<dyn Relay>>,
}

/// A connection that is in.
pub(super) struct Entered {
    pub(super) reader: Reader,
    pub(super) live: Arc<Live>,
    pub(super) format: Arc<dyn WireFormat>,
    /// What writes, where that is not the engine.
    pub(super) relayed: Option<Box<Relayed>>,
}

/// Why a connection does not get in: what it is told, and how it is closed.
pub(super) struct Refused {
    error: Option<FrameError>,
    close: u16,
}

/// What the first frame was.
enum First {
    Text(Vec<u8>),
    Binary,
    Close(Option<u16>),
    Ping(Vec<u8>),
}

impl Entrance {
    /// Begins the session before the upgrade is answered, where nothing has to be said first: whoever hears that the
    /// socket is open misses nothing from then on. What cannot be settled here and now is settled after the answer.
    pub(super) async fn prepare(&mut self) {
        let (Ok(principal), Greeting::Token | Greeting::Nothing) = (&self.known, self.format.greeting())
        else {
            return;
        };
        let patience = self.shared.engine.limits().hello_timeout;
        let opened = tokio::time::timeout(patience, self.open(principal.clone(), None)).await;
        self.opened = opened.ok();
    }

    /// Leads a client in, or tells it why not and ends the connection.
    pub(super) async fn enter(mut self: Box<Self>, upgrading: Upgrading) -> Option<Entered> {
        let limits = self.shared.engine.limits().clone();
        let deadline = Instant::now() + limits.hello_timeout;
        // A client that is gone before the answer was out.
        let io = Arc::new(timeout_at(deadline, upgrading).await.ok()?.ok()?);
        let first_max = if self.known.is_ok() { limits.frame_bytes_max } else { limits.hello_bytes_max };
        let mut reader = Reader::new(Arc::clone(&io), first_max);
        match self.admit(&mut reader, deadline).await {
            Ok((live, format, relayed)) => {
                reader.set_limit(limits.frame_bytes_max);
                let live = Arc::new(live);
                self.shared.sockets.watch(&live);
                Some(Entered { reader, live, format, relayed })
            }
            Err(refused) => {
                // Whoever has a seat keeps it to the end: who is refused and lingers is still there.
                self.send_off(&io, refused).await;
                None
            }
        }
    }

    async fn admit(
        &mut self,
        reader: &mut Reader,
        deadline: Instant,
    ) -> Result<(Live, Arc<dyn WireFormat>, Option<Box<Relayed>>), Refused> {
        let opened = match self.opened.take() {
            Some(opened) => opened?,
            None => {
                let (principal, hello) = self.met(reader, deadline).await?;
                self.open(principal, hello).await?
            }
        };
        let Opened { connected, format, relay } = opened;
        let io = Arc::clone(reader.io());
        let (commands, relayed) = match relay {
            None => (connected.attach(Box::new(WriteHalf(Arc::clone(&io)))), None),
            Some(relay) => {
                let (commands, deliveries) = connected.split();
                (commands, Some(Box::new(Relayed { relay, deliveries })))
            }
        };
        Ok((Live::new(commands, io), format, relayed))
    }

    /// Waits until it is known who it is, for as long as that may take.
    async fn met(
        &mut self,
        reader: &mut Reader,
        deadline: Instant,
    ) -> Result<(Principal, Option<Hello>), Refused> {
        let shared = Arc::clone(&self.shared);
        tokio::select! {
            biased;
            () = shared.sockets.closing() => Err(Refused::silent(code::GOING_AWAY)),
            met = timeout_at(deadline, self.meet(reader)) => match met {
                Ok(met) => met,
                // Who is known may come back and say hello; who is not has no token to show.
                Err(_) if self.seat.is_none() => {
                    Err(Refused::silent(CloseCode::HeartbeatTimeout.get()))
                }
                Err(_) => Err(Refused::silent(CloseCode::Unauthorized.get())),
            },
        }
    }

    /// Begins the session of a user.
    async fn open(&self, principal: Principal, hello: Option<Hello>) -> Result<Opened, Refused> {
        let shared = &self.shared;
        let params = self.params.as_ref();
        let media = shared.media.as_ref();
        let visit = Visit { engine: &shared.engine, principal: &principal, hello, media, params };
        let relay = self.format.relay(&visit);
        let admitted = self.format.admit(visit).await;
        let Admission { format, hello } = admitted.map_err(|code| Refused::silent(code.get()))?;
        let options = ConnectOptions::new(Arc::clone(&format), hello);
        let connected = shared.engine.connect(principal, options).await.map_err(Refused::from)?;
        Ok(Opened { connected, format, relay })
    }

    /// Finds out who it is, by the request and by the first frame.
    async fn meet(&mut self, reader: &mut Reader) -> Result<(Principal, Option<Hello>), Refused> {
        let greeting = self.format.greeting();
        let known = match self.known.clone() {
            Ok(principal) => Ok(principal),
            // The frame may have a token yet; a cookie that is stale is as good as none.
            Err(error @ (AuthError::Missing | AuthError::Invalid(_))) if self.tokens.explicit.is_empty() => {
                Err(error)
            }
            Err(error) => return Err(Error::from(error).into()),
        };
        match (greeting, known) {
            (Greeting::Hello, known) => {
                let mut hello = self.hello(reader).await?;
                let principal = match hello.token.take() {
                    Some(token) => self.named_by(token, known.ok().map(|known| known.user).as_ref()).await?,
                    None => known.map_err(Error::from)?,
                };
                Ok((principal, Some(hello)))
            }
            (Greeting::Token, Err(_)) => {
                let first = self.token(reader).await?;
                let principal = self.named_by(first.token, None).await?;
                if first.user.is_some_and(|user| user != principal.user) {
                    return Err(Refused::not_theirs());
                }
                Ok((principal, None))
            }
            (_, known) => Ok((known.map_err(Error::from)?, None)),
        }
    }

    /// Whom a token of a frame names; that must be `expected`, where somebody is.
    async fn named_by(&mut self, token: String, expected: Option<&UserId>) -> Result<Principal, Refused> {
        let mut tokens = Tokens::default();
        tokens.put_first(token);
        let named = identify(&*self.shared.authenticator, &tokens, Some(&self.parts)).await;
        let principal = named.map_err(Error::from)?.principal;
        if expected.is_some_and(|expected| *expected != principal.user) {
            return Err(Error::from(AuthError::disagree()).into());
        }
        self.seat = None;
        Ok(principal)
    }

    async fn hello(&self, reader: &mut Reader) -> Result<Hello, Refused> {
        let bad = |id, message: &str| {
            let message = message.to_owned();
            Refused::bad(FrameError { id, code: ErrorCode::BadFrame, message, field: None })
        };
        let Some(frame) = self.first_text(reader).await? else {
            return Err(bad(None, "the protocol is JSON in text frames"));
        };
        let decoded = self.format.opening().map(|format| format.decode(&frame));
        match decoded {
            Some(Ok(ClientFrame { command: Command::Hello(hello), .. })) => Ok(hello),
            Some(Err(error)) => Err(Refused::bad(error)),
            Some(Ok(frame)) => Err(bad(frame.id, "the first frame must be hello")),
            None => Err(bad(None, "the first frame must be hello")),
        }
    }

    /// Waits for a frame with a token; whatever else comes is answered.
    async fn token(&self, reader: &mut Reader) -> Result<FirstToken, Refused> {
        loop {
            let error = match self.first_text(reader).await? {
                Some(frame) => match self.format.first_token(&frame) {
                    Ok(first) => return Ok(first),
                    Err(error) => error,
                },
                None => FrameError {
                    id: None,
                    code: ErrorCode::BadFrame,
                    message: "the protocol is JSON in text frames".to_owned(),
                    field: None,
                },
            };
            let mut told = Vec::new();
            self.tell(&error, &mut told);
            let _ = reader.io().write_all(&told).await;
        }
    }

    /// The next text; none where it is binary.
    async fn first_text(&self, reader: &mut Reader) -> Result<Option<Vec<u8>>, Refused> {
        loop {
            let read = reader.read(|event| match event {
                Event::Text(text) => ControlFlow::Break(First::Text(text.as_bytes().to_vec())),
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
            match first {
                First::Ping(payload) => {
                    let mut pong = Vec::new();
                    frame::pong(&mut pong, &payload);
                    let _ = reader.io().write_all(&pong).await;
                }
                First::Close(received) => return Err(Refused::silent(received.unwrap_or(code::NORMAL))),
                First::Binary => return Ok(None),
                First::Text(text) => return Ok(Some(text)),
            }
        }
    }

    /// Appends an error as the format has it, where it has one.
    fn tell(&self, error: &FrameError, out: &mut Vec<u8>) {
        let body = ErrorBody {
            id: error.id.as_ref(),
            code: error.code,
            message: &error.message,
            retryable: error.code.is_retryable(),
            retry_after_ms: None,
            field: error.field,
            missing_room: None,
        };
        if let Some(format) = self.format.opening() {
            format.frame(&ServerFrame::Error(body), out);
        }
    }

    /// The last words, and the end.
    async fn send_off(&self, io: &Io, refused: Refused) {
        if refused.close == 0 {
            return io.close();
        }
        let mut last = Vec::new();
        if let Some(error) = &refused.error {
            self.tell(error, &mut last);
        }
        frame::close(&mut last, refused.close, "");
        let written = tokio::time::timeout(PATIENCE, io.write_all(&last)).await;
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

    /// The token is good, and another user's than the frame says.
    fn not_theirs() -> Self {
        let message = "the token is another user's".to_owned();
        let error = FrameError { id: None, code: ErrorCode::Forbidden, message, field: None };
        Self { error: Some(error), close: CloseCode::Unauthorized.get() }
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
