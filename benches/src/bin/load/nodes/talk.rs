//! Writers at one node, listeners at the other.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use futures::{
    SinkExt as _, StreamExt as _,
    future::join_all,
    stream::{SplitSink, SplitStream},
};
use serde::Deserialize;
use tokio::{net::TcpStream, time::sleep};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use super::cluster::Cluster;
use crate::{Fallible, base::Base, rest::Rest, target::Target};

/// Rooms of one writer and one listener.
const ROOMS_EACH: usize = 50;
/// The users' tokens are good for so long.
const TOKEN: Duration = Duration::from_secs(3_600);
/// How long a message may be on its way at the end.
const SETTLE_MAX: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);
/// A hundred bytes.
const CONTENT: &str =
    "The quick brown fox jumps over the lazy dog, and then it sits down and thinks about it for a while..";

type Socket = WebSocketStream<TcpStream>;

/// A message: its room and position.
type Place = (u64, u64);

/// When each message was heard of.
type Heard = Arc<Mutex<HashMap<Place, Instant>>>;

/// A message that was acknowledged, and when it was delivered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) acknowledged: Instant,
    pub(crate) delivered: Option<Instant>,
}

#[derive(Debug)]
struct Writer {
    out: SplitSink<Socket, Message>,
    rooms: Vec<u64>,
    next: usize,
}

/// Everyone, connected.
#[derive(Debug)]
pub(crate) struct House {
    writers: Vec<Writer>,
    acknowledged: Heard,
    delivered: Heard,
}

#[derive(Deserialize)]
struct Frame<'f> {
    r#type: &'f str,
    room_id: Option<u64>,
    seq: Option<u64>,
}

impl House {
    pub(crate) async fn open(cluster: &Cluster, rooms: u32) -> Fallible<Self> {
        let [here, there] = &cluster.nodes;
        let mut rest = Rest::connect(&here.base)?;
        let until = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)? + TOKEN;
        let token = |user: u64, at: &Target| at.signer.user(user, until.as_secs());
        let mut house =
            Self { writers: Vec::new(), acknowledged: Heard::default(), delivered: Heard::default() };
        let numbers: Vec<u32> = (0..rooms).collect();
        for (pair, numbers) in (0_u64..).zip(numbers.chunks(ROOMS_EACH)) {
            let (writer, listener) = (2 * pair + 1, 2 * pair + 2);
            let mut rooms = Vec::with_capacity(numbers.len());
            for number in numbers {
                let members = [listener.to_string()];
                rooms.push(rest.make_room(&token(writer, here), &format!("room {number}"), &members)?);
            }
            let listening = connect(&there.base, &token(listener, there)).await?;
            let (_, frames) = listening.split();
            tokio::spawn(listen(frames, "message", Arc::clone(&house.delivered)));
            let (out, frames) = connect(&here.base, &token(writer, here)).await?.split();
            tokio::spawn(listen(frames, "ok", Arc::clone(&house.acknowledged)));
            house.writers.push(Writer { out, rooms, next: 0 });
        }
        Ok(house)
    }

    /// Sends so many messages a second in all, each writer to its rooms in turn, whatever comes back.
    pub(crate) async fn write(&mut self, rate: u32, time: Duration) -> Fallible<()> {
        let count = self.writers.len();
        let every = Duration::from_secs_f64(count as f64 / f64::from(rate.max(1)));
        let begun = Instant::now();
        let writes = self.writers.iter_mut().enumerate().map(|(n, writer)| async move {
            // They take turns, rather than all at once.
            let mut due = begun + every.mul_f64(n as f64 / count as f64);
            while due < begun + time {
                tokio::time::sleep_until(due.into()).await;
                writer.send().await?;
                due += every;
            }
            Ok(())
        });
        join_all(writes).await.into_iter().collect()
    }

    /// Waits until all that was acknowledged is delivered, for a while.
    pub(crate) async fn settle(&self) {
        let begun = Instant::now();
        let mut last = 0;
        while begun.elapsed() < SETTLE_MAX {
            sleep(LOOK).await;
            let (sent, delivered) = (held(&self.acknowledged).len(), held(&self.delivered).len());
            if sent == delivered && sent == last {
                return;
            }
            last = sent;
        }
    }

    /// What was acknowledged from then on.
    pub(crate) fn heard(&self, since: Instant) -> Vec<Sent> {
        let delivered = held(&self.delivered);
        let acknowledged = held(&self.acknowledged);
        let sent = acknowledged.iter().filter(|(_, at)| **at >= since);
        sent.map(|(place, at)| Sent { acknowledged: *at, delivered: delivered.get(place).copied() }).collect()
    }
}

impl Writer {
    async fn send(&mut self) -> Fallible<()> {
        let room = self.rooms[self.next % self.rooms.len()];
        let frame =
            format!(r#"{{"type":"send","id":{},"room_id":{room},"content":"{CONTENT}"}}"#, self.next + 1);
        self.next += 1;
        Ok(self.out.send(Message::text(frame)).await?)
    }
}

async fn connect(base: &Base, token: &str) -> Fallible<Socket> {
    let tcp = TcpStream::connect(base.addr).await?;
    tcp.set_nodelay(true)?;
    let (mut socket, _) = client_async(format!("ws://{}{}/ws", base.host, base.mount), tcp).await?;
    let hello = format!(r#"{{"type":"hello","token":"{token}"}}"#);
    socket.send(Message::text(hello)).await?;
    let welcome = socket.next().await.ok_or("no welcome")??;
    let welcome = welcome.to_text()?;
    if !welcome.contains(r#""type":"welcome""#) {
        return Err(format!("no welcome: {welcome}").into());
    }
    Ok(socket)
}

/// Notes when frames of `kind` come that say where a message is.
async fn listen(mut frames: SplitStream<Socket>, kind: &'static str, heard: Heard) {
    while let Some(Ok(message)) = frames.next().await {
        let now = Instant::now();
        let Message::Text(text) = message else { continue };
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(&text) else { continue };
        if let (Some(room), Some(seq), true) = (frame.room_id, frame.seq, frame.r#type == kind) {
            held(&heard).insert((room, seq), now);
        }
    }
}

fn held(heard: &Heard) -> std::sync::MutexGuard<'_, HashMap<Place, Instant>> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
