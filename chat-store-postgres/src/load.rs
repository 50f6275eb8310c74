//! Loads what a commit's changes need: one statement, so that all of it is of one snapshot.

use std::collections::{BTreeSet, HashMap};

use chat_core::{
    model::{AttachmentId, Ban, RoomId, Seq, UserId},
    store::{
        Change, ChangeBody, RoomKey,
        decide::{Needs, RoomRow, Sent},
    },
};
use serde_json::Value;
use sqlx::{Row as _, postgres::PgRow};

use crate::{
    attachment,
    batch::{Batch, LoadedRoom},
    columns::{Columns, limit_column, parse, seq_column},
    error::damaged,
    sql::statements,
    store::{Asked, PostgresStore},
};

statements! {
    /// What is read before the rules judge: a column for each kind of need.
    LoadSql {
        load = "SELECT o_rooms, o_keys, o_users, o_standing, o_messages, o_sent, o_reactions, o_mutes, o_blocks, o_peers
            FROM {s}load_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16),
                {s}load_moderation_v1($5, $6, $17, $18, $1)";
    }
}

/// The needs of some changes, each once.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    rooms: BTreeSet<RoomId>,
    keys: Vec<RoomKey>,
    users: Vec<(RoomId, UserId)>,
    blocks: Vec<(UserId, UserId)>,
    /// Those of `blocks` that must not stand when what they are for is written.
    binding: BTreeSet<(UserId, UserId)>,
    messages: BTreeSet<(RoomId, Seq)>,
    sent: Vec<(RoomId, String, String)>,
    reactions: Vec<(RoomId, Seq, UserId)>,
    files: BTreeSet<AttachmentId>,
    /// Rooms that a member may go from, with how many changes there are to each.
    succession: HashMap<RoomId, usize>,
}

