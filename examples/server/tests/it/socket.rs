//! A client of the socket that survives its server.

use std::{io, net::SocketAddr};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message},
};

/// A socket.
#[derive(Debug)]
pub(crate) struct Socket(WebSocketStream<TcpStream>);

/// What came in.
#[derive(Debug)]
pub(crate) enum Heard {
    Frame(Value),
    /// The end, with its code where there was one.
    End(Option<u16>),
}

impl Socket {
    /// Opens a socket and says hello; the first frame that comes back, or nothing where the server went away.
    pub(crate) async fn join(address: SocketAddr, token: &str, hello: Value) -> Option<(Self, Value)> {
        Self::join_over(TcpStream::connect(address).await.ok()?, address, token, hello).await
    }

    /// The same over a connection that is there.
    pub(crate) async fn join_over(
        tcp: TcpStream,
        address: SocketAddr,
        token: &str,
        mut hello: Value,
    ) -> Option<(Self, Value)> {
        tcp.set_nodelay(true).ok()?;
        let url = format!("ws://{address}/api/v1/ws");
        let (socket, _) = match tokio_tungstenite::client_async(url, tcp).await {
            Ok(opened) => opened,
            Err(Error::Io(_) | Error::Protocol(_) | Error::ConnectionClosed) => return None,
            Err(error) => panic!("{error}"),
        };
        let mut socket = Self(socket);
        hello["type"] = json!("hello");
        hello["token"] = json!(token);
        socket.say(&hello).await.ok()?;
        match socket.hear().await {
            Heard::Frame(welcome) => Some((socket, welcome)),
            Heard::End(_) => None,
        }
    }

    /// Says a frame, where there still is someone to hear it.
    pub(crate) async fn say(&mut self, frame: &Value) -> io::Result<()> {
        self.0.send(Message::text(frame.to_string())).await.map_err(io::Error::other)
    }

    /// The next frame, or the end.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Heard::Frame(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => {
                    return Heard::End(close.map(|close| u16::from(close.code)));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::End(None),
            }
        }
    }
}
