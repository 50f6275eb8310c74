//! Sessions: how a connection begins, is read from, is written to, and ends.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Engine, Inner,
    connection::Connection,
    feed::{Feed, Pulled, Stop},
    metrics,
    room::NotRegistered,
    subscription::Subscription,
};
use crate::{
    Outlet,
    error::{Error, ErrorCode},
    hooks::Principal,
    model::{ConnectionId, Membership, Profile, RoomId, Seq, UserId},
    protocol::{
        ByeReason, ClientFrame, Close, CloseCode, ErrorBody, FrameError, FrameId, Hello, OkBody, ServerFrame,
        Subscribe, Welcome, WelcomeLimits,
    },
    signal::UnsubscribeReason,
    wire::WireFormat,
};

/// How to connect.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// What the client speaks.
    pub format: Arc<dyn WireFormat>,
    /// What it said first.
    pub hello: Hello,
}

impl ConnectOptions {
    /// A client that speaks `format` and said `hello`.
    #[must_use]
    pub const fn new(format: Arc<dyn WireFormat>, hello: Hello) -> Self {
        Self { format, hello }
    }
}

/// A new connection: its welcome is on its way, and nothing is lost until it is attached or pulled from.
#[derive(Debug)]
#[must_use = "dropping it disconnects"]
pub struct Connected {
    session: Arc<Session>,
}

/// What a connection asks for. Dropping it and the deliveries disconnects.
#[derive(Clone, Debug)]
pub struct Commands {
    session: Arc<Session>,
}

/// What a connection is given, for transports that pull.
#[derive(Debug)]
pub struct Deliveries {
    session: Arc<Session>,
    feed: Feed,
}

/// A piece of what a connection is given: whole frames, at most about 64 KiB. Dropping it without
/// [`Batch::written`] ends the session, since nobody could know what the client has.
#[derive(Debug)]
#[must_use = "a batch that is dropped unwritten ends the session"]
pub struct Batch {
    session: Arc<Session>,
    pulled: Pulled,
    written: bool,
}

/// Too many commands are unanswered: do not read on until [`Commands::ready`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many commands are unanswered")]
#[non_exhaustive]
pub struct Busy;

/// Ends the connection when its last handle goes.
#[derive(Debug)]
struct Session {
    connection: Arc<Connection>,
    engine: Arc<Inner>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.engine.tear_down(&self.connection);
    }
}

impl Engine {
    /// Begins a connection of an authenticated user: subscribes its rooms, resumes from the cursors of `hello`, and
    /// queues the welcome.
    ///
    /// # Errors
    /// `unavailable` where the store cannot be read or the engine is shutting down.
    pub async fn connect(&self, principal: Principal, options: ConnectOptions) -> Result<Connected, Error> {
        let engine = &self.inner;
        engine.check_open()?;
        let id = ConnectionId(engine.clock.random());
        let follow = options.hello.subscribe;
        let connection = Connection::new(id, principal, options.format, engine, follow);
        let session = Arc::new(Session { connection: Arc::clone(&connection), engine: Arc::clone(engine) });
        engine.begin(&connection, &options.hello).await?;
        // A drain that ran meanwhile closed those that were registered; this one came too late for it.
        if engine.cancel.is_cancelled() {
            connection.close(engine.going_away());
        }
        Ok(Connected { session })
    }
}

impl Connected {
    /// For transports that are pushed into: from here on the engine writes into `outlet` by itself.
    #[must_use = "dropping it disconnects"]
    pub fn attach(self, outlet: Box<dyn Outlet>) -> Commands {
        let connection = &self.session.connection;
        connection.out.lock().outlet = Some(outlet);
        super::feed::spawn_drain(connection);
        Commands { session: self.session }
    }

    /// For transports that pull.
    #[must_use = "dropping both disconnects"]
    pub fn split(self) -> (Commands, Deliveries) {
        let deliveries = Deliveries { session: Arc::clone(&self.session), feed: Feed::default() };
        (Commands { session: self.session }, deliveries)
    }
}

