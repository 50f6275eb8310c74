//! What every store must do that takes over what another system kept: [`import_suite!`](crate::import_suite).

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    model::{MessageId, MessageKind, Metadata, Role, RoomId, RoomKind, Seq, Timestamp},
    store::{
        ChangeBody, IMPORT_ID_MAX, IMPORT_MEMBERS_MAX, IMPORT_MESSAGES_MAX, ImportMessage, ImportPart,
        ImportRoom, ImportStore, Imported, MessageFate, Refusal, RoomFate, RoomKey, RoomUpdate, SearchQuery,
        SearchScope, SearchText, Store,
    },
};

/// Makes a test of each line of the contract of [`ImportStore`](crate::store::ImportStore)s; `setup` is as that of
/// [`store_suite!`](crate::store_suite).
#[macro_export]
macro_rules! import_suite {
    (@each $setup:path: $($case:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            // Dropped last.
            let (_guard, store) = $setup().await;
            let store: ::std::sync::Arc<dyn $crate::store::ImportStore> = ::std::sync::Arc::new(store);
            $crate::testkit::store_suite::$case(&store).await;
        }
    )*};
    ($setup:path) => {
        $crate::import_suite! { @each $setup:
            ids_go_on_above_the_reserved
            a_room_is_taken_over_as_it_was
            many_members_join_one_by_one
            times_of_a_taken_over_room_never_go_back
            what_was_taken_over_stays_as_it_is
            a_part_again_goes_on_where_it_ended
            differences_are_told_and_not_written
            what_was_made_here_is_not_touched
            a_second_direct_room_becomes_a_group
            members_have_read_what_is_taken_over
            a_taken_over_room_goes_on_like_any_other
            a_room_is_taken_over_once
            parts_have_bounds
        }
    };
}

fn room_id(id: i64) -> RoomId {
    RoomId::new(id).expect("a number above 0")
}

fn message_id(id: i64) -> MessageId {
    MessageId::new(id).expect("a number above 0")
}

const fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_500_000_000_000_001 + second * 1_000_000)
}

fn room(id: i64, kind: RoomKind, names: &[&str]) -> ImportRoom {
    let role = |place| if place == 0 && kind != RoomKind::Direct { Role::Owner } else { Role::Member };
    ImportRoom {
        id: room_id(id),
        kind,
        name: Some(format!("Room {id}")),
        metadata: Metadata::default(),
        created_at: at(0),
        members: names.iter().enumerate().map(|(place, name)| (user(name), role(place))).collect(),
    }
}

/// A message of that id, as many seconds after the room.
fn message(id: i64, who: &str, second: i64) -> ImportMessage {
    ImportMessage {
        id: message_id(id),
        sender: Some(user(who)),
        at: at(second),
        kind: MessageKind::text(),
        content: format!("words of {id}"),
        metadata: Metadata::default(),
    }
}

fn part(room: &ImportRoom, messages: &[ImportMessage]) -> ImportPart {
    ImportPart { room: room.clone(), messages: messages.to_vec() }
}

async fn ask(store: &Arc<dyn ImportStore>, part: &ImportPart) -> Result<Imported, Refusal> {
    store.import(part).await.expect("a healthy store imports")
}

async fn import(store: &Arc<dyn ImportStore>, part: &ImportPart) -> Imported {
    ask(store, part).await.expect("a part that fits")
}

fn plain(store: &Arc<dyn ImportStore>) -> Arc<dyn Store> {
    Arc::<dyn ImportStore>::clone(store)
}

/// No id up to the reserved ones is given any more, the very first included.
pub async fn ids_go_on_above_the_reserved(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let reserve = async |room, message: Option<i64>| {
        let message = message.map(message_id);
        store.reserve_ids(room_id(room), message).await.expect("a healthy store reserves");
    };
    reserve(1, None).await;
    let first = scene.group(&["ann"]).await;
    assert!(first > room_id(1), "{first}");
    reserve(50, Some(700)).await;
    // Nothing goes back.
    reserve(2, Some(1)).await;
    let room = scene.group(&["ann"]).await;
    assert!(room > room_id(50), "{room}");
    let seq = scene.say("ann", room, "hello").await;
    assert!(scene.message(room, seq).await.message.id > message_id(700));
}

