//! What every bus must do: [`bus_suite!`](crate::bus_suite).
//!
//! Waiting is for conditions, with a deadline far beyond what a working bus needs. A case joins two or three nodes
//! to the cluster it is given and expects nobody else there.

mod leases;
mod messages;
mod peer;
mod quota;
#[cfg(test)]
mod spoilt;

pub use leases::*;
pub use messages::*;
pub use quota::*;

/// Makes a test of each line of the contract of [`Cluster`](crate::bus::Cluster) and what it hands out: one line
/// for a backend.
///
/// `setup` is an async function without arguments that gives a guard, dropped at the end of the case, and a
/// [`Cluster`](crate::bus::Cluster) (or an `Arc<dyn Cluster>`) that nobody else uses. It is called for each case.
/// The calling crate needs `tokio` with its test macro.
///
/// ```
/// # mod tests {
/// use chat_core::memory::LocalBus;
///
/// async fn setup() -> ((), LocalBus) {
///     ((), LocalBus::default())
/// }
///
/// chat_core::bus_suite!(setup);
/// # }
/// ```
#[macro_export]
macro_rules! bus_suite {
    (@each $setup:path: $($case:ident)*) => {$(
        #[tokio::test]
        async fn $case() {
            let (guard, cluster) = $setup().await;
            $crate::testkit::bus_suite::$case(&cluster).await;
            drop(guard);
        }
    )*};
    ($setup:path) => {
        $crate::bus_suite! { @each $setup:
            published_messages_reach_the_other_nodes
            every_payload_arrives_as_it_was
            a_publisher_does_not_get_its_own
            topics_not_subscribed_to_are_not_delivered
            topics_are_kept_apart_whatever_their_names
            a_confirmed_subscription_gets_what_is_published_after
            subscribing_twice_delivers_once
            many_topics_in_one_call
            an_ended_subscription_gets_nothing_more
            messages_of_a_topic_keep_their_order
            overflow_is_told_as_lost
            another_epoch_is_ignored
            a_renewed_epoch_parts_nodes_and_joins_them
            dropping_the_link_leaves
            a_node_that_comes_back_starts_afresh
            lease_first_connection_is_an_edge
            lease_last_connection_is_an_edge
            lease_greatest_status_counts
            lease_renewed_outlives_its_first_time
            lease_expiry_is_told_once_asked
            lease_expiry_leaves_what_the_others_say
            lease_expired_counts_no_more_before_it_is_told
            lease_release_is_idempotent
            lease_reads_answer_in_the_order_asked
            lease_many_in_one_call
            quota_grants_the_burst_and_no_more
            quota_refusal_takes_nothing_and_names_the_wait
            quota_cost_counts_and_above_the_burst_is_never_granted
            quota_keys_have_budgets_of_their_own
            quota_stays_below_burst_and_rate
        }
    };
}

#[cfg(test)]
mod tests {
    /// A case that is written and not listed would prove nothing.
    #[test]
    fn every_case_is_listed() {
        let list = include_str!("mod.rs");
        let cases = [include_str!("messages.rs"), include_str!("leases.rs"), include_str!("quota.rs")];
        for line in cases.iter().flat_map(|file| file.lines()) {
            if let Some(rest) = line.strip_prefix("pub async fn ") {
                let name = rest.split('(').next().unwrap();
                assert!(list.lines().any(|line| line.trim() == name), "{name} is not listed");
            }
        }
    }
}
