//! One room of a [`super::MemoryStore`]: its log by position, and the indexes that keep sends and reads short.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    event::{Event, EventBody},
    model::{
        Attachment, Ban, ClientId, Emoji, MemberRow, Message, MessageId, MessageVersion, MessageView,
        ReactionCount, Seq, ThreadSummary, Timestamp, Unread, UserId,
    },
    store::{
        EventLimit, EventPage, MessagePage, MessageQuery, Range, RoomKey, SearchQuery, UNREAD_CAP,
        decide::{AppendedMessage, RoomRow, Sent},
    },
};

/// A room with everything that hangs on it.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct RoomState {
    pub(super) row: RoomRow,
    pub(super) keys: Vec<RoomKey>,
    pub(super) members: BTreeMap<UserId, MemberRow>,
    pub(super) bans: BTreeMap<UserId, Ban>,
    /// Until when users are muted, members or not.
    pub(super) mutes: BTreeMap<UserId, Timestamp>,
    /// Everything at or below is not kept any more.
    floor: Seq,
    /// The entry of position `floor + 1` is the first.
    log: Vec<Entry>,
    /// Positions of messages, ascending.
    messages: Vec<Seq>,
    /// The newest message that is not deleted.
    newest: Option<Seq>,
    /// Positions of the messages of each thread, ascending.
    threads: HashMap<Seq, Vec<Seq>>,
    sent: HashMap<(Option<UserId>, ClientId), Seq>,
    /// Where each user is named in messages that count as unread and are not deleted.
    mentions: HashMap<UserId, BTreeSet<Seq>>,
}

/// One position of the log.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Entry {
    /// How many messages that count as unread lie at or below.
    ordinal: u64,
    what: Logged,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
enum Logged {
    /// The message as it is now.
    Message(Box<Kept>),
    /// An edit; what it carries is found at its target.
    Edited { at: Timestamp, actor: Option<UserId>, target: Seq },
    /// Any other event, as it happened.
    Other(Box<Event>),
}

/// A message with what hangs on it.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Kept {
    message: Message,
    client_id: Option<ClientId>,
    digest: [u8; 16],
    versions: Vec<MessageVersion>,
    reactions: BTreeMap<Emoji, Reacted>,
}

/// Who reacted with one emoji, and at which positions.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
struct Reacted {
    by: HashMap<UserId, Seq>,
    at: BTreeSet<Seq>,
}

impl RoomState {
    pub(super) fn new(row: RoomRow, keys: Vec<RoomKey>) -> Self {
        Self {
            row,
            keys,
            members: BTreeMap::new(),
            bans: BTreeMap::new(),
            mutes: BTreeMap::new(),
            floor: Seq::ZERO,
            log: Vec::new(),
            messages: Vec::new(),
            newest: None,
            threads: HashMap::new(),
            sent: HashMap::new(),
            mentions: HashMap::new(),
        }
    }

    pub(super) fn append(&mut self, event: &Event, appended: Option<AppendedMessage>) {
        self.row.head = event.seq;
        self.row.at = event.at;
        let what = match (&event.body, appended) {
            (EventBody::Message { message }, Some(appended)) => {
                self.index(message, event.client_id.as_ref(), appended);
                Logged::Message(Box::new(Kept {
                    message: message.clone(),
                    client_id: event.client_id.clone(),
                    digest: appended.digest,
                    versions: Vec::new(),
                    reactions: BTreeMap::new(),
                }))
            }
            (EventBody::MessageEdited { message }, _) => {
                Logged::Edited { at: event.at, actor: event.actor.clone(), target: message.seq }
            }
            _ => Logged::Other(Box::new(event.clone())),
        };
        self.log.push(Entry { ordinal: self.row.messages, what });
    }

    fn index(&mut self, message: &Message, client_id: Option<&ClientId>, appended: AppendedMessage) {
        self.messages.push(message.seq);
        self.newest = Some(message.seq);
        if let Some(root) = message.thread {
            self.threads.entry(root).or_default().push(message.seq);
        }
        if let Some(client_id) = client_id {
            self.sent.insert((message.sender.clone(), client_id.clone()), message.seq);
        }
        if let Some(ordinal) = appended.ordinal {
            self.row.messages = ordinal;
            self.mention(message);
        }
    }

    /// The files of all messages.
    pub(super) fn carried(&self) -> impl Iterator<Item = &Attachment> {
        self.messages.iter().filter_map(|seq| self.message(*seq)).flat_map(|message| &message.attachments)
    }

    fn mention(&mut self, message: &Message) {
        for user in &message.mentions {
            self.mentions.entry(user.clone()).or_default().insert(message.seq);
        }
    }

