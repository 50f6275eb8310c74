//! The rules of a room's log, for stores that look things up before they write: pure, without I/O or clock.

mod import;
mod members;
mod messages;
mod needs;
mod rooms;
mod view;

pub use import::{decide_import, import_needs};
pub use needs::Needs;
pub use view::{AppendedMessage, Effect, RoomRow, Sent, View};

use super::{Actor, Change, ChangeBody, Outcome, Refusal, Require};
use crate::{
    event::{Event, EventBody},
    model::{AuditAction, AuditRecord, MemberRow, Role, RoomId, RoomKind, Timestamp, UserId},
};

/// Judges changes one after another, each on the state that those before it left. Gives an answer a change and all
/// that is to be written, in order.
pub fn decide_all<V: View>(view: &mut V, changes: &[Change]) -> (Vec<Result<Outcome, Refusal>>, Vec<Effect>) {
    let mut answers = Vec::with_capacity(changes.len());
    let mut effects = Vec::with_capacity(changes.len() * 2);
    for change in changes {
        answers.push(decide(view, change).map(|decision| {
            for effect in &decision.effects {
                view.apply(effect);
            }
            effects.extend(decision.effects);
            decision.outcome
        }));
    }
    (answers, effects)
}

/// What a change comes to.
struct Decision {
    outcome: Outcome,
    effects: Vec<Effect>,
}

impl Decision {
    const UNCHANGED: Self = Self { outcome: Outcome::Unchanged, effects: Vec::new() };

    fn repeat(event: Event) -> Self {
        Self { outcome: Outcome::Repeat(event), effects: Vec::new() }
    }
}

fn decide<V: View>(view: &mut V, change: &Change) -> Result<Decision, Refusal> {
    if let ChangeBody::Create(new) = &change.body {
        return rooms::create(view, change, new);
    }
    if let ChangeBody::Send(new) = &change.body {
        // Before every precondition: a repeat is answered as the first was, whatever holds by now.
        if let Some(repeat) = messages::repeat(view, change, new)? {
            return Ok(Decision::repeat(repeat));
        }
    }
    let scope = Scope::enter(view, change)?;
    match &change.body {
        ChangeBody::Create(_) => unreachable!("answered above"),
        ChangeBody::Send(new) => messages::send(view, &scope, new),
        ChangeBody::Edit { target, content, mentions } => {
            messages::edit(view, &scope, *target, content, mentions.as_deref())
        }
        ChangeBody::Delete { target } => messages::delete(view, &scope, *target),
        ChangeBody::React { target, emoji, kinds_max } => {
            messages::react(view, &scope, *target, emoji, *kinds_max)
        }
        ChangeBody::Unreact { target, emoji } => messages::unreact(view, &scope, *target, emoji),
        ChangeBody::AddMember { user, role } => members::add(view, &scope, user, *role),
        ChangeBody::Join => members::join(view, &scope),
        ChangeBody::Leave => members::leave(view, &scope),
        ChangeBody::Remove { user } => members::remove(view, &scope, user),
        ChangeBody::Ban { user, until } => members::ban(view, &scope, user, *until),
        ChangeBody::Unban { user } => members::unban(view, &scope, user),
        ChangeBody::SetRole { user, role } => members::set_role(view, &scope, user, *role),
        ChangeBody::Transfer { to } => members::transfer(view, &scope, to),
        ChangeBody::Mute { user, until } => members::mute(view, &scope, user, *until),
        ChangeBody::Update(update) => rooms::update(view, &scope, update),
        ChangeBody::DeleteRoom => Ok(rooms::delete(view, &scope)),
    }
}

/// The room of a change, entered: it exists, and the actor has what the change requires.
struct Scope {
    room: RoomId,
    kind: RoomKind,
    actor: Actor,
    /// The actor's row; none for the host and for who need not be a member.
    row: Option<MemberRow>,
    /// When it happens, by the room's log, which never goes back.
    at: Timestamp,
    /// When it was asked, by the clock of who asks. Mutes and bans are judged by this one: a node whose clock was once
    /// ahead has moved the time of the log, and must not have ended them with it.
    now: Timestamp,
}

impl Scope {
    fn enter<V: View>(view: &V, change: &Change) -> Result<Self, Refusal> {
        let room = change.room.ok_or(Refusal::RoomNotFound)?;
        let row = view.room(room).filter(|row| !row.deleted).ok_or(Refusal::RoomNotFound)?;
        let mut scope = Self {
            room,
            kind: row.room.kind,
            actor: change.actor.clone(),
            row: None,
            at: change.at.max(row.at),
            now: change.at,
        };
        let Actor::User(user) = &change.actor else { return Ok(scope) };
        scope.row = view.member(room, user).cloned();
        scope.check(change.require)?;
        // Whoever may not write to the other may not reach the other by an edit or a reaction either.
        if change.require.unmuted && view.peer_has_blocked(room, user) {
            return Err(Refusal::Blocked);
        }
        Ok(scope)
    }

    fn check(&self, require: Require) -> Result<(), Refusal> {
        let Some(least) = require.role else { return Ok(()) };
        let Some(row) = &self.row else {
            return Err(match self.kind {
                RoomKind::Public => Refusal::NotJoined,
                _ => Refusal::NotMember,
            });
        };
        if row.member.role < least {
            return Err(Refusal::Forbidden("needs a higher role in the room"));
        }
        match row.member.muted_until {
            Some(until) if require.unmuted && self.now < until => {
                Err(Refusal::Muted { remaining: until.since(self.now) })
            }
            _ => Ok(()),
        }
    }

    /// Whether the actor stands above `role`.
    fn outranks(&self, role: Role) -> bool {
        match self.actor {
            Actor::Host => true,
            Actor::User(_) => self.row.as_ref().is_some_and(|row| row.member.role > role),
        }
    }

    /// What the trail says of the change.
    fn audit(&self, action: AuditAction) -> AuditRecord {
        AuditRecord::new(self.room, self.at, self.actor.user().cloned(), action)
    }

    /// Whether `user` has blocked who acts.
    fn is_blocked_by<V: View>(&self, view: &V, user: &UserId) -> bool {
        self.actor.user().is_some_and(|actor| actor != user && view.has_blocked(user, actor))
    }

    /// The event at the room's next position.
    fn event<V: View>(&self, view: &V, body: EventBody) -> Event {
        let head = view.room(self.room).map_or(crate::model::Seq::ZERO, |row| row.head);
        Event {
            room: self.room,
            seq: head.next(),
            at: self.at,
            actor: self.actor.user().cloned(),
            client_id: None,
            body,
        }
    }

    /// One event, and what else is written with it.
    fn applied<V: View>(&self, view: &V, body: EventBody, mut effects: Vec<Effect>) -> Decision {
        let event = self.event(view, body);
        effects.insert(0, Effect::Append { event: event.clone(), message: None });
        Decision { outcome: Outcome::Applied(event), effects }
    }
}
