//! A chat, asked in process or over TCP.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use chat_axum::{ChatRouter, JwtAuthenticator, Sockets};
use chat_core::{Engine, Limits, Rate};
use futures::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, http as ws_http},
};
use tower::ServiceExt;

pub(crate) const SECRET: &[u8] = b"a secret of more than thirty-two bytes";
pub(crate) const MOUNT: &str = "/api/v1";

/// Long enough for anything that is not stuck.
const STUCK: Duration = Duration::from_secs(20);

/// What the kernel keeps of a connection on its way, about.
const KERNEL_BYTES: u32 = 32 * 1024;

pub(crate) struct Chat {
    pub(crate) engine: Engine,
    pub(crate) sockets: Sockets,
    pub(crate) router: Router,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body as it was written.
    pub(crate) text: String,
    pub(crate) body: Value,
}

pub(crate) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.sends = Rate::new(10_000.0, 10_000);
    limits.commands = Rate::new(10_000.0, 10_000);
    limits.rooms_made = Rate::new(10_000.0, 10_000);
    limits.members_added = Rate::new(10_000.0, 10_000);
    limits.searches = Rate::new(10_000.0, 10_000);
    limits
}

pub(crate) async fn chat() -> Chat {
    chat_with(limits(), |router| router).await
}

pub(crate) async fn chat_with(limits: Limits, options: impl FnOnce(ChatRouter) -> ChatRouter) -> Chat {
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let router = options(ChatRouter::new(engine.clone(), JwtAuthenticator::hs256(SECRET).unwrap()));
    let sockets = router.sockets();
    Chat { engine, sockets, router: Router::new().nest(MOUNT, router.build()) }
}

/// A token that says `claims`, for an hour where they do not say.
pub(crate) fn token_of(mut claims: Value) -> String {
    if claims.get("exp").is_none() {
        claims["exp"] = json!(now() + 3_600.0);
    }
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

pub(crate) fn token(user: &str) -> String {
    token_of(json!({ "sub": user }))
}

/// Seconds since the epoch.
pub(crate) fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

impl Chat {
    /// Asks as a user, by `Authorization`.
    pub(crate) async fn ask(&self, user: &str, method: &str, path: &str, body: Value) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("{MOUNT}{path}"));
        if !user.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token(user)));
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        #[cfg(feature = "openapi")]
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        #[cfg(feature = "openapi")]
        if let Some(path) = path.strip_prefix(MOUNT) {
            crate::described::assert_described(method.as_str(), path, response.status().as_u16());
        }
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"))
        };
        Answer { status: parts.status, headers: parts.headers, text, body }
    }

    /// Asks for what must succeed.
    pub(crate) async fn must(&self, user: &str, method: &str, path: &str, body: Value) -> Value {
        let answer = self.ask(user, method, path, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        answer.body
    }

    /// A group of `owner` with `members`; its id.
    pub(crate) async fn group(&self, owner: &str, members: &[&str]) -> u64 {
        let body = json!({ "kind": "group", "name": "Group", "members": members });
        self.must(owner, "POST", "/rooms", body).await["id"].as_u64().unwrap()
    }

    /// Serves over TCP, with so little kept by the kernel that who does not read is soon seen.
    pub(crate) fn serve(&self) -> SocketAddr {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(KERNEL_BYTES).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1_024).unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }
}

/// A client of the socket.
pub(crate) struct Client(pub(crate) WebSocketStream<TcpStream>);

impl Client {
    /// Opens a socket: `query` with its `?`, and headers.
    pub(crate) async fn open(
        address: SocketAddr,
        query: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Self, ws_http::Response<Option<Vec<u8>>>> {
        Self::open_at(address, &format!("{MOUNT}/ws{query}"), headers).await
    }

    /// Opens a socket at a path.
    pub(crate) async fn open_at(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Self, ws_http::Response<Option<Vec<u8>>>> {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(KERNEL_BYTES).unwrap();
        let tcp = socket.connect(address).await.unwrap();
        match stuck(tokio_tungstenite::client_async(request, tcp)).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(*response),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a socket without a token.
    pub(crate) async fn stranger(address: SocketAddr) -> Self {
        Self::open(address, "", &[]).await.unwrap()
    }

    /// Opens a socket as a user and says hello; with the welcome.
    pub(crate) async fn join(address: SocketAddr, user: &str, hello: Value) -> (Self, Value) {
        let mut client = Self::stranger(address).await;
        let mut hello = if hello.is_null() { json!({}) } else { hello };
        hello["type"] = json!("hello");
        if hello.get("token").is_none() {
            hello["token"] = json!(token(user));
        }
        client.say(hello).await;
        let welcome = client.hear().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        (client, welcome)
    }

    pub(crate) async fn say(&mut self, frame: Value) {
        self.send(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        stuck(self.0.send(message)).await.unwrap();
    }

    /// The next message, control frames among them.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        stuck(self.0.next()).await.and_then(Result::ok)
    }

    /// The next frame, whatever it is, as it was written.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.next().await {
                Some(Message::Text(text)) => return text.to_string(),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("closed instead of a frame: {other:?}"),
            }
        }
    }

    /// The next frame, whatever it is.
    pub(crate) async fn frame(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The next frame that is no signal.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            let frame = self.frame().await;
            if !["presence", "receipt", "typing", "unread"].contains(&frame["type"].as_str().unwrap()) {
                return frame;
            }
        }
    }

    /// The next frame of a type.
    pub(crate) async fn hear_type(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.hear().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The frames until the end, and the code of the close.
    pub(crate) async fn hear_out(&mut self) -> (Vec<Value>, Option<u16>) {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Some(Message::Text(text)) => frames.push(serde_json::from_str(&text).unwrap()),
                Some(Message::Close(close)) => return (frames, close.map(|close| u16::from(close.code))),
                Some(_) => {}
                None => return (frames, None),
            }
        }
    }
}

/// Fails instead of hanging.
pub(crate) async fn stuck<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(STUCK, work).await.expect("stuck")
}

/// Waits until something is so, looking again whenever other tasks have run.
pub(crate) async fn until(what: impl Fn() -> bool) {
    stuck(async {
        while !what() {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
