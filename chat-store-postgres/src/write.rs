//! Asks the database to write what a commit came to, and reads what became of it.

use std::collections::{HashMap, HashSet};

use chat_core::{
    EventBody,
    model::{ClientId, MemberRow, Message, MessageId, RoomId, RoomKind, Seq, Timestamp, UserId},
};
use sqlx::{Row as _, postgres::PgRow};

use crate::{
    batch::{Batch, LoadedRoom},
    body,
    columns::{folded, history_text, json_column, role_text, room_kind_text, seq_column},
    error::damaged,
    moderation,
    pending::{LoggedEvent, MemberWrite, Newest},
    room::key_columns,
    rows::{Row, Rows},
    search,
    sql::statements,
    store::{Asked, PostgresStore},
};

statements! {
    /// The one writing statement of a commit: the first, or the second where files are concerned.
    WriteSql {
        commit = "SELECT o_id, o_shift, o_at, o_held, o_ids FROM {s}commit_v2(
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
            $24, $25, $26, $27, $28, $29, $30::jsonb)";
        // As that, where it is about blocks, mutes or the audit trail too, files or none. Each function takes something of the one
        // before it, so that they run in this order.
        moderated = "SELECT c.o_id, c.o_shift, c.o_at, c.o_held, c.o_ids, m.done
            FROM {s}hold_blocks_v1($1, $31, $32) AS h (held)
            CROSS JOIN LATERAL {s}commit_files_v2(
                $1 + h.held, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                $22, $23, $24, $25, $26, $27, $28, $29, $30::jsonb) AS c
            CROSS JOIN LATERAL {s}moderate_v1($30::jsonb, $2, c.o_id) AS m (done)";
        commit_files = "SELECT o_id, o_shift, o_at, o_held, o_ids FROM {s}commit_files_v2(
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
            $24, $25, $26, $27, $28, $29, $30::jsonb)";
    }
}

/// What to do about rooms that someone else holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Leave them alone.
    No,
    /// Wait for them, for a while.
    Patiently,
    /// Wait for them as the transaction of the host does that this is part of.
    AsHost,
}

/// The statement that writes everything that is pending in `batch`.
pub(crate) fn ask(store: &PostgresStore, batch: &Batch, wait: Wait) -> sqlx::Result<Asked> {
    let mode: i32 = match wait {
        Wait::No => 0,
        Wait::Patiently => 1,
        Wait::AsHost => 2,
    };
    let (sql, pending) = (&store.sql().write, &batch.pending);
    let (blocking, blocked) = unblocked(batch)?;
    let is_moderated = !blocking.is_empty()
        || !pending.mutes.is_empty()
        || !pending.audit.is_empty()
        || !pending.dropped.is_empty();
    let has_files = !(pending.attached.is_empty() && pending.detached.is_empty());
    let statement = match (is_moderated, has_files) {
        (true, _) => &sql.moderated,
        (false, true) => &sql.commit_files,
        (false, false) => &sql.commit,
    };
    let asked = rooms(store.ask(statement).bind(mode), batch)?;
    let asked = messages(asked, batch)?;
    let (mut users, mut rooms, mut seqs) = (Vec::new(), Vec::new(), Vec::new());
    let places = places(batch);
    for ((room, seq, user), _) in batch.pending.mentions.iter().filter(|(_, stands)| **stands) {
        users.push(user.as_str());
        rooms.push(place(&places, *room)?);
        seqs.push(seq_column(*seq));
    }
    let asked = asked.bind(users).bind(rooms).bind(seqs).bind(more(batch)?);
    if !is_moderated {
        return Ok(asked);
    }
    Ok(asked.bind(blocking).bind(blocked))
}

/// Pairs of which none may stand: the first would have blocked the second. A user beside the empty text may have blocked
/// anyone, and blocks nobody meanwhile.
fn unblocked(batch: &Batch) -> sqlx::Result<(Vec<String>, Vec<String>)> {
    let text = |user: &UserId| user.as_str().to_owned();
    let mut pairs: Vec<_> = batch.unblocked.iter().map(|(user, other)| (text(user), text(other))).collect();
    for id in &batch.pending.created {
        let made = room(batch, *id)?;
        // Whoever made it: a block that did not find the room yet would not count as a change of its rules.
        if made.row.room.kind == RoomKind::Direct {
            pairs.extend(made.members.keys().map(|user| (text(user), String::new())));
        }
    }
    Ok(pairs.into_iter().unzip())
}

