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
use sqlx::postgres::PgRow;

use crate::{
    PostgresStore,
    columns::{Columns, action, action_text, limit_column, role_text, seq_column, status, status_text},
    error::{damaged, failed},
    rows::Rows,
    sql::statements,
};

/// What a [`Report`] is made of, of a table called `r`.
macro_rules! report_columns {
    () => {
        "r.id, r.room, r.seq, r.message, r.sender, r.content, r.sent_at, r.reporter, r.reason, r.status, \
         r.created_at, r.decided_by, r.decided_at"
    };
}

/// Reports below `$1`, the newest first, at most `$2`.
macro_rules! reports {
    ($from:literal) => {
        concat!("SELECT ", report_columns!(), " FROM ", $from, " ORDER BY r.id DESC LIMIT $2")
    };
}

statements! {
    /// Reading and keeping what moderators work with.
    ModerationSql {
        // Of a report that stands already nothing is given back.
        put_report = concat!(
            "INSERT INTO {s}reports AS r (room, seq, message, sender, content, sent_at, reporter, reason, status,
                created_at)
             SELECT m.room, m.seq, m.id, m.sender, m.content, m.at, $3, $4, $5, $6 FROM {s}messages m
             WHERE m.room = $1 AND m.seq = $2 AND NOT m.deleted
             ON CONFLICT (room, seq, reporter) DO NOTHING RETURNING ", report_columns!());
        is_standing = "SELECT EXISTS (SELECT 1 FROM {s}messages m WHERE m.room = $1 AND m.seq = $2 AND NOT m.deleted)";
        report = concat!("SELECT ", report_columns!(), " FROM {s}reports r WHERE r.id = $1");
        everywhere = reports!("{s}reports r WHERE r.id < $1");
        by_status = reports!("{s}reports r WHERE r.id < $1 AND r.status = $3");
        of_room = reports!("{s}reports r WHERE r.id < $1 AND r.room = $4 AND ($3::text IS NULL OR r.status = $3)");
        moderated = reports!("{s}members m JOIN {s}rooms o ON o.id = m.room AND o.kind <> 'direct'
            JOIN {s}reports r ON r.room = m.room AND r.id < $1
            WHERE m.user_id = $4 AND m.role IN ('moderator', 'owner') AND ($3::text IS NULL OR r.status = $3)");
        // One statement, so that a decision and its note are one.
        decide = concat!(
            "WITH decided AS (
                UPDATE {s}reports AS r SET status = $2, decided_by = $3, decided_at = $4
                WHERE r.id = $1 AND r.status <> $2 RETURNING ", report_columns!(), "),
             noted AS (
                INSERT INTO {s}audit (room, at, actor, action, user_id, seq, report)
                SELECT d.room, $4, $3, $5, d.sender, d.seq, d.id FROM decided d WHERE $5::text IS NOT NULL)
             SELECT * FROM decided");
        audit = "SELECT id, room, at, actor, action, user_id, seq, until, role, report FROM {s}audit
            WHERE room = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
        put_block = "SELECT {s}block_v1($1, $2, $3, $4)::bigint";
        drop_block = "SELECT {s}unblock_v1($1, $2)";
        blocks = "SELECT blocked FROM {s}blocks WHERE user_id = $1 ORDER BY blocked LIMIT $2";
    }
}

/// Rows of the trail, in order.
pub(crate) fn rows(records: &[AuditRecord]) -> sqlx::Result<Rows> {
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
impl ReportStore for PostgresStore {
    async fn put_report(&self, asked: &NewReport) -> Result<Reported, StoreError> {
        const OPERATION: &str = "put_report";
        let sql = &self.sql().moderation;
        let put = || {
            self.ask(&sql.put_report)
                .bind(asked.room.get())
                .bind(seq_column(asked.seq))
                .bind(asked.reporter.as_str().to_owned())
                .bind(asked.reason.clone())
                .bind(status_text(ReportStatus::Pending))
                .bind(asked.at.as_micros())
        };
        let made = self.write(OPERATION, put).await?;
        if let Some(row) = made.first() {
            return report(row).map(Reported::Made).map_err(failed(OPERATION));
        }
        let standing = self.ask(&sql.is_standing).bind(asked.room.get()).bind(seq_column(asked.seq));
        let rows = self.read(OPERATION, standing).await?;
        let is_standing =
            rows.first().ok_or(sqlx::Error::RowNotFound).and_then(|row| Columns::of(row).flag());
        let is_standing = is_standing.map_err(failed(OPERATION))?;
        Ok(if is_standing { Reported::Stands } else { Reported::NoMessage })
    }

    async fn report(&self, id: ReportId) -> Result<Option<Report>, StoreError> {
        const OPERATION: &str = "report";
        let rows = self.read(OPERATION, self.ask(&self.sql().moderation.report).bind(id.get())).await?;
        rows.first().map(report).transpose().map_err(failed(OPERATION))
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
        let mut asked = self
            .ask(statement)
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
        let rows = self.read(OPERATION, asked).await?;
        rows.iter().map(report).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }

    async fn decide_report(&self, decision: &Decision) -> Result<Option<Report>, StoreError> {
        const OPERATION: &str = "decide_report";
        let Some(found) = self.report(decision.report).await? else { return Ok(None) };
        let action = decision.record(&found).and_then(|record| action_text(record.action));
        let decide = || {
            self.ask(&self.sql().moderation.decide)
                .bind(decision.report.get())
                .bind(status_text(decision.status))
                .bind(decision.by.as_str().to_owned())
                .bind(decision.at.as_micros())
                .bind(action)
        };
        let rows = self.write(OPERATION, decide).await?;
        match rows.first() {
            Some(row) => report(row).map(Some).map_err(failed(OPERATION)),
            // It was decided so before, perhaps just now.
            None => self.report(decision.report).await,
        }
    }
}

#[async_trait]
impl BlockStore for PostgresStore {
    async fn put_block(
        &self,
        user: &UserId,
        other: &UserId,
        at: Timestamp,
        max: usize,
    ) -> Result<Blocked, StoreError> {
        const OPERATION: &str = "put_block";
        let put = || {
            self.ask(&self.sql().moderation.put_block)
                .bind(user.as_str().to_owned())
                .bind(other.as_str().to_owned())
                .bind(at.as_micros())
                .bind(limit_column(max))
        };
        let rows = self.write(OPERATION, put).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound);
        match row.and_then(|row| Columns::of(row).index()).map_err(failed(OPERATION))? {
            0 => Ok(Blocked::Made),
            1 => Ok(Blocked::Stood),
            _ => Ok(Blocked::TooMany),
        }
    }

    async fn drop_block(&self, user: &UserId, other: &UserId) -> Result<bool, StoreError> {
        const OPERATION: &str = "drop_block";
        let lift = || {
            self.ask(&self.sql().moderation.drop_block)
                .bind(user.as_str().to_owned())
                .bind(other.as_str().to_owned())
        };
        let rows = self.write(OPERATION, lift).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound);
        row.and_then(|row| Columns::of(row).flag()).map_err(failed(OPERATION))
    }

    async fn blocks(&self, user: &UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
        const OPERATION: &str = "blocks";
        let sql = &self.sql().moderation;
        let asked = self.ask(&sql.blocks).bind(user.as_str().to_owned()).bind(limit_column(limit));
        let rows = self.read(OPERATION, asked).await?;
        let other = |row: &PgRow| Columns::of(row).user();
        rows.iter().map(other).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }
}

#[async_trait]
impl AuditStore for PostgresStore {
    async fn audit(
        &self,
        room: RoomId,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        const OPERATION: &str = "audit";
        let asked = self
            .ask(&self.sql().moderation.audit)
            .bind(room.get())
            .bind(before.map_or(i64::MAX, AuditId::get))
            .bind(limit_column(limit));
        let rows = self.read(OPERATION, asked).await?;
        rows.iter().map(entry).collect::<sqlx::Result<_>>().map_err(failed(OPERATION))
    }
}

fn report(row: &PgRow) -> sqlx::Result<Report> {
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

fn entry(row: &PgRow) -> sqlx::Result<AuditEntry> {
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
