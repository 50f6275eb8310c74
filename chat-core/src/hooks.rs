//! The host's say: who may do what, what becomes of a message, what is shown of users.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{
    error::{Error, ErrorCode},
    event::Event,
    model::{MessageKind, Metadata, Profile, RoomId, Seq, Timestamp, UserId},
};

/// Who is calling, as the host's authentication found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// What the user's claims say, shown where there is no [`UserDirectory`].
    pub profile: Option<Profile>,
    /// When the right to be here ends.
    pub expires_at: Option<Timestamp>,
    /// Whether the token names the host's admin role.
    pub admin: bool,
}

impl Principal {
    /// A user without claims, for as long as the connection lasts.
    #[must_use]
    pub const fn new(user: UserId) -> Self {
        Self { user, profile: None, expires_at: None, admin: false }
    }

    /// With what is shown of the user.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// With the time at which the right to be here ends.
    #[must_use]
    pub const fn with_expiry(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// With or without the host's admin role.
    #[must_use]
    pub const fn with_admin(mut self, admin: bool) -> Self {
        self.admin = admin;
        self
    }
}

/// What a user is about to do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Action<'a> {
    /// What.
    pub kind: ActionKind,
    /// Where; none when a room is made or found.
    pub room: Option<RoomId>,
    /// To whom: the member added or to be in a new room, the other of a direct room that is opened. A message in a room
    /// that stands names nobody, a direct room's neither.
    pub other: Option<&'a UserId>,
}

/// The kinds of actions that a [`Policy`] is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "they are named after the calls")]
#[non_exhaustive]
pub enum ActionKind {
    CreateRoom,
    OpenDirect,
    ListPublic,
    Read,
    Send,
    Edit,
    Delete,
    React,
    Typing,
    Join,
    Leave,
    AddMember,
    RemoveMember,
    ChangeMember,
    UpdateRoom,
    DeleteRoom,
}

/// A refusal by the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct Denied {
    /// What the user is told.
    pub reason: String,
    /// Whether the same may be allowed a moment later: the user is told `unavailable`, and tries again.
    pub for_now: bool,
}

impl Denied {
    /// A refusal with what the user is told: `forbidden`.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), for_now: false }
    }

    /// The host cannot say now (its database is away): `unavailable`, to be tried again.
    #[must_use]
    pub fn for_now(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), for_now: true }
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        let code = if denied.for_now { ErrorCode::Unavailable } else { ErrorCode::Forbidden };
        Self::new(code, denied.reason)
    }
}

/// Who may do what, beyond membership and roles, which the store checks in every case: a policy can forbid, never
/// allow more.
#[async_trait]
pub trait Policy: fmt::Debug + Send + Sync + 'static {
    /// Whether [`Policy::check`] is to be asked about actions of this kind. Where not, the action takes the short
    /// way without a future of its own.
    fn concerns(&self, kind: ActionKind) -> bool {
        let _ = kind;
        true
    }

    /// Allows or forbids. Where a call takes longer than [`crate::Limits::hook_timeout`], nothing is done and the user
    /// is told `unavailable`; so too where it panics. It comes before membership and roles are looked at: `principal`
    /// may be a stranger to the room, and the room may not exist.
    ///
    /// # Errors
    /// [`Denied`] forbids; the user is told `forbidden` with the reason, or `unavailable`.
    async fn check(&self, principal: &Principal, action: &Action<'_>) -> Result<(), Denied>;
}

/// Membership and roles alone.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no parts")]
pub struct RolesOnly;

#[async_trait]
impl Policy for RolesOnly {
    fn concerns(&self, _kind: ActionKind) -> bool {
        false
    }

    async fn check(&self, _principal: &Principal, _action: &Action<'_>) -> Result<(), Denied> {
        Ok(())
    }
}

/// A message on its way to the log, as a hook sees and may change it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Draft {
    /// The room.
    pub room: RoomId,
    /// The message that it replaces, for an edit.
    pub edits: Option<Seq>,
    /// What it is.
    pub kind: MessageKind,
    /// Its text; checked against the limits again afterwards.
    pub content: String,
    /// The host's data.
    pub metadata: Metadata,
}

impl Draft {
    pub(crate) const fn new(
        room: RoomId,
        edits: Option<Seq>,
        kind: MessageKind,
        content: String,
        metadata: Metadata,
    ) -> Self {
        Self { room, edits, kind, content, metadata }
    }
}

/// What happens to a draft when a hook fails to answer in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum OnHookTimeout {
    /// It is refused as `unavailable`.
    #[default]
    Refuse,
    /// It passes as it was before the hook.
    Pass,
}

/// What the host does before and after.
#[async_trait]
pub trait Hooks: fmt::Debug + Send + Sync + 'static {
    /// Whether [`Hooks::before_message`] is to be called at all.
    fn has_before(&self) -> bool {
        true
    }

    /// Whether [`Hooks::after`] is to be called at all.
    fn has_after(&self) -> bool {
        true
    }

    /// What a timeout of [`Hooks::before_message`] means.
    fn on_timeout(&self) -> OnHookTimeout {
        OnHookTimeout::Refuse
    }

    /// Before a message is sent or edited: may change it, refuse it with a reason, or let it pass. It comes after the
    /// policy and before membership is looked at. Of an edit the text alone counts: its draft has no kind but `text`
    /// and no metadata, and what is made of those is not kept.
    ///
    /// # Errors
    /// [`Denied`] refuses; the user is told `forbidden` with the reason, or `unavailable`.
    async fn before_message(&self, principal: &Principal, draft: &mut Draft) -> Result<(), Denied> {
        let _ = (principal, draft);
        Ok(())
    }

    /// After an event was committed by this node: at most once, in the order of its room, never delaying an answer.
    /// While it runs, later events of some rooms wait; above [`crate::Limits::after_hooks_queue_max`] they are left out.
    /// What takes long belongs into a task of the host's. A host that must not miss one reads the log by
    /// `Engine::changes`.
    async fn after(&self, event: &Event) {
        let _ = event;
    }
}

/// No hooks.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no parts")]
pub struct NoHooks;

#[async_trait]
impl Hooks for NoHooks {
    fn has_before(&self) -> bool {
        false
    }

    fn has_after(&self) -> bool {
        false
    }
}

/// The host's users: what is shown of them.
#[async_trait]
pub trait UserDirectory: fmt::Debug + Send + Sync + 'static {
    /// The profiles of those users that are known; others are shown by their id.
    ///
    /// # Errors
    /// Any; the users are then shown as last seen. A panic is one.
    async fn profiles(
        &self,
        users: &[UserId],
    ) -> Result<Vec<Profile>, Box<dyn std::error::Error + Send + Sync>>;
}

/// The host's side of an engine.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) hooks: Arc<dyn Hooks>,
    pub(crate) directory: Option<Arc<dyn UserDirectory>>,
}
