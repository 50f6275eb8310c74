use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use proptest::prelude::*;

use super::{HotBound, HotLog, Run};
use crate::{
    event::{Event, EventBody},
    model::{LeaveReason, RoomId, Seq, Timestamp, UserId},
    people::People,
    wire::{NativeJson, WireFormat},
};

fn event(seq: u64, body: EventBody) -> Event {
    Event {
        room: RoomId::new(1).unwrap(),
        seq: Seq::new(seq),
        at: Timestamp::from_micros(0),
        actor: None,
        client_id: None,
        body,
    }
}

fn plain(seq: u64) -> Event {
    event(seq, EventBody::MessageDeleted { target: Seq::new(900_000 + seq) })
}

fn frame(event: &Event) -> Vec<u8> {
    let mut out = Vec::new();
    NativeJson.event(event, &People::new(1, Duration::from_secs(1)), &mut out);
    out
}

fn hot(events: usize, bytes: usize) -> (HotLog, Arc<dyn WireFormat>, Arc<AtomicUsize>) {
    let node = Arc::new(AtomicUsize::new(0));
    let format: Arc<dyn WireFormat> = Arc::new(NativeJson);
    let mut hot = HotLog::new(
        Seq::ZERO,
        HotBound { events, bytes, node: Arc::clone(&node) },
        Arc::new(People::new(1, Duration::from_secs(1))),
    );
    hot.enter(&format);
    (hot, format, node)
}

#[test]
fn a_removal_is_found_above_what_was_verified() {
    let (mut hot, _, _) = hot(4, 1 << 20);
    let user = UserId::new("u").unwrap();
    let left = EventBody::MemberLeft { user: user.clone(), reason: LeaveReason::Left, successor: None };
    hot.append(&plain(1));
    hot.append(&event(2, left));
    hot.append(&plain(3));
    assert_eq!(hot.ended_above(&user, Seq::new(1)).unwrap(), Some(Seq::new(2)));
    assert_eq!(hot.ended_above(&user, Seq::new(2)).unwrap(), None);
    assert_eq!(hot.ended_above(&UserId::new("v").unwrap(), Seq::ZERO).unwrap(), None);
    for seq in 4..9 {
        hot.append(&plain(seq));
    }
    assert!(hot.ended_above(&user, Seq::new(1)).is_err());
}

proptest! {
    /// Against a plain list of frames: every copy is the frames it says, every cut leaves the rest of one frame.
    #[test]
    fn copies_what_was_appended(
        count in 1_u64..80, events in 2_usize..40, bytes in 200_usize..4_000,
        cursor in 0_u64..80, max in 1_usize..2_000, written in 0_usize..2_000,
    ) {
        let (mut hot, format, node) = hot(events, bytes);
        for seq in 1..=count {
            hot.append(&plain(seq));
            prop_assert!(hot.bytes() <= bytes.max(frame(&plain(seq)).len()));
        }
        prop_assert_eq!(node.load(std::sync::atomic::Ordering::Relaxed), hot.bytes());
        let cursor = Seq::new(cursor.min(count));
        let mut run = Run::default();
        let found = hot.copy(&*format, cursor, Seq::MAX, max, &mut run);
        prop_assert_eq!(found, cursor >= hot.floor(&*format));
        if !found { return Ok(()); }
        let expected: Vec<u8> =
            (cursor.get() + 1..=run.last().get()).flat_map(|seq| frame(&plain(seq))).collect();
        prop_assert_eq!(&run.bytes, &expected);
        prop_assert!(run.last() > cursor || cursor == hot.head());
        if run.bytes.is_empty() { return Ok(()); }
        let written = written.min(run.bytes.len());
        let (at, rest) = run.cut(cursor, written);
        let mut out = run.bytes[..written].to_vec();
        out.extend_from_slice(rest);
        prop_assert_eq!(&out[..], run.slice(cursor, at));
        hot.shrink();
        prop_assert_eq!(hot.bytes(), 0);
        prop_assert_eq!(hot.floor(&*format), hot.head());
    }
}
