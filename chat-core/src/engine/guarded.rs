//! The code of the host and of backends' authors: a panic of theirs fails the one call that met it.
//!
//! Loops that run for as long as the engine does make such calls. A panic that went through them would end them for
//! good, and nobody would take up what they had begun.

use std::{
    any::Any,
    error::Error,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::FutureExt as _;

use super::metrics;
use crate::{
    bus::{Bus, BusError, Edge, Lease, Leases, Payload, Quota, QuotaKey, Topic},
    event::Event,
    hooks::{Action, ActionKind, Denied, Draft, Hooks, OnHookTimeout, Policy, Principal, UserDirectory},
    limits::Rate,
    model::{ConnectionId, Profile, UserId},
    signal::PresenceStatus,
};

/// A call ended in a panic.
#[derive(Debug, thiserror::Error)]
#[error("{whose} panicked: {message}")]
pub(crate) struct Panicked {
    whose: &'static str,
    message: String,
}

impl Panicked {
    fn note(whose: &'static str, payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = text.unwrap_or("without a message").to_owned();
        metrics::panicked(whose);
        tracing::error!(message, "{whose} panicked");
        Self { whose, message }
    }
}

/// Makes a call. It is to be begun inside of `call`: one that is written by hand may panic before it gives a future.
pub(crate) async fn caught<T>(whose: &'static str, call: impl Future<Output = T>) -> Result<T, Panicked> {
    // What is left half-done is the author's own; a draft that is lent mutably is thrown away.
    AssertUnwindSafe(call).catch_unwind().await.map_err(|payload| Panicked::note(whose, &*payload))
}

fn caught_now<T>(whose: &'static str, call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| Panicked::note(whose, &*payload))
}

/// Calls something of another's.
pub(crate) struct Guarded<T: ?Sized>(pub(crate) Arc<T>);

impl<T: fmt::Debug + ?Sized> fmt::Debug for Guarded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const POLICY: &str = "the host's policy";
const HOOKS: &str = "a hook of the host";
const DIRECTORY: &str = "the host's directory";
const BUS: &str = "the bus";
pub(crate) const STORE: &str = "the store";

#[async_trait]
impl Policy for Guarded<dyn Policy> {
    fn concerns(&self, kind: ActionKind) -> bool {
        caught_now(POLICY, || self.0.concerns(kind)).unwrap_or(true)
    }

    /// Not refused for good: that would take rooms from users.
    async fn check(&self, principal: &Principal, action: &Action<'_>) -> Result<(), Denied> {
        let denied = |_| Err(Denied::for_now("the host's policy failed; nothing was done"));
        caught(POLICY, async { self.0.check(principal, action).await }).await.unwrap_or_else(denied)
    }
}

#[async_trait]
impl Hooks for Guarded<dyn Hooks> {
    fn has_before(&self) -> bool {
        caught_now(HOOKS, || self.0.has_before()).unwrap_or(true)
    }

    fn has_after(&self) -> bool {
        caught_now(HOOKS, || self.0.has_after()).unwrap_or(true)
    }

    fn on_timeout(&self) -> OnHookTimeout {
        caught_now(HOOKS, || self.0.on_timeout()).unwrap_or_default()
    }

    /// Not caught: that it failed cannot be said here. Whoever calls it does so by [`before_message`].
    async fn before_message(&self, principal: &Principal, draft: &mut Draft) -> Result<(), Denied> {
        self.0.before_message(principal, draft).await
    }

    async fn after(&self, event: &Event) {
        drop(caught(HOOKS, async { self.0.after(event).await }).await);
    }
}

/// [`Hooks::before_message`], and whether it panicked.
pub(crate) async fn before_message(
    hooks: &dyn Hooks,
    principal: &Principal,
    draft: &mut Draft,
) -> Result<Result<(), Denied>, Panicked> {
    caught(HOOKS, async { hooks.before_message(principal, draft).await }).await
}

#[async_trait]
impl UserDirectory for Guarded<dyn UserDirectory> {
    async fn profiles(&self, users: &[UserId]) -> Result<Vec<Profile>, Box<dyn Error + Send + Sync>> {
        caught(DIRECTORY, async { self.0.profiles(users).await }).await?
    }
}

fn bus_error(operation: &'static str) -> impl FnOnce(Panicked) -> BusError {
    move |panicked| BusError::new(operation).with_source(panicked)
}

#[async_trait]
impl Bus for Guarded<dyn Bus> {
    fn publish(&self, topic: Topic, payload: Payload) {
        // What was not published is found as what the bus lost is.
        drop(caught_now(BUS, || self.0.publish(topic, payload)));
    }

    async fn subscribe(&self, topics: &[Topic]) -> Result<(), BusError> {
        caught(BUS, async { self.0.subscribe(topics).await }).await.map_err(bus_error("subscribe"))?
    }

    async fn unsubscribe(&self, topics: &[Topic]) {
        drop(caught(BUS, async { self.0.unsubscribe(topics).await }).await);
    }

    async fn renew_epoch(&self, epoch: &str) -> Result<(), BusError> {
        caught(BUS, async { self.0.renew_epoch(epoch).await }).await.map_err(bus_error("renew_epoch"))?
    }

    fn is_healthy(&self) -> bool {
        caught_now(BUS, || self.0.is_healthy()).unwrap_or(false)
    }
}

#[async_trait]
impl Leases for Guarded<dyn Leases> {
    async fn renew(&self, leases: &[Lease], ttl: Duration) -> Result<Vec<Edge>, BusError> {
        caught(BUS, async { self.0.renew(leases, ttl).await }).await.map_err(bus_error("renew"))?
    }

    async fn release(&self, leases: &[(UserId, ConnectionId)]) -> Result<Vec<Edge>, BusError> {
        caught(BUS, async { self.0.release(leases).await }).await.map_err(bus_error("release"))?
    }

    async fn read(&self, users: &[UserId]) -> Result<Vec<PresenceStatus>, BusError> {
        caught(BUS, async { self.0.read(users).await }).await.map_err(bus_error("read"))?
    }

    async fn expired(&self) -> Result<Vec<Edge>, BusError> {
        caught(BUS, async { self.0.expired().await }).await.map_err(bus_error("expired"))?
    }
}

impl Quota for Guarded<dyn Quota> {
    /// Lets pass where nothing is known.
    fn take(&self, key: QuotaKey, cost: u32, rate: Rate) -> Result<(), Duration> {
        caught_now(BUS, || self.0.take(key, cost, rate)).unwrap_or(Ok(()))
    }
}
