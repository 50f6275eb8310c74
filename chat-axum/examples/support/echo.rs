//! What the echo server says, shared with the tests.

use std::{future::poll_fn, io, ops::ControlFlow, sync::Arc, time::Duration};

use axum::response::Response;
use chat_axum::ws::{Accepted, Event, Io, Opcode, Progress, ReadError, Reader, frame};
use chat_core::{Outlet, Wrote};

/// The longest message: that of the conformance suites' largest cases.
pub(crate) const MESSAGE_MAX: usize = 16 << 20;

/// With so much to be written no more is read. A connection holds at most this and a message on its way out, and a
/// message on its way in.
const OUT_MAX: usize = 64 << 10;

/// How long a peer may take to end after the close frames.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers an upgrade and echoes messages until the client goes.
pub(crate) async fn echo(accepted: Accepted) -> Response {
    let (response, upgrading) = accepted.finish(None);
    tokio::spawn(async move {
        // A client that went away before the answer has nothing to be told.
        let Ok(io) = upgrading.await else { return };
        // Nor has one that breaks off; the stream is dropped with it.
        let _ = converse(Arc::new(io)).await;
    });
    response
}

/// Why to stop reading for now, or for good.
enum Stop {
    Full,
    Closed,
}

async fn converse(io: Arc<Io>) -> io::Result<()> {
    let mut reader = Reader::new(Arc::clone(&io), MESSAGE_MAX);
    let mut out = Vec::new();
    loop {
        let read = reader.read(|event| answer(event, &mut out)).await;
        let goes_on = match read {
            Ok(Progress::Read | Progress::Stopped(Stop::Full)) => true,
            Ok(Progress::Stopped(Stop::Closed) | Progress::Ended) => false,
            Err(ReadError::Protocol(error)) => {
                frame::close(&mut out, error.close_code(), &error.to_string());
                false
            }
            Err(ReadError::Io(error)) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        };
        write_all(&io, &out).await?;
        if !goes_on {
            io.finish(PATIENCE).await;
            return Ok(());
        }
        // Idle it holds nothing.
        out = Vec::new();
    }
}

/// Encodes the answer to an event.
fn answer(event: Event<'_>, out: &mut Vec<u8>) -> ControlFlow<Stop> {
    match event {
        Event::Text(text) => frame::write(out, Opcode::Text, text.as_bytes()),
        Event::Binary(bytes) => frame::write(out, Opcode::Binary, bytes),
        Event::Ping(payload) => frame::pong(out, payload),
        Event::Pong(_) => {}
        Event::Close(received) => {
            frame::close_reply(out, received);
            return ControlFlow::Break(Stop::Closed);
        }
    }
    if out.len() < OUT_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(Stop::Full) }
}

/// Writes as the engine does: a try first, and with a waker only where that is not enough.
async fn write_all(io: &Io, bytes: &[u8]) -> io::Result<()> {
    let mut rest = match io.try_write(bytes)? {
        Wrote::All => return Ok(()),
        Wrote::Part(len) => &bytes[len..],
    };
    while !rest.is_empty() {
        let len = poll_fn(|cx| io.poll_write(cx, rest)).await?;
        rest = &rest[len..];
    }
    poll_fn(|cx| io.poll_flush(cx)).await
}
