//! The store traits for a wrapper, written once.

/// Implements the store traits for `$wrapper<S>`, which has a field `inner: Arc<S>` and three methods of its own:
/// `pass(kind, operation, call)`, through which everything goes but `commit_through(changes, holds)` and
/// `events_through(room, after, limit)`.
/// A wrapper with calls of its own has the traits without those: `forward_store!(@log $wrapper)` and so on.
macro_rules! forward_store {
    ($wrapper:ident) => {
        forward_store!(@log $wrapper);
        forward_store!(@room $wrapper);
        forward_store!(@message $wrapper);
        forward_store!(@pointer $wrapper);
        forward_store!(@profile $wrapper);
        forward_store!(@report $wrapper);
        forward_store!(@block $wrapper);
        forward_store!(@audit $wrapper);
        forward_store!(@attachment $wrapper);
    };
    (@log $wrapper:ident) => {
        #[async_trait::async_trait]
        impl<S: Store + ?Sized> LogStore for $wrapper<S> {
            async fn epoch(&self) -> Result<String, StoreError> {
                self.pass(Kind::Read, "epoch", self.inner.epoch()).await
            }

            async fn renew_epoch(&self, old: &str, new: &str) -> Result<String, StoreError> {
                self.pass(Kind::Write, "renew_epoch", self.inner.renew_epoch(old, new)).await
            }

            async fn commit(
                &self,
                changes: Vec<Change>,
            ) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
                self.commit_through(changes, Holds::AreAnswered).await
            }

            async fn commit_held(
                &self,
                changes: Vec<Change>,
            ) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
                self.commit_through(changes, Holds::AreWaitedFor).await
            }

            async fn events(
                &self,
                room: RoomId,
                after: Seq,
                limit: EventLimit,
            ) -> Result<EventPage, StoreError> {
                self.events_through(room, after, limit).await
            }

            async fn sent(
                &self,
                room: RoomId,
                sender: &UserId,
                client_id: &ClientId,
            ) -> Result<Option<(Event, [u8; 16])>, StoreError> {
                self.pass(Kind::Read, "sent", self.inner.sent(room, sender, client_id)).await
            }

            async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Head>, StoreError> {
                self.pass(Kind::Read, "heads", self.inner.heads(rooms)).await
            }

            async fn heads_after(
                &self,
                after: Option<RoomId>,
                limit: usize,
            ) -> Result<Vec<Head>, StoreError> {
                self.pass(Kind::Read, "heads_after", self.inner.heads_after(after, limit)).await
            }
        }
    };
    (@room $wrapper:ident) => {
        #[async_trait::async_trait]
        impl<S: Store + ?Sized> RoomStore for $wrapper<S> {
            async fn find_room(&self, key: &RoomKey) -> Result<Option<RoomId>, StoreError> {
                self.pass(Kind::Read, "find_room", self.inner.find_room(key)).await
            }

            async fn memberships(
                &self,
                user: &UserId,
                rooms: Option<&[RoomId]>,
                limit: usize,
            ) -> Result<Vec<Membership>, StoreError> {
                self.pass(Kind::Read, "memberships", self.inner.memberships(user, rooms, limit)).await
            }

            async fn rooms(&self, query: &RoomsQuery) -> Result<Vec<RoomEntry>, StoreError> {
                self.pass(Kind::Read, "rooms", self.inner.rooms(query)).await
            }

            async fn members(
                &self,
                room: RoomId,
                after: Option<&UserId>,
                limit: usize,
            ) -> Result<Vec<Member>, StoreError> {
                self.pass(Kind::Read, "members", self.inner.members(room, after, limit)).await
            }

            async fn members_of(
                &self,
                rooms: &[RoomId],
                limit: usize,
            ) -> Result<Vec<(RoomId, Vec<Member>)>, StoreError> {
                self.pass(Kind::Read, "members_of", self.inner.members_of(rooms, limit)).await
            }

            async fn acquaintances(
                &self,
                user: &UserId,
                users: &[UserId],
                room_size_max: u32,
                limit: usize,
            ) -> Result<Vec<UserId>, StoreError> {
                let call = self.inner.acquaintances(user, users, room_size_max, limit);
                self.pass(Kind::Read, "acquaintances", call).await
            }

            async fn bans(&self, room: RoomId, limit: usize) -> Result<Vec<Ban>, StoreError> {
                self.pass(Kind::Read, "bans", self.inner.bans(room, limit)).await
            }
        }
    };
    (@message $wrapper:ident) => {
        #[async_trait::async_trait]
        impl<S: Store + ?Sized> MessageStore for $wrapper<S> {
            async fn messages(&self, room: RoomId, query: &MessageQuery) -> Result<MessagePage, StoreError> {
                self.pass(Kind::Read, "messages", self.inner.messages(room, query)).await
            }

            async fn find_messages(
                &self,
                messages: &[MessageId],
            ) -> Result<Vec<Option<(RoomId, Seq)>>, StoreError> {
                self.pass(Kind::Read, "find_messages", self.inner.find_messages(messages)).await
            }

            async fn versions(
                &self,
                room: RoomId,
                target: Seq,
                limit: usize,
            ) -> Result<Vec<MessageVersion>, StoreError> {
                self.pass(Kind::Read, "versions", self.inner.versions(room, target, limit)).await
            }

            async fn search(&self, query: &SearchQuery) -> Result<SearchPage, StoreError> {
                self.pass(Kind::Read, "search", self.inner.search(query)).await
            }
        }
    };
    (@pointer $wrapper:ident) => {
        #[async_trait::async_trait]
        impl<S: Store + ?Sized> PointerStore for $wrapper<S> {
            async fn advance(&self, moves: &[PointerMove]) -> Result<Vec<Option<Pointer>>, StoreError> {
                self.pass(Kind::Write, "advance", self.inner.advance(moves)).await
            }

            async fn pointers(&self, room: RoomId, limit: usize) -> Result<Vec<Pointer>, StoreError> {
                self.pass(Kind::Read, "pointers", self.inner.pointers(room, limit)).await
            }

            async fn unread(
                &self,
                user: &UserId,
                rooms: &[RoomId],
            ) -> Result<Vec<(RoomId, Unread)>, StoreError> {
                self.pass(Kind::Read, "unread", self.inner.unread(user, rooms)).await
            }
        }
    };
    (@profile $wrapper:ident) => {
        #[async_trait::async_trait]
        impl<S: Store + ?Sized> ProfileStore for $wrapper<S> {
            async fn put_profiles(&self, profiles: &[Profile]) -> Result<(), StoreError> {
                self.pass(Kind::Write, "put_profiles", self.inner.put_profiles(profiles)).await
            }

            async fn profiles(&self, users: &[UserId]) -> Result<Vec<StoredProfile>, StoreError> {
                self.pass(Kind::Read, "profiles", self.inner.profiles(users)).await
            }

            async fn touch(&self, users: &[(UserId, Timestamp)]) -> Result<(), StoreError> {
                self.pass(Kind::Write, "touch", self.inner.touch(users)).await
            }
        }
    };
    (@report $wrapper:ident) => {
        #[async_trait::async_trait]
        impl<S: Store + ?Sized> ReportStore for $wrapper<S> {
            async fn put_report(&self, report: &NewReport) -> Result<Reported, StoreError> {
                self.pass(Kind::Write, "put_report", self.inner.put_report(report)).await
            }

            async fn report(&self, id: ReportId) -> Result<Option<Report>, StoreError> {
                self.pass(Kind::Read, "report", self.inner.report(id)).await
            }

            async fn reports(&self, query: &ReportsQuery) -> Result<Vec<Report>, StoreError> {
                self.pass(Kind::Read, "reports", self.inner.reports(query)).await
            }

            async fn decide_report(&self, decision: &Decision) -> Result<Option<Report>, StoreError> {
                self.pass(Kind::Write, "decide_report", self.inner.decide_report(decision)).await
            }
        }
    };
    (@block $wrapper:ident) => {
        #[async_trait::async_trait]
        impl<S: Store + ?Sized> BlockStore for $wrapper<S> {
            async fn put_block(
                &self,
                user: &UserId,
                other: &UserId,
                at: Timestamp,
                max: usize,
            ) -> Result<Blocked, StoreError> {
                self.pass(Kind::Write, "put_block", self.inner.put_block(user, other, at, max)).await
            }

            async fn drop_block(&self, user: &UserId, other: &UserId) -> Result<bool, StoreError> {
                self.pass(Kind::Write, "drop_block", self.inner.drop_block(user, other)).await
            }

            async fn blocks(&self, user: &UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
                self.pass(Kind::Read, "blocks", self.inner.blocks(user, limit)).await
            }
        }
    };
    (@audit $wrapper:ident) => {
        #[async_trait::async_trait]
        impl<S: Store + ?Sized> AuditStore for $wrapper<S> {
            async fn audit(
                &self,
                room: RoomId,
                before: Option<AuditId>,
                limit: usize,
            ) -> Result<Vec<AuditEntry>, StoreError> {
                self.pass(Kind::Read, "audit", self.inner.audit(room, before, limit)).await
            }
        }
    };
    (@attachment $wrapper:ident) => {
        #[async_trait::async_trait]
        impl<S: Store + ?Sized> AttachmentStore for $wrapper<S> {
            async fn begin_upload(&self, upload: &Upload) -> Result<(), StoreError> {
                self.pass(Kind::Write, "begin_upload", self.inner.begin_upload(upload)).await
            }

            async fn finish_upload(
                &self,
                file: &Attachment,
                room: Option<RoomId>,
            ) -> Result<bool, StoreError> {
                self.pass(Kind::Write, "finish_upload", self.inner.finish_upload(file, room)).await
            }

            async fn attachment(&self, id: &AttachmentId) -> Result<Option<StoredAttachment>, StoreError> {
                self.pass(Kind::Read, "attachment", self.inner.attachment(id)).await
            }

            async fn remove_upload(
                &self,
                id: &AttachmentId,
                uploader: Option<&UserId>,
            ) -> Result<bool, StoreError> {
                self.pass(Kind::Write, "remove_upload", self.inner.remove_upload(id, uploader)).await
            }

            async fn removed_attachments(
                &self,
                before: Timestamp,
                after: Option<&AttachmentId>,
                limit: usize,
            ) -> Result<Vec<AttachmentId>, StoreError> {
                let removed = self.inner.removed_attachments(before, after, limit);
                self.pass(Kind::Write, "removed_attachments", removed).await
            }

            async fn forget_attachments(&self, ids: &[AttachmentId]) -> Result<(), StoreError> {
                self.pass(Kind::Write, "forget_attachments", self.inner.forget_attachments(ids)).await
            }
        }
    };
}

