//! Messages as answers show them.

use async_trait::async_trait;
use chat_core::{
    model::{MessageId, MessageVersion, MessageView, ReactionCount, RoomId, Seq, ThreadSummary},
    store::{MessagePage, MessageQuery, MessageStore, Range, SearchPage, SearchQuery, StoreError},
};
use serde_json::Value;
use sqlx::postgres::PgRow;

use crate::{
    PostgresStore,
    columns::{Columns, limit_column, message_columns, parse, seq_column},
    error::failed,
    search,
    sql::statements,
};

/// Messages of the room `$1` above `$2`, at most `$4` below `$3` and at most `$6` from `$5` on, with their reactions
/// for the viewer `$7`; and in each row the room's head, which is there without a message too.
macro_rules! page {
    ($only:literal) => {
        concat!(
            "SELECT r.head, l.is_before, ",
            message_columns!(),
            ", m.replies, m.last_reply,
             (SELECT json_agg(json_build_array(c.emoji, c.count, c.mine) ORDER BY c.first)::text FROM (
                 SELECT x.emoji, count(*) AS count, coalesce(bool_or(x.user_id = $7::text), false) AS mine,
                     min(x.seq) AS first
                 FROM {s}reactions x WHERE x.room = m.room AND x.target = m.seq GROUP BY x.emoji) c)
             FROM {s}rooms r LEFT JOIN LATERAL (
                 (SELECT m.seq, true AS is_before FROM {s}messages m
                 WHERE m.room = $1 AND m.seq < $3 AND m.seq > $2",
            $only,
            " ORDER BY m.seq DESC LIMIT $4)
                 UNION ALL
                 (SELECT m.seq, false FROM {s}messages m
                 WHERE m.room = $1 AND m.seq >= greatest($5, $2 + 1)",
            $only,
            " ORDER BY m.seq LIMIT $6)) l ON true
             LEFT JOIN {s}messages m ON m.room = $1 AND m.seq = l.seq
             WHERE r.id = $1 ORDER BY l.seq"
        )
    };
}

statements! {
    /// Reading messages.
    MessageSql {
        page = page!("");
        thread = page!(" AND m.thread = $8");
        find = "SELECT m.room, m.seq FROM unnest($1::bigint[]) WITH ORDINALITY AS n (id, ord)
            LEFT JOIN {s}messages m ON m.id = n.id ORDER BY n.ord";
        versions = "SELECT version, content, at FROM {s}edits WHERE room = $1 AND target = $2
            ORDER BY version LIMIT $3";
    }
}

#[async_trait]
impl MessageStore for PostgresStore {
    async fn search(&self, query: &SearchQuery) -> Result<SearchPage, StoreError> {
        search::search(self, query).await
    }

    async fn messages(&self, room: RoomId, query: &MessageQuery) -> Result<MessagePage, StoreError> {
        const OPERATION: &str = "messages";
        // One more than asked for tells whether there are more.
        let (before, from) = match query.range {
            Range::Before(seq) => ((seq, query.limit.saturating_add(1)), (seq, 0)),
            Range::After(seq) => ((seq, 0), (seq.next(), query.limit.saturating_add(1))),
            Range::Around(seq) => {
                ((seq, (query.limit / 2).saturating_add(1)), (seq, query.limit - query.limit / 2))
            }
        };
        let sql = &self.sql().message;
        let mut asked = self
            .ask(if query.thread.is_some() { &sql.thread } else { &sql.page })
            .bind(room.get())
            // One is added to it, which the greatest number would not bear.
            .bind(seq_column(query.visible_from).min(i64::MAX - 1))
            .bind(seq_column(before.0))
            .bind(limit_column(before.1))
            .bind(seq_column(from.0))
            .bind(limit_column(from.1))
            .bind(query.viewer.as_ref().map(|user| user.as_str().to_owned()));
        if let Some(root) = query.thread {
            asked = asked.bind(seq_column(root));
        }
        let rows = self.read(OPERATION, asked).await?;
        page(&rows, query).map_err(failed(OPERATION))
    }

    async fn find_messages(&self, messages: &[MessageId]) -> Result<Vec<Option<(RoomId, Seq)>>, StoreError> {
        const OPERATION: &str = "find_messages";
        let ids: Vec<i64> = messages.iter().map(|id| id.get()).collect();
        let rows = self.read(OPERATION, self.ask(&self.sql().message.find).bind(ids)).await?;
        let place = |row: &PgRow| {
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
        let asked = self
            .ask(&self.sql().message.versions)
            .bind(room.get())
            .bind(seq_column(target))
            .bind(limit_column(limit));
        let rows = self.read(OPERATION, asked).await?;
        let version = |row: &PgRow| {
            let mut columns = Columns::of(row);
            Ok(MessageVersion { version: columns.count()?, content: columns.take()?, at: columns.time()? })
        };
        rows.iter().map(version).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }
}

fn page(rows: &[PgRow], query: &MessageQuery) -> sqlx::Result<MessagePage> {
    let (mut earlier, mut later) = (Vec::new(), Vec::new());
    let mut as_of = Seq::ZERO;
    for row in rows {
        let mut columns = Columns::of(row);
        as_of = columns.seq()?;
        let Some(is_before) = columns.take::<Option<bool>>()? else { continue };
        if is_before { &mut earlier } else { &mut later }.push(view(columns)?);
    }
    let most = match query.range {
        Range::Around(_) => query.limit / 2,
        _ => query.limit,
    };
    let mut more = earlier.len() > most;
    if more {
        earlier.remove(0);
    }
    if matches!(query.range, Range::After(_)) {
        more = later.len() > query.limit;
        later.truncate(query.limit);
    }
    earlier.append(&mut later);
    Ok(MessagePage { messages: earlier, as_of, more })
}

fn view(mut columns: Columns<'_>) -> sqlx::Result<MessageView> {
    let message = columns.message()?;
    let (count, last): (u32, Option<Seq>) = (columns.count()?, columns.seq_opt()?);
    let replies = last.map(|last_seq| ThreadSummary { count, last_seq });
    let counted: Vec<Vec<Value>> = columns.take::<Option<&str>>()?.map_or_else(|| Ok(Vec::new()), parse)?;
    let reaction = |row: &Vec<Value>| {
        let mut columns = Columns::of_json(row);
        Ok(ReactionCount { emoji: columns.emoji()?, count: columns.count()?, mine: columns.flag()? })
    };
    let reactions = counted.iter().map(reaction).collect::<sqlx::Result<_>>()?;
    Ok(MessageView { message, reactions, replies, status: None })
}
