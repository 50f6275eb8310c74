//! The transport over HTTP/2 (extended CONNECT, RFC 8441): the same frames inside one stream of many.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, Version},
    routing::any,
};
use hyper::ext::Protocol;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::echo_server::{echo, soon};

fn request(method: Method, protocol: Option<&'static str>) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = "http://test/echo".parse().unwrap();
    request.headers_mut().insert("sec-websocket-version", "13".parse().unwrap());
    if let Some(protocol) = protocol {
        request.extensions_mut().insert(Protocol::from_static(protocol));
    }
    request
}

#[tokio::test]
async fn a_stream_of_http_2_echoes_too() {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let app = TowerToHyperService::new(Router::new().route("/echo", any(echo)));
    let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    server.enable_connect_protocol();
    tokio::spawn(server.serve_connection(TokioIo::new(theirs), app));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(ours)).await.unwrap();
    tokio::spawn(connection);

    for (method, protocol, status) in [
        (Method::GET, None, StatusCode::BAD_REQUEST),
        (Method::CONNECT, Some("other"), StatusCode::UPGRADE_REQUIRED),
    ] {
        let response = soon(sender.send_request(request(method, protocol))).await.unwrap();
        assert_eq!(response.status(), status);
    }

    let response = soon(sender.send_request(request(Method::CONNECT, Some("websocket")))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("connection"));
    let mut stream = TokioIo::new(soon(hyper::upgrade::on(response)).await.unwrap());
    for payload in [&b"hello"[..], &[7; 125]] {
        let len = payload.len() as u8;
        stream.write_all(&[&[0x82, 0x80 | len, 0, 0, 0, 0], payload].concat()).await.unwrap();
        let mut echoed = vec![0; 2 + payload.len()];
        soon(stream.read_exact(&mut echoed)).await.unwrap();
        assert_eq!(echoed, [&[0x82, len], payload].concat());
    }
    // A long message, over the stream's window both ways.
    let (mut read, mut write) = tokio::io::split(stream);
    let len = 1 << 20;
    let send = async {
        write.write_all(&[0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]).await.unwrap();
        write.write_all(&vec![9; len]).await.unwrap();
        write.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
    };
    let mut received = Vec::new();
    let (_, result) = soon(async { tokio::join!(send, read.read_to_end(&mut received)) }).await;
    result.unwrap();
    assert_eq!(received[..10], [0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]);
    assert!(received[10..10 + len].iter().all(|&byte| byte == 9));
    assert_eq!(received[10 + len..], [0x88, 0]);
}
