//! Sends whose first try has no known end: what the second one may answer.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Clock as _, CreateRoom, Engine, Error, ErrorCode, Principal, SentMessage, SystemClock,
    memory::MemoryStore,
    model::{ClientId, RoomId, RoomKind},
    protocol::{Send, SendTo},
    testkit::{CommitFault, FaultyStore},
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::client::user;

/// A node whose store fails, another one whose store does not, and ann's room.
struct Scene {
    here: Engine,
    faulty: FaultyStore<MemoryStore>,
    elsewhere: Engine,
    room: RoomId,
}

impl Scene {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let faulty = FaultyStore::new(Arc::clone(&store), 1);
        let here = Engine::builder().store(faulty.clone()).build().await.unwrap();
        let elsewhere = Engine::builder().shared_store(store).build().await.unwrap();
        let create = CreateRoom::new(RoomKind::Group).with_owner(user("bob")).with_members([user("ann")]);
        let room = elsewhere.as_host().create_room(create).await.unwrap().room;
        Self { here, faulty, elsewhere, room }
    }

    /// What ann says here, always under one key. Its first try is under way as this returns, and ends as asked.
    async fn says(&self, fault: CommitFault) -> JoinHandle<Result<SentMessage, Error>> {
        self.faulty.script([fault]);
        let send = Send::text(SendTo::Room(self.room), "hello").with_client_id(ClientId::new("one").unwrap());
        let engine = self.here.clone();
        let saying =
            tokio::spawn(async move { engine.as_user(&Principal::new(user("ann"))).send(send).await });
        settle().await;
        saying
    }

    async fn mute_ann(&self) {
        let until = Some(SystemClock.now().plus(Duration::from_secs(3_600)));
        self.elsewhere.as_host().mute(self.room, user("ann"), until).await.unwrap();
    }
}

/// Lets everything happen that can happen now, but for a second try. (Time is paused.)
async fn settle() {
    sleep(Duration::from_millis(50)).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_try_is_answered_as_the_first_one_was_stored() {
    let scene = Scene::new().await;
    let saying = scene.says(CommitFault::AnswerLost).await;
    scene.mute_ann().await;
    let sent = saying.await.unwrap().unwrap().message.id;
    let bob = Principal::new(user("bob"));
    assert_eq!(scene.elsewhere.as_user(&bob).message(sent).await.unwrap().message.id, sent);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_second_try_leaves_open_what_became_of_the_first() {
    let scene = Scene::new().await;
    let saying = scene.says(CommitFault::RequestLost).await;
    scene.mute_ann().await;
    let error = saying.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (ErrorCode::OutcomeUnknown, true));
    // Nothing is under way any more: the one who asks again is told.
    let error = scene.says(CommitFault::Nothing).await.await.unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Muted);
}

#[tokio::test(start_paused = true)]
async fn all_tries_share_the_time_of_one_commit() {
    let scene = Scene::new().await;
    let begun = Instant::now();
    scene.faulty.freeze();
    let error = scene.says(CommitFault::Nothing).await.await.unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::OutcomeUnknown);
    // The time of one commit, a pause and a last try.
    let took = begun.elapsed();
    assert!(Duration::from_secs(10) < took && took < Duration::from_millis(11_200), "{took:?}");
    assert_eq!(scene.faulty.calls("commit"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_last_try_learns_of_a_store_that_is_back_what_became_of_the_first() {
    let scene = Scene::new().await;
    scene.faulty.freeze();
    let saying = scene.says(CommitFault::Nothing).await;
    sleep(Duration::from_millis(10_500)).await;
    scene.faulty.thaw();
    let sent = saying.await.unwrap().unwrap();
    assert_eq!(sent.message.seq.get(), 2);
}
