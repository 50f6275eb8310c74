//! The least store that shows what the wrappers do: one room, sends alone, nothing else kept.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::forward::prelude::*;
use crate::{
    event::EventBody,
    model::{Message, MessageId, MessageKind, Metadata},
    store::{Actor, ChangeBody, NewMessage, Require},
};

#[derive(Debug, Default)]
pub(super) struct Tape {
    events: Mutex<Vec<Event>>,
}

pub(super) fn room() -> RoomId {
    RoomId::new(1).unwrap()
}

pub(super) fn send(content: &str) -> Change {
    let user = UserId::new("ann").unwrap();
    Change {
        room: Some(room()),
        actor: Actor::User(user),
        at: Timestamp::from_micros(1_000),
        require: Require::WRITER,
        body: ChangeBody::Send(NewMessage {
            client_id: ClientId::new(content).unwrap(),
            digest: [0; 16],
            kind: MessageKind::text(),
            content: content.to_owned(),
            reply_to: None,
            thread: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            metadata: Metadata::default(),
        }),
    }
}

/// A tape with sends `1` to `count`.
pub(super) async fn recorded(count: usize) -> Arc<Tape> {
    let tape = Arc::new(Tape::default());
    tape.commit((1..=count).map(|n| send(&n.to_string())).collect()).await.unwrap();
    tape
}

/// What the events of the room say, with their positions.
pub(super) async fn said(store: &dyn Store) -> Vec<(u64, String)> {
    let limit = EventLimit { events: 1_000, bytes: usize::MAX };
    let page = store.events(room(), Seq::ZERO, limit).await.unwrap();
    page.events.iter().map(|event| (event.seq.get(), content(event).to_owned())).collect()
}

pub(super) fn content(event: &Event) -> &str {
    let EventBody::Message { message } = &event.body else { panic!("a message was due, not {event:?}") };
    assert_eq!(message.seq, event.seq);
    &message.content
}

#[async_trait]
impl LogStore for Tape {
    async fn epoch(&self) -> Result<String, StoreError> {
        Ok("epoch".to_owned())
    }

    async fn renew_epoch(&self, _: &str, new: &str) -> Result<String, StoreError> {
        Ok(new.to_owned())
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        let mut events = self.events.lock();
        let answers = changes.into_iter().map(|change| {
            let seq = Seq::new(events.len() as u64 + 1);
            let ChangeBody::Send(new) = change.body else { return Ok(Outcome::Unchanged) };
            let (actor, at) = (change.actor.user().cloned(), change.at);
            let message = Message {
                id: MessageId::new(1).unwrap(),
                room_id: room(),
                seq,
                sender: actor.clone(),
                kind: new.kind,
                content: new.content,
                at,
                edited_at: None,
                version: 1,
                deleted: false,
                reply_to: None,
                thread: None,
                mentions: new.mentions,
                attachments: Vec::new(),
                metadata: new.metadata,
            };
            let (client_id, body) = (Some(new.client_id), EventBody::Message { message });
            let event = Event { room: room(), seq, at, actor, client_id, body };
            events.push(event.clone());
            Ok(Outcome::Applied(event))
        });
        Ok(answers.collect())
    }

    async fn events(&self, _: RoomId, after: Seq, limit: EventLimit) -> Result<EventPage, StoreError> {
        let events = self.events.lock();
        let page = events.iter().filter(|event| event.seq > after).take(limit.events).cloned().collect();
        Ok(EventPage { events: page, head: Seq::new(events.len() as u64), floor: Seq::ZERO })
    }

    async fn sent(
        &self,
        _: RoomId,
        _: &UserId,
        _: &ClientId,
    ) -> Result<Option<(Event, [u8; 16])>, StoreError> {
        Ok(None)
    }

    async fn heads(&self, _: &[RoomId]) -> Result<Vec<Head>, StoreError> {
        Ok(vec![Head { room: room(), head: Seq::new(self.events.lock().len() as u64) }])
    }

    async fn heads_after(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<Head>, StoreError> {
        let mut heads = self.heads(&[]).await?;
        heads.retain(|head| limit > 0 && after.is_none_or(|after| head.room > after));
        Ok(heads)
    }
}

#[async_trait]
impl RoomStore for Tape {
    async fn find_room(&self, _: &RoomKey) -> Result<Option<RoomId>, StoreError> {
        Ok(None)
    }

