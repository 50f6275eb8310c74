//! Cases of the search for messages.

use std::{collections::BTreeMap, sync::Arc};

use super::{scene::Scene, words::*};
use crate::{
    model::{MessageId, MessageKind, RoomId, Seq},
    store::{ChangeBody, NewMessage, SearchPage, SearchQuery, SearchScope, SearchText, SearchedRoom, Store},
    testkit::Rng,
};

fn search(text: &str, scope: SearchScope) -> SearchQuery {
    SearchQuery { text: SearchText::new(text), scope, sender: None, before: None, limit: 50 }
}

/// All of these rooms.
fn within(rooms: &[RoomId]) -> SearchScope {
    let whole = |room: &RoomId| SearchedRoom { room: *room, visible_from: Seq::ZERO };
    SearchScope::These(rooms.iter().map(whole).collect())
}

async fn page(scene: &Scene<'_>, query: &SearchQuery) -> SearchPage {
    let page = scene.store.search(query).await.expect("a healthy store searches");
    assert!(page.messages.len() <= query.limit, "{query:?}");
    assert!(page.messages.is_sorted_by(|a, b| a.id > b.id), "the greatest ids first");
    assert_eq!(page.more, page.next.is_some(), "{query:?}");
    for message in &page.messages {
        assert_eq!(*message, scene.message(message.room_id, message.seq).await.message, "as it is now");
    }
    page
}

/// Whether the next page begins below this one, so that the last one comes: at or above no message of this one, and
/// below where this one began.
fn goes_on(query: &SearchQuery, page: &SearchPage) -> bool {
    let least = page.messages.last().map(|message| message.id);
    page.next.is_none_or(|next| {
        query.before.is_none_or(|before| next < before) && least.is_none_or(|least| next <= least)
    })
}

/// Everything that is found, page by page.
async fn all(scene: &Scene<'_>, mut query: SearchQuery) -> Vec<(RoomId, Seq)> {
    let mut found = Vec::new();
    loop {
        let page = page(scene, &query).await;
        found.extend(page.messages.iter().map(|message| (message.room_id, message.seq)));
        assert!(goes_on(&query, &page), "{query:?}: {page:?}");
        query.before = page.next;
        if query.before.is_none() {
            return found;
        }
    }
}

/// What the messages found in a room say, the newest first.
async fn found(scene: &Scene<'_>, room: RoomId, text: &str) -> Vec<String> {
    let mut said = Vec::new();
    for (room, seq) in all(scene, search(text, within(&[room]))).await {
        said.push(scene.message(room, seq).await.message.content);
    }
    said
}

/// Says texts in a new room and looks for others: the places of what must be found.
async fn look(store: &Arc<dyn Store>, texts: &[&str], asked: &[(&str, &[usize])]) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann"]).await;
    for text in texts {
        scene.say("ann", room, text).await;
    }
    for (text, places) in asked {
        let expected: Vec<&str> = places.iter().rev().map(|place| texts[*place]).collect();
        assert_eq!(found(&scene, room, text).await, expected, "{text:?}");
    }
}

/// All words must occur, wherever and in any case; the last one is enough as the beginning of a word, the others are
/// not.
pub async fn messages_are_found_by_their_words(store: &Arc<dyn Store>) {
    look(
        store,
        &[
            "The garden party begins at noon",
            "GARDENING, at night: a party?",
            "\u{C4}pfel und Birnen",
            "\u{41F}\u{440}\u{438}\u{432}\u{435}\u{442}, \u{43C}\u{438}\u{440}!",
            "\u{3A3}\u{3CA}\u{3C3}\u{3C5}\u{3C6}\u{3BF}\u{3C2}",
            "see https://example.com/a-b_c?d=42 (page 7)",
            "\u{1F44D}",
        ],
        &[
            ("garden", &[0, 1]),
            ("GarD", &[0, 1]),
            ("garden party", &[0]),
            ("garden p", &[0]),
            ("party garden", &[0, 1]),
            ("part garden", &[]),
            ("party  night\n", &[1]),
            ("party garden gnome", &[]),
            ("arden", &[]),
            ("a", &[0, 1, 5]),
            ("the at", &[0]),
            ("\u{E4}PFEL", &[2]),
            ("\u{43F}\u{440}\u{418}\u{412}", &[3]),
            ("\u{43C}\u{418}\u{420} \u{41F}\u{420}\u{418}\u{412}\u{415}\u{422}", &[3]),
            ("\u{3C3}\u{3CA}\u{3A3}\u{3A5}\u{3A6}\u{39F}\u{3A3}", &[4]),
            ("example com", &[5]),
            ("42 c", &[5]),
            ("page 7", &[5]),
            ("d 4", &[5]),
        ],
    )
    .await;
}

