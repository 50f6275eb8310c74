//! What became of it all.

use std::fmt;

/// Notes that are kept; of more only their number.
const NOTES_MAX: usize = 100;

/// Counts, and why something was left out.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(super) rooms: Counts,
    /// Direct rooms that were made groups: their pairs have others.
    pub(super) second_direct: u64,
    /// Participants who are no members here.
    pub(super) absent_members: u64,
    pub(super) messages: Counts,
    /// Profiles of users of whom none was kept.
    pub(super) profiles: u64,
    notes: Vec<String>,
    more_notes: u64,
}

/// Fates of rooms or messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(super) stored: u64,
    /// Stood already.
    pub(super) present: u64,
    /// Stood already, and are not the same.
    pub(super) different: u64,
    /// Left out.
    pub(super) skipped: u64,
}

impl Counts {
    pub(super) const fn all(self) -> u64 {
        self.stored + self.present + self.different + self.skipped
    }
}

impl Report {
    /// Why something was left out, or differs.
    pub(super) fn note(&mut self, note: String) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(note);
        } else {
            self.more_notes += 1;
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stored, present, different, skipped } = self;
        write!(f, "{stored} stored, {present} present, {different} different, {skipped} skipped")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rooms:    {}", self.rooms)?;
        writeln!(f, "messages: {}", self.messages)?;
        if self.profiles > 0 {
            writeln!(f, "profiles: {} stored", self.profiles)?;
        }
        if self.second_direct > 0 {
            writeln!(
                f,
                "direct rooms that became groups, since their pairs have others: {}",
                self.second_direct
            )?;
        }
        if self.absent_members > 0 {
            writeln!(
                f,
                "participants who are no members here (left here, or new there): {}",
                self.absent_members
            )?;
        }
        for note in &self.notes {
            writeln!(f, "- {note}")?;
        }
        if self.more_notes > 0 {
            writeln!(f, "- and {} more", self.more_notes)?;
        }
        Ok(())
    }
}