    async fn memberships(
        &self,
        _: &UserId,
        _: Option<&[RoomId]>,
        _: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        Ok(Vec::new())
    }

    async fn rooms(&self, _: &RoomsQuery) -> Result<Vec<RoomEntry>, StoreError> {
        Ok(Vec::new())
    }

    async fn members(&self, _: RoomId, _: Option<&UserId>, _: usize) -> Result<Vec<Member>, StoreError> {
        Ok(Vec::new())
    }

    async fn members_of(&self, _: &[RoomId], _: usize) -> Result<Vec<(RoomId, Vec<Member>)>, StoreError> {
        Ok(Vec::new())
    }

    async fn acquaintances(
        &self,
        _: &UserId,
        _: &[UserId],
        _: u32,
        _: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        Ok(Vec::new())
    }

    async fn bans(&self, _: RoomId, _: usize) -> Result<Vec<Ban>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl MessageStore for Tape {
    async fn messages(&self, _: RoomId, _: &MessageQuery) -> Result<MessagePage, StoreError> {
        Ok(MessagePage::default())
    }

    async fn find_messages(&self, messages: &[MessageId]) -> Result<Vec<Option<(RoomId, Seq)>>, StoreError> {
        Ok(vec![None; messages.len()])
    }

    async fn versions(&self, _: RoomId, _: Seq, _: usize) -> Result<Vec<MessageVersion>, StoreError> {
        Ok(Vec::new())
    }

    async fn search(&self, _: &SearchQuery) -> Result<SearchPage, StoreError> {
        Ok(SearchPage::default())
    }
}

#[async_trait]
impl PointerStore for Tape {
    async fn advance(&self, _: &[PointerMove]) -> Result<Vec<Option<Pointer>>, StoreError> {
        Ok(Vec::new())
    }

    async fn pointers(&self, _: RoomId, _: usize) -> Result<Vec<Pointer>, StoreError> {
        Ok(Vec::new())
    }

    async fn unread(&self, _: &UserId, _: &[RoomId]) -> Result<Vec<(RoomId, Unread)>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl ProfileStore for Tape {
    async fn put_profiles(&self, _: &[Profile]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn profiles(&self, _: &[UserId]) -> Result<Vec<StoredProfile>, StoreError> {
        Ok(Vec::new())
    }

    async fn touch(&self, _: &[(UserId, Timestamp)]) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl ReportStore for Tape {
    async fn put_report(&self, _: &NewReport) -> Result<Reported, StoreError> {
        Ok(Reported::NoMessage)
    }

    async fn report(&self, _: ReportId) -> Result<Option<Report>, StoreError> {
        Ok(None)
    }

    async fn reports(&self, _: &ReportsQuery) -> Result<Vec<Report>, StoreError> {
        Ok(Vec::new())
    }

    async fn decide_report(&self, _: &Decision) -> Result<Option<Report>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl BlockStore for Tape {
    async fn put_block(&self, _: &UserId, _: &UserId, _: Timestamp, _: usize) -> Result<Blocked, StoreError> {
        Ok(Blocked::TooMany)
    }

    async fn drop_block(&self, _: &UserId, _: &UserId) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn blocks(&self, _: &UserId, _: usize) -> Result<Vec<UserId>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl AuditStore for Tape {
    async fn audit(&self, _: RoomId, _: Option<AuditId>, _: usize) -> Result<Vec<AuditEntry>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl AttachmentStore for Tape {
    async fn begin_upload(&self, _: &Upload) -> Result<(), StoreError> {
        Ok(())
    }

    async fn finish_upload(&self, _: &Attachment, _: Option<RoomId>) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn attachment(&self, _: &AttachmentId) -> Result<Option<StoredAttachment>, StoreError> {
        Ok(None)
    }

    async fn remove_upload(&self, _: &AttachmentId, _: Option<&UserId>) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn removed_attachments(
        &self,
        _: Timestamp,
        _: Option<&AttachmentId>,
        _: usize,
    ) -> Result<Vec<AttachmentId>, StoreError> {
        Ok(Vec::new())
    }

    async fn forget_attachments(&self, _: &[AttachmentId]) -> Result<(), StoreError> {
        Ok(())
    }
}
