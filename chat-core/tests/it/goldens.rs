//! `docs/protocol.md` is the golden file of the protocol: each of its named blocks is what the code says, or reads.

use std::collections::BTreeMap;

use chat_core::{
    Error, Event, EventBody, Limits, NativeJson, People, PresenceStatus, Signal, UnsubscribeReason,
    WireFormat as _,
    model::{
        Activity, AuditAction, AuditEntry, AuditId, AuditRecord, ClientId, ConnectionId, Emoji, HistoryMode,
        LeaveReason, Member, Message, MessageId, MessageKind, MessageStatus, MessageView, Metadata, Profile,
        ReactionCount, Report, ReportId, ReportStatus, Role, Room, RoomEntry, RoomId, RoomKind, Seq,
        ThreadSummary, Timestamp, Unread, UserId,
    },
    protocol::{
        ByeReason, ClientFrame, CloseCode, Command, ErrorBody, FrameId, OkBody, PresenceEntry, ServerFrame,
        Welcome, WelcomeLimits,
    },
    store::{MessagePage, SearchPage},
};
use serde_json::Value;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol.md"));

/// The named blocks of the page.
pub(crate) fn blocks() -> BTreeMap<&'static str, &'static str> {
    let mut blocks = BTreeMap::new();
    for part in PAGE.split("<!-- golden: ").skip(1) {
        let (name, rest) = part.split_once(" -->").expect("a marker ends");
        let (_, rest) = rest.split_once("```json\n").expect("a block follows its marker");
        let (block, _) = rest.split_once("```").expect("a block ends");
        assert!(blocks.insert(name, block).is_none(), "{name} stands twice");
    }
    blocks
}

fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

fn at() -> Timestamp {
    Timestamp::parse("2024-01-15T10:00:00.000Z").unwrap()
}

fn later() -> Timestamp {
    Timestamp::parse("2024-01-15T10:00:01.000Z").unwrap()
}

fn room_id(id: i64) -> RoomId {
    RoomId::new(id).unwrap()
}

fn room() -> Room {
    let mut room = Room::new(room_id(12), RoomKind::Group, at());
    room.name = Some("Lunch".to_owned());
    room.history = HistoryMode::All;
    room.created_by = Some(user("7"));
    room
}

fn entry() -> RoomEntry {
    RoomEntry {
        room: room(),
        role: Some(Role::Owner),
        peer: None,
        head: Seq::new(345),
        updated_at: at(),
        member_count: 2,
        read: Seq::new(340),
        unread: 3,
        mentions: 1,
        last_message: None,
        activity: Activity { at: at(), room: room_id(12) },
    }
}

fn member(id: &str, role: Role) -> Member {
    Member { user: user(id), role, joined_at: at(), muted_until: None }
}

fn message() -> Message {
    let mut metadata = serde_json::Map::new();
    metadata.insert("mood".to_owned(), Value::from("good"));
    Message {
        id: MessageId::new(99).unwrap(),
        room_id: room_id(12),
        seq: Seq::new(345),
        sender: Some(user("7")),
        kind: MessageKind::text(),
        content: "hi".to_owned(),
        at: at(),
        edited_at: None,
        version: 1,
        deleted: false,
        reply_to: Some(Seq::new(340)),
        thread: None,
        mentions: vec![user("8")],
        attachments: Vec::new(),
        metadata: metadata.into(),
    }
}

fn edited() -> Message {
    Message {
        content: "hi all".to_owned(),
        edited_at: Some(later()),
        version: 2,
        reply_to: None,
        mentions: Vec::new(),
        metadata: Metadata::default(),
        ..message()
    }
}

fn tombstone() -> Message {
    let mut message = Message {
        id: MessageId::new(98).unwrap(),
        seq: Seq::new(340),
        sender: Some(user("8")),
        version: 2,
        reply_to: None,
        ..message()
    };
    message.redact();
    message
}

