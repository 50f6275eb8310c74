//! Searches through the engine: whose they are, and what they may show.

use std::sync::{Arc, OnceLock};

use chat_core::{
    CreateRoom, Engine, Limits, Policy, Principal, Rate, Search, async_trait,
    hooks::{Action, ActionKind, Denied},
    model::{HistoryMode, Role, RoomId, RoomKind, Seq},
    protocol::{Send, SendTo},
    store::SearchPage,
};

use crate::client::user;

async fn room_of(engine: &Engine, members: &[&str]) -> RoomId {
    let create = CreateRoom::new(RoomKind::Group)
        .with_owner(user(members[0]))
        .with_history(HistoryMode::FromJoin)
        .with_members(members.iter().map(|id| user(id)));
    engine.as_host().create_room(create).await.unwrap().room
}

async fn say(engine: &Engine, who: &str, room: RoomId, content: &str) -> Seq {
    let principal = Principal::new(user(who));
    let sent = engine.as_user(&principal).send(Send::text(SendTo::Room(room), content)).await;
    sent.unwrap().message.seq
}

async fn find(engine: &Engine, who: &str, search: Search) -> Result<Vec<(RoomId, u64)>, String> {
    let principal = Principal::new(user(who));
    let page = engine.as_user(&principal).search(search).await;
    page.as_ref().map(places).map_err(|error| error.code().as_str().to_owned())
}

fn places(page: &SearchPage) -> Vec<(RoomId, u64)> {
    page.messages.iter().map(|message| (message.room_id, message.seq.get())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_search_shows_what_one_may_read() {
    let engine = Engine::builder().build().await.unwrap();
    let (one, two) = (room_of(&engine, &["ann", "bob"]).await, room_of(&engine, &["ann"]).await);
    say(&engine, "ann", one, "lunch at noon").await;
    say(&engine, "ann", two, "lunch alone").await;
    let lunch = || Search::new("lunch");
    assert_eq!(find(&engine, "ann", lunch()).await.unwrap(), [(two, 2), (one, 2)]);
    assert_eq!(find(&engine, "bob", lunch()).await.unwrap(), [(one, 2)]);
    assert_eq!(find(&engine, "eve", lunch()).await.unwrap(), []);
    assert_eq!(find(&engine, "bob", lunch().within(two)).await.unwrap_err(), "not_found");
    assert_eq!(places(&engine.as_host().search(lunch()).await.unwrap()), [(two, 2), (one, 2)]);
    assert_eq!(places(&engine.as_host().search(lunch().within(two)).await.unwrap()), [(two, 2)]);
    // One who comes later sees what comes later.
    let ann = Principal::new(user("ann"));
    engine.as_user(&ann).add_members(one, &[user("cy")], Role::Member).await.unwrap();
    say(&engine, "bob", one, "Lunch?").await;
    assert_eq!(find(&engine, "cy", lunch()).await.unwrap(), [(one, 4)]);
    assert_eq!(find(&engine, "ann", lunch().by(user("bob"))).await.unwrap(), [(one, 4)]);
    engine.as_user(&ann).remove_member(one, &user("bob")).await.unwrap();
    assert_eq!(find(&engine, "bob", lunch()).await.unwrap(), []);
    assert_eq!(find(&engine, "bob", lunch().within(one)).await.unwrap_err(), "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_search_looks_in_so_many_rooms_and_comes_so_often() {
    let mut limits = Limits::default();
    (limits.search_rooms_max, limits.search_page_max) = (2, 3);
    limits.searches = Rate::new(0.001, 3);
    let engine = Engine::builder().limits(limits).build().await.unwrap();
    let mut rooms = Vec::new();
    for _ in 0..3 {
        let room = room_of(&engine, &["ann"]).await;
        for _ in 0..2 {
            say(&engine, "ann", room, "again").await;
        }
        rooms.push(room);
    }
    say(&engine, "ann", rooms[0], "something else").await;
    let found = find(&engine, "ann", Search::new("again").limit(50)).await.unwrap();
    assert_eq!(found, [(rooms[2], 3), (rooms[2], 2), (rooms[0], 3)]);
    assert_eq!(find(&engine, "ann", Search::new("?")).await.unwrap_err(), "bad_field");
    for _ in 0..2 {
        find(&engine, "ann", Search::new("again")).await.unwrap();
    }
    assert_eq!(find(&engine, "ann", Search::new("again")).await.unwrap_err(), "rate_limited");
    assert_eq!(find(&engine, "bob", Search::new("again")).await.unwrap(), []);
}

/// Lets everyone read everything but `cy`; `dan` is removed between the look at the memberships and the search.
#[derive(Clone, Debug, Default)]
struct Door {
    engine: Arc<OnceLock<Engine>>,
}

#[async_trait]
impl Policy for Door {
    async fn check(&self, principal: &Principal, action: &Action<'_>) -> Result<(), Denied> {
        match (action.kind, action.room, principal.user.as_str()) {
            (ActionKind::Read, _, "cy") => Err(Denied::new("not on a Sunday")),
            (ActionKind::Read, Some(room), "dan") => {
                let engine = self.engine.get().unwrap();
                engine.as_host().remove_member(room, user("dan")).await.unwrap();
                say(engine, "ann", room, "lunch without dan").await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_shows_nothing_that_the_policy_or_a_removal_forbids() {
    let door = Door::default();
    let engine = Engine::builder().policy(door.clone()).build().await.unwrap();
    door.engine.set(engine.clone()).unwrap();
    let room = room_of(&engine, &["ann", "cy", "dan"]).await;
    say(&engine, "ann", room, "lunch").await;
    assert_eq!(find(&engine, "ann", Search::new("lunch")).await.unwrap(), [(room, 2)]);
    assert_eq!(find(&engine, "cy", Search::new("lunch")).await.unwrap(), []);
    assert_eq!(find(&engine, "cy", Search::new("lunch").within(room)).await.unwrap_err(), "not_found");
    assert_eq!(find(&engine, "dan", Search::new("lunch")).await.unwrap(), []);
    assert_eq!(find(&engine, "ann", Search::new("lunch")).await.unwrap(), [(room, 4), (room, 2)]);
}
