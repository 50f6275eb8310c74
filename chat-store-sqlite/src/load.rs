//! Loads what a commit's changes need: a handful of statements, whatever the number of changes.

use std::collections::{BTreeSet, HashMap};

use chat_core::{
    model::{AttachmentId, Ban, MemberRow, RoomId, RoomKind, Seq, UserId},
    store::{
        Change, RoomKey,
        decide::{Needs, RoomRow, Sent},
    },
};
use sqlx::{SqlStr, sqlite::SqliteRow};

use crate::{
    attachment,
    batch::{Batch, LoadedRoom},
    columns::{Columns, limit_column, message_columns, room_columns, seq_column},
    error::damaged,
    rows::{Rows, list},
    sql::statements,
    store::{Sql, Tx},
};

/// What a [`RoomRow`] is made of.
macro_rules! room_row_columns {
    () => {
        concat!(room_columns!(), ", r.head, r.at, r.messages, r.members, r.deleted")
    };
}

statements! {
    /// What is read before the rules judge. `CROSS JOIN` keeps the order: from the keys given to the rows found.
    LoadSql {
        counters = "SELECT last_room, last_message FROM {p}meta";
        rooms = concat!(
            "SELECT ", room_row_columns!(), " FROM json_each(?1) n CROSS JOIN {p}rooms r ON r.id = n.value");
        keys = concat!(
            "SELECT n.key, ", room_row_columns!(), " FROM json_each(?1) n
             CROSS JOIN {p}room_keys k ON k.kind = n.value ->> 0 AND k.a = n.value ->> 1 AND k.b = n.value ->> 2
             CROSS JOIN {p}rooms r ON r.id = k.room");
        users = "SELECT n.key, m.role, m.joined_at, m.muted_until, m.visible_from, m.read, m.delivered,
                b.user IS NOT NULL, b.banned_by, b.at, b.until, t.until
            FROM json_each(?1) n
            LEFT JOIN {p}members m ON m.room = n.value ->> 0 AND m.user = n.value ->> 1
            LEFT JOIN {p}bans b ON b.room = n.value ->> 0 AND b.user = n.value ->> 1
            LEFT JOIN {p}mutes t ON t.room = n.value ->> 0 AND t.user = n.value ->> 1
            WHERE m.user IS NOT NULL OR b.user IS NOT NULL OR t.user IS NOT NULL";
        blocks = "SELECT n.key FROM json_each(?1) n
            CROSS JOIN {p}blocks x ON x.user = n.value ->> 0 AND x.blocked = n.value ->> 1";
        peers = "SELECT m.room, x.blocked FROM json_each(?1) n CROSS JOIN {p}members m ON m.room = n.value
            CROSS JOIN {p}members o ON o.room = m.room AND o.user <> m.user
            CROSS JOIN {p}blocks x ON x.user = o.user AND x.blocked = m.user";
        standing = "SELECT m.room, m.user, m.role, m.joined_at, m.muted_until, m.visible_from, m.read, m.delivered
            FROM json_each(?1) n CROSS JOIN json_each(json_array('owner', 'moderator', 'member')) k
            CROSS JOIN {p}members m ON m.room = n.value AND m.user IN (
                SELECT s.user FROM {p}members s WHERE s.room = n.value AND s.role = k.value
                ORDER BY s.joined_at, s.user LIMIT ?2)";
        messages = concat!(
            "SELECT ", message_columns!(), ", m.client_id, m.digest FROM json_each(?1) n
             CROSS JOIN {p}messages m ON m.room = n.value ->> 0 AND m.seq = n.value ->> 1");
        sent = concat!(
            "SELECT ", message_columns!(), ", m.client_id, m.digest FROM json_each(?1) n
             CROSS JOIN {p}messages m
             ON m.room = n.value ->> 0 AND ifnull(m.sender, '') = n.value ->> 1 AND m.client_id = n.value ->> 2");
        reactions = "SELECT n.key, x.emoji, count(*), max(x.user = n.value ->> 2)
            FROM json_each(?1) n CROSS JOIN {p}reactions x ON x.room = n.value ->> 0 AND x.target = n.value ->> 1
            GROUP BY n.key, x.emoji";
    }
}

/// Everything that `changes` need, as it stands in this transaction.
pub(crate) async fn load(tx: &mut Tx, all: &Sql, changes: &[Change]) -> sqlx::Result<Batch> {
    load_needs(tx, all, changes.iter().map(Needs::of)).await
}

/// All those needs, as they stand in this transaction.
pub(crate) async fn load_needs(
    tx: &mut Tx,
    all: &Sql,
    needs: impl Iterator<Item = Needs>,
) -> sqlx::Result<Batch> {
    let sql = &all.load;
    let wanted = Wanted::of(needs);
    let mut batch = Batch::default();
    let counters = sqlx::query(sql.counters.clone()).fetch_one(&mut **tx).await?;
    let mut columns = Columns::of(&counters);
    (batch.last_room, batch.last_message) = (columns.take()?, columns.take()?);
    if !wanted.rooms.is_empty() {
        for row in fetch(tx, &sql.rooms, list(&wanted.rooms)).await? {
            let row = room_row(&mut Columns::of(&row))?;
            batch.rooms.insert(row.room.id, LoadedRoom::new(row));
        }
    }
    keys(tx, sql, wanted.keys, &mut batch).await?;
    users(tx, sql, wanted.users, &mut batch).await?;
    blocks(tx, sql, wanted.blocks, &mut batch).await?;
    peers(tx, sql, &wanted.peers, &mut batch).await?;
    if !wanted.succession.is_empty() {
        standing(tx, sql, &wanted.succession, &mut batch).await?;
    }
    if !wanted.messages.is_empty() {
        let mut places = Rows::default();
        for (room, seq) in &wanted.messages {
            places.push(|row| _ = row.put(room).put(seq_column(*seq)));
        }
        messages(tx, &sql.messages, places, &mut batch).await?;
    }
    if !wanted.sent.is_empty() {
        messages(tx, &sql.sent, wanted.sent, &mut batch).await?;
    }
    reactions(tx, sql, wanted.reactions, &mut batch).await?;
    if !wanted.files.is_empty() {
        let files = attachment::load(tx, &all.attachment.load, &wanted.files).await?;
        batch.files.extend(files.into_iter().map(|stored| (stored.attachment.id.clone(), stored)));
    }
    Ok(batch)
}

/// The needs of all changes, each once.
#[derive(Default)]
struct Wanted {
    rooms: BTreeSet<RoomId>,
    keys: BTreeSet<RoomKey>,
    users: BTreeSet<(RoomId, UserId)>,
    blocks: BTreeSet<(UserId, UserId)>,
    /// Rooms whose other member is asked for, where they are direct.
    peers: BTreeSet<RoomId>,
    messages: BTreeSet<(RoomId, Seq)>,
    sent: Rows,
    reactions: BTreeSet<(RoomId, Seq, UserId)>,
    files: BTreeSet<AttachmentId>,
    /// Rooms that a member may go from, with how many changes there are to each.
    succession: HashMap<RoomId, usize>,
}

impl Wanted {
    fn of(all: impl Iterator<Item = Needs>) -> Self {
        let mut wanted = Self::default();
        let mut counts: HashMap<RoomId, usize> = HashMap::new();
        for needs in all {
            wanted.keys.extend(needs.keys);
            wanted.blocks.extend(needs.blocks);
            let Some(room) = needs.room else { continue };
            wanted.rooms.insert(room);
            if needs.peer {
                wanted.peers.insert(room);
            }
            *counts.entry(room).or_default() += 1;
            wanted.users.extend(needs.users.into_iter().map(|user| (room, user)));
            wanted.messages.extend(needs.messages.into_iter().map(|seq| (room, seq)));
            if let Some((sender, client_id)) = needs.sent {
                let sender = sender.as_ref().map_or("", UserId::as_str);
                wanted.sent.push(|row| _ = row.put(room).put(sender).put(&client_id));
            }
            wanted.files.extend(needs.attachments);
            wanted.reactions.extend(needs.reaction.map(|(seq, user, _)| (room, seq, user)));
            if needs.succession {
                wanted.succession.insert(room, 0);
            }
        }
        for (room, count) in &mut wanted.succession {
            *count = counts.get(room).copied().unwrap_or(0);
        }
        wanted
    }
}

async fn fetch(tx: &mut Tx, statement: &SqlStr, json: String) -> sqlx::Result<Vec<SqliteRow>> {
    sqlx::query(statement.clone()).bind(json).fetch_all(&mut **tx).await
}

fn room_row(columns: &mut Columns<'_>) -> sqlx::Result<RoomRow> {
    Ok(RoomRow {
        room: columns.room()?,
        head: columns.seq()?,
        at: columns.time()?,
        messages: columns.count()?,
        members: columns.count()?,
        deleted: columns.flag()?,
    })
}

async fn keys(tx: &mut Tx, sql: &LoadSql, keys: BTreeSet<RoomKey>, batch: &mut Batch) -> sqlx::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<RoomKey> = keys.into_iter().collect();
    let mut wanted = Rows::default();
    for key in &keys {
        let (kind, a, b) = crate::room::key_columns(key).ok_or_else(|| damaged("an unknown kind of key"))?;
        wanted.push(|row| _ = row.put(kind).put(a).put(b));
    }
    for row in fetch(tx, &sql.keys, wanted.into_json()).await? {
        let mut columns = Columns::of(&row);
        let key = keys.get(columns.index()?).ok_or_else(|| damaged("a row for no key"))?;
        let row = room_row(&mut columns)?;
        batch.keys.insert(key.clone(), row.room.id);
        batch.rooms.entry(row.room.id).or_insert_with(|| LoadedRoom::new(row));
    }
    Ok(())
}

async fn users(
    tx: &mut Tx,
    sql: &LoadSql,
    users: BTreeSet<(RoomId, UserId)>,
    batch: &mut Batch,
) -> sqlx::Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let users: Vec<(RoomId, UserId)> = users.into_iter().collect();
    let mut wanted = Rows::default();
    for (room, user) in &users {
        wanted.push(|row| _ = row.put(room).put(user));
    }
    for row in fetch(tx, &sql.users, wanted.into_json()).await? {
        let mut columns = Columns::of(&row);
        let (room, user) = users.get(columns.index()?).ok_or_else(|| damaged("a row for no user"))?;
        let Some(state) = batch.rooms.get_mut(room) else { continue };
        if columns.peek_is_null()? {
            columns.skip(6);
        } else {
            state.members.insert(user.clone(), member_row(user.clone(), &mut columns)?);
        }
        if columns.flag()? {
            let user = user.clone();
            let (by, at, until) = (columns.user_opt()?, columns.time()?, columns.time_opt()?);
            state.bans.insert(user.clone(), Ban { user, by, at, until });
        } else {
            columns.skip(3);
        }
        if let Some(until) = columns.time_opt()? {
            state.mutes.insert(user.clone(), until);
        }
    }
    Ok(())
}

async fn blocks(
    tx: &mut Tx,
    sql: &LoadSql,
    pairs: BTreeSet<(UserId, UserId)>,
    batch: &mut Batch,
) -> sqlx::Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let pairs: Vec<(UserId, UserId)> = pairs.into_iter().collect();
    let mut wanted = Rows::default();
    for (user, other) in &pairs {
        wanted.push(|row| _ = row.put(user).put(other));
    }
    for row in fetch(tx, &sql.blocks, wanted.into_json()).await? {
        let pair = pairs.get(Columns::of(&row).index()?).ok_or_else(|| damaged("a row for no pair"))?;
        batch.blocks.insert(pair.clone());
    }
    Ok(())
}

