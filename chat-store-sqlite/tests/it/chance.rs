//! Random changes and questions, from a seed.

use std::collections::BTreeSet;

use chat_core::{
    Event, EventBody,
    model::{
        Activity, Attachment, AttachmentId, AttachmentKind, ClientId, Emoji, HistoryMode, MessageKind,
        Metadata, Role, RoomId, RoomKind, Seq, Timestamp, Upload, UserId,
    },
    store::{
        Actor, Change, ChangeBody, EventLimit, MessageQuery, NewMessage, NewRoom, PointerMove, Range,
        Require, RoomKey, RoomScope, RoomUpdate, RoomsQuery, SearchQuery, SearchScope, SearchText,
        SearchedRoom,
    },
    testkit::Rng,
};

const USERS: [&str; 6] = ["ann", "bob", "cäcilie", "dan", "eve", "f"];
const TEXTS: [&str; 6] =
    ["", "hello", "ÄÖÜ äöü", "a \"quoted\" [1,2] {\"x\":null}", "\u{1F44D}\n\t\\\u{6771}\u{4EAC}", "x"];

/// Draws changes and questions about a handful of rooms and users.
#[derive(Debug)]
pub(crate) struct Chance {
    rng: Rng,
    /// Rooms made so far, numbered from 1.
    pub(crate) rooms: u64,
    /// Messages sent so far, with their senders.
    messages: Vec<(RoomId, Seq, Actor)>,
    members: Vec<(RoomId, UserId)>,
    /// Reactions made so far.
    reactions: Vec<(RoomId, Seq, UserId, Emoji)>,
    /// Files begun so far, numbered from 1.
    files: u64,
    now: i64,
}

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            rooms: 0,
            messages: Vec::new(),
            members: Vec::new(),
            reactions: Vec::new(),
            files: 0,
            now: 1_700_000_000_000_000,
        }
    }

    /// Notes what came of a change.
    pub(crate) fn note(&mut self, event: &Event) {
        match &event.body {
            EventBody::RoomCreated { members, .. } => {
                self.rooms += 1;
                self.members.extend(members.iter().map(|member| (event.room, member.user.clone())));
            }
            EventBody::MemberJoined { member } => self.members.push((event.room, member.user.clone())),
            EventBody::MemberLeft { user, .. } => {
                self.members.retain(|(room, member)| (*room, member) != (event.room, user));
            }
            EventBody::Message { .. } => {
                let sender = event.actor.clone().map_or(Actor::Host, Actor::User);
                self.messages.push((event.room, event.seq, sender));
            }
            EventBody::ReactionAdded { target, emoji } => {
                let made = event.actor.clone().map(|user| (event.room, *target, user, emoji.clone()));
                self.reactions.extend(made);
            }
            _ => {}
        }
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.rng.below(end)
    }

    pub(crate) fn often(&mut self, probability: f64) -> bool {
        self.rng.chance(probability)
    }

    pub(crate) fn user(&mut self) -> UserId {
        UserId::new(USERS[self.rng.below(6) as usize]).unwrap()
    }

    /// One of the latest files, seldom one that there is not.
    pub(crate) fn file(&mut self) -> AttachmentId {
        let back = self.rng.below(8).min(self.files);
        AttachmentId::new(format!("file {:04}", self.files + 1 - back)).unwrap()
    }

    /// A file that is begun, and how it ends.
    pub(crate) fn upload(&mut self) -> (Upload, Attachment, Option<RoomId>) {
        self.files += 1;
        let id = AttachmentId::new(format!("file {:04}", self.files)).unwrap();
        let upload = Upload { id: id.clone(), uploader: self.maybe(0.9, Self::user), at: self.time() };
        let file = Attachment {
            id,
            name: TEXTS[self.rng.below(5) as usize].to_owned(),
            content_type: "image/png".to_owned(),
            size: self.rng.below(1 << 50),
            kind: if self.often(0.5) { AttachmentKind::Image } else { AttachmentKind::File },
            width: self.maybe(0.5, |_| u32::MAX),
            height: self.maybe(0.5, |_| 1),
        };
        let room = self.maybe(0.2, Self::room);
        (upload, file, room)
    }

    pub(crate) fn users(&mut self, below: u64) -> Vec<UserId> {
        (0..self.rng.below(below)).map(|_| self.user()).collect()
    }

    /// Mostly one of the latest, seldom one that there is not.
    pub(crate) fn room(&mut self) -> RoomId {
        let among = if self.often(0.1) { self.rooms.max(1) } else { self.rooms.clamp(1, 3) };
        let back = self.rng.below(among);
        let next = u64::from(self.often(0.03));
        RoomId::new((self.rooms.max(1) - back + next) as i64).unwrap()
    }

    pub(crate) fn room_ids(&mut self) -> Vec<RoomId> {
        (0..self.rng.below(6)).map(|_| self.room()).collect()
    }

    pub(crate) fn seq(&mut self) -> Seq {
        let end = if self.often(0.7) { 10 } else { 60 };
        Seq::new(self.rng.below(end))
    }

    fn maybe<T>(&mut self, probability: f64, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.often(probability) { Some(draw(self)) } else { None }
    }

    fn text(&mut self) -> String {
        format!("{}{}", TEXTS[self.rng.below(6) as usize], self.rng.below(3))
    }

    fn emoji(&mut self) -> Emoji {
        // Mostly the first, so that those who take one back find it.
        let among = 1 + self.rng.below(3);
        Emoji::new(["a", "\u{1F44D}", "c"][self.rng.below(among) as usize]).unwrap()
    }

    fn role(&mut self) -> Role {
        [Role::Member, Role::Member, Role::Moderator, Role::Owner][self.rng.below(4) as usize]
    }

    fn metadata(&mut self) -> Metadata {
        let mut map = serde_json::Map::new();
        for _ in 0..self.rng.below(3) {
            map.insert(self.text(), serde_json::json!({"n": 1.5, "big": u64::MAX, "list": [null, "\u{0}"]}));
        }
        map.into()
    }

    /// Now, sometimes a little earlier.
    pub(crate) fn time(&mut self) -> Timestamp {
        self.now += self.rng.below(3_000) as i64;
        Timestamp::from_micros(self.now - if self.often(0.1) { 5_000 } else { 0 })
    }

    fn until(&mut self) -> Option<Timestamp> {
        let later = self.rng.below(30_000) as i64 - 2_000;
        self.maybe(0.7, |chance| Timestamp::from_micros(chance.now + later))
    }

    pub(crate) fn change(&mut self) -> Change {
        let creates = self.rooms == 0 || self.often(if self.rooms < 3 { 0.1 } else { 0.02 });
        let actor = if self.often(0.2) { Actor::Host } else { Actor::User(self.user()) };
        let room = self.room();
        let members: Vec<_> = self.members.iter().filter(|(place, _)| *place == room).cloned().collect();
        let actor = match self.rng.pick(&members) {
            Some((_, member)) if actor != Actor::Host && self.often(0.8) => Actor::User(member.clone()),
            _ => actor,
        };
        let known: Vec<_> = self.messages.iter().filter(|(place, ..)| *place == room).cloned().collect();
        let known = self.rng.pick(&known).cloned().filter(|_| self.often(0.85));
        let target = known.as_ref().map_or_else(|| self.seq(), |(_, seq, _)| *seq);
        let body = if creates { ChangeBody::Create(self.new_room()) } else { self.body(target) };
        let reactions: Vec<_> = self.reactions.iter().filter(|(place, ..)| *place == room).cloned().collect();
        let (actor, body) = match (body, known, self.rng.pick(&reactions)) {
            (body @ ChangeBody::Edit { .. }, Some((.., sender)), _) => (sender, body),
            (ChangeBody::Unreact { .. }, _, Some((_, target, user, emoji))) => {
                (Actor::User(user.clone()), ChangeBody::Unreact { target: *target, emoji: emoji.clone() })
            }
            (body, ..) => (actor, body),
        };
        let require = match body {
            ChangeBody::Create(_) | ChangeBody::Join => Require::NOTHING,
            ChangeBody::Send(_) => Require::WRITER,
            ChangeBody::Ban { .. } if self.often(0.3) => Require::MODERATOR,
            _ => Require::MEMBER,
        };
        Change { room: if creates { None } else { Some(room) }, actor, at: self.time(), require, body }
    }

    fn new_room(&mut self) -> NewRoom {
        let kind = match self.rng.below(7) {
            0 => RoomKind::Direct,
            1..4 => RoomKind::Group,
            _ => RoomKind::Public,
        };
        let mut members: Vec<(UserId, Role)> = Vec::new();
        for _ in 0..if kind == RoomKind::Direct { 2 } else { 9 } {
            let user = self.user();
            if members.iter().all(|(member, _)| *member != user) {
                let role = if members.is_empty() { Role::Owner } else { self.role() };
                members.push((user, role));
            }
        }
        NewRoom {
            kind,
            name: self.maybe(0.7, Self::text),
            metadata: self.metadata(),
            subject: self.maybe(0.2, Self::text),
            history: if self.often(0.5) { HistoryMode::All } else { HistoryMode::FromJoin },
            members,
            client_id: self.maybe(0.3, |chance| ClientId::new(chance.text() + "k").unwrap()),
        }
    }

    fn message(&mut self, target: Seq) -> NewMessage {
        NewMessage {
            client_id: ClientId::new(format!("key {}", self.rng.below(60))).unwrap(),
            digest: [self.rng.below(2) as u8 * 0x9f; 16],
            kind: if self.often(0.15) { MessageKind::system() } else { MessageKind::text() },
            content: self.text() + &"y".repeat(self.rng.below(400) as usize),
            reply_to: self.maybe(0.15, |_| target),
            thread: self.maybe(0.15, |_| target),
            mentions: self.users(4),
            attachments: self.maybe(0.4, Self::file).into_iter().collect(),
            metadata: if self.often(0.2) { self.metadata() } else { Metadata::default() },
        }
    }

    fn body(&mut self, target: Seq) -> ChangeBody {
        match self.rng.below(44) {
            0..14 => ChangeBody::Send(self.message(target)),
            14..18 => ChangeBody::Edit {
                target,
                content: self.text(),
                mentions: self.maybe(0.5, |chance| chance.users(4)),
            },
            18..20 => ChangeBody::Delete { target },
            20..23 => ChangeBody::React { target, emoji: self.emoji(), kinds_max: 2 },
            23..27 => ChangeBody::Unreact { target, emoji: self.emoji() },
            27..=29 | 39..44 => ChangeBody::AddMember { user: self.user(), role: self.role() },
            30 if self.often(0.25) => ChangeBody::DeleteRoom,
            30 => ChangeBody::Leave,
            31 => ChangeBody::Remove { user: self.user() },
            33 if self.often(0.3) => ChangeBody::Unban { user: self.user() },
            32 | 33 => ChangeBody::Ban { user: self.user(), until: self.until() },
            34 => ChangeBody::SetRole { user: self.user(), role: self.role() },
            35 => ChangeBody::Transfer { to: self.user() },
            36 => ChangeBody::Mute { user: self.user(), until: self.until() },
            37..39 => ChangeBody::Update(RoomUpdate {
                name: self.maybe(0.5, |chance| chance.maybe(0.7, Self::text)),
                metadata: self.maybe(0.3, Self::metadata),
                history: self.maybe(0.3, |_| HistoryMode::FromJoin),
            }),
            _ => ChangeBody::Join,
        }
    }

    pub(crate) fn event_limit(&mut self) -> EventLimit {
        EventLimit { events: self.rng.below(30) as usize, bytes: self.rng.below(2_000) as usize }
    }

    pub(crate) fn message_query(&mut self) -> MessageQuery {
        let seq = if self.often(0.3) { Seq::MAX } else { self.seq() };
        MessageQuery {
            viewer: self.maybe(0.7, Self::user),
            range: [Range::Before(seq), Range::After(seq), Range::Around(seq)][self.rng.below(3) as usize],
            thread: self.maybe(0.3, Self::seq),
            visible_from: if self.often(0.3) { self.seq() } else { Seq::ZERO },
            limit: self.rng.below(12) as usize,
        }
    }

    pub(crate) fn search_query(&mut self) -> SearchQuery {
        let words = (0..1 + self.rng.below(2)).map(|_| self.text()).collect::<Vec<_>>().join(" ");
        let from = |chance: &mut Self| if chance.often(0.3) { chance.seq() } else { Seq::ZERO };
        let rooms: BTreeSet<RoomId> = self.room_ids().into_iter().collect();
        let these = rooms.into_iter().map(|room| SearchedRoom { room, visible_from: from(self) }).collect();
        SearchQuery {
            text: SearchText::new(&if self.often(0.2) { words.to_uppercase() } else { words }),
            scope: if self.often(0.2) { SearchScope::Everywhere } else { SearchScope::These(these) },
            sender: self.maybe(0.3, Self::user),
            before: None,
            limit: 1 + self.rng.below(6) as usize,
        }
    }

    pub(crate) fn rooms_query(&mut self) -> RoomsQuery {
        let scope = match self.rng.below(3) {
            0 => RoomScope::Joined,
            1 => {
                RoomScope::Public(self.maybe(0.5, |chance| chance.text().to_uppercase()).unwrap_or_default())
            }
            _ => RoomScope::These(self.room_ids()),
        };
        let before = self.maybe(0.3, |chance| Activity { at: chance.time(), room: chance.room() });
        RoomsQuery { viewer: self.maybe(0.8, Self::user), scope, before, limit: self.rng.below(6) as usize }
    }

    pub(crate) fn key(&mut self) -> RoomKey {
        match self.rng.below(3) {
            0 => RoomKey::direct(&self.user(), &self.user()),
            1 => RoomKey::Subject(self.text()),
            _ => RoomKey::Made(self.user(), ClientId::new(self.text() + "k").unwrap()),
        }
    }

    pub(crate) fn moves(&mut self) -> Vec<PointerMove> {
        let moved = |chance: &mut Self| PointerMove {
            room: chance.room(),
            user: chance.user(),
            read: chance.seq(),
            delivered: chance.seq(),
        };
        (0..self.rng.below(6)).map(|_| moved(self)).collect()
    }
}
