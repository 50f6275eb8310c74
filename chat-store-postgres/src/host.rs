//! Changes as a part of a transaction of the host's.

use chat_core::{
    model::{RoomId, RoomKind, UserId},
    store::{
        Change, ChangeBody, Outcome, Refusal, RoomKey, StoreError,
        decide::{Needs, decide_all},
    },
};
use sqlx::{Connection as _, PgConnection};

use crate::{
    PostgresStore,
    commit::{Answer, parts, settled, written_room},
    error::{damaged, failed},
    load::Wanted,
    room::key_columns,
    sql::statements,
    store::refused,
    write::{self, Wait, Written},
};

const OPERATION: &str = "commit_in";

statements! {
    /// What a transaction of the host's holds, always in the same order: blocks that must not be
    /// made meanwhile, rooms, then keys of rooms to be made.
    HostSql {
        hold_blocks = "SELECT pg_advisory_xact_lock_shared(k.lock) FROM (
            SELECT DISTINCT {s}key_lock_v1('blocks', n.user_id, '') AS lock
            FROM unnest($1::text[]) AS n (user_id) ORDER BY 1) k";
        hold_rooms = "SELECT r.id FROM {s}rooms r WHERE r.id = ANY ($1) ORDER BY r.id FOR NO KEY UPDATE";
        hold_keys = "SELECT pg_advisory_xact_lock(k.lock) FROM (
            SELECT DISTINCT {s}key_lock_v1(n.kind, n.a, n.b) AS lock
            FROM unnest($1::text[], $2::text[], $3::text[]) AS n (kind, a, b) ORDER BY 1) k";
    }
}

/// The rooms that a transaction of the host's changed: to be told to the engine (`AsHost::announce`) once the
/// transaction is committed. What is not announced is found a little later, by the engine's sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "to be announced once the transaction is committed"]
pub struct Announcement {
    rooms: Vec<RoomId>,
}

impl Announcement {
    /// The rooms, each once.
    #[must_use]
    pub fn rooms(&self) -> &[RoomId] {
        &self.rooms
    }
}

#[derive(Debug, thiserror::Error)]
enum Misuse {
    #[error("the connection is in no transaction that sqlx began")]
    NoTransaction,
    #[error(
        "the transaction looks at the database as it was before a room was locked (it must be READ COMMITTED), or \
         someone else holds a file that a message names"
    )]
    OldSnapshot,
}

impl PostgresStore {
    /// Makes changes as a part of the host's transaction that `connection` is in: with it they are committed, and with
    /// it they are gone. An answer a change, as [`chat_core::store::LogStore::commit`] gives them, but it waits for
    /// whoever holds a room, as long as the host's `lock_timeout` lets it.
    ///
    /// It is the host's word: neither policy nor hooks are asked, nor are limits of sizes looked at. From here to its
    /// end the transaction holds the rooms that it changed, and the keys of rooms that it made: others who write there
    /// wait for it, and nobody else does, but whoever it adds or names, or makes a direct room for, and who blocks someone
    /// just then. So all changes belong into one call, late in a short transaction; two calls in
    /// one transaction may meet those of another the other way round, of which the database ends one.
    ///
    /// [`chat_core::AsHost::change_to_create`] and its neighbours make the changes, within the engine's bounds. The answers
    /// are to be looked at: a refused change is no error, and the transaction goes on without it.
    ///
    /// A message into a room that is made here needs a second call, as the room's id is in the answer of the first. Where
    /// nobody knew of the room nobody can hold it, so that these two calls meet nobody; a room that stood already
    /// ([`Outcome::Repeat`]) may be held by another, who waits for what this transaction holds: then the database ends
    /// one of the two, which is to be tried again.
    ///
    /// ```no_run
    /// # use chat_core::{CreateRoom, Engine, model::{RoomKind, UserId}, protocol::{Send, SendTo}, store::Outcome};
    /// # use chat_store_postgres::{PostgresStore, sqlx};
    /// # async fn order(pool: sqlx::PgPool, store: PostgresStore, engine: Engine, buyer: UserId)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// let host = engine.as_host();
    /// let mut tx = pool.begin().await?;
    /// sqlx::query("INSERT INTO orders (id, state) VALUES (4711, 'paid')").execute(&mut *tx).await?;
    ///
    /// let mut room = CreateRoom::new(RoomKind::Group).with_owner(buyer);
    /// room.subject = Some("order/4711".to_owned());
    /// let (mut answers, made) = store.commit_in(&mut tx, vec![host.change_to_create(room)?]).await?;
    /// // Made now, or there already; a refusal rolls everything back here.
    /// let outcome = answers.remove(0)?;
    /// let room = outcome.event().ok_or("a room is made or found")?.room;
    ///
    /// let paid = Send::text(SendTo::Room(room), "Your order was paid");
    /// let (answers, said) = store.commit_in(&mut tx, vec![host.change_to_send(paid)?]).await?;
    /// for answer in answers {
    ///     answer?;
    /// }
    /// tx.commit().await?;
    /// host.announce(&[made.rooms(), said.rooms()].concat()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Whatever it is, the transaction can only be rolled back. `Internal` where there is none that [`sqlx`] began, or it
    /// is of another isolation level than `READ COMMITTED` and others wrote to a room since it began.
    pub async fn commit_in(
        &self,
        connection: &mut PgConnection,
        changes: Vec<Change>,
    ) -> Result<(Vec<Result<Outcome, Refusal>>, Announcement), StoreError> {
        if !connection.is_in_transaction() {
            return Err(refused(OPERATION, Misuse::NoTransaction));
        }
        let blocking = changes.iter().flat_map(blocking).collect();
        self.hold_blocks(connection, blocking).await.map_err(failed(OPERATION))?;
        let rooms = changes.iter().filter_map(|change| change.room).map(RoomId::get).collect();
        let keys: Vec<RoomKey> = changes.iter().flat_map(|change| Needs::of(change).keys).collect();
        self.hold(connection, rooms, &keys).await.map_err(failed(OPERATION))?;
        let mut answers = Vec::with_capacity(changes.len());
        for part in parts(&changes) {
            answers.extend(self.commit_part(connection, &changes[part]).await?);
        }
        let mut rooms: Vec<RoomId> = answers
            .iter()
            .filter_map(|answer| match answer {
                Ok(Outcome::Applied(event)) => Some(event.room),
                _ => None,
            })
            .collect();
        rooms.sort_unstable();
        rooms.dedup();
        Ok((answers, Announcement { rooms }))
    }

