//! Sessions: how a connection begins, is read from, is written to, and ends.

use std::sync::Arc;

use super::{Engine, Inner, connection::Connection, deliveries::Deliveries};
use crate::{
    Outlet,
    error::{Error, ErrorCode},
    hooks::Principal,
    model::{ConnectionId, UserId},
    protocol::{ClientFrame, Close, CloseCode, ErrorBody, FrameError, FrameId, Hello, OkBody, ServerFrame},
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

/// Too many commands are unanswered, or the engine is shutting down and takes no more: do not read on until
/// [`Commands::ready`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many commands are unanswered, or the engine is shutting down")]
#[non_exhaustive]
pub struct Busy;

/// Ends the connection when its last handle goes.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: Arc<Connection>,
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
            engine.dismiss(&connection);
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
        let deliveries = Deliveries::new(Arc::clone(&self.session));
        (Commands { session: self.session }, deliveries)
    }
}

impl Commands {
    /// Takes a command. Answers come as frames; commands to one room are applied in the order of these calls. What
    /// comes after [`Engine::shutdown`] has begun is not carried out, and not answered.
    ///
    /// # Errors
    /// [`Busy`]: nothing was taken; wait for [`Commands::ready`] and submit it again.
    pub fn submit(&self, frame: ClientFrame) -> Result<(), Busy> {
        let Session { connection, engine } = &*self.session;
        if connection.commands.is_full(engine.limits.in_flight_max) {
            // Whoever is told to wait for one that has ended would wait for nothing, again and again.
            return if connection.end().is_some() { Ok(()) } else { Err(Busy) };
        }
        engine.take_command(connection, frame);
        Ok(())
    }

    /// Whether [`Commands::submit`] would take a command now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.session.connection.commands.is_full(self.session.engine.limits.in_flight_max)
    }

    /// Waits until [`Commands::submit`] takes a command again, or it is settled how the connection ends.
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

impl Inner {
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
}
