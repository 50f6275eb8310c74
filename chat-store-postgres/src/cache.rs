//! What plain sends need of rooms, remembered: a hint, since the database looks whether it still holds.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt, mem,
};

use chat_core::{
    model::{MemberRow, Room, RoomId, UserId},
    store::{
        Change, ChangeBody,
        decide::{Needs, RoomRow},
    },
};
use parking_lot::Mutex;

use crate::{
    batch::{Batch, LoadedRoom},
    load::Wanted,
};

/// Rooms and members that are remembered of late; as many again may be left from before.
const REMEMBERED_MAX: usize = 32_768;

/// Rooms as they stood under some number of their rules.
#[derive(Default)]
pub(crate) struct Cache {
    generations: Mutex<Generations>,
    /// The epoch that was read last.
    epoch: Mutex<Option<String>>,
}

/// What was asked for of late, and before that: whatever is not asked for in a whole generation is forgotten.
#[derive(Default)]
struct Generations {
    young: HashMap<RoomId, Known>,
    old: HashMap<RoomId, Known>,
    /// Rooms and members in the young one.
    weight: usize,
}

struct Known {
    row: RoomRow,
    rules: i64,
    /// None for one who is no member.
    members: HashMap<UserId, Option<MemberRow>>,
    /// In a direct room, who of its two members is blocked by the other: a block counts as a change of its rules.
    blocked: HashSet<UserId>,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

impl Cache {
    /// A room as far as its `changes` need it, where all of that is known.
    pub(crate) fn recall(&self, room: RoomId, changes: &[&Change]) -> Option<LoadedRoom> {
        if !changes.iter().all(|change| is_plain(change)) {
            return None;
        }
        let mut generations = self.generations.lock();
        let known = generations.find(room)?;
        let mut loaded = LoadedRoom::new(known.row.clone(), Some(known.rules));
        loaded.blocked.clone_from(&known.blocked);
        for change in changes {
            for user in Needs::of(change).users {
                if let Some(row) = known.members.get(&user)? {
                    loaded.members.insert(user, row.clone());
                }
            }
        }
        Some(loaded)
    }

    /// Notes what was just loaded for `wanted`.
    pub(crate) fn learn(&self, wanted: &Wanted, batch: &Batch) {
        let mut generations = self.generations.lock();
        // In order of the rooms.
        for of_room in wanted.users().chunk_by(|a, b| a.0 == b.0) {
            let room = of_room[0].0;
            let Some(state) = batch.rooms.get(&room).filter(|state| !state.row.deleted) else { continue };
            let Some(rules) = state.base.rules else { continue };
            let members = of_room.iter().map(|(_, user)| (user.clone(), state.members.get(user).cloned()));
            generations.note(&state.row, rules, members, &state.blocked);
        }
    }

    /// Forgets a room that is not as it was known.
    pub(crate) fn forget(&self, room: RoomId) {
        let mut generations = self.generations.lock();
        generations.young.remove(&room);
        generations.old.remove(&room);
    }

    /// Forgets everything where the epoch is not the one that was read last: the database was put back, or is another.
    pub(crate) fn see_epoch(&self, epoch: &str) {
        let mut last = self.epoch.lock();
        if last.as_deref() != Some(epoch) {
            *last = Some(epoch.to_owned());
            self.clear();
        }
    }

    /// Forgets everything: the database may have gone back.
    pub(crate) fn clear(&self) {
        *self.generations.lock() = Generations::default();
    }
}

/// Whether a change looks at nothing but its room and members. Who is named may have blocked the sender: that is no
/// room's to know.
const fn is_plain(change: &Change) -> bool {
    match &change.body {
        ChangeBody::Send(message) => {
            message.reply_to.is_none()
                && message.thread.is_none()
                && message.mentions.is_empty()
                && message.attachments.is_empty()
        }
        _ => false,
    }
}

impl Generations {
    fn find(&mut self, room: RoomId) -> Option<&Known> {
        if let Some(known) = self.old.remove(&room) {
            self.make_space(1 + known.members.len());
            self.young.insert(room, known);
        }
        self.young.get(&room)
    }

    fn note(
        &mut self,
        row: &RoomRow,
        rules: i64,
        members: impl ExactSizeIterator<Item = (UserId, Option<MemberRow>)>,
        blocked: &HashSet<UserId>,
    ) {
        let id = row.room.id;
        if self.find(id).is_some_and(|known| known.rules > rules) {
            return;
        }
        self.make_space(1 + members.len());
        let known = match self.young.entry(id) {
            Entry::Occupied(entry) if entry.get().rules == rules => entry.into_mut(),
            Entry::Occupied(mut entry) => {
                entry.insert(Known::new(row, rules));
                entry.into_mut()
            }
            Entry::Vacant(entry) => entry.insert(Known::new(row, rules)),
        };
        known.members.extend(members);
        known.blocked.clone_from(blocked);
    }

    /// Begins another generation where this one is full. Rows that were replaced count twice: it is a bound.
    fn make_space(&mut self, weight: usize) {
        self.weight += weight;
        if self.weight > REMEMBERED_MAX {
            self.old = mem::take(&mut self.young);
            self.weight = weight;
        }
    }
}

impl Known {
    /// Without what may be large and no send looks at.
    fn new(row: &RoomRow, rules: i64) -> Self {
        let mut room = Room::new(row.room.id, row.room.kind, row.room.created_at);
        room.history = row.room.history;
        Self { row: RoomRow { room, ..row.clone() }, rules, members: HashMap::new(), blocked: HashSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use chat_core::model::{RoomKind, Seq, Timestamp};

    use super::*;

    fn row(id: i64) -> RoomRow {
        let at = Timestamp::from_micros(1);
        let room = Room::new(RoomId::new(id).unwrap(), RoomKind::Group, at);
        RoomRow { room, head: Seq::ZERO, at, messages: 0, members: 0, deleted: false }
    }

    fn nobody(name: &str) -> [(UserId, Option<MemberRow>); 1] {
        [(UserId::new(name).unwrap(), None)]
    }

    #[test]
    fn users_of_other_rules_are_not_mixed() {
        let mut known = Generations::default();
        let room = row(1);
        known.note(&room, 5, nobody("ann").into_iter(), &HashSet::new());
        known.note(&room, 5, nobody("bob").into_iter(), &HashSet::new());
        assert_eq!(known.find(room.room.id).unwrap().members.len(), 2);
        // Read before, and noted late.
        known.note(&room, 4, nobody("cat").into_iter(), &HashSet::new());
        assert_eq!(known.find(room.room.id).unwrap().members.len(), 2);
        known.note(&room, 6, nobody("cat").into_iter(), &HashSet::new());
        let now = known.find(room.room.id).unwrap();
        assert_eq!((now.rules, now.members.len()), (6, 1));
    }

    #[test]
    fn what_is_not_asked_for_is_forgotten() {
        let mut known = Generations::default();
        let most = i64::try_from(REMEMBERED_MAX).unwrap();
        for id in 1..=2 * most {
            known.note(&row(id), 1, nobody("ann").into_iter(), &HashSet::new());
            assert!(known.find(RoomId::new(1).unwrap()).is_some(), "asked for all the time");
            assert!(known.young.len() + known.old.len() <= REMEMBERED_MAX);
        }
        assert!(known.find(RoomId::new(2).unwrap()).is_none());
        assert!(known.find(RoomId::new(2 * most).unwrap()).is_some());
    }
}
