//! Rules of rooms themselves.

use super::{Decision, Effect, RoomRow, Scope, View, needs::keys_of};
use crate::{
    event::{Event, EventBody},
    model::{AuditAction, Member, MemberRow, Role, Room, RoomKind, Seq, UserId},
    store::{Actor, Change, NewRoom, Outcome, Refusal, RoomUpdate},
};

pub(super) fn create<V: View>(view: &mut V, change: &Change, new: &NewRoom) -> Result<Decision, Refusal> {
    let maker = change.actor.user();
    if new.kind == RoomKind::Direct && new.members.len() != 2 {
        return Err(Refusal::Invalid { field: "members", reason: "a direct room has two members" });
    }
    let keys = keys_of(new, maker);
    for key in &keys {
        if let Some(row) = view.find(key).and_then(|room| view.room(room)) {
            return Ok(Decision::repeat(made(row)));
        }
    }
    let blocks = |user: &UserId| maker.is_some_and(|maker| maker != user && view.has_blocked(user, maker));
    if new.members.iter().any(|(user, _)| blocks(user)) {
        return Err(Refusal::Blocked);
    }
    let id = view.next_room_id();
    let room = Room {
        id,
        kind: new.kind,
        name: new.name.clone(),
        metadata: new.metadata.clone(),
        subject: new.subject.clone(),
        history: new.history,
        created_at: change.at,
        created_by: maker.cloned(),
    };
    let row = RoomRow {
        room: room.clone(),
        head: Seq::ZERO,
        at: change.at,
        messages: 0,
        members: 0,
        deleted: false,
    };
    let first = Seq::ZERO.next();
    let members: Vec<Member> = new
        .members
        .iter()
        .map(|(user, role)| Member {
            user: user.clone(),
            role: *role,
            joined_at: change.at,
            muted_until: None,
        })
        .collect();
    let event = Event {
        room: id,
        seq: first,
        at: change.at,
        actor: maker.cloned(),
        client_id: None,
        body: EventBody::RoomCreated { room, members: members.clone() },
    };
    let mut effects =
        vec![Effect::CreateRoom { row, keys }, Effect::Append { event: event.clone(), message: None }];
    effects.extend(members.into_iter().map(|member| Effect::PutMember {
        room: id,
        row: MemberRow { member, visible_from: Seq::ZERO, read: first, delivered: first },
    }));
    Ok(Decision { outcome: Outcome::Applied(event), effects })
}

pub(super) fn update<V: View>(view: &V, scope: &Scope, update: &RoomUpdate) -> Result<Decision, Refusal> {
    if scope.kind == RoomKind::Direct && scope.actor != Actor::Host {
        return Err(Refusal::Forbidden("a direct room has no name or settings of its own"));
    }
    if update.history.is_some() && !scope.outranks(Role::Moderator) {
        return Err(Refusal::Forbidden("needs a higher role in the room"));
    }
    let row = view.room(scope.room).ok_or(Refusal::RoomNotFound)?;
    let mut room = row.room.clone();
    if let Some(name) = &update.name {
        room.name.clone_from(name);
    }
    if let Some(metadata) = &update.metadata {
        room.metadata = metadata.clone();
    }
    room.history = update.history.unwrap_or(room.history);
    if room == row.room {
        return Ok(Decision::UNCHANGED);
    }
    let put = Effect::PutRoom { room: room.clone() };
    Ok(scope.applied(view, EventBody::RoomChanged { room }, vec![put]))
}

pub(super) fn delete<V: View>(view: &V, scope: &Scope) -> Decision {
    let mut decision = scope.applied(view, EventBody::RoomDeleted {}, Vec::new());
    let floor = decision.outcome.event().map_or(Seq::ZERO, |event| event.seq.back(1));
    decision.effects.push(Effect::Audit { record: scope.audit(AuditAction::RoomDeleted) });
    decision.effects.push(Effect::DropRoom { room: scope.room, floor });
    decision
}

/// The event that made a room, as far as it matters to who asks for the room again.
fn made(row: &RoomRow) -> Event {
    Event {
        room: row.room.id,
        seq: Seq::ZERO.next(),
        at: row.room.created_at,
        actor: row.room.created_by.clone(),
        client_id: None,
        body: EventBody::RoomCreated { room: row.room.clone(), members: Vec::new() },
    }
}
