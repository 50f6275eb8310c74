//! The schema of the protocol against the page's frames, and against what the decoder reads.

use std::collections::BTreeSet;

use boon::{Compiler, SchemaIndex, Schemas};
use chat_core::{
    ErrorCode,
    protocol::{ClientFrame, CloseCode},
    schema::{ANSWERS, Definitions, protocol},
};
use serde_json::{Value, json};

use crate::goldens::blocks;

/// A schema to hold values against.
struct Document {
    schemas: Schemas,
    compiler: Compiler,
}

impl Document {
    fn new(document: Value) -> Self {
        let mut compiler = Compiler::new();
        compiler.add_resource("protocol.json", document).unwrap();
        Self { schemas: Schemas::new(), compiler }
    }

    fn compile(&mut self, name: &str) -> SchemaIndex {
        self.compiler.compile(&format!("protocol.json#/$defs/{name}"), &mut self.schemas).unwrap()
    }

    fn check(&mut self, name: &str, value: &Value) {
        let index = self.compile(name);
        if let Err(error) = self.schemas.validate(value, index) {
            panic!("{value} is no {name}: {error:#}");
        }
    }
}

/// The same schema that lets nothing unknown pass.
fn closed(mut document: Value) -> Value {
    for schema in document["$defs"].as_object_mut().unwrap().values_mut() {
        if schema.get("properties").is_some() {
            schema["additionalProperties"] = json!(false);
        }
    }
    document
}

fn pascal(tag: &str) -> String {
    tag.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

#[test]
fn what_the_page_says_fits_its_schema_and_no_field_is_missing_there() {
    let mut document = Document::new(closed(protocol()));
    let mut seen = BTreeSet::new();
    for (name, block) in blocks() {
        let (side, frame) = name.split_once('/').unwrap();
        let definition = match (side, frame) {
            ("server", "ok_send") => "OkSentFrame".to_owned(),
            ("server", frame) => pascal(frame) + "Frame",
            ("event", frame) => pascal(frame) + "Event",
            ("signal", frame) => pascal(frame) + "Signal",
            _ => continue,
        };
        let value = serde_json::from_str(block).unwrap();
        document.check(&definition, &value);
        document.check("ServerFrame", &value);
        seen.insert(definition);
    }
    let Definitions { notices, events, signals, .. } = Definitions::at("/$defs");
    let told: BTreeSet<_> = [notices, events, signals].concat().into_iter().collect();
    assert_eq!(seen, told, "each has its block on the page");
}

#[test]
fn another_value_in_a_frame_of_the_server_is_seen() {
    let mut document = Document::new(protocol());
    let server = document.compile("ServerFrame");
    for (name, block) in
        blocks().into_iter().filter(|(name, _)| !name.starts_with("client/") && !name.starts_with("rest/"))
    {
        let whole: Value = serde_json::from_str(block).unwrap();
        assert!(document.schemas.validate(&whole, server).is_ok());
        for field in whole.as_object().unwrap().keys() {
            let mut broken = whole.clone();
            broken[field] = json!({ "no": ["such", "value"] });
            // `ok` without a known answer's fields is an answer without fields.
            let is_open = name.starts_with("server/ok") && field != "type" && field != "id";
            assert!(is_open || document.schemas.validate(&broken, server).is_err(), "{name}: {broken}");
        }
    }
}

/// Every frame of the page with one or two fields left out or with other values: the decoder reads just those that the
/// schema lets pass.
#[test]
fn the_decoder_reads_what_the_schema_lets_pass_and_nothing_else() {
    let mut document = Document::new(protocol());
    let client = document.compile("ClientFrame");
    let values = values();
    let few = [None, Some(json!(null)), Some(json!("8")), Some(json!(3))];
    let (mut read, mut refused) = (0, 0);
    let mut compare = |frame: &Value| {
        let by_decoder = ClientFrame::decode(frame.to_string().as_bytes());
        let by_schema = document.schemas.validate(frame, client);
        assert_eq!(by_decoder.is_ok(), by_schema.is_ok(), "{frame}: {by_decoder:?}");
        *(if by_decoder.is_ok() { &mut read } else { &mut refused }) += 1;
    };
    let extra = [
        json!({"type": "send", "room_id": 1, "to_user": "8", "content": "x"}),
        json!({"type": "send", "room_id": 1, "content": "x", "thread": 1, "attachments": ["a"], "kind": "x", "client_id": "c"}),
        json!({"type": "history", "room_id": 1, "after": 1, "thread": 2}),
        json!({"type": "history", "room_id": 1, "around": 1, "before": 2}),
        json!({"type": "hello", "rooms": {"x": 1}}),
    ];
    let page = blocks().into_iter().filter(|(name, _)| name.starts_with("client/"));
    let frames: Vec<Value> =
        page.map(|(_, block)| serde_json::from_str(block).unwrap()).chain(extra).collect();
    for frame in &frames {
        let fields: Vec<&String> = frame.as_object().unwrap().keys().collect();
        for (at, first) in fields.iter().enumerate() {
            for value in &values {
                let changed = with(frame, first, value.as_ref());
                compare(&changed);
                for second in &fields[at + 1..] {
                    for value in &few {
                        compare(&with(&changed, second, value.as_ref()));
                    }
                }
            }
        }
        for field in FIELDS.iter().filter(|field| !fields.iter().any(|known| known == *field)) {
            for value in &values {
                compare(&with(frame, field, value.as_ref()));
            }
        }
    }
    assert!(read > 2_000 && refused > 2_000, "{read} were read, {refused} refused");
}

/// Some are on no frame of the page.
const FIELDS: &[&str] = &[
    "after",
    "around",
    "attachments",
    "before",
    "client_id",
    "epoch",
    "id",
    "kind",
    "later",
    "limit",
    "mentions",
    "metadata",
    "reply_to",
    "rooms",
    "since",
    "subscribe",
    "thread",
    "to_user",
    "token",
];

/// `None`: left out.
fn values() -> Vec<Option<Value>> {
    let texts = [
        "",
        "x",
        "all",
        "listed",
        "online",
        "hello",
        "a\0b",
        &"x".repeat(64),
        &"x".repeat(65),
        &"x".repeat(129),
    ];
    let others = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!((1_u64 << 53) - 1),
        json!(1_u64 << 53),
        json!([]),
        json!(["8"]),
        json!([8]),
        json!([""]),
        json!({}),
        json!({"1": 5, "2": null}),
        json!({"0": 5}),
        json!({"a": [1, {"b": null}]}),
    ];
    let texts = texts.into_iter().map(Value::from);
    std::iter::once(None).chain(texts.chain(others).map(Some)).collect()
}