    fn unmention(&mut self, seq: Seq) {
        let Some(kept) = self.kept(seq) else { return };
        for user in kept.message.mentions.clone() {
            if let Some(places) = self.mentions.get_mut(&user) {
                places.remove(&seq);
                if places.is_empty() {
                    self.mentions.remove(&user);
                }
            }
        }
    }

    pub(super) fn edit(&mut self, message: &Message, before: &str, before_at: Timestamp) {
        self.unmention(message.seq);
        if !message.kind.is_system() {
            self.mention(message);
        }
        let version = message.version.saturating_sub(1);
        if let Some(kept) = self.kept_mut(message.seq) {
            kept.versions.push(MessageVersion { version, content: before.to_owned(), at: before_at });
            kept.message = message.clone();
        }
    }

    pub(super) fn redact(&mut self, tombstone: &Message) {
        self.unmention(tombstone.seq);
        if let Some(kept) = self.kept_mut(tombstone.seq) {
            kept.message = tombstone.clone();
            kept.versions = Vec::new();
            kept.reactions = BTreeMap::new();
        }
        if self.newest == Some(tombstone.seq) {
            let standing = |seq: &&Seq| self.message(**seq).is_some_and(|message| !message.deleted);
            self.newest = self.messages.iter().rev().find(standing).copied();
        }
    }

    pub(super) fn react(&mut self, target: Seq, user: &UserId, emoji: &Emoji) {
        let at = self.row.head;
        if let Some(kept) = self.kept_mut(target) {
            let reacted = kept.reactions.entry(emoji.clone()).or_default();
            reacted.by.insert(user.clone(), at);
            reacted.at.insert(at);
        }
    }

    pub(super) fn unreact(&mut self, target: Seq, user: &UserId, emoji: &Emoji) {
        let Some(kept) = self.kept_mut(target) else { return };
        let Some(reacted) = kept.reactions.get_mut(emoji) else { return };
        if let Some(at) = reacted.by.remove(user) {
            reacted.at.remove(&at);
        }
        if reacted.by.is_empty() {
            kept.reactions.remove(emoji);
        }
    }

    /// Forgets everything but the room's row and what lies above `floor`.
    pub(super) fn forget(&mut self, floor: Seq) {
        let from = usize::try_from(floor.since(self.floor)).unwrap_or(usize::MAX).min(self.log.len());
        let log = self.log.split_off(from);
        let mut row = self.row.clone();
        row.deleted = true;
        row.members = 0;
        *self = Self { floor, log, ..Self::new(row, Vec::new()) };
    }

    fn entry(&self, seq: Seq) -> Option<&Entry> {
        let place = seq.get().checked_sub(self.floor.get())?.checked_sub(1)?;
        self.log.get(usize::try_from(place).ok()?)
    }

    fn kept(&self, seq: Seq) -> Option<&Kept> {
        match &self.entry(seq)?.what {
            Logged::Message(kept) => Some(kept),
            _ => None,
        }
    }

    fn kept_mut(&mut self, seq: Seq) -> Option<&mut Kept> {
        let place = seq.get().checked_sub(self.floor.get())?.checked_sub(1)?;
        match &mut self.log.get_mut(usize::try_from(place).ok()?)?.what {
            Logged::Message(kept) => Some(kept),
            _ => None,
        }
    }

    pub(super) fn message(&self, seq: Seq) -> Option<&Message> {
        self.kept(seq).map(|kept| &kept.message)
    }

    /// The ids of its messages, deleted ones too.
    pub(super) fn message_ids(&self) -> impl Iterator<Item = MessageId> {
        self.messages.iter().filter_map(|seq| self.message(*seq)).map(|message| message.id)
    }

    pub(super) fn sent(&self, sender: Option<&UserId>, client_id: &ClientId) -> Option<Sent> {
        let seq = *self.sent.get(&(sender.cloned(), client_id.clone()))?;
        self.kept(seq).map(|kept| Sent { seq, digest: kept.digest })
    }

    pub(super) fn has_reaction(&self, target: Seq, user: &UserId, emoji: &Emoji) -> bool {
        self.kept(target)
            .and_then(|kept| kept.reactions.get(emoji))
            .is_some_and(|reacted| reacted.by.contains_key(user))
    }

    pub(super) fn other_reaction_kinds(&self, target: Seq, emoji: &Emoji) -> usize {
        self.kept(target)
            .map_or(0, |kept| kept.reactions.len() - usize::from(kept.reactions.contains_key(emoji)))
    }

    pub(super) fn versions(&self, target: Seq, limit: usize) -> Vec<MessageVersion> {
        self.kept(target).map_or_else(Vec::new, |kept| kept.versions.iter().take(limit).cloned().collect())
    }

    /// The newest message that is not deleted.
    pub(super) fn newest(&self) -> Option<&Message> {
        self.message(self.newest?)
    }

