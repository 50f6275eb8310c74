//! The search for messages: an index of their words, and what is asked of it.
//!
//! What a word is, and whether a text holds what is looked for, says [`SearchText`]; the index names candidates, newest
//! first, and each is looked at as it is now. So a flaw of the index can hide a message and never show one.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use chat_core::{
    model::{Message, MessageId, RoomId, Seq},
    store::{SearchPage, SearchQuery, SearchScope, SearchTerm, SearchText, StoreError, index_words},
};
use sqlx::{PgConnection, postgres::PgRow};
use tokio::time::Instant;

use crate::{
    columns::{Columns, limit_column, message_columns, seq_column},
    error::failed,
    sql::statements,
    store::{Asked, PostgresStore},
    verify::Damage,
};

const OPERATION: &str = "search";

/// Candidates that one search looks at; what is left is the next page's.
const CANDIDATES_MAX: usize = 5_000;

/// Candidates that are read at once, at least.
const CANDIDATES_MIN: usize = 64;

/// How long one search looks; what is left is the next page's. The database looks at a part of the index at a time, and
/// none is so large that it takes much longer.
const TIME: Duration = Duration::from_millis(500);

/// Rooms that the index is asked for by name; among more the messages of others are left out as they are found.
const NAMED_ROOMS_MAX: usize = 32;

/// Bytes of words that the index keeps of one message. The database itself ends at 1 MB.
const WORDS_BYTES_MAX: usize = 512 * 1024;

/// Messages that are compared with the index at once.
const COMPARED: usize = 500;

statements! {
    /// Searching, and looking whether all is found.
    SearchSql {
        candidates = concat!(
            "SELECT f.o_next, ", message_columns!(), " FROM {s}search_v1($1, $2, $3, $4, $5, $6, $7) f
             LEFT JOIN LATERAL unnest(f.o_room, f.o_seq) AS n (room, seq) ON true
             LEFT JOIN {s}messages m ON m.room = n.room AND m.seq = n.seq ORDER BY m.id DESC");
        some = "SELECT m.id, m.room, m.seq, m.content, array_to_string(tsvector_to_array(s.words), ' ')
            FROM {s}messages m LEFT JOIN {s}search s ON s.id = m.id
            WHERE (m.room, m.seq) > ($1, $2) AND NOT m.deleted AND m.kind <> 'system'
            ORDER BY m.room, m.seq LIMIT $3";
    }
}

/// A page of what is found.
pub(crate) async fn search(store: &PostgresStore, query: &SearchQuery) -> Result<SearchPage, StoreError> {
    let scope = match &query.scope {
        SearchScope::Everywhere => None,
        SearchScope::These(rooms) => Some(rooms.iter().map(|room| (room.room, room.visible_from)).collect()),
    };
    let is_nowhere = scope.as_ref().is_some_and(HashMap::is_empty);
    if query.text.is_empty() || is_nowhere {
        return Ok(SearchPage::default());
    }
    let mut look = Look { store, query, scope, found: Vec::new(), next: query.before };
    let (mut candidates, ends) = (0, Instant::now() + TIME);
    let mut most = query.limit.saturating_add(1).clamp(CANDIDATES_MIN, CANDIDATES_MAX);
    loop {
        candidates += look.further(most, ends).await?;
        let is_enough = look.found.len() > query.limit;
        if is_enough || look.next.is_none() {
            return Ok(SearchPage::of(look.found, query.limit));
        }
        if candidates >= CANDIDATES_MAX || Instant::now() >= ends {
            return Ok(SearchPage { messages: look.found, more: true, next: look.next });
        }
        // Few of the candidates were found.
        most = most.saturating_mul(4).min(CANDIDATES_MAX - candidates);
    }
}

/// A search on its way back.
struct Look<'s> {
    store: &'s PostgresStore,
    query: &'s SearchQuery,
    /// Rooms, and above which position in each.
    scope: Option<HashMap<RoomId, Seq>>,
    found: Vec<Message>,
    /// Below which id it goes on; none is the beginning or the end.
    next: Option<MessageId>,
}

impl Look<'_> {
    /// Looks at up to `most` candidates more: how many there were.
    async fn further(&mut self, most: usize, ends: Instant) -> Result<usize, StoreError> {
        let asked = self.ask(most, ends.saturating_duration_since(Instant::now()));
        let rows = self.store.read(OPERATION, asked).await?;
        self.note(&rows).map_err(failed(OPERATION))
    }

    fn ask(&self, most: usize, time: Duration) -> Asked {
        let rooms = self.scope.as_ref().map(|scope| scope.keys().map(|room| room.get()).collect::<Vec<_>>());
        let from =
            self.scope.as_ref().map(|scope| scope.values().map(|seq| seq_column(*seq)).collect::<Vec<_>>());
        self.store
            .ask(&self.store.sql().search.candidates)
            .bind(asked(&self.query.text, &self.query.scope))
            .bind(rooms)
            .bind(from)
            .bind(self.query.sender.as_ref().map(|sender| sender.as_str().to_owned()))
            .bind(self.next.map_or(i64::MAX, MessageId::get))
            .bind(limit_column(most))
            .bind(time.as_secs_f64() * 1_000.0)
    }

    fn note(&mut self, rows: &[PgRow]) -> sqlx::Result<usize> {
        let mut candidates = 0;
        self.next = None;
        for row in rows {
            let mut columns = Columns::of(row);
            self.next = columns.take::<Option<i64>>()?.and_then(MessageId::new);
            // Nothing was found, and how far it got is all that the row says.
            if columns.peek_is_null()? {
                continue;
            }
            candidates += 1;
            let message = columns.message()?;
            let is_found = self.is_visible(&message) && is_searchable(&message);
            if is_found && self.query.text.is_in(&message.content) {
                self.found.push(message);
            }
        }
        Ok(candidates)
    }

    fn is_visible(&self, message: &Message) -> bool {
        let sender = &self.query.sender;
        let from = self.scope.as_ref().map(|scope| scope.get(&message.room_id));
        (sender.is_none() || message.sender == *sender)
            && from.is_none_or(|from| from.is_some_and(|from| message.seq > *from))
    }
}

