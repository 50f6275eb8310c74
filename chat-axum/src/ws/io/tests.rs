use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use chat_core::{Outlet, Wrote};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::Io;

/// A stream that takes what it is told to take.
#[derive(Debug, Default)]
struct Script {
    /// One entry a write: how much it takes at most, or none for a full buffer.
    writes: Vec<Option<usize>>,
    /// Answers to flushes; ready when used up.
    flushes: Vec<Poll<()>>,
    fails: bool,
    written: Vec<u8>,
}

impl Read for Script {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl Write for Script {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.fails {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let most = if self.writes.is_empty() { Some(usize::MAX) } else { self.writes.remove(0) };
        let Some(most) = most else { return Poll::Pending };
        let len = most.min(bytes.len());
        self.written.extend_from_slice(&bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flushes.is_empty() { Poll::Ready(Ok(())) } else { self.flushes.remove(0).map(Ok) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn written(io: &Io<Script>) -> Vec<u8> {
    io.state.lock().stream.as_ref().unwrap().written.clone()
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn waker() -> (Arc<Woken>, Waker) {
    let woken = Arc::new(Woken::default());
    (Arc::clone(&woken), Waker::from(woken))
}

impl Woken {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn pair(buffer: usize) -> (Io<TokioIo<DuplexStream>>, DuplexStream) {
    let (ours, theirs) = duplex(buffer);
    (Io::new(TokioIo::new(ours)), theirs)
}

#[test]
fn a_try_tells_what_was_taken() {
    let io = Io::new(Script { writes: vec![Some(3), None, Some(0)], ..Script::default() });
    assert_eq!(io.try_write(b"").unwrap(), Wrote::All, "nothing is all");
    assert_eq!(io.try_write(b"abcdef").unwrap(), Wrote::Part(3));
    assert_eq!(io.try_write(b"def").unwrap(), Wrote::Part(0), "full");
    assert_eq!(io.try_write(b"def").unwrap_err().kind(), io::ErrorKind::WriteZero);
    let io = Io::new(Script::default());
    assert_eq!(io.try_write(b"abcdef").unwrap(), Wrote::All);
    assert_eq!(written(&io), b"abcdef");
}

#[test]
fn all_is_all_only_when_nothing_is_left_to_flush() {
    let io = Io::new(Script { flushes: vec![Poll::Pending, Poll::Pending], ..Script::default() });
    assert_eq!(io.try_write(b"abc").unwrap(), Wrote::Part(3));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(io.poll_flush(&mut cx).is_pending());
    assert!(io.poll_flush(&mut cx).is_ready());
    assert_eq!(io.try_write(b"def").unwrap(), Wrote::All);
    assert_eq!(written(&io), b"abcdef");
}

#[test]
fn nothing_is_written_after_an_error() {
    let io = Io::new(Script { fails: true, ..Script::default() });
    assert_eq!(io.try_write(b"abc").unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    io.state.lock().stream.as_mut().unwrap().fails = false;
    assert!(io.try_write(b"abc").is_err());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(io.poll_write(&mut cx, b"abc"), Poll::Ready(Err(_))));
    assert!(matches!(io.poll_flush(&mut cx), Poll::Ready(Err(_))));
    assert_eq!(written(&io), b"");
}

#[test]
fn a_try_leaves_the_reader_its_waker_and_a_drain_gets_its_own() {
    let (io, theirs) = pair(4);
    let mut theirs = TokioIo::new(theirs);
    let ((read, read_waker), (drain, drain_waker)) = (waker(), waker());
    let mut read_cx = Context::from_waker(&read_waker);
    let mut drain_cx = Context::from_waker(&drain_waker);

    assert!(io.poll_read(&mut read_cx, &mut [0; 8]).is_pending());
    assert_eq!(io.try_write(b"abcdef").unwrap(), Wrote::Part(4));
    assert_eq!(io.try_write(b"ef").unwrap(), Wrote::Part(0));
    assert!(io.poll_write(&mut drain_cx, b"ef").is_pending());
    assert_eq!((read.count(), drain.count()), (0, 0));

    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut theirs).poll_write(&mut cx, b"in").is_ready());
    assert_eq!((read.count(), drain.count()), (1, 0), "bytes wake the reader alone");
    let mut buffer = [0; 8];
    assert!(matches!(io.poll_read(&mut read_cx, &mut buffer), Poll::Ready(Ok(2))));
    assert!(io.poll_read(&mut read_cx, &mut buffer).is_pending());

    let mut taken = [0; 4];
    let mut taken = hyper::rt::ReadBuf::new(&mut taken);
    assert!(Pin::new(&mut theirs).poll_read(&mut cx, taken.unfilled()).is_ready());
    assert_eq!((read.count(), drain.count()), (1, 1), "room wakes the drain alone");
    assert!(matches!(io.poll_write(&mut drain_cx, b"ef"), Poll::Ready(Ok(2))));
    assert_eq!(Arc::strong_count(&drain), 2, "a drain that is done is not kept");
}

#[test]
fn closing_wakes_whoever_waits() {
    let (io, _theirs) = pair(1);
    let ((read, read_waker), (drain, drain_waker)) = (waker(), waker());
    let mut read_cx = Context::from_waker(&read_waker);
    let mut drain_cx = Context::from_waker(&drain_waker);
    assert!(io.poll_read(&mut read_cx, &mut [0; 8]).is_pending());
    assert_eq!(io.try_write(b"ab").unwrap(), Wrote::Part(1));
    assert!(io.poll_write(&mut drain_cx, b"b").is_pending());
    io.close();
    assert_eq!((read.count(), drain.count()), (1, 1));
    let closed = |result: &io::Error| result.kind() == io::ErrorKind::NotConnected;
    assert!(matches!(io.poll_read(&mut read_cx, &mut [0; 8]), Poll::Ready(Err(error)) if closed(&error)));
    assert!(matches!(io.poll_write(&mut drain_cx, b"b"), Poll::Ready(Err(error)) if closed(&error)));
    assert!(matches!(io.poll_shutdown(&mut drain_cx), Poll::Ready(Err(error)) if closed(&error)));
    assert!(closed(&io.try_write(b"b").unwrap_err()));
}

#[test]
fn shutting_down_ends_a_drain_that_waits() {
    let (io, _theirs) = pair(1);
    let (drain, drain_waker) = waker();
    let mut drain_cx = Context::from_waker(&drain_waker);
    assert_eq!(io.try_write(b"ab").unwrap(), Wrote::Part(1));
    assert!(io.poll_write(&mut drain_cx, b"b").is_pending());
    assert!(io.poll_shutdown(&mut Context::from_waker(Waker::noop())).is_ready());
    assert_eq!(drain.count(), 1);
    assert!(matches!(io.poll_write(&mut drain_cx, b"b"), Poll::Ready(Err(_))));
    assert!(io.try_write(b"b").is_err());
}

#[tokio::test(start_paused = true)]
async fn finishing_lets_the_last_words_arrive() {
    let (io, mut theirs) = pair(64);
    theirs.write_all(b"never read by anyone").await.unwrap();
    assert_eq!(io.try_write(b"bye").unwrap(), Wrote::All);
    let peer = async {
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).await.unwrap();
        theirs.write_all(b"and a bit more").await.unwrap();
        drop(theirs);
        all
    };
    let start = tokio::time::Instant::now();
    let ((), all) = tokio::join!(io.finish(Duration::from_secs(5)), peer);
    assert_eq!(all, b"bye");
    assert!(start.elapsed() < Duration::from_secs(5), "ends with the peer, not with its patience");
    assert!(io.try_write(b"x").is_err());
}

#[tokio::test(start_paused = true)]
async fn finishing_loses_patience() {
    let (io, mut theirs) = pair(64);
    let start = tokio::time::Instant::now();
    io.finish(Duration::from_secs(5)).await;
    assert_eq!(start.elapsed().as_secs(), 5);
    assert!(theirs.write_all(b"x").await.is_err(), "the stream is gone");
}

#[test]
fn a_stream_costs_little() {
    assert!(size_of::<Io>() <= 96, "{}", size_of::<Io>());
}
