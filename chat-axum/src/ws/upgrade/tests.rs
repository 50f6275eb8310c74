use axum::{
    body::Body,
    http::{Request, StatusCode, header},
    response::IntoResponse as _,
};

use super::accept;

fn request(change: impl FnOnce(&mut Request<Body>)) -> Request<Body> {
    let mut request = Request::get("/ws")
        .header(header::HOST, "x")
        .header(header::CONNECTION, "keep-alive, Upgrade")
        .header(header::UPGRADE, "WebSocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
        .body(Body::empty())
        .unwrap();
    change(&mut request);
    request
}

fn status(change: impl FnOnce(&mut Request<Body>)) -> StatusCode {
    let (mut parts, _) = request(change).into_parts();
    accept(&mut parts).unwrap_err().into_response().status()
}

#[test]
fn refusals_say_what_is_wrong() {
    let set = |name: &'static str, value: &'static str| {
        move |request: &mut Request<Body>| {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
    };
    let remove = |name: &'static str| {
        move |request: &mut Request<Body>| {
            request.headers_mut().remove(name);
        }
    };
    assert_eq!(status(|r| *r.method_mut() = "POST".parse().unwrap()), StatusCode::METHOD_NOT_ALLOWED);
    for bad in [status(remove("connection")), status(set("connection", "close")), status(remove("upgrade"))] {
        assert!(matches!(bad, StatusCode::UPGRADE_REQUIRED | StatusCode::BAD_REQUEST), "{bad}");
    }
    for bad in [
        status(remove("sec-websocket-key")),
        status(set("sec-websocket-key", "c2hvcnQ=")),
        status(set("sec-websocket-key", "not base64 at all!")),
        status(|r| {
            r.headers_mut().append("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==".parse().unwrap());
        }),
    ] {
        assert_eq!(bad, StatusCode::BAD_REQUEST);
    }
    let (mut parts, _) = request(set("sec-websocket-version", "8")).into_parts();
    let response = accept(&mut parts).unwrap_err().into_response();
    assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
}

#[test]
fn the_rfcs_own_example_is_answered() {
    let (parts, _) = request(|_| {}).into_parts();
    let proof = super::check_http1(&parts).unwrap();
    assert_eq!(proof, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
