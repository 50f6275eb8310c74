//! Files: begun, finished, sent once, removed, forgotten.

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    model::{Attachment, AttachmentId, AttachmentKind, Timestamp, Upload},
    store::{ChangeBody, NewMessage, Store},
};

impl Scene<'_> {
    /// A file that is there, uploaded by `who`.
    pub(super) async fn file(&self, who: &str, name: &str) -> AttachmentId {
        let id = self.begun(who, name).await;
        assert!(self.store.finish_upload(&described(&id), None).await.expect("the store answers"), "{name}");
        id
    }

    async fn begun(&self, who: &str, name: &str) -> AttachmentId {
        let id = AttachmentId::new(name).expect("a short id");
        let uploader = (who != "host").then(|| user(who));
        let upload = Upload { id: id.clone(), uploader, at: self.now() };
        self.store.begin_upload(&upload).await.expect("the store answers");
        id
    }

    pub(super) fn carrying(&self, files: &[&AttachmentId]) -> NewMessage {
        NewMessage { attachments: files.iter().copied().cloned().collect(), ..self.text("look") }
    }

    async fn removed(&self, before: Timestamp) -> Vec<String> {
        let removed = self.store.removed_attachments(before, None, 100).await.expect("the store answers");
        removed.iter().map(|id| id.as_str().to_owned()).collect()
    }

    async fn is_there(&self, id: &AttachmentId) -> bool {
        self.store.attachment(id).await.expect("the store answers").is_some()
    }
}

fn described(id: &AttachmentId) -> Attachment {
    Attachment {
        id: id.clone(),
        name: "a \u{E9} \u{1F980} '\"%_\\.png".to_owned(),
        content_type: "image/png".to_owned(),
        size: 1 << 40,
        kind: AttachmentKind::Image,
        width: Some(640),
        height: Some(u32::MAX),
    }
}

/// A file is there from its end on, as it was described, until then it is nobody's; it ends once.
pub async fn an_upload_is_there_once_it_is_finished(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let id = AttachmentId::new("a").expect("a short id");
    assert!(!store.finish_upload(&described(&id), None).await.expect("the store answers"), "not begun");
    scene.begun("ann", "a").await;
    assert!(!scene.is_there(&id).await);
    assert_eq!(scene.verdict("ann", room, ChangeBody::Send(scene.carrying(&[&id]))).await, "invalid");
    assert!(store.finish_upload(&described(&id), Some(room)).await.expect("the store answers"));
    let stored = store.attachment(&id).await.expect("the store answers").expect("it is there");
    assert_eq!(stored.attachment, described(&id));
    assert_eq!((stored.uploader, stored.room, stored.sent), (Some(user("ann")), Some(room), None));
    assert!(
        !store.finish_upload(&described(&id), None).await.expect("the store answers"),
        "finished already"
    );
    let plain = Attachment { width: None, height: None, kind: AttachmentKind::File, ..described(&id) };
    let host = Attachment { id: scene.begun("host", "b").await, ..plain };
    assert!(store.finish_upload(&host, None).await.expect("the store answers"));
    let stored = store.attachment(&host.id).await.expect("the store answers").expect("it is there");
    assert_eq!((stored.attachment, stored.uploader), (host, None));
}

/// A file goes with one message of its uploader's; whatever is refused leaves it unsent.
pub async fn a_file_is_sent_once_and_by_its_uploader(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let (one, two, hers) =
        (scene.file("bob", "one").await, scene.file("bob", "two").await, scene.file("ann", "hers").await);
    let unknown = AttachmentId::new("unknown").expect("a short id");
    for (who, files) in [
        ("ann", vec![&one]),
        ("host", vec![&one]),
        ("bob", vec![&unknown]),
        ("bob", vec![&one, &hers]),
        ("bob", vec![&one, &one]),
    ] {
        let send = ChangeBody::Send(scene.carrying(&files));
        assert_eq!(scene.verdict(who, room, send).await, "invalid", "{who}: {files:?}");
    }
    // In the order named, and once in a batch too.
    let first = scene.carrying(&[&two, &one]);
    let answers = scene
        .commit(vec![
            scene.change("bob", room, ChangeBody::Send(first.clone())),
            scene.change("bob", room, ChangeBody::Send(scene.carrying(&[&one]))),
        ])
        .await;
    let event = answers[0].as_ref().ok().and_then(|outcome| outcome.event()).expect("it is sent");
    let sent = &scene.message(room, event.seq).await.message.attachments;
    assert_eq!(*sent, [described(&two), described(&one)]);
    assert!(matches!(&answers[1], Err(crate::store::Refusal::Conflict(_))), "{:?}", answers[1]);
    assert_eq!(scene.verdict("bob", room, ChangeBody::Send(scene.carrying(&[&two]))).await, "conflict");
    for id in [&one, &two] {
        let stored = store.attachment(id).await.expect("the store answers").expect("it is there");
        assert_eq!(stored.sent, Some((room, event.seq)));
    }
    // What was sent is answered as it was.
    assert_eq!(scene.verdict("bob", room, ChangeBody::Send(first)).await, "repeat");
}

