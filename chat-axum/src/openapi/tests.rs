use std::collections::BTreeSet;

use serde_json::Value;

use super::document;
use crate::{media, rest, socket, specs};

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document("chat_token");
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(|method| (path.clone(), method.to_uppercase()))
        })
        .collect();
    let routes = rest::routes().into_iter().chain(media::routes::routes()).chain(socket::routes());
    let mut routed: BTreeSet<_> =
        routes.map(|(method, path, _)| (path.to_owned(), method.to_string())).collect();
    routed.extend(specs::routes().map(|(path, _)| (path.to_owned(), "GET".to_owned())));
    assert_eq!(described, routed);
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, document: &Value, seen: &mut usize) {
        match value {
            Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                    let at = reference.strip_prefix('#').expect("references stay in the document");
                    assert!(document.pointer(at).is_some(), "{reference}");
                    *seen += 1;
                }
                map.values().for_each(|value| walk(value, document, seen));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, document, seen)),
            _ => {}
        }
    }
    let document = document("chat_token");
    let mut seen = 0;
    walk(&document, &document, &mut seen);
    assert!(seen > 100, "{seen}");
}

#[test]
fn operations_have_names_of_their_own() {
    let document = document("chat_token");
    let methods = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap());
    let ids: Vec<_> = methods.map(|(_, operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}
