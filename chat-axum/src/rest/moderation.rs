//! Reports, blocks and the audit trail.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use chat_core::{
    AsUser, AuditPage, ListReports, ReportPage,
    model::{Report, RoomId, Seq},
};

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
    let (room, seq) = reported(&calls, &asked).await?;
    let report = calls.report(room, seq, &asked.reason).await?;
    Ok((StatusCode::CREATED, Json(report)))
}

/// Where the message to be reported is.
async fn reported(calls: &AsUser<'_>, asked: &NewReport) -> Result<(RoomId, Seq), Problem> {
    let (room, seq) = (asked.room_id, asked.seq.as_ref().map(|seq| seq.0));
    let Some(id) = asked.message_id else {
        return match (room, seq) {
            (Some(room), Some(seq)) => Ok((room, seq)),
            (None, None) => Err(Problem::bad_field("message_id", "say it, or room_id and seq")),
            (None, Some(_)) => Err(Problem::bad_field("room_id", "belongs to seq")),
            (Some(_), None) => Err(Problem::bad_field("seq", "belongs to room_id")),
        };
    };
    let message = calls.message(id).await?.message;
    let agrees = room.is_none_or(|room| room == message.room_id) && seq.is_none_or(|seq| seq == message.seq);
    if agrees {
        Ok((message.room_id, message.seq))
    } else {
        Err(Problem::bad_field("message_id", "is not the message at room_id and seq"))
    }
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
