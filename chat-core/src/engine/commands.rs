//! What becomes of a connection's commands.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use futures::FutureExt as _;

use tokio::time::Instant;

use super::{
    Inner,
    connection::Connection,
    consent::Passed,
    intake::InFlight,
    metrics,
    room::Room,
    validate::Write,
    writer::{Done, Job},
};
use crate::{
    bus::QuotaKey,
    error::{Error, ErrorCode},
    hooks::{ActionKind, Principal},
    model::{ClientId, RoomId, Seq},
    protocol::{
        ByeReason, ClientFrame, Close, CloseCode, Command, ErrorBody, FrameId, HistoryRange, OkBody, SendTo,
        ServerFrame,
    },
    signal::UnsubscribeReason,
    store::{Actor, Change, Outcome},
};

impl Inner {
    /// Takes a command. What can be done at once is; the rest goes into a task, in order where order matters.
    pub(crate) fn take_command(self: &Arc<Self>, connection: &Arc<Connection>, frame: ClientFrame) {
        let writes = matches!(
            frame.command,
            Command::Send(_)
                | Command::Edit { .. }
                | Command::Delete { .. }
                | Command::React { .. }
                | Command::Unreact { .. }
        );
        let granted = if writes {
            self.take_send(connection, frame.id.as_ref())
        } else {
            self.take_rate(connection, frame.id.as_ref())
        };
        if !granted {
            return;
        }
        let Some(flight) = InFlight::begin(connection) else { return };
        match &frame.command {
            Command::Ping => self.pong(connection, frame.id.as_ref()),
            Command::Hello(_) => {
                let error = Error::new(ErrorCode::BadFrame, "hello was said already");
                answer(connection, frame.id.as_ref(), Err(error));
            }
            Command::Auth { .. } => {
                let error = Error::new(ErrorCode::BadFrame, "this connection does not renew tokens");
                answer(connection, frame.id.as_ref(), Err(error));
            }
            Command::Send(_)
            | Command::Edit { .. }
            | Command::Delete { .. }
            | Command::React { .. }
            | Command::Unreact { .. } => {
                if connection.commands.is_chained() || !self.is_plain(&frame.command) {
                    self.chain(flight, frame);
                } else {
                    self.write_at_once(flight, frame);
                }
            }
            Command::Typing { room, is_typing } => match self.plain_typing(connection, *room) {
                Some(active) => {
                    let result = self.set_typing(&active, &connection.user, *is_typing);
                    answer(connection, frame.id.as_ref(), result.map(|()| OkBody::Done {}));
                }
                None => self.chain(flight, frame),
            },
            Command::Subscribe { .. }
            | Command::Unsubscribe { .. }
            | Command::TypingTo { .. }
            | Command::Read { .. }
            | Command::ReadMessage { .. }
            | Command::Presence { .. }
            | Command::History { .. } => self.chain(flight, frame),
        }
    }

    /// The room of a typing signal that can be given at once.
    fn plain_typing(&self, connection: &Connection, room: RoomId) -> Option<Arc<Room>> {
        if connection.commands.is_chained() || self.host.policy.concerns(ActionKind::Typing) {
            return None;
        }
        // Whoever is subscribed is a member.
        connection.sub(room).map(|sub| Arc::clone(&sub.room))
    }

    /// Takes one of the connection's own budget; answers and counts a refusal.
    pub(crate) fn take_rate(&self, connection: &Arc<Connection>, id: Option<&FrameId>) -> bool {
        let taken = connection.commands.take(self.limits.commands, Instant::now());
        self.granted(connection, id, taken)
    }

    fn take_send(&self, connection: &Arc<Connection>, id: Option<&FrameId>) -> bool {
        let key = QuotaKey::Sends(connection.user.clone());
        self.granted(connection, id, self.link.quota.take(key, 1, self.limits.sends))
    }

    fn granted(
        &self,
        connection: &Arc<Connection>,
        id: Option<&FrameId>,
        taken: Result<(), std::time::Duration>,
    ) -> bool {
        let refusals = &connection.commands.refusals;
        let Err(wait) = taken else {
            refusals.store(0, Ordering::Relaxed);
            return true;
        };
        if refusals.fetch_add(1, Ordering::Relaxed) >= self.limits.flood_refusals_max {
            connection.close(Close::with_bye(CloseCode::Flood, ByeReason::Flood, wait));
        } else {
            answer(connection, id, Err(Error::rate_limited(wait)));
        }
        false
    }

    /// Whether a write needs neither policy nor hook nor a room to be found.
    fn is_plain(&self, command: &Command) -> bool {
        let (kind, hooked) = match command {
            Command::Send(send) => match send.to {
                SendTo::Room(_) => (ActionKind::Send, true),
                SendTo::User(_) => return false,
            },
            Command::Edit { .. } => (ActionKind::Edit, true),
            Command::Delete { .. } => (ActionKind::Delete, false),
            _ => (ActionKind::React, false),
        };
        !(self.host.policy.concerns(kind) || hooked && self.host.hooks.has_before())
    }