/// What [`forward_store`] needs in scope.
pub(super) mod prelude {
    pub(in super::super) use super::{Holds, Kind, forward_store};
    pub(in super::super) use crate::{
        event::Event,
        model::{
            Attachment, AttachmentId, AuditEntry, AuditId, Ban, ClientId, Member, Membership, MessageId,
            MessageVersion, Pointer, Profile, Report, ReportId, RoomEntry, RoomId, Seq, StoredAttachment,
            StoredProfile, Timestamp, Unread, Upload, UserId,
        },
        store::{
            AttachmentStore, AuditStore, BlockStore, Blocked, Change, Decision, EventLimit, EventPage, Head,
            LogStore, MessagePage, MessageQuery, MessageStore, NewReport, Outcome, PointerMove, PointerStore,
            ProfileStore, Refusal, ReportStore, Reported, ReportsQuery, RoomKey, RoomStore, RoomsQuery,
            SearchPage, SearchQuery, Store, StoreError,
        },
    };
}

pub(super) use forward_store;

use crate::store::{Change, Outcome, Refusal, Store, StoreError};

/// What a commit does about rooms that someone else holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// As [`LogStore::commit`].
    AreAnswered,
    /// As [`LogStore::commit_held`].
    AreWaitedFor,
}

impl Holds {
    /// The commit of a store.
    pub(super) async fn commit<S: Store + ?Sized>(
        self,
        store: &S,
        changes: Vec<Change>,
    ) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        match self {
            Self::AreAnswered => store.commit(changes).await,
            Self::AreWaitedFor => store.commit_held(changes).await,
        }
    }
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Commit,
    Write,
    Read,
}