/// Where each room is among those that are written, from 1.
fn places(batch: &Batch) -> HashMap<RoomId, i32> {
    batch.pending.touched.iter().copied().zip(1..).collect()
}

fn place(places: &HashMap<RoomId, i32>, room: RoomId) -> sqlx::Result<i32> {
    places.get(&room).copied().ok_or_else(|| damaged("a room that is not to be written"))
}

fn rooms(asked: Asked, batch: &Batch) -> sqlx::Result<Asked> {
    let pending = &batch.pending;
    let count = pending.touched.len();
    let (mut keys, mut rules, mut exact) = (Vec::with_capacity(count), Vec::new(), Vec::new());
    let (mut base_heads, mut base_messages) = (Vec::new(), Vec::new());
    let (mut heads, mut times, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    let (mut members, mut newest) = (Vec::new(), Vec::new());
    for id in &pending.touched {
        let LoadedRoom { row, base, .. } = room(batch, *id)?;
        let is_exact = pending.exact.contains(id);
        keys.push(id.get());
        rules.push(base.rules);
        exact.push(is_exact);
        base_heads.push(seq_column(base.head));
        base_messages.push(counted(base.messages)?);
        heads.push(seq_column(row.head));
        times.push(row.at.as_micros());
        messages.push(counted(row.messages)?);
        members.push(is_exact.then_some(i64::from(row.members)));
        newest.push(match pending.newest.get(id) {
            Some(Newest::At(seq)) => Some(seq_column(*seq)),
            _ => None,
        });
    }
    let asked = asked.bind(keys).bind(rules).bind(exact).bind(base_heads).bind(base_messages);
    Ok(asked.bind(heads).bind(times).bind(messages).bind(members).bind(newest))
}

/// A message to be put into the log.
struct Sent<'b> {
    message: &'b Message,
    ordinal: u64,
    client_id: Option<&'b ClientId>,
    digest: &'b [u8; 16],
}

/// The new messages, in the order in which they were asked for.
fn sent(batch: &Batch) -> sqlx::Result<Vec<Sent<'_>>> {
    let mut sent = Vec::with_capacity(batch.pending.log.len());
    for ((room, seq), logged) in &batch.pending.log {
        if let LoggedEvent::Message { client_id, digest } = &logged.what {
            let message = message(batch, *room, *seq)?;
            sent.push(Sent { message, ordinal: logged.ordinal, client_id: client_id.as_ref(), digest });
        }
    }
    // A batch's own ids descend.
    sent.sort_unstable_by_key(|sent| std::cmp::Reverse(sent.message.id));
    Ok(sent)
}

/// The ids of the new messages, as the batch has them.
pub(crate) fn message_ids(batch: &Batch) -> sqlx::Result<Vec<i64>> {
    Ok(sent(batch)?.iter().map(|sent| sent.message.id.get()).collect())
}

/// Everything but the new messages, as lists of rows; none where there is nothing else.
pub(crate) fn more(batch: &Batch) -> sqlx::Result<Option<String>> {
    More { batch }.into_json()
}

