//! What becomes of a connection's commands.

use std::sync::{Arc, atomic::Ordering};

use tokio::time::Instant;

use super::{
    Inner,
    connection::Connection,
    intake::InFlight,
    metrics,
    validate::{self, Write},
    writer::{Done, Job},
};
use crate::{
    bus::QuotaKey,
    error::{Error, ErrorCode},
    hooks::{Action, ActionKind, Draft, OnHookTimeout, Principal},
    model::{ClientId, RoomId, Seq},
    protocol::{
        ByeReason, ClientFrame, Close, CloseCode, Command, ErrorBody, FrameId, HistoryRange, OkBody, SendTo,
        ServerFrame,
    },
    signal::UnsubscribeReason,
    store::{Actor, Change, ChangeBody, Outcome},
};

/// What a command that has been let through still needs before it may be written.
enum Passed {
    /// Nothing: write it.
    Write,
    /// It stands already, as this.
    Repeat(Box<Outcome>),
}

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
            Command::Subscribe { .. } | Command::Unsubscribe { .. } => self.chain(flight, frame),
            Command::Typing { .. }
            | Command::TypingTo { .. }
            | Command::Read { .. }
            | Command::ReadMessage { .. }
            | Command::Presence { .. }
            | Command::History { .. } => {
                let engine = Arc::clone(self);
                self.spawn(async move { engine.do_unordered(flight, frame).await });
            }
        }
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
            Err(error) => answer(&flight.0, frame.id.as_ref(), Err(error)),
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

    fn push(&self, flight: InFlight, id: Option<FrameId>, write: Write) {
        let user = flight.0.user.clone();
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
        let connection = Arc::clone(&flight.0);
        if connection.commands.chain(flight, frame) {
            let engine = Arc::clone(self);
            self.spawn(async move {
                while let Some((flight, frame)) = connection.commands.next() {
                    engine.do_ordered(flight, frame).await;
                }
            });
        }
    }

    /// One command of a chain, done as far as its order is settled: a write is in its lane.
    async fn do_ordered(self: &Arc<Self>, flight: InFlight, mut frame: ClientFrame) {
        let connection = Arc::clone(&flight.0);
        let id = frame.id.take();
        match &mut frame.command {
            Command::Subscribe { room, since } => {
                if let Err(error) = self.subscribe(&connection, id.as_ref(), *room, *since).await {
                    answer(&connection, id.as_ref(), Err(error));
                }
            }
            Command::Unsubscribe { room } => {
                let mut declined = connection.following.lock().await;
                if let Some(sub) = connection.sub(*room) {
                    self.note_delivered(&sub);
                    if self.unsubscribe(&sub, UnsubscribeReason::Requested) {
                        declined.insert(*room);
                    }
                }
                answer(&connection, id.as_ref(), Ok(OkBody::Done {}));
            }
            command => {
                let principal = Arc::clone(&*connection.principal.lock());
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
        }
    }

    /// Policy, then hooks.
    async fn let_pass(&self, principal: &Principal, write: &mut Write) -> Result<Passed, Error> {
        let allowed = self.allow(principal, write.kind, write.room, write.other.as_ref()).await;
        let allowed = match allowed {
            Ok(()) => self.before(principal, write).await,
            Err(error) => Err(error),
        };
        let Err(error) = allowed else { return Ok(Passed::Write) };
        // What was stored is stored, whatever the host would say to it by now.
        if let (ChangeBody::Send(message), Some(room)) = (&write.body, write.room) {
            let sent = self.store.sent(room, &principal.user, &message.client_id);
            if let Some((event, digest)) = self.read("sent", sent).await? {
                if digest != message.digest {
                    return Err(crate::store::Refusal::BodyMismatch.into());
                }
                return Ok(Passed::Repeat(Box::new(Outcome::Repeat(event))));
            }
        }
        Err(error)
    }

    /// Asks the policy.
    pub(crate) async fn allow(
        &self,
        principal: &Principal,
        kind: ActionKind,
        room: Option<RoomId>,
        other: Option<&crate::model::UserId>,
    ) -> Result<(), Error> {
        if !self.host.policy.concerns(kind) {
            return Ok(());
        }
        let action = Action { kind, room, other };
        match tokio::time::timeout(self.limits.hook_timeout, self.host.policy.check(principal, &action)).await
        {
            Ok(Ok(())) => Ok(()),
            Ok(Err(denied)) => Err(Error::new(ErrorCode::Forbidden, denied.reason)),
            Err(_) => {
                metrics::hook_timed_out("policy");
                Err(Error::new(ErrorCode::Unavailable, "the host's policy did not answer; nothing was done"))
            }
        }
    }

    /// Asks the hooks, and takes over what they made of a message.
    async fn before(&self, principal: &Principal, write: &mut Write) -> Result<(), Error> {
        if !self.host.hooks.has_before() {
            return Ok(());
        }
        let Some(room) = write.room else { return Ok(()) };
        let mut draft = match &write.body {
            ChangeBody::Send(m) => {
                Draft::new(room, None, m.kind.clone(), m.content.clone(), m.metadata.clone())
            }
            ChangeBody::Edit { target, content, .. } => Draft::new(
                room,
                Some(*target),
                crate::model::MessageKind::text(),
                content.clone(),
                crate::model::Metadata::default(),
            ),
            _ => return Ok(()),
        };
        let hook = self.host.hooks.before_message(principal, &mut draft);
        match tokio::time::timeout(self.limits.hook_timeout, hook).await {
            Ok(Ok(())) => {}
            Ok(Err(denied)) => return Err(Error::new(ErrorCode::Forbidden, denied.reason)),
            Err(_) => {
                metrics::hook_timed_out("before_message");
                return match self.host.hooks.on_timeout() {
                    OnHookTimeout::Pass => Ok(()),
                    OnHookTimeout::Refuse => {
                        Err(Error::new(ErrorCode::Unavailable, "a hook did not answer; nothing was stored"))
                    }
                };
            }
        }
        validate::check_content(&self.limits, &draft.content, false)?;
        validate::check_metadata(&self.limits, &draft.metadata)?;
        match &mut write.body {
            ChangeBody::Send(message) => {
                message.kind = draft.kind;
                message.content = draft.content;
                message.metadata = draft.metadata;
            }
            ChangeBody::Edit { content, .. } => *content = draft.content,
            _ => {}
        }
        Ok(())
    }

    /// Writes for a user who waits for the outcome.
    pub(crate) async fn write(
        self: &Arc<Self>,
        principal: &Principal,
        mut write: Write,
    ) -> Result<Outcome, Error> {
        self.check_open()?;
        self.keep_claims(principal, false);
        match self.let_pass(principal, &mut write).await? {
            Passed::Repeat(outcome) => Ok(*outcome),
            Passed::Write => self.writer.call(self.change(Actor::User(principal.user.clone()), write)).await,
        }
    }

    async fn do_unordered(self: &Arc<Self>, flight: InFlight, frame: ClientFrame) {
        let connection = &flight.0;
        let id = frame.id.as_ref();
        match frame.command {
            Command::Typing { room, is_typing } => {
                let result = self.typing(connection, room, is_typing).await;
                answer(connection, id, result.map(|()| OkBody::Done {}));
            }
            Command::TypingTo { user, is_typing } => {
                let principal = Arc::clone(&*connection.principal.lock());
                let result = match self.find_direct(&principal, &user).await {
                    Ok(Some(room)) => self.typing(connection, room, is_typing).await,
                    // Nobody is there to be told.
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                };
                answer(connection, id, result.map(|()| OkBody::Done {}));
            }
            Command::ReadMessage { message } => {
                let principal = Arc::clone(&*connection.principal.lock());
                let result = match self.place_of(&principal, message).await {
                    Ok((room, seq)) => self.mark_read(&principal, room, seq, Some(connection)).await,
                    Err(error) => Err(error),
                };
                answer(connection, id, result.map(OkBody::Read));
            }
            Command::Read { room, seq } => {
                let principal = Arc::clone(&*connection.principal.lock());
                let result = self.mark_read(&principal, room, seq, Some(connection)).await;
                answer(connection, id, result.map(OkBody::Read));
            }
            Command::Presence { status } => {
                self.choose_presence(connection, status).await;
                answer(connection, id, Ok(OkBody::Done {}));
            }
            Command::History { room, range, limit, thread } => {
                let principal = Arc::clone(&*connection.principal.lock());
                match self.history(&principal, room, range, limit, thread).await {
                    Ok(page) => answer(connection, id, Ok(OkBody::History(&page))),
                    Err(error) => answer(connection, id, Err(error)),
                }
            }
            _ => {}
        }
    }

    async fn typing(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        room: RoomId,
        is_typing: bool,
    ) -> Result<(), Error> {
        let principal = Arc::clone(&*connection.principal.lock());
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

    async fn subscribe(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        id: Option<&FrameId>,
        room: RoomId,
        since: Option<Seq>,
    ) -> Result<(), Error> {
        let principal = Arc::clone(&*connection.principal.lock());
        let mut declined = connection.following.lock().await;
        let membership = self.membership(&connection.user, room).await?;
        self.allow(&principal, ActionKind::Read, Some(room), None).await?;
        let (full, standing) = {
            let subs = connection.subs.lock();
            let Some(subs) = subs.as_ref() else { return Ok(()) };
            (subs.len() >= self.limits.rooms_per_connection_max, subs.get(&room).cloned())
        };
        if full && standing.is_none() {
            let message = format!("at most {} rooms a connection", self.limits.rooms_per_connection_max);
            return Err(Error::new(ErrorCode::TooLarge, message).with_field("room_id"));
        }
        // What can fail does so before anything is told.
        self.activate(&[room]).await?;
        let head = membership.head;
        if let (Some(sub), None) = (&standing, since)
            && connection.reply_standing(sub, id, head)
        {
            return Ok(());
        }
        if let Some(sub) = standing {
            // Subscribing anew moves the cursor: the old subscription ends without a word.
            if let Some(subs) = connection.subs.lock().as_mut() {
                subs.remove(&room);
            }
            sub.room.unregister(&sub);
        }
        declined.remove(&room);
        let asked = since.unwrap_or(head).max(membership.visible_from).min(head);
        let above = since.is_some_and(|since| since > head);
        let gap = head.since(asked) > self.limits.gap_after;
        let from = if gap { head.back(self.limits.gap_keep) } else { asked };
        connection.reply(&ServerFrame::Subscribed { id, room_id: room, from: asked, head });
        if above && head > Seq::ZERO {
            connection.reply(&ServerFrame::Gap { room_id: room, from: Seq::ZERO.next(), to: head });
        } else if gap {
            connection.reply(&ServerFrame::Gap { room_id: room, from: asked.next(), to: from });
        }
        self.register_told(connection, membership, from).await;
        Ok(())
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