/// Where a script puts no spaces between words, any piece of two characters or more is found.
pub async fn pieces_of_text_without_spaces_are_found(store: &Arc<dyn Store>) {
    look(
        store,
        &[
            "\u{6771}\u{4EAC}\u{90FD}\u{306B}\u{884C}\u{304D}\u{307E}\u{3059}\u{3002}", // 東京都に行きます。
            "\u{6771}\u{4EAC}\u{3068}\u{4EAC}\u{90FD}",                                 // 東京と京都
            "Rust\u{3067}\u{66F8}\u{3044}\u{305F} v2",                                  // Rustで書いた v2
            "\u{6211}\u{4EEC}\u{660E}\u{5929}\u{53BB}\u{516C}\u{56ED}\u{FF0C}\u{597D}\u{5417}", // 我们明天去公园，好吗
            "\u{E27}\u{E31}\u{E19}\u{E19}\u{E35}\u{E49}\u{E2D}\u{E32}\u{E01}\u{E32}\u{E28}\u{E14}\u{E35}", // วันนี้อากาศดี
            "\u{C6B0}\u{B9AC}\u{D559}\u{AD50}\u{C5D0}\u{C11C}", // 우리학교에서
        ],
        &[
            ("\u{6771}\u{4EAC}", &[0, 1]),
            ("\u{4EAC}\u{90FD}", &[0, 1]),
            ("\u{6771}\u{4EAC}\u{90FD}", &[0]),
            ("\u{6771}\u{90FD}", &[]),
            ("\u{6771}\u{4EAC} \u{4EAC}\u{90FD}", &[0, 1]),
            ("\u{884C}\u{304D}\u{307E}\u{3059}", &[0]),
            ("rust\u{3067}\u{66F8}", &[2]),
            ("\u{66F8}\u{3044} RUST", &[2]),
            ("v2 \u{66F8}\u{3044}", &[2]),
            ("\u{660E}\u{5929}", &[3]),
            ("\u{516C}\u{56ED}\u{597D}\u{5417}", &[]),
            ("\u{516C}\u{56ED}\u{3001}\u{597D}\u{5417}", &[3]),
            ("\u{E2D}\u{E32}\u{E01}\u{E32}\u{E28}", &[4]),
            ("\u{E19}\u{E35}\u{E49}", &[4]),
            ("\u{D559}\u{AD50}", &[5]),
            ("\u{6771}\u{4EAC} \u{D559}\u{AD50}", &[]),
        ],
    )
    .await;
}

/// Operators of query languages are text like any other, and what has no word in it finds nothing.
pub async fn no_text_of_a_search_is_special(store: &Arc<dyn Store>) {
    look(
        store,
        &["cats OR dogs", "near the \"quoted\" cats", "NOT a column: words", "50% off; a_b 'x' \\ y", "dogs"],
        &[
            ("cats OR dogs", &[0]),
            ("cats AND dogs", &[]),
            ("NEAR(the cats)", &[1]),
            ("\"quoted\"", &[1]),
            ("\"the cats\"", &[1]),
            ("\"", &[]),
            ("\"\"", &[]),
            ("cats\"", &[0, 1]),
            ("quo*", &[1]),
            ("*", &[]),
            ("ca*s", &[]),
            ("-cats", &[0, 1]),
            ("cats -dogs", &[0]),
            ("!cats & !dogs", &[0]),
            ("^cats", &[0, 1]),
            ("words:column", &[2]),
            ("{words}: column", &[2]),
            ("not column", &[2]),
            ("(dogs", &[0, 4]),
            ("dogs) | (cats", &[0]),
            ("%", &[]),
            ("50%", &[3]),
            ("_", &[]),
            ("a_b", &[3]),
            ("axb", &[]),
            ("'", &[]),
            ("' OR ''='", &[0]),
            ("x'; DROP TABLE y", &[]),
            ("\\", &[]),
            ("x \\ y", &[3]),
            ("dogs:*", &[0, 4]),
            ("cats <-> dogs", &[0]),
            ("\u{FFFD}\u{1F600}", &[]),
            (" \t\n", &[]),
            ("", &[]),
        ],
    )
    .await;
}

