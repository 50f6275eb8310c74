//! From the schema of an enum to one of each frame: a name for each, and its fields in one place.

use serde_json::{Map, Value, json};

pub(super) type Schemas = Map<String, Value>;

/// The frames of a tagged enum by name: the title of the variant, else its `type` with `suffix`.
///
/// What a variant refers to or carries in itself is written out; variants inside a variant that have titles are frames
/// of their own.
pub(super) fn of(mut schema: Value, suffix: &str, known: &Schemas) -> Vec<(String, Value)> {
    let mut frames = Vec::new();
    for variant in alternatives(&mut schema, "oneOf") {
        let mut variant = written_out(variant, known);
        let tag = variant["properties"]["type"]["const"].as_str().unwrap_or_default();
        let name = pascal(tag) + suffix;
        if variant["anyOf"]
            .as_array()
            .is_some_and(|inner| inner.iter().all(|inner| inner["title"].is_string()))
        {
            for inner in alternatives(&mut variant, "anyOf") {
                let mut frame = written_out(inner, known);
                put_in(&mut frame, variant.clone());
                frames.push((title(&mut frame).unwrap_or_else(|| name.clone()), frame));
            }
        } else {
            frames.push((title(&mut variant).unwrap_or(name), variant));
        }
    }
    frames
}

/// The same with the fields that all of them have.
pub(super) fn with_head(mut frames: Vec<(String, Value)>, head: &Value) -> Vec<(String, Value)> {
    for (_, frame) in &mut frames {
        put_in(frame, head.clone());
    }
    frames
}

/// What is left out where there is nothing is never `null`.
pub(super) fn without_nulls(schema: &mut Value) {
    if let Value::Array(items) = schema {
        items.iter_mut().for_each(without_nulls);
        return;
    }
    let Value::Object(map) = schema else { return };
    let required: Vec<Value> = map.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(Value::Object(fields)) = map.get_mut("properties") {
        for (_, field) in fields.iter_mut().filter(|(name, _)| !required.contains(&json!(name))) {
            never_null(field);
        }
    }
    map.values_mut().for_each(without_nulls);
}

/// What can be reached from `roots` alone.
pub(super) fn reachable(mut known: Schemas, roots: &[&str], at: &str) -> Schemas {
    let mut kept = Schemas::new();
    let mut names: Vec<String> = roots.iter().map(|&root| root.to_owned()).collect();
    while let Some(name) = names.pop() {
        if let Some(schema) = known.remove(&name) {
            references(&schema, at, &mut names);
            kept.insert(name, schema);
        }
    }
    kept
}

fn references(schema: &Value, at: &str, names: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            let name =
                map.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix(at));
            names.extend(name.map(str::to_owned));
            map.values().for_each(|value| references(value, at, names));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, at, names)),
        _ => {}
    }
}

fn never_null(field: &mut Value) {
    let Value::Object(map) = field else { return };
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = &types[..] {
            let one = one.clone();
            map.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
        if let [Value::Object(one)] = &choices[..] {
            let one = one.clone();
            map.remove("anyOf");
            map.extend(one);
        }
    }
}

fn alternatives(schema: &mut Value, key: &str) -> Vec<Value> {
    match schema.as_object_mut().and_then(|map| map.remove(key)) {
        Some(Value::Array(alternatives)) => alternatives,
        _ => Vec::new(),
    }
}

/// With the fields of what it refers to as its own.
fn written_out(mut schema: Value, known: &Schemas) -> Value {
    let reference = schema.as_object_mut().and_then(|map| map.remove("$ref"));
    let name = reference.as_ref().and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    if let Some(definition) = name.and_then(|name| known.get(name)) {
        put_in(&mut schema, definition.clone());
    }
    schema
}

/// Fields of `more` go behind those of `schema`; what else it says stands where `schema` says nothing.
fn put_in(schema: &mut Value, more: Value) {
    let (Value::Object(schema), Value::Object(more)) = (schema, more) else { return };
    for (key, value) in more {
        match (schema.get_mut(&key), value) {
            (Some(Value::Object(fields)), Value::Object(more)) => fields.extend(more),
            (Some(Value::Array(items)), Value::Array(more)) => items.extend(more),
            (None, value) => drop(schema.insert(key, value)),
            // What was there first is the nearer one: a variant's description, not that of the type in it.
            (Some(_), _) => {}
        }
    }
}

fn title(frame: &mut Value) -> Option<String> {
    match frame.as_object_mut()?.remove("title")? {
        Value::String(title) => Some(title),
        _ => None,
    }
}

/// `room_created` as `RoomCreated`.
fn pascal(tag: &str) -> String {
    tag.split('_').filter_map(|word| Some(word.get(..1)?.to_ascii_uppercase() + word.get(1..)?)).collect()
}
