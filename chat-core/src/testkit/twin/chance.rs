//! Changes and questions drawn by chance, from so small a world that they meet.

use std::time::Duration;

use crate::{
    model::{
        ClientId, Emoji, HistoryMode, MessageKind, Metadata, Role, RoomId, RoomKind, Seq, Timestamp, UserId,
    },
    store::{
        Actor, Change, ChangeBody, MessageQuery, NewMessage, NewRoom, PointerMove, Range, Require, RoomKey,
        RoomUpdate, SearchQuery, SearchScope, SearchText, SearchedRoom,
    },
    testkit::Rng,
};

pub(super) const USERS: u64 = 8;

/// What is known of a room when a change of it is drawn.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) room: RoomId,
    pub(super) head: Seq,
    /// With owners once more: most of what changes a room is theirs to do.
    pub(super) members: Vec<UserId>,
    pub(super) messages: Vec<Seq>,
}

/// Draws from one seed.
#[derive(Debug)]
pub(super) struct Chance {
    pub(super) rng: Rng,
    now: Timestamp,
}

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed), now: Timestamp::from_micros(1_700_000_000_123_457) }
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        self.rng.pick(items).cloned().expect("there are some")
    }

    fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().expect("a short text")
    }

    pub(super) fn user(&mut self) -> UserId {
        user(self.rng.below(USERS))
    }

    fn users(&mut self, at_most: u64) -> Vec<UserId> {
        let count = self.rng.below(at_most + 1);
        let mut users: Vec<_> = (0..count).map(|_| self.user()).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    pub(super) fn client_id(&mut self) -> ClientId {
        // Few enough to be used again, case aside.
        Self::text(
            &self.one_of(&["k1", "K1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9"].map(String::from)),
        )
    }

    fn content(&mut self) -> String {
        self.one_of(&["", "a", "b", "\u{1F44D} \"x\"\n", "c'd"]).to_owned()
    }

    fn emoji(&mut self) -> Emoji {
        Self::text(self.one_of(&["+", "-", "\u{1F44D}"]))
    }

    fn metadata(&mut self) -> Metadata {
        let mut map = serde_json::Map::new();
        if self.rng.chance(0.3) {
            map.insert("n".to_owned(), self.rng.below(3).into());
        }
        map.into()
    }

    fn role(&mut self) -> Role {
        self.one_of(&[Role::Member, Role::Member, Role::Moderator, Role::Owner])
    }

    fn kind(&mut self) -> RoomKind {
        self.one_of(&[RoomKind::Group, RoomKind::Group, RoomKind::Public, RoomKind::Public, RoomKind::Direct])
    }

    fn history(&mut self) -> HistoryMode {
        self.one_of(&[HistoryMode::All, HistoryMode::FromJoin])
    }

    fn until(&mut self) -> Timestamp {
        self.now.plus(Duration::from_micros(self.rng.below(40_000_000)))
    }

    pub(super) fn seq(&mut self, head: Seq) -> Seq {
        Seq::new(self.rng.below(head.get() + 3))
    }

    /// A change; its time may lie before that of the change drawn last.
    pub(super) fn change(&mut self, rooms: &[Known]) -> Change {
        self.now = self.now.plus(Duration::from_micros(self.rng.below(3_000_000)));
        let at = Timestamp::from_micros(self.now.as_micros() - self.rng.below(2_000_000) as i64);
        let create = self.rng.chance(0.02);
        let Some(known) = self.rng.pick(rooms).filter(|_| !create) else {
            let actor = if self.rng.chance(0.2) { Actor::Host } else { Actor::User(self.user()) };
            let body = ChangeBody::Create(self.new_room(&actor));
            return Change { room: None, actor, at, require: Require::NOTHING, body };
        };
        let body = self.body(known);
        let actor = match self.rng.below(20) {
            0..=1 => Actor::Host,
            2..=3 => Actor::User(self.user()),
            _ if matches!(body, ChangeBody::Join) => Actor::User(self.user()),
            _ => Actor::User(self.member(known)),
        };
        let room = known.room;
        let require = match &body {
            ChangeBody::Join => Require::NOTHING,
            ChangeBody::Leave | ChangeBody::Delete { .. } | ChangeBody::Unreact { .. } => Require::MEMBER,
            ChangeBody::Send(_) | ChangeBody::Edit { .. } | ChangeBody::React { .. } => Require::WRITER,
            ChangeBody::Transfer { .. } | ChangeBody::DeleteRoom => Require::OWNER,
            _ => Require::MODERATOR,
        };
        Change { room: Some(room), actor, at, require, body }
    }

    fn member(&mut self, known: &Known) -> UserId {
        let stranger = self.user();
        self.rng.pick(&known.members).cloned().filter(|_| stranger != user(0)).unwrap_or(stranger)
    }

    /// A message, mostly.
    fn target(&mut self, known: &Known) -> Seq {
        let any = self.seq(known.head);
        let newest = known.messages.len().saturating_sub(if self.rng.chance(0.6) { 3 } else { 100 });
        let hit = self.rng.chance(0.9);
        self.rng.pick(&known.messages[newest..]).copied().filter(|_| hit).unwrap_or(any)
    }

    fn body(&mut self, known: &Known) -> ChangeBody {
        let target = self.target(known);
        match self.rng.below(1_000) {
            0..350 => ChangeBody::Send(self.message(known)),
            350..430 => {
                let mentions = self.rng.chance(0.5).then(|| self.users(3));
                ChangeBody::Edit { target, content: self.content(), mentions }
            }
            430..490 => ChangeBody::Delete { target },
            490..590 => ChangeBody::React { target, emoji: self.emoji(), kinds_max: 2 },
            590..650 => ChangeBody::Unreact { target, emoji: self.emoji() },
            650..720 => ChangeBody::AddMember { user: self.user(), role: self.role() },
            720..790 => ChangeBody::Join,
            790..810 => ChangeBody::Leave,
            810..830 => ChangeBody::Remove { user: self.member(known) },
            830..850 => {
                let until = self.rng.chance(0.7).then(|| self.until());
                ChangeBody::Ban { user: self.member(known), until }
            }
            850..890 => ChangeBody::SetRole { user: self.member(known), role: self.role() },
            890..920 => ChangeBody::Transfer { to: self.member(known) },
            920..960 => {
                let until = self.rng.chance(0.7).then(|| self.until());
                ChangeBody::Mute { user: self.member(known), until }
            }
            960..970 => ChangeBody::Unban { user: self.member(known) },
            970..998 => {
                let name = self.rng.chance(0.6).then(|| self.name());
                let metadata = self.rng.chance(0.5).then(|| self.metadata());
                let history = self.rng.chance(0.5).then(|| self.history());
                ChangeBody::Update(RoomUpdate { name, metadata, history })
            }
            _ => ChangeBody::DeleteRoom,
        }
    }

    fn name(&mut self) -> Option<String> {
        let name = self.one_of(&["", "Caf\u{c9}", "caf\u{e9} 50%", "a_b", "axb", "100%"]);
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn message(&mut self, known: &Known) -> NewMessage {
        let system = self.rng.chance(0.1);
        NewMessage {
            client_id: self.client_id(),
            digest: [u8::from(self.rng.chance(0.1)); 16],
            kind: if system { MessageKind::system() } else { MessageKind::text() },
            content: self.content(),
            reply_to: self.rng.chance(0.2).then(|| self.target(known)),
            thread: self.rng.chance(0.2).then(|| self.target(known)),
            mentions: self.users(3),
            attachments: Vec::new(),
            metadata: self.metadata(),
        }
    }

    fn new_room(&mut self, actor: &Actor) -> NewRoom {
        let kind = self.kind();
        let mut members: Vec<_> = match kind {
            RoomKind::Direct => vec![self.user(), self.user()],
            _ => self.users(5),
        };
        members.extend(actor.user().cloned().filter(|_| kind != RoomKind::Direct));
        members.sort_unstable();
        members.dedup();
        let role = |user: &UserId| if actor.user() == Some(user) { Role::Owner } else { Role::Member };
        NewRoom {
            kind,
            name: self.name(),
            metadata: self.metadata(),
            subject: self.rng.chance(0.2).then(|| self.subject()),
            history: self.history(),
            members: members.into_iter().map(|user| (user.clone(), role(&user))).collect(),
            client_id: self.rng.chance(0.3).then(|| self.client_id()),
        }
    }

    fn subject(&mut self) -> String {
        self.one_of(&["order:1", "Order:1", "order:2"]).to_owned()
    }

    pub(super) fn key(&mut self) -> RoomKey {
        match self.rng.below(3) {
            0 => RoomKey::direct(&self.user(), &self.user()),
            1 => RoomKey::Subject(self.subject()),
            _ => RoomKey::Made(self.user(), self.client_id()),
        }
    }

    pub(super) fn pointer_move(&mut self, known: &Known) -> PointerMove {
        PointerMove {
            room: known.room,
            user: self.user(),
            read: self.seq(known.head),
            delivered: self.seq(known.head),
        }
    }

    pub(super) fn query(&mut self, known: &Known) -> MessageQuery {
        let head = known.head;
        let place = if self.rng.chance(0.1) { Seq::MAX } else { self.seq(head) };
        MessageQuery {
            viewer: self.rng.chance(0.7).then(|| self.user()),
            range: self.one_of(&[Range::Before(place), Range::After(place), Range::Around(place)]),
            thread: self.rng.chance(0.3).then(|| self.target(known)),
            visible_from: if self.rng.chance(0.3) { self.seq(head) } else { Seq::ZERO },
            limit: 1 + self.rng.below(12) as usize,
        }
    }

    pub(super) fn search(&mut self, known: &Known) -> SearchQuery {
        let visible_from = if self.rng.chance(0.3) { self.seq(known.head) } else { Seq::ZERO };
        SearchQuery {
            text: SearchText::new(self.one_of(&["a", "B", "x", "d C", "c d", "a b", "\""])),
            scope: SearchScope::These(vec![SearchedRoom { room: known.room, visible_from }]),
            sender: self.rng.chance(0.3).then(|| self.user()),
            before: None,
            limit: 1 + self.rng.below(5) as usize,
        }
    }
}

/// One of the users.
pub(super) fn user(number: u64) -> UserId {
    // Texts that sort otherwise without case than with it.
    let letter = if number.is_multiple_of(2) { 'a' } else { 'B' };
    UserId::new(format!("{letter}{number}")).expect("a short text")
}