    pub(super) fn unread(&self, user: &UserId, read: Seq) -> Unread {
        let read_ordinal = self.entry(read).map_or(0, |entry| entry.ordinal);
        let unread = self.row.messages.saturating_sub(read_ordinal);
        let mentions = self
            .mentions
            .get(user)
            .map_or(0, |places| places.range(read.next()..).take(UNREAD_CAP as usize).count());
        Unread {
            read,
            unread: u32::try_from(unread).unwrap_or(u32::MAX).min(UNREAD_CAP),
            mentions: u32::try_from(mentions).unwrap_or(UNREAD_CAP),
        }
    }

    /// The event at a position, as it is read back now.
    pub(super) fn event(&self, seq: Seq) -> Option<Event> {
        let room = self.row.room.id;
        Some(match &self.entry(seq)?.what {
            Logged::Other(event) => Event::clone(event),
            Logged::Message(kept) => Event {
                room,
                seq,
                at: kept.message.at,
                actor: kept.message.sender.clone(),
                client_id: kept.client_id.clone(),
                body: EventBody::Message { message: kept.message.clone() },
            },
            Logged::Edited { at, actor, target } => Event {
                room,
                seq,
                at: *at,
                actor: actor.clone(),
                client_id: None,
                body: EventBody::MessageEdited { message: self.message(*target)?.clone() },
            },
        })
    }

    pub(super) fn events(&self, after: Seq, limit: EventLimit) -> EventPage {
        let mut page = EventPage { events: Vec::new(), head: self.row.head, floor: self.floor };
        let (mut seq, mut bytes) = (after.max(self.floor).next(), 0);
        while page.events.is_empty() || page.events.len() < limit.events {
            let Some(event) = self.event(seq) else { break };
            bytes += event.content_bytes();
            if bytes > limit.bytes && !page.events.is_empty() {
                break;
            }
            page.events.push(event);
            seq = seq.next();
        }
        page
    }

    pub(super) fn messages(&self, query: &MessageQuery) -> MessagePage {
        const NONE: &[Seq] = &[];
        let places = match query.thread {
            Some(root) => self.threads.get(&root).map_or(NONE, Vec::as_slice),
            None => self.messages.as_slice(),
        };
        let first = places.partition_point(|seq| *seq <= query.visible_from);
        let places = places.get(first..).unwrap_or(NONE);
        let (from, to, more) = match query.range {
            Range::Before(seq) => {
                let to = places.partition_point(|place| *place < seq);
                let from = to.saturating_sub(query.limit);
                (from, to, from > 0)
            }
            Range::After(seq) => {
                let from = places.partition_point(|place| *place <= seq);
                let to = from.saturating_add(query.limit).min(places.len());
                (from, to, to < places.len())
            }
            Range::Around(seq) => {
                let middle = places.partition_point(|place| *place < seq);
                let before = query.limit / 2;
                let from = middle.saturating_sub(before);
                let to = middle.saturating_add(query.limit - before).min(places.len());
                (from, to, from > 0)
            }
        };
        let viewer = query.viewer.as_ref();
        let messages =
            places.get(from..to).unwrap_or(NONE).iter().filter_map(|seq| self.view(*seq, viewer)).collect();
        MessagePage { messages, as_of: self.row.head, more }
    }

    /// Adds the newest messages above `visible_from` that a search is about, one more than it asks for at most.
    pub(super) fn search<'r>(&'r self, query: &SearchQuery, visible_from: Seq, found: &mut Vec<&'r Message>) {
        let seen = self.messages.iter().rev().take_while(|seq| **seq > visible_from);
        let messages = seen.filter_map(|seq| self.message(*seq));
        let fits = |message: &&Message| {
            query.before.is_none_or(|before| message.id < before)
                && query.sender.as_ref().is_none_or(|sender| message.sender.as_ref() == Some(sender))
                && !message.kind.is_system()
                && !message.deleted
                && query.text.is_in(&message.content)
        };
        found.extend(messages.filter(fits).take(query.limit.saturating_add(1)));
    }

    fn view(&self, seq: Seq, viewer: Option<&UserId>) -> Option<MessageView> {
        let kept = self.kept(seq)?;
        let mut kinds: Vec<_> = kept.reactions.iter().collect();
        kinds.sort_unstable_by_key(|(_, reacted)| reacted.at.first());
        let reactions = kinds
            .into_iter()
            .map(|(emoji, reacted)| ReactionCount {
                emoji: emoji.clone(),
                count: u32::try_from(reacted.by.len()).unwrap_or(u32::MAX),
                mine: viewer.is_some_and(|user| reacted.by.contains_key(user)),
            })
            .collect();
        let replies = self.threads.get(&seq).and_then(|places| {
            let count = u32::try_from(places.len()).unwrap_or(u32::MAX);
            places.last().map(|last| ThreadSummary { count, last_seq: *last })
        });
        Some(MessageView { message: kept.message.clone(), reactions, replies, status: None })
    }
}
