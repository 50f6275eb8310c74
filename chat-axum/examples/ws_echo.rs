//! The transport alone: echoes text and binary messages, for conformance clients of any kind.
//!
//! `cargo run --release -p chat-axum --example ws_echo -- 9001` (port 0 takes a free one and prints it)

use std::{future::poll_fn, io, ops::ControlFlow, time::Duration};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::any,
    serve::ListenerExt as _,
};
use chat_axum::ws::{self, Event, Io, Opcode, Progress, ReadError, Reader, frame};
use chat_core::Outlet as _;

/// Large enough for conformance clients.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a closed connection waits for the client.
const PATIENCE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(9001);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    #[expect(clippy::print_stdout, reason = "this is what the one who started it waits for")]
    {
        println!("listening on {}", listener.local_addr()?);
    }
    let listener = listener.tap_io(|tcp| drop(tcp.set_nodelay(true)));
    axum::serve(listener, app()).await
}

fn app() -> Router {
    Router::new().fallback(any(upgrade))
}

async fn upgrade(request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    match ws::accept(&mut parts) {
        Ok(accepted) => {
            let (response, upgrading) = accepted.finish(None);
            tokio::spawn(async move {
                if let Ok(io) = upgrading.await {
                    // What the client did to its own connection is nobody else's business.
                    let _ = echo(io.into()).await;
                }
            });
            response
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Answers until the client ends. What is read is written before more is read: memory is bounded by one read's worth.
async fn echo(io: std::sync::Arc<Io>) -> io::Result<()> {
    let mut reader = Reader::new(std::sync::Arc::clone(&io), MESSAGE_BYTES_MAX);
    let mut out = Vec::new();
    loop {
        let progress = reader
            .read(|event| {
                match event {
                    Event::Text(text) => frame::write(&mut out, Opcode::Text, text.as_bytes()),
                    Event::Binary(bytes) => frame::write(&mut out, Opcode::Binary, bytes),
                    Event::Ping(payload) => frame::pong(&mut out, payload),
                    Event::Pong(_) => {}
                    Event::Close(received) => {
                        frame::close_reply(&mut out, received);
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            })
            .await;
        let goes_on = match &progress {
            Ok(Progress::Read) => true,
            Err(ReadError::Protocol(error)) => {
                frame::close(&mut out, error.close_code(), &error.to_string());
                false
            }
            _ => false,
        };
        write_all(&io, &out).await?;
        out.clear();
        out.shrink_to(64 * 1024);
        if !goes_on {
            io.finish(PATIENCE).await;
            return Ok(());
        }
    }
}

async fn write_all(io: &Io, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| io.poll_write(cx, bytes)).await?;
        bytes = &bytes[written..];
    }
    poll_fn(|cx| io.poll_flush(cx)).await
}
