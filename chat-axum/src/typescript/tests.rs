use serde_json::{Value, json};

use super::{of, types};

#[test]
fn schemas_become_types() {
    for (schema, expected) in [
        (json!({}), "unknown"),
        (json!({ "$ref": "#/$defs/RoomId", "description": "…" }), "RoomId"),
        (json!({ "type": "integer", "minimum": 1 }), "number"),
        (json!({ "type": ["string", "null"] }), "string | null"),
        (json!({ "type": ["array", "null"], "items": { "type": "boolean" } }), "Array<boolean> | null"),
        (json!({ "type": "string", "const": "a\"b" }), r#""a\"b""#),
        (json!({ "enum": ["a", 1] }), r#""a" | 1"#),
        (json!({ "anyOf": [{ "$ref": "#/$defs/Seq" }, { "type": "null" }] }), "Seq | null"),
        (json!({ "type": "object" }), "{ [key: string]: unknown }"),
        (
            json!({ "type": "object", "patternProperties": { "^1$": { "type": "string" } } }),
            "{ [key: string]: string }",
        ),
        (
            json!({
                "type": "object",
                "properties": { "a": { "type": "null" }, "b": true, "type": { "const": "x" } },
                "required": ["type", "b"],
            }),
            "{\n  type: \"x\";\n  b: unknown;\n  a?: null;\n}",
        ),
    ] {
        assert_eq!(of(&schema, ""), expected, "{schema}");
    }
}

#[test]
fn what_stands_in_a_comment_does_not_end_it() {
    let field =
        json!({ "type": "object", "properties": { "a": { "type": "null", "description": "b */ c" } } });
    assert_eq!(of(&field, ""), "{\n  /** b *\\/ c */\n  a?: null;\n}");
}

#[test]
fn nothing_of_the_protocol_is_unknown_but_the_hosts_data() {
    let unknown: Vec<String> =
        types().lines().filter(|line| line.contains(": unknown")).map(str::to_owned).collect();
    assert_eq!(unknown, ["export type Metadata = { [key: string]: unknown };"]);
}

#[test]
fn names_are_declared_once_and_all_that_are_used() {
    let types = types();
    let declared: Vec<&str> = types
        .lines()
        .filter_map(|line| {
            line.strip_prefix("export type ").or_else(|| line.strip_prefix("export interface "))
        })
        .filter_map(|rest| rest.split(' ').next())
        .collect();
    let schemas = chat_core::schema::protocol();
    let defined: Vec<&String> = schemas["$defs"].as_object().unwrap().keys().collect();
    assert_eq!(declared.len(), defined.len() + 1);
    assert!(schemas["$defs"].as_object().unwrap().values().all(Value::is_object));
    for name in defined {
        assert!(declared.contains(&name.as_str()), "{name}");
    }
    assert!(declared.contains(&"Answers"));
}
