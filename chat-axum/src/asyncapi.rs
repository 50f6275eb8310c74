//! The description of the WebSocket, made from the types of its frames.

use chat_core::schema::{ANSWERS, Definitions};
use serde_json::{Map, Value, json};

/// The AsyncAPI 3.0 document of the native socket, with the cookie that may hold a token. Operations are told from the
/// server's side: it receives what clients say.
#[must_use]
pub fn document(cookie: &str) -> Value {
    let definitions = Definitions::at("/components/schemas");
    let Definitions { schemas, commands, notices, events, signals, .. } = &definitions;
    let frames: Vec<&String> = [commands, notices, events, signals].into_iter().flatten().collect();
    let messages: Map<String, Value> =
        frames.iter().map(|&name| (name.clone(), message(name, &schemas[name]))).collect();
    let on_channel: Map<String, Value> =
        frames.iter().map(|&name| (name.clone(), reference("components/messages", name))).collect();
    let operations = operations(&definitions);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chat",
            "version": env!("CARGO_PKG_VERSION"),
            "description": description(&schemas["CloseCode"]),
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": { "node": server() },
        "channels": {
            "socket": {
                "address": "/ws",
                "title": "The socket",
                "description": "JSON text frames, one object a frame. The first one is `hello`.",
                "messages": on_channel,
                "bindings": { "ws": { "method": "GET", "bindingVersion": "0.1.0" } },
            },
        },
        "operations": operations,
        "components": { "schemas": schemas, "messages": messages, "securitySchemes": ways_in(cookie) },
    })
}

/// What no schema says: how a connection begins, lives and ends.
fn description(close_codes: &Value) -> String {
    let mut text = "A room is a log: every durable change has the room's next `seq`, and a connection is given what \
        lies above its cursor, in order and without a hole, or is told a `gap`. A client keeps the last `seq` it has \
        applied of each room and the `epoch`, and comes back with them in `hello`.\n\n\
        The server sends a WebSocket ping every `welcome.heartbeat_ms`; anything that comes in counts as life. A frame \
        with an `id` is answered by one frame with the same `id`, one without by errors alone.\n\n\
        Close codes:\n"
        .to_owned();
    for code in close_codes["oneOf"].as_array().into_iter().flatten() {
        text += &format!("\n- `{}`: {}", code["const"], code["description"].as_str().unwrap_or_default());
    }
    text
}

fn server() -> Value {
    let ways = ["bearer", "cookie", "query", "subprotocol"];
    json!({
        "host": "{host}",
        "pathname": "{mount}",
        "protocol": "wss",
        "variables": {
            "host": { "default": "localhost:8080", "description": "Host and port." },
            "mount": { "default": "/api/v1", "description": "The path that the chat is nested under." },
        },
        "security": ways.map(|way| reference("components/securitySchemes", way)),
    })
}

fn ways_in(cookie: &str) -> Value {
    json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
        "cookie": { "type": "httpApiKey", "in": "cookie", "name": cookie },
        "query": { "type": "httpApiKey", "in": "query", "name": "token" },
        "subprotocol": {
            "type": "httpApiKey",
            "in": "header",
            "name": "Sec-WebSocket-Protocol",
            "description": "`chat.bearer.<token>` offered beside `chat.v1`. Without any of these the token is in `hello`.",
        },
    })
}

fn operations(definitions: &Definitions) -> Map<String, Value> {
    let Definitions { schemas, commands, notices, events, signals, .. } = definitions;
    let channel = reference("channels", "socket");
    let tells = |what: &str, names: &[&String]| {
        let messages: Vec<_> = names.iter().map(|&name| on_socket(name)).collect();
        json!({ "action": "send", "channel": channel, "summary": what, "messages": messages })
    };
    let mut operations = Map::new();
    for command in commands {
        let schema = &schemas[command];
        let kind = schema["properties"]["type"]["const"].as_str().unwrap_or_default();
        let answers = ANSWERS.iter().filter(|(name, _)| *name == kind).map(|(_, answer)| *answer);
        let answers: Vec<_> = answers.chain(["ErrorFrame"]).map(on_socket).collect();
        operations.insert(
            kind.to_owned(),
            json!({
                "action": "receive",
                "channel": channel,
                "summary": schema["description"],
                "messages": [on_socket(command)],
                "reply": { "channel": channel, "messages": answers },
            }),
        );
    }
    let is_answer = |name: &str| name == "ErrorFrame" || ANSWERS.iter().any(|(_, answer)| *answer == name);
    let unasked: Vec<_> = notices.iter().filter(|name| !is_answer(name)).collect();
    operations.insert("tellEvents".to_owned(), tells("Durable events", &events.iter().collect::<Vec<_>>()));
    operations.insert("tellSignals".to_owned(), tells("Signals", &signals.iter().collect::<Vec<_>>()));
    operations.insert("tellNotices".to_owned(), tells("Notices", &unasked));
    operations
}

fn message(name: &str, schema: &Value) -> Value {
    json!({
        "name": schema["properties"]["type"]["const"],
        "title": name,
        "summary": schema["description"],
        "payload": reference("components/schemas", name),
    })
}

fn on_socket(name: &(impl AsRef<str> + ?Sized)) -> Value {
    reference("channels/socket/messages", name.as_ref())
}

fn reference(place: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/{place}/{name}") })
}

#[cfg(test)]
mod tests;
