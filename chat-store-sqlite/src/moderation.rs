//! Reports, blocks and the audit trail.

use async_trait::async_trait;
use chat_core::{
    model::{
        AuditEntry, AuditId, AuditRecord, MessageId, Report, ReportId, ReportStatus, RoomId, Timestamp,
        UserId,
    },
    store::{
        AuditStore, BlockStore, Blocked, Decision, NewReport, ReportScope, ReportStore, Reported,
        ReportsQuery, StoreError,
    },
};
use sqlx::sqlite::SqliteRow;

use crate::{
    SqliteStore,
    columns::{Columns, action, action_text, limit_column, role_text, seq_column, status, status_text},
    error::{damaged, failed, unknown},
    rows::Rows,
    sql::statements,
    store::Tx,
};

/// What a [`Report`] is made of, of a table called `r`.
macro_rules! report_columns {
    () => {
        "r.id, r.room, r.seq, r.message, r.sender, r.content, r.sent_at, r.reporter, r.reason, r.status, \
         r.created_at, r.decided_by, r.decided_at"
    };
}

/// Reports below `?1`, the newest first, at most `?2`.
macro_rules! reports {
    ($from:literal) => {
        concat!("SELECT ", report_columns!(), " FROM ", $from, " ORDER BY r.id DESC LIMIT ?2")
    };
}

statements! {
    /// Reading and keeping what moderators work with.
    ModerationSql {
        put_report = "INSERT INTO {p}reports (room, seq, message, sender, content, sent_at, reporter, reason, status,
                created_at, decided_by, decided_at)
            SELECT m.room, m.seq, m.id, m.sender, m.content, m.at, ?3, ?4, ?5, ?6, NULL, NULL FROM {p}messages m
            WHERE m.room = ?1 AND m.seq = ?2 AND m.deleted = 0
            ON CONFLICT (room, seq, reporter) DO NOTHING RETURNING id";
        reported = "SELECT count(*) FROM {p}reports r WHERE r.room = ?1 AND r.seq = ?2 AND r.reporter = ?3
            AND EXISTS (SELECT 1 FROM {p}messages m WHERE m.room = ?1 AND m.seq = ?2 AND m.deleted = 0)";
        report = concat!("SELECT ", report_columns!(), " FROM {p}reports r WHERE r.id = ?1");
        everywhere = reports!("{p}reports r WHERE r.id < ?1");
        by_status = reports!("{p}reports r WHERE r.id < ?1 AND r.status = ?3");
        of_room = reports!("{p}reports r WHERE r.id < ?1 AND r.room = ?4 AND (?3 IS NULL OR r.status = ?3)");
        moderated = reports!("{p}members m CROSS JOIN {p}rooms o ON o.id = m.room AND o.kind <> 'direct'
            CROSS JOIN {p}reports r ON r.room = m.room AND r.id < ?1
            WHERE m.user = ?4 AND m.role IN ('moderator', 'owner') AND (?3 IS NULL OR r.status = ?3)");
        decide = "UPDATE {p}reports SET status = ?2, decided_by = ?3, decided_at = ?4 WHERE id = ?1 AND status <> ?2";
        note = "INSERT INTO {p}audit (room, at, actor, action, user, seq, until, role, report)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
                value ->> 7, value ->> 8 FROM json_each(?1) ORDER BY key";
        audit = "SELECT id, room, at, actor, action, user, seq, until, role, report FROM {p}audit
            WHERE room = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        has_blocked = "SELECT count(*) FROM {p}blocks WHERE user = ?1 AND blocked = ?2";
        count_blocks = "SELECT count(*) FROM {p}blocks WHERE user = ?1";
        put_block = "INSERT INTO {p}blocks (user, blocked, at) VALUES (?1, ?2, ?3)";
        drop_block = "DELETE FROM {p}blocks WHERE user = ?1 AND blocked = ?2";
        blocks = "SELECT blocked FROM {p}blocks WHERE user = ?1 ORDER BY blocked LIMIT ?2";
    }
}

/// Notes what was done, in order.
pub(crate) async fn note(tx: &mut Tx, sql: &ModerationSql, records: &[AuditRecord]) -> sqlx::Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    sqlx::query(sql.note.clone()).bind(rows(records)?.into_json()).execute(&mut **tx).await.map(drop)
}

