//! One connection.

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
};

use chat_benches::{Interest, Poller};

/// A reader this far behind is let go: the yardstick has no log to catch up from.
const BACKLOG_MAX: usize = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Requests, until one asks for the upgrade.
    Http,
    /// Upgraded, and `hello` has not come.
    Greeting,
    /// In the room of this index.
    Member(usize),
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) key: usize,
    pub(crate) phase: Phase,
    pub(crate) user: String,
    /// The start of something that has not come whole.
    pub(crate) leftover: Vec<u8>,
    /// Answers of this turn, written together with its events.
    pub(crate) answers: Vec<u8>,
    /// What the socket did not take.
    backlog: Vec<u8>,
}

impl Client {
    pub(crate) fn new(stream: TcpStream, key: usize) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let phase = Phase::Http;
        Ok(Self {
            stream,
            key,
            phase,
            user: String::new(),
            leftover: Vec::new(),
            answers: Vec::new(),
            backlog: Vec::new(),
        })
    }

    /// Writes the answers that wait, then `run`, in one write.
    pub(crate) fn give(&mut self, poller: &Poller, run: &[u8]) -> io::Result<()> {
        if self.answers.is_empty() {
            return self.write(poller, run);
        }
        let mut both = std::mem::take(&mut self.answers);
        both.extend_from_slice(run);
        self.write(poller, &both)?;
        both.clear();
        self.answers = both;
        Ok(())
    }

    pub(crate) fn write(&mut self, poller: &Poller, bytes: &[u8]) -> io::Result<()> {
        let mut taken = 0;
        if self.backlog.is_empty() {
            taken = or_blocked((&self.stream).write(bytes))?;
            if taken == bytes.len() {
                return Ok(());
            }
            poller.change(&self.stream, self.key, Interest::ReadWrite)?;
        }
        if self.backlog.len() > BACKLOG_MAX {
            return Err(io::Error::other("too slow a reader"));
        }
        self.backlog.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    /// Ends a connection that missed something; the next read finds the end of it.
    pub(crate) fn abandon(&self) {
        // One that is not connected any more is found by that read just as well.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Goes on with what the socket did not take.
    pub(crate) fn flush(&mut self, poller: &Poller) -> io::Result<()> {
        let taken = or_blocked((&self.stream).write(&self.backlog))?;
        self.backlog.drain(..taken);
        if self.backlog.is_empty() {
            self.backlog = Vec::new();
            poller.change(&self.stream, self.key, Interest::Read)?;
        }
        Ok(())
    }
}

fn or_blocked(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}
