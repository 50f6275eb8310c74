//! Requests that are refused before their body was read: how long they are read on.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{Request, StatusCode, header},
};
use futures::{Stream, StreamExt as _, stream};
use hyper::body::{Frame, SizeHint};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, sleep},
};

use crate::support::{Chat, MOUNT, chat_with, limits, stuck, token};

/// The greatest file.
const FILE: usize = 64 * 1024;

type Pieces = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// A body as it comes from far away.
struct Coming {
    pieces: Pieces,
    /// How long it says it is.
    announced: Option<u64>,
    /// How much of it was asked for.
    read: Arc<AtomicUsize>,
}

impl HttpBody for Coming {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = self.pieces.as_mut().poll_next(cx);
        next.map(|piece| {
            piece.map(|piece| {
                self.read.fetch_add(piece.len(), Ordering::Relaxed);
                Ok(Frame::data(piece))
            })
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.announced.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// So many bytes at a time, each so long after the one before.
fn every(pause: Duration, piece: usize) -> Pieces {
    let piece = Bytes::from(vec![b'x'; piece]);
    Box::pin(stream::repeat(piece).then(move |piece| async move {
        if !pause.is_zero() {
            sleep(pause).await;
        }
        piece
    }))
}

async fn chat() -> Chat {
    let mut limits = limits();
    limits.upload_bytes_max = FILE;
    chat_with(limits, |router| router).await
}

/// How long a request without a token waits for its refusal, and how much of its body was read until then.
async fn refused(chat: &Chat, pieces: Pieces, announced: Option<u64>, asks_first: bool) -> (Duration, usize) {
    let read = Arc::new(AtomicUsize::new(0));
    let body = Body::new(Coming { pieces, announced, read: Arc::clone(&read) });
    let mut request =
        Request::post(format!("{MOUNT}/rooms")).header(header::CONTENT_TYPE, "application/json");
    if asks_first {
        request = request.header(header::EXPECT, "100-continue");
    }
    let begun = Instant::now();
    let answer = stuck(chat.send(request.body(body).unwrap())).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    (begun.elapsed(), read.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_read_on_within_bounds() {
    let chat = chat().await;
    let (second, none) = (Duration::from_secs(1), Duration::ZERO);
    // What ends in time is read to its end, so that whoever sends it sees the answer.
    let three = || Box::pin(every(second, 7).take(3));
    assert_eq!(refused(&chat, three(), None, false).await, (3 * second, 21));
    assert_eq!(refused(&chat, three(), Some(21), false).await, (3 * second, 21));
    // Who is slow, or says nothing more, is let go.
    for pieces in [every(second, 7), Box::pin(stream::pending())] {
        let (waited, read) = refused(&chat, pieces, None, false).await;
        assert!((5 * second..6 * second).contains(&waited), "{waited:?}");
        assert!(read <= 5 * 7, "{read}");
    }
    // Who does not end is let go after two of the greatest files.
    let (waited, read) = refused(&chat, every(none, 1_000), None, false).await;
    assert_eq!(waited, none);
    assert!((2 * FILE..2 * FILE + 2_000).contains(&read), "{read}");
    // What is announced to be longer than that is refused at once, and so is who asks first.
    let longer = Some(2 * FILE as u64 + 1);
    assert_eq!(refused(&chat, every(second, 7), longer, false).await, (none, 0));
    assert_eq!(refused(&chat, every(second, 7), None, true).await, (none, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_is_not_read_on() {
    let chat = chat().await;
    let read = Arc::new(AtomicUsize::new(0));
    let pieces = every(Duration::from_secs(1), 7);
    let body = Body::new(Coming { pieces, announced: None, read: Arc::clone(&read) });
    let request = Request::get(format!("{MOUNT}/rooms"))
        .header(header::AUTHORIZATION, format!("Bearer {}", token("ann")));
    let begun = Instant::now();
    let answer = stuck(chat.send(request.body(body).unwrap())).await;
    assert_eq!((answer.status, begun.elapsed()), (StatusCode::OK, Duration::ZERO));
    assert_eq!(read.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let chat = chat().await;
    let limit = chat.engine.limits().body_timeout;
    let half: Pieces = Box::pin(stream::iter([Bytes::from_static(b"{\"kind\":")]).chain(stream::pending()));
    // Nor is one that comes a byte at a time.
    for pieces in [half, every(Duration::from_millis(100), 1)] {
        let read = Arc::new(AtomicUsize::new(0));
        let body = Body::new(Coming { pieces, announced: None, read: Arc::clone(&read) });
        let request = Request::post(format!("{MOUNT}/rooms"))
            .header(header::AUTHORIZATION, format!("Bearer {}", token("ann")))
            .header(header::CONTENT_TYPE, "application/json");
        let begun = Instant::now();
        let asked = chat.send(request.body(body).unwrap());
        let answer = tokio::time::timeout(10 * limit, asked).await.expect("held");
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (408, &"bad_frame".into()));
        let waited = begun.elapsed();
        assert!((limit..limit + Duration::from_secs(6)).contains(&waited), "{waited:?}");
    }
}

/// Over a real connection: of a body that is announced to be too long nothing has to be sent.
#[tokio::test]
async fn what_is_announced_to_be_too_long_is_refused_before_it_is_sent() {
    let chat = chat().await;
    let mut tcp = tokio::net::TcpStream::connect(chat.serve()).await.unwrap();
    let request = format!(
        "POST {MOUNT}/rooms HTTP/1.1\r\nHost: chat\r\nAuthorization: Bearer {}\r\n\
        Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        token("ann"),
        2 * FILE + 1,
    );
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The connection is of no more use, and ends.
    stuck(tcp.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\"too_large\""), "{answer}");
}
