use std::{ops::ControlFlow, sync::Arc};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

use super::{Progress, ReadError, Reader, SCRATCH, with_scratch};
use crate::ws::{Event, Io, ProtocolError};

fn pair() -> (Reader<TokioIo<DuplexStream>>, DuplexStream) {
    let (ours, theirs) = duplex(1 << 20);
    (Reader::new(Arc::new(Io::new(TokioIo::new(ours))), 64 * 1024), theirs)
}

/// Frames of one digit each, masked with zeros.
fn digits(digits: &str) -> Vec<u8> {
    digits.bytes().flat_map(|digit| [0x81, 0x81, 0, 0, 0, 0, digit]).collect()
}

/// Reads once, breaking off at the digit `stop`.
async fn read(
    reader: &mut Reader<TokioIo<DuplexStream>>,
    stop: &str,
) -> (Result<Progress<()>, ReadError>, String) {
    let mut said = String::new();
    let result = reader.read(|event| {
        let Event::Text(text) = event else { panic!("{event:?}") };
        said.push_str(text);
        if text == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (result.await, said)
}

#[tokio::test]
async fn a_read_gives_everything_that_came_then_the_end() {
    let (mut reader, mut theirs) = pair();
    theirs.write_all(&digits("123")).await.unwrap();
    let (progress, said) = read(&mut reader, "").await;
    assert_eq!((progress.unwrap(), &said[..]), (Progress::Read, "123"));
    drop(theirs);
    assert_eq!(read(&mut reader, "").await.0.unwrap(), Progress::Ended);
}

#[tokio::test]
async fn what_came_behind_a_stop_comes_first_at_the_next_read() {
    let (mut reader, mut theirs) = pair();
    let bytes = digits("123456");
    // The last frame comes in two.
    theirs.write_all(&bytes[..bytes.len() - 3]).await.unwrap();
    for (stop, expected) in [("2", "12"), ("3", "3"), ("4", "4")] {
        let (progress, said) = read(&mut reader, stop).await;
        assert_eq!((progress.unwrap(), &said[..]), (Progress::Stopped(()), expected));
    }
    assert!(reader.held.is_some());
    let (progress, said) = read(&mut reader, "").await;
    assert_eq!((progress.unwrap(), &said[..]), (Progress::Read, "5"));
    assert!(reader.held.is_none());
    theirs.write_all(&bytes[bytes.len() - 3..]).await.unwrap();
    let (progress, said) = read(&mut reader, "6").await;
    assert_eq!((progress.unwrap(), &said[..]), (Progress::Stopped(()), "6"));
    assert!(reader.held.is_none(), "nothing came behind it");
    assert_eq!(reader.decoder.buffered(), 0);
}

#[tokio::test]
async fn what_comes_before_an_error_is_given_also_when_held() {
    for stop in ["", "1"] {
        let (mut reader, mut theirs) = pair();
        theirs.write_all(&[&digits("12")[..], &[0x83]].concat()).await.unwrap();
        let (mut result, mut said) = read(&mut reader, stop).await;
        if stop == "1" {
            assert_eq!(result.unwrap(), Progress::Stopped(()));
            let rest = read(&mut reader, "").await;
            (result, said) = (rest.0, said + &rest.1);
        }
        assert_eq!(said, "12");
        assert!(matches!(result, Err(ReadError::Protocol(ProtocolError::UnknownOpcode))));
    }
}

#[tokio::test]
async fn a_closed_stream_is_an_error() {
    let (mut reader, _theirs) = pair();
    reader.io().close();
    assert!(matches!(read(&mut reader, "").await.0, Err(ReadError::Io(_))));
}

#[tokio::test]
async fn a_handler_may_write_and_read_other_connections() {
    let (mut reader, mut theirs) = pair();
    theirs.write_all(&digits("1")).await.unwrap();
    let io = Arc::clone(reader.io());
    let result = reader.read(|_| {
        chat_core::Outlet::try_write(&*io, b"answer").unwrap();
        with_scratch(|scratch| assert_eq!(scratch.len(), SCRATCH));
        ControlFlow::<()>::Continue(())
    });
    assert_eq!(result.await.unwrap(), Progress::Read);
}

#[test]
fn a_reader_is_small() {
    assert!(size_of::<Reader>() <= 96, "{}", size_of::<Reader>());
}
