//! Writes what a commit came to: a handful of statements, whatever the number of changes.

use chat_core::{
    EventBody,
    model::{MemberRow, Message, RoomId, Seq, UserId},
};
use sqlx::SqlStr;

use crate::{
    attachment::AttachmentSql,
    batch::Batch,
    body,
    columns::{folded, history_text, json_column, role_text, room_kind_text, seq_column},
    error::damaged,
    pending::{LoggedEvent, MemberWrite, Newest},
    room::key_columns,
    rows::{Row, Rows, list},
    sql::statements,
    store::{Sql, Tx},
};

statements! {
    /// What is written in the end. Each takes rows of JSON.
    WriteSql {
        counters = "UPDATE {p}meta SET last_room = max(last_room, ?1), last_message = max(last_message, ?2)";

        forget_search = "DELETE FROM {p}search WHERE rowid IN (
            SELECT m.id FROM json_each(?1) n CROSS JOIN {p}messages m ON m.room = n.value)";
        forget_messages = "DELETE FROM {p}messages WHERE room IN (SELECT value FROM json_each(?1))";
        forget_events = "DELETE FROM {p}room_events WHERE room IN (SELECT value FROM json_each(?1))";
        forget_members = "DELETE FROM {p}members WHERE room IN (SELECT value FROM json_each(?1))";
        forget_bans = "DELETE FROM {p}bans WHERE room IN (SELECT value FROM json_each(?1))";
        forget_mutes = "DELETE FROM {p}mutes WHERE room IN (SELECT value FROM json_each(?1))";
        forget_keys = "DELETE FROM {p}room_keys WHERE room IN (SELECT value FROM json_each(?1))";
        forget_edits = "DELETE FROM {p}edits WHERE room IN (SELECT value FROM json_each(?1))";
        forget_reactions = "DELETE FROM {p}reactions WHERE room IN (SELECT value FROM json_each(?1))";
        forget_mentions = "DELETE FROM {p}mentions WHERE room IN (SELECT value FROM json_each(?1))";

        insert_rooms = "INSERT INTO {p}rooms (id, kind, name, name_folded, metadata, subject, history, created_at,
                created_by, head, at, floor, messages, members, newest, deleted)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
                value ->> 7, value ->> 8, 0, value ->> 7, 0, 0, 0, NULL, 0 FROM json_each(?1)";
        insert_keys = "INSERT INTO {p}room_keys (kind, a, b, room)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1)";
        put_rooms = "UPDATE {p}rooms AS r SET name = n.value ->> 1, name_folded = n.value ->> 2,
                metadata = n.value ->> 3, history = n.value ->> 4
            FROM json_each(?1) n WHERE r.id = n.value ->> 0";
        heads = "UPDATE {p}rooms AS r SET head = n.value ->> 1, at = n.value ->> 2, messages = n.value ->> 3,
                members = n.value ->> 4, newest = ifnull(n.value ->> 5, r.newest)
            FROM json_each(?1) n WHERE r.id = n.value ->> 0";
        newest = "UPDATE {p}rooms AS r SET newest = (SELECT m.seq FROM {p}messages m
                WHERE m.room = r.id AND m.deleted = 0 ORDER BY m.seq DESC LIMIT 1)
            WHERE r.id IN (SELECT value FROM json_each(?1))";
        drop_rooms = "UPDATE {p}rooms AS r SET floor = n.value ->> 1, newest = NULL, deleted = 1
            FROM json_each(?1) n WHERE r.id = n.value ->> 0";

        insert_messages = "INSERT INTO {p}messages (id, room, seq, ordinal, sender, client_id, digest, kind, content,
                at, edited_at, version, deleted, reply_to, thread, mentions, attachments, metadata, replies, last_reply)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, unhex(value ->> 6),
                value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13,
                value ->> 14, value ->> 15, value ->> 16, value ->> 17, 0, NULL FROM json_each(?1)";
        change_messages = "UPDATE {p}messages AS m SET content = n.value ->> 2, edited_at = n.value ->> 3,
                version = n.value ->> 4, deleted = n.value ->> 5, mentions = n.value ->> 6,
                attachments = n.value ->> 7, metadata = n.value ->> 8
            FROM json_each(?1) n WHERE m.room = n.value ->> 0 AND m.seq = n.value ->> 1";
        replies = "UPDATE {p}messages AS m SET replies = m.replies + (n.value ->> 2), last_reply = n.value ->> 3
            FROM json_each(?1) n WHERE m.room = n.value ->> 0 AND m.seq = n.value ->> 1";
        insert_events = "INSERT INTO {p}room_events (room, seq, ordinal, kind, at, actor, target, body)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
                value ->> 7 FROM json_each(?1)";

        clear_edits = "DELETE FROM {p}edits
            WHERE (room, target) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";
        clear_reactions = "DELETE FROM {p}reactions
            WHERE (room, target) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";
        insert_edits = "INSERT INTO {p}edits (room, target, version, content, at)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1)";
        drop_mentions = "DELETE FROM {p}mentions
            WHERE (user, room, seq) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1))";
        insert_mentions = "INSERT INTO {p}mentions (user, room, seq)
            SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING";
        drop_reactions = "DELETE FROM {p}reactions WHERE (room, target, emoji, user) IN (
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1))";
        insert_reactions = "INSERT INTO {p}reactions (room, target, emoji, user, seq)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1) WHERE true
            ON CONFLICT (room, target, emoji, user) DO UPDATE SET seq = excluded.seq";

        put_members = "INSERT INTO {p}members (room, user, role, joined_at, muted_until, visible_from, read, delivered)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
                value ->> 7 FROM json_each(?1) WHERE true
            ON CONFLICT (room, user) DO UPDATE SET role = excluded.role, joined_at = excluded.joined_at,
                muted_until = excluded.muted_until, visible_from = excluded.visible_from, read = excluded.read,
                delivered = excluded.delivered";
        move_pointers = "UPDATE {p}members AS m SET read = n.value ->> 2, delivered = n.value ->> 3
            FROM json_each(?1) n WHERE m.room = n.value ->> 0 AND m.user = n.value ->> 1";
        drop_members = "DELETE FROM {p}members
            WHERE (room, user) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";
        put_bans = "INSERT INTO {p}bans (room, user, banned_by, at, until)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1) WHERE true
            ON CONFLICT (room, user) DO UPDATE SET banned_by = excluded.banned_by, at = excluded.at,
                until = excluded.until";
        put_mutes = "INSERT INTO {p}mutes (room, user, until)
            SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
            ON CONFLICT (room, user) DO UPDATE SET until = excluded.until";
        drop_mutes = "DELETE FROM {p}mutes
            WHERE (room, user) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";
        drop_bans = "DELETE FROM {p}bans
            WHERE (room, user) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";
    }
}

