//! What the kernel knows of a process, and where it may run.

use std::{fs, io};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system time of all its threads, in seconds (the kernel counts in hundredths).
    pub cpu: f64,
    /// Resident memory now, in KiB.
    pub resident_kib: u64,
    /// Times its threads gave up the processor to wait.
    pub voluntary_switches: u64,
    /// Times its threads were made to give it up.
    pub involuntary_switches: u64,
}

impl Usage {
    /// Reads them from `/proc`.
    ///
    /// # Errors
    /// Where the process is gone or `/proc` is not as it should be.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let ticks = cpu_ticks(&stat).ok_or_else(|| io::Error::other("unexpected /proc/PID/stat"))?;
        let mut usage = Self {
            cpu: ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
            resident_kib: field(&status, "VmRSS:"),
            ..Self::default()
        };
        // The status of a process counts the switches of its first thread alone.
        for task in fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
            let Ok(status) = fs::read_to_string(task.path().join("status")) else {
                continue; // a thread that ended meanwhile
            };
            usage.voluntary_switches += field(&status, "voluntary_ctxt_switches:");
            usage.involuntary_switches += field(&status, "nonvoluntary_ctxt_switches:");
        }
        Ok(usage)
    }
}

/// Raises the bound on open files to what is allowed and returns it.
///
/// # Errors
/// The kernel's.
pub fn raise_open_files() -> io::Result<u64> {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?;
    Ok(most.unwrap_or(u64::MAX))
}

/// The cores this thread may run on.
///
/// # Errors
/// The kernel's.
pub fn allowed_cores() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
}

/// Keeps this thread, and every process and thread it starts from now on, on these cores.
///
/// # Errors
/// The kernel's.
pub fn pin_to(cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// `utime` + `stime` of a line of `/proc/PID/stat`: fields 14 and 15, counted after the command, which may contain
/// anything but ends at the last parenthesis.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The number after `name` at the start of a line; 0 where there is none.
fn field(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value
        .and_then(|value| value.split_ascii_whitespace().next())
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_after_any_name() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 111 222 13 14 20 0 3 0 99";
        assert_eq!(cpu_ticks(stat), Some(333));
        assert_eq!(cpu_ticks("nonsense"), None);
    }

    #[test]
    fn fields_are_found_at_the_start_of_a_line() {
        let status =
            "Name:\tx\nVmRSS:\t   1234 kB\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t7\n";
        assert_eq!(field(status, "VmRSS:"), 1234);
        assert_eq!(field(status, "voluntary_ctxt_switches:"), 5);
        assert_eq!(field(status, "nonvoluntary_ctxt_switches:"), 7);
        assert_eq!(field(status, "VmSwap:"), 0);
    }

    #[test]
    fn this_process_is_alive() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.resident_kib > 0);
        assert!(!allowed_cores().unwrap().is_empty());
        assert!(raise_open_files().unwrap() > 0);
    }
}
