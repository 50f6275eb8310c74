//! Every bound and default of the engine, in one place, settable by the host.

use std::time::Duration;

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr,)*) => {
        /// Every bound of an engine. [`Limits::default`] gives the documented values.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct Limits {
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// The names that [`Limits::set`] knows.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// Sets one bound by name: a whole number, or for durations a number of milliseconds; for rates
            /// `PER_SECOND/BURST`.
            ///
            /// # Errors
            /// [`UnknownLimit`] where there is no such name or the value does not fit.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), UnknownLimit> {
                let unknown = || UnknownLimit { name: name.to_owned(), value: value.to_owned() };
                match name {
                    $(stringify!($name) => {
                        self.$name = <$type as Limit>::parse(value).ok_or_else(unknown)?;
                    })*
                    _ => return Err(unknown()),
                }
                Ok(())
            }
        }
    };
}

limits! {
    /// Bytes of a message's content.
    content_bytes_max: usize = 16 * 1024,
    /// Bytes of a frame from a client that is authenticated.
    frame_bytes_max: usize = 64 * 1024,
    /// Bytes of a frame from a client that is not authenticated yet, neither by its request nor by a frame.
    hello_bytes_max: usize = 8 * 1024,
    /// Bytes of metadata as JSON.
    metadata_bytes_max: usize = 4 * 1024,
    /// Characters of a room's name.
    name_chars_max: usize = 255,
    /// Different emoji on one message.
    reaction_kinds_max: usize = 50,
    /// Files on one message.
    attachments_max: usize = 10,
    /// Bytes of one uploaded file.
    upload_bytes_max: usize = 25 * 1024 * 1024,
    /// Files that a node takes in at once; of each it holds one part, 5 MiB at most.
    uploads_at_once_max: usize = 32,
    /// And of one user.
    uploads_at_once_per_user_max: usize = 8,
    /// Without a byte for so long an upload is given up.
    upload_idle: Duration = Duration::from_secs(30),
    /// For so long the place where files are is waited for: for each answer, and for the next bytes of a file.
    file_store_wait: Duration = Duration::from_secs(30),
    /// Characters of a file's name; a longer one is shortened.
    file_name_chars_max: usize = 128,
    /// Pixels of an image's width and of its height.
    image_side_max: u32 = 16_384,
    /// Pixels of an image in all.
    image_pixels_max: u64 = 100_000_000,
    /// After so long a file that was not sent is removed.
    upload_unsent_max: Duration = Duration::from_secs(24 * 60 * 60),
    /// Users named in one message.
    mentions_max: usize = 50,
    /// Members named when a room is made, or added by one call.
    members_per_call_max: usize = 100,
    /// Rows of a page where none are asked for.
    page_default: usize = 50,
    /// Rows of a page at most.
    page_max: usize = 200,
    /// Characters of what is searched for.
    search_chars_max: usize = 256,
    /// Words of what is searched for.
    search_words_max: usize = 16,
    /// Rooms that a user's search looks in; of more, the latest active ones.
    search_rooms_max: usize = 1_000,
    /// Characters of why a message is reported.
    reason_chars_max: usize = 1_000,
    /// Users that a user may block.
    blocks_max: usize = 1_000,
    /// Messages of a page of what is found.
    search_page_max: usize = 50,
    /// Events of a room kept hot.
    hot_events_max: usize = 1_024,
    /// Bytes of a room kept hot, for each wire format.
    hot_bytes_max: usize = 256 * 1024,
    /// Bytes kept hot over all rooms of a node.
    hot_bytes_node_max: usize = 256 * 1024 * 1024,
    /// Events behind above which a connection is told a gap.
    gap_after: u64 = 1_000,
    /// Newest events given after a gap.
    gap_keep: u64 = 200,
    /// Events behind over all rooms above which a resuming connection is told gaps.
    resume_events_max: u64 = 5_000,
    /// Pages of catch-up read from the store at once by a node.
    catch_up_reads: usize = 16,
    /// Rooms subscribed by one connection.
    rooms_per_connection_max: usize = 1_000,
    /// Rooms in full in `welcome`.
    welcome_rooms: usize = 50,
    /// Connections of one user on one node; the oldest goes.
    connections_per_user_max: usize = 20,
    /// Sockets of a node that have not authenticated yet, neither by their request nor by a frame.
    unauthenticated_max: usize = 1_024,
    /// Requests for a socket whose tokens a node looks at at once.
    token_checks_max: usize = 1_024,
    /// Time for the JSON body of a request.
    body_timeout: Duration = Duration::from_secs(30),
    /// Time for the first frame.
    hello_timeout: Duration = Duration::from_secs(10),
    /// Commands of one connection that are not answered yet.
    in_flight_max: usize = 16,
    /// Bytes of answers that wait for a connection that does not read: with the next answer above, it is closed. The
    /// welcome and pages of history do not count, of which one waits at a time: what they hold is bounded by itself.
    replies_bytes_max: usize = 256 * 1024,
    /// Signals that wait for a connection that does not read; above, the oldest are dropped.
    signals_waiting_max: usize = 256,
    /// Lanes of the writer; a room is always in the same one.
    lanes: usize = 4,
    /// Changes that wait in a lane.
    lane_queue_max: usize = 1_024,
    /// Changes of one commit.
    batch_changes_max: usize = 256,
    /// Bytes of one commit, about.
    batch_bytes_max: usize = 1024 * 1024,
    /// Everything of a user that takes a position in a log, and typing apart.
    sends: Rate = Rate::new(10.0, 20),
    /// All other commands of a connection.
    commands: Rate = Rate::new(50.0, 100),
    /// Typing of a user in a room.
    typing: Rate = Rate::new(2.0, 4),
    /// Rooms made by a user.
    rooms_made: Rate = Rate::new(0.5, 30),
    /// Members added by a user.
    members_added: Rate = Rate::new(100.0 / 60.0, 100),
    /// Files uploaded by a user.
    uploads: Rate = Rate::new(20.0 / 60.0, 20),
    /// Searches of a user.
    searches: Rate = Rate::new(5.0, 20),
    /// Answers of `rate_limited` in a row after which a connection is closed with 4429.
    flood_refusals_max: u32 = 200,
    /// Between two pings of the server.
    heartbeat: Duration = Duration::from_secs(25),
    /// Without anything inbound for so long a connection is dead.
    heartbeat_dead: Duration = Duration::from_secs(60),
    /// Without typing again for so long a user has stopped.
    typing_expires: Duration = Duration::from_secs(6),
    /// After the last connection ended, before a user is offline.
    offline_grace: Duration = Duration::from_secs(10),
    /// Members of a room above which presence, typing and receipts are not told by member.
    signals_room_max: u32 = 200,
    /// Users whose presence is told at connect.
    presence_snapshot_max: usize = 500,
    /// Before moved pointers are stored and told.
    receipt_delay: Duration = Duration::from_millis(500),
    /// Users whose profile a node keeps at hand for wire formats that show it.
    people_max: usize = 10_000,
    /// How long such a profile is taken for what it is.
    people_fresh: Duration = Duration::from_secs(60),
    /// Time of a policy's or before-hook's answer.
    hook_timeout: Duration = Duration::from_secs(1),
    /// Events that wait for the after-hook, of one in sixteen rooms; later ones are left out and counted.
    after_hooks_queue_max: usize = 1_024,
    /// Time of one read, or of one commit with all its tries, before it is given up. (A commit whose tries took all of
    /// it has one more, of 1 s at most: to learn from a store that is back what became of them.)
    store_timeout: Duration = Duration::from_secs(10),
    /// Between two sweeps of the heads of active rooms, give or take a quarter.
    sweep: Duration = Duration::from_secs(3),
    /// Between two comparisons of the room sets of connected users.
    room_set_sweep: Duration = Duration::from_secs(30),
    /// Between two repairs of signals.
    signal_repair: Duration = Duration::from_secs(60),
    /// How long a hole in a room's log may be filled by a late event before the store is asked.
    reorder_window: Duration = Duration::from_millis(20),
    /// How long a confirmed bus subscription is waited for when a room becomes active.
    activation_wait: Duration = Duration::from_secs(1),
    /// How long a room without a subscription stays active.
    room_linger: Duration = Duration::from_secs(10),
    /// Before a token ends, its connection is told.
    token_warning: Duration = Duration::from_secs(60),
    /// Clients are asked to come back spread over this after a drain.
    reconnect_spread: Duration = Duration::from_secs(5),
}