impl Commands {
    /// Takes a command. Answers come as frames; commands to one room are applied in the order of these calls.
    ///
    /// # Errors
    /// [`Busy`]: nothing was taken; wait for [`Commands::ready`] and submit it again.
    pub fn submit(&self, frame: ClientFrame) -> Result<(), Busy> {
        let Session { connection, engine } = &*self.session;
        if connection.commands.is_full(engine.limits.in_flight_max) {
            return Err(Busy);
        }
        engine.take_command(connection, frame);
        Ok(())
    }

    /// Whether [`Commands::submit`] would take a command now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.session.connection.commands.is_full(self.session.engine.limits.in_flight_max)
    }

    /// Waits until [`Commands::submit`] takes a command again, or the connection has ended.
    pub async fn ready(&self) {
        let Session { connection, engine } = &*self.session;
        tokio::select! {
            biased;
            _ = connection.ended() => {}
            () = connection.commands.ready(engine.limits.in_flight_max) => {}
        }
    }

    /// Answers a frame that could not be read. Counts as a command.
    pub fn refuse(&self, error: &FrameError) {
        let Session { connection, engine } = &*self.session;
        if engine.take_rate(connection, None) {
            connection.reply(&ServerFrame::Error(ErrorBody {
                id: error.id.as_ref(),
                code: error.code,
                message: &error.message,
                retryable: false,
                retry_after_ms: None,
                field: error.field,
                missing_room: None,
            }));
        }
    }

    /// Takes from the budget of commands for one that the adapter carries out itself (`auth`). `false`: there is
    /// nothing left, the client was told so, and nothing is to be done.
    #[must_use]
    pub fn charge(&self, id: Option<&FrameId>) -> bool {
        let Session { connection, engine } = &*self.session;
        engine.take_rate(connection, id)
    }

    /// Answers in a command's stead (`auth` is the adapter's).
    pub fn reply(&self, frame: &ServerFrame<'_>) {
        self.session.connection.reply(frame);
    }

    /// Takes transport frames as they are (a pong), between others.
    pub fn send_raw(&self, frame: &[u8]) {
        let mut run = super::hot::Run::default();
        run.push(|out| out.extend_from_slice(frame));
        self.session.connection.reply_frames(&run);
    }

    /// Goes on with a new token of the same user, and says so. Another user's is answered `unauthorized`, and the
    /// connection ends.
    pub fn renew(&self, id: Option<&FrameId>, principal: Principal) {
        let connection = &self.session.connection;
        if principal.user != connection.user {
            let error = Error::new(ErrorCode::Unauthorized, "the token is another user's");
            self.reply(&ServerFrame::Error(ErrorBody::new(id, &error)));
            return connection.close(Close::silent(CloseCode::Unauthorized));
        }
        connection.renew(principal);
        if let Some(id) = id {
            self.reply(&ServerFrame::Ok { id, body: OkBody::Done {} });
        }
    }

    /// Ends the connection.
    pub fn close(&self, close: Close) {
        self.session.connection.close(close);
    }

    /// Waits until the connection has ended for whatever reason, with everything that goes out written or given up.
    pub async fn ended(&self) -> Close {
        self.session.connection.ended().await
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn end(&self) -> Option<Close> {
        self.session.connection.end()
    }

    /// How it will end, from the moment that is settled: the last frames may still wait for a client that does not
    /// read, for as long as the adapter lets them.
    #[must_use]
    pub fn closing(&self) -> Option<Close> {
        self.session.connection.closing()
    }

    /// Whose it is.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.session.connection.user
    }

    /// Which it is.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.session.connection.id
    }
}

impl Deliveries {
    /// The next piece, once there is one; `None` once the connection has ended. Cancel-safe: a call that is dropped
    /// has taken nothing.
    pub async fn next(&mut self) -> Option<Batch> {
        let session = Arc::clone(&self.session);
        let mut batch = Batch { session: Arc::clone(&session), pulled: Pulled::default(), written: true };
        let feed = &mut self.feed;
        let stop = std::future::poll_fn(|cx| {
            let polled = feed.poll(&session.connection, cx, Some(&mut batch.pulled));
            // What was taken is in the batch: an unfinished batch never waits, so that none is lost with the call.
            if polled.is_pending() && !batch.pulled.frames.bytes.is_empty() {
                return std::task::Poll::Ready(Stop::Level);
            }
            polled
        })
        .await;
        if stop == Stop::Dead && batch.pulled.frames.bytes.is_empty() {
            return None;
        }
        batch.written = false;
        Some(batch)
    }
}

