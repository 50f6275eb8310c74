//! Taking over what another system kept.

use std::collections::HashSet;

use async_trait::async_trait;
use chat_core::{
    model::{MessageId, RoomId, RoomKind, Seq, UserId},
    store::{
        ImportPart, ImportStore, Imported, Refusal, StoreError,
        decide::{decide_import, import_needs},
    },
};
use sqlx::{PgConnection, Postgres, Row as _, Transaction, postgres::PgRow};

use crate::{
    PostgresStore,
    batch::Batch,
    columns::seq_column,
    error::{Kind, Stage, damaged, failed, failed_at, kind},
    load::Wanted,
    pending::Newest,
    sql::statements,
    store::refused,
    write,
};

const OPERATION: &str = "import";

statements! {
    /// An import is one transaction of a few statements. It holds one room, and the keys of one to be made; where that
    /// is a direct one, the blocks of its members before.
    ImportSql {
        // With `local` it ends with the transaction.
        patience = "SELECT set_config('lock_timeout', '2000', true)";
        reserve = "SELECT {s}reserve_ids_v1($1, $2)";
        taken = "SELECT m.id FROM {s}messages m WHERE m.id = ANY ($1)";
        rooms = "INSERT INTO {s}rooms (id, kind, name, name_folded, metadata, subject, history, created_at, created_by,
                head, at, floor, messages, members, newest, deleted, rules)
            SELECT (n ->> 0)::bigint, n ->> 1, n ->> 2, n ->> 3, n ->> 4, n ->> 5, n ->> 6, (n ->> 7)::bigint, n ->> 8,
                0, (n ->> 7)::bigint, 0, 0, 0, NULL, false, 0
            FROM jsonb_array_elements($1::jsonb -> 'created') AS n";
        keys = "INSERT INTO {s}room_keys (kind, a, b, room)
            SELECT n ->> 0, n ->> 1, n ->> 2, (n ->> 3)::bigint FROM jsonb_array_elements($1::jsonb -> 'keys') AS n";
        log = "SELECT {s}write_v1($1::jsonb, ARRAY[$2::bigint], ARRAY[$2::bigint], ARRAY[0::bigint])";
        messages = "WITH given AS MATERIALIZED (
                SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bytea[],
                    $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[],
                    $14::text[], $15::text[], $16::bigint[])
                    AS m (place, seq, ordinal, sender, client_id, digest, kind, content, at, reply_to, thread, mentions,
                        attachments, metadata, words, id)),
            searchable AS (
                INSERT INTO {s}search (id, room, seq, words)
                SELECT m.id, $17::bigint, m.seq, {s}search_words_v1(m.id, $17::bigint, m.words) FROM given m
                WHERE m.words <> '')
            INSERT INTO {s}messages (room, seq, id, ordinal, sender, client_id, digest, kind, content, at, edited_at,
                version, deleted, reply_to, thread, mentions, attachments, metadata, replies, last_reply)
            SELECT $17::bigint, m.seq, m.id, m.ordinal, nullif(m.sender, ''), m.client_id, m.digest, m.kind, m.content,
                m.at, NULL, 1, false, m.reply_to, m.thread, m.mentions, m.attachments, m.metadata, 0, NULL
            FROM given m";
        // Members' rows are always taken in one order, as commit_v2 takes them.
        pointers = "WITH held AS MATERIALIZED (
                SELECT m.room, m.user_id FROM {s}members m WHERE m.room = $1 AND m.user_id = ANY ($2)
                ORDER BY m.room, m.user_id FOR NO KEY UPDATE OF m)
            UPDATE {s}members m SET read = greatest(m.read, $3), delivered = greatest(m.delivered, $3)
            FROM held h WHERE m.room = h.room AND m.user_id = h.user_id";
        head = "UPDATE {s}rooms r SET head = $2, at = $3, messages = $4, members = $5, newest = coalesce($6, r.newest),
                rules = r.rules + 1
            WHERE r.id = $1";
    }
}

#[async_trait]
impl ImportStore for PostgresStore {
    async fn reserve_ids(&self, room: RoomId, message: Option<MessageId>) -> Result<(), StoreError> {
        let message = message.map_or(0, MessageId::get);
        let reserve = || self.ask(&self.sql().import.reserve).bind(room.get()).bind(message);
        self.write("reserve_ids", reserve).await.map(drop)
    }

