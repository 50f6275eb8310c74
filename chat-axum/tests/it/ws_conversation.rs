//! The transport seen by a WebSocket library.

use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        protocol::{
            CloseFrame,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use crate::echo_server::{MESSAGE_MAX, Server, soon};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(server: &Server) -> Client {
    let (client, response) = soon(connect_async(format!("ws://{}/echo", server.address))).await.unwrap();
    assert_eq!(response.status(), 101);
    client
}

async fn next(client: &mut Client) -> Message {
    soon(client.next()).await.expect("not ended").unwrap()
}

#[tokio::test]
async fn messages_of_every_length_come_back() {
    let server = Server::start();
    let mut client = connect(&server).await;
    for len in [0, 1, 125, 126, 127, 128, 4096, 16_383, 16_384, 16_385, 65_535, 65_536, 1_000_000] {
        let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let text: String = "aß€🎉".chars().cycle().take(len / 3).collect();
        for message in [Message::binary(bytes), Message::text(text)] {
            client.send(message.clone()).await.unwrap();
            assert_eq!(next(&mut client).await, message, "{len}");
        }
    }
}

#[tokio::test]
async fn the_longest_message_comes_back() {
    let server = Server::start();
    let (mut sink, mut stream) = connect(&server).await.split();
    let message = Message::binary(vec![0xA5; MESSAGE_MAX]);
    let sent = message.clone();
    let (sent, received) = soon(async { tokio::join!(sink.send(sent), stream.next()) }).await;
    sent.unwrap();
    assert!(received.unwrap().unwrap() == message);
}

#[tokio::test]
async fn many_messages_at_once_come_back_in_order() {
    const COUNT: usize = 5_000;
    let server = Server::start();
    let (mut sink, mut stream) = connect(&server).await.split();
    let send = async {
        for i in 0..COUNT {
            sink.feed(Message::text(format!("message {i}"))).await.unwrap();
        }
        sink.flush().await.unwrap();
    };
    let receive = async {
        for i in 0..COUNT {
            let message = stream.next().await.unwrap().unwrap();
            assert_eq!(message, Message::text(format!("message {i}")));
        }
    };
    soon(async { tokio::join!(send, receive) }).await;
}

#[tokio::test]
async fn fragments_with_pings_between_come_back_whole() {
    let server = Server::start();
    let mut client = connect(&server).await;
    let fragment =
        |text: &'static str, kind, last| Message::Frame(Frame::message(text, OpCode::Data(kind), last));
    for message in [
        fragment("ein ", Data::Text, false),
        Message::Ping("first".into()),
        fragment("", Data::Continue, false),
        fragment("größerer ", Data::Continue, false),
        Message::Ping("second".into()),
        fragment("Text", Data::Continue, true),
    ] {
        client.send(message).await.unwrap();
    }
    assert_eq!(next(&mut client).await, Message::Pong("first".into()));
    assert_eq!(next(&mut client).await, Message::Pong("second".into()));
    assert_eq!(next(&mut client).await, Message::text("ein größerer Text"));
}

#[tokio::test]
async fn a_close_is_answered_with_its_code_and_the_server_ends_first() {
    let server = Server::start();
    for (sent, expected) in [(Some((1000, "bye")), Some(1000)), (Some((4321, "")), Some(4321)), (None, None)]
    {
        let mut client = connect(&server).await;
        let close =
            sent.map(|(code, reason)| CloseFrame { code: CloseCode::from(code), reason: reason.into() });
        client.send(Message::text("last")).await.unwrap();
        client.close(close).await.unwrap();
        assert_eq!(next(&mut client).await, Message::text("last"));
        let Message::Close(answer) = next(&mut client).await else { panic!("no close") };
        assert_eq!(answer.map(|frame| u16::from(frame.code)), expected);
        match soon(client.next()).await {
            None | Some(Err(Error::ConnectionClosed)) => {}
            other => panic!("{other:?} after the close"),
        }
    }
}
