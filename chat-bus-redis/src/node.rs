//! What the parts of one node share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chat_core::{
    bus::{BusError, BusMessage, Incoming, Lost, Payload, Topic},
    model::NodeId,
};
use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::timeout,
};

use crate::{
    driver::{Connection, DriverError, Script, Target},
    health::Health,
    inbox::Inbox,
    metrics,
    names::{Names, SHARDS},
    options::RedisOptions,
    outbox::{Losses, Outbox},
    reach::Reach,
    topics::Topics,
    wire::{self, Read, Said, Writer},
};

/// A node of the bus, for as long as its link lives.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    names: RwLock<Arc<Names>>,
    pub(crate) options: RedisOptions,
    pub(crate) target: Arc<Target>,
    pub(crate) writer: Writer,
    pub(crate) topics: Mutex<Topics>,
    /// There is something to subscribe to.
    pub(crate) topics_wanted: Notify,
    /// The greatest ticket of [`Topics`] that Redis has confirmed.
    pub(crate) confirmed: watch::Sender<u64>,
    pub(crate) outbox: Outbox,
    /// The connection is to be given up for one under other names.
    renamed: Notify,
    /// Probes are to be sent.
    pub(crate) probe_due: Notify,
    pub(crate) health: Health,
    /// Whether messages may have been lost before the connection that is made next.
    pub(crate) was_away: AtomicBool,
    /// The connection, while there is one.
    pub(crate) reach: Reach<Connection>,
    /// None when the link is gone.
    inbox: Mutex<Option<Inbox>>,
    /// This node's channels to itself, one for each shard that must be watched.
    probes: Vec<String>,
}

impl Node {
    pub(crate) fn new(
        id: NodeId,
        epoch: &str,
        target: Arc<Target>,
        options: RedisOptions,
    ) -> Result<(Self, mpsc::Receiver<Incoming>), BusError> {
        let life = getrandom::u64().map_err(|error| BusError::new("joining").with_source(error))?;
        let names = Arc::new(Names::new(&options.prefix, epoch));
        let (inbox, incoming) = Inbox::new(options.incoming_max);
        // One server has all or nothing; a cluster may move each slot away.
        let watched = if target.is_cluster() { SHARDS } else { 1 };
        let node = Self {
            id,
            writer: Writer::new(id),
            topics: Mutex::new(Topics::new(Arc::clone(&names))),
            topics_wanted: Notify::new(),
            confirmed: watch::Sender::new(0),
            outbox: Outbox::new(options.outgoing_max),
            renamed: Notify::new(),
            probe_due: Notify::new(),
            health: Health::new(),
            was_away: AtomicBool::new(false),
            reach: Reach::new(),
            inbox: Mutex::new(Some(inbox)),
            probes: (0..watched).map(|shard| names.probe(shard, life)).collect(),
            names: RwLock::new(names),
            options,
            target,
        };
        Ok((node, incoming))
    }

    /// Takes what came in on a channel. Never waits.
    pub(crate) fn hear(&self, channel: &str, message: &[u8]) {
        let topic = self.topics.lock().wanted(channel);
        if let Some(topic) = topic {
            self.hear_on(topic, message);
        } else if let Some(shard) = self.probes.iter().position(|probe| probe == channel) {
            match wire::read(message) {
                Read::Said { said: Said::Probe(count), .. } => self.health.probe_heard(shard, count),
                Read::Said { said: Said::Mark(count), .. } => self.health.mark_heard(count),
                _ => metrics::not_understood(),
            }
        } else if channel == self.names().everyone() && !self.writer.is_own(message) {
            // Whatever it is, it is for everyone and about no topic.
            self.tell_lost(Lost::All);
        }
    }

