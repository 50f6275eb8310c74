//! Reports, blocks and the audit trail: what is asked of a store, and what came of it.

use crate::model::{Report, ReportId, ReportStatus, RoomId, Seq, Timestamp, UserId};

/// A report to be made.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct NewReport {
    /// The room of the message.
    pub room: RoomId,
    /// Its place.
    pub seq: Seq,
    /// Who reports it.
    pub reporter: UserId,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What came of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum Reported {
    /// It is kept.
    Made(Report),
    /// The reporter had reported the message before.
    Stands,
    /// There is no such message, or it is deleted.
    NoMessage,
}

/// Which reports to list.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct ReportsQuery {
    /// About messages of which rooms.
    pub scope: ReportScope,
    /// Only those.
    pub status: Option<ReportStatus>,
    /// Only reports with an id below this.
    pub before: Option<ReportId>,
    /// At most this many.
    pub limit: usize,
}

/// Which rooms a list of reports is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the engine builds it, stores take it apart")]
pub enum ReportScope {
    /// All of them, deleted ones too.
    Everywhere,
    /// This one.
    Room(RoomId),
    /// Those that are not direct and that the user is moderator or owner of.
    ModeratedBy(UserId),
}

/// A decision on a report.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, stores take it apart")]
pub struct Decision {
    /// The report.
    pub report: ReportId,
    /// What becomes of it.
    pub status: ReportStatus,
    /// Who decides.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

impl Decision {
    /// What the trail says of it; nothing where nothing was decided.
    #[must_use]
    pub fn record(&self, report: &Report) -> Option<crate::model::AuditRecord> {
        use crate::model::{AuditAction, AuditRecord};
        let action = match self.status {
            ReportStatus::Pending => return None,
            ReportStatus::Reviewed => AuditAction::ReportReviewed,
            ReportStatus::Dismissed => AuditAction::ReportDismissed,
        };
        let record = AuditRecord::new(report.room_id, self.at, Some(self.by.clone()), action);
        Some(AuditRecord {
            user: report.sender.clone(),
            seq: Some(report.seq),
            report: Some(report.id),
            ..record
        })
    }
}

/// What came of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum Blocked {
    /// It stands from now on.
    Made,
    /// It stood.
    Stood,
    /// The user has blocked as many as may be.
    TooMany,
}
