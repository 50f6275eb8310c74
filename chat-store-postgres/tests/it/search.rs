//! Bounds of the search for messages.

use std::collections::BTreeSet;

use chat_core::{
    model::{RoomId, Seq},
    store::{
        Change, ChangeBody, LogStore as _, MessageStore as _, NewMessage, SearchQuery, SearchScope,
        SearchText, SearchedRoom,
    },
};
use chat_store_postgres::PostgresStore;

use crate::{
    scratch::Scratch,
    words::{assert_sound, change, commit, create, delete, room, send, user},
};

fn search(text: &str, rooms: impl IntoIterator<Item = i64>) -> SearchQuery {
    let room = |id| SearchedRoom { room: RoomId::new(id).unwrap(), visible_from: Seq::ZERO };
    let scope = SearchScope::These(rooms.into_iter().map(room).collect());
    SearchQuery { text: SearchText::new(text), scope, sender: None, before: None, limit: 50 }
}

/// A send by ann that says something.
fn say(room: RoomId, n: usize, content: &str) -> Change {
    let ChangeBody::Send(message) = send(room, n).body else { panic!("a send") };
    change(Some(room), ChangeBody::Send(NewMessage { content: content.to_owned(), ..message }))
}

/// Everything that is found, newest first, and on how many pages.
async fn all(store: &PostgresStore, mut query: SearchQuery) -> (Vec<(RoomId, Seq)>, usize) {
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page = store.search(&query).await.unwrap();
        assert_eq!(page.more, page.next.is_some());
        found.extend(page.messages.iter().map(|message| (message.room_id, message.seq)));
        pages += 1;
        query.before = page.next;
        if query.before.is_none() {
            return (found, pages);
        }
    }
}

#[tokio::test]
async fn the_longest_question_is_answered() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    commit(&store, send(room, 1)).await.unwrap();
    for rooms in [1, 32, 33, 1_000] {
        assert_eq!(store.search(&search("message", 1..=rooms)).await.unwrap().messages.len(), 1);
    }
    let kanji: String = (0x4E00..0x4E00 + 256).filter_map(char::from_u32).collect();
    let runs: Vec<&str> = kanji.char_indices().map(|(at, c)| &kanji[at..at + c.len_utf8()]).collect();
    for text in [kanji.clone(), runs.join(" "), "x".repeat(256), "word ".repeat(51), "a b c d ".repeat(32)] {
        for rooms in [32, 1_000] {
            assert_eq!(store.search(&search(&text, 1..=rooms)).await.unwrap().messages, []);
        }
    }
}

/// Ids lie in several blocks of the index, and in between are blocks with nothing in them.
#[tokio::test]
async fn messages_are_found_however_far_apart_their_ids_are() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let rooms = [room(&store).await, commit(&store, create()).await.unwrap().event().unwrap().room];
    let mut connection = scratch.connect().await;
    let mut expected = Vec::new();
    for (n, id) in [1, 16_380, 16_384, 16_390, 70_000, 1_000_000, 50_000_000].into_iter().enumerate() {
        scratch.run(&mut connection, &format!("ALTER SEQUENCE {{s}}message_ids RESTART {id}")).await;
        for room in rooms {
            let place = commit(&store, say(room, n, "where 東京都 is")).await.unwrap();
            commit(&store, say(room, n + 100, "elsewhere")).await.unwrap();
            expected.insert(0, (room, place.event().unwrap().seq));
        }
    }
    for text in ["where", "WHE", "京都", "is where 東京都", "東"] {
        for limit in [1, 2, 50] {
            let query = SearchQuery { limit, ..search(text, rooms.map(RoomId::get)) };
            assert_eq!(all(&store, query).await.0, expected, "{text} by {limit}");
        }
        let everywhere = SearchQuery { scope: SearchScope::Everywhere, ..search(text, []) };
        assert_eq!(all(&store, everywhere).await.0, expected, "{text}");
        let one: Vec<_> = expected.iter().copied().filter(|(room, _)| *room == rooms[1]).collect();
        assert_eq!(all(&store, search(text, [rooms[1].get()])).await.0, one, "{text}");
    }
    commit(&store, delete(rooms[0], expected[1].1)).await.unwrap();
    commit(&store, change(Some(rooms[1]), ChangeBody::DeleteRoom)).await.unwrap();
    let left: Vec<_> = expected.iter().copied().filter(|(room, _)| *room == rooms[0]).skip(1).collect();
    assert_eq!(all(&store, search("where", rooms.map(RoomId::get))).await.0, left);
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_search_that_has_looked_at_much_goes_on_with_the_next_page() {
    let scratch = Scratch::new();
    let store = scratch.open().await;
    let room = room(&store).await;
    // The index names messages with all pairs of a run; that they are neighbours is seen in the text.
    for batch in 0..21 {
        let changes = (0..500).map(|n| say(room, batch * 500 + n, "東京 京都")).collect();
        assert!(store.commit(changes).await.unwrap().iter().all(Result::is_ok));
    }
    let (found, pages) = all(&store, search("東京都", [room.get()])).await;
    assert_eq!(found, []);
    assert!(
        (3..=6).contains(&pages),
        "10,500 candidates, 5,000 of them a page, but for a slow machine: {pages}"
    );
    let of_bob = SearchQuery { sender: Some(user("bob")), ..search("東京", [room.get()]) };
    assert_eq!(all(&store, of_bob).await.0, []);
    let (found, pages) = all(&store, search("東京", [room.get()])).await;
    assert_eq!((found.len(), pages), (10_500, 210));
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), 10_500);
}
