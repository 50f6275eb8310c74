//! What channels and keys are called.
//!
//! `prefix:{epoch:shard}:kind:…`. The braces are Redis's hash tag: what belongs together lies in one slot of a
//! cluster, and a node has to watch over [`SHARDS`] slots and not over one for each room.

use std::fmt::Write as _;

use chat_core::{
    bus::{QuotaKey, Topic},
    model::UserId,
};

/// Slots of a cluster that channels and keys are spread over. All nodes must agree on it for ever.
pub(crate) const SHARDS: usize = 16;

/// The names of one system: a prefix and an epoch.
#[derive(Debug)]
pub(crate) struct Names {
    /// `prefix:{epoch:shard}:` of each shard.
    stems: [String; SHARDS],
}

impl Names {
    pub(crate) fn new(prefix: &str, epoch: &str) -> Self {
        let (prefix, epoch) = (plain(prefix), plain(epoch));
        Self { stems: std::array::from_fn(|shard| format!("{prefix}:{{{epoch}:{shard}}}:")) }
    }

    /// The channel of a topic.
    pub(crate) fn channel(&self, topic: &Topic) -> String {
        match topic {
            Topic::Room(room) => format!("{}room:{room}", self.stem(&room.get().to_be_bytes())),
            Topic::User(user) => format!("{}user:{user}", self.stem(user.as_str().as_bytes())),
            Topic::Node(node) => format!("{}node:{node}", self.stem(&node.0.to_be_bytes())),
        }
    }

    /// The channel that one life of a node talks to itself on, in a shard.
    pub(crate) fn probe(&self, shard: usize, life: u64) -> String {
        format!("{}probe:{life:016x}", self.stems[shard % SHARDS])
    }

    /// The channel that every node listens on.
    pub(crate) fn everyone(&self) -> String {
        format!("{}everyone", self.stems[0])
    }

    /// The shard of a user's keys.
    pub(crate) fn shard_of(user: &UserId) -> usize {
        shard(user.as_str().as_bytes())
    }

    /// The key of a user's leases.
    pub(crate) fn leases(&self, user: &UserId) -> String {
        format!("{}leases:{user}", self.stem(user.as_str().as_bytes()))
    }

    /// The key of a shard's leases by when they run out.
    pub(crate) fn expiries(&self, shard: usize) -> String {
        format!("{}expiries", self.stems[shard % SHARDS])
    }

    /// The shard and the key of a budget.
    pub(crate) fn budget(&self, key: &QuotaKey) -> Option<(usize, String)> {
        let (kind, user, room) = match key {
            QuotaKey::Sends(user) => ("sends", user, None),
            QuotaKey::Typing(user, room) => ("typing", user, Some(room)),
            QuotaKey::RoomsMade(user) => ("rooms", user, None),
            QuotaKey::MembersAdded(user) => ("members", user, None),
            QuotaKey::Searches(user) => ("searches", user, None),
            QuotaKey::Uploads(user) => ("uploads", user, None),
            // A kind of later: counted on this node alone.
            _ => return None,
        };
        let shard = Self::shard_of(user);
        let mut name = format!("{}budget:{kind}:", self.stems[shard]);
        if let Some(room) = room {
            let _ = write!(name, "{room}:");
        }
        name.push_str(user.as_str());
        Some((shard, name))
    }

    fn stem(&self, bytes: &[u8]) -> &str {
        &self.stems[shard(bytes)]
    }
}

/// A shard by FNV-1a, for it must be the same in every build.
fn shard(bytes: &[u8]) -> usize {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The low bits of FNV depend on the low bits of the bytes alone.
    ((hash >> 32) ^ hash) as usize % SHARDS
}

/// Text in which nothing is special: neither to Redis's hash tags, nor to fred, which takes names that begin with
/// `__keyspace@` for something else.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            plain.push(char::from(byte));
        } else {
            let _ = write!(plain, "%{byte:02x}");
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use chat_core::model::{NodeId, RoomId};

    #[test]
    fn names_are_kept_apart_and_stable() {
        let names = Names::new("chat", "a epoch}");
        let user = |name: &str| UserId::new(name).unwrap();
        let room = RoomId::new(7).unwrap();
        let all = [
            names.channel(&Topic::Room(room)),
            names.channel(&Topic::User(user("7"))),
            names.channel(&Topic::User(user("{x}:7"))),
            names.channel(&Topic::Node(NodeId(7))),
            names.probe(0, 7),
            names.everyone(),
            names.leases(&user("7")),
            names.expiries(0),
            names.budget(&QuotaKey::Typing(user("7"), room)).unwrap().1,
            names.budget(&QuotaKey::Sends(user("7:7"))).unwrap().1,
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(all.iter().all(|name| name.starts_with("chat:{a%20epoch%7d:")), "{all:?}");
        // Nodes of different builds must meet.
        assert_eq!(all[0], "chat:{a%20epoch%7d:2}:room:7");
    }

    #[test]
    fn shards_are_used_evenly() {
        let mut counts = [0; SHARDS];
        for n in 0..1_600 {
            counts[Names::shard_of(&UserId::new(format!("user {n}")).unwrap())] += 1;
            counts[shard(&i64::from(n).to_be_bytes())] += 1;
        }
        assert!(counts.iter().all(|count| (100..=300).contains(count)), "{counts:?}");
    }
}
