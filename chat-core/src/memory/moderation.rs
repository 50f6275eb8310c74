//! Reports, blocks and the audit trail of a [`MemoryStore`].

use async_trait::async_trait;

use super::{MemoryStore, state::State};
use crate::{
    model::{AuditEntry, AuditId, Report, ReportId, ReportStatus, Role, RoomId, RoomKind, Timestamp, UserId},
    store::{
        AuditStore, BlockStore, Blocked, Decision, NewReport, ReportScope, ReportStore, Reported,
        ReportsQuery, StoreError,
    },
};

#[async_trait]
impl ReportStore for MemoryStore {
    async fn put_report(&self, report: &NewReport) -> Result<Reported, StoreError> {
        let mut state = self.state.lock();
        let message = state.room_state(report.room).and_then(|room| room.message(report.seq));
        let Some(message) = message.filter(|message| !message.deleted) else {
            return Ok(Reported::NoMessage);
        };
        let same = |kept: &Report| {
            (kept.room_id, kept.seq, &kept.reporter) == (report.room, report.seq, &report.reporter)
        };
        if state.reports.iter().any(same) {
            return Ok(Reported::Stands);
        }
        let id = i64::try_from(state.reports.len()).ok().and_then(|count| ReportId::new(count + 1));
        let made = Report {
            id: id.unwrap_or_else(|| unreachable!("more reports than memory holds")),
            room_id: report.room,
            seq: report.seq,
            message_id: message.id,
            sender: message.sender.clone(),
            content: message.content.clone(),
            sent_at: message.at,
            reporter: report.reporter.clone(),
            reason: report.reason.clone(),
            status: ReportStatus::Pending,
            created_at: report.at,
            decided_by: None,
            decided_at: None,
        };
        state.reports.push(made.clone());
        Ok(Reported::Made(made))
    }

    async fn report(&self, id: ReportId) -> Result<Option<Report>, StoreError> {
        Ok(self.state.lock().reports.iter().find(|report| report.id == id).cloned())
    }

    async fn reports(&self, query: &ReportsQuery) -> Result<Vec<Report>, StoreError> {
        let state = self.state.lock();
        let wanted = |report: &&Report| {
            query.before.is_none_or(|before| report.id < before)
                && query.status.is_none_or(|status| report.status == status)
                && state.is_in(&query.scope, report.room_id)
        };
        Ok(state.reports.iter().rev().filter(wanted).take(query.limit).cloned().collect())
    }

    async fn decide_report(&self, decision: &Decision) -> Result<Option<Report>, StoreError> {
        let mut state = self.state.lock();
        let found = state.reports.iter_mut().find(|report| report.id == decision.report);
        let Some(report) = found else { return Ok(None) };
        if report.status == decision.status {
            return Ok(Some(report.clone()));
        }
        report.status = decision.status;
        report.decided_by = Some(decision.by.clone());
        report.decided_at = Some(decision.at);
        let report = report.clone();
        if let Some(record) = decision.record(&report) {
            state.note(&record);
        }
        Ok(Some(report))
    }
}

#[async_trait]
impl BlockStore for MemoryStore {
    async fn put_block(
        &self,
        user: &UserId,
        other: &UserId,
        _: Timestamp,
        max: usize,
    ) -> Result<Blocked, StoreError> {
        let mut state = self.state.lock();
        let blocked = state.blocks.entry(user.clone()).or_default();
        if blocked.contains(other) {
            return Ok(Blocked::Stood);
        }
        if blocked.len() >= max {
            return Ok(Blocked::TooMany);
        }
        blocked.insert(other.clone());
        Ok(Blocked::Made)
    }

    async fn drop_block(&self, user: &UserId, other: &UserId) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        Ok(state.blocks.get_mut(user).is_some_and(|blocked| blocked.remove(other)))
    }

    async fn blocks(&self, user: &UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
        let state = self.state.lock();
        Ok(state.blocks.get(user).into_iter().flatten().take(limit).cloned().collect())
    }
}

#[async_trait]
impl AuditStore for MemoryStore {
    async fn audit(
        &self,
        room: RoomId,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let state = self.state.lock();
        let wanted = |entry: &&AuditEntry| {
            entry.record.room_id == room && before.is_none_or(|before| entry.id < before)
        };
        Ok(state.audit.iter().rev().filter(wanted).take(limit).cloned().collect())
    }
}

impl State {
    fn is_in(&self, scope: &ReportScope, room: RoomId) -> bool {
        match scope {
            ReportScope::Everywhere => true,
            ReportScope::Room(wanted) => room == *wanted,
            ReportScope::ModeratedBy(user) => self.room_state(room).is_some_and(|state| {
                let role = state.members.get(user).map(|row| row.member.role);
                state.row.room.kind != RoomKind::Direct && role >= Some(Role::Moderator)
            }),
        }
    }
}