impl Batch {
    /// The frames, back to back.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.pulled.frames.bytes
    }

    /// The frames one by one; what has none in the wire format is left out.
    pub fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let frames = &self.pulled.frames;
        let all = frames.ends.iter().scan(0, |start, end| {
            let frame = &frames.bytes[*start..*end as usize];
            *start = *end as usize;
            Some(frame)
        });
        // What a format has no frame for is nothing.
        all.filter(|frame| !frame.is_empty())
    }

    /// The transport has it: delivered pointers may pass over it.
    pub fn written(mut self) {
        self.written = true;
        for (sub, seq) in self.pulled.marks.drain(..) {
            sub.set_written_late(seq);
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if !self.written {
            let connection = &self.session.connection;
            connection.die(&mut connection.out.lock());
        }
    }
}

impl Inner {
    async fn begin(self: &Arc<Self>, connection: &Arc<Connection>, hello: &Hello) -> Result<(), Error> {
        let _changing = connection.following.lock().await;
        if connection.format.needs_people() {
            self.people.want();
        }
        let (over, first) = self.users.add(connection, self.limits.connections_per_user_max);
        for oldest in over {
            oldest.close(Close::with_bye(CloseCode::Superseded, ByeReason::Superseded, Duration::ZERO));
        }
        if first {
            self.follow_user(&connection.user).await;
        }
        let epoch = self.epoch();
        let reset = hello.epoch.as_deref().is_some_and(|told| told != &*epoch);
        let listed: Vec<RoomId> = hello.rooms.keys().copied().collect();
        let wanted = if hello.subscribe == Subscribe::All { None } else { Some(&*listed) };
        let limit = self.limits.rooms_per_connection_max;
        let user = &connection.user;
        let mut memberships = self.read("memberships", self.store.memberships(user, wanted, limit)).await?;
        self.drop_unreadable(connection, &mut memberships).await;
        let shown: Vec<_> = memberships.iter().take(self.limits.welcome_rooms).map(|m| m.room).collect();
        let mut entries = self.entries_of(Some(user), shown).await?;
        // Removed since: neither shown nor subscribed.
        memberships.retain(|m| entries.iter().all(|entry| entry.room.id != m.room || entry.role.is_some()));
        entries.retain(|entry| entry.role.is_some());
        // An entry is of a later moment than the membership, and its head is where events go on. What the membership
        // was read at stays: the user may have been removed in between.
        let mut heads: BTreeMap<RoomId, Seq> = memberships.iter().map(|m| (m.room, m.head)).collect();
        for entry in &entries {
            if let Some(head) = heads.get_mut(&entry.room.id) {
                *head = entry.head.max(*head);
            }
        }
        let gone = self.gone(user, &listed, &memberships).await?;
        let blocked = self.begin_blocks(connection).await?;
        let snapshot = self.presence_snapshot(connection).await;
        let welcome = Welcome {
            user: self.own_profile(connection),
            connection_id: connection.id,
            epoch: epoch.to_string(),
            reset,
            heartbeat_ms: u64::try_from(self.limits.heartbeat.as_millis()).unwrap_or(u64::MAX),
            limits: WelcomeLimits::from(&self.limits),
            rooms: entries,
            heads,
            gone,
            blocked,
            presence: snapshot.told(),
        };
        connection.reply(&ServerFrame::Welcome(&welcome));
        if !welcome.gone.is_empty() {
            close_after_room(connection, UnsubscribeReason::Removed);
        }
        if connection.closing().is_some() {
            return Ok(());
        }
        let heads = welcome.heads;
        let ids: Vec<_> = memberships.iter().map(|m| m.room).collect();
        self.activate(&ids).await?;
        self.learn_direct_rooms(connection, &memberships).await?;
        let cursors = if reset { BTreeMap::new() } else { hello.rooms.clone() };
        let mut budget = self.limits.resume_events_max;
        for membership in memberships {
            let since = cursors.get(&membership.room).copied().flatten();
            let head = heads.get(&membership.room).copied().unwrap_or(membership.head);
            let from = self.resume_from(connection, &membership, head, since, &mut budget);
            self.register(connection, membership, from).await?;
            if connection.closing().is_some() {
                return Ok(());
            }
        }
        if reset {
            metrics::resumed("reset");
        }
        if connection.follow == Subscribe::Watch {
            let held = self.read("memberships", self.store.memberships(user, None, limit)).await?;
            self.watch_rooms(connection, &held).await?;
        }
        self.presence_begins(connection, snapshot);
        let principal = Arc::clone(&*connection.principal.lock());
        self.keep_claims(&principal, true);
        Ok(())
    }

