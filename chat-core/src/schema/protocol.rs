//! The protocol as one document.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{
    client,
    frames::{self, Schemas},
};
use crate::{
    Event, EventBody, Signal,
    protocol::{CloseCode, FrameId, ServerFrame},
};

/// How each frame of a client that has an `id` is answered where it does not fail: its `type`, and the name of the
/// answer.
pub const ANSWERS: &[(&str, &str)] = &[
    ("hello", "WelcomeFrame"),
    ("auth", "OkDoneFrame"),
    ("subscribe", "SubscribedFrame"),
    ("unsubscribe", "OkDoneFrame"),
    ("send", "OkSentFrame"),
    ("edit", "OkChangedFrame"),
    ("delete", "OkChangedFrame"),
    ("react", "OkChangedFrame"),
    ("unreact", "OkChangedFrame"),
    ("typing", "OkDoneFrame"),
    ("read", "OkReadFrame"),
    ("presence", "OkDoneFrame"),
    ("history", "OkHistoryFrame"),
    ("ping", "PongFrame"),
];

/// The native protocol as a JSON Schema of draft 2020-12, which every frame of either side fits.
///
/// Its definitions have all frames by name, under `ClientFrame` and `ServerFrame`, and the close codes.
#[must_use]
pub fn protocol() -> Value {
    let Definitions { schemas, .. } = Definitions::at("/$defs");
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Chat: the native protocol",
        "description": "One JSON object a WebSocket text frame. Unknown fields are passed over, in both directions.",
        "anyOf": [{ "$ref": "#/$defs/ClientFrame" }, { "$ref": "#/$defs/ServerFrame" }],
        "$defs": schemas,
    })
}

/// The parts of the protocol, for documents that have their own place for schemas.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Definitions {
    /// Every schema by name.
    pub schemas: serde_json::Map<String, Value>,
    /// The frames of clients, by the names of their schemas.
    pub commands: Vec<String>,
    /// What clients are answered and told, beside events and signals.
    pub notices: Vec<String>,
    /// Durable events.
    pub events: Vec<String>,
    /// Signals.
    pub signals: Vec<String>,
}

impl Definitions {
    /// Schemas that refer to each other at `path` of their document, for example `/$defs`.
    #[must_use]
    pub fn at(path: &str) -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = path.to_owned().into())
        };
        let mut taken = settings().for_deserialize().into_generator();
        let mut given = settings().for_serialize().into_generator();

        let commands = client::ClientFrame::json_schema(&mut taken).to_value();
        let id = json!({ "properties": { "id": taken.subschema_for::<Option<FrameId>>() } });
        let notices = ServerFrame::json_schema(&mut given).to_value();
        let events = EventBody::json_schema(&mut given).to_value();
        let head = head_of_events(&mut given);
        let signals = Signal::json_schema(&mut given).to_value();
        given.subschema_for::<CloseCode>();

        let mut schemas = given.take_definitions(true);
        let notices = frames::of(notices, "Frame", &schemas);
        let events = frames::with_head(frames::of(events, "Event", &schemas), &head);
        let signals = frames::of(signals, "Signal", &schemas);
        let [notices, events, signals] = [notices, events, signals].map(|frames| put(frames, &mut schemas));
        schemas.values_mut().for_each(frames::without_nulls);
        // What is taken may be null where it may be left out.
        schemas.extend(taken.take_definitions(true));
        let commands = frames::with_head(frames::of(commands, "Command", &schemas), &id);
        let commands = put(commands, &mut schemas);

        let place = format!("#{path}/");
        let mut union = |name: &str, description: &str, of: &[&[String]]| {
            let refs = of
                .concat()
                .into_iter()
                .map(|name| json!({ "$ref": place.clone() + &name }))
                .collect::<Vec<_>>();
            schemas.insert(name.to_owned(), json!({ "description": description, "anyOf": refs }));
        };
        union("ClientFrame", "What a client says.", &[&commands]);
        union("Event", "One entry of a room's log: one durable change, at one place, for ever.", &[&events]);
        union("Signal", "What is true now and not kept.", &[&signals]);
        union(
            "ServerFrame",
            "What a client is answered and told.",
            &[&notices, &["Event".to_owned(), "Signal".to_owned()]],
        );
        let schemas = frames::reachable(schemas, &["ClientFrame", "ServerFrame", "CloseCode"], &place);
        Self { schemas, commands, notices, events, signals }
    }
}

/// Adds the frames to the schemas, and gives their names.
fn put(frames: Vec<(String, Value)>, schemas: &mut Schemas) -> Vec<String> {
    let names = frames.iter().map(|(name, _)| name.clone()).collect();
    schemas.extend(frames);
    names
}

/// The fields of every event: those of [`Event`] but the body's.
fn head_of_events(generator: &mut SchemaGenerator) -> Value {
    let mut head = Event::json_schema(generator).to_value();
    if let Some(map) = head.as_object_mut() {
        map.retain(|key, _| key == "properties" || key == "required");
    }
    if let Some(Value::Array(required)) = head.get_mut("required") {
        // Each body has it.
        required.retain(|name| name != "type");
    }
    head
}

/// The numbers in place of the names that the derived schema has.
pub(crate) fn close_codes(schema: &mut Schema) {
    let Some(Value::Array(codes)) = schema.get_mut("oneOf") else { return };
    for code in codes {
        let number = CloseCode::ALL.iter().find(|known| code["const"] == format!("{known:?}"));
        if let (Some(number), Some(code)) = (number, code.as_object_mut()) {
            let name = code.insert("const".to_owned(), json!(number.get()));
            code.insert("type".to_owned(), json!("integer"));
            code.extend(name.map(|name| ("title".to_owned(), name)));
        }
    }
}
