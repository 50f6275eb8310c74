//! Reports of `thread`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use chat_core::{
    ErrorCode, ListReports,
    model::{MessageId, ReportId, ReportStatus},
};
use serde::Deserialize;

use super::shapes::Report;
use crate::{
    compat::said::Said,
    extract::{Path, Query, User},
    problem::Problem,
    shared::Shared,
};

/// A message to be reported.
#[derive(Debug, Deserialize)]
pub(super) struct NewReport {
    message: MessageId,
    reason: String,
}

/// `?status=<status>&before=<report>&limit=<n>`.
#[derive(Debug, Deserialize)]
pub(super) struct Reports {
    status: Option<ReportStatus>,
    before: Option<ReportId>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReportPath {
    id: ReportId,
}

/// A decision on a report.
#[derive(Debug, Deserialize)]
pub(super) struct NewStatus {
    status: ReportStatus,
}

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    Said(me, asked): Said<NewReport>,
) -> Result<(StatusCode, Json<Report>), Problem> {
    let user = shared.engine().as_user(&me);
    let message = user.message(asked.message).await?.message;
    let report = user.report(message.room_id, message.seq, &asked.reason).await?;
    Ok((StatusCode::CREATED, Json(report.into())))
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Query(asked): Query<Reports>,
) -> Result<Json<Vec<Report>>, Problem> {
    let user = shared.engine().as_user(&me);
    if !user.is_moderator().await? {
        return Err(Problem::new(ErrorCode::Forbidden, "reports are for owners and moderators"));
    }
    let Reports { status, before, limit } = asked;
    let page = user.reports(ListReports { status, room: None, before, limit }).await?;
    Ok(Json(page.reports.into_iter().map(Report::from).collect()))
}

pub(super) async fn decide(
    State(shared): State<Arc<Shared>>,
    Path(ReportPath { id }): Path<ReportPath>,
    Said(me, asked): Said<NewStatus>,
) -> Result<Json<Report>, Problem> {
    Ok(Json(shared.engine().as_user(&me).decide_report(id, asked.status).await?.into()))
}
