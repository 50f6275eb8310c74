//! Calls about reports, blocks and the audit trail.

use serde::Serialize;

use super::user::AsUser;
use crate::{
    bus::QuotaKey,
    engine::{Inner, validate},
    error::{Error, ErrorCode},
    hooks::Principal,
    model::{AuditEntry, AuditId, Report, ReportId, ReportStatus, Role, RoomId, RoomKind, Seq, UserId},
    store::{Decision, NewReport, ReportScope, Reported, ReportsQuery},
};

/// Which reports to list.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers build it")]
pub struct ListReports {
    /// Only those.
    pub status: Option<ReportStatus>,
    /// Only reports of messages of this room; where none is named, of all rooms that the caller moderates.
    pub room: Option<RoomId>,
    /// Only reports below this: `next` of the page before.
    pub before: Option<ReportId>,
    /// At most so many ([`crate::Limits::page_max`] at most).
    pub limit: Option<usize>,
}

/// Reports, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReportPage {
    /// The reports.
    pub reports: Vec<Report>,
    /// Where the list goes on: `before` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<ReportId>,
}

/// What moderators of a room did, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Where the list goes on: `before` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<AuditId>,
}

impl AsUser<'_> {
    /// Reports a message that the caller may read, once.
    ///
    /// # Errors
    /// `not_found` for a room or message that one cannot read, or that is deleted; `conflict` for a second report of
    /// one message; `bad_field` or `too_large` for the reason.
    pub async fn report(&self, room: RoomId, seq: Seq, reason: &str) -> Result<Report, Error> {
        validate::check_reason(&self.inner.limits, reason)?;
        self.spend()?;
        let membership = self.inner.readable(self.principal, room).await?;
        let no_message = || Error::new(ErrorCode::NotFound, "no such message");
        if seq <= membership.visible_from {
            return Err(no_message());
        }
        let report = NewReport {
            room,
            seq,
            reporter: self.principal.user.clone(),
            reason: reason.to_owned(),
            at: self.inner.clock.now(),
        };
        match self.inner.put("put_report", self.inner.store.put_report(&report)).await? {
            Reported::Made(report) => Ok(report),
            Reported::Stands => Err(Error::new(ErrorCode::Conflict, "you have reported this message before")),
            Reported::NoMessage => Err(no_message()),
        }
    }

    /// Reports, the newest first, for moderators and owners of the rooms they are about, and for admins. Those about
    /// messages of direct rooms are for admins alone.
    ///
    /// # Errors
    /// `not_found` for a room that one is not in, `forbidden` where one does not moderate it.
    pub async fn reports(&self, list: ListReports) -> Result<ReportPage, Error> {
        let limit = validate::page(&self.inner.limits, list.limit)?;
        let scope = match list.room {
            Some(room) => {
                self.inner.check_moderates(self.principal, room).await?;
                ReportScope::Room(room)
            }
            None if self.principal.admin => ReportScope::Everywhere,
            None => ReportScope::ModeratedBy(self.principal.user.clone()),
        };
        // One more than asked for tells whether there are more.
        let query = ReportsQuery { scope, status: list.status, before: list.before, limit: limit + 1 };
        let mut reports = match query.scope {
            ReportScope::ModeratedBy(_) => self.inner.policy_in_time(self.readable_reports(query)).await?,
            _ => self.inner.read("reports", self.inner.store.reports(&query)).await?,
        };
        let more = reports.len() > limit;
        reports.truncate(limit);
        let next = reports.last().map(|report| report.id).filter(|_| more);
        Ok(ReportPage { reports, next })
    }

    /// Reports of rooms that the policy lets the caller read: as many as are asked for, where there are.
    async fn readable_reports(&self, mut query: ReportsQuery) -> Result<Vec<Report>, Error> {
        let mut reports = Vec::new();
        loop {
            let page = self.inner.read("reports", self.inner.store.reports(&query)).await?;
            let is_last = page.len() < query.limit;
            query.before = page.last().map(|report| report.id);
            reports.extend(self.inner.readable_of(self.principal, page, |report| report.room_id).await?);
            if is_last || reports.len() >= query.limit {
                return Ok(reports);
            }
        }
    }

    /// Whether there are reports that the caller may see and decide on, once they are made: as moderator or owner of
    /// some room, or as admin.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn is_moderator(&self) -> Result<bool, Error> {
        let max = self.inner.limits.rooms_per_connection_max;
        let user = &self.principal.user;
        if self.principal.admin {
            return Ok(true);
        }
        let joined = self.inner.read("memberships", self.inner.store.memberships(user, None, max)).await?;
        Ok(joined.iter().any(|membership| membership.role >= Role::Moderator))
    }

    /// Decides on a report: it is noted by whom and when, and in the room's audit trail.
    ///
    /// # Errors
    /// `not_found` for a report of a room that one is not in, `forbidden` where one does not moderate it, `bad_field`
    /// for `pending`.
    pub async fn decide_report(&self, id: ReportId, status: ReportStatus) -> Result<Report, Error> {
        if status == ReportStatus::Pending {
            return Err(Error::bad_field("status", "must be reviewed or dismissed"));
        }
        self.spend()?;
        let no_report = || Error::new(ErrorCode::NotFound, "no such report");
        let report = self.inner.read("report", self.inner.store.report(id)).await?.ok_or_else(no_report)?;
        let allowed = self.inner.check_moderates(self.principal, report.room_id).await;
        allowed.map_err(|error| match error.code() {
            ErrorCode::NotFound => no_report().with_missing_room(error.why_missing()),
            _ => error,
        })?;
        let by = self.principal.user.clone();
        let decision = Decision { report: id, status, by, at: self.inner.clock.now() };
        let decided = self.inner.put("decide_report", self.inner.store.decide_report(&decision)).await?;
        decided.ok_or_else(no_report)
    }

    /// What moderators of a room did, the newest first: for its moderators and owners, and for admins, who see that of
    /// deleted rooms too.
    ///
    /// # Errors
    /// `not_found` for a room that one is not in, `forbidden` where one does not moderate it.
    pub async fn audit(
        &self,
        room: RoomId,
        before: Option<AuditId>,
        limit: Option<usize>,
    ) -> Result<AuditPage, Error> {
        let limit = validate::page(&self.inner.limits, limit)?;
        self.inner.check_moderates(self.principal, room).await?;
        // One more than asked for tells whether there are more.
        let read = self.inner.store.audit(room, before, limit + 1);
        let mut entries = self.inner.read("audit", read).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().map(|entry| entry.id).filter(|_| more);
        Ok(AuditPage { entries, next })
    }

    /// Blocks a user: who is blocked can neither write to the caller directly nor add the caller to a room, and is
    /// not shown to the caller as typing or present. Says whether that is new.
    ///
    /// # Errors
    /// `bad_field` for oneself, `conflict` for more than [`crate::Limits::blocks_max`].
    pub async fn block(&self, user: &UserId) -> Result<bool, Error> {
        if *user == self.principal.user {
            return Err(Error::bad_field("user", "must be another user"));
        }
        self.spend()?;
        self.inner.set_block(&self.principal.user, user, true).await
    }

    /// Takes a block back; says whether there was one.
    ///
    /// # Errors
    /// `unavailable`, `rate_limited`.
    pub async fn unblock(&self, user: &UserId) -> Result<bool, Error> {
        self.spend()?;
        self.inner.set_block(&self.principal.user, user, false).await
    }

    /// Whom the caller has blocked, by id.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn blocks(&self) -> Result<Vec<UserId>, Error> {
        self.inner.blocks(&self.principal.user).await
    }

    /// What is written beside a log draws on the same budget as what is written into it.
    fn spend(&self) -> Result<(), Error> {
        self.inner.take(QuotaKey::Sends(self.principal.user.clone()), 1, self.inner.limits.sends)
    }
}

impl Inner {
    /// Whether a user decides about what is said in a room: its moderators and owners, but of a direct room neither of
    /// the two, and admins everywhere.
    async fn check_moderates(&self, principal: &Principal, room: RoomId) -> Result<(), Error> {
        if principal.admin {
            let heads = self.read("heads", self.store.heads(&[room])).await?;
            return if heads.is_empty() { Err(Error::room_not_found()) } else { Ok(()) };
        }
        let membership = self.readable(principal, room).await?;
        let forbidden = Error::new(ErrorCode::Forbidden, "needs a higher role in the room");
        if membership.role < Role::Moderator {
            return Err(forbidden);
        }
        let entry = self.entry(None, room).await?;
        if entry.room.kind == RoomKind::Direct { Err(forbidden) } else { Ok(()) }
    }
}