    /// Takes the blocks of users, before any room, for as long as the transaction lasts: they block nobody meanwhile.
    pub(crate) async fn hold_blocks(
        &self,
        connection: &mut PgConnection,
        users: Vec<String>,
    ) -> sqlx::Result<()> {
        if users.is_empty() {
            return Ok(());
        }
        self.ask(&self.sql().host.hold_blocks).bind(users).execute(connection).await.map(drop)
    }

    /// Takes rooms, then keys of rooms to be made, for as long as the transaction lasts.
    pub(crate) async fn hold(
        &self,
        connection: &mut PgConnection,
        rooms: Vec<i64>,
        keys: &[RoomKey],
    ) -> sqlx::Result<()> {
        let sql = &self.sql().host;
        if !rooms.is_empty() {
            self.ask(&sql.hold_rooms).bind(rooms).execute(&mut *connection).await?;
        }
        if keys.is_empty() {
            return Ok(());
        }
        let (mut kinds, mut firsts, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
        for key in keys {
            let (kind, a, b) = key_columns(key).ok_or_else(|| damaged("an unknown kind of key"))?;
            kinds.push(kind);
            firsts.push(a.to_owned());
            seconds.push(b.to_owned());
        }
        let asked = self.ask(&sql.hold_keys).bind(kinds).bind(firsts).bind(seconds);
        asked.execute(connection).await.map(drop)
    }

    async fn commit_part(
        &self,
        connection: &mut PgConnection,
        changes: &[Change],
    ) -> Result<Vec<Answer>, StoreError> {
        let wanted = Wanted::of(changes.iter());
        // What is read here may be rolled back: nothing of it is remembered.
        let asked = wanted.ask(self).map_err(failed(OPERATION))?;
        let rows = asked.fetch_all(&mut *connection).await.map_err(failed(OPERATION))?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound).map_err(failed(OPERATION))?;
        let files = match wanted.ask_files(self) {
            Some(asked) => asked.fetch_all(&mut *connection).await.map_err(failed(OPERATION))?,
            None => Vec::new(),
        };
        let mut batch = wanted.read(row, &files).map_err(failed(OPERATION))?;
        let (mut answers, _) = decide_all(&mut batch, changes);
        if let Some(fault) = batch.fault {
            return Err(refused(OPERATION, fault));
        }
        if batch.pending.touched.is_empty() {
            return Ok(answers);
        }
        let asked = write::ask(self, &batch, Wait::AsHost).map_err(failed(OPERATION))?;
        let rows = asked.fetch_all(connection).await.map_err(failed(OPERATION))?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound);
        let written = row.and_then(|row| Written::read(row, &batch)).map_err(failed(OPERATION))?;
        for (change, answer) in changes.iter().zip(&mut answers) {
            let Some(room) = written_room(change, answer, &batch) else { continue };
            let settled = settled(room, &batch, &written);
            let settled = settled.ok_or_else(|| refused(OPERATION, Misuse::OldSnapshot))?;
            if let Ok(outcome) = answer {
                settled.outcome(outcome);
            }
        }
        Ok(answers)
    }
}

/// Whose blocks a change must not meet: of those whom it adds, and of both members of a direct room, whoever makes it.
fn blocking(change: &Change) -> Vec<String> {
    let mut users: Vec<UserId> = Needs::of(change).blocks.into_iter().map(|(user, _)| user).collect();
    if let ChangeBody::Create(new) = &change.body
        && new.kind == RoomKind::Direct
    {
        users.extend(new.members.iter().map(|(user, _)| user.clone()));
    }
    users.iter().map(|user| user.as_str().to_owned()).collect()
}
