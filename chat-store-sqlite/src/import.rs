//! Taking over what another system kept.

use std::collections::HashSet;

use async_trait::async_trait;
use chat_core::{
    model::{MessageId, RoomId},
    store::{
        ImportPart, ImportStore, Imported, Refusal, StoreError, StoreErrorKind,
        decide::{decide_import, import_needs},
    },
};

use crate::{
    SqliteStore,
    columns::Columns,
    error::{damaged, failed, unknown},
    load::load_needs,
    rows::list,
    search,
    sql::statements,
    store::Tx,
    write::write,
};

statements! {
    /// What an import asks beside what a commit does.
    ImportSql {
        taken = "SELECT m.id FROM json_each(?1) n CROSS JOIN {p}messages m ON m.id = n.value";
    }
}

#[async_trait]
impl ImportStore for SqliteStore {
    async fn reserve_ids(&self, room: RoomId, message: Option<MessageId>) -> Result<(), StoreError> {
        const OPERATION: &str = "reserve_ids";
        let mut tx = self.write(OPERATION).await?;
        sqlx::query(self.sql().write.counters.clone())
            .bind(room.get())
            .bind(message.map_or(0, MessageId::get))
            .execute(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        tx.commit().await.map_err(unknown(OPERATION))
    }

    async fn import(&self, part: &ImportPart) -> Result<Result<Imported, Refusal>, StoreError> {
        const OPERATION: &str = "import";
        let sql = self.sql();
        let needs = match import_needs(part) {
            Ok(needs) => needs,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut tx = self.write(OPERATION).await?;
        let mut batch = load_needs(&mut tx, sql, needs.into_iter()).await.map_err(failed(OPERATION))?;
        let taken = taken(&mut tx, &sql.import, part).await.map_err(failed(OPERATION))?;
        let (imported, effects) = match decide_import(&mut batch, part, &taken) {
            Ok(decided) => decided,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Some(fault) = batch.fault {
            return Err(StoreError::new(StoreErrorKind::Internal, OPERATION).with_source(fault));
        }
        if !effects.is_empty() {
            batch.last_room = batch.last_room.max(part.room.id.get());
            batch.last_message = batch.last_message.max(part.last_message().map_or(0, MessageId::get));
            batch.pending.ids_given = true;
            write(&mut tx, sql, &batch).await.map_err(failed(OPERATION))?;
            search::write(&mut tx, &sql.search, &batch).await.map_err(failed(OPERATION))?;
            tx.commit().await.map_err(unknown(OPERATION))?;
        }
        Ok(Ok(imported))
    }
}

/// Those of a part's messages' ids that there are.
async fn taken(tx: &mut Tx, sql: &ImportSql, part: &ImportPart) -> sqlx::Result<HashSet<MessageId>> {
    let ids = list(part.messages.iter().map(|message| message.id));
    let rows = sqlx::query(sql.taken.clone()).bind(ids).fetch_all(&mut **tx).await?;
    let id = |row| {
        MessageId::new(Columns::of(row).take()?).ok_or_else(|| damaged("a message id out of its bounds"))
    };
    rows.iter().map(id).collect()
}
