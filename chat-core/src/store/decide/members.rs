//! Rules of members, roles, mutes and bans.

use super::{Decision, Effect, Scope, View};
use crate::{
    event::EventBody,
    model::{
        AuditAction, AuditRecord, Ban, HistoryMode, LeaveReason, Member, MemberRow, Role, RoomKind, Seq,
        Timestamp, UserId,
    },
    store::{Actor, Outcome, Refusal},
};

const NO_MEMBER: Refusal = Refusal::NotFound("member");
const RANK: Refusal = Refusal::Forbidden("needs a higher role in the room");

pub(super) fn add<V: View>(view: &V, scope: &Scope, user: &UserId, role: Role) -> Result<Decision, Refusal> {
    not_direct(scope)?;
    if !scope.outranks(role) {
        return Err(RANK);
    }
    if view.member(scope.room, user).is_some() {
        return Ok(Decision::UNCHANGED);
    }
    if scope.is_blocked_by(view, user) {
        return Err(Refusal::Blocked);
    }
    let mut effects = Vec::new();
    if let Some(ban) = view.ban(scope.room, user) {
        let holds = ban.holds_at(scope.now);
        if scope.actor != Actor::Host && holds {
            return Err(Refusal::Banned);
        }
        effects.push(Effect::DropBan { room: scope.room, user: user.clone() });
        if holds {
            effects.push(audited(scope.audit(AuditAction::Unbanned).to(user.clone())));
        }
    }
    Ok(join_as(view, scope, user, role, effects))
}

pub(super) fn join<V: View>(view: &V, scope: &Scope) -> Result<Decision, Refusal> {
    let user = scope.actor.user().ok_or(Refusal::Forbidden("the host does not join"))?;
    if scope.row.is_some() {
        return Ok(Decision::UNCHANGED);
    }
    if scope.kind != RoomKind::Public {
        return Err(Refusal::NotMember);
    }
    if view.ban(scope.room, user).is_some_and(|ban| ban.holds_at(scope.now)) {
        return Err(Refusal::Banned);
    }
    Ok(join_as(view, scope, user, Role::Member, Vec::new()))
}

pub(super) fn leave<V: View>(view: &V, scope: &Scope) -> Result<Decision, Refusal> {
    not_direct(scope)?;
    let row = scope.row.as_ref().ok_or(Refusal::NotMember)?;
    Ok(gone(view, scope, &row.member, LeaveReason::Left, Vec::new()))
}

pub(super) fn remove<V: View>(view: &V, scope: &Scope, user: &UserId) -> Result<Decision, Refusal> {
    not_direct(scope)?;
    let target = outranked(view, scope, user)?;
    let audit = audited(scope.audit(AuditAction::MemberRemoved).to(user.clone()));
    Ok(gone(view, scope, &target.member, LeaveReason::Removed, vec![audit]))
}

pub(super) fn ban<V: View>(
    view: &V,
    scope: &Scope,
    user: &UserId,
    until: Option<Timestamp>,
) -> Result<Decision, Refusal> {
    not_direct(scope)?;
    if scope.actor.user() == Some(user) {
        return Err(Refusal::Forbidden("nobody bans oneself"));
    }
    in_future(scope, until)?;
    let ban = Ban { user: user.clone(), by: scope.actor.user().cloned(), at: scope.at, until };
    let put = Effect::PutBan { room: scope.room, ban };
    let audit = audited(AuditRecord { until, ..scope.audit(AuditAction::Banned).to(user.clone()) });
    if view.member(scope.room, user).is_none() {
        return Ok(Decision { outcome: Outcome::Unchanged, effects: vec![put, audit] });
    }
    let target = outranked(view, scope, user)?;
    Ok(gone(view, scope, &target.member, LeaveReason::Banned, vec![put, audit]))
}

pub(super) fn unban<V: View>(view: &V, scope: &Scope, user: &UserId) -> Result<Decision, Refusal> {
    if view.ban(scope.room, user).is_none() {
        return Err(Refusal::NotFound("ban"));
    }
    let drop = Effect::DropBan { room: scope.room, user: user.clone() };
    let audit = audited(scope.audit(AuditAction::Unbanned).to(user.clone()));
    Ok(Decision { outcome: Outcome::Unchanged, effects: vec![drop, audit] })
}

pub(super) fn set_role<V: View>(
    view: &V,
    scope: &Scope,
    user: &UserId,
    role: Role,
) -> Result<Decision, Refusal> {
    not_direct(scope)?;
    let target = outranked(view, scope, user)?;
    if !scope.outranks(role) {
        return Err(RANK);
    }
    if target.member.role == role {
        return Ok(Decision::UNCHANGED);
    }
    let mut row = target.clone();
    row.member.role = role;
    let record = AuditRecord { role: Some(role), ..scope.audit(AuditAction::RoleChanged).to(user.clone()) };
    Ok(changed(view, scope, row, None, vec![audited(record)]))
}

