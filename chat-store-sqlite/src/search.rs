//! The search for messages: an index of their words, and what is asked of it.
//!
//! What a word is, and whether a text holds what is looked for, says [`SearchText`]; the index names candidates, newest
//! first, and each is looked at as it is now. So a flaw of the index can hide a message and never show one.

use std::collections::HashMap;

use chat_core::{
    model::{Message, MessageId, RoomId, Seq},
    store::{SearchPage, SearchQuery, SearchScope, SearchTerm, SearchText, index_words},
};
use futures::TryStreamExt as _;

use crate::{
    batch::Batch,
    columns::{Columns, limit_column, message_columns},
    error::damaged,
    pending::LoggedEvent,
    rows::{Rows, list},
    sql::statements,
    store::Tx,
};

/// Candidates that one search looks at; what is left is the next page's.
const CANDIDATES_MAX: usize = 5_000;

/// Messages that are put into the index at once where it is made.
const FILL: usize = 500;

/// Begins the word that names a message's room: no letter, digit or mark, so no word of a text begins so.
const ROOM: char = '\u{E000}';

statements! {
    /// Searching, and keeping the index.
    SearchSql {
        candidates = concat!(
            "SELECT s.rowid, ", message_columns!(), " FROM {p}search s
             LEFT JOIN {p}messages m ON m.id = s.rowid AND (?3 IS NULL OR m.sender = ?3)
             WHERE s.{p}search MATCH ?1 AND s.rowid < ?2 ORDER BY s.rowid DESC LIMIT ?4");
        insert = "INSERT INTO {p}search (rowid, words) SELECT value ->> 0, value ->> 1 FROM json_each(?1)";
        drop = "DELETE FROM {p}search WHERE rowid IN (SELECT value FROM json_each(?1))";
        some = "SELECT m.id, m.room, m.content FROM {p}messages m
            WHERE m.id > ?1 AND m.deleted = 0 AND m.kind <> 'system' ORDER BY m.id LIMIT ?2";
        unfound = "SELECT m.room, 'message ' || m.seq || ' is not found by all its words' FROM json_each(?1) n
            CROSS JOIN {p}messages m ON m.id = n.value ->> 0
            WHERE NOT EXISTS (
                SELECT 1 FROM {p}search s WHERE s.{p}search MATCH n.value ->> 1 AND s.rowid = n.value ->> 0)";
    }
}

/// A page of what is found.
pub(crate) async fn search(tx: &mut Tx, sql: &SearchSql, query: &SearchQuery) -> sqlx::Result<SearchPage> {
    let visible: Option<HashMap<RoomId, Seq>> = match &query.scope {
        SearchScope::Everywhere => None,
        SearchScope::These(rooms) => Some(rooms.iter().map(|room| (room.room, room.visible_from)).collect()),
    };
    if query.text.is_empty() || visible.as_ref().is_some_and(HashMap::is_empty) {
        return Ok(SearchPage::default());
    }
    let is_visible = |message: &Message| {
        let from = visible.as_ref().map(|rooms| rooms.get(&message.room_id));
        from.is_none_or(|from| from.is_some_and(|from| message.seq > *from))
    };
    let mut rows = sqlx::query(sql.candidates.clone())
        .bind(asked(&query.text, &query.scope))
        .bind(query.before.map_or(i64::MAX, MessageId::get))
        .bind(query.sender.as_ref().map(|sender| sender.as_str().to_owned()))
        .bind(limit_column(CANDIDATES_MAX))
        .fetch(&mut **tx);
    let (mut found, mut candidates, mut last) = (Vec::new(), 0, None);
    while let Some(row) = rows.try_next().await? {
        let mut columns = Columns::of(&row);
        last = MessageId::new(columns.take()?);
        candidates += 1;
        // Another's message, where a sender is asked for.
        if columns.peek_is_null()? {
            continue;
        }
        let message = columns.message()?;
        if is_visible(&message) && is_found(&message) && query.text.is_in(&message.content) {
            found.push(message);
            // One more than asked for tells whether there are more.
            if found.len() > query.limit {
                break;
            }
        }
    }
    let mut page = SearchPage::of(found, query.limit);
    if !page.more && candidates >= CANDIDATES_MAX {
        (page.more, page.next) = (true, last);
    }
    Ok(page)
}

/// Puts what a commit came to into the index.
pub(crate) async fn write(tx: &mut Tx, sql: &SearchSql, batch: &Batch) -> sqlx::Result<()> {
    let (mut put, mut dropped) = (Rows::default(), Vec::new());
    let pending = &batch.pending;
    let sent = pending.log.iter().filter(|(_, logged)| matches!(logged.what, LoggedEvent::Message { .. }));
    for (room, seq) in sent.map(|(place, _)| place).chain(&pending.changed) {
        let state = batch.rooms.get(room);
        let message = state.and_then(|state| state.messages.get(seq));
        let message = message.ok_or_else(|| damaged("a message that was not loaded"))?;
        if pending.changed.contains(&(*room, *seq)) {
            dropped.push(message.id);
        }
        if is_found(message) {
            put.push(|row| _ = row.put(message.id).put(words(message.room_id, &message.content)));
        }
    }
    if !dropped.is_empty() {
        sqlx::query(sql.drop.clone()).bind(list(dropped)).execute(&mut **tx).await?;
    }
    if !put.is_empty() {
        sqlx::query(sql.insert.clone()).bind(put.into_json()).execute(&mut **tx).await?;
    }
    Ok(())
}

/// Puts all messages into the index, which must be empty.
pub(crate) async fn fill(tx: &mut Tx, prefix: &str) -> sqlx::Result<()> {
    let sql = SearchSql::new(prefix);
    let mut last = 0;
    loop {
        let some = some(tx, &sql, &mut last).await?;
        if some.is_empty() {
            return Ok(());
        }
        let mut put = Rows::default();
        for (id, room, content) in some {
            put.push(|row| _ = row.put(id).put(words(room, &content)));
        }
        sqlx::query(sql.insert.clone()).bind(put.into_json()).execute(&mut **tx).await?;
    }
}

/// Rooms with messages that are not found by their words, and which: at most `limit`.
pub(crate) async fn unfound(
    tx: &mut Tx,
    prefix: &str,
    limit: usize,
) -> sqlx::Result<Vec<sqlx::sqlite::SqliteRow>> {
    let sql = SearchSql::new(prefix);
    let (mut found, mut last) = (Vec::new(), 0);
    while found.len() < limit {
        let some = some(tx, &sql, &mut last).await?;
        if some.is_empty() {
            break;
        }
        let mut asked = Rows::default();
        for (id, room, content) in some {
            let words = words(room, &content);
            let all = words.split(' ').map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" AND ");
            asked.push(|row| _ = row.put(id).put(all));
        }
        let rows = sqlx::query(sql.unfound.clone()).bind(asked.into_json()).fetch_all(&mut **tx).await?;
        found.extend(rows);
    }
    Ok(found)
}