/// Binds the new messages, column by column.
pub(crate) fn messages(asked: Asked, batch: &Batch) -> sqlx::Result<Asked> {
    let sent = sent(batch)?;
    let column = |of: fn(&Message) -> i64| sent.iter().map(|sent| of(sent.message)).collect::<Vec<_>>();
    let opt = |of: fn(&Message) -> Option<Seq>| {
        sent.iter().map(|sent| of(sent.message).map(seq_column)).collect::<Vec<_>>()
    };
    let json =
        |of: fn(&Message) -> Option<String>| sent.iter().map(|sent| of(sent.message)).collect::<Vec<_>>();
    let ordinals = sent.iter().map(|sent| counted(sent.ordinal)).collect::<sqlx::Result<Vec<i64>>>()?;
    let places = places(batch);
    let place = |sent: &Sent<'_>| place(&places, sent.message.room_id);
    let rooms = sent.iter().map(place).collect::<sqlx::Result<Vec<i32>>>()?;
    let sender = |sent: &Sent<'_>| sent.message.sender.as_ref().map_or("", UserId::as_str).to_owned();
    Ok(asked
        .bind(rooms)
        .bind(column(|m| seq_column(m.seq)))
        .bind(ordinals)
        .bind(sent.iter().map(sender).collect::<Vec<String>>())
        .bind(sent.iter().map(|sent| sent.client_id.map(|id| id.as_str())).collect::<Vec<_>>())
        .bind(sent.iter().map(|sent| &sent.digest[..]).collect::<Vec<&[u8]>>())
        .bind(sent.iter().map(|sent| sent.message.kind.as_str()).collect::<Vec<_>>())
        .bind(sent.iter().map(|sent| sent.message.content.as_str()).collect::<Vec<_>>())
        .bind(column(|m| m.at.as_micros()))
        .bind(opt(|m| m.reply_to))
        .bind(opt(|m| m.thread))
        .bind(json(|m| json_column(&m.mentions, m.mentions.is_empty())))
        .bind(json(|m| json_column(&m.attachments, m.attachments.is_empty())))
        .bind(json(|m| json_column(&m.metadata, m.metadata.is_empty())))
        .bind(sent.iter().map(|sent| search::words(sent.message)).collect::<Vec<String>>()))
}

pub(crate) fn counted(count: u64) -> sqlx::Result<i64> {
    i64::try_from(count).map_err(|_| damaged("a number out of its bounds"))
}

fn room(batch: &Batch, id: RoomId) -> sqlx::Result<&LoadedRoom> {
    batch.rooms.get(&id).ok_or_else(|| damaged("a room that was not loaded"))
}

fn message(batch: &Batch, id: RoomId, seq: Seq) -> sqlx::Result<&Message> {
    room(batch, id)?.messages.get(&seq).ok_or_else(|| damaged("a message that was not loaded"))
}

/// All that is not a plain send, as lists of rows.
struct More<'b> {
    batch: &'b Batch,
}

