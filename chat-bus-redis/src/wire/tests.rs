use std::{env, fs, path::PathBuf};

use chat_core::{
    EventBody, PresenceStatus,
    model::{
        Attachment, AttachmentId, AttachmentKind, ClientId, Emoji, HistoryMode, LeaveReason, Member, Message,
        MessageId, MessageKind, Metadata, Role, Room, RoomKind, Timestamp,
    },
};

use super::*;

const NODE: NodeId = NodeId(0xAB);

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn room() -> RoomId {
    RoomId::new(7).unwrap()
}

fn at() -> Timestamp {
    Timestamp::parse("2024-01-15T10:00:00.123Z").unwrap()
}

fn metadata() -> Metadata {
    let serde_json::Value::Object(map) = serde_json::json!({"a": [1, 2.5, null], "b": {"c": "\u{1F980}"}})
    else {
        unreachable!()
    };
    map.into()
}

fn file() -> Attachment {
    Attachment {
        id: AttachmentId::new("file-1").unwrap(),
        name: "a \u{1F980}.png".into(),
        content_type: "image/png".into(),
        size: 7,
        kind: AttachmentKind::Image,
        width: Some(3),
        height: None,
    }
}

fn message(is_deleted: bool) -> Message {
    let mut message = Message {
        id: MessageId::new(900_719_925_474_099).unwrap(),
        room_id: room(),
        seq: Seq::new(3),
        sender: Some(user("ann")),
        kind: MessageKind::text(),
        content: "hello \"world\"\n\u{1F44D}".into(),
        at: at(),
        edited_at: Some(at()),
        version: 2,
        deleted: false,
        reply_to: Some(Seq::new(1)),
        thread: Some(Seq::new(2)),
        mentions: vec![user("bob")],
        attachments: vec![file()],
        metadata: metadata(),
    };
    if is_deleted {
        message.redact();
    }
    message
}

fn member(role: Role, muted_until: Option<Timestamp>) -> Member {
    Member { user: user("bob"), role, joined_at: at(), muted_until }
}

fn some_room() -> Room {
    let mut room = Room::new(room(), RoomKind::Group, at());
    room.name = Some("a room".into());
    room.metadata = metadata();
    room.subject = Some("order-7".into());
    room.history = HistoryMode::FromJoin;
    room.created_by = Some(user("ann"));
    room
}

fn event(body: EventBody) -> Said {
    let client_id = matches!(body, EventBody::Message { .. }).then(|| ClientId::new("key-1").unwrap());
    let actor = (!matches!(body, EventBody::RoomDeleted {})).then(|| user("ann"));
    let event = Event { room: room(), seq: Seq::new(9), at: at(), actor, client_id, body };
    Said::Payload(Payload::Event(Arc::new(event)))
}

fn signal(signal: Signal) -> Said {
    Said::Payload(Payload::Signal(signal))
}

/// One of everything, by the name of its file.
fn samples() -> Vec<(&'static str, Said)> {
    let emoji = || Emoji::new("\u{1F44D}").unwrap();
    let (target, ann, owner) = (Seq::new(3), user("ann"), member(Role::Owner, None));
    vec![
        (
            "event_room_created",
            event(EventBody::RoomCreated { room: some_room(), members: vec![owner.clone()] }),
        ),
        ("event_message_files", event(EventBody::Message { message: message(false) })),
        ("event_message_edited", event(EventBody::MessageEdited { message: message(true) })),
        ("event_message_deleted", event(EventBody::MessageDeleted { target })),
        ("event_reaction_added", event(EventBody::ReactionAdded { target, emoji: emoji() })),
        ("event_reaction_removed", event(EventBody::ReactionRemoved { target, emoji: emoji() })),
        ("event_member_joined", event(EventBody::MemberJoined { member: member(Role::Member, Some(at())) })),
        (
            "event_member_left",
            event(EventBody::MemberLeft {
                user: ann.clone(),
                reason: LeaveReason::Removed,
                successor: Some(owner.clone()),
            }),
        ),
        (
            "event_member_changed",
            event(EventBody::MemberChanged { member: owner.clone(), former_owner: Some(owner) }),
        ),
        ("event_room_changed", event(EventBody::RoomChanged { room: some_room() })),
        ("event_room_deleted", event(EventBody::RoomDeleted {})),
        ("head", Said::Payload(Payload::Head(room(), Seq::new(9)))),
        ("signal_typing", signal(Signal::Typing { room_id: room(), user: ann.clone(), is_typing: true })),
        (
            "signal_receipt",
            signal(Signal::Receipt {
                room_id: room(),
                user: ann.clone(),
                read: target,
                delivered: Seq::new(9),
            }),
        ),
        (
            "signal_presence",
            signal(Signal::Presence {
                user: ann.clone(),
                status: PresenceStatus::Offline,
                last_seen: Some(at()),
            }),
        ),
        ("signal_presence_count", signal(Signal::PresenceCount { room_id: room(), online: 5 })),
        ("signal_unread", signal(Signal::Unread { room_id: room(), unread: 1_000, mentions: 2 })),
        ("room_set", Said::Payload(Payload::RoomSet(ann.clone()))),
        ("disconnect", Said::Payload(Payload::Disconnect(ann.clone()))),
        ("rights", Said::Payload(Payload::Rights(ann.clone(), room()))),
        ("blocks", Said::Payload(Payload::Blocks(ann))),
        ("lost", Said::Lost),
        ("probe", Said::Probe(12)),
        ("mark", Said::Mark(13)),
    ]
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden", "v1"].iter().collect()
}

