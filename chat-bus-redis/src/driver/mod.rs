//! The only place that knows the client library.
//!
//! fred is used without its own reconnection: a [`Connection`] lives until anything is wrong with it and is then
//! replaced as a whole, so that there is one moment after which everything is subscribed again, and none in which
//! commands of before are repeated. What must be known of fred is said where it matters.

mod target;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::{ClientLike, EventInterface, LuaInterface, PubsubInterface},
    types::{ClusterStateChange, ConnectHandle, Message, Value},
};
use futures::{StreamExt, TryStreamExt, stream};
use sha1::{Digest, Sha1};
use tokio::{
    sync::{
        Notify,
        broadcast::{Receiver, error::RecvError},
    },
    time::timeout,
};

pub(crate) use self::target::Target;

/// Channels named by one command.
const CHANNELS_MAX: usize = 256;

/// Two connections (for each server of a cluster): one that messages come in by, one for everything else. Only one
/// publishes, so that what a node publishes keeps its order.
pub(crate) struct Connection {
    subscriber: Client,
    publisher: Client,
    is_cluster: bool,
    /// A script showed that the connection is of no use.
    broken: Notify,
}

/// What comes in.
pub(crate) struct Messages(Receiver<Message>);

/// What keeps a connection open: dropped, it is closed, whoever still holds it.
pub(crate) struct Lifeline {
    tasks: [Running; 2],
    changes: [Receiver<Vec<ClusterStateChange>>; 2],
}

/// A task of fred's that owns sockets.
struct Running(ConnectHandle);

/// One thing that came in.
pub(crate) enum Arrival {
    Message(Arrived),
    /// So many did not.
    Missed(u64),
    End,
}

/// A message as Redis brought it.
pub(crate) struct Arrived(Message);

/// A Lua script, sent as a whole only to a server that does not know it.
pub(crate) struct Script {
    text: &'static str,
    hash: OnceLock<String>,
}

/// Why something did not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriverError {
    /// The connection is of no use any more, or was too slow.
    #[error("the connection to Redis failed")]
    Broken(#[source] Option<Error>),
    /// There has been no connection for a while.
    #[error("Redis is away")]
    Away,
    /// Redis answered with an error.
    #[error("Redis refused")]
    Refused(#[source] Error),
}

impl DriverError {
    pub(crate) const fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }
}

impl From<Error> for DriverError {
    fn from(error: Error) -> Self {
        // A server that became a replica takes no writes: the connection must find the new primary. (Before Redis 7
        // a script's errors are quoted in another.)
        let is_answer = match error.kind() {
            ErrorKind::Auth | ErrorKind::InvalidCommand | ErrorKind::InvalidArgument => true,
            ErrorKind::Unknown => !error.details().contains("READONLY ") && is_code(error.details()),
            _ => false,
        };
        if is_answer { Self::Refused(error) } else { Self::Broken(Some(error)) }
    }
}