/// Who of the two members of direct rooms is blocked by the other.
async fn peers(tx: &mut Tx, sql: &LoadSql, rooms: &BTreeSet<RoomId>, batch: &mut Batch) -> sqlx::Result<()> {
    let is_direct =
        |room: &&RoomId| batch.rooms.get(room).is_some_and(|state| state.row.room.kind == RoomKind::Direct);
    let direct: Vec<&RoomId> = rooms.iter().filter(is_direct).collect();
    if direct.is_empty() {
        return Ok(());
    }
    for row in fetch(tx, &sql.peers, list(direct)).await? {
        let mut columns = Columns::of(&row);
        let (room, user) = (columns.room_id()?, columns.user()?);
        let Some(state) = batch.rooms.get_mut(&room) else { continue };
        state.blocked.insert(user);
    }
    Ok(())
}

fn member_row(user: UserId, columns: &mut Columns<'_>) -> sqlx::Result<MemberRow> {
    Ok(MemberRow {
        member: columns.member(user)?,
        visible_from: columns.seq()?,
        read: columns.seq()?,
        delivered: columns.seq()?,
    })
}

/// Of each role, those who stand longest. A change takes a role from two members at most, so that with two for each
/// change of a room, one who is exempt and one more, the eldest who is left is always among them.
async fn standing(
    tx: &mut Tx,
    sql: &LoadSql,
    rooms: &HashMap<RoomId, usize>,
    batch: &mut Batch,
) -> sqlx::Result<()> {
    let changes = rooms.values().copied().max().unwrap_or(0);
    let found = sqlx::query(sql.standing.clone())
        .bind(list(rooms.keys()))
        .bind(limit_column(2 * changes + 2))
        .fetch_all(&mut **tx)
        .await?;
    for row in found {
        let mut columns = Columns::of(&row);
        let (room, user) = (columns.room_id()?, columns.user()?);
        let Some(state) = batch.rooms.get_mut(&room) else { continue };
        state.members.insert(user.clone(), member_row(user, &mut columns)?);
    }
    Ok(())
}

