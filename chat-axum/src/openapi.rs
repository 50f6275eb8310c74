//! The description of REST, made from the types that the handlers take and give.

mod operation;
mod operations;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use self::operation::{Generators, Operation};
use crate::problem::ProblemBody;

/// The OpenAPI 3.1 document of a router, with the cookie that may hold a token. Its paths are relative to where it
/// lies, so that it holds under whatever path the router is nested.
#[must_use]
pub fn document(cookie: &str) -> Value {
    let at = "/components/schemas";
    let settings = || SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = at.into());
    let mut generators = Generators {
        taken: settings().for_deserialize().into_generator(),
        given: settings().for_serialize().into_generator(),
    };
    let mut paths = Map::new();
    for operation in operations::all() {
        let Operation { method, path, .. } = operation;
        let described = operation.describe(&mut generators);
        if let Value::Object(methods) = paths.entry(path).or_insert_with(|| json!({})) {
            methods.insert(method.to_owned(), described);
        }
    }
    let problem = generators.given.subschema_for::<ProblemBody<'static>>();
    let mut schemas = generators.taken.take_definitions(true);
    schemas.extend(generators.given.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chat",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Rooms, members and messages. What happens is told over the WebSocket at `ws`; \
                each answer with an `as_of` or `head` says up to which event it holds.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "." }],
        "security": [{ "bearer": [] }, { "cookie": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                "Problem": {
                    "description": "Why it failed: `code` is the one that the socket has.",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "cookie": { "type": "apiKey", "in": "cookie", "name": cookie },
            },
        },
    })
}

#[cfg(test)]
mod tests;
