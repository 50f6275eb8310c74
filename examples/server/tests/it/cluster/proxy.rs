//! What stands between a node and a server that it needs, and spoils it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::http::stuck;

/// Read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Between two tries to listen again.
const RETRY: Duration = Duration::from_millis(20);

/// What becomes of what is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is passed on.
    Pass,
    /// Connections are closed and new ones refused.
    Cut,
    /// Connections stand; what the server says is thrown away. One that lost something so ends when the mode does:
    /// no network takes bytes out of a connection that goes on.
    Swallow,
    /// Connections stand and new ones are taken; nothing is passed on either way until the mode ends.
    BlackHole,
}

/// A TCP proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Stands before a port of this machine, with a port of its own.
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, told) = watch::channel(Mode::Pass);
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { address, mode, task: tokio::spawn(serve(listener, server, told)) }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut listener: TcpListener, server: SocketAddr, mut mode: watch::Receiver<Mode>) {
    let address = listener.local_addr().unwrap();
    let mut pipes = JoinSet::new();
    let told = mode.clone();
    loop {
        tokio::select! {
            cut = mode.wait_for(|mode| *mode == Mode::Cut) => {
                if cut.is_err() {
                    return;
                }
            }
            accepted = listener.accept() => {
                pipes.spawn(pipe(accepted.unwrap().0, server, told.clone()));
                continue;
            }
            Some(_) = pipes.join_next() => continue,
        }
        drop(listener);
        pipes.shutdown().await;
        if mode.wait_for(|mode| *mode != Mode::Cut).await.is_err() {
            return;
        }
        listener = stuck(listen_again(address)).await;
    }
}

/// Listens where it listened before; someone may have the port for a moment.
async fn listen_again(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

async fn pipe(client: TcpStream, server: SocketAddr, mut mode: watch::Receiver<Mode>) {
    if mode.wait_for(|mode| *mode != Mode::BlackHole).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (client_out, client_in) = client.into_split();
    let (server_out, server_in) = server.into_split();
    // Whoever ends it ends it for both.
    tokio::select! {
        () = pass(client_out, server_in, mode.clone(), None) => {}
        () = pass(server_out, client_in, mode, Some(Mode::Swallow)) => {}
    }
}

/// Passes on what comes in until either side is gone; what comes in the mode `losing` is lost.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
    losing: Option<Mode>,
) {
    let mut piece = vec![0; PIECE_BYTES];
    let mut lost = false;
    loop {
        let now = *mode.borrow_and_update();
        if lost && losing != Some(now) {
            return;
        }
        let read = tokio::select! {
            changed = mode.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
            read = from.read(&mut piece), if now != Mode::BlackHole => read,
        };
        let Ok(length @ 1..) = read else { return };
        if losing == Some(now) {
            lost = true;
        } else if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