fn events() -> Vec<(&'static str, Event)> {
    let target = Seq::new(345);
    let emoji = || Emoji::new("👍").unwrap();
    let muted_until = Some(Timestamp::parse("2024-01-15T11:00:00.000Z").unwrap());
    let bodies = [
        (
            "event/room_created",
            1,
            Some("7"),
            EventBody::RoomCreated { room: room(), members: vec![member("7", Role::Owner)] },
        ),
        ("event/message", 345, Some("7"), EventBody::Message { message: message() }),
        ("event/message_edited", 346, Some("7"), EventBody::MessageEdited { message: edited() }),
        ("event/message_deleted", 347, Some("7"), EventBody::MessageDeleted { target }),
        ("event/reaction_added", 348, Some("8"), EventBody::ReactionAdded { target, emoji: emoji() }),
        ("event/reaction_removed", 349, Some("8"), EventBody::ReactionRemoved { target, emoji: emoji() }),
        (
            "event/member_joined",
            350,
            Some("7"),
            EventBody::MemberJoined { member: member("9", Role::Member) },
        ),
        (
            "event/member_left",
            351,
            Some("7"),
            EventBody::MemberLeft {
                user: user("7"),
                reason: LeaveReason::Left,
                successor: Some(member("8", Role::Owner)),
            },
        ),
        (
            "event/member_changed",
            352,
            None,
            EventBody::MemberChanged {
                member: Member { muted_until, ..member("9", Role::Member) },
                former_owner: None,
            },
        ),
        ("event/room_changed", 353, Some("8"), EventBody::RoomChanged { room: room() }),
        ("event/room_deleted", 354, Some("8"), EventBody::RoomDeleted {}),
    ];
    let event = |(name, seq, actor, body): (&'static str, u64, Option<&str>, EventBody)| {
        let client_id = (name == "event/message").then(|| ClientId::new("c-1").unwrap());
        let actor = actor.map(user);
        (name, Event { room: room_id(12), seq: Seq::new(seq), at: at(), actor, client_id, body })
    };
    bodies.into_iter().map(event).collect()
}

fn signals() -> Vec<(&'static str, Signal)> {
    let room_id = room_id(12);
    vec![
        ("signal/typing", Signal::Typing { room_id, user: user("8"), is_typing: true }),
        (
            "signal/receipt",
            Signal::Receipt { room_id, user: user("8"), read: Seq::new(345), delivered: Seq::new(346) },
        ),
        (
            "signal/presence",
            Signal::Presence { user: user("8"), status: PresenceStatus::Offline, last_seen: Some(at()) },
        ),
        ("signal/presence_count", Signal::PresenceCount { room_id, online: 512 }),
        ("signal/unread", Signal::Unread { room_id, unread: 0, mentions: 0 }),
        ("signal/blocked", Signal::Blocked { users: vec![user("9")] }),
    ]
}

fn welcome() -> Welcome {
    let mut profile = Profile::unknown(user("7"));
    profile.name = "Ann Poe".to_owned();
    profile.username = "ann".to_owned();
    Welcome {
        user: profile,
        connection_id: ConnectionId(255),
        epoch: "5f1c".to_owned(),
        reset: false,
        heartbeat_ms: 25_000,
        limits: WelcomeLimits::from(&Limits::default()),
        rooms: vec![entry()],
        heads: [(room_id(12), Seq::new(345))].into(),
        gone: vec![room_id(13)],
        blocked: vec![user("9")],
        presence: vec![PresenceEntry { user: user("8"), status: PresenceStatus::Online, last_seen: None }],
    }
}

fn page() -> MessagePage {
    let reactions = vec![ReactionCount { emoji: Emoji::new("👍").unwrap(), count: 2, mine: true }];
    MessagePage {
        messages: vec![
            MessageView { message: tombstone(), reactions: Vec::new(), replies: None, status: None },
            MessageView {
                message: edited(),
                reactions,
                replies: Some(ThreadSummary { count: 1, last_seq: Seq::new(350) }),
                status: Some(MessageStatus::Delivered),
            },
        ],
        as_of: Seq::new(350),
        more: true,
    }
}

fn report() -> Report {
    Report {
        id: ReportId::new(5).unwrap(),
        room_id: room_id(12),
        seq: Seq::new(345),
        message_id: MessageId::new(99).unwrap(),
        sender: Some(user("7")),
        content: "hi all".to_owned(),
        sent_at: at(),
        reporter: user("8"),
        reason: "rude".to_owned(),
        status: ReportStatus::Reviewed,
        created_at: at(),
        decided_by: Some(user("9")),
        decided_at: Some(at()),
    }
}

fn muted() -> AuditEntry {
    let record = AuditRecord::new(room_id(12), at(), Some(user("7")), AuditAction::Muted).to(user("8"));
    AuditEntry { id: AuditId::new(3).unwrap(), record: AuditRecord { until: Some(at()), ..record } }
}

fn encode(frame: &ServerFrame<'_>) -> Value {
    let mut out = Vec::new();
    NativeJson.frame(frame, &mut out);
    serde_json::from_slice(&out).unwrap()
}

