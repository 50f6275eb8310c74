//! The server that is measured: started here, or running already.

use std::{
    io,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use chat_benches::{Signer, Usage, allowed_cores, pin_to};
use rustix::process::{Pid, Signal, kill_process};

use crate::{Fallible, args::TargetArgs, base::Base};

/// How long a started server may take until it listens.
const START_MAX: Duration = Duration::from_secs(20);
/// How long it may take to stop.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Bounds made for people, raised for a started server so that it is not they that are measured. What the command line
/// says comes after and wins.
const RAISED: [&str; 4] = [
    "sends=1000000000/1000000000",
    "commands=1000000000/1000000000",
    "rooms_made=1000000/1000000",
    "members_added=1000000/1000000",
];

/// Which cores the two sides get.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// One for the server and one for the generator; none where there is only one.
    apart: Option<(usize, usize)>,
}

impl Cores {
    /// To be asked once, before anything is pinned.
    pub(crate) fn of_this_machine() -> io::Result<Self> {
        let cores = allowed_cores()?;
        Ok(Self { apart: cores.first().copied().zip(cores.get(1).copied()) })
    }
}

#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) base: Base,
    pub(crate) signer: Signer,
    pid: Option<u32>,
    child: Option<Child>,
}

impl TargetArgs {
    /// Starts the server, or finds the one that runs.
    pub(crate) fn start(&self, cores: Cores) -> Fallible<Target> {
        let cores = cores.apart.filter(|_| !self.no_pin);
        let signer = Signer::new(&self.secret);
        if let Some(url) = &self.url {
            if let Some((_, own)) = cores {
                pin_to(&[own])?;
            }
            return Ok(Target { base: Base::parse(url)?, signer, pid: self.pid, child: None });
        }
        let listen = free_address()?;
        let mut command = self.command(&listen)?;
        // A process starts where its parent is, so that no thread of the server is ever elsewhere.
        if let Some((server, _)) = cores {
            pin_to(&[server])?;
        }
        let program = command.get_program().to_owned();
        let child =
            command.spawn().map_err(|error| format!("failed to start {}: {error}", program.display()))?;
        if let Some((_, own)) = cores {
            pin_to(&[own])?;
        }
        let base = Base::parse(&format!("http://{listen}/api/v1"))?;
        let mut target = Target { base, signer, pid: Some(child.id()), child: Some(child) };
        target.wait_until_it_listens()?;
        Ok(target)
    }

    fn command(&self, listen: &str) -> Fallible<Command> {
        let program = self.server.as_ref().ok_or("no server given")?;
        let mut command = Command::new(program);
        let database = self.database.as_deref().unwrap_or("memory:");
        command.args(["--listen", listen, "--database", database, "--jwt-secret", &self.secret]);
        let limits = RAISED.into_iter().chain(self.limit.iter().map(String::as_str));
        command.args(limits.flat_map(|limit| ["--limit", limit]));
        command.args(&self.server_arg);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        Ok(command)
    }
}

impl Target {
    /// What the server has used so far; `None` where its process is not known.
    pub(crate) fn usage(&self) -> Fallible<Option<Usage>> {
        Ok(self.pid.map(Usage::of).transpose()?)
    }

    fn wait_until_it_listens(&mut self) -> Fallible<()> {
        let started = Instant::now();
        while TcpStream::connect(self.base.addr).is_err() {
            if let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() {
                return Err(format!("the server ended at once: {status}").into());
            }
            if started.elapsed() > START_MAX {
                return Err("the server does not listen".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else {
            return;
        };
        if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
            // It may have ended by itself, which the loop below finds out.
            let _ = kill_process(pid, Signal::TERM);
        }
        let asked = Instant::now();
        while asked.elapsed() < STOP_MAX {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A loopback address that nobody listens on. Somebody may by the time it is used; then the server says so.
fn free_address() -> io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
