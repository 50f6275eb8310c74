//! The loop: read all that is ready, then write to every member of every room that something came for.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
};

use chat_benches::{
    BrokenFrame, Interest, Opcode, Poller, ReadBuffer, Ready, accept_for, next_frame, push_server_text,
    unmask,
};

use crate::{
    client::{Client, Phase},
    dialect::{self, Send},
    http::{Request, answer},
    room::{Mode, Room},
};

/// The listener's key; no client ever has it.
const LISTENER: usize = usize::MAX;

pub(crate) struct Server {
    mode: Mode,
    listener: TcpListener,
    poller: Poller,
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    /// The room `id` is the index plus one.
    rooms: Vec<Room>,
    /// The room each user was last named for.
    homes: HashMap<String, usize>,
    /// Rooms that something came for in this turn.
    touched: Vec<usize>,
}

impl Server {
    pub(crate) fn bind(listen: SocketAddr, mode: Mode) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let poller = Poller::new()?;
        poller.add(&listener, LISTENER, Interest::Read)?;
        let (clients, free, rooms, touched) = Default::default();
        Ok(Self { mode, listener, poller, clients, free, rooms, homes: HashMap::new(), touched })
    }

    /// Serves until the kernel refuses to.
    pub(crate) fn run(mut self) -> io::Error {
        match self.serve() {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    fn serve(&mut self) -> io::Result<Infallible> {
        let (mut ready, mut buffer) = (Vec::new(), ReadBuffer::new());
        loop {
            self.poller.wait(&mut ready, None)?;
            for Ready { key, readable, writable } in ready.iter().copied() {
                if key == LISTENER {
                    self.accept()?;
                    continue;
                }
                // Taken out of its place meanwhile, so that the rest of the server stays free to use.
                let Some(mut client) = self.clients[key].take() else {
                    continue;
                };
                let flushed = if writable { client.flush(&self.poller) } else { Ok(()) };
                let read = if readable { self.read(&mut client, &mut buffer) } else { Ok(()) };
                match flushed.and(read) {
                    Ok(()) => self.clients[key] = Some(client),
                    Err(_) => self.forget(&client),
                }
            }
            self.deliver();
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            let key = self.free.pop().unwrap_or(self.clients.len());
            let client = Client::new(stream, key)?;
            self.poller.add(&client.stream, key, Interest::Read)?;
            if key == self.clients.len() {
                self.clients.push(None);
            }
            self.clients[key] = Some(client);
        }
    }

    /// Reads once. The end, and everything wrong, is an error: the connection is closed.
    fn read(&mut self, client: &mut Client, buffer: &mut ReadBuffer) -> io::Result<()> {
        let mut leftover = std::mem::take(&mut client.leftover);
        let bytes = match buffer.read(&mut leftover, &client.stream) {
            Ok(bytes) => bytes.ok_or(io::ErrorKind::UnexpectedEof)?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                client.leftover = leftover;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut at = 0;
        while at < bytes.len() {
            let used = match client.phase {
                Phase::Http => self.request(client, &bytes[at..])?,
                _ => self.frame(client, &mut bytes[at..])?,
            };
            if used == 0 {
                break;
            }
            at += used;
        }
        leftover.extend_from_slice(&bytes[at..]);
        client.leftover = leftover;
        Ok(())
    }

    /// Answers the request at the start of `bytes`; returns its length, 0 until it is there whole.
    fn request(&mut self, client: &mut Client, bytes: &[u8]) -> io::Result<usize> {
        let Some(request) = Request::parse(bytes) else {
            return Ok(0);
        };
        let reply = match (request.method, request.upgrade_key) {
            ("GET", Some(key)) => {
                client.phase = Phase::Greeting;
                let accept = accept_for(key);
                format!(
                    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-accept: {accept}\r\n\r\n"
                )
                .into_bytes()
            }
            ("POST", _) => self.post(&request),
            _ => answer("200 OK", "{}"),
        };
        client.write(&self.poller, &reply)?;
        Ok(request.len)
    }

    /// `POST …/rooms` makes a room; `POST …/rooms/{id}/members` adds to one.
    fn post(&mut self, request: &Request<'_>) -> Vec<u8> {
        let mut users = dialect::named(request.body);
        let (room, status) = match request.path.trim_end_matches("/members").rsplit_once("/rooms") {
            Some((_, "")) => {
                users.extend(request.token.and_then(dialect::user_of));
                self.rooms.push(Room::default());
                (self.rooms.len(), "201 Created")
            }
            Some((_, id)) => (id.trim_start_matches('/').parse().unwrap_or(0), "200 OK"),
            None => (0, ""),
        };
        if room == 0 || room > self.rooms.len() {
            return answer("404 Not Found", "{}");
        }
        self.homes.extend(users.into_iter().map(|user| (user, room - 1)));
        answer(status, &format!(r#"{{"id":{room}}}"#))
    }

    /// Takes the frame at the start of `bytes`; returns its length, 0 until it is there whole.
    fn frame(&mut self, client: &mut Client, bytes: &mut [u8]) -> io::Result<usize> {
        let Some(frame) = next_frame(bytes, ReadBuffer::LONGEST_FRAME).map_err(io::Error::other)? else {
            return Ok(0);
        };
        let payload = &mut bytes[frame.start..frame.end];
        unmask(payload, frame.mask.ok_or(BrokenFrame).map_err(io::Error::other)?);
        match (frame.opcode, client.phase) {
            (Opcode::Text, Phase::Member(room)) => self.send(client, room, payload)?,
            (Opcode::Text, _) => self.greet(client, payload)?,
            (Opcode::Close, _) => return Err(io::ErrorKind::UnexpectedEof.into()),
            (Opcode::Ping | Opcode::Pong, _) => {}
        }
        Ok(frame.end)
    }

    fn greet(&mut self, client: &mut Client, payload: &[u8]) -> io::Result<()> {
        let home = dialect::greeter(payload).and_then(|user| Some((*self.homes.get(&user)?, user)));
        let Some((room, user)) = home else {
            let mut refusal = Vec::new();
            push_server_text(&mut refusal, br#"{"type":"error","code":"unauthorized","message":"no room"}"#);
            return client.write(&self.poller, &refusal);
        };
        // What came for the room in this turn is below the head told here: the others get it now.
        self.deliver();
        let members = &mut self.rooms[room];
        members.members.push(client.key);
        let welcome = dialect::welcome(&user, room as u64 + 1, members.head);
        client.user = user;
        client.phase = Phase::Member(room);
        client.write(&self.poller, &welcome)
    }

    fn send(&mut self, client: &mut Client, room: usize, payload: &[u8]) -> io::Result<()> {
        let send = Send::parse(payload).ok_or(BrokenFrame).map_err(io::Error::other)?;
        let id = room as u64 + 1;
        if self.rooms[room].append(self.mode, |out, seq| send.push_event(out, id, seq, &client.user)) {
            self.touched.push(room);
        }
        send.push_ok(&mut client.answers, id, self.rooms[room].head, &client.user);
        Ok(())
    }

    /// The end of a turn: everyone gets what came for their rooms.
    fn deliver(&mut self) {
        for room in self.touched.drain(..) {
            let room = &mut self.rooms[room];
            for run in room.runs() {
                for key in &room.members {
                    let Some(client) = &mut self.clients[*key] else {
                        continue;
                    };
                    if client.give(&self.poller, run).is_err() {
                        client.abandon();
                    }
                }
            }
            room.turn_over();
        }
    }

    fn forget(&mut self, client: &Client) {
        if let Phase::Member(room) = client.phase {
            self.rooms[room].members.retain(|key| *key != client.key);
        }
        self.free.push(client.key);
    }
}
