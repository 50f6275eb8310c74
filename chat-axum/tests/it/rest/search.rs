//! Messages found by their words.

use serde_json::{Value, json};

use super::{row, table};
use crate::support::{Chat, chat};

async fn say(chat: &Chat, user: &str, room: u64, content: &str) {
    chat.must(user, "POST", &format!("/rooms/{room}/messages"), json!({ "content": content })).await;
}

/// What is found: the contents.
async fn found(chat: &Chat, user: &str, query: &str) -> Vec<String> {
    let page = chat.must(user, "GET", &format!("/search?{query}"), Value::Null).await;
    assert_eq!(page["more"], page.get("next").is_some(), "{page}");
    let messages = page["messages"].as_array().unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn messages_are_found_by_their_words_page_by_page() {
    let chat = chat().await;
    let (one, two) = (chat.group("ann", &["bob"]).await, chat.group("ann", &[]).await);
    for n in 1..=3 {
        say(&chat, "ann", one, &format!("Lunch {n}")).await;
        say(&chat, "bob", one, &format!("No lunch {n}")).await;
        say(&chat, "ann", two, &format!("Secret lunch {n}")).await;
    }
    assert_eq!(found(&chat, "ann", "q=3+LUN").await, ["Secret lunch 3", "No lunch 3", "Lunch 3"]);
    assert_eq!(found(&chat, "bob", "q=lunch").await.len(), 6);
    assert_eq!(found(&chat, "eve", "q=lunch").await, [""; 0]);
    assert_eq!(found(&chat, "ann", &format!("q=lunch&room_id={two}")).await.len(), 3);
    assert_eq!(found(&chat, "ann", "q=lunch&sender=bob").await.len(), 3);
    assert_eq!(found(&chat, "bob", "q=lunch+2&sender=me").await, ["No lunch 2"]);
    // Signs are text: neither they nor words of query languages have a meaning.
    for query in ["q=%22no+lunch%22", "q=no*+lunch", "q=NO+-lunch", "q=(no+lun", "q=no%3A%5Elunch"] {
        assert_eq!(found(&chat, "bob", query).await.len(), 3, "{query}");
    }
    assert_eq!(found(&chat, "bob", "q=secret+OR+lunch").await, [""; 0]);
    let (mut all, mut path) = (Vec::new(), "/search?q=lunch&limit=4".to_owned());
    loop {
        let page = chat.must("ann", "GET", &path, Value::Null).await;
        all.extend(page["messages"].as_array().unwrap().clone());
        let Some(next) = page.get("next") else { break };
        path = format!("/search?q=lunch&limit=4&before={next}");
    }
    let ids: Vec<_> = all.iter().map(|message| message["id"].as_u64().unwrap()).collect();
    assert!(ids.len() == 9 && ids.is_sorted_by(|a, b| a > b), "{ids:?}");
    let whole = chat.must("ann", "GET", &format!("/rooms/{two}/messages?limit=1"), Value::Null).await;
    let mut newest = whole["messages"][0].clone();
    for beside in ["reactions", "status"] {
        newest.as_object_mut().unwrap().remove(beside);
    }
    assert_eq!(all[0], newest);
}

#[tokio::test]
async fn what_one_may_not_read_is_not_found() {
    let chat = chat().await;
    let room = json!({"kind": "group", "members": ["bob"], "history": "from_join"});
    let room = chat.must("ann", "POST", "/rooms", room).await["id"].as_u64().unwrap();
    say(&chat, "ann", room, "lunch before").await;
    chat.must("ann", "POST", &format!("/rooms/{room}/members"), json!({"user": "cy"})).await;
    say(&chat, "ann", room, "lunch after").await;
    assert_eq!(found(&chat, "cy", "q=lunch").await, ["lunch after"]);
    assert_eq!(found(&chat, "cy", &format!("q=lunch&room_id={room}")).await, ["lunch after"]);
    assert_eq!(found(&chat, "cy", "q=before").await, [""; 0]);
    assert_eq!(found(&chat, "bob", "q=lunch").await.len(), 2);
    chat.must("ann", "PATCH", &format!("/rooms/{room}/messages/2"), json!({"content": "dinner"})).await;
    chat.must("ann", "DELETE", &format!("/rooms/{room}/messages/4"), Value::Null).await;
    assert_eq!(found(&chat, "bob", "q=lunch").await, [""; 0]);
    assert_eq!(found(&chat, "bob", "q=dinner").await, ["dinner"]);
    chat.must("ann", "DELETE", &format!("/rooms/{room}/members/bob"), Value::Null).await;
    assert_eq!(found(&chat, "bob", "q=dinner").await, [""; 0]);
    // A room that is there and one that is not are told alike, word for word.
    let mut told = Vec::new();
    for (user, id) in [("bob", room), ("eve", room), ("eve", 999), ("ann", 999)] {
        let answer = chat.ask(user, "GET", &format!("/search?q=dinner&room_id={id}"), Value::Null).await;
        assert_eq!(answer.status, 404);
        told.push(answer.body);
    }
    assert!(told.iter().all(|body| *body == told[0]), "{told:?}");
    let path = format!("/search?q=dinner&room_id={room}");
    table(&chat, &[row("eve", "GET", path, Value::Null, 404, "not_found")]).await;
}

#[tokio::test]
async fn a_search_has_bounds() {
    let chat = chat().await;
    chat.group("ann", &[]).await;
    let get = |query: &str, status, told: &'static str| {
        row("ann", "GET", format!("/search{query}"), Value::Null, status, told)
    };
    let (long, many) = ("x".repeat(257), "a+".repeat(20));
    let words = (0..17).map(|n| format!("w{n}")).collect::<Vec<_>>().join("+");
    table(
        &chat,
        &[
            get("", 400, "bad_field q"),
            get("?q=", 400, "bad_field q"),
            get("?q=+%20%22*!%F0%9F%91%8D", 400, "bad_field q"),
            get("?q=a%00b", 400, "bad_field q"),
            get("?q=a&q=b", 400, "bad_field q"),
            get(&format!("?q={long}"), 413, "too_large q"),
            get(&format!("?q={}", &long[1..]), 200, ""),
            get(&format!("?q={words}"), 413, "too_large q"),
            get(&format!("?q={many}"), 200, ""),
            get("?q=a&limit=0", 400, "bad_field limit"),
            get("?q=a&limit=x", 400, "bad_field limit"),
            get("?q=a&limit=100000", 200, ""),
            get("?q=a&room_id=x", 400, "bad_field room_id"),
            get("?q=a&room_id=0", 400, "bad_field room_id"),
            get("?q=a&before=-1", 400, "bad_field before"),
            get("?q=a&before=9007199254740992", 400, "bad_field before"),
            get("?q=a&sender=", 400, "bad_field sender"),
            row("", "GET", "/search?q=a", Value::Null, 401, "unauthorized"),
            row("ann", "POST", "/search?q=a", json!({}), 405, "bad_frame"),
        ],
    )
    .await;
}
