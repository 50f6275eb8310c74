//! Taking connections and serving them, within bounds.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    serve::Listener,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// How a router is served.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    /// What answers.
    pub app: Router,
    /// How long the head of a request may take, counted from the end of the one before: so long, too, a connection may
    /// stand idle.
    pub head_wait: Duration,
    /// Connections at once. Those that became WebSockets do not count: the chat has bounds of its own for them. More
    /// wait to be accepted, in the queue of the kernel.
    pub connections_max: usize,
}

impl Serving {
    /// Takes connections until it is to stop; then ends when the requests that are under way are answered.
    pub(crate) async fn run(self, mut listener: TcpListener, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.connections_max.min(Semaphore::MAX_PERMITS)));
        let connections = TaskTracker::new();
        loop {
            let next = async { (place(&places).await, Listener::accept(&mut listener).await) };
            let (place, (tcp, peer)) = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                next = next => next,
            };
            // Small frames must not wait for each other.
            let _ = tcp.set_nodelay(true);
            let (serving, stop) = (self.clone(), stop.clone());
            connections.spawn(async move {
                serving.serve(tcp, peer, stop).await;
                drop(place);
            });
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }

    /// One connection, until it ends or is a WebSocket.
    async fn serve(self, tcp: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        let Self { app, head_wait, .. } = self;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            app.clone().oneshot(request.map(Body::new))
        });
        let mut http = http1::Builder::new();
        // Without a timer there is no time limit.
        http.timer(TokioTimer::new()).header_read_timeout(head_wait);
        let mut connection = pin!(http.serve_connection(TokioIo::new(tcp), service).with_upgrades());
        // How a connection ends is its client's affair.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

/// A place for one more connection, once there is one.
async fn place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return Some(place);
    }
    metrics::counter!("chat_server_connections_full_total").increment(1);
    // It is never closed.
    Arc::clone(places).acquire_owned().await.ok()
}

#[cfg(test)]
mod tests;
