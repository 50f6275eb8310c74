//! Reports, blocks and the audit trail.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use chat_core::{AuditPage, ListReports, ReportPage, model::Report};

use super::{
    bodies::{AuditQuery, Blocks, NewReport, ReportPatch, ReportPath, ReportsQuery, RoomPath, UserPath},
    members::named,
};
use crate::{
    extract::{Body, Path, Query, User},
    problem::Problem,
    shared::Shared,
};

pub(super) async fn report(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Body(asked): Body<NewReport>,
) -> Result<(StatusCode, Json<Report>), Problem> {
    let calls = shared.engine.as_user(&me);
    let report = calls.report(asked.room_id, asked.seq.0, &asked.reason).await?;
    Ok((StatusCode::CREATED, Json(report)))
}

pub(super) async fn reports(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Query(query): Query<ReportsQuery>,
) -> Result<Json<ReportPage>, Problem> {
    let ReportsQuery { status, room_id: room, before, limit } = query;
    Ok(Json(shared.engine.as_user(&me).reports(ListReports { status, room, before, limit }).await?))
}

pub(super) async fn decide(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(ReportPath { id }): Path<ReportPath>,
    Body(asked): Body<ReportPatch>,
) -> Result<Json<Report>, Problem> {
    Ok(Json(shared.engine.as_user(&me).decide_report(id, asked.status).await?))
}

pub(super) async fn audit(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(RoomPath { id }): Path<RoomPath>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
    Ok(Json(shared.engine.as_user(&me).audit(id, query.before, query.limit).await?))
}

pub(super) async fn blocks(
    State(shared): State<Arc<Shared>>,
    User(me): User,
) -> Result<Json<Blocks>, Problem> {
    Ok(Json(Blocks { blocked: shared.engine.as_user(&me).blocks().await? }))
}

pub(super) async fn block(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(UserPath { id }): Path<UserPath>,
) -> Result<StatusCode, Problem> {
    shared.engine.as_user(&me).block(&named(&me, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn unblock(
    State(shared): State<Arc<Shared>>,
    User(me): User,
    Path(UserPath { id }): Path<UserPath>,
) -> Result<StatusCode, Problem> {
    shared.engine.as_user(&me).unblock(&named(&me, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
