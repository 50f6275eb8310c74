//! From one connection to the next: connecting, subscribing, publishing, probing, until anything is wrong.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chat_core::bus::{Lost, Topic};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    driver::{Arrival, Connection, DriverError, Lifeline, Messages},
    metrics,
    names::Names,
    node::Node,
    outbox::{Losses, Outbox},
    wire::Said,
};

/// Before a connection is tried again, at first and at most. Each failure doubles it.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(3);

/// Between two looks at subscriptions whose grace is over.
const RELEASE_LOOK: Duration = Duration::from_secs(1);

/// Messages published by one round trip.
const BATCH_MAX: usize = 256;

/// Why a connection was given up.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the connection was closed")]
    Closed,
    #[error("nothing comes back")]
    Deaf,
    #[error("scripts do not get through to a primary")]
    Unwritable,
    #[error("the epoch was renewed")]
    Renamed,
    #[error(transparent)]
    Driver(#[from] DriverError),
}

/// Keeps a node connected, for ever.
pub(crate) async fn live(node: &Arc<Node>) {
    let mut retry = RETRY_MIN;
    loop {
        match Connection::open(&node.target).await {
            Ok((connection, messages, lifeline)) => {
                let Err(ended) = serve(node, Arc::new(connection), messages, lifeline).await;
                if node.health.is_up() {
                    retry = RETRY_MIN;
                }
                node.away();
                if matches!(ended, Ended::Renamed) {
                    continue;
                }
                metrics::disconnected();
                tracing::warn!(node = %node.id, reason = &ended as &dyn std::error::Error, "lost Redis");
                if matches!(ended, Ended::Deaf) {
                    metrics::probe_missed();
                    node.tell_lost(Lost::All);
                }
            }
            Err(error) => {
                metrics::connect_failed();
                tracing::warn!(node = %node.id, error = &error as &dyn std::error::Error, "cannot reach Redis");
                if !node.was_away.load(Ordering::Acquire) {
                    node.tell_lost(Lost::All);
                }
                node.away();
            }
        }
        sleep(jittered(retry)).await;
        retry = (2 * retry).min(RETRY_MAX);
    }
}

/// Uses a connection until it is of no use.
async fn serve(
    node: &Arc<Node>,
    connection: Arc<Connection>,
    messages: Messages,
    mut lifeline: Lifeline,
) -> Result<Infallible, Ended> {
    let names = node.names();
    node.topics.lock().restart();
    let mut pump = JoinSet::new();
    pump.spawn(hear(Arc::clone(node), messages));
    node.reach.gain(Arc::clone(&connection));
    let work = async {
        connection.subscribe(&node.own_channels(&names)).await?;
        settle(node, &names, &connection).await?;
        // Probes are late from now on, however long it took to subscribe to everything.
        node.health.begin(node.probes().len());
        // Only now: what is published from here on comes in.
        if node.was_away.swap(false, Ordering::AcqRel) {
            node.tell_lost(Lost::All);
        }
        tokio::select! {
            ended = keep_subscribed(node, &names, &connection) => ended,
            ended = publish(node, &connection) => ended,
            ended = probe(node) => ended,
        }
    };
    tokio::select! {
        ended = work => ended,
        () = lifeline.ended() => Err(Ended::Closed),
        () = connection.broken() => Err(Ended::Unwritable),
        _ = pump.join_next() => Err(Ended::Closed),
        () = node.renamed(&names) => Err(Ended::Renamed),
    }
}

/// Takes what comes in, and does nothing else.
async fn hear(node: Arc<Node>, mut messages: Messages) {
    loop {
        match messages.next().await {
            Arrival::Message(message) => node.hear(message.channel(), message.payload()),
            Arrival::Missed(missed) => {
                metrics::overrun(missed);
                node.tell_lost(Lost::All);
            }
            Arrival::End => return,
        }
    }
}

/// Subscribes to what is wanted and not subscribed to, and has it confirmed.
async fn settle(node: &Node, names: &Arc<Names>, connection: &Connection) -> Result<(), Ended> {
    // A connection made under other names must confirm nothing: it is about to end.
    let missing = node.topics.lock().take_missing(names);
    let (channels, ticket) = missing.ok_or(Ended::Renamed)?;
    connection.subscribe(&channels).await?;
    if !node.target.is_cluster() {
        let mark = node.health.next();
        if let (Some(channel), Some(message)) = (node.probes().first(), node.writer.write(&Said::Mark(mark)))
        {
            connection.echo(channel, message).await?;
            let heard = timeout(node.options.command_timeout, node.health.marked(mark));
            heard.await.map_err(|_| Ended::Deaf)?;
        }
    }
    let late = node.topics.lock().confirm(&channels);
    node.confirmed.send_replace(ticket);
    if !late.is_empty() {
        node.tell_lost(Lost::Topics(late));
    }
    Ok(())
}