impl More<'_> {
    /// None where there are only plain sends.
    fn into_json(self) -> sqlx::Result<Option<String>> {
        let mut lists = Lists::default();
        self.rooms(&mut lists)?;
        self.log(&mut lists)?;
        self.hanging(&mut lists);
        self.files(&mut lists);
        self.members(&mut lists)?;
        self.moderation(&mut lists)?;
        Ok(lists.into_json())
    }

    fn rooms(&self, lists: &mut Lists) -> sqlx::Result<()> {
        let (mut created, mut keys, mut put) = (Rows::default(), Rows::default(), Rows::default());
        let (mut dropped, mut newest) = (Rows::default(), Rows::default());
        let pending = &self.batch.pending;
        for id in &pending.created {
            let room = &room(self.batch, *id)?.row.room;
            let kind = room_kind_text(room.kind).ok_or_else(|| damaged("a new kind of room"))?;
            let history = history_text(room.history).ok_or_else(|| damaged("a new history mode"))?;
            let (name, metadata) = (room.name.as_deref(), &room.metadata);
            created.push(|r| {
                r.put(id).put(kind).put(name).put(folded(name));
                r.put(json_column(metadata, metadata.is_empty())).put(&room.subject).put(history);
                r.put(room.created_at.as_micros()).put(&room.created_by);
            });
        }
        for (key, room) in &pending.keys {
            let (kind, a, b) = key_columns(key).ok_or_else(|| damaged("a new kind of key"))?;
            keys.push(|r| _ = r.put(kind).put(a).put(b).put(room));
        }
        for id in &pending.put {
            let room = &room(self.batch, *id)?.row.room;
            let history = history_text(room.history).ok_or_else(|| damaged("a new history mode"))?;
            let metadata = json_column(&room.metadata, room.metadata.is_empty());
            let name = room.name.as_deref();
            put.push(|r| _ = r.put(id).put(name).put(folded(name)).put(metadata).put(history));
        }
        for (id, floor) in &pending.dropped {
            dropped.push(|r| _ = r.put(id).put(seq_column(*floor)));
        }
        for id in pending.newest.iter().filter(|(_, newest)| matches!(newest, Newest::Unknown)) {
            newest.push(|r| _ = r.put(id.0));
        }
        lists.add("created", created).add("keys", keys).add("put_rooms", put);
        lists.add("dropped", dropped).add("newest", newest);
        Ok(())
    }

    /// New positions of what is no message, and messages that changed.
    fn log(&self, lists: &mut Lists) -> sqlx::Result<()> {
        let (mut events, mut changed, mut replies) = (Rows::default(), Rows::default(), Rows::default());
        let pending = &self.batch.pending;
        for ((room, seq), logged) in &pending.log {
            let LoggedEvent::Other(event) = &logged.what else { continue };
            let text = body::write(&event.body).ok_or_else(|| damaged("a new kind of event"))?;
            // An event about itself has no target.
            let target = event.body.target().filter(|_| !matches!(event.body, EventBody::Message { .. }));
            events.push(|r| {
                r.put(room).put(seq_column(*seq)).put(logged.ordinal).put(event.body.kind());
                r.put(event.at.as_micros()).put(&event.actor).put(target.map(seq_column)).put(text);
            });
        }
        for (room, seq) in &pending.changed {
            let message = message(self.batch, *room, *seq)?;
            changed.push(|r| {
                r.put(room).put(seq_column(*seq)).put(&message.content);
                r.put(message.edited_at.map(Timestamp::as_micros)).put(message.version).put(message.deleted);
                put_lists(r, message);
                r.put(search::words(message));
            });
        }
        for ((room, root), (count, last)) in &pending.replies {
            replies.push(|r| _ = r.put(room).put(seq_column(*root)).put(count).put(seq_column(*last)));
        }
        lists.add("events", events).add("changed", changed).add("replies", replies);
        Ok(())
    }

    /// What hangs on messages: earlier versions, mentions that are no more, reactions.
    fn hanging(&self, lists: &mut Lists) {
        let (mut cleared, mut edits, mut unmentioned) = (Rows::default(), Rows::default(), Rows::default());
        let (mut unreacted, mut reacted) = (Rows::default(), Rows::default());
        let pending = &self.batch.pending;
        for (room, seq) in &pending.cleared {
            cleared.push(|r| _ = r.put(room).put(seq_column(*seq)));
        }
        for ((room, target, version), (content, at)) in &pending.edits {
            edits.push(|r| {
                r.put(room).put(seq_column(*target)).put(version).put(content).put(at.as_micros());
            });
        }
        for ((room, seq, user), _) in pending.mentions.iter().filter(|(_, stands)| !**stands) {
            unmentioned.push(|r| _ = r.put(user).put(room).put(seq_column(*seq)));
        }
        for ((room, target, emoji, user), made) in &pending.reactions {
            let rows = if made.is_some() { &mut reacted } else { &mut unreacted };
            rows.push(|r| {
                r.put(room).put(seq_column(*target)).put(emoji).put(user).put(made.map(seq_column));
            });
        }
        lists.add("cleared", cleared).add("edits", edits).add("unmentioned", unmentioned);
        lists.add("unreacted", unreacted).add("reacted", reacted);
    }

    /// What messages carry from now on, and messages whose files are gone.
    fn files(&self, lists: &mut Lists) {
        let (mut attached, mut detached) = (Rows::default(), Rows::default());
        let pending = &self.batch.pending;
        for (id, (room, seq)) in &pending.attached {
            attached.push(|r| _ = r.put(id).put(room).put(seq_column(*seq)));
        }
        for (room, seq) in &pending.detached {
            detached.push(|r| _ = r.put(room).put(seq_column(*seq)));
        }
        lists.add("attached", attached).add("detached", detached);
    }

    fn members(&self, lists: &mut Lists) -> sqlx::Result<()> {
        let (mut put, mut gone) = (Rows::default(), Rows::default());
        let (mut banned, mut unbanned) = (Rows::default(), Rows::default());
        for ((room, user), what) in &self.batch.pending.members {
            if *what != MemberWrite::Put {
                gone.push(|r| _ = r.put(room).put(user));
            }
            if *what != MemberWrite::Drop {
                let row = self.member(*room, user)?;
                let role = role_text(row.member.role).ok_or_else(|| damaged("a new role"))?;
                put.push(|r| {
                    r.put(room).put(user).put(role).put(row.member.joined_at.as_micros());
                    r.put(row.member.muted_until.map(Timestamp::as_micros));
                    r.put(seq_column(row.visible_from));
                    r.put(seq_column(row.read)).put(seq_column(row.delivered));
                });
            }
        }
        for (room, user) in &self.batch.pending.bans {
            match self.batch.rooms.get(room).and_then(|state| state.bans.get(user)) {
                Some(ban) => banned.push(|r| {
                    r.put(room).put(user).put(&ban.by).put(ban.at.as_micros());
                    r.put(ban.until.map(Timestamp::as_micros));
                }),
                None => unbanned.push(|r| _ = r.put(room).put(user)),
            }
        }
        lists.add("members", put).add("gone", gone).add("banned", banned).add("unbanned", unbanned);
        Ok(())
    }

    fn moderation(&self, lists: &mut Lists) -> sqlx::Result<()> {
        let (mut muted, mut unmuted) = (Rows::default(), Rows::default());
        for (room, user) in &self.batch.pending.mutes {
            match self.batch.rooms.get(room).and_then(|state| state.mutes.get(user)) {
                Some(until) => muted.push(|r| _ = r.put(room).put(user).put(until.as_micros())),
                None => unmuted.push(|r| _ = r.put(room).put(user)),
            }
        }
        let audit = moderation::rows(&self.batch.pending.audit)?;
        lists.add("muted", muted).add("unmuted", unmuted).add("audit", audit);
        Ok(())
    }

    fn member(&self, id: RoomId, user: &UserId) -> sqlx::Result<&MemberRow> {
        room(self.batch, id)?.members.get(user).ok_or_else(|| damaged("a member that was not loaded"))
    }
}

