//! One socket and the session on it.

use std::{
    io::{self, Write},
    net::TcpStream,
};

use chat_benches::{Interest, Poller, ReadBuffer, SAMPLE_KEY, now_ns};

use crate::{base::Base, intake::Intake, room::Room, session::Session};

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    key: usize,
    leftover: Vec<u8>,
    watching: Interest,
    pub(crate) session: Session,
}

impl Connection {
    /// Connects and asks for the upgrade.
    pub(crate) fn open(base: &Base, poller: &Poller, key: usize, mut session: Session) -> io::Result<Self> {
        // Blocking, which on loopback and with few at a time is a matter of microseconds.
        let stream = TcpStream::connect(base.addr)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        poller.add(&stream, key, Interest::Read)?;
        let Base { mount, host, .. } = base;
        session.out = format!(
            "GET {mount}/ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {SAMPLE_KEY}\r\n\r\n"
        )
        .into_bytes();
        let mut connection = Self { stream, key, leftover: Vec::new(), watching: Interest::Read, session };
        connection.flush(poller)?;
        Ok(connection)
    }

    /// Reads once and takes what came. The reason for which the connection is over is an error.
    pub(crate) fn receive(
        &mut self,
        room: &mut Room,
        intake: &mut Intake,
        buffer: &mut ReadBuffer,
    ) -> Result<(), String> {
        let kept = self.leftover.len();
        let bytes = match buffer.read(&mut self.leftover, &self.stream) {
            Ok(bytes) => bytes.ok_or("closed without a close frame")?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        intake.meter.bytes += (bytes.len() - kept) as u64;
        let used = intake.take(&mut self.session, room, bytes, now_ns())?;
        self.leftover.extend_from_slice(&bytes[used..]);
        Ok(())
    }

    /// Writes what the session has to say, as far as the socket takes it.
    pub(crate) fn flush(&mut self, poller: &Poller) -> io::Result<()> {
        let out = &mut self.session.out;
        if out.is_empty() {
            return Ok(());
        }
        match (&self.stream).write(out) {
            Ok(taken) => drop(out.drain(..taken)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        let interest = if out.is_empty() { Interest::Read } else { Interest::ReadWrite };
        if interest != self.watching {
            poller.change(&self.stream, self.key, interest)?;
            self.watching = interest;
        }
        Ok(())
    }

    /// Stops watching it.
    pub(crate) fn close(&self) {
        // The peer may have closed it already.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}
