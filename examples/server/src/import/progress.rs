//! A line on the terminal that says how far it is.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::{Duration, Instant},
};

/// Between two looks of it.
const EVERY: Duration = Duration::from_millis(100);

/// Cells of the bar.
const CELLS: u64 = 30;

/// Shown on a terminal alone: a log does not want it.
#[derive(Debug)]
pub(crate) struct Progress {
    total: Option<u64>,
    shown: Option<Instant>,
    on: bool,
}

impl Progress {
    pub(crate) fn new(total: Option<u64>) -> Self {
        Self { total, shown: None, on: stderr().is_terminal() }
    }

    pub(crate) fn show(&mut self, done: u64) {
        if self.on && self.shown.is_none_or(|at| at.elapsed() >= EVERY) {
            self.shown = Some(Instant::now());
            // Whoever closed the terminal misses nothing.
            let _ = write!(stderr(), "\r{}\x1b[K", line(done, self.total));
        }
    }

    /// Leaves the line to others.
    pub(crate) fn end(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

fn line(done: u64, total: Option<u64>) -> String {
    let Some(total) = total.filter(|total| *total > 0) else { return format!("{done} messages") };
    let done = done.min(total);
    let filled = usize::try_from(done * CELLS / total).unwrap_or(0);
    let empty = usize::try_from(CELLS).unwrap_or(0) - filled;
    let (bar, rest) = ("#".repeat(filled), ".".repeat(empty));
    format!("[{bar}{rest}] {done} of {total} messages ({} %)", done * 100 / total)
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_bar_is_full_at_the_end_and_not_beyond() {
        assert_eq!(line(7, None), "7 messages");
        assert_eq!(
            line(5, Some(10)),
            format!("[{}{}] 5 of 10 messages (50 %)", "#".repeat(15), ".".repeat(15))
        );
        assert_eq!(line(11, Some(10)), format!("[{}] 10 of 10 messages (100 %)", "#".repeat(30)));
        assert_eq!(line(0, Some(0)), "0 messages");
    }
}
