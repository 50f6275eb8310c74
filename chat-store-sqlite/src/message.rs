//! Messages as answers show them.

use std::collections::HashMap;

use async_trait::async_trait;
use chat_core::{
    model::{MessageId, MessageVersion, MessageView, ReactionCount, RoomId, Seq, ThreadSummary, UserId},
    store::{MessagePage, MessageQuery, MessageStore, Range, SearchPage, SearchQuery, StoreError},
};
use sqlx::{SqlStr, sqlite::SqliteRow};

use crate::{
    SqliteStore,
    columns::{Columns, limit_column, message_columns, seq_column},
    error::failed,
    rows::list,
    search,
    sql::statements,
    store::Tx,
};

/// Messages of the room `?1` above `?3`, on one side of `?2`, at most `?4`.
macro_rules! page {
    ($from:literal, $places:literal, $order:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            ", m.replies, m.last_reply FROM ",
            $from,
            " WHERE m.room = ?1 AND ",
            $places,
            " ORDER BY m.seq",
            $order,
            " LIMIT ?4"
        )
    };
}

statements! {
    /// Reading messages.
    MessageSql {
        before = page!("{p}messages m", "m.seq < ?2 AND m.seq > ?3", " DESC");
        from = page!("{p}messages m", "m.seq >= max(?2, ?3 + 1)", "");
        thread_before = page!("{p}messages m INDEXED BY {p}messages_thread",
            "m.thread = ?5 AND m.seq < ?2 AND m.seq > ?3", " DESC");
        thread_from = page!("{p}messages m INDEXED BY {p}messages_thread",
            "m.thread = ?5 AND m.seq >= max(?2, ?3 + 1)", "");
        find = "SELECT m.room, m.seq FROM json_each(?1) n LEFT JOIN {p}messages m ON m.id = n.value ORDER BY n.key";
        head = "SELECT head FROM {p}rooms WHERE id = ?1";
        reactions = "SELECT x.target, x.emoji, count(*), ifnull(max(x.user = ?3), 0) FROM json_each(?2) n
            CROSS JOIN {p}reactions x ON x.room = ?1 AND x.target = n.value
            GROUP BY x.target, x.emoji ORDER BY x.target, min(x.seq)";
        versions = "SELECT version, content, at FROM {p}edits WHERE room = ?1 AND target = ?2
            ORDER BY version LIMIT ?3";
    }
}

#[async_trait]
impl MessageStore for SqliteStore {
    async fn messages(&self, room: RoomId, query: &MessageQuery) -> Result<MessagePage, StoreError> {
        const OPERATION: &str = "messages";
        let mut tx = self.read(OPERATION).await?;
        page(&mut tx, &self.sql().message, room, query).await.map_err(failed(OPERATION))
    }