    /// Rooms that were listed and are not the user's any more.
    async fn gone(
        &self,
        user: &UserId,
        listed: &[RoomId],
        memberships: &[Membership],
    ) -> Result<Vec<RoomId>, Error> {
        let mut gone: Vec<RoomId> = listed.to_vec();
        gone.retain(|room| !memberships.iter().any(|m| m.room == *room));
        if gone.is_empty() || memberships.len() < self.limits.rooms_per_connection_max {
            return Ok(gone);
        }
        // More rooms than are subscribed: those that merely did not fit are not gone.
        let held = self.read("memberships", self.store.memberships(user, Some(&gone), gone.len())).await?;
        gone.retain(|room| !held.iter().any(|m| m.room == *room));
        Ok(gone)
    }

    /// Where a subscription starts; what is left out is told.
    fn resume_from(
        &self,
        connection: &Arc<Connection>,
        membership: &Membership,
        head: Seq,
        since: Option<Seq>,
        budget: &mut u64,
    ) -> Seq {
        let Some(since) = since else { return head };
        let (from, to, outcome) = if since > head {
            // From a log that was longer: nothing the client holds of this room can be trusted.
            (Seq::ZERO, head, "above_head")
        } else {
            // What lies below belongs to nobody who joined as late; left out, and told.
            let visible = since.max(membership.visible_from);
            let behind = head.since(visible);
            if behind <= self.limits.gap_keep || behind <= self.limits.gap_after && behind <= *budget {
                (since, visible, "recovered")
            } else {
                (since, head.back(self.limits.gap_keep), "gap")
            }
        };
        metrics::resumed(outcome);
        if to > from {
            connection.reply(&ServerFrame::Gap { room_id: membership.room, from: from.next(), to });
        }
        *budget = budget.saturating_sub(head.since(to));
        to
    }

    /// Begins a subscription from a cursor, verified by `membership`; looks again where that was too long ago.
    /// `false`: the user's right has ended meanwhile, and the connection was told.
    pub(crate) async fn register(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        mut membership: Membership,
        mut from: Seq,
    ) -> Result<bool, Error> {
        loop {
            let id = membership.room;
            let ended = |reason| {
                connection.reply(&ServerFrame::Unsubscribed { room_id: id, reason });
                close_after_room(connection, reason);
            };
            let Some(room) = self.activate(&[id]).await?.remove(&id) else {
                ended(UnsubscribeReason::Deleted);
                return Ok(false);
            };
            room.set_member_count(membership.member_count);
            if connection.format.shows_direct_rooms() {
                self.learn_pairs(&connection.user, std::slice::from_ref(&room)).await?;
            }
            let sub = Subscription::new(Arc::clone(connection), Arc::clone(&room), from, membership.head);
            match room.register(&sub) {
                Ok(()) => {}
                Err(NotRegistered::Retired) => continue,
                Err(NotRegistered::Ended | NotRegistered::LookAgain) => {
                    match self.membership(&connection.user, id).await {
                        Ok(now) => {
                            // Removed and there again, where newcomers do not see what was before.
                            if now.visible_from > from {
                                let (next, to) = (from.next(), now.visible_from);
                                connection.reply(&ServerFrame::Gap { room_id: id, from: next, to });
                                from = to;
                            }
                            membership = now;
                        }
                        Err(error) if error.is_retryable() => return Err(error),
                        Err(_) => {
                            ended(UnsubscribeReason::Removed);
                            return Ok(false);
                        }
                    }
                    continue;
                }
            }
            let known = membership.head.max(from);
            if room.head() < known {
                room.hear(self, super::room_log::Heard::Head(known));
            }
            let replaced = match connection.subs.lock().as_mut() {
                Some(subs) => subs.insert(id, Arc::clone(&sub)),
                None => Some(Arc::clone(&sub)),
            };
            if let Some(replaced) = replaced {
                room.unregister(&replaced);
            }
            if room.head() > from {
                connection.catch_up(&sub);
            }
            return Ok(true);
        }
    }