pub(super) fn transfer<V: View>(view: &V, scope: &Scope, to: &UserId) -> Result<Decision, Refusal> {
    not_direct(scope)?;
    let heir = view.member(scope.room, to).ok_or(NO_MEMBER)?;
    let former = match &scope.row {
        Some(row) => Some(row.member.user.clone()),
        None => view.owner(scope.room, None).map(|owner| owner.user),
    };
    if former.as_ref() == Some(to) {
        return Ok(Decision::UNCHANGED);
    }
    let former = former.and_then(|user| view.member(scope.room, &user)).map(|row| {
        let mut row = row.clone();
        row.member.role = Role::Moderator;
        row
    });
    let mut row = heir.clone();
    row.member.role = Role::Owner;
    let audit = audited(scope.audit(AuditAction::OwnershipTransferred).to(to.clone()));
    Ok(changed(view, scope, row, former, vec![audit]))
}

pub(super) fn mute<V: View>(
    view: &V,
    scope: &Scope,
    user: &UserId,
    until: Option<Timestamp>,
) -> Result<Decision, Refusal> {
    not_direct(scope)?;
    in_future(scope, until)?;
    let target = outranked(view, scope, user)?;
    let standing = target.member.muted_until.filter(|until| scope.now < *until);
    if standing == until {
        return Ok(Decision::UNCHANGED);
    }
    let mut row = target.clone();
    row.member.muted_until = until;
    let (room, user) = (scope.room, user.clone());
    let (mute, action) = match until {
        Some(until) => (Effect::PutMute { room, user: user.clone(), until }, AuditAction::Muted),
        None => (Effect::DropMute { room, user: user.clone() }, AuditAction::Unmuted),
    };
    let audit = audited(AuditRecord { until, ..scope.audit(action).to(user) });
    Ok(changed(view, scope, row, None, vec![mute, audit]))
}

const fn audited(record: AuditRecord) -> Effect {
    Effect::Audit { record }
}

fn not_direct(scope: &Scope) -> Result<(), Refusal> {
    match scope.kind {
        RoomKind::Direct => Err(Refusal::Forbidden("a direct room keeps its two members")),
        _ => Ok(()),
    }
}

fn in_future(scope: &Scope, until: Option<Timestamp>) -> Result<(), Refusal> {
    match until {
        Some(until) if until <= scope.now => {
            Err(Refusal::Invalid { field: "until", reason: "must be in the future" })
        }
        _ => Ok(()),
    }
}

/// The member, where the actor stands above.
fn outranked<'v, V: View>(view: &'v V, scope: &Scope, user: &UserId) -> Result<&'v MemberRow, Refusal> {
    let target = view.member(scope.room, user).ok_or(NO_MEMBER)?;
    if scope.outranks(target.member.role) { Ok(target) } else { Err(RANK) }
}

fn join_as<V: View>(
    view: &V,
    scope: &Scope,
    user: &UserId,
    role: Role,
    mut effects: Vec<Effect>,
) -> Decision {
    // Going and coming back does not end a mute.
    let muted_until = view.mute(scope.room, user).filter(|until| scope.now < *until);
    let member = Member { user: user.clone(), role, joined_at: scope.at, muted_until };
    let event = scope.event(view, EventBody::MemberJoined { member: member.clone() });
    let history = view.room(scope.room).map_or(HistoryMode::All, |row| row.room.history);
    let visible_from = match history {
        HistoryMode::All => Seq::ZERO,
        HistoryMode::FromJoin => event.seq.back(1),
    };
    let row = MemberRow { member, visible_from, read: event.seq, delivered: event.seq };
    effects.push(Effect::PutMember { room: scope.room, row });
    effects.insert(0, Effect::Append { event: event.clone(), message: None });
    Decision { outcome: Outcome::Applied(event), effects }
}

fn gone<V: View>(
    view: &V,
    scope: &Scope,
    member: &Member,
    reason: LeaveReason,
    mut effects: Vec<Effect>,
) -> Decision {
    let user = member.user.clone();
    let orphaned = member.role == Role::Owner && view.owner(scope.room, Some(&user)).is_none();
    let heir = if orphaned { view.heir(scope.room, &user) } else { None };
    effects.push(Effect::DropMember { room: scope.room, user: user.clone() });
    let successor = heir.and_then(|heir| view.member(scope.room, &heir.user)).map(|row| {
        let mut row = row.clone();
        row.member.role = Role::Owner;
        effects.push(Effect::PutMember { room: scope.room, row: row.clone() });
        row.member
    });
    scope.applied(view, EventBody::MemberLeft { user, reason, successor }, effects)
}

fn changed<V: View>(
    view: &V,
    scope: &Scope,
    row: MemberRow,
    former: Option<MemberRow>,
    mut effects: Vec<Effect>,
) -> Decision {
    let body = EventBody::MemberChanged {
        member: row.member.clone(),
        former_owner: former.as_ref().map(|row| row.member.clone()),
    };
    let rows = [Some(row), former].into_iter().flatten();
    effects.extend(rows.map(|row| Effect::PutMember { room: scope.room, row }));
    scope.applied(view, body, effects)
}