fn rows(records: &[AuditRecord]) -> sqlx::Result<Rows> {
    let mut rows = Rows::default();
    for record in records {
        let action = action_text(record.action).ok_or_else(|| damaged("a new kind of action"))?;
        let role = record.role.map(|role| role_text(role).ok_or_else(|| damaged("a new role")));
        let role = role.transpose()?;
        rows.push(|row| {
            row.put(record.room_id).put(record.at.as_micros()).put(&record.actor).put(action);
            row.put(&record.user).put(record.seq.map(seq_column)).put(record.until.map(Timestamp::as_micros));
            row.put(role).put(record.report);
        });
    }
    Ok(rows)
}

#[async_trait]
impl ReportStore for SqliteStore {
    async fn put_report(&self, report: &NewReport) -> Result<Reported, StoreError> {
        const OPERATION: &str = "put_report";
        let sql = &self.sql().moderation;
        let mut tx = self.write(OPERATION).await?;
        let made = sqlx::query_scalar(sql.put_report.clone())
            .bind(report.room.get())
            .bind(seq_column(report.seq))
            .bind(report.reporter.as_str().to_owned())
            .bind(report.reason.clone())
            .bind(status_text(ReportStatus::Pending))
            .bind(report.at.as_micros())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let made: Option<i64> = made;
        let Some(id) = made else {
            let stands: i64 = sqlx::query_scalar(sql.reported.clone())
                .bind(report.room.get())
                .bind(seq_column(report.seq))
                .bind(report.reporter.as_str().to_owned())
                .fetch_one(&mut *tx)
                .await
                .map_err(failed(OPERATION))?;
            return Ok(if stands > 0 { Reported::Stands } else { Reported::NoMessage });
        };
        let made = self.one_report(&mut tx, id).await.map_err(failed(OPERATION))?;
        tx.commit().await.map_err(unknown(OPERATION))?;
        Ok(made.map_or(Reported::NoMessage, Reported::Made))
    }

    async fn report(&self, id: ReportId) -> Result<Option<Report>, StoreError> {
        const OPERATION: &str = "report";
        let mut tx = self.read(OPERATION).await?;
        self.one_report(&mut tx, id.get()).await.map_err(failed(OPERATION))
    }