    fn hear_on(&self, topic: Topic, message: &[u8]) {
        if self.writer.is_own(message) {
            return;
        }
        match wire::read(message) {
            Read::Said { from, .. } if from == self.id => {}
            Read::Said { from, said: Said::Payload(payload) } => {
                self.tell(Incoming::Message(BusMessage { from, topic, payload }));
            }
            Read::Said { said: Said::Lost, .. } => self.tell_lost(Lost::Topics(vec![topic])),
            Read::Said { .. } | Read::Ignored => metrics::not_understood(),
            Read::Unknown => {
                metrics::not_understood();
                self.tell_lost(Lost::Topics(vec![topic]));
            }
        }
    }

    /// The engine is told.
    pub(crate) fn tell_lost(&self, lost: Lost) {
        self.tell(Incoming::Lost(lost));
    }

    fn tell(&self, incoming: Incoming) {
        if let Some(inbox) = &mut *self.inbox.lock() {
            inbox.offer(incoming);
        }
    }

    /// The engine is told nothing more, and its stream ends.
    pub(crate) fn close(&self) {
        self.inbox.lock().take();
        self.reach.lose();
        self.health.end();
    }

    /// Resolves when the node belongs to another epoch than `names` do.
    pub(crate) async fn renamed(&self, names: &Arc<Names>) {
        while Arc::ptr_eq(names, &self.names()) {
            self.renamed.notified().await;
        }
    }

    /// Channels that stay subscribed, whatever the engine wants.
    pub(crate) fn own_channels(&self, names: &Names) -> Vec<Arc<str>> {
        let everyone = names.everyone();
        self.probes.iter().chain([&everyone]).map(|channel| channel.as_str().into()).collect()
    }

    pub(crate) fn probes(&self) -> &[String] {
        &self.probes
    }

    pub(crate) fn names(&self) -> Arc<Names> {
        Arc::clone(&self.names.read())
    }

    /// The next messages to publish, with the names of the epoch that they belong to.
    pub(crate) fn take_outgoing(&self, count: usize) -> (Arc<Names>, Vec<(Topic, Payload)>, Losses) {
        let names = self.names.read();
        (Arc::clone(&names), self.outbox.take(count), self.outbox.take_losses())
    }

    /// Belongs to another epoch from here on; the ticket to wait for.
    pub(crate) fn renew(&self, epoch: &str) -> u64 {
        let names = Arc::new(Names::new(&self.options.prefix, epoch));
        {
            let mut current = self.names.write();
            *current = Arc::clone(&names);
            // What was to be told of a log that is gone is not for those of the new one.
            self.outbox.clear();
        }
        let ticket = self.topics.lock().rename(names);
        self.renamed.notify_one();
        ticket
    }

    /// There was no connection in time: the engine starts without.
    pub(crate) fn start_away(&self) {
        self.was_away.store(true, Ordering::Release);
        self.tell_lost(Lost::All);
    }

    /// Messages may be lost until there is a connection again.
    pub(crate) fn away(&self) {
        self.was_away.store(true, Ordering::Release);
        self.reach.lose();
        self.health.end();
    }

    /// Runs a script on the connection there is, or is in a moment; at once in vain while Redis is known to be away.
    pub(crate) async fn run(
        &self,
        script: &Script,
        keys: Vec<String>,
        arguments: Vec<Vec<u8>>,
    ) -> Result<Vec<String>, DriverError> {
        self.reach.connection().await?.run(script, keys, arguments).await
    }

    /// Waits until Redis has confirmed what a ticket stands for: for the time of a command, and not while Redis is
    /// known to be away.
    ///
    /// # Errors
    /// Not confirmed.
    pub(crate) async fn confirmed(&self, ticket: u64) -> Result<(), DriverError> {
        let mut confirmed = self.confirmed.subscribe();
        let confirmed = confirmed.wait_for(|confirmed| *confirmed >= ticket);
        tokio::select! {
            biased;
            // The sender is here: it does not close.
            in_time = timeout(self.options.command_timeout, confirmed) => match in_time {
                Ok(_) => Ok(()),
                Err(_) => Err(DriverError::Broken(None)),
            },
            () = self.reach.away() => Err(DriverError::Away),
        }
    }
}
