//! The echo server in this process, and a client of bytes.

#[path = "../../examples/support/echo.rs"]
mod echo;

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get, serve::ListenerExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::timeout,
};

pub(crate) use echo::{MESSAGE_MAX, echo};

/// For what must happen: long enough for a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// The handshake of a client, whole.
pub(crate) const HANDSHAKE: &str = "GET /echo HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A server that ends with the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::listen(TcpSocket::new_v4().unwrap())
    }

    /// One that feels soon when a peer does not read.
    pub(crate) fn start_with_small_buffers() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 << 10).unwrap();
        socket.set_send_buffer_size(64 << 10).unwrap();
        Self::listen(socket)
    }

    fn listen(socket: TcpSocket) -> Self {
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        let app = Router::new().route("/echo", get(echo).post(echo));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, task }
    }

    /// A connection on which nothing was said yet.
    pub(crate) async fn connect(&self) -> Raw {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Raw { stream }
    }

    /// A connection that is a WebSocket by now.
    pub(crate) async fn upgraded(&self) -> Raw {
        let mut raw = self.connect().await;
        raw.send(HANDSHAKE).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client that sends bytes as they are.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// The head of a response, up to the empty line, without a byte of what follows.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(self.stream.read_u8()).await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    /// The next `len` bytes.
    pub(crate) async fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        soon(self.stream.read_exact(&mut bytes)).await.unwrap();
        bytes
    }

    /// Everything to the end, which must be a clean one.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        soon(self.stream.read_to_end(&mut bytes)).await.unwrap();
        bytes
    }
}

pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(SOON, work).await.expect("happens soon")
}