/// What was edited away or deleted is gone from the search with the same step, also within one batch, and what an edit
/// says is there.
pub async fn what_is_not_said_any_more_is_not_found(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let edited = scene.say("ann", room, "secret plan").await;
    let deleted = scene.say("ann", room, "secret wish").await;
    assert_eq!(found(&scene, room, "secret").await, ["secret wish", "secret plan"]);
    scene.apply("ann", room, edit(edited, "open plan")).await;
    assert_eq!(found(&scene, room, "secret").await, ["secret wish"]);
    assert_eq!(found(&scene, room, "open plan").await, ["open plan"]);
    scene.apply("ann", room, edit(edited, "\u{6771}\u{4EAC}")).await;
    assert_eq!(found(&scene, room, "plan").await, [""; 0]);
    assert_eq!(found(&scene, room, "\u{6771}\u{4EAC}").await, ["\u{6771}\u{4EAC}"]);
    scene.apply("bob", room, react(edited, THUMB)).await;
    scene.apply("ann", room, edit(edited, "secret again")).await;
    scene.apply("ann", room, delete(deleted)).await;
    assert_eq!(found(&scene, room, "secret").await, ["secret again"]);
    assert_eq!(found(&scene, room, "wish").await, [""; 0]);

    let head = scene.head(room).await;
    let (first, second) = (head.next(), head.next().next());
    let batch = [
        ChangeBody::Send(scene.text("quick one")),
        ChangeBody::Send(scene.text("quick two")),
        edit(first, "slow one"),
        delete(second),
        edit(edited, "quick third"),
        edit(edited, "slow third"),
    ];
    scene.commit(batch.map(|body| scene.change("ann", room, body)).to_vec()).await;
    assert_eq!(found(&scene, room, "quick").await, [""; 0]);
    assert_eq!(found(&scene, room, "slow").await, ["slow one", "slow third"]);

    let other = scene.group(&["ann"]).await;
    scene.say("ann", other, "slow elsewhere").await;
    let both = || search("slow", within(&[room, other]));
    assert_eq!(all(&scene, both()).await, [(other, Seq::new(2)), (room, first), (room, edited)]);
    scene.apply("ann", room, ChangeBody::DeleteRoom).await;
    assert_eq!(all(&scene, both()).await, [(other, Seq::new(2))]);
    assert_eq!(all(&scene, search("slow", SearchScope::Everywhere)).await, [(other, Seq::new(2))]);
}

/// Rooms that are not given, what lies at or below where the reader's log begins, other senders and what the host says
/// as `system` are left out.
pub async fn what_the_reader_may_not_see_is_not_found(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let rooms = [scene.group(&["ann", "bob"]).await, scene.group(&["ann", "bob"]).await];
    let mut places = Vec::new();
    for n in 1..=3 {
        for room in rooms {
            let who = if n == 2 { "bob" } else { "ann" };
            places.push((room, scene.say(who, room, &format!("lunch {n}")).await));
        }
    }
    for room in rooms {
        scene.send("host", room, scene.notice("lunch is over")).await;
    }
    let note =
        NewMessage { kind: MessageKind::new("note").expect("a short kind"), ..scene.text("lunch note") };
    places.push((rooms[0], scene.send("host", rooms[0], note).await));
    places.reverse();
    let of = |room: usize, from: u64| SearchedRoom { room: rooms[room], visible_from: Seq::new(from) };
    let kept = |keep: &dyn Fn(RoomId, Seq) -> bool| -> Vec<(RoomId, Seq)> {
        places.iter().copied().filter(|(room, seq)| keep(*room, *seq)).collect()
    };
    let these = |rooms: &[SearchedRoom]| search("lunch", SearchScope::These(rooms.to_vec()));
    let above = |seq: Seq, from: u64| seq > Seq::new(from);
    for (scope, expected) in [
        (vec![], vec![]),
        (vec![SearchedRoom { room: nowhere(), visible_from: Seq::ZERO }], vec![]),
        (vec![of(0, 0), of(1, 0)], places.clone()),
        (vec![of(1, 0)], kept(&|room, _| room == rooms[1])),
        (vec![of(0, 2)], kept(&|room, seq| room == rooms[0] && above(seq, 2))),
        (vec![of(0, 3), of(1, 2)], kept(&|room, seq| above(seq, if room == rooms[0] { 3 } else { 2 }))),
        (vec![of(0, u64::MAX), of(1, 3)], kept(&|room, seq| room == rooms[1] && above(seq, 3))),
    ] {
        assert_eq!(all(&scene, these(&scope)).await, expected, "{scope:?}");
    }
    assert_eq!(all(&scene, search("lunch", SearchScope::Everywhere)).await, places);
    assert_eq!(all(&scene, search("over", SearchScope::Everywhere)).await, []);
    for (who, seq) in [("bob", Some(3)), ("Bob", None), ("eve", None)] {
        let query = SearchQuery { sender: Some(user(who)), ..these(&[of(0, 0), of(1, 0)]) };
        let expected: Vec<_> = kept(&|_, place| seq.is_some_and(|seq| place == Seq::new(seq)));
        assert_eq!(all(&scene, query).await, expected, "{who}");
    }
    let query = SearchQuery { sender: Some(user("ann")), ..these(&[of(0, 2), of(1, 4)]) };
    assert_eq!(all(&scene, query).await, [(rooms[0], Seq::new(4))]);
}