/// Ids, order, times, senders and members are as they were; positions are dense from 1.
pub async fn a_room_is_taken_over_as_it_was(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let group = room(456, RoomKind::Group, &["7", "8"]);
    // Ids need not rise with time; one who left is a sender too, and the host.
    let mut messages = [message(900, "7", 5), message(100, "gone", 6), message(101, "8", 6)];
    messages[2].sender = None;
    messages[2].kind = MessageKind::system();
    let imported = import(store, &part(&group, &messages)).await;
    let stored = vec![MessageFate::Stored; 3];
    assert_eq!(imported, Imported { room: RoomFate::Made, absent_members: 0, messages: stored });
    assert_eq!(scene.kinds(group.id).await, ["room_created", "message", "message", "message"]);
    assert_eq!(scene.roles(group.id).await, "7 Owner, 8 Member");
    let history = scene.history(group.id, None).await;
    for (view, was) in history.iter().zip(&messages) {
        let is = &view.message;
        assert_eq!((is.id, &is.sender, is.at, &is.content), (was.id, &was.sender, was.at, &was.content));
        assert_eq!((&is.kind, is.version, is.deleted), (&was.kind, 1, false));
    }
    let entry = scene.entry(Some("7"), group.id).await;
    assert_eq!((entry.room.name.as_deref(), entry.room.created_at), (Some("Room 456"), at(0)));
    assert_eq!((entry.member_count, entry.unread, entry.updated_at), (2, 0, at(6)));
    assert_eq!(entry.last_message.map(|message| message.id), Some(message_id(101)));
    let log = scene.log(group.id).await;
    assert_eq!((log[0].at, log[0].actor.as_ref()), (at(0), None));
}