/// Whether a text begins as errors of Redis do: with a word in capitals.
fn is_code(details: &str) -> bool {
    let word = details.split(' ').next().unwrap_or_default();
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

impl Connection {
    /// Connects. Messages are taken from the first on.
    pub(crate) async fn open(target: &Target) -> Result<(Self, Messages, Lifeline), DriverError> {
        let config = target.next();
        let client = |subscribes| {
            let performance = target.performance(subscribes);
            // Without a policy fred does not reconnect.
            Client::new(config.clone(), Some(performance), Some(target.connection.clone()), None)
        };
        let (subscriber, publisher) = (client(true), client(false));
        let messages = Messages(subscriber.message_rx());
        let both = async { tokio::try_join!(Running::start(&subscriber), Running::start(&publisher)) };
        let tasks = timeout(target.connect_timeout, both).await.map_err(|_| DriverError::Broken(None))??;
        let changes = [subscriber.cluster_change_rx(), publisher.cluster_change_rx()];
        let lifeline = Lifeline { tasks: tasks.into(), changes };
        let connection =
            Self { subscriber, publisher, is_cluster: target.is_cluster(), broken: Notify::new() };
        Ok((connection, messages, lifeline))
    }

    /// Subscribes. In a cluster this is confirmed; else it is only on its way, before whatever follows on the same
    /// connection: see [`Connection::echo`].
    pub(crate) async fn subscribe(&self, channels: &[Arc<str>]) -> Result<(), DriverError> {
        if self.is_cluster {
            // One channel a command: Redis confirms each by a frame of its own, and fred takes the first for the
            // answer and the next for the answer to the next command.
            let each: Vec<_> =
                channels.iter().map(|channel| self.subscriber.ssubscribe(channel.to_string())).collect();
            return Ok(stream::iter(each).buffer_unordered(CHANNELS_MAX).try_collect().await?);
        }
        for chunk in channels.chunks(CHANNELS_MAX) {
            self.subscriber.subscribe(names(chunk)).await?;
        }
        Ok(())
    }

    /// Ends subscriptions, some time soon.
    pub(crate) async fn unsubscribe(&self, channels: &[Arc<str>]) -> Result<(), DriverError> {
        if self.is_cluster {
            let each: Vec<_> =
                channels.iter().map(|channel| self.subscriber.sunsubscribe(channel.to_string())).collect();
            return Ok(stream::iter(each).buffer_unordered(CHANNELS_MAX).try_collect().await?);
        }
        for chunk in channels.chunks(CHANNELS_MAX) {
            self.subscriber.unsubscribe(names(chunk)).await?;
        }
        Ok(())
    }

    /// Publishes on the connection that subscribes: what comes back follows every subscription made before.
    /// Not for clusters, where it could not be told to go to the server of the subscription.
    pub(crate) async fn echo(&self, channel: &str, payload: Vec<u8>) -> Result<(), DriverError> {
        Ok(self.subscriber.publish(channel, Value::Bytes(payload.into())).await?)
    }

    /// Publishes in this order; what became of each.
    pub(crate) async fn publish(&self, batch: Vec<(String, Vec<u8>)>) -> Vec<Result<(), DriverError>> {
        let count = batch.len();
        let pipeline = self.publisher.pipeline();
        for (channel, payload) in batch {
            let payload = Value::Bytes(payload.into());
            let queued: Result<(), Error> = if self.is_cluster {
                pipeline.spublish(channel, payload).await
            } else {
                pipeline.publish(channel, payload).await
            };
            if let Err(error) = queued {
                return vec![Err(error.into())];
            }
        }
        let mut results: Vec<_> =
            pipeline.try_all::<Value>().await.into_iter().map(|r| r.map(drop).map_err(Into::into)).collect();
        // Where the whole pipeline fails there is one answer for all.
        results.resize_with(count, || Err(DriverError::Broken(None)));
        results
    }

    /// Runs a script whose keys are of one slot. One that finds no primary, or gets no answer in time, ends the
    /// connection.
    pub(crate) async fn run(
        &self,
        script: &Script,
        keys: Vec<String>,
        arguments: Vec<Vec<u8>>,
    ) -> Result<Vec<String>, DriverError> {
        let arguments: Vec<Value> = arguments.into_iter().map(|bytes| Value::Bytes(bytes.into())).collect();
        let known = self.publisher.evalsha(script.hash(), keys.clone(), arguments.clone()).await;
        let found = match known {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                self.publisher.eval(script.text, keys, arguments).await
            }
            other => other,
        };
        found.map_err(|error| {
            let error = DriverError::from(error);
            if error.is_broken() {
                self.broken.notify_one();
            }
            error
        })
    }

    /// Resolves when a script has ended the connection.
    pub(crate) async fn broken(&self) {
        self.broken.notified().await;
    }
}

impl Running {
    async fn start(client: &Client) -> Result<Self, DriverError> {
        let connected = client.wait_for_connect();
        tokio::pin!(connected);
        // It listens from its first poll on, which must be before there is anything to hear.
        drop(futures::poll!(connected.as_mut()));
        let running = Self(client.connect());
        connected.await?;
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Lifeline {
    /// Resolves when the connection is of no use any more: closed, or to a cluster that has changed, where fred
    /// moves connections and forgets their subscriptions.
    pub(crate) async fn ended(&mut self) {
        let ([first, second], [one, other]) = (&mut self.tasks, &mut self.changes);
        tokio::select! {
            _ = &mut first.0 => {}
            _ = &mut second.0 => {}
            _ = one.recv() => {}
            _ = other.recv() => {}
        }
    }
}

impl Messages {
    /// The next. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Arrival {
        match self.0.recv().await {
            Ok(message) => Arrival::Message(Arrived(message)),
            Err(RecvError::Lagged(missed)) => Arrival::Missed(missed),
            Err(RecvError::Closed) => Arrival::End,
        }
    }
}

impl Arrived {
    pub(crate) fn channel(&self) -> &str {
        &self.0.channel
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.0.value.as_bytes().unwrap_or_default()
    }
}

impl Script {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, hash: OnceLock::new() }
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| Sha1::digest(self.text).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn names(channels: &[Arc<str>]) -> Vec<&str> {
    channels.iter().map(|channel| &**channel).collect()
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("is_cluster", &self.is_cluster).finish_non_exhaustive()
    }
}