    async fn find_messages(&self, messages: &[MessageId]) -> Result<Vec<Option<(RoomId, Seq)>>, StoreError> {
        const OPERATION: &str = "find_messages";
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().message.find.clone())
            .bind(list(messages))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let place = |row: &SqliteRow| {
            let mut columns = Columns::of(row);
            if columns.peek_is_null()? { Ok(None) } else { Ok(Some((columns.room_id()?, columns.seq()?))) }
        };
        rows.iter().map(place).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn versions(
        &self,
        room: RoomId,
        target: Seq,
        limit: usize,
    ) -> Result<Vec<MessageVersion>, StoreError> {
        const OPERATION: &str = "versions";
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().message.versions.clone())
            .bind(room.get())
            .bind(seq_column(target))
            .bind(limit_column(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let version = |row: &SqliteRow| {
            let mut columns = Columns::of(row);
            Ok(MessageVersion { version: columns.count()?, content: columns.take()?, at: columns.time()? })
        };
        rows.iter().map(version).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn search(&self, query: &SearchQuery) -> Result<SearchPage, StoreError> {
        const OPERATION: &str = "search";
        let mut tx = self.read(OPERATION).await?;
        search::search(&mut tx, &self.sql().search, query).await.map_err(failed(OPERATION))
    }
}

/// A side of a page.
struct Side<'q> {
    statement: &'q SqlStr,
    place: Seq,
    limit: usize,
}

async fn page(
    tx: &mut Tx,
    sql: &MessageSql,
    room: RoomId,
    query: &MessageQuery,
) -> sqlx::Result<MessagePage> {
    let head = sqlx::query(sql.head.clone()).bind(room.get()).fetch_optional(&mut **tx).await?;
    let Some(head) = head else { return Ok(MessagePage::default()) };
    let as_of = Columns::of(&head).seq()?;
    let (before, from) = match query.thread {
        Some(_) => (&sql.thread_before, &sql.thread_from),
        None => (&sql.before, &sql.from),
    };
    // One more than asked for tells whether there are more.
    let (earlier, later) = match query.range {
        Range::Before(seq) => (Some((seq, query.limit)), None),
        Range::After(seq) => (None, Some((seq.next(), query.limit.saturating_add(1)))),
        Range::Around(seq) => (Some((seq, query.limit / 2)), Some((seq, query.limit - query.limit / 2))),
    };
    let (mut messages, mut more) = (Vec::new(), false);
    if let Some((place, limit)) = earlier {
        let side = Side { statement: before, place, limit: limit.saturating_add(1) };
        messages = read(tx, side, room, query).await?;
        more = messages.len() > limit;
        messages.truncate(limit);
        messages.reverse();
    }
    if let Some((place, limit)) = later {
        messages.extend(read(tx, Side { statement: from, place, limit }, room, query).await?);
    }
    if matches!(query.range, Range::After(_)) {
        more = messages.len() > query.limit;
        messages.truncate(query.limit);
    }
    react(tx, sql, room, query.viewer.as_ref(), &mut messages).await?;
    Ok(MessagePage { messages, as_of, more })
}

async fn read(
    tx: &mut Tx,
    side: Side<'_>,
    room: RoomId,
    query: &MessageQuery,
) -> sqlx::Result<Vec<MessageView>> {
    let mut asked = sqlx::query(side.statement.clone())
        .bind(room.get())
        .bind(seq_column(side.place))
        .bind(seq_column(query.visible_from))
        .bind(limit_column(side.limit));
    if let Some(root) = query.thread {
        asked = asked.bind(seq_column(root));
    }
    asked.fetch_all(&mut **tx).await?.iter().map(view).collect()
}

/// A message, as yet without its reactions.
fn view(row: &SqliteRow) -> sqlx::Result<MessageView> {
    let mut columns = Columns::of(row);
    let message = columns.message()?;
    let (count, last): (u32, Option<Seq>) = (columns.count()?, columns.seq_opt()?);
    let replies = last.map(|last_seq| ThreadSummary { count, last_seq });
    Ok(MessageView { message, reactions: Vec::new(), replies, status: None })
}

/// Puts reactions to their messages.
async fn react(
    tx: &mut Tx,
    sql: &MessageSql,
    room: RoomId,
    viewer: Option<&UserId>,
    messages: &mut [MessageView],
) -> sqlx::Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(sql.reactions.clone())
        .bind(room.get())
        .bind(list(messages.iter().map(|view| view.message.seq)))
        .bind(viewer.map(|user| user.as_str().to_owned()))
        .fetch_all(&mut **tx)
        .await?;
    let mut found: HashMap<Seq, Vec<ReactionCount>> = HashMap::new();
    for row in &rows {
        let mut columns = Columns::of(row);
        let target = columns.seq()?;
        let reaction =
            ReactionCount { emoji: columns.emoji()?, count: columns.count()?, mine: columns.flag()? };
        found.entry(target).or_default().push(reaction);
    }
    for view in messages {
        view.reactions = found.remove(&view.message.seq).unwrap_or_default();
    }
    Ok(())
}
