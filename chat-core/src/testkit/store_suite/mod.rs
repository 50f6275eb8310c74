//! What every store must do: [`store_suite!`](crate::store_suite).
//!
//! A case has the store for itself and brings its own time. Where several tasks are at work it looks at what must hold
//! whichever is first.

mod attachments;
mod blocks;
mod contention;
mod deletes;
mod import;
mod lists;
mod log;
mod long;
mod members;
mod message_search;
mod messages;
mod model;
mod moment;
mod mutes;
mod naive;
mod pages;
mod play;
mod pointers;
mod profiles;
mod reactions;
mod repeats;
mod reports;
mod roles;
mod rooms;
mod scene;
mod search;
#[cfg(test)]
mod spoilt;
mod succession;
mod words;

pub use attachments::*;
pub use blocks::*;
pub use contention::*;
pub use deletes::*;
pub use import::*;
pub use lists::*;
pub use log::*;
pub use long::*;
pub use members::*;
pub use message_search::*;
pub use messages::*;
pub use model::*;
pub use moment::*;
pub use mutes::*;
pub use pages::*;
pub use play::play;
pub use pointers::*;
pub use profiles::*;
pub use reactions::*;
pub use repeats::*;
pub use reports::*;
pub use roles::*;
pub use rooms::*;
pub use search::*;
pub use succession::*;

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
            // Dropped last.
            let (_guard, store) = $setup().await;
            let store: ::std::sync::Arc<dyn $crate::store::Store> = ::std::sync::Arc::new(store);
            $crate::testkit::store_suite::$case(&store).await;
        }
    )*};
    (@threads $setup:path: $($case:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            // Dropped last.
            let (_guard, store) = $setup().await;
            let store: ::std::sync::Arc<dyn $crate::store::Store> = ::std::sync::Arc::new(store);
            $crate::testkit::store_suite::$case(&store).await;
        }
    )*};
    (@pair $setup:path: $($case:ident)*) => {$(
        #[tokio::test]
        async fn $case() {
            // Dropped last.
            let ((_guard, store), (_other_guard, other)) = ($setup().await, $setup().await);
            let store: ::std::sync::Arc<dyn $crate::store::Store> = ::std::sync::Arc::new(store);
            let other: ::std::sync::Arc<dyn $crate::store::Store> = ::std::sync::Arc::new(other);
            $crate::testkit::store_suite::$case(&store, &other).await;
        }
    )*};
    ($setup:path) => {
        $crate::store_suite! { @each $setup:
            positions_are_dense_from_one
            what_is_not_applied_takes_no_position
            a_batch_is_answered_change_by_change
            a_batch_sees_what_it_did_before
            what_was_held_is_committed_in_order
            what_is_committed_is_read_back
            times_never_go_back
            events_are_contiguous_from_the_cursor
            events_stop_at_their_limits
            events_carry_messages_as_they_are_now
            an_unknown_room_has_no_log
            an_unknown_room_takes_no_change
            positions_above_the_head_find_nothing
            a_long_log_has_no_holes
            all_rooms_are_listed_by_id
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
            subjects_are_told_apart_byte_for_byte
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
            a_member_begins_at_the_join
            a_member_is_added_once
            open_rooms_alone_are_joined
            who_goes_is_no_member
            a_direct_room_keeps_its_members
            who_comes_back_begins_anew
            history_may_begin_with_the_join
            hidden_messages_are_no_targets
            the_eldest_moderator_inherits
            else_the_eldest_member_inherits
            nobody_inherits_while_an_owner_is_left
            an_heir_takes_over_however_the_owner_goes
            ownership_is_handed_over
            the_host_hands_over
            ownership_goes_on_within_a_batch
            a_muted_member_writes_nothing_until_it_ends
            mutes_are_changed_and_taken_back
            a_mute_stays_through_a_change_of_role
            a_mute_outlasts_leaving
            a_clock_ahead_ends_no_mute_and_no_ban
            a_banned_user_stays_out_until_it_ends
            adding_does_away_with_a_ban_that_ran_out
            a_ban_without_a_member_is_silent
            bans_are_listed_and_lifted
            a_message_carries_what_was_sent
            mentions_are_of_members_each_once
            replies_name_messages_of_the_room
            threads_do_not_nest
            the_sender_alone_edits
            an_edit_to_the_same_is_no_change
            messages_are_found_by_their_ids
            earlier_versions_are_kept
            deleted_content_is_gone_everywhere
            a_deleted_message_takes_no_change
            a_tombstone_keeps_its_place
            reactions_are_counted_by_kind
            emoji_are_told_apart
            kinds_of_reactions_are_bounded
            members_react_to_messages
            pages_before_a_position
            pages_after_a_position
            pages_around_a_position
            pages_begin_where_the_readers_log_does
            pages_of_a_thread
            pages_are_of_one_room
            pointers_go_forward_up_to_the_head
            pointers_are_answered_in_order
            an_own_send_moves_the_own_pointers
            unread_counts_messages_above_the_pointer
            mentions_count_as_they_stand
            unread_counts_are_capped
            unread_is_of_the_rooms_one_is_in
            rooms_are_listed_by_activity
            a_listed_room_says_how_one_stands
            a_direct_room_has_a_peer
            the_last_message_is_for_members
            memberships_are_listed_by_activity
            members_are_listed_by_id
            members_of_rooms_are_those_of_each
            acquaintances_share_a_room
            acquaintances_are_listed_by_id
            open_rooms_are_found_by_name
            open_rooms_are_listed_by_activity
            messages_are_found_by_their_words
            pieces_of_text_without_spaces_are_found
            no_text_of_a_search_is_special
            what_is_not_said_any_more_is_not_found
            what_the_reader_may_not_see_is_not_found
            found_messages_come_newest_first_page_by_page
            random_words_are_found
            blocks_are_made_and_taken_back
            a_blocked_user_writes_no_direct_messages
            who_blocks_is_added_by_others_alone
            who_blocks_is_not_named
            a_message_is_reported_once_by_a_user
            a_report_keeps_what_was_said
            only_what_stands_is_reported
            reports_are_listed_newest_first
            moderators_see_reports_of_their_rooms
            reports_are_decided
            what_moderators_did_is_kept
            what_was_refused_is_in_no_trail
            the_trail_is_read_newest_first
            a_page_of_the_trail_has_its_limit
            an_upload_is_there_once_it_is_finished
            a_file_is_sent_once_and_by_its_uploader
            a_file_goes_to_the_room_it_is_for
            a_removed_upload_is_gone
            old_unsent_files_are_removed
            deleted_files_are_listed_until_forgotten
            profiles_are_kept_and_replaced
            last_seen_never_goes_back
            the_epoch_stands_until_renewed
            random_changes_leave_what_a_naive_model_expects
        }
        $crate::store_suite! { @threads $setup:
            positions_stay_dense_under_contention
            equal_sends_at_once_are_one
            different_sends_under_one_key_at_once
            equal_rooms_at_once_are_one
            nothing_of_a_removed_member_is_above_the_removal
            a_room_keeps_an_owner_whoever_leaves_at_once
            members_stay_what_the_log_says
            reads_beside_writes_are_of_one_moment
            pointers_moved_at_once_end_at_the_greatest
            a_file_sent_twice_at_once_is_sent_once
            one_of_many_renewals_of_the_epoch_wins
            equal_reports_at_once_are_one
            blocks_are_bounded_also_at_once
            nothing_passes_a_block_that_stands
            no_direct_room_is_made_past_a_block
        }
        $crate::store_suite! { @pair $setup:
            the_epoch_is_made_at_random
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
            include_str!("long.rs"),
            include_str!("repeats.rs"),
            include_str!("contention.rs"),
            include_str!("rooms.rs"),
            include_str!("roles.rs"),
            include_str!("members.rs"),
            include_str!("succession.rs"),
            include_str!("mutes.rs"),
            include_str!("messages.rs"),
            include_str!("deletes.rs"),
            include_str!("reactions.rs"),
            include_str!("pages.rs"),
            include_str!("pointers.rs"),
            include_str!("lists.rs"),
            include_str!("search.rs"),
            include_str!("message_search.rs"),
            include_str!("attachments.rs"),
            include_str!("profiles.rs"),
            include_str!("blocks.rs"),
            include_str!("reports.rs"),
            include_str!("model.rs"),
            include_str!("moment.rs"),
        ];
        for line in cases.iter().flat_map(|file| file.lines()) {
            if let Some(rest) = line.strip_prefix("pub async fn ") {
                let name = rest.split('(').next().unwrap();
                assert!(list.lines().any(|line| line.trim() == name), "{name} is not listed");
            }
        }
    }

    /// What must hold has a case, or says who shows it.
    #[test]
    fn every_line_of_the_contracts_names_a_case() {
        for contract in [include_str!("../../store/mod.rs"), include_str!("../../bus/mod.rs")] {
            let mut lines = contract.lines().map(|line| line.trim_start().trim_start_matches("///"));
            while let Some(line) = lines.next() {
                if line != " # To ensure correctness" {
                    continue;
                }
                // To the next heading, or the end of the comment.
                let within =
                    |line: &&str| line.starts_with([' ']) && !line.starts_with(" #") || line.is_empty();
                let said: Vec<&str> = lines.by_ref().take_while(within).collect();
                for promise in said.join("\n").split("\n - ").map(|said| said.trim_start_matches(" - ")) {
                    let shown = promise.contains("(suite:") || promise.contains("for itself");
                    assert!(shown || promise.contains("for themselves"), "nothing shows that: {promise}");
                }
            }
        }
    }

    /// What the contract says must have cases that exist.
    #[test]
    fn every_case_that_the_contract_names_is_listed() {
        let list = include_str!("mod.rs");
        let contract = include_str!("../../store/mod.rs").replace("///", " ");
        let mut named = 0;
        for said in contract.split("(suite:").skip(1) {
            let cases = said.split(')').next().unwrap();
            for name in cases.split('`').skip(1).step_by(2) {
                assert!(list.lines().any(|line| line.trim() == name), "{name} is no case");
                named += 1;
            }
        }
        assert!(named > 40, "{named}");
    }
}
