use std::collections::BTreeSet;

use serde_json::Value;

use super::document;

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
    assert!(seen > 300, "{seen}");
}

#[test]
fn every_message_has_its_operation() {
    let document = document("chat_token");
    let mut used = BTreeSet::new();
    for operation in document["operations"].as_object().unwrap().values() {
        for messages in [&operation["messages"], &operation["reply"]["messages"]] {
            for message in messages.as_array().into_iter().flatten() {
                used.insert(message["$ref"].as_str().unwrap().rsplit('/').next().unwrap());
            }
        }
    }
    let known: BTreeSet<_> =
        document["channels"]["socket"]["messages"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(used, known);
    let operations = document["operations"].as_object().unwrap();
    let received = operations.values().filter(|operation| operation["action"] == "receive");
    assert_eq!(received.count(), chat_core::schema::ANSWERS.len());
}

#[test]
fn close_codes_are_told() {
    let document = document("chat_token");
    let text = document["info"]["description"].as_str().unwrap();
    for code in chat_core::protocol::CloseCode::ALL {
        assert!(text.contains(&format!("`{}`", code.get())), "{code:?}");
    }
}