async fn keep_subscribed(
    node: &Node,
    names: &Arc<Names>,
    connection: &Connection,
) -> Result<Infallible, Ended> {
    loop {
        let wanted = timeout(RELEASE_LOOK, node.topics_wanted.notified()).await;
        if wanted.is_ok() {
            settle(node, names, connection).await?;
        }
        let released = node.topics.lock().take_released(node.options.release_grace, Instant::now());
        connection.unsubscribe(&released).await?;
    }
}

/// Sends probes, and looks whether they come back.
async fn probe(node: &Node) -> Result<Infallible, Ended> {
    let (interval, limit) = (node.options.probe_interval, node.options.probe_timeout);
    loop {
        node.probe_due.notify_one();
        let sent = Instant::now();
        while sent.elapsed() < interval {
            sleep((limit / 10).min(interval)).await;
            if node.health.is_deaf(limit) {
                return Err(Ended::Deaf);
            }
        }
    }
}

/// Publishes what waits, with the probes among it, and what was lost.
async fn publish(node: &Node, connection: &Connection) -> Result<Infallible, Ended> {
    loop {
        let mut batch = Batch::new(&node.outbox);
        tokio::select! {
            biased;
            () = node.probe_due.notified() => batch.add_probes(node),
            () = node.outbox.filled() => {}
        }
        batch.add_waiting(node);
        let results = connection.publish(batch.messages.split_off(0)).await;
        batch.settle(results)?;
    }
}

/// What is on its way to Redis. What does not arrive for certain is told as lost with a later batch.
struct Batch<'a> {
    outbox: &'a Outbox,
    messages: Vec<(String, Vec<u8>)>,
    about: Vec<About>,
}

enum About {
    Topic(Topic),
    Everything,
    Probe,
}

impl<'a> Batch<'a> {
    const fn new(outbox: &'a Outbox) -> Self {
        Self { outbox, messages: Vec::new(), about: Vec::new() }
    }

    fn add(&mut self, node: &Node, about: About, channel: String, said: &Said) {
        if let Some(message) = node.writer.write(said) {
            self.about.push(about);
            self.messages.push((channel, message));
        }
    }

    fn add_probes(&mut self, node: &Node) {
        for channel in node.probes() {
            self.add(node, About::Probe, channel.clone(), &Said::Probe(node.health.next()));
        }
    }

    fn add_waiting(&mut self, node: &Node) {
        let (names, messages, losses) = node.take_outgoing(BATCH_MAX);
        if losses.everything {
            self.add(node, About::Everything, names.everyone(), &Said::Lost);
        }
        for topic in losses.topics {
            let channel = names.channel(&topic);
            self.add(node, About::Topic(topic), channel, &Said::Lost);
        }
        for (topic, payload) in messages {
            let channel = names.channel(&topic);
            self.add(node, About::Topic(topic), channel, &Said::Payload(payload));
        }
    }

    fn settle(&mut self, results: Vec<Result<(), DriverError>>) -> Result<(), DriverError> {
        let mut broken = None;
        for (about, result) in self.about.split_off(0).into_iter().zip(results) {
            let Err(error) = result else { continue };
            self.outbox.failed(about.into_losses());
            if error.is_broken() {
                broken = Some(error);
            }
        }
        broken.map_or(Ok(()), Err)
    }
}

impl About {
    fn into_losses(self) -> Losses {
        match self {
            Self::Topic(topic) => Losses { topics: [topic].into(), everything: false },
            Self::Everything => Losses { everything: true, ..Losses::default() },
            Self::Probe => Losses::default(),
        }
    }
}

/// Also where the connection ends while they are on their way.
impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for about in self.about.drain(..) {
            self.outbox.failed(about.into_losses());
        }
    }
}

/// Between half of it and all, so that nodes do not come back all at once.
fn jittered(wait: Duration) -> Duration {
    let part = getrandom::u32().unwrap_or(u32::MAX) >> 16;
    wait / 2 + wait / 2 * part / u32::from(u16::MAX)
}
