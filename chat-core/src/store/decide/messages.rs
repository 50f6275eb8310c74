//! Rules of messages and reactions.

use super::{AppendedMessage, Decision, Effect, Scope, View};
use crate::{
    event::{Event, EventBody},
    model::{Attachment, AuditAction, AuditRecord, Emoji, Message, Role, Seq, UserId},
    store::{Change, NewMessage, Outcome, Refusal},
};

/// The event of the message that stands under the sender's key.
pub(super) fn repeat<V: View>(view: &V, change: &Change, new: &NewMessage) -> Result<Option<Event>, Refusal> {
    let sender = change.actor.user();
    let Some(room) = change.room else { return Err(Refusal::RoomNotFound) };
    let Some(sent) = view.sent(room, sender, &new.client_id) else { return Ok(None) };
    if sent.digest != new.digest {
        return Err(Refusal::BodyMismatch);
    }
    Ok(view.message(room, sent.seq).map(|message| Event {
        room,
        seq: message.seq,
        at: message.at,
        actor: message.sender.clone(),
        client_id: Some(new.client_id.clone()),
        body: EventBody::Message { message: message.clone() },
    }))
}

pub(super) fn send<V: View>(view: &mut V, scope: &Scope, new: &NewMessage) -> Result<Decision, Refusal> {
    let visible_from = scope.row.as_ref().map_or(Seq::ZERO, |row| row.visible_from);
    let visible = |seq: Seq| view.message(scope.room, seq).filter(|_| seq > visible_from);
    if new.reply_to.is_some_and(|seq| visible(seq).is_none()) {
        return Err(Refusal::Invalid { field: "reply_to", reason: "no such message" });
    }
    match new.thread.map(visible) {
        Some(None) => return Err(Refusal::Invalid { field: "thread", reason: "no such message" }),
        Some(Some(root)) if root.thread.is_some() => {
            return Err(Refusal::Invalid { field: "thread", reason: "threads do not nest" });
        }
        _ => {}
    }
    let ordinal = match view.room(scope.room) {
        Some(row) if !new.kind.is_system() => Some(row.messages + 1),
        _ => None,
    };
    let mentions = members_among(view, scope, &new.mentions);
    let attachments = files(view, scope, new)?;
    let id = view.next_message_id();
    let mut event = scope.event(view, EventBody::RoomDeleted {});
    event.client_id = Some(new.client_id.clone());
    event.body = EventBody::Message {
        message: Message {
            id,
            room_id: scope.room,
            seq: event.seq,
            sender: event.actor.clone(),
            kind: new.kind.clone(),
            content: new.content.clone(),
            at: scope.at,
            edited_at: None,
            version: 1,
            deleted: false,
            reply_to: new.reply_to,
            thread: new.thread,
            mentions,
            attachments,
            metadata: new.metadata.clone(),
        },
    };
    let mut effects = vec![Effect::Append {
        event: event.clone(),
        message: Some(AppendedMessage { digest: new.digest, ordinal }),
    }];
    effects.extend(new.attachments.iter().map(|id| Effect::Attach {
        id: id.clone(),
        room: scope.room,
        seq: event.seq,
    }));
    if let Some(row) = &scope.row {
        effects.push(Effect::MovePointers { room: scope.room, user: row.member.user.clone(), to: event.seq });
    }
    Ok(Decision { outcome: Outcome::Applied(event), effects })
}

pub(super) fn edit<V: View>(
    view: &V,
    scope: &Scope,
    target: Seq,
    content: &str,
    mentions: Option<&[UserId]>,
) -> Result<Decision, Refusal> {
    let before = standing(view, scope, target)?;
    if scope.actor.user() != before.sender.as_ref() {
        return Err(Refusal::Forbidden("only the sender edits a message"));
    }
    let mentions = mentions.map(|users| members_among(view, scope, users));
    if before.content == content && mentions.as_ref().is_none_or(|users| *users == before.mentions) {
        return Ok(Decision::UNCHANGED);
    }
    let mut message = before.clone();
    content.clone_into(&mut message.content);
    if let Some(mentions) = mentions {
        message.mentions = mentions;
    }
    message.version += 1;
    message.edited_at = Some(scope.at);
    let edit = Effect::Edit {
        message: message.clone(),
        before: before.content.clone(),
        before_at: before.edited_at.unwrap_or(before.at),
    };
    Ok(scope.applied(view, EventBody::MessageEdited { message }, vec![edit]))
}