impl Wanted {
    pub(crate) fn of<'c>(changes: impl Iterator<Item = &'c Change>) -> Self {
        // Who is named in a message may block its sender at the same time, and be named all the same.
        let binds =
            |change: &Change| matches!(change.body, ChangeBody::Create(_) | ChangeBody::AddMember { .. });
        Self::of_all(changes.map(|change| (Needs::of(change), binds(change))))
    }

    /// What has no blocks to hold.
    pub(crate) fn of_needs(all: impl Iterator<Item = Needs>) -> Self {
        Self::of_all(all.map(|needs| (needs, false)))
    }

    fn of_all(all: impl Iterator<Item = (Needs, bool)>) -> Self {
        let mut wanted = Self::default();
        let mut counts: HashMap<RoomId, usize> = HashMap::new();
        let (mut keys, mut users, mut reactions) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut blocks = BTreeSet::new();
        for (needs, binds) in all {
            keys.extend(needs.keys);
            if binds {
                wanted.binding.extend(needs.blocks.iter().cloned());
            }
            blocks.extend(needs.blocks);
            let Some(room) = needs.room else { continue };
            wanted.rooms.insert(room);
            *counts.entry(room).or_default() += 1;
            users.extend(needs.users.into_iter().map(|user| (room, user)));
            wanted.messages.extend(needs.messages.into_iter().map(|seq| (room, seq)));
            if let Some((sender, client_id)) = needs.sent {
                let sender = sender.map_or_else(String::new, |user| user.as_str().to_owned());
                wanted.sent.push((room, sender, client_id.as_str().to_owned()));
            }
            wanted.files.extend(needs.attachments);
            reactions.extend(needs.reaction.map(|(seq, user, _)| (room, seq, user)));
            if needs.succession {
                wanted.succession.insert(room, 0);
            }
        }
        for (room, count) in &mut wanted.succession {
            *count = counts.get(room).copied().unwrap_or(0);
        }
        wanted.keys = keys.into_iter().collect();
        wanted.blocks = blocks.into_iter().collect();
        wanted.users = users.into_iter().collect();
        wanted.reactions = reactions.into_iter().collect();
        wanted
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.keys.is_empty() && self.blocks.is_empty()
    }

    /// Who was looked for in which room.
    pub(crate) fn users(&self) -> &[(RoomId, UserId)] {
        &self.users
    }

    /// The statement that loads it all.
    pub(crate) fn ask(&self, store: &PostgresStore) -> sqlx::Result<Asked> {
        let (mut kinds, mut firsts, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
        for key in &self.keys {
            let (kind, a, b) =
                crate::room::key_columns(key).ok_or_else(|| damaged("an unknown kind of key"))?;
            kinds.push(kind);
            firsts.push(a);
            seconds.push(b);
        }
        // Of each role, those who stand longest. A change takes a role from two members at most, so that with two for
        // each change of a room, one who is exempt and one more, the eldest who is left is always among them.
        let standing = 2 * self.succession.values().copied().max().unwrap_or(0) + 2;
        let ids = |rooms: Vec<&RoomId>| rooms.into_iter().map(|room| room.get()).collect::<Vec<i64>>();
        Ok(store
            .ask(&store.sql().load.load)
            .bind(ids(self.rooms.iter().collect()))
            .bind(kinds)
            .bind(firsts)
            .bind(seconds)
            .bind(ids(self.users.iter().map(|(room, _)| room).collect()))
            .bind(self.users.iter().map(|(_, user)| user.as_str()).collect::<Vec<_>>())
            .bind(ids(self.succession.keys().collect()))
            .bind(limit_column(standing))
            .bind(ids(self.messages.iter().map(|(room, _)| room).collect()))
            .bind(self.messages.iter().map(|(_, seq)| seq_column(*seq)).collect::<Vec<_>>())
            .bind(ids(self.sent.iter().map(|(room, ..)| room).collect()))
            .bind(self.sent.iter().map(|(_, sender, _)| sender.as_str()).collect::<Vec<_>>())
            .bind(self.sent.iter().map(|(.., client_id)| client_id.as_str()).collect::<Vec<_>>())
            .bind(ids(self.reactions.iter().map(|(room, ..)| room).collect()))
            .bind(self.reactions.iter().map(|(_, seq, _)| seq_column(*seq)).collect::<Vec<_>>())
            .bind(self.reactions.iter().map(|(.., user)| user.as_str()).collect::<Vec<_>>())
            .bind(self.blocks.iter().map(|(user, _)| user.as_str()).collect::<Vec<_>>())
            .bind(self.blocks.iter().map(|(_, other)| other.as_str()).collect::<Vec<_>>()))
    }

    /// The statement that loads the files, where there are any. They are looked at again when they are written.
    pub(crate) fn ask_files(&self, store: &PostgresStore) -> Option<Asked> {
        (!self.files.is_empty()).then(|| store.ask_files(&self.files))
    }

    /// What was loaded.
    pub(crate) fn read(&self, row: &PgRow, files: &[PgRow]) -> sqlx::Result<Batch> {
        let mut batch = Batch::default();
        for row in files {
            let stored = attachment::stored(row)?;
            batch.files.insert(stored.attachment.id.clone(), stored);
        }
        for row in lists(row, 0)? {
            let room = loaded(&mut Columns::of_json(&row))?;
            batch.rooms.insert(room.row.room.id, room);
        }
        for row in lists(row, 1)? {
            let mut columns = Columns::of_json(&row);
            let key = self.keys.get(columns.index()?).ok_or_else(|| damaged("a row for no key"))?;
            let room = loaded(&mut columns)?;
            batch.keys.insert(key.clone(), room.row.room.id);
            batch.rooms.entry(room.row.room.id).or_insert(room);
        }
        self.users_of(&lists(row, 2)?, &mut batch)?;
        for row in lists(row, 3)? {
            let mut columns = Columns::of_json(&row);
            let (room, user) = (columns.room_id()?, columns.user()?);
            let Some(state) = batch.rooms.get_mut(&room) else { continue };
            state.members.insert(user.clone(), columns.member_row(user)?);
        }
        for row in lists(row, 4)?.into_iter().chain(lists(row, 5)?) {
            let mut columns = Columns::of_json(&row);
            let message = columns.message()?;
            let (client_id, digest) = (columns.client_id_opt()?, columns.digest()?);
            let Some(state) = batch.rooms.get_mut(&message.room_id) else { continue };
            if let Some(client_id) = client_id {
                state.sent.insert((message.sender.clone(), client_id), Sent { seq: message.seq, digest });
            }
            state.messages.insert(message.seq, message);
        }
        for row in lists(row, 6)? {
            let mut columns = Columns::of_json(&row);
            let (room, seq, user) =
                self.reactions.get(columns.index()?).ok_or_else(|| damaged("a row for no reaction"))?;
            let (emoji, count, stands) = (columns.emoji()?, columns.count()?, columns.flag()?);
            let Some(state) = batch.rooms.get_mut(room) else { continue };
            let reactions = state.reactions.entry(*seq).or_default();
            reactions.counts.insert(emoji.clone(), count);
            if stands {
                reactions.standing.insert((user.clone(), emoji));
            }
        }
        self.moderation_of(row, &mut batch)?;
        Ok(batch)
    }

    fn moderation_of(&self, row: &PgRow, batch: &mut Batch) -> sqlx::Result<()> {
        for row in lists(row, 7)? {
            let mut columns = Columns::of_json(&row);
            let (room, user) =
                self.users.get(columns.index()?).ok_or_else(|| damaged("a row for no user"))?;
            let Some(state) = batch.rooms.get_mut(room) else { continue };
            state.mutes.insert(user.clone(), columns.time()?);
        }
        for row in lists(row, 8)? {
            let index = Columns::of_json(&row).index()?;
            let pair = self.blocks.get(index).ok_or_else(|| damaged("a row for no pair"))?;
            batch.blocks.insert(pair.clone());
        }
        for row in lists(row, 9)? {
            let mut columns = Columns::of_json(&row);
            let (room, user) = (columns.room_id()?, columns.user()?);
            let Some(state) = batch.rooms.get_mut(&room) else { continue };
            state.blocked.insert(user);
        }
        batch.unblocked = self.binding.iter().filter(|pair| !batch.blocks.contains(pair)).cloned().collect();
        Ok(())
    }

    fn users_of(&self, rows: &[Vec<Value>], batch: &mut Batch) -> sqlx::Result<()> {
        for row in rows {
            let mut columns = Columns::of_json(row);
            let (room, user) =
                self.users.get(columns.index()?).ok_or_else(|| damaged("a row for no user"))?;
            let Some(state) = batch.rooms.get_mut(room) else { continue };
            if columns.peek_is_null()? {
                columns.skip(6);
            } else {
                state.members.insert(user.clone(), columns.member_row(user.clone())?);
            }
            if columns.flag()? {
                let user = user.clone();
                let (by, at, until) = (columns.user_opt()?, columns.time()?, columns.time_opt()?);
                state.bans.insert(user.clone(), Ban { user, by, at, until });
            }
        }
        Ok(())
    }
}

fn loaded(columns: &mut Columns<'_>) -> sqlx::Result<LoadedRoom> {
    let row = RoomRow {
        room: columns.room()?,
        head: columns.seq()?,
        at: columns.time()?,
        messages: columns.count()?,
        members: columns.count()?,
        deleted: columns.flag()?,
    };
    Ok(LoadedRoom::new(row, Some(columns.take()?)))
}

/// The rows of one kind.
fn lists(row: &PgRow, column: usize) -> sqlx::Result<Vec<Vec<Value>>> {
    row.try_get::<Option<&str>, _>(column)?.map_or_else(|| Ok(Vec::new()), parse)
}
