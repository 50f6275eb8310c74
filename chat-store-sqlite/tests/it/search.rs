//! Bounds of the search for messages.

use chat_core::{
    model::{RoomId, Seq},
    store::{LogStore as _, MessageStore as _, SearchQuery, SearchScope, SearchText, SearchedRoom},
};

use crate::{
    scratch::Scratch,
    words::{commit, room, send, user},
};

fn search(text: &str, rooms: impl IntoIterator<Item = i64>) -> SearchQuery {
    let room = |id| SearchedRoom { room: RoomId::new(id).unwrap(), visible_from: Seq::ZERO };
    let scope = SearchScope::These(rooms.into_iter().map(room).collect());
    SearchQuery { text: SearchText::new(text), scope, sender: None, before: None, limit: 50 }
}

#[tokio::test]
async fn the_longest_question_is_answered() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    commit(&store, send(room, 1)).await.unwrap();
    assert_eq!(store.search(&search("message", 1..=1_000)).await.unwrap().messages.len(), 1);
    let kanji: String = (0x4E00..0x4E00 + 256).filter_map(char::from_u32).collect();
    let runs: Vec<&str> = kanji.char_indices().map(|(at, c)| &kanji[at..at + c.len_utf8()]).collect();
    for text in [kanji.clone(), runs.join(" "), "x".repeat(256), "word ".repeat(51), "a b c d ".repeat(32)] {
        assert_eq!(store.search(&search(&text, 1..=1_000)).await.unwrap().messages, []);
    }
}

#[tokio::test]
async fn a_search_that_has_looked_at_much_goes_on_with_the_next_page() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    for batch in 0..21 {
        let changes = (0..500).map(|n| send(room, batch * 500 + n)).collect();
        assert!(store.commit(changes).await.unwrap().iter().all(Result::is_ok));
    }
    let mut query = SearchQuery { sender: Some(user("bob")), ..search("message", [room.get()]) };
    let mut pages = 0;
    loop {
        let page = store.search(&query).await.unwrap();
        assert_eq!(page.messages, []);
        assert_eq!(page.more, page.next.is_some());
        pages += 1;
        query.before = page.next;
        if query.before.is_none() {
            break;
        }
    }
    assert_eq!(pages, 3, "10,500 candidates, 5,000 of them a page");
}