/// `room_created` names a hundred members, and the others join after it, all in one step.
pub async fn many_members_join_one_by_one(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let names: Vec<String> = (0..103).map(|n| format!("u{n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let group = room(5, RoomKind::Group, &names);
    import(store, &part(&group, &[message(9, "u102", 1)])).await;
    let kinds = scene.kinds(group.id).await;
    assert_eq!(kinds[1..], ["member_joined", "member_joined", "member_joined", "message"]);
    assert_eq!(scene.members(group.id).await.len(), 103);
    assert_eq!(scene.entry(Some("u000"), group.id).await.unread, 0);
    assert_eq!(scene.unread("u102", group.id).await.unread, 0);
}

/// A time before the one above it is raised; the room begins with its first message where that is earlier.
pub async fn times_of_a_taken_over_room_never_go_back(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let group = room(5, RoomKind::Group, &["ann"]);
    import(store, &part(&group, &[message(1, "ann", -9), message(2, "ann", 4), message(3, "ann", 2)])).await;
    let times: Vec<Timestamp> = scene.log(group.id).await.iter().map(|event| event.at).collect();
    assert_eq!(times, [at(-9), at(-9), at(4), at(4)]);
    assert_eq!(scene.entry(None, group.id).await.room.created_at, at(0));
}

/// Edited, deleted, renamed, left: nothing of it is undone by the same part again.
pub async fn what_was_taken_over_stays_as_it_is(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let group = room(5, RoomKind::Group, &["ann", "bob", "eve"]);
    let all = part(&group, &[message(11, "ann", 1), message(12, "bob", 2), message(13, "eve", 3)]);
    import(store, &all).await;
    let again = import(store, &all).await;
    let stand = vec![MessageFate::Stands; 3];
    assert_eq!(again, Imported { room: RoomFate::Stands, absent_members: 0, messages: stand.clone() });
    scene.apply("ann", group.id, edit(Seq::new(2), "better words")).await;
    scene.apply("bob", group.id, delete(Seq::new(3))).await;
    scene.apply("eve", group.id, ChangeBody::Leave).await;
    let name = RoomUpdate { name: Some(Some("Renamed".to_owned())), ..RoomUpdate::default() };
    scene.apply("ann", group.id, ChangeBody::Update(name)).await;
    let log = scene.log(group.id).await;
    let again = import(store, &all).await;
    assert_eq!(again, Imported { room: RoomFate::Differs, absent_members: 1, messages: stand });
    assert_eq!(scene.log(group.id).await, log);
    scene.apply("host", group.id, ChangeBody::DeleteRoom).await;
    let head = scene.head(group.id).await;
    assert!(matches!(ask(store, &all).await, Err(Refusal::Conflict(_))), "a deleted room stays deleted");
    assert_eq!(scene.head(group.id).await, head);
}

/// A part that overlaps with what was stored adds the rest.
pub async fn a_part_again_goes_on_where_it_ended(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let group = room(5, RoomKind::Group, &["ann", "bob"]);
    let messages: Vec<ImportMessage> = (1..=6).map(|n| message(n, "ann", n)).collect();
    import(store, &part(&group, &messages[..2])).await;
    import(store, &part(&group, &messages[2..4])).await;
    let fates = import(store, &part(&group, &messages)).await.messages;
    let (stands, stored) = (MessageFate::Stands, MessageFate::Stored);
    assert_eq!(fates, [stands, stands, stands, stands, stored, stored]);
    let ids: Vec<i64> =
        scene.history(group.id, None).await.iter().map(|view| view.message.id.get()).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    assert_eq!(scene.head(group.id).await, Seq::new(7));
    assert_eq!(scene.unread("bob", group.id).await.unread, 0);
}

/// Another text, sender or room under an id that was taken over changes nothing.
pub async fn differences_are_told_and_not_written(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let (group, other) = (room(5, RoomKind::Group, &["ann"]), room(6, RoomKind::Group, &["ann"]));
    import(store, &part(&group, &[message(1, "ann", 1)])).await;
    let log = scene.log(group.id).await;
    let mut text = message(1, "ann", 1);
    text.content = "other words".to_owned();
    let twice = [text, message(1, "bob", 1), message(1, "ann", 2)];
    let (differs, taken) = (MessageFate::Differs, MessageFate::IdTaken);
    assert_eq!(import(store, &part(&group, &twice)).await.messages, [differs, taken, differs]);
    let clash = [message(1, "ann", 1), message(2, "ann", 1), message(2, "bob", 1)];
    let fates = import(store, &part(&other, &clash)).await.messages;
    assert_eq!(fates, [taken, MessageFate::Stored, taken]);
    let mut renamed = group.clone();
    renamed.name = Some("Renamed there".to_owned());
    assert_eq!(import(store, &part(&renamed, &[])).await.room, RoomFate::Differs);
    let mut another = group.clone();
    another.created_at = at(1);
    assert!(matches!(ask(store, &part(&another, &[])).await, Err(Refusal::Conflict(_))));
    assert_eq!(scene.log(group.id).await, log);
}

/// A room or message that was made here keeps its id and all that is in it.
pub async fn what_was_made_here_is_not_touched(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let own = scene.group(&["ann"]).await;
    let seq = scene.say("ann", own, "mine").await;
    let id = scene.message(own, seq).await.message.id;
    let log = scene.log(own).await;
    let clash = room(own.get(), RoomKind::Group, &["bob"]);
    let refused = ask(store, &part(&clash, &[message(500, "bob", 1)])).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    let free = room(own.get() + 1, RoomKind::Group, &["bob"]);
    let imported = import(store, &part(&free, &[message(id.get(), "bob", 1), message(500, "bob", 2)])).await;
    assert_eq!(imported.messages, [MessageFate::IdTaken, MessageFate::Stored]);
    assert_eq!(scene.log(own).await, log);
    assert_eq!(scene.kinds(free.id).await, ["room_created", "message"]);
}

/// Of two direct rooms of a pair the first stays direct, also on the next run.
pub async fn a_second_direct_room_becomes_a_group(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let (one, two) = (room(5, RoomKind::Direct, &["ann", "bob"]), room(6, RoomKind::Direct, &["bob", "ann"]));
    for fates in [[RoomFate::Made, RoomFate::MadeGroup], [RoomFate::Stands, RoomFate::Stands]] {
        let answers =
            [import(store, &part(&one, &[])).await.room, import(store, &part(&two, &[])).await.room];
        assert_eq!(answers, fates);
    }
    let key = RoomKey::direct(&user("ann"), &user("bob"));
    assert_eq!(plain.find_room(&key).await.expect("a healthy store finds rooms"), Some(one.id));
    let (direct, group) = (scene.entry(Some("ann"), one.id).await, scene.entry(Some("ann"), two.id).await);
    assert_eq!(
        (direct.room.kind, direct.room.name, direct.peer),
        (RoomKind::Direct, None, Some(user("bob")))
    );
    assert_eq!((group.room.kind, group.room.name.as_deref()), (RoomKind::Group, Some("Room 6")));
    // Whoever asks for the pair's room gets the one that was taken over.
    let asked =
        scene.commit_one(scene.create("ann", scene.new_room(RoomKind::Direct, &["ann", "bob"]))).await;
    assert_eq!(name_of(&asked), "repeat");
}

/// Members are at the head afterwards; one with something unread from here stays where he is.
pub async fn members_have_read_what_is_taken_over(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let group = room(5, RoomKind::Group, &["ann", "bob"]);
    import(store, &part(&group, &[message(10, "ann", 1)])).await;
    for name in ["ann", "bob"] {
        let pointer = scene.pointer(name, group.id).await;
        assert_eq!((pointer.read, pointer.delivered), (Seq::new(2), Seq::new(2)), "{name}");
    }
    scene.say("ann", group.id, "said here").await;
    import(store, &part(&group, &[message(5, "bob", 2)])).await;
    assert_eq!(scene.unread("ann", group.id).await.unread, 0);
    let bob = scene.unread("bob", group.id).await;
    assert_eq!((bob.read, bob.unread), (Seq::new(2), 2));
}

/// Ids and positions go on, what is new is unread, what is old is found.
pub async fn a_taken_over_room_goes_on_like_any_other(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let group = room(77, RoomKind::Group, &["ann", "bob"]);
    import(store, &part(&group, &[message(4_000, "ann", 1), message(30, "bob", 2)])).await;
    let seq = scene.say("ann", group.id, "new words").await;
    assert_eq!(seq, Seq::new(4));
    assert!(scene.message(group.id, seq).await.message.id > message_id(4_000));
    assert_eq!(scene.unread("bob", group.id).await.unread, 1);
    let made = scene.group(&["ann"]).await;
    assert!(made > group.id, "{made}");
    let query = SearchQuery {
        text: SearchText::new("words of 30"),
        scope: SearchScope::Everywhere,
        sender: None,
        before: None,
        limit: 10,
    };
    let found = plain.search(&query).await.expect("a healthy store searches").messages;
    let ids: Vec<i64> = found.iter().map(|message| message.id.get()).collect();
    assert_eq!(ids, [30]);
}

/// Two importers and a member at once: every message once, every position once.
pub async fn a_room_is_taken_over_once(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let group = room(5, RoomKind::Group, &["ann", "bob"]);
    let messages: Vec<ImportMessage> = (1..=60).map(|n| message(n, "ann", n)).collect();
    let importer = || {
        let (store, group, messages) = (Arc::clone(store), group.clone(), messages.clone());
        tokio::spawn(async move {
            let mut stored = 0;
            for some in messages.chunks(7) {
                let part = part(&group, some);
                let imported = loop {
                    match store.import(&part).await {
                        Ok(Err(Refusal::Held)) => {}
                        Err(error) if error.is_retryable() => {}
                        other => break other.expect("a healthy store imports").expect("a part that fits"),
                    }
                };
                stored += imported.messages.iter().filter(|fate| **fate == MessageFate::Stored).count();
            }
            stored
        })
    };
    let (one, two) = (importer(), importer());
    let stored = one.await.expect("no panic") + two.await.expect("no panic");
    assert_eq!(stored, 60);
    assert_eq!(scene.log(group.id).await.len(), 61);
}

/// What is too much is refused, and nothing of it stored.
pub async fn parts_have_bounds(store: &Arc<dyn ImportStore>) {
    let plain = plain(store);
    let scene = Scene::of(&plain);
    let group = room(5, RoomKind::Group, &["ann"]);
    let too_many: Vec<ImportMessage> =
        (1..).map(|n| message(n, "ann", n)).take(IMPORT_MESSAGES_MAX + 1).collect();
    let names: Vec<String> = (0..=IMPORT_MEMBERS_MAX).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for bad in [
        part(&group, &too_many),
        part(&group, &[message(IMPORT_ID_MAX + 1, "ann", 1)]),
        part(&room(IMPORT_ID_MAX + 1, RoomKind::Group, &["ann"]), &[]),
        part(&room(5, RoomKind::Group, &names), &[]),
        part(&room(5, RoomKind::Group, &["ann", "ann"]), &[]),
        part(&room(5, RoomKind::Direct, &["ann"]), &[]),
    ] {
        let answer = ask(store, &bad).await;
        assert!(matches!(answer, Err(Refusal::Invalid { .. })), "{answer:?}");
    }
    assert_eq!(scene.head(group.id).await, Seq::ZERO);
    assert!(scene.group(&["ann"]).await < room_id(IMPORT_ID_MAX), "and no id is used up");
}

#[cfg(test)]
mod tests {
    const THIS: &str = include_str!("import.rs");

    #[test]
    fn every_case_is_listed_and_named_by_the_contract() {
        let contract = include_str!("../../store/import.rs");
        let list = THIS.split("#[macro_export]").nth(1).and_then(|rest| rest.split("\n}\n").next()).unwrap();
        for line in THIS.lines() {
            let Some(rest) = line.strip_prefix("pub async fn ") else { continue };
            let name = rest.split('(').next().unwrap();
            assert!(list.lines().any(|line| line.trim() == name), "{name} is not listed");
            assert!(contract.contains(&format!("`{name}`")), "the contract does not name {name}");
        }
        let is_name =
            |said: &&str| said.contains('_') && said.chars().all(|c| c == '_' || c.is_ascii_lowercase());
        for said in contract.split('`').skip(1).step_by(2).filter(is_name) {
            let is_case = THIS.contains(&format!("pub async fn {said}("));
            assert!(is_case || said == "room_created", "{said} is no case");
        }
    }
}