/// The newest first whatever the room, page by page, each once; a new message moves nothing.
pub async fn found_messages_come_newest_first_page_by_page(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let rooms = [scene.group(&["ann"]).await, scene.group(&["ann"]).await, scene.group(&["ann"]).await];
    let mut ids: Vec<MessageId> = Vec::new();
    for n in 0..23 {
        let room = rooms[n % 3];
        let seq = scene.say("ann", room, &format!("note {n}")).await;
        scene.say("ann", room, "something else").await;
        ids.push(scene.message(room, seq).await.message.id);
    }
    ids.reverse();
    assert!(ids.is_sorted_by(|a, b| a > b), "ids of messages stored one after another grow");
    for limit in [1, 2, 5, 22, 23, 24] {
        let (mut got, mut query) = (Vec::new(), SearchQuery { limit, ..search("note", within(&rooms)) });
        loop {
            let page = page(&scene, &query).await;
            got.extend(page.messages.iter().map(|message| message.id));
            assert!(goes_on(&query, &page), "pages of {limit}: {query:?}, {page:?}");
            query.before = page.next;
            if query.before.is_none() {
                break;
            }
            scene.say("ann", rooms[0], "another note").await;
        }
        assert_eq!(got, ids, "pages of {limit}");
        let before = SearchQuery { before: ids.get(4).copied(), ..search("note", within(&rooms)) };
        assert_eq!(page(&scene, &before).await.messages.len(), ids.len() - 5);
        // What came meanwhile is left out of the next round.
        for room in rooms {
            let history = scene.history(room, None).await;
            for view in history.iter().filter(|view| view.message.content == "another note") {
                if !view.message.deleted {
                    scene.apply("ann", room, delete(view.message.seq)).await;
                }
            }
        }
    }
}

/// Random sends, edits and deletes: every search finds the messages that hold what is asked for, and no other.
pub async fn random_words_are_found(store: &Arc<dyn Store>) {
    const WORDS: [&str; 9] =
        ["ape", "apes", "Bee", "BEETLE", "c", "\u{6771}\u{4EAC}", "\u{4EAC}\u{90FD}", "\u{E9}t\u{E9}", "42"];
    let scene = Scene::of(store);
    let mut rng = Rng::new(11);
    let rooms = [scene.group(&["ann"]).await, scene.group(&["ann"]).await];
    let mut said: BTreeMap<(RoomId, Seq), String> = BTreeMap::new();
    for _ in 0..40 {
        let mut batch = Vec::new();
        for _ in 0..6 {
            let gap = if rng.chance(0.5) { " " } else { "" };
            let text = (0..=rng.below(4)).map(|_| WORDS[rng.below(9) as usize]).collect::<Vec<_>>().join(gap);
            let places: Vec<_> = said.keys().copied().collect();
            let (room, body) = match (rng.below(5), rng.pick(&places)) {
                (0, Some((room, seq))) => (*room, edit(*seq, &text)),
                (1, Some((room, seq))) => (*room, delete(*seq)),
                _ => (rooms[rng.below(2) as usize], ChangeBody::Send(scene.text(&text))),
            };
            batch.push(scene.change("ann", room, body));
        }
        scene.commit(batch).await;
        said.clear();
        for room in rooms {
            let now = scene.history(room, None).await.into_iter().filter(|view| !view.message.deleted);
            said.extend(now.map(|view| ((room, view.message.seq), view.message.content)));
        }
        let text = format!("{} {}", WORDS[rng.below(9) as usize], WORDS[rng.below(9) as usize]);
        let mut query = search(&text, within(&rooms));
        query.limit = 1 + rng.below(9) as usize;
        let holds = |(place, content): (&(RoomId, Seq), &String)| query.text.is_in(content).then_some(*place);
        let expected: Vec<_> = said.iter().filter_map(holds).collect();
        let mut found = all(&scene, query.clone()).await;
        found.sort_unstable();
        assert_eq!(found, expected, "{text:?} of {said:?}");
    }
}
