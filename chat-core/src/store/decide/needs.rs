//! What a store must load before the rules can judge a change.

use crate::{
    model::{AttachmentId, ClientId, Emoji, RoomId, Seq, UserId},
    store::{Change, ChangeBody, NewRoom, RoomKey},
};

/// What the rules may ask of a [`super::View`] for one change, beside the room itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Needs {
    /// The room.
    pub room: Option<RoomId>,
    /// Rooms that may stand under these keys.
    pub keys: Vec<RoomKey>,
    /// Membership, bans and mutes of these users in the room.
    pub users: Vec<UserId>,
    /// These messages.
    pub messages: Vec<Seq>,
    /// The message under this sender's key, and that message.
    pub sent: Option<(Option<UserId>, ClientId)>,
    /// Whether this reaction stands, and how many other kinds there are.
    pub reaction: Option<(Seq, UserId, Emoji)>,
    /// Whether the first has blocked the second.
    pub blocks: Vec<(UserId, UserId)>,
    /// Where the room is direct: whether its other member has blocked the acting user.
    pub peer: bool,
    /// These files.
    pub attachments: Vec<AttachmentId>,
    /// Who is owner, and who would be: one who is may go. Each change of a batch with this may take away the one
    /// loaded for it, so load as many of the longest-standing of each role as the batch has changes of the room, and
    /// two more.
    pub succession: bool,
}

impl Needs {
    /// What `change` needs.
    #[must_use]
    pub fn of(change: &Change) -> Self {
        let mut needs = Self { room: change.room, ..Self::default() };
        let actor = change.actor.user();
        needs.users.extend(actor.cloned());
        needs.peer = actor.is_some() && change.require.unmuted;
        let blocked_by = |users: &[UserId]| {
            let pairs = users.iter().filter(|user| Some(*user) != actor);
            pairs.filter_map(|user| Some((user.clone(), actor?.clone()))).collect()
        };
        match &change.body {
            ChangeBody::Create(new) => {
                needs.keys = keys_of(new, actor);
                let members: Vec<UserId> = new.members.iter().map(|(user, _)| user.clone()).collect();
                needs.blocks = blocked_by(&members);
            }
            ChangeBody::Send(message) => {
                needs.sent = Some((actor.cloned(), message.client_id.clone()));
                needs.messages.extend(message.reply_to);
                needs.messages.extend(message.thread);
                needs.users.extend(message.mentions.iter().cloned());
                needs.blocks = blocked_by(&message.mentions);
                needs.attachments.clone_from(&message.attachments);
            }
            ChangeBody::Edit { target, mentions, .. } => {
                needs.messages.push(*target);
                needs.users.extend(mentions.iter().flatten().cloned());
                needs.blocks = blocked_by(mentions.as_deref().unwrap_or_default());
            }
            ChangeBody::Delete { target } => needs.messages.push(*target),
            ChangeBody::React { target, emoji, .. } | ChangeBody::Unreact { target, emoji } => {
                needs.messages.push(*target);
                needs.reaction = actor.map(|user| (*target, user.clone(), emoji.clone()));
            }
            ChangeBody::AddMember { user, .. } => {
                needs.users.push(user.clone());
                needs.blocks = blocked_by(std::slice::from_ref(user));
            }
            ChangeBody::Unban { user } | ChangeBody::SetRole { user, .. } | ChangeBody::Mute { user, .. } => {
                needs.users.push(user.clone());
            }
            ChangeBody::Remove { user } | ChangeBody::Ban { user, .. } => {
                needs.users.push(user.clone());
                needs.succession = true;
            }
            ChangeBody::Transfer { to } => {
                needs.users.push(to.clone());
                needs.succession = true;
            }
            ChangeBody::Leave => needs.succession = true,
            ChangeBody::Join | ChangeBody::Update(_) | ChangeBody::DeleteRoom => {}
        }
        needs
    }
}

/// The unique keys of a room that `maker` wants made.
pub(super) fn keys_of(new: &NewRoom, maker: Option<&UserId>) -> Vec<RoomKey> {
    let mut keys = Vec::new();
    if let (crate::model::RoomKind::Direct, [(a, _), (b, _)]) = (new.kind, new.members.as_slice()) {
        keys.push(RoomKey::direct(a, b));
    }
    keys.extend(new.subject.clone().map(RoomKey::Subject));
    if let (Some(maker), Some(client_id)) = (maker, &new.client_id) {
        keys.push(RoomKey::Made(maker.clone(), client_id.clone()));
    }
    keys
}
