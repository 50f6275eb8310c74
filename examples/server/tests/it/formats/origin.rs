//! A server of files: the origin that the front ends come from.

use std::{fs, net::SocketAddr, path::Path};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Where the front ends are.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/formats/client");

/// The longest request that a browser makes here.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// The origin; it goes with the test.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Origin {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(tcp));
            }
        });
        Self { address, serving }
    }

    /// As a browser names it.
    pub(super) fn name(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One request, one connection.
async fn answer(mut tcp: TcpStream) {
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        match tcp.read_buf(&mut request).await {
            Ok(1..) if request.len() < REQUEST_BYTES_MAX => {}
            // A browser opens connections that it may need, and drops them.
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request);
    let target = request.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    let name = if path == "/" { "/index.html" } else { path };
    let kind = match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    };
    let found = if name.contains("..") { None } else { fs::read(format!("{FILES}{name}")).ok() };
    let status = if found.is_some() { "200 OK" } else { "404 Not Found" };
    let body = found.unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // A browser that went away needs no answer.
    let _ = tcp.write_all(&[head.as_bytes(), &body].concat()).await;
}