/// Writes everything that is pending in `batch`.
pub(crate) async fn write(tx: &mut Tx, all: &Sql, batch: &Batch) -> sqlx::Result<()> {
    let sql = &all.write;
    let mut writer = Writer { tx, sql, batch };
    if batch.pending.ids_given {
        sqlx::query(sql.counters.clone())
            .bind(batch.last_room)
            .bind(batch.last_message)
            .execute(&mut **writer.tx)
            .await?;
    }
    // What is forgotten goes first, so that what this commit adds to a dropped room's log stays.
    writer.forget().await?;
    writer.rooms().await?;
    writer.log().await?;
    writer.hanging().await?;
    writer.files(&all.attachment).await?;
    writer.members().await?;
    writer.newest().await
}

struct Writer<'b> {
    tx: &'b mut Tx,
    sql: &'b WriteSql,
    batch: &'b Batch,
}

impl Writer<'_> {
    async fn run(&mut self, statement: &SqlStr, rows: Rows) -> sqlx::Result<()> {
        if !rows.is_empty() {
            self.run_json(statement, rows.into_json()).await?;
        }
        Ok(())
    }

    async fn run_json(&mut self, statement: &SqlStr, json: String) -> sqlx::Result<()> {
        sqlx::query(statement.clone()).bind(json).execute(&mut **self.tx).await.map(drop)
    }

    /// Everything that hangs on dropped rooms.
    async fn forget(&mut self) -> sqlx::Result<()> {
        let sql = self.sql;
        let dropped = &self.batch.pending.dropped;
        if dropped.is_empty() {
            return Ok(());
        }
        let rooms = list(dropped.keys());
        for statement in [
            // Before the messages, whose ids it needs.
            &sql.forget_search,
            &sql.forget_messages,
            &sql.forget_events,
            &sql.forget_members,
            &sql.forget_bans,
            &sql.forget_mutes,
            &sql.forget_keys,
            &sql.forget_edits,
            &sql.forget_reactions,
            &sql.forget_mentions,
        ] {
            self.run_json(statement, rooms.clone()).await?;
        }
        Ok(())
    }

    async fn rooms(&mut self) -> sqlx::Result<()> {
        let (mut created, mut keys, mut put, mut heads, mut dropped) =
            (Rows::default(), Rows::default(), Rows::default(), Rows::default(), Rows::default());
        let pending = &self.batch.pending;
        for id in &pending.created {
            let row = self.room(*id)?;
            let kind = room_kind_text(row.room.kind).ok_or_else(|| damaged("a new kind of room"))?;
            let history = history_text(row.room.history).ok_or_else(|| damaged("a new history mode"))?;
            let (name, metadata) = (row.room.name.as_deref(), &row.room.metadata);
            created.push(|r| {
                r.put(id).put(kind).put(name).put(folded(name));
                r.put(json_column(metadata, metadata.is_empty())).put(&row.room.subject).put(history);
                r.put(row.room.created_at.as_micros()).put(&row.room.created_by);
            });
        }
        for (key, room) in &pending.keys {
            let (kind, a, b) = key_columns(key).ok_or_else(|| damaged("a new kind of key"))?;
            keys.push(|r| _ = r.put(kind).put(a).put(b).put(room));
        }
        for id in &pending.put {
            let room = &self.room(*id)?.room;
            let history = history_text(room.history).ok_or_else(|| damaged("a new history mode"))?;
            let metadata = json_column(&room.metadata, room.metadata.is_empty());
            let name = room.name.as_deref();
            put.push(|r| _ = r.put(id).put(name).put(folded(name)).put(metadata).put(history));
        }
        for id in &pending.touched {
            let row = self.room(*id)?;
            let newest = match pending.newest.get(id) {
                Some(Newest::At(seq)) => Some(seq_column(*seq)),
                _ => None,
            };
            heads.push(|r| {
                r.put(id).put(seq_column(row.head)).put(row.at.as_micros());
                r.put(row.messages).put(row.members).put(newest);
            });
        }
        for (id, floor) in &pending.dropped {
            dropped.push(|r| _ = r.put(id).put(seq_column(*floor)));
        }
        let sql = self.sql;
        self.run(&sql.insert_rooms, created).await?;
        self.run(&sql.insert_keys, keys).await?;
        self.run(&sql.put_rooms, put).await?;
        self.run(&sql.heads, heads).await?;
        self.run(&sql.drop_rooms, dropped).await
    }

    fn room(&self, id: RoomId) -> sqlx::Result<&chat_core::store::decide::RoomRow> {
        self.batch.rooms.get(&id).map(|room| &room.row).ok_or_else(|| damaged("a room that was not loaded"))
    }

    fn message(&self, room: RoomId, seq: Seq) -> sqlx::Result<&Message> {
        let room = self.batch.rooms.get(&room);
        room.and_then(|room| room.messages.get(&seq)).ok_or_else(|| damaged("a message that was not loaded"))
    }

    fn member(&self, room: RoomId, user: &UserId) -> sqlx::Result<&MemberRow> {
        let room = self.batch.rooms.get(&room);
        room.and_then(|room| room.members.get(user)).ok_or_else(|| damaged("a member that was not loaded"))
    }

    /// New positions, and messages that changed.
    async fn log(&mut self) -> sqlx::Result<()> {
        let (mut sent, mut events, mut changed, mut replies) =
            (Rows::default(), Rows::default(), Rows::default(), Rows::default());
        let pending = &self.batch.pending;
        for ((room, seq), logged) in &pending.log {
            match &logged.what {
                LoggedEvent::Message { client_id, digest } => {
                    let message = self.message(*room, *seq)?;
                    sent.push(|r| {
                        r.put(message.id).put(room).put(seq_column(*seq)).put(logged.ordinal);
                        r.put(&message.sender).put(client_id).put_hex(digest).put(&message.kind);
                        r.put(&message.content).put(message.at.as_micros());
                        r.put(message.edited_at.map(|at| at.as_micros())).put(message.version);
                        r.put(u8::from(message.deleted)).put(message.reply_to.map(seq_column));
                        r.put(message.thread.map(seq_column));
                        put_lists(r, message);
                    });
                }
                LoggedEvent::Other(event) => {
                    let text = body::write(&event.body).ok_or_else(|| damaged("a new kind of event"))?;
                    // An event about itself has no target.
                    let target = event.body.target().filter(|_| !is_message(&event.body));
                    events.push(|r| {
                        r.put(room).put(seq_column(*seq)).put(logged.ordinal).put(event.body.kind());
                        r.put(event.at.as_micros()).put(&event.actor).put(target.map(seq_column)).put(text);
                    });
                }
            }
        }
        for (room, seq) in &pending.changed {
            let message = self.message(*room, *seq)?;
            changed.push(|r| {
                r.put(room).put(seq_column(*seq)).put(&message.content);
                r.put(message.edited_at.map(|at| at.as_micros())).put(message.version);
                r.put(u8::from(message.deleted));
                put_lists(r, message);
            });
        }
        for ((room, root), (count, last)) in &pending.replies {
            replies.push(|r| _ = r.put(room).put(seq_column(*root)).put(count).put(seq_column(*last)));
        }
        let sql = self.sql;
        self.run(&sql.insert_messages, sent).await?;
        self.run(&sql.insert_events, events).await?;
        self.run(&sql.change_messages, changed).await?;
        self.run(&sql.replies, replies).await
    }

    /// What hangs on messages: earlier versions, mentions, reactions.
    async fn hanging(&mut self) -> sqlx::Result<()> {
        let (mut cleared, mut edits, mut unmentioned, mut mentioned, mut unreacted, mut reacted) = (
            Rows::default(),
            Rows::default(),
            Rows::default(),
            Rows::default(),
            Rows::default(),
            Rows::default(),
        );
        let pending = &self.batch.pending;
        for (room, seq) in &pending.cleared {
            cleared.push(|r| _ = r.put(room).put(seq_column(*seq)));
        }
        for ((room, target, version), (content, at)) in &pending.edits {
            edits.push(|r| {
                r.put(room).put(seq_column(*target)).put(version).put(content).put(at.as_micros());
            });
        }
        for ((room, seq, user), stands) in &pending.mentions {
            let rows = if *stands { &mut mentioned } else { &mut unmentioned };
            rows.push(|r| _ = r.put(user).put(room).put(seq_column(*seq)));
        }
        for ((room, target, emoji, user), made) in &pending.reactions {
            let rows = if made.is_some() { &mut reacted } else { &mut unreacted };
            rows.push(|r| {
                r.put(room).put(seq_column(*target)).put(emoji).put(user).put(made.map(seq_column));
            });
        }
        let sql = self.sql;
        if !cleared.is_empty() {
            let cleared = cleared.into_json();
            self.run_json(&sql.clear_edits, cleared.clone()).await?;
            self.run_json(&sql.clear_reactions, cleared).await?;
        }
        self.run(&sql.insert_edits, edits).await?;
        self.run(&sql.drop_mentions, unmentioned).await?;
        self.run(&sql.insert_mentions, mentioned).await?;
        self.run(&sql.drop_reactions, unreacted).await?;
        self.run(&sql.insert_reactions, reacted).await
    }

    /// What messages carry, and what those carried that are gone.
    async fn files(&mut self, sql: &AttachmentSql) -> sqlx::Result<()> {
        let (mut attached, mut detached) = (Rows::default(), Rows::default());
        let pending = &self.batch.pending;
        for (id, (room, seq)) in &pending.attached {
            attached.push(|r| _ = r.put(id).put(room).put(seq_column(*seq)));
        }
        for (room, seq) in &pending.detached {
            detached.push(|r| _ = r.put(room).put(seq_column(*seq)));
        }
        self.run(&sql.attach, attached).await?;
        self.run(&sql.detach, detached).await?;
        if pending.dropped.is_empty() {
            return Ok(());
        }
        self.run_json(&sql.detach_rooms, list(pending.dropped.keys())).await
    }

    async fn members(&mut self) -> sqlx::Result<()> {
        let (mut put, mut moved, mut dropped, mut banned, mut unbanned) =
            (Rows::default(), Rows::default(), Rows::default(), Rows::default(), Rows::default());
        let pending = &self.batch.pending;
        for ((room, user), what) in &pending.members {
            match what {
                MemberWrite::Put => {
                    let row = self.member(*room, user)?;
                    let role = role_text(row.member.role).ok_or_else(|| damaged("a new role"))?;
                    put.push(|r| {
                        r.put(room).put(user).put(role).put(row.member.joined_at.as_micros());
                        r.put(row.member.muted_until.map(|until| until.as_micros()));
                        r.put(seq_column(row.visible_from));
                        r.put(seq_column(row.read)).put(seq_column(row.delivered));
                    });
                }
                MemberWrite::Pointers => {
                    let row = self.member(*room, user)?;
                    moved.push(|r| {
                        r.put(room).put(user).put(seq_column(row.read)).put(seq_column(row.delivered));
                    });
                }
                MemberWrite::Drop => dropped.push(|r| _ = r.put(room).put(user)),
            }
        }
        for (room, user) in &pending.bans {
            let ban = self.batch.rooms.get(room).and_then(|state| state.bans.get(user));
            match ban {
                Some(ban) => banned.push(|r| {
                    r.put(room).put(user).put(&ban.by).put(ban.at.as_micros());
                    r.put(ban.until.map(|until| until.as_micros()));
                }),
                None => unbanned.push(|r| _ = r.put(room).put(user)),
            }
        }
        let (mut muted, mut unmuted) = (Rows::default(), Rows::default());
        for (room, user) in &pending.mutes {
            match self.batch.rooms.get(room).and_then(|state| state.mutes.get(user)) {
                Some(until) => muted.push(|r| _ = r.put(room).put(user).put(until.as_micros())),
                None => unmuted.push(|r| _ = r.put(room).put(user)),
            }
        }
        let sql = self.sql;
        self.run(&sql.put_mutes, muted).await?;
        self.run(&sql.drop_mutes, unmuted).await?;
        self.run(&sql.put_members, put).await?;
        self.run(&sql.move_pointers, moved).await?;
        self.run(&sql.drop_members, dropped).await?;
        self.run(&sql.put_bans, banned).await?;
        self.run(&sql.drop_bans, unbanned).await
    }

    /// The newest message of rooms whose newest was deleted, perhaps.
    async fn newest(&mut self) -> sqlx::Result<()> {
        let unknown: Vec<RoomId> = self
            .batch
            .pending
            .newest
            .iter()
            .filter(|(_, newest)| matches!(newest, Newest::Unknown))
            .map(|(room, _)| *room)
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        self.run_json(&self.sql.newest, list(unknown)).await
    }
}

const fn is_message(body: &EventBody) -> bool {
    matches!(body, EventBody::Message { .. })
}

fn put_lists(row: &mut Row<'_>, message: &Message) {
    row.put(json_column(&message.mentions, message.mentions.is_empty()));
    row.put(json_column(&message.attachments, message.attachments.is_empty()));
    row.put(json_column(&message.metadata, message.metadata.is_empty()));
}