    fn write_at_once(&self, flight: InFlight, frame: ClientFrame) {
        match self.write_of(&frame.command) {
            Ok(write) => self.push(flight, frame.id, write),
            Err(error) => answer(&flight.connection, frame.id.as_ref(), Err(error)),
        }
    }

    fn write_of(&self, command: &Command) -> Result<Write, Error> {
        match command {
            Command::Send(send) => self.write_of_send(send),
            other => Write::of(&self.limits, other)
                .unwrap_or_else(|| Err(Error::new(ErrorCode::Internal, "not a write"))),
        }
    }

    /// A message, into a room that is yet to be found where a user is named.
    pub(crate) fn write_of_send(&self, send: &crate::protocol::Send) -> Result<Write, Error> {
        let room = match send.to {
            SendTo::Room(room) => Some(room),
            SendTo::User(_) => None,
        };
        Write::send(&self.limits, room, send, || self.client_id())
    }

    fn push(&self, mut flight: InFlight, id: Option<FrameId>, write: Write) {
        let user = flight.connection.user.clone();
        if let Some(room) = write.room {
            flight.writes(room);
        }
        let change = self.change(Actor::User(user), write);
        self.writer.push(Job { change, done: Done::Frame { flight, id } });
    }

    pub(crate) fn change(&self, actor: Actor, write: Write) -> Change {
        Change { room: write.room, actor, at: self.clock.now(), require: write.require, body: write.body }
    }

    /// A key for a send whose sender gave none.
    pub(crate) fn client_id(&self) -> ClientId {
        let text = format!("~{:016x}{:016x}", self.clock.random(), self.clock.random());
        ClientId::new(text).unwrap_or_else(|_| unreachable!("33 bytes of hexadecimal digits"))
    }

    fn chain(self: &Arc<Self>, flight: InFlight, frame: ClientFrame) {
        let connection = Arc::clone(&flight.connection);
        if connection.commands.chain(flight, frame) {
            let engine = Arc::clone(self);
            self.spawn(async move {
                while let Some((flight, frame)) = connection.commands.next() {
                    let id = frame.id.clone();
                    // A panic would else leave all that follows unanswered.
                    let done = AssertUnwindSafe(engine.do_ordered(flight, frame)).catch_unwind().await;
                    if done.is_err() {
                        metrics::command_panicked();
                        let error = Error::new(ErrorCode::Internal, "the server failed at this");
                        answer(&connection, id.as_ref(), Err(error));
                    }
                }
            });
        }
    }

    /// One command of a chain, done as far as its order is settled: a write is in its lane.
    async fn do_ordered(self: &Arc<Self>, flight: InFlight, mut frame: ClientFrame) {
        let connection = Arc::clone(&flight.connection);
        let id = frame.id.take();
        match &mut frame.command {
            Command::Subscribe { room, since } => {
                connection.commands.written(*room).await;
                if let Err(error) = self.subscribe(&connection, id.as_ref(), *room, *since).await {
                    answer(&connection, id.as_ref(), Err(error));
                }
            }
            Command::Unsubscribe { room } => {
                connection.commands.written(*room).await;
                let mut declined = connection.following.lock().await;
                if let Some(sub) = connection.sub(*room) {
                    self.note_delivered(&sub);
                    if self.unsubscribe(&sub, UnsubscribeReason::Requested) {
                        declined.insert(*room);
                    }
                }
                answer(&connection, id.as_ref(), Ok(OkBody::Done {}));
            }
            Command::Send(_)
            | Command::Edit { .. }
            | Command::Delete { .. }
            | Command::React { .. }
            | Command::Unreact { .. } => {
                let command = &mut frame.command;
                let principal = connection.principal();
                let mut write = match self.write_of(command) {
                    Ok(write) => write,
                    Err(error) => return answer(&connection, id.as_ref(), Err(error)),
                };
                // Not before: a message that is none makes no room.
                if let Command::Send(send) = command
                    && let SendTo::User(other) = &send.to
                {
                    match self.direct_room(&principal, other).await {
                        Ok(room) => write.room = Some(room),
                        Err(error) => return answer(&connection, id.as_ref(), Err(error)),
                    }
                }
                match self.let_pass(&principal, &mut write).await {
                    Ok(Passed::Write) => self.push(flight, id, write),
                    Ok(Passed::Repeat(outcome)) => Done::Frame { flight, id }.tell(Ok(*outcome)),
                    Err(error) => answer(&connection, id.as_ref(), Err(error)),
                }
            }
            _ => self.do_other(&connection, id.as_ref(), frame.command).await,
        }
    }

