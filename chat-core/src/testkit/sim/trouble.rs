//! What goes wrong while the storm lasts: stores, the bus, and nodes that die; and the host, who changes who is where.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    plan::{bus_faults, store_faults},
    world::{Node, World},
};
use crate::{
    engine::CreateRoom,
    model::{HistoryMode, Role, RoomId, RoomKind},
    protocol::{Send, SendTo},
    store::RoomUpdate,
    testkit::{BusFaults, Rng, StoreFaults},
};

/// What is to be put right again.
enum Heal {
    Faults(Arc<Node>),
    Down(Arc<Node>),
    Frozen(Arc<Node>),
    Hearing(Arc<Node>),
    Start(usize),
    Room(RoomId),
}

/// Breaks and mends things until the storm is over; then everything is whole.
pub(super) async fn storm(world: Arc<World>, until: Instant) {
    let mut rng = world.rng.fork(3);
    let mut heals: BTreeMap<(Instant, u64), Heal> = BTreeMap::new();
    let mut count = 0;
    loop {
        let next = Instant::now() + Duration::from_millis(50 + rng.below(1_500));
        while let Some(first) = heals.first_entry().filter(|heal| heal.key().0 <= next.min(until)) {
            let ((at, _), heal) = first.remove_entry();
            sleep_until(at).await;
            mend(&world, heal).await;
        }
        sleep_until(next.min(until)).await;
        if Instant::now() >= until {
            break;
        }
        if let Some((heal, after)) = break_something(&world, &mut rng).await {
            count += 1;
            heals.insert((Instant::now() + after, count), heal);
        }
    }
    world.bus.set_faults(BusFaults::default());
    for heal in heals.into_values() {
        mend(&world, heal).await;
    }
    for place in 0..world.plan.nodes {
        while world.node(place).is_none_or(|node| node.gate.is_dead()) {
            world.take(place);
            world.start(place).await;
        }
    }
}

async fn break_something(world: &Arc<World>, rng: &mut Rng) -> Option<(Heal, Duration)> {
    let what = rng.below(14);
    let after = if rng.chance(0.3) { Duration::from_millis(4_000) } else { Duration::from_millis(800) };
    let after = rng.up_to(after);
    let faults = (store_faults(rng), bus_faults(rng));
    let fuse = rng.below(8);
    let node = world.pick(rng)?;
    Some(match what {
        0..=3 => {
            node.store.set_faults(faults.0);
            (Heal::Faults(node), after)
        }
        4 => {
            node.store.go_down();
            (Heal::Down(node), after)
        }
        5 => {
            node.store.freeze();
            (Heal::Frozen(node), after)
        }
        6..=7 => {
            world.bus.set_faults(faults.1);
            return None;
        }
        8 => {
            world.bus.deafen(node.id);
            (Heal::Hearing(node), after)
        }
        9 => {
            world.bus.cut(node.id);
            (Heal::Hearing(node), after)
        }
        10 => {
            node.gate.kill();
            world.take(node.place);
            (Heal::Start(node.place), after)
        }
        11 => {
            // In the midst of telling the others what it has committed.
            node.gate.light(fuse);
            (Heal::Start(node.place), after + Duration::from_millis(500))
        }
        12 => {
            world.take(node.place);
            tokio::select! {
                biased;
                () = node.gate.died() => {}
                _ = node.engine.shutdown(Duration::from_secs(1)) => {}
            }
            node.gate.kill();
            (Heal::Start(node.place), after)
        }
        _ => {
            // A transaction of the host's, say, for longer than anyone waits.
            let room = *rng.pick(&world.rooms.lock())?;
            world.store.hold(room);
            (Heal::Room(room), after)
        }
    })
}

async fn mend(world: &Arc<World>, heal: Heal) {
    match heal {
        Heal::Faults(node) => node.store.set_faults(StoreFaults::default()),
        Heal::Down(node) => node.store.come_back(),
        Heal::Frozen(node) => node.store.thaw(),
        Heal::Hearing(node) => world.bus.mend(node.id),
        Heal::Room(room) => world.store.free(room),
        Heal::Start(place) => {
            if let Some(node) = world.node(place) {
                node.gate.kill();
                world.take(place);
            }
            world.start(place).await;
        }
    }
}

/// Makes the rooms, before anything goes wrong.
pub(super) async fn found_rooms(world: &Arc<World>) {
    let mut rng = world.rng.fork(4);
    for number in 0..world.plan.rooms {
        let Some(node) = world.pick(&mut rng) else { return };
        let kind = if rng.chance(0.3) { RoomKind::Public } else { RoomKind::Group };
        let history = if rng.chance(0.3) { HistoryMode::FromJoin } else { HistoryMode::All };
        let share = 0.3 + 0.7 * (rng.below(100) as f64 / 100.0);
        let mut members = Vec::new();
        for n in 0..world.plan.users {
            if rng.chance(share) && members.len() < 100 {
                members.push(world.user(n));
            }
        }
        let create = CreateRoom::new(kind)
            .with_name(format!("room {number}"))
            .with_history(history)
            .with_owner(world.user(number))
            .with_members(members);
        if let Ok(created) = node.engine.as_host().create_room(create).await {
            world.rooms.lock().push(created.room);
        }
    }
}

/// The host adds and removes members, says things and changes rooms, until the storm is over.
pub(super) async fn host(world: Arc<World>, until: Instant) {
    let mut rng = world.rng.fork(5);
    let mut said = 0_u64;
    while Instant::now() < until {
        sleep(Duration::from_millis(20 + rng.below(900))).await;
        let rooms = world.rooms.lock().clone();
        let (Some(node), Some(room)) = (world.pick(&mut rng), rng.pick(&rooms).copied()) else { continue };
        said += 1;
        let act = act(&world, &node, room, &mut rng, said);
        tokio::select! {
            biased;
            () = node.gate.died() => {}
            () = act => {}
        }
    }
}

async fn act(world: &World, node: &Node, room: RoomId, rng: &mut Rng, said: u64) {
    let user = world.user(usize::try_from(rng.below(world.plan.users as u64)).unwrap_or(0));
    let (what, coin) = (rng.below(24), rng.chance(0.5));
    let host = node.engine.as_host();
    // What the host is told is of no matter here: the log is what counts.
    match what {
        0..=6 => drop(host.add_member(room, user, if coin { Role::Member } else { Role::Moderator }).await),
        7..=12 => drop(host.remove_member(room, user).await),
        13 => drop(host.ban(room, user, None).await),
        14 => {
            let history = if coin { HistoryMode::All } else { HistoryMode::FromJoin };
            let update = RoomUpdate { history: Some(history), ..RoomUpdate::default() };
            drop(host.update_room(room, update).await);
        }
        15..=19 => drop(host.send(Send::text(SendTo::Room(room), format!("host {said}"))).await),
        20 => {
            let until = node.engine.now().plus(Duration::from_secs(2));
            drop(host.mute(room, user, coin.then_some(until)).await);
        }
        21 => {
            let create = CreateRoom::new(RoomKind::Group).with_owner(user).with_members([world.user(0)]);
            if let Ok(created) = host.create_room(create).await {
                world.rooms.lock().push(created.room);
            }
        }
        22 if coin && world.rooms.lock().len() > 2 => {
            if host.delete_room(room).await.is_ok() && rng.chance(0.5) {
                world.rooms.lock().retain(|known| *known != room);
            }
        }
        _ => drop(host.set_role(room, user, if coin { Role::Moderator } else { Role::Member }).await),
    }
}