/// A limit by a name that does not exist, or with a value that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no limit {name}={value}: unknown name, or a value of another form")]
pub struct UnknownLimit {
    name: String,
    value: String,
}

/// So many a second, with so many at once.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rate {
    /// A second.
    pub per_second: f64,
    /// At once.
    pub burst: u32,
}

impl Rate {
    /// So many a second, with so many at once.
    #[must_use]
    pub const fn new(per_second: f64, burst: u32) -> Self {
        Self { per_second, burst }
    }
}

/// A type of bound.
trait Limit: Sized {
    fn parse(text: &str) -> Option<Self>;
}

macro_rules! number {
    ($($type:ty),*) => { $(impl Limit for $type {
        fn parse(text: &str) -> Option<Self> {
            text.trim().parse().ok().filter(|value| *value > 0)
        }
    })* };
}

number!(usize, u64, u32);

impl Limit for Duration {
    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().filter(|ms| *ms > 0).map(Self::from_millis)
    }
}

impl Limit for Rate {
    fn parse(text: &str) -> Option<Self> {
        let (per_second, burst) = text.split_once('/')?;
        let rate = Self { per_second: per_second.trim().parse().ok()?, burst: burst.trim().parse().ok()? };
        (rate.per_second.is_finite() && rate.per_second > 0.0 && rate.burst > 0).then_some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, Rate};
    use std::time::Duration;

    #[test]
    fn every_name_can_be_set_and_nonsense_cannot() {
        let mut limits = Limits::default();
        for name in Limits::NAMES {
            assert!(limits.set(name, "7").is_ok() != limits.set(name, "7/9").is_ok(), "{name}");
            for nonsense in ["", "-1", "x", "0", "1/0", "inf/1"] {
                assert!(limits.set(name, nonsense).is_err(), "{name}={nonsense}");
            }
        }
        assert_eq!(limits.heartbeat, Duration::from_millis(7));
        assert_eq!(limits.sends, Rate::new(7.0, 9));
        assert!(limits.set("no_such", "1").is_err());
    }
}
