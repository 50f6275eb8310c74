//! What the host says to a command: its policy, then its hooks.

use super::{
    Inner, guarded, metrics,
    validate::{self, Write},
};
use crate::{
    error::{Error, ErrorCode},
    hooks::{Action, ActionKind, Draft, OnHookTimeout, Principal},
    model::{MessageKind, Metadata, RoomId, UserId},
    store::{ChangeBody, Outcome, Refusal},
};

/// What a command that has been let through still needs before it may be written.
pub(super) enum Passed {
    /// Nothing: write it.
    Write,
    /// It stands already, as this.
    Repeat(Box<Outcome>),
}

impl Inner {
    /// Policy, then hooks.
    pub(super) async fn let_pass(&self, principal: &Principal, write: &mut Write) -> Result<Passed, Error> {
        let allowed = self.allow(principal, write.kind, write.room, write.other.as_ref()).await;
        let allowed = match allowed {
            Ok(()) => self.before(principal, write).await,
            Err(error) => Err(error),
        };
        let Err(error) = allowed else { return Ok(Passed::Write) };
        // What was stored is stored, whatever the host would say to it by now.
        if let (ChangeBody::Send(message), Some(room)) = (&write.body, write.room) {
            let sent = self.store.sent(room, &principal.user, &message.client_id);
            if let Some((event, digest)) = self.read("sent", sent).await? {
                if digest != message.digest {
                    return Err(Refusal::BodyMismatch.into());
                }
                return Ok(Passed::Repeat(Box::new(Outcome::Repeat(event))));
            }
        }
        Err(error)
    }

    /// Asks the policy.
    pub(crate) async fn allow(
        &self,
        principal: &Principal,
        kind: ActionKind,
        room: Option<RoomId>,
        other: Option<&UserId>,
    ) -> Result<(), Error> {
        if !self.host.policy.concerns(kind) {
            return Ok(());
        }
        let action = Action { kind, room, other };
        match tokio::time::timeout(self.limits.hook_timeout, self.host.policy.check(principal, &action)).await
        {
            Ok(Ok(())) => Ok(()),
            Ok(Err(denied)) => Err(denied.into()),
            Err(_) => {
                metrics::hook_timed_out("policy");
                Err(Error::new(ErrorCode::Unavailable, "the host's policy did not answer; nothing was done"))
            }
        }
    }

    /// Asks the hooks, and takes over what they made of a message.
    async fn before(&self, principal: &Principal, write: &mut Write) -> Result<(), Error> {
        if !self.host.hooks.has_before() {
            return Ok(());
        }
        let Some(room) = write.room else { return Ok(()) };
        let mut draft = match &write.body {
            ChangeBody::Send(m) => {
                Draft::new(room, None, m.kind.clone(), m.content.clone(), m.metadata.clone())
            }
            ChangeBody::Edit { target, content, .. } => {
                Draft::new(room, Some(*target), MessageKind::text(), content.clone(), Metadata::default())
            }
            _ => return Ok(()),
        };
        let hook = guarded::before_message(&*self.host.hooks, principal, &mut draft);
        match tokio::time::timeout(self.limits.hook_timeout, hook).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(denied))) => return Err(denied.into()),
            Ok(Err(_)) => return Err(Error::new(ErrorCode::Internal, "the server failed at this")),
            Err(_) => {
                metrics::hook_timed_out("before_message");
                return match self.host.hooks.on_timeout() {
                    OnHookTimeout::Pass => Ok(()),
                    OnHookTimeout::Refuse => {
                        Err(Error::new(ErrorCode::Unavailable, "a hook did not answer; nothing was stored"))
                    }
                };
            }
        }
        let has_files = matches!(&write.body, ChangeBody::Send(m) if !m.attachments.is_empty());
        validate::check_content(&self.limits, &draft.content, has_files)?;
        validate::check_metadata(&self.limits, &draft.metadata)?;
        match &mut write.body {
            ChangeBody::Send(message) => {
                message.kind = draft.kind;
                message.content = draft.content;
                message.metadata = draft.metadata;
            }
            ChangeBody::Edit { content, .. } => *content = draft.content,
            _ => {}
        }
        Ok(())
    }
}