/// What this build writes is what the files say, and what they say it reads. `UPDATE_GOLDENS=1` writes files that are
/// missing; one that is there was written by nodes somewhere, and stays.
#[test]
fn messages_are_written_and_read_as_ever() {
    let writer = Writer::new(NODE);
    for (name, said) in samples() {
        let path = folder().join(format!("{name}.json"));
        let written = writer.write(&said).unwrap();
        if env::var_os("UPDATE_GOLDENS").is_some() && !path.exists() {
            fs::create_dir_all(folder()).unwrap();
            fs::write(&path, [&written[..], b"\n"].concat()).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let golden = golden.trim_end();
        assert_eq!(String::from_utf8(written).unwrap(), golden, "{name}");
        assert_eq!(read(golden.as_bytes()), Read::Said { from: NODE, said }, "{name}");
        assert!(writer.is_own(golden.as_bytes()) && !Writer::new(NodeId(1)).is_own(golden.as_bytes()));
    }
}

#[test]
fn every_file_is_read() {
    let files: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= samples().len());
    for path in files {
        let golden = fs::read_to_string(&path).unwrap();
        assert!(matches!(read(golden.trim_end().as_bytes()), Read::Said { .. }), "{}", path.display());
    }
}

#[test]
fn fields_of_later_are_ignored() {
    for (name, said) in samples() {
        let written = String::from_utf8(Writer::new(NODE).write(&said).unwrap()).unwrap();
        let later = written.replacen("1{", "1{\"later\":[{}],", 1);
        let later = later.replacen("\"body\":{}", "\"body\":{\"later\":1}", 1);
        let later = if later.contains("\"body\":{\"later\"") {
            later
        } else {
            later.replacen("\"body\":{", "\"body\":{\"later\":{\"a\":[1]},", 1)
        };
        assert_eq!(read(later.as_bytes()), Read::Said { from: NODE, said }, "{name}: {later}");
    }
}

#[test]
fn what_is_not_known_may_have_been_anything() {
    for message in [
        "",
        "1",
        "nonsense",
        "2{\"from\":\"00000000000000ab\",\"kind\":\"head\",\"body\":{\"room_id\":7,\"seq\":9}}",
        "1{\"from\":\"00000000000000ab\",\"kind\":\"later\",\"body\":{}}",
        "1{\"from\":\"nobody\",\"kind\":\"lost\",\"body\":{}}",
        "1{\"from\":\"00000000000000ab\",\"kind\":\"head\",\"body\":{\"room_id\":7}}",
        "1{\"from\":\"00000000000000ab\",\"kind\":\"event\",\"body\":{\"type\":\"later\",\"room_id\":7,\"seq\":1}}",
    ] {
        assert_eq!(read(message.as_bytes()), Read::Unknown, "{message}");
    }
    let later = "1{\"from\":\"00000000000000ab\",\"kind\":\"signal\",\"body\":{\"type\":\"later\"}}";
    assert_eq!(read(later.as_bytes()), Read::Ignored);
}
