//! What the description of REST says may be answered.

use std::sync::OnceLock;

use serde_json::Value;

/// Fails where the description has this method of this path, and not this status. `path` is under the mount; of what is
/// not described nothing is said.
#[track_caller]
pub(crate) fn assert_described(method: &str, path: &str, status: u16) {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| chat_axum::openapi_document("chat_token"));
    let path = path.split('?').next().unwrap_or_default();
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == asked.len()
            && parts.iter().zip(&asked).all(|(part, asked)| part.starts_with('{') || part == asked)
    };
    let paths = document["paths"].as_object().unwrap();
    // A path that says a name goes before one that has a place for any.
    let described =
        paths.get(path).or_else(|| paths.iter().find_map(|(path, methods)| fits(path).then_some(methods)));
    let Some(operation) = described.and_then(|methods| methods.get(method.to_ascii_lowercase())) else {
        return;
    };
    let answers = operation["responses"].as_object().unwrap();
    assert!(answers.contains_key(&status.to_string()), "{method} {path}: {status} is not in the description");
}