/// The next messages after `last` that can be found.
async fn some(tx: &mut Tx, sql: &SearchSql, last: &mut i64) -> sqlx::Result<Vec<(i64, RoomId, String)>> {
    let rows =
        sqlx::query(sql.some.clone()).bind(*last).bind(limit_column(FILL)).fetch_all(&mut **tx).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        let (id, room, content) = (columns.take()?, columns.room_id()?, columns.take()?);
        *last = id;
        Ok((id, room, content))
    };
    rows.iter().map(read).collect()
}

fn is_found(message: &Message) -> bool {
    !message.deleted && !message.kind.is_system()
}

/// The words of a message as the index keeps them.
fn words(room: RoomId, content: &str) -> String {
    let mut words = room_word(room);
    for word in index_words(content) {
        words.push(' ');
        words.push_str(&word);
    }
    words
}

fn room_word(room: RoomId) -> String {
    format!("{ROOM}{room}")
}

/// The question to the index. Each word stands in quotation marks, and none has one in it.
fn asked(text: &SearchText, scope: &SearchScope) -> String {
    let term = |term: SearchTerm| match term {
        SearchTerm::Whole(word) => format!("\"{word}\""),
        SearchTerm::Beginning(word) => format!("\"{word}\" *"),
    };
    let mut all: Vec<String> = text.terms().into_iter().map(term).collect();
    if let SearchScope::These(rooms) = scope {
        let rooms: Vec<_> = rooms.iter().map(|room| format!("\"{}\"", room_word(room.room))).collect();
        all.push(format!("({})", rooms.join(" OR ")));
    }
    all.join(" AND ")
}

#[cfg(test)]
mod tests;
