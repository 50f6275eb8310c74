//! The frames of the socket as TypeScript, from their JSON Schema.

use chat_core::schema::{ANSWERS, Definitions};
use serde_json::{Map, Value};

const HEADER: &str = "\
// The frames of the chat's native protocol. Made from the engine's types: not to be changed by hand.
//
// `ClientFrame` is what is sent and `ServerFrame` what comes in; `type` tells them apart, but for the two forms of
// `presence`, and for `ok`, whose form is that of the frame asked with: see `Answers`.
";

/// The declarations (`.d.ts`) of all frames and of what they carry, without imports.
#[must_use]
pub fn types() -> String {
    let Definitions { schemas, .. } = Definitions::at("/$defs");
    let mut text = HEADER.to_owned();
    for (name, schema) in &schemas {
        text.push('\n');
        text += &comment(schema, "");
        text += &match (has_alternatives(schema), schema["properties"].as_object()) {
            (false, Some(_)) => format!("export interface {name} {}\n", fields(schema, "")),
            _ => format!("export type {name} = {};\n", of(schema, "")).replace("= \n", "=\n"),
        };
    }
    text += "\n/** The answer to each frame that has an `id`, by its `type`, where it is not an `ErrorFrame`. */\n";
    text += "export interface Answers {\n";
    for (command, answer) in ANSWERS {
        text += &format!("  {command}: {answer};\n");
    }
    text + "}\n"
}

fn has_alternatives(schema: &Value) -> bool {
    schema.get("anyOf").or_else(|| schema.get("oneOf")).is_some()
}

/// The type that `schema` describes; what follows on lines of its own stands behind `indent`.
fn of(schema: &Value, indent: &str) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    if let Some(alternatives) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
    {
        let union = union(alternatives, indent);
        return match schema["properties"].as_object() {
            Some(_) => format!("{} & ({union}\n{indent})", fields(schema, indent)),
            None => union,
        };
    }
    match &schema["type"] {
        Value::Array(names) => {
            names.iter().map(|name| plain(name, schema, indent)).collect::<Vec<_>>().join(" | ")
        }
        name => plain(name, schema, indent),
    }
}

/// On one line where it is short and has nothing to explain.
fn union(alternatives: &[Value], indent: &str) -> String {
    let is_plain = |choice: &Value| choice.get("properties").is_none() && choice.get("const").is_none();
    if alternatives.len() <= 2 && alternatives.iter().all(is_plain) {
        return alternatives.iter().map(|choice| of(choice, indent)).collect::<Vec<_>>().join(" | ");
    }
    let inner = format!("{indent}  ");
    let lines = alternatives
        .iter()
        .map(|choice| format!("\n{}{inner}| {}", comment(choice, &inner), of(choice, &inner)));
    lines.collect()
}

fn plain(name: &Value, schema: &Value, indent: &str) -> String {
    match name.as_str() {
        Some("string") => "string".to_owned(),
        Some("integer" | "number") => "number".to_owned(),
        Some("boolean") => "boolean".to_owned(),
        Some("null") => "null".to_owned(),
        Some("array") => format!("Array<{}>", of(&schema["items"], indent)),
        Some("object") if schema["properties"].is_object() => fields(schema, indent),
        Some("object") => {
            let values =
                schema["patternProperties"].as_object().and_then(|patterns| patterns.values().next());
            let value = values.map_or_else(|| "unknown".to_owned(), |value| of(value, indent));
            format!("{{ [key: string]: {value} }}")
        }
        _ => "unknown".to_owned(),
    }
}

/// `{ … }` with a line for each field: `type`, `id`, what is always there in its order, and the rest.
fn fields(schema: &Value, indent: &str) -> String {
    let empty = Map::new();
    let known = schema["properties"].as_object().unwrap_or(&empty);
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut names: Vec<&str> = ["type", "id"].into_iter().filter(|name| known.contains_key(*name)).collect();
    for name in required.iter().copied().chain(known.keys().map(String::as_str)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let inner = format!("{indent}  ");
    let mut text = "{\n".to_owned();
    for name in names {
        let field = &known[name];
        let mark = if required.contains(&name) { "" } else { "?" };
        text += &comment(field, &inner);
        text += &format!("{inner}{name}{mark}: {};\n", of(field, &inner));
    }
    text + indent + "}"
}

/// What it is, on lines of its own.
fn comment(schema: &Value, indent: &str) -> String {
    let Some(description) = schema["description"].as_str() else { return String::new() };
    let description = description.replace("*/", "*\\/");
    let title = schema["title"].as_str().map(|title| format!("{title}. ")).unwrap_or_default();
    let lines: Vec<&str> = description.lines().collect();
    match &lines[..] {
        [line] => format!("{indent}/** {title}{line} */\n"),
        lines => {
            let lines: String =
                lines.iter().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n").collect();
            format!("{indent}/**\n{lines}{indent} */\n")
        }
    }
}

#[cfg(test)]
mod tests;
