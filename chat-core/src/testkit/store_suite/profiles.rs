//! Cases of profiles, and of the epoch.

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    model::{Profile, StoredProfile},
    store::Store,
};

fn profile(id: &str, name: &str) -> Profile {
    Profile {
        id: user(id),
        name: name.to_owned(),
        username: format!("{id}@"),
        email: format!("{id}@example.org"),
        role: "nurse".to_owned(),
        avatar: Some(format!("/pictures/{id}")),
    }
}

async fn read(store: &Arc<dyn Store>, names: &[&str]) -> Vec<StoredProfile> {
    store.profiles(&users(names)).await.expect("a healthy store reads profiles")
}

/// Profiles are kept as given and replaced as a whole; of whom none is kept none is given, and the
/// others come in the order asked for.
pub async fn profiles_are_kept_and_replaced(store: &Arc<dyn Store>) {
    let kept = |profile: &Profile| StoredProfile { profile: profile.clone(), last_seen: None };
    store.put_profiles(&[]).await.expect("a healthy store keeps profiles");
    assert_eq!(read(store, &["ann"]).await, []);
    let (ann, bob) = (profile("ann", "Ann \u{1F980} '\"%"), Profile::unknown(user("bob")));
    store.put_profiles(&[bob.clone(), ann.clone()]).await.expect("a healthy store keeps profiles");
    let asked = read(store, &["bob", "Ann", "ann", "eve"]).await;
    assert_eq!(asked, [kept(&bob), kept(&ann)], "in the order asked for");
    assert_eq!(read(store, &["ann", "bob"]).await, [kept(&ann), kept(&bob)]);
    let other = Profile { avatar: None, email: String::new(), ..profile("ann", "Anne") };
    store.put_profiles(&[ann.clone(), other.clone()]).await.expect("a healthy store keeps profiles");
    assert_eq!(read(store, &["ann"]).await, [kept(&other)], "the last one given stands");
    assert_eq!(read(store, &["bob"]).await, [kept(&bob)]);
    assert_eq!(read(store, &[]).await, []);
}

/// When a user was last there never goes back, outlives a new profile, and is kept of users without one.
pub async fn last_seen_never_goes_back(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let (early, late) = (scene.now(), scene.then(60));
    let touch = async |touched: &[(&str, crate::model::Timestamp)]| {
        let touched: Vec<_> = touched.iter().map(|(name, at)| (user(name), *at)).collect();
        store.touch(&touched).await.expect("a healthy store notes who was there");
    };
    let seen = async |name| read(store, &[name]).await.pop().and_then(|stored| stored.last_seen);
    store.put_profiles(&[profile("ann", "Ann")]).await.expect("a healthy store keeps profiles");
    touch(&[("ann", early), ("bob", late)]).await;
    assert_eq!((seen("ann").await, seen("bob").await), (Some(early), Some(late)));
    touch(&[("ann", late), ("bob", early)]).await;
    assert_eq!((seen("ann").await, seen("bob").await), (Some(late), Some(late)));
    touch(&[]).await;
    touch(&[("ann", scene.then(90)), ("ann", early)]).await;
    assert_eq!(seen("ann").await, Some(scene.then(90)));
    let bob = StoredProfile { profile: Profile::unknown(user("bob")), last_seen: Some(late) };
    assert_eq!(read(store, &["bob"]).await, [bob]);
    store.put_profiles(&[profile("ann", "Anne")]).await.expect("a healthy store keeps profiles");
    let stored = read(store, &["ann"]).await.remove(0);
    assert_eq!((stored.profile.name.as_str(), stored.last_seen), ("Anne", Some(scene.then(90))));
}

/// The epoch stands until it is renewed by someone who knows it.
pub async fn the_epoch_stands_until_renewed(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let epoch = async || store.epoch().await.expect("a healthy store has an epoch");
    let renew = async |old: &str, new: &str| {
        store.renew_epoch(old, new).await.expect("a healthy store renews its epoch")
    };
    let first = epoch().await;
    assert!(!first.is_empty());
    let room = scene.group(&["ann"]).await;
    assert_eq!(epoch().await, first);
    assert_eq!(renew("another", "new").await, first, "the one that stands");
    assert_eq!(renew("", "new").await, first);
    assert_eq!(epoch().await, first);
    assert_eq!(renew(&first, "second").await, "second");
    assert_eq!(epoch().await, "second");
    assert_eq!(renew(&first, "third").await, "second", "the first to renew wins");
    assert_eq!(renew("second", "second").await, "second");
    assert_eq!(renew("second", "third").await, "third");
    scene.say("ann", room, "the log goes on").await;
}

/// Two stores have different epochs from the beginning.
pub async fn the_epoch_is_made_at_random(store: &Arc<dyn Store>, other: &Arc<dyn Store>) {
    let one = store.epoch().await.expect("a healthy store has an epoch");
    let two = other.epoch().await.expect("a healthy store has an epoch");
    assert_ne!(one, two);
}
