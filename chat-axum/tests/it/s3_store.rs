//! A store that speaks S3, in this process and over a folder: it asks for signatures, can be stopped, and can keep its
//! answers to itself.

use std::{
    fs,
    future::ready,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http_body_util::StreamBody;
use hyper::{
    Request,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use s3s::{
    HttpError, HttpResponse,
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

pub(crate) const BUCKET: &str = "chat-files";
pub(crate) const KEY: &str = "the-key";
pub(crate) const KEY_SECRET: &str = "the secret of the key";

pub(crate) struct S3Store {
    pub(crate) address: SocketAddr,
    folder: PathBuf,
    traffic: Arc<Traffic>,
    serving: Option<JoinHandle<()>>,
}

/// What goes in and out.
struct Traffic {
    /// Requests that were carried out: method, path and query, and status.
    done: watch::Sender<Vec<String>>,
    /// Answers to requests like this are held back.
    held: watch::Sender<Option<&'static str>>,
    /// Bytes of an answer, after which nothing more comes.
    sent_max: AtomicUsize,
}

impl S3Store {
    /// Starts one with an empty bucket, in this folder, which is made.
    pub(crate) async fn start(folder: PathBuf) -> Self {
        // As a test that was killed may have left it.
        _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join(BUCKET)).unwrap();
        let traffic = Traffic {
            done: watch::Sender::default(),
            held: watch::Sender::default(),
            sent_max: AtomicUsize::new(usize::MAX),
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut store = Self { address, folder, traffic: Arc::new(traffic), serving: None };
        store.serve().await;
        store
    }

    /// Ends it with all its connections.
    pub(crate) async fn stop(&mut self) {
        let serving = self.serving.take().unwrap();
        serving.abort();
        assert!(serving.await.unwrap_err().is_cancelled());
    }

    /// Starts it again where it was.
    pub(crate) async fn serve(&mut self) {
        let mut builder = S3ServiceBuilder::new(FileSystem::new(&self.folder).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, KEY_SECRET));
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        self.serving = Some(tokio::spawn(serve(listener, builder.build(), Arc::clone(&self.traffic))));
    }

    /// Keeps the answers to requests like this, which are carried out, until they are [let go](Self::let_go).
    pub(crate) fn hold(&self, like: &'static str) {
        self.traffic.held.send_replace(Some(like));
    }

    pub(crate) fn let_go(&self) {
        self.traffic.held.send_replace(None);
    }

    /// From now on each answer stands still after so many bytes.
    pub(crate) fn stop_sending(&self, after: usize) {
        self.traffic.sent_max.store(after, Ordering::Relaxed);
    }

    /// Waits until a request like this was carried out.
    pub(crate) async fn has_done(&self, like: &str) {
        let is_there = |done: &Vec<String>| done.iter().any(|one| one.contains(like));
        self.traffic.done.subscribe().wait_for(is_there).await.unwrap();
    }

    /// The requests that were carried out since this was asked last.
    pub(crate) fn done(&self) -> Vec<String> {
        self.traffic.done.send_replace(Vec::new())
    }

    /// Objects in the bucket.
    pub(crate) fn objects(&self) -> usize {
        files_below(&self.folder.join(BUCKET))
    }

    /// What uploads that are not complete have left there: they themselves, and their parts.
    pub(crate) fn unfinished(&self) -> usize {
        let names = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| {
                let name = name.to_string_lossy();
                name.contains(".upload") || name.starts_with(".tmp.")
            })
            .count()
    }
}

impl Drop for S3Store {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

async fn serve(listener: TcpListener, s3: S3Service, traffic: Arc<Traffic>) {
    // They end with this.
    let mut connections = JoinSet::new();
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (s3, traffic) = (s3.clone(), Arc::clone(&traffic));
        let service = service_fn(move |request| answer(s3.clone(), Arc::clone(&traffic), request));
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
    }
}

async fn answer(
    s3: S3Service,
    traffic: Arc<Traffic>,
    request: Request<Incoming>,
) -> Result<HttpResponse, HttpError> {
    let asked = format!("{} {}", request.method(), request.uri());
    let answer = hyper::service::Service::call(&s3, request).await?;
    traffic.done.send_modify(|done| done.push(format!("{asked} {}", answer.status().as_u16())));
    let mut held = traffic.held.subscribe();
    let is_let_go = |held: &Option<&str>| held.is_none_or(|like| !asked.contains(like));
    let _ = held.wait_for(is_let_go).await;
    Ok(match traffic.sent_max.load(Ordering::Relaxed) {
        usize::MAX => answer,
        most => answer.map(|body| first_bytes(body, most)),
    })
}

/// The beginning of a body, behind which it neither goes on nor ends.
fn first_bytes(body: s3s::Body, mut left: usize) -> s3s::Body {
    let first = body.map_ok(move |mut bytes| {
        bytes.truncate(left);
        left -= bytes.len();
        Frame::data(bytes)
    });
    let first = first.try_filter(|frame| ready(frame.data_ref().is_some_and(|bytes| !bytes.is_empty())));
    s3s::Body::http_body_unsync(StreamBody::new(first.chain(stream::pending())))
}