fn is_searchable(message: &Message) -> bool {
    !message.deleted && !message.kind.is_system()
}

/// The words of a message as `search_words_v1` takes them; empty for one that is not to be found.
pub(crate) fn words(message: &Message) -> String {
    if is_searchable(message) { words_of(&message.content) } else { String::new() }
}

fn words_of(content: &str) -> String {
    let mut words = String::new();
    for word in index_words(content) {
        if words.len() + word.len() > WORDS_BYTES_MAX {
            break;
        }
        words.push_str(if words.is_empty() { "/" } else { " /" });
        words.push_str(&word);
    }
    words
}

/// The question to the index. Each word stands in quotation marks, and none has one in it.
fn asked(text: &SearchText, scope: &SearchScope) -> String {
    let term = |term: SearchTerm| match term {
        SearchTerm::Whole(word) => format!("'/{word}'"),
        SearchTerm::Beginning(word) => format!("'/{word}':*"),
    };
    let mut all: Vec<String> = text.terms().into_iter().map(term).collect();
    match scope {
        SearchScope::These(rooms) if rooms.len() <= NAMED_ROOMS_MAX => {
            let rooms: Vec<String> = rooms.iter().map(|room| format!("'/#{}'", room.room)).collect();
            all.push(format!("({})", rooms.join("|")));
        }
        _ => {}
    }
    all.join("&")
}

/// Messages that are not in the index with all their words and no other: at most `limit`.
pub(crate) async fn unfound(
    connection: &mut PgConnection,
    schema: &str,
    limit: usize,
) -> sqlx::Result<Vec<Damage>> {
    let sql = SearchSql::new(schema);
    let (mut found, mut last) = (Vec::new(), (0, 0));
    while found.len() < limit {
        let asked = sqlx::query(sql.some.clone()).persistent(false);
        let asked = asked.bind(last.0).bind(last.1).bind(limit_column(COMPARED));
        let rows = asked.fetch_all(&mut *connection).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let mut columns = Columns::of(row);
            let id: i64 = columns.take()?;
            last = (columns.take()?, columns.take()?);
            let (content, kept): (&str, Option<&str>) = (columns.take()?, columns.take()?);
            if kept_words(id, last.0, content) != set(kept.unwrap_or_default()) {
                let what = format!("message {} is not found by all its words", last.1);
                found.push(Damage { room: Some(last.0), what });
            }
        }
    }
    found.truncate(limit);
    Ok(found)
}

fn set(words: &str) -> BTreeSet<String> {
    words.split_terminator(' ').map(str::to_owned).collect()
}

/// What the index is to have of a message.
fn kept_words(id: i64, room: i64, content: &str) -> BTreeSet<String> {
    let words = words_of(content);
    if words.is_empty() {
        return BTreeSet::new();
    }
    let block = format!("{:x}/", id >> 14);
    let words = words.replace('/', &block);
    set(&format!("{words} {block}#{room}"))
}

#[cfg(test)]
mod tests {
    use chat_core::store::SearchedRoom;

    use super::*;

    #[test]
    fn every_word_is_in_quotation_marks() {
        let room = |id| SearchedRoom { room: RoomId::new(id).unwrap(), visible_from: Seq::ZERO };
        let scope = SearchScope::These(vec![room(7), room(8)]);
        for (text, expected) in [
            ("'a' | b\\:*", "'/a'&'/b':*&('/#7'|'/#8')"),
            ("東京都", "'/京都'&'/東京'&('/#7'|'/#8')"),
            ("東", "'/東':*&('/#7'|'/#8')"),
        ] {
            assert_eq!(asked(&SearchText::new(text), &scope), expected, "{text:?}");
        }
        assert_eq!(asked(&SearchText::new("x"), &SearchScope::Everywhere), "'/x':*");
        let many = SearchScope::These((1..=33).map(room).collect());
        assert_eq!(asked(&SearchText::new("x"), &many), "'/x':*");
    }

    #[test]
    fn no_text_names_a_room_or_a_block() {
        assert_eq!(words_of("a #7 1/b '/#8' \\"), "/1 /7 /8 /a /b");
        assert_eq!(words_of("/#!"), "");
        let kept = kept_words(0x2_4000, 7, "b a");
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), ["9/#7", "9/a", "9/b"]);
    }
}
