//! In tests of this crate the rules see no more than [`Needs`] names: what a store that loads first would have loaded.
//! The whole contract suite holds all the same.

use super::decide;
use crate::{
    model::{
        AttachmentId, Ban, ClientId, Emoji, Member, MemberRow, Message, MessageId, RoomId, Seq,
        StoredAttachment, Timestamp, UserId,
    },
    store::{
        Change, Outcome, Refusal, RoomKey,
        decide::{Effect, Needs, RoomRow, Sent, View},
    },
};

pub(super) fn decide_all<V: View>(
    state: &mut V,
    changes: &[Change],
) -> (Vec<Result<Outcome, Refusal>>, Vec<Effect>) {
    let (mut answers, mut effects) = (Vec::new(), Vec::new());
    for change in changes {
        let mut view = Strict { needs: Needs::of(change), state };
        let (answer, written) = decide::decide_all(&mut view, std::slice::from_ref(change));
        answers.extend(answer);
        effects.extend(written);
    }
    (answers, effects)
}

struct Strict<'s, V> {
    state: &'s mut V,
    needs: Needs,
}

impl<V: View> Strict<'_, V> {
    fn is_named(&self, room: RoomId) {
        let found = self.needs.keys.iter().any(|key| self.state.find(key) == Some(room));
        assert!(found || self.needs.room == Some(room), "room {room} is not in {:?}", self.needs);
    }

    fn is_loaded(&self, room: RoomId, user: &UserId) {
        self.is_named(room);
        let inherits = || {
            let heir = self.state.heir(room, user).into_iter();
            let others = self.needs.users.iter().filter_map(|one| self.state.heir(room, one));
            let owners = self.state.owner(room, None).into_iter();
            let next = self.needs.users.iter().filter_map(|one| self.state.owner(room, Some(one)));
            heir.chain(others).chain(owners).chain(next).any(|member| member.user == *user)
        };
        let loaded = self.needs.users.contains(user) || (self.needs.succession && inherits());
        assert!(loaded, "{user} is not in {:?}", self.needs);
    }

    fn reaction(&self, target: Seq, user: Option<&UserId>, emoji: &Emoji) {
        let named = self.needs.reaction.as_ref().is_some_and(|(of, by, kind)| {
            *of == target && kind == emoji && user.is_none_or(|user| user == by)
        });
        assert!(named, "reaction {emoji} to {target} is not in {:?}", self.needs);
    }
}

impl<V: View> View for Strict<'_, V> {
    fn room(&self, room: RoomId) -> Option<&RoomRow> {
        self.is_named(room);
        self.state.room(room)
    }

    fn find(&self, key: &RoomKey) -> Option<RoomId> {
        assert!(self.needs.keys.contains(key), "{key:?} is not in {:?}", self.needs);
        self.state.find(key)
    }

    fn member(&self, room: RoomId, user: &UserId) -> Option<&MemberRow> {
        self.is_loaded(room, user);
        self.state.member(room, user)
    }

    fn ban(&self, room: RoomId, user: &UserId) -> Option<&Ban> {
        self.is_loaded(room, user);
        self.state.ban(room, user)
    }

    fn mute(&self, room: RoomId, user: &UserId) -> Option<Timestamp> {
        self.is_loaded(room, user);
        self.state.mute(room, user)
    }

    fn has_blocked(&self, user: &UserId, other: &UserId) -> bool {
        let named = self.needs.blocks.iter().any(|(by, of)| by == user && of == other);
        assert!(named, "whether {user} has blocked {other} is not in {:?}", self.needs);
        self.state.has_blocked(user, other)
    }

    fn peer_has_blocked(&self, room: RoomId, user: &UserId) -> bool {
        self.is_named(room);
        assert!(self.needs.peer, "the other member is not in {:?}", self.needs);
        self.state.peer_has_blocked(room, user)
    }

    fn message(&self, room: RoomId, seq: Seq) -> Option<&Message> {
        self.is_named(room);
        let sent = self.needs.sent.as_ref();
        let sent = sent.and_then(|(sender, key)| self.state.sent(room, sender.as_ref(), key));
        let loaded = self.needs.messages.contains(&seq) || sent.is_some_and(|sent| sent.seq == seq);
        assert!(loaded, "message {seq} is not in {:?}", self.needs);
        self.state.message(room, seq)
    }

    fn sent(&self, room: RoomId, sender: Option<&UserId>, client_id: &ClientId) -> Option<Sent> {
        self.is_named(room);
        let asked = Some((sender.cloned(), client_id.clone()));
        assert!(self.needs.sent == asked, "{asked:?} is not in {:?}", self.needs);
        self.state.sent(room, sender, client_id)
    }

    fn has_reaction(&self, room: RoomId, target: Seq, user: &UserId, emoji: &Emoji) -> bool {
        self.is_named(room);
        self.reaction(target, Some(user), emoji);
        self.state.has_reaction(room, target, user, emoji)
    }

    fn other_reaction_kinds(&self, room: RoomId, target: Seq, emoji: &Emoji) -> usize {
        self.is_named(room);
        self.reaction(target, None, emoji);
        self.state.other_reaction_kinds(room, target, emoji)
    }

    fn attachment(&self, id: &AttachmentId) -> Option<&StoredAttachment> {
        assert!(self.needs.attachments.contains(id), "attachment {id} is not in {:?}", self.needs);
        self.state.attachment(id)
    }

    fn owner(&self, room: RoomId, except: Option<&UserId>) -> Option<Member> {
        self.is_named(room);
        assert!(self.needs.succession, "owners are not in {:?}", self.needs);
        self.state.owner(room, except)
    }

    fn heir(&self, room: RoomId, except: &UserId) -> Option<Member> {
        self.is_named(room);
        assert!(self.needs.succession, "heirs are not in {:?}", self.needs);
        self.state.heir(room, except)
    }

    fn next_room_id(&mut self) -> RoomId {
        self.state.next_room_id()
    }

    fn next_message_id(&mut self) -> MessageId {
        self.state.next_message_id()
    }

    fn apply(&mut self, effect: &Effect) {
        self.state.apply(effect);
    }
}

#[cfg(feature = "testkit")]
mod suite {
    use std::future::{Ready, ready};

    use crate::memory::MemoryStore;

    fn setup() -> Ready<((), MemoryStore)> {
        ready(((), MemoryStore::default()))
    }

    crate::store_suite!(setup);
}