fn put_lists(row: &mut Row<'_>, message: &Message) {
    row.put(json_column(&message.mentions, message.mentions.is_empty()));
    row.put(json_column(&message.attachments, message.attachments.is_empty()));
    row.put(json_column(&message.metadata, message.metadata.is_empty()));
}

/// Lists of rows under their names, as one object of JSON.
#[derive(Default)]
struct Lists {
    json: String,
}

impl Lists {
    fn add(&mut self, name: &str, rows: Rows) -> &mut Self {
        if !rows.is_empty() {
            self.json.push(if self.json.is_empty() { '{' } else { ',' });
            self.json.push_str(&format!("\"{name}\":{}", rows.into_json()));
        }
        self
    }

    fn into_json(mut self) -> Option<String> {
        if self.json.is_empty() {
            return None;
        }
        self.json.push('}');
        Some(self.json)
    }
}

/// What became of the rooms of a batch. A room in neither is not as the rules saw it.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// By the ids that the batch knows them by.
    pub(crate) rooms: HashMap<RoomId, WrittenRoom>,
    pub(crate) held: HashSet<RoomId>,
    /// Real ids of messages, by the batch's own.
    pub(crate) messages: HashMap<MessageId, MessageId>,
}

/// What became of a room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WrittenRoom {
    pub(crate) id: RoomId,
    /// How far its new positions are from where the rules saw them.
    pub(crate) shift: i64,
    /// The latest time before.
    pub(crate) at: Timestamp,
}

impl Written {
    pub(crate) fn read(row: &PgRow, batch: &Batch) -> sqlx::Result<Self> {
        let id = |id| RoomId::new(id).ok_or_else(|| damaged("a room id out of its bounds"));
        let opt = |column| row.try_get::<Vec<Option<i64>>, _>(column);
        let list =
            |column| Ok::<_, sqlx::Error>(row.try_get::<Option<Vec<i64>>, _>(column)?.unwrap_or_default());
        let mut written = Self::default();
        let columns = opt("o_id")?.into_iter().zip(opt("o_shift")?).zip(opt("o_at")?);
        for (key, column) in batch.pending.touched.iter().zip(columns) {
            if let ((Some(real), Some(shift)), Some(at)) = column {
                let room = WrittenRoom { id: id(real)?, shift, at: Timestamp::from_micros(at) };
                written.rooms.insert(*key, room);
            }
        }
        written.held = list("o_held")?.into_iter().map(id).collect::<sqlx::Result<_>>()?;
        let sent = sent(batch)?;
        let sent = sent.iter().filter(|sent| written.rooms.contains_key(&sent.message.room_id));
        for (sent, real) in sent.zip(list("o_ids")?) {
            let real = MessageId::new(real).ok_or_else(|| damaged("a message id out of its bounds"))?;
            written.messages.insert(sent.message.id, real);
        }
        Ok(written)
    }
}
