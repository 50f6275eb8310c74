//! One method of one path, described.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use chat_core::model::{AttachmentId, Emoji, RoomId, Seq, UserId};

/// What is sent here may leave out what has a default; what is sent from here does not.
pub(super) struct Generators {
    pub(super) taken: SchemaGenerator,
    pub(super) given: SchemaGenerator,
}

type Make = fn(&mut SchemaGenerator) -> Schema;

/// One method of one path.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    id: &'static str,
    summary: &'static str,
    description: Option<&'static str>,
    query: Option<Make>,
    body: Option<Make>,
    body_type: &'static str,
    answers: Vec<(u16, &'static str, Option<Make>)>,
    more_errors: &'static [u16],
    is_public: bool,
}

impl Operation {
    pub(super) const fn new(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            path,
            id,
            summary,
            description: None,
            query: None,
            body: None,
            body_type: "application/json",
            answers: Vec::new(),
            more_errors: &[],
            is_public: false,
        }
    }

    pub(super) const fn described(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    pub(super) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(T::json_schema);
        self
    }

    pub(super) fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// A body that is a form with a file.
    pub(super) fn form<T: JsonSchema>(mut self) -> Self {
        self.body_type = "multipart/form-data";
        self.body::<T>()
    }

    pub(super) fn gives<T: JsonSchema>(mut self, status: u16, description: &'static str) -> Self {
        self.answers.push((status, description, Some(SchemaGenerator::subschema_for::<T>)));
        self
    }

    pub(super) fn ends(mut self, status: u16, description: &'static str) -> Self {
        self.answers.push((status, description, None));
        self
    }

    /// Fails with these too, beside those that follow from what it is.
    pub(super) const fn fails(mut self, statuses: &'static [u16]) -> Self {
        self.more_errors = statuses;
        self
    }

    /// Whoever asks.
    pub(super) const fn public(mut self) -> Self {
        self.is_public = true;
        self
    }

    pub(super) fn describe(self, generators: &mut Generators) -> Value {
        let mut operation = Map::new();
        let mut put = |key: &str, value: Value| drop(operation.insert(key.to_owned(), value));
        put("operationId", json!(self.id));
        put("summary", json!(self.summary));
        put("tags", json!([self.path.trim_start_matches('/').split('/').next()]));
        if let Some(description) = self.description {
            put("description", json!(description));
        }
        if self.is_public {
            put("security", json!([]));
        }
        let mut parameters = path_parameters(self.path, &mut generators.taken);
        if let Some(query) = self.query {
            parameters.extend(query_parameters(&query(&mut generators.taken)));
        }
        if !parameters.is_empty() {
            put("parameters", json!(parameters));
        }
        if let Some(body) = self.body {
            let schema = body(&mut generators.taken);
            put(
                "requestBody",
                json!({ "required": true, "content": { self.body_type: { "schema": schema } } }),
            );
        }
        let mut responses = Map::new();
        for (status, description, schema) in &self.answers {
            let mut response = json!({ "description": description });
            if let Some(schema) = schema {
                let schema = schema(&mut generators.given);
                response["content"] = json!({ "application/json": { "schema": schema } });
            }
            responses.insert(status.to_string(), response);
        }
        for status in self.errors() {
            responses.insert(status.to_string(), json!({ "$ref": "#/components/responses/Problem" }));
        }
        put("responses", Value::Object(responses));
        Value::Object(operation)
    }

    /// How it can fail, which follows from what it is.
    fn errors(&self) -> Vec<u16> {
        let writes = self.method != "get";
        let named = self.path.contains('{');
        let mut errors = Vec::new();
        let mut when = |applies: bool, statuses: &[u16]| {
            if applies {
                errors.extend_from_slice(statuses);
            }
        };
        when(self.query.is_some() || self.body.is_some() || named, &[400]);
        when(!self.is_public, &[401, 500, 503]);
        // Pages of other origins are kept out everywhere.
        when(true, &[403]);
        when(named, &[404]);
        when(writes || self.path.ends_with("/events"), &[409]);
        when(writes, &[429]);
        when(self.body.is_some(), &[408, 413, 415]);
        when(self.path == "/ws", &[400, 426, 503]);
        when(true, self.more_errors);
        errors.sort_unstable();
        errors.dedup();
        errors
    }
}

fn path_parameters(path: &str, generator: &mut SchemaGenerator) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameter = |name: &str| {
        let (schema, description) = match name {
            "id" if path.starts_with("/attachments") => {
                (generator.subschema_for::<AttachmentId>(), "The file.")
            }
            "id" if path.starts_with("/users") => (generator.subschema_for::<UserId>(), "The user, or `me`."),
            "id" => (generator.subschema_for::<RoomId>(), "The room."),
            "user" => (generator.subschema_for::<UserId>(), "The user, or `me`."),
            "emoji" => (generator.subschema_for::<Emoji>(), "The reaction, percent-encoded."),
            _ => (generator.subschema_for::<Seq>(), "The message, by its place in the room."),
        };
        json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
    };
    names.map(&mut parameter).collect()
}

/// A struct's fields, each a parameter.
fn query_parameters(schema: &Schema) -> Vec<Value> {
    let empty = Map::new();
    let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|list| list.iter().any(|item| item == name));
    let parameter = |(name, field): (&String, &Value)| {
        let mut schema = field.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut parameter =
            json!({ "name": name, "in": "query", "required": is_required(name), "schema": schema });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        parameter
    };
    fields.iter().map(parameter).collect()
}