/// A file that was uploaded for a room is sent in no other.
pub async fn a_file_goes_to_the_room_it_is_for(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let (room, other) = (scene.group(&["ann", "bob"]).await, scene.group(&["ann", "bob"]).await);
    let id = scene.begun("ann", "a").await;
    assert!(store.finish_upload(&described(&id), Some(room)).await.expect("the store answers"));
    let send = || ChangeBody::Send(scene.carrying(&[&id]));
    assert_eq!(scene.verdict("ann", other, send()).await, "invalid");
    assert_eq!(scene.verdict("ann", room, send()).await, "applied");
}

/// A removed upload can be neither finished nor sent, and only its uploader removes it, before it is sent.
pub async fn a_removed_upload_is_gone(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let (begun, whole, sent) = (
        scene.begun("ann", "begun").await,
        scene.file("ann", "whole").await,
        scene.file("ann", "sent").await,
    );
    scene.send("ann", room, scene.carrying(&[&sent])).await;
    let remove = async |who: Option<&str>, id| {
        let who = who.map(user);
        store.remove_upload(id, who.as_ref()).await.expect("the store answers")
    };
    for id in [&begun, &whole] {
        assert!(!remove(Some("bob"), id).await);
        assert!(!remove(None, id).await);
        assert!(remove(Some("ann"), id).await);
        assert!(!remove(Some("ann"), id).await);
        assert!(!store.finish_upload(&described(id), None).await.expect("the store answers"));
        assert!(!scene.is_there(id).await);
        assert_eq!(scene.verdict("ann", room, ChangeBody::Send(scene.carrying(&[id]))).await, "invalid");
    }
    assert!(!remove(Some("ann"), &sent).await);
    assert!(scene.is_there(&sent).await);
}

/// What was begun long ago and not sent is removed: finished or not, and what is new or sent stays.
pub async fn old_unsent_files_are_removed(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann"]).await;
    scene.begun("ann", "begun").await;
    let (old, sent) = (scene.file("ann", "old").await, scene.file("ann", "sent").await);
    scene.send("ann", room, scene.carrying(&[&sent])).await;
    scene.wait(10);
    let new = scene.file("ann", "new").await;
    assert_eq!(scene.removed(scene.now()).await, ["begun", "old"]);
    assert!(!scene.is_there(&old).await);
    assert!(scene.is_there(&new).await && scene.is_there(&sent).await);
    assert_eq!(scene.verdict("ann", room, ChangeBody::Send(scene.carrying(&[&old]))).await, "invalid");
    let (first, rest) = (
        store.removed_attachments(scene.now(), None, 1).await.expect("the store answers"),
        store.removed_attachments(scene.now(), Some(&AttachmentId::new("begun").expect("short")), 9).await,
    );
    assert_eq!((first.len(), rest.expect("the store answers").len()), (1, 1));
}

/// The files of a deleted message or room are nobody's at once, and listed until they are forgotten.
pub async fn deleted_files_are_listed_until_forgotten(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let (room, doomed) = (scene.group(&["ann"]).await, scene.group(&["ann"]).await);
    let mut files = Vec::new();
    for name in ["a", "b", "c", "d"] {
        files.push(scene.file("ann", name).await);
    }
    let target = scene.send("ann", room, scene.carrying(&[&files[0], &files[1]])).await;
    scene.send("ann", room, scene.carrying(&[&files[2]])).await;
    scene.send("ann", doomed, scene.carrying(&[&files[3]])).await;
    let long_ago = Timestamp::from_micros(0);
    assert!(scene.removed(long_ago).await.is_empty());
    scene.apply("ann", room, delete(target)).await;
    assert_eq!(scene.removed(long_ago).await, ["a", "b"]);
    scene.apply("ann", doomed, ChangeBody::DeleteRoom).await;
    assert_eq!(scene.removed(long_ago).await, ["a", "b", "d"]);
    for (id, there) in files.iter().zip([false, false, true, false]) {
        assert_eq!(scene.is_there(id).await, there, "{id}");
    }
    store.forget_attachments(&files[1..]).await.expect("the store answers");
    assert_eq!(scene.removed(long_ago).await, ["a"]);
    assert!(scene.is_there(&files[2]).await);
    // Sent and deleted in one batch.
    let brief = scene.file("ann", "e").await;
    let seq = scene.head(room).await.next();
    let answers = scene
        .commit(vec![
            scene.change("ann", room, ChangeBody::Send(scene.carrying(&[&brief]))),
            scene.change("ann", room, delete(seq)),
        ])
        .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(scene.removed(long_ago).await, ["a", "e"]);
}
