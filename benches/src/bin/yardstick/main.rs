//! The least a chat server can do: what the kernel charges for a delivery, and nothing else.
//!
//! It speaks as much of the protocol as the load generator needs (two REST calls, `hello`, `send`), stores nothing,
//! checks nothing and trusts everyone. Whatever `chat-server` reaches is read as a share of what this reaches on the
//! same machine in the same run. Loopback only.

mod client;
mod dialect;
mod http;
mod room;
mod server;

use std::{error::Error, net::SocketAddr};

use chat_benches::raise_open_files;
use clap::Parser;

use crate::{room::Mode, server::Server};

/// The bare server that `load` compares with. It takes the flags of `chat-server`, so that both are started alike.
#[derive(Debug, Parser)]
struct Args {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How a room's events are written.
    #[arg(long, value_enum, default_value_t = Mode::Shared)]
    mode: Mode,
    /// Ignored: nothing is stored.
    #[arg(long)]
    database: Option<String>,
    /// Ignored: every token is believed.
    #[arg(long)]
    jwt_secret: Option<String>,
    /// Ignored: nothing is bounded.
    #[arg(long)]
    limit: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    if !args.listen.ip().is_loopback() {
        return Err("the yardstick believes everyone: it listens on loopback only".into());
    }
    raise_open_files()?;
    Err(Server::bind(args.listen, args.mode)?.run().into())
}