pub(super) fn delete<V: View>(view: &V, scope: &Scope, target: Seq) -> Result<Decision, Refusal> {
    let message = known(view, scope, target)?;
    let own = scope.actor.user() == message.sender.as_ref();
    if !own && scope.row.as_ref().is_some_and(|row| row.member.role < Role::Moderator) {
        return Err(Refusal::Forbidden("needs a higher role in the room"));
    }
    if message.deleted {
        return Ok(Decision::UNCHANGED);
    }
    let mut tombstone = message.clone();
    tombstone.redact();
    tombstone.version += 1;
    let mut effects = vec![Effect::Redact { message: tombstone }];
    if !own {
        let record = scope.audit(AuditAction::MessageDeleted);
        let record = AuditRecord { user: message.sender.clone(), seq: Some(target), ..record };
        effects.push(Effect::Audit { record });
    }
    Ok(scope.applied(view, EventBody::MessageDeleted { target }, effects))
}

pub(super) fn react<V: View>(
    view: &V,
    scope: &Scope,
    target: Seq,
    emoji: &Emoji,
    kinds_max: usize,
) -> Result<Decision, Refusal> {
    standing(view, scope, target)?;
    let user = scope.actor.user().ok_or(Refusal::Forbidden("the host does not react"))?;
    if view.has_reaction(scope.room, target, user, emoji) {
        return Ok(Decision::UNCHANGED);
    }
    if view.other_reaction_kinds(scope.room, target, emoji) >= kinds_max {
        return Err(Refusal::Conflict("the message carries as many different reactions as it may"));
    }
    let add = Effect::AddReaction { room: scope.room, target, user: user.clone(), emoji: emoji.clone() };
    Ok(scope.applied(view, EventBody::ReactionAdded { target, emoji: emoji.clone() }, vec![add]))
}

pub(super) fn unreact<V: View>(
    view: &V,
    scope: &Scope,
    target: Seq,
    emoji: &Emoji,
) -> Result<Decision, Refusal> {
    known(view, scope, target)?;
    let user = scope.actor.user().ok_or(Refusal::Forbidden("the host does not react"))?;
    if !view.has_reaction(scope.room, target, user, emoji) {
        return Ok(Decision::UNCHANGED);
    }
    let drop = Effect::DropReaction { room: scope.room, target, user: user.clone(), emoji: emoji.clone() };
    Ok(scope.applied(view, EventBody::ReactionRemoved { target, emoji: emoji.clone() }, vec![drop]))
}

/// The message, where the actor may see it.
fn known<'v, V: View>(view: &'v V, scope: &Scope, target: Seq) -> Result<&'v Message, Refusal> {
    let visible_from = scope.row.as_ref().map_or(Seq::ZERO, |row| row.visible_from);
    view.message(scope.room, target).filter(|_| target > visible_from).ok_or(Refusal::NotFound("message"))
}

/// The message, where the actor may see it and it is not deleted.
fn standing<'v, V: View>(view: &'v V, scope: &Scope, target: Seq) -> Result<&'v Message, Refusal> {
    let message = known(view, scope, target)?;
    if message.deleted { Err(Refusal::NotFound("message")) } else { Ok(message) }
}

/// The files of a message: each is there, the sender's own, for this room, and sent once.
fn files<V: View>(view: &V, scope: &Scope, new: &NewMessage) -> Result<Vec<Attachment>, Refusal> {
    let invalid = |reason| Refusal::Invalid { field: "attachments", reason };
    let mut files: Vec<Attachment> = Vec::with_capacity(new.attachments.len());
    for id in &new.attachments {
        // Another's file is told apart from none at all by nobody.
        let own = view.attachment(id).filter(|stored| stored.uploader.as_ref() == scope.actor.user());
        let stored = own.ok_or_else(|| invalid("no such attachment"))?;
        if stored.room.is_some_and(|room| room != scope.room) {
            return Err(invalid("uploaded for another room"));
        }
        if stored.sent.is_some() {
            return Err(Refusal::Conflict("an attachment is sent once"));
        }
        if files.iter().any(|file| file.id == *id) {
            return Err(invalid("named twice"));
        }
        files.push(stored.attachment.clone());
    }
    Ok(files)
}

/// Those of `users` who are members and have not blocked who acts, each once, in the order given.
fn members_among<V: View>(view: &V, scope: &Scope, users: &[UserId]) -> Vec<UserId> {
    let mut found: Vec<UserId> = Vec::new();
    for user in users {
        let is_member = !found.contains(user) && view.member(scope.room, user).is_some();
        if is_member && !scope.is_blocked_by(view, user) {
            found.push(user.clone());
        }
    }
    found
}