async fn messages(tx: &mut Tx, statement: &SqlStr, wanted: Rows, batch: &mut Batch) -> sqlx::Result<()> {
    for row in fetch(tx, statement, wanted.into_json()).await? {
        let mut columns = Columns::of(&row);
        let message = columns.message()?;
        let (client_id, digest) = (columns.client_id_opt()?, columns.digest()?);
        let Some(state) = batch.rooms.get_mut(&message.room_id) else { continue };
        if let Some(client_id) = client_id {
            state.sent.insert((message.sender.clone(), client_id), Sent { seq: message.seq, digest });
        }
        state.messages.insert(message.seq, message);
    }
    Ok(())
}

async fn reactions(
    tx: &mut Tx,
    sql: &LoadSql,
    wanted: BTreeSet<(RoomId, Seq, UserId)>,
    batch: &mut Batch,
) -> sqlx::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let wanted: Vec<(RoomId, Seq, UserId)> = wanted.into_iter().collect();
    let mut places = Rows::default();
    for (room, seq, user) in &wanted {
        places.push(|row| _ = row.put(room).put(seq_column(*seq)).put(user));
    }
    for row in fetch(tx, &sql.reactions, places.into_json()).await? {
        let mut columns = Columns::of(&row);
        let (room, seq, user) =
            wanted.get(columns.index()?).ok_or_else(|| damaged("a row for no reaction"))?;
        let (emoji, count, stands) = (columns.emoji()?, columns.count()?, columns.flag()?);
        let Some(state) = batch.rooms.get_mut(room) else { continue };
        let reactions = state.reactions.entry(*seq).or_default();
        reactions.counts.insert(emoji.clone(), count);
        if stands {
            reactions.standing.insert((user.clone(), emoji));
        }
    }
    Ok(())
}