    async fn reports(&self, query: &ReportsQuery) -> Result<Vec<Report>, StoreError> {
        const OPERATION: &str = "reports";
        let sql = &self.sql().moderation;
        let statement = match (&query.scope, query.status) {
            (ReportScope::Everywhere, None) => &sql.everywhere,
            (ReportScope::Everywhere, Some(_)) => &sql.by_status,
            (ReportScope::Room(_), _) => &sql.of_room,
            (ReportScope::ModeratedBy(_), _) => &sql.moderated,
        };
        let mut tx = self.read(OPERATION).await?;
        let mut asked = sqlx::query(statement.clone())
            .bind(query.before.map_or(i64::MAX, ReportId::get))
            .bind(limit_column(query.limit));
        if query.scope != ReportScope::Everywhere || query.status.is_some() {
            asked = asked.bind(query.status.and_then(status_text));
        }
        asked = match &query.scope {
            ReportScope::Everywhere => asked,
            ReportScope::Room(room) => asked.bind(room.get()),
            ReportScope::ModeratedBy(user) => asked.bind(user.as_str().to_owned()),
        };
        let rows = asked.fetch_all(&mut *tx).await.map_err(failed(OPERATION))?;
        rows.iter().map(report).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn decide_report(&self, decision: &Decision) -> Result<Option<Report>, StoreError> {
        const OPERATION: &str = "decide_report";
        let sql = &self.sql().moderation;
        let mut tx = self.write(OPERATION).await?;
        let changed = sqlx::query(sql.decide.clone())
            .bind(decision.report.get())
            .bind(status_text(decision.status))
            .bind(decision.by.as_str().to_owned())
            .bind(decision.at.as_micros())
            .execute(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let found = self.one_report(&mut tx, decision.report.get()).await.map_err(failed(OPERATION))?;
        let Some(report) = found else { return Ok(None) };
        if changed.rows_affected() == 0 {
            return Ok(Some(report));
        }
        note(&mut tx, sql, decision.record(&report).as_slice()).await.map_err(failed(OPERATION))?;
        tx.commit().await.map_err(unknown(OPERATION))?;
        Ok(Some(report))
    }
}

#[async_trait]
impl BlockStore for SqliteStore {
    async fn put_block(
        &self,
        user: &UserId,
        other: &UserId,
        at: Timestamp,
        max: usize,
    ) -> Result<Blocked, StoreError> {
        const OPERATION: &str = "put_block";
        let sql = &self.sql().moderation;
        let mut tx = self.write(OPERATION).await?;
        let stands: i64 = sqlx::query_scalar(sql.has_blocked.clone())
            .bind(user.as_str().to_owned())
            .bind(other.as_str().to_owned())
            .fetch_one(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        if stands > 0 {
            return Ok(Blocked::Stood);
        }
        let count: i64 = sqlx::query_scalar(sql.count_blocks.clone())
            .bind(user.as_str().to_owned())
            .fetch_one(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        if count >= limit_column(max) {
            return Ok(Blocked::TooMany);
        }
        sqlx::query(sql.put_block.clone())
            .bind(user.as_str().to_owned())
            .bind(other.as_str().to_owned())
            .bind(at.as_micros())
            .execute(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        tx.commit().await.map_err(unknown(OPERATION))?;
        Ok(Blocked::Made)
    }

    async fn drop_block(&self, user: &UserId, other: &UserId) -> Result<bool, StoreError> {
        const OPERATION: &str = "drop_block";
        let mut tx = self.write(OPERATION).await?;
        let dropped = sqlx::query(self.sql().moderation.drop_block.clone())
            .bind(user.as_str().to_owned())
            .bind(other.as_str().to_owned())
            .execute(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        tx.commit().await.map_err(unknown(OPERATION))?;
        Ok(dropped.rows_affected() > 0)
    }

    async fn blocks(&self, user: &UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
        const OPERATION: &str = "blocks";
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().moderation.blocks.clone())
            .bind(user.as_str().to_owned())
            .bind(limit_column(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        let other = |row: &SqliteRow| Columns::of(row).user();
        rows.iter().map(other).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }
}

#[async_trait]
impl AuditStore for SqliteStore {
    async fn audit(
        &self,
        room: RoomId,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        const OPERATION: &str = "audit";
        let mut tx = self.read(OPERATION).await?;
        let rows = sqlx::query(self.sql().moderation.audit.clone())
            .bind(room.get())
            .bind(before.map_or(i64::MAX, AuditId::get))
            .bind(limit_column(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        rows.iter().map(entry).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }
}

impl SqliteStore {
    async fn one_report(&self, tx: &mut Tx, id: i64) -> sqlx::Result<Option<Report>> {
        let found =
            sqlx::query(self.sql().moderation.report.clone()).bind(id).fetch_optional(&mut **tx).await?;
        found.as_ref().map(report).transpose()
    }
}

fn report(row: &SqliteRow) -> sqlx::Result<Report> {
    let mut columns = Columns::of(row);
    Ok(Report {
        id: ReportId::new(columns.take()?).ok_or_else(|| damaged("a report id out of its bounds"))?,
        room_id: columns.room_id()?,
        seq: columns.seq()?,
        message_id: MessageId::new(columns.take()?)
            .ok_or_else(|| damaged("a message id out of its bounds"))?,
        sender: columns.user_opt()?,
        content: columns.take()?,
        sent_at: columns.time()?,
        reporter: columns.user()?,
        reason: columns.take()?,
        status: status(columns.take()?)?,
        created_at: columns.time()?,
        decided_by: columns.user_opt()?,
        decided_at: columns.time_opt()?,
    })
}

fn entry(row: &SqliteRow) -> sqlx::Result<AuditEntry> {
    let mut columns = Columns::of(row);
    let id = AuditId::new(columns.take()?).ok_or_else(|| damaged("an entry's id out of its bounds"))?;
    let (room, at, actor) = (columns.room_id()?, columns.time()?, columns.user_opt()?);
    let record = AuditRecord::new(room, at, actor, action(columns.take()?)?);
    let (user, seq, until) = (columns.user_opt()?, columns.seq_opt()?, columns.time_opt()?);
    let role = if columns.peek_is_null()? {
        columns.skip(1);
        None
    } else {
        Some(columns.role()?)
    };
    let report: Option<i64> = columns.take()?;
    Ok(AuditEntry {
        id,
        record: AuditRecord { user, seq, until, role, report: report.and_then(ReportId::new), ..record },
    })
}