    /// Begins a subscription of which the client has been told. Where that fails, the connection ends, so that the
    /// client resumes: it believes that it is subscribed.
    pub(crate) async fn register_told(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        membership: Membership,
        from: Seq,
    ) {
        if self.register(connection, membership, from).await.is_err() {
            connection.close(Close::silent(CloseCode::GoingAway));
        }
    }

    /// The last event of a subscription was given: it ends, and the client is told.
    pub(crate) fn subscription_ended(self: &Arc<Self>, sub: &Arc<Subscription>) {
        let reason = sub.reason();
        // Who was added again before this was given has the room still, and must be told so.
        if self.unsubscribe(sub, reason) && reason != UnsubscribeReason::Deleted {
            self.user_rooms_changed(&sub.connection.user);
        }
    }

    /// Ends a subscription and tells the client. `false`: it had ended before.
    pub(crate) fn unsubscribe(&self, sub: &Arc<Subscription>, reason: UnsubscribeReason) -> bool {
        if !sub.room.unregister(sub) {
            return false;
        }
        let connection = &sub.connection;
        // Told before the room counts as missing: else it could be added again before it is told to be gone.
        connection.reply(&ServerFrame::Unsubscribed { room_id: sub.room.id, reason });
        if let Some(subs) = connection.subs.lock().as_mut()
            && subs.get(&sub.room.id).is_some_and(|held| Arc::ptr_eq(held, sub))
        {
            subs.remove(&sub.room.id);
        }
        close_after_room(connection, reason);
        true
    }

    /// Undoes everything that a connection is part of.
    fn tear_down(self: &Arc<Self>, connection: &Arc<Connection>) {
        let subs = connection.subs.lock().take();
        {
            let mut out = connection.out.lock();
            if !out.dead {
                connection.die(&mut out);
            }
            // The transport is the adapter's to close; nothing of ours holds it any longer.
            out.outlet = None;
        }
        for sub in subs.into_iter().flatten().map(|(_, sub)| sub) {
            self.note_delivered(&sub);
            sub.room.unregister(&sub);
        }
        let watched = connection.watched.lock().take();
        watched.into_iter().flatten().for_each(|(_, room)| room.unwatch(connection));
        let (removed, last) = self.users.remove(connection);
        if removed {
            self.presence_ends(connection, last);
        }
    }

    fn own_profile(&self, connection: &Connection) -> Profile {
        let principal = connection.principal.lock();
        principal.profile.clone().unwrap_or_else(|| Profile::unknown(principal.user.clone()))
    }

    /// How a connection ends when this node goes down: spread out, so that not all come back at once.
    pub(crate) fn going_away(&self) -> Close {
        let spread = u64::try_from(self.limits.reconnect_spread.as_millis()).unwrap_or(1).max(1);
        let wait = Duration::from_millis(self.clock.random() % spread);
        Close::with_bye(CloseCode::GoingAway, ByeReason::Shutdown, wait)
    }
}

/// A room has ended for a connection: some formats end with it.
fn close_after_room(connection: &Arc<Connection>, reason: UnsubscribeReason) {
    if reason != UnsubscribeReason::Requested
        && let Some(code) = connection.format.room_ended(reason)
    {
        connection.close(Close::silent(code));
    }
}