    async fn import(&self, part: &ImportPart) -> Result<Result<Imported, Refusal>, StoreError> {
        let needs = match import_needs(part) {
            Ok(needs) => needs,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.reserve_ids(part.room.id, part.last_message()).await?;
        let wanted = Wanted::of_needs(needs.iter().cloned());
        let keys: Vec<_> = needs.into_iter().flat_map(|needs| needs.keys).collect();
        let mut link = self.link(OPERATION).await?;
        let mut tx = link.begin().await.map_err(failed(OPERATION))?;
        // As by whoever makes a direct room: a block must find it.
        let members = part.room.members.iter().filter(|_| part.room.kind == RoomKind::Direct);
        let blocking = members.map(|(user, _)| user.as_str().to_owned()).collect();
        let held = async {
            self.ask(&self.sql().import.patience).execute(&mut *tx).await?;
            self.hold_blocks(&mut tx, blocking).await?;
            self.hold(&mut tx, vec![part.room.id.get()], &keys).await
        };
        match held.await {
            Ok(()) => {}
            Err(error) if kind(&error) == Kind::Held => return Ok(Err(Refusal::Held)),
            Err(error) => return Err(failed(OPERATION)(error)),
        }
        // Read under the locks: so it stays until it is written.
        let mut batch = self.load(&mut tx, &wanted).await.map_err(failed(OPERATION))?;
        let taken = self.taken(&mut tx, part).await.map_err(failed(OPERATION))?;
        let (imported, effects) = match decide_import(&mut batch, part, &taken) {
            Ok(decided) => decided,
            Err(refusal) => {
                let_go(tx).await;
                return Ok(Err(refusal));
            }
        };
        if let Some(fault) = batch.fault {
            return Err(refused(OPERATION, fault));
        }
        if effects.is_empty() {
            let_go(tx).await;
        } else {
            match self.put(&mut tx, part, &batch).await {
                Ok(()) => {}
                Err(error) if kind(&error) == Kind::Held => return Ok(Err(Refusal::Held)),
                Err(error) => return Err(failed(OPERATION)(error)),
            }
            tx.commit().await.map_err(failed_at(OPERATION, Stage::Sent))?;
            self.cache().forget(part.room.id);
        }
        Ok(Ok(imported))
    }
}

/// Lets go of the room before the answer: whoever writes there next would else find it held. A failure ends the
/// connection, and so the transaction.
async fn let_go(tx: Transaction<'_, Postgres>) {
    drop(tx.rollback().await);
}

impl PostgresStore {
    async fn load(&self, connection: &mut PgConnection, wanted: &Wanted) -> sqlx::Result<Batch> {
        let row = wanted.ask(self)?.fetch_one(connection).await?;
        // What is imported carries no files.
        wanted.read(&row, &[])
    }

    /// Those of a part's messages' ids that there are.
    async fn taken(
        &self,
        connection: &mut PgConnection,
        part: &ImportPart,
    ) -> sqlx::Result<HashSet<MessageId>> {
        let ids: Vec<i64> = part.messages.iter().map(|message| message.id.get()).collect();
        let rows = self.ask(&self.sql().import.taken).bind(ids).fetch_all(connection).await?;
        let id = |row: &PgRow| {
            MessageId::new(row.try_get(0)?).ok_or_else(|| damaged("a message id out of its bounds"))
        };
        rows.iter().map(id).collect()
    }

    /// Writes what a part came to.
    async fn put(&self, connection: &mut PgConnection, part: &ImportPart, batch: &Batch) -> sqlx::Result<()> {
        let sql = &self.sql().import;
        let id = part.room.id;
        let state = batch.rooms.get(&id).ok_or_else(|| damaged("a room that was not loaded"))?;
        if let Some(more) = write::more(batch)? {
            if batch.pending.created.contains(&id) {
                self.ask(&sql.rooms).bind(more.clone()).execute(&mut *connection).await?;
                self.ask(&sql.keys).bind(more.clone()).execute(&mut *connection).await?;
            }
            self.ask(&sql.log).bind(more).bind(id.get()).execute(&mut *connection).await?;
        }
        let messages = write::messages(self.ask(&sql.messages), batch)?;
        messages.bind(write::message_ids(batch)?).bind(id.get()).execute(&mut *connection).await?;
        let has_read =
            |user: &&UserId| state.members.get(*user).is_some_and(|row| row.read == state.row.head);
        let users = part.room.members.iter().map(|(user, _)| user).filter(has_read);
        let users: Vec<String> = users.map(|user| user.as_str().to_owned()).collect();
        let head = seq_column(state.row.head);
        self.ask(&sql.pointers).bind(id.get()).bind(users).bind(head).execute(&mut *connection).await?;
        let newest: Option<Seq> = match batch.pending.newest.get(&id) {
            Some(Newest::At(seq)) => Some(*seq),
            _ => None,
        };
        self.ask(&sql.head)
            .bind(id.get())
            .bind(head)
            .bind(state.row.at.as_micros())
            .bind(write::counted(state.row.messages)?)
            .bind(i64::from(state.row.members))
            .bind(newest.map(seq_column))
            .execute(connection)
            .await?;
        Ok(())
    }
}