    /// What neither writes nor subscribes. What is read of a room comes after what was written before.
    async fn do_other(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        id: Option<&FrameId>,
        command: Command,
    ) {
        let principal = connection.principal();
        match command {
            Command::Typing { room, is_typing } => {
                let result = self.typing(connection, room, is_typing).await;
                answer(connection, id, result.map(|()| OkBody::Done {}));
            }
            Command::TypingTo { user, is_typing } => {
                let result = match self.find_direct(&principal, &user).await {
                    Ok(Some(room)) => self.typing(connection, room, is_typing).await,
                    // Nobody is there to be told.
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                };
                answer(connection, id, result.map(|()| OkBody::Done {}));
            }
            Command::ReadMessage { message } => match self.place_of(&principal, message).await {
                Ok((room, seq)) => self.read_up_to(connection, id, &principal, room, seq).await,
                Err(error) => answer(connection, id, Err(error)),
            },
            Command::Read { room, seq } => self.read_up_to(connection, id, &principal, room, seq).await,
            Command::Presence { status } => {
                self.choose_presence(connection, status).await;
                answer(connection, id, Ok(OkBody::Done {}));
            }
            Command::History { room, range, limit, thread } => {
                connection.commands.written(room).await;
                let page = async {
                    self.pages_read(connection).await?;
                    self.history(&principal, room, range, limit, thread).await
                };
                match page.await {
                    Ok(page) => {
                        if let Some(id) = id {
                            connection.reply_large(&ServerFrame::Ok { id, body: OkBody::History(&page) });
                        }
                    }
                    Err(error) => answer(connection, id, Err(error)),
                }
            }
            _ => {}
        }
    }

    /// Waits until the client has read the pages of history before: else a slow one that asks for several would be
    /// taken for one that does not read, or have them all wait in memory.
    async fn pages_read(&self, connection: &Connection) -> Result<(), Error> {
        let taken = connection.large_answers_taken();
        // While commands wait nothing is read from the client: that it lives must be found out in the end.
        tokio::time::timeout(self.limits.heartbeat_dead, taken)
            .await
            .map_err(|_| Error::new(ErrorCode::Unavailable, "earlier answers have not been read yet"))
    }

    async fn read_up_to(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        id: Option<&FrameId>,
        principal: &Principal,
        room: RoomId,
        seq: Seq,
    ) {
        connection.commands.written(room).await;
        let result = self.mark_read(principal, room, seq, Some(connection)).await;
        answer(connection, id, result.map(OkBody::Read));
    }

    /// Writes for a user who waits for the outcome.
    pub(crate) async fn write(
        self: &Arc<Self>,
        principal: &Principal,
        mut write: Write,
    ) -> Result<Outcome, Error> {
        self.check_open()?;
        self.keep_claims(principal, false);
        self.claims_kept(&principal.user).await;
        match self.let_pass(principal, &mut write).await? {
            Passed::Repeat(outcome) => Ok(*outcome),
            Passed::Write => self.writer.call(self.change(Actor::User(principal.user.clone()), write)).await,
        }
    }

    async fn typing(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        room: RoomId,
        is_typing: bool,
    ) -> Result<(), Error> {
        let principal = connection.principal();
        self.allow(&principal, ActionKind::Typing, Some(room), None).await?;
        // Whoever is subscribed is a member; others may be.
        let active = match connection.sub(room) {
            Some(sub) => Some(Arc::clone(&sub.room)),
            None => {
                self.membership(&connection.user, room).await?;
                self.activate(&[room]).await?.remove(&room)
            }
        };
        match active {
            Some(room) => self.set_typing(&room, &connection.user, is_typing),
            None => Err(Error::room_not_found()),
        }
    }

    fn pong(&self, connection: &Arc<Connection>, id: Option<&FrameId>) {
        let mut heads = std::collections::BTreeMap::new();
        for sub in connection.all_subs() {
            let head = sub.room.head().min(sub.until());
            if sub.told.swap(head.get(), Ordering::Relaxed) < head.get() {
                heads.insert(sub.room.id, head);
            }
        }
        connection.reply(&ServerFrame::Pong { id, heads });
    }
}

/// Answers a command: an error in every case, else only where it has an id.
fn answer(connection: &Arc<Connection>, id: Option<&FrameId>, result: Result<OkBody<'_>, Error>) {
    match (result, id) {
        (Ok(body), Some(id)) => connection.reply(&ServerFrame::Ok { id, body }),
        (Ok(_), None) => {}
        (Err(error), id) => connection.reply(&ServerFrame::Error(ErrorBody::new(id, &error))),
    }
}

/// A place in a room as the store asks for it.
pub(crate) const fn range(range: HistoryRange) -> crate::store::Range {
    match range {
        HistoryRange::Latest => crate::store::Range::Before(Seq::MAX),
        HistoryRange::Before(seq) => crate::store::Range::Before(seq),
        HistoryRange::After(seq) => crate::store::Range::After(seq),
        HistoryRange::Around(seq) => crate::store::Range::Around(seq),
    }
}
