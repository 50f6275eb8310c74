//! A connection whose user is known: reading, until it ends.

use std::{ops::ControlFlow, pin::pin, sync::Arc};

use chat_core::{
    Error, ErrorCode, WireFormat,
    protocol::{ClientFrame, Close, CloseCode, Command, ErrorBody, FrameError, FrameId, ServerFrame},
};

use super::live::Live;
use crate::{
    auth::{AuthError, Tokens, identify},
    shared::Shared,
    ws::{Event, Progress, ProtocolError, ReadError, Reader, frame},
};

/// Why reading pauses.
enum Stop {
    /// Too much is unanswered; this comes first once there is room.
    Busy(Box<ClientFrame>),
    /// A new token, which is the adapter's to look at.
    Auth(Option<FrameId>, String),
    /// The client closes.
    Close,
}

/// Hands over what the client says until the connection has ended. What the engine still had to say is then written,
/// or given up.
pub(super) async fn run(shared: &Shared, format: &dyn WireFormat, reader: &mut Reader, live: Arc<Live>) {
    let mut ended = pin!(live.commands.ended());
    loop {
        let mut pong = None;
        let read = tokio::select! {
            biased;
            _ = &mut ended => return,
            read = reader.read(|event| handle(format, &live, event, &mut pong)) => read,
        };
        live.hear();
        if let Some(pong) = pong {
            live.commands.send_raw(&pong);
        }
        let close = match read {
            Ok(Progress::Read) => continue,
            Ok(Progress::Stopped(Stop::Busy(frame))) => {
                live.stop_listening();
                live.commands.ready().await;
                live.hear();
                if live.commands.end().is_none() {
                    // Nobody but this task takes room, so that it is still there.
                    let _ = live.commands.submit(*frame);
                }
                continue;
            }
            Ok(Progress::Stopped(Stop::Auth(id, token))) => {
                live.stop_listening();
                Box::pin(renew(shared, &live, id, token)).await;
                live.hear();
                continue;
            }
            Ok(Progress::Stopped(Stop::Close)) => CloseCode::Normal,
            Err(ReadError::Protocol(error)) => match error {
                ProtocolError::TooLarge => CloseCode::TooLarge,
                ProtocolError::InvalidUtf8 => CloseCode::InvalidText,
                _ => CloseCode::ProtocolError,
            },
            Ok(Progress::Ended) | Err(_) => return,
        };
        live.commands.close(Close::silent(close));
        ended.await;
        return;
    }
}

/// One message or control frame. Of several pings the newest is answered.
fn handle(
    format: &dyn WireFormat,
    live: &Live,
    event: Event<'_>,
    pong: &mut Option<Vec<u8>>,
) -> ControlFlow<Stop> {
    match event {
        Event::Text(text) => match format.decode(text.as_bytes()) {
            Ok(ClientFrame { id, command: Command::Auth { token } }) => {
                return ControlFlow::Break(Stop::Auth(id, token));
            }
            // As below: once ready, it takes one.
            Ok(frame) if live.commands.is_ready() => drop(live.commands.submit(frame)),
            Ok(frame) => return ControlFlow::Break(Stop::Busy(Box::new(frame))),
            Err(error) => live.commands.refuse(&error),
        },
        Event::Binary(_) => {
            let message = "the protocol is JSON in text frames".to_owned();
            live.commands.refuse(&FrameError { id: None, code: ErrorCode::BadFrame, message, field: None });
        }
        Event::Ping(payload) => {
            let mut frame = Vec::new();
            frame::pong(&mut frame, payload);
            *pong = Some(frame);
        }
        Event::Pong(_) => {}
        Event::Close(_) => return ControlFlow::Break(Stop::Close),
    }
    ControlFlow::Continue(())
}

/// Looks at a new token. A bad one changes nothing: the old one holds until it ends.
async fn renew(shared: &Shared, live: &Live, id: Option<FrameId>, token: String) {
    let id = id.as_ref();
    if !live.commands.charge(id) {
        return;
    }
    let mut tokens = Tokens::default();
    tokens.put_first(token);
    let patience = shared.engine.limits().hello_timeout;
    let asked = tokio::time::timeout(patience, identify(&*shared.authenticator, &tokens, None));
    match asked.await.unwrap_or(Err(AuthError::Unavailable)) {
        Ok(caller) => live.commands.renew(id, caller.principal),
        Err(error) => {
            let error = Error::from(error);
            live.commands.reply(&ServerFrame::Error(ErrorBody::new(id, &error)));
        }
    }
}