fn server_frames() -> Vec<(&'static str, Value)> {
    let id = FrameId::Number;
    let text = |id: &str| FrameId::Text(id.into());
    let (room_id, message, page, welcome, entry) = (room_id(12), message(), page(), welcome(), entry());
    let limited = Error::rate_limited(std::time::Duration::from_millis(800));
    let sent = OkBody::Sent { room_id, seq: Seq::new(345), message: &message, repeat: false };
    let read = Unread { read: Seq::new(345), unread: 0, mentions: 0 };
    let ok = |id: FrameId, body: OkBody<'_>| encode(&ServerFrame::Ok { id: &id, body });
    vec![
        ("server/welcome", encode(&ServerFrame::Welcome(&welcome))),
        (
            "server/subscribed",
            encode(&ServerFrame::Subscribed {
                id: Some(&id(10)),
                room_id: RoomId::new(14).unwrap(),
                from: Seq::new(20),
                head: Seq::new(25),
            }),
        ),
        (
            "server/pong",
            encode(&ServerFrame::Pong { id: Some(&id(13)), heads: [(room_id, Seq::new(346))].into() }),
        ),
        ("server/ok_send", ok(text("a1"), sent)),
        ("server/ok_changed", ok(id(3), OkBody::Changed { seq: Some(Seq::new(346)) })),
        ("server/ok_read", ok(id(7), OkBody::Read(read))),
        ("server/ok_history", ok(id(9), OkBody::History(&page))),
        ("server/ok_done", ok(id(8), OkBody::Done {})),
        ("server/error", encode(&ServerFrame::Error(ErrorBody::new(Some(&text("a1")), &limited)))),
        ("server/gap", encode(&ServerFrame::Gap { room_id, from: Seq::new(346), to: Seq::new(1200) })),
        ("server/room_added", encode(&ServerFrame::RoomAdded { room: &entry })),
        (
            "server/unsubscribed",
            encode(&ServerFrame::Unsubscribed { room_id, reason: UnsubscribeReason::Removed }),
        ),
        ("server/token_expiring", encode(&ServerFrame::TokenExpiring { in_ms: 60_000 })),
        ("server/bye", encode(&ServerFrame::Bye { reason: ByeReason::Shutdown, reconnect_after_ms: 1_250 })),
    ]
}

#[test]
fn the_page_says_what_the_code_says() {
    let blocks = blocks();
    let mut said: BTreeMap<&str, Value> = server_frames().into_iter().collect();
    for (name, event) in events() {
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(serde_json::from_value::<Event>(value.clone()).unwrap(), event, "{name} reads back");
        said.insert(name, value);
    }
    for (name, signal) in signals() {
        let mut out = Vec::new();
        NativeJson.signal(&signal, &People::new(1, std::time::Duration::from_secs(1)), &mut out);
        said.insert(name, serde_json::from_slice(&out).unwrap());
    }
    let found = SearchPage { messages: vec![edited()], more: true, next: MessageId::new(99) };
    said.insert("rest/search", serde_json::to_value(&found).unwrap());
    let (report, entry) = (report(), muted());
    assert_eq!(serde_json::from_value::<Report>(serde_json::to_value(&report).unwrap()).unwrap(), report);
    said.insert("rest/report", serde_json::to_value(&report).unwrap());
    said.insert("rest/audit", serde_json::to_value(&entry).unwrap());
    for (name, value) in &said {
        let block = blocks.get(name).unwrap_or_else(|| panic!("{name} is not on the page"));
        let told: Value = serde_json::from_str(block).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(told, *value, "{name}; the code says\n{value}");
    }
    let unknown: Vec<_> =
        blocks.keys().filter(|name| !name.starts_with("client/") && !said.contains_key(*name)).collect();
    assert!(unknown.is_empty(), "on the page, but never said: {unknown:?}");
}

#[test]
fn the_pages_client_frames_are_read() {
    let mut kinds = std::collections::BTreeSet::new();
    for (name, block) in blocks().into_iter().filter(|(name, _)| name.starts_with("client/")) {
        let frame = ClientFrame::decode(block.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        kinds.insert(match frame.command {
            Command::Hello(_) => "hello",
            Command::Auth { .. } => "auth",
            Command::Subscribe { .. } => "subscribe",
            Command::Unsubscribe { .. } => "unsubscribe",
            Command::Send(_) => "send",
            Command::Edit { .. } => "edit",
            Command::Delete { .. } => "delete",
            Command::React { .. } => "react",
            Command::Unreact { .. } => "unreact",
            Command::Typing { .. } => "typing",
            Command::Read { .. } => "read",
            Command::Presence { .. } => "presence",
            Command::History { .. } => "history",
            Command::Ping => "ping",
            _ => "unknown",
        });
    }
    assert_eq!(kinds.len(), 14, "{kinds:?}");
}

#[test]
fn the_page_names_every_code() {
    for code in chat_core::ErrorCode::ALL {
        assert!(PAGE.contains(&format!("| `{code}` |")), "{code}");
    }
    for code in CloseCode::ALL {
        assert!(PAGE.contains(&format!("{}", code.get())), "{code:?}");
    }
}
