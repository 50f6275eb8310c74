//! An event as the store gives it.

use chat_core::{
    Event, EventBody,
    model::{ClientId, Message, MessageId, MessageKind, Metadata, RoomId, Seq, Timestamp, UserId},
};

/// A message at a position, of so many bytes.
pub(crate) fn message(seq: u64, bytes: usize) -> Event {
    let room = RoomId::new(7_134_871_211_008_000).expect("a number above none");
    let sender = UserId::new("b7b0f6a2").expect("letters and digits are an id");
    let at = Timestamp::from_micros(1_760_000_000_000_000 + i64::try_from(seq).expect("a small number"));
    let client_id = ClientId::new(format!("0190c2f0-0000-7000-8000-{seq:012}")).expect("a key of that form");
    Event {
        room,
        seq: Seq::new(seq),
        at,
        actor: Some(sender.clone()),
        client_id: Some(client_id),
        body: EventBody::Message {
            message: Message {
                id: MessageId::new(7_134_871_211_009_000).expect("a number above none"),
                room_id: room,
                seq: Seq::new(seq),
                sender: Some(sender),
                kind: MessageKind::text(),
                content: "The quick brown fox jumps. ".chars().cycle().take(bytes).collect(),
                at,
                edited_at: None,
                version: 1,
                deleted: false,
                reply_to: None,
                thread: None,
                mentions: Vec::new(),
                attachments: Vec::new(),
                metadata: Metadata::default(),
            },
        },
    }
}
