//! A WebSocket echo server for conformance clients: the transport of this crate, nothing of chat.
//!
//! `cargo run --release -p chat-axum --example ws_echo -- 9001` (9001 is the default; with 0 the system chooses a port).
//! Listens on loopback, on every path.

#[path = "support/echo.rs"]
mod echo;

use std::{
    error::Error,
    io::{self, Write as _},
};

use axum::{Router, serve::ListenerExt as _};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).map_or(Ok(9001), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(io::stdout(), "listening on ws://{}", listener.local_addr()?)?;
    // Without it, small frames wait for the acknowledgement of the ones before. A connection it fails on is closed.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, Router::new().fallback(echo::echo)).await?;
    Ok(())
}