fn with(frame: &Value, field: &str, value: Option<&Value>) -> Value {
    let mut frame = frame.clone();
    match value {
        Some(value) => frame[field] = value.clone(),
        None => drop(frame.as_object_mut().unwrap().remove(field)),
    }
    frame
}

#[test]
fn lengths_in_bytes_are_never_refused_by_the_schema_alone() {
    let mut document = Document::new(protocol());
    let long = json!({"type": "react", "room_id": 1, "seq": 2, "emoji": "é".repeat(32)});
    assert!(ClientFrame::decode(long.to_string().as_bytes()).is_ok());
    document.check("ClientFrame", &long);
    let longer = json!({"type": "react", "room_id": 1, "seq": 2, "emoji": "é".repeat(33)});
    assert!(ClientFrame::decode(longer.to_string().as_bytes()).is_err());
    document.check("ClientFrame", &longer);
}

#[test]
fn codes_are_those_of_the_code() {
    let schema = protocol();
    let named = |definition: &str| -> Vec<Value> {
        let codes = schema["$defs"][definition]["oneOf"].as_array().unwrap();
        codes.iter().map(|code| code["const"].clone()).collect()
    };
    assert_eq!(named("CloseCode"), CloseCode::ALL.iter().map(|code| json!(code.get())).collect::<Vec<_>>());
    assert_eq!(
        named("ErrorCode"),
        ErrorCode::ALL.iter().map(|code| json!(code.as_str())).collect::<Vec<_>>()
    );
}

#[test]
fn every_frame_of_a_client_has_its_answer() {
    let Definitions { schemas, commands, notices, .. } = Definitions::at("/$defs");
    let types: BTreeSet<_> =
        commands.iter().map(|name| schemas[name]["properties"]["type"]["const"].as_str().unwrap()).collect();
    assert_eq!(types, ANSWERS.iter().map(|(command, _)| *command).collect());
    for (command, answer) in ANSWERS {
        assert!(notices.iter().any(|name| name == answer), "{command}: {answer}");
    }
}
