//! What every store must do: [`store_suite!`](crate::store_suite).
//!
//! A case has the store for itself and brings its own time. Where several tasks are at work it looks at what must hold
//! whichever is first.

mod log;
mod repeats;
mod roles;
mod rooms;
mod scene;
mod words;

pub use log::*;
pub use repeats::*;
pub use roles::*;
pub use rooms::*;

/// Makes a test of each line of the contract of [`Store`](crate::store::Store)s: one line for a backend.
///
/// `setup` is an async function without arguments that gives a guard, dropped at the end of the case after the store,
/// and a [`Store`](crate::store::Store) that is empty and that nobody else uses. It is called for each case. The
/// calling crate needs `tokio` with its test macro and the runtime of several threads.
///
/// ```
/// # mod tests {
/// use chat_core::memory::MemoryStore;
///
/// async fn setup() -> ((), MemoryStore) {
///     ((), MemoryStore::default())
/// }
///
/// chat_core::store_suite!(setup);
/// # }
/// ```
#[macro_export]
macro_rules! store_suite {
    (@each $setup:path: $($case:ident)*) => {$(
        #[tokio::test]
        async fn $case() {
            let (guard, store) = $setup().await;
            let store: ::std::sync::Arc<dyn $crate::store::Store> = ::std::sync::Arc::new(store);
            $crate::testkit::store_suite::$case(&store).await;
            drop(store);
            drop(guard);
        }
    )*};
    ($setup:path) => {
        $crate::store_suite! { @each $setup:
            positions_are_dense_from_one
            what_is_not_applied_takes_no_position
            a_batch_is_answered_change_by_change
            a_batch_sees_what_it_did_before
            what_is_committed_is_read_back
            times_never_go_back
            events_are_contiguous_from_the_cursor
            events_stop_at_their_limits
            events_carry_messages_as_they_are_now
            an_unknown_room_has_no_log
            an_unknown_room_takes_no_change
            positions_above_the_head_find_nothing
            message_ids_are_unique_over_rooms
            a_repeated_send_is_answered_as_the_first
            a_repeat_comes_before_every_precondition
            a_repeat_carries_the_message_as_it_is_now
            another_body_under_a_key_is_refused
            equal_sends_in_one_batch_are_one
            keys_of_sends_are_kept_apart
            the_hosts_sends_have_keys_too
            a_sent_message_is_found_under_its_key
            equal_rooms_in_one_batch_are_one
            a_room_begins_with_its_members
            a_direct_room_is_one_for_its_pair
            a_room_for_a_subject_is_one
            a_room_for_its_makers_key_is_one
            rooms_are_found_under_their_keys
            a_room_is_changed_part_by_part
            a_deleted_room_leaves_nothing_but_its_end
            a_deleted_room_takes_no_change
            the_keys_of_a_deleted_room_are_free
            roles_say_who_adds_members
            roles_say_who_removes_bans_and_mutes
            roles_say_who_gives_and_takes_roles
            nobody_stands_above_oneself
            roles_say_who_hands_over_and_deletes
            roles_say_who_deletes_messages
            what_a_change_requires_is_checked
        }
    };
}

#[cfg(test)]
mod tests {
    /// A case that is written and not listed would prove nothing.
    #[test]
    fn every_case_is_listed() {
        let list = include_str!("mod.rs");
        let cases = [
            include_str!("log.rs"),
            include_str!("repeats.rs"),
            include_str!("rooms.rs"),
            include_str!("roles.rs"),
        ];
        for line in cases.iter().flat_map(|file| file.lines()) {
            if let Some(rest) = line.strip_prefix("pub async fn ") {
                let name = rest.split('(').next().unwrap();
                assert!(list.lines().any(|line| line.trim() == name), "{name} is not listed");
            }
        }
    }
}
