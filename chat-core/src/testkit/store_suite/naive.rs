//! What a room must be, told anew from the list of what happened each time it is asked: slow, short, and written
//! without a look at the rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Role;

/// What is wanted.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    Say { key: String, digest: u8, text: String, names: Vec<String>, notice: bool },
    Edit { target: u64, text: String },
    Delete { target: u64 },
    React { target: u64, emoji: String },
    Unreact { target: u64, emoji: String },
    Add { user: String, role: Role },
    Join,
    Leave,
    Remove { user: String },
    SetRole { user: String, role: Role },
}

/// What happened, by whom; the first entry is that the room was made, so that the last one's position is the length.
type Happened = (String, Wish);

#[derive(Debug)]
pub(super) struct Naive {
    open: bool,
    makers: Vec<String>,
    log: Vec<Happened>,
    /// Where each member's read pointer was put, latest last.
    reads: Vec<(String, u64)>,
}

pub(super) const HOST: &str = "host";

/// A message as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) seq: u64,
    pub(super) sender: String,
    pub(super) text: String,
    pub(super) names: Vec<String>,
    pub(super) version: u32,
    pub(super) deleted: bool,
    pub(super) notice: bool,
    pub(super) reactions: BTreeSet<(String, String)>,
}

impl Naive {
    /// A room whose first maker owns it.
    pub(super) fn made(open: bool, makers: &[&str]) -> Self {
        let makers: Vec<String> = makers.iter().map(|&name| name.to_owned()).collect();
        let reads = makers.iter().map(|name| (name.clone(), 1)).collect();
        Self { open, makers, log: Vec::new(), reads }
    }

    pub(super) const fn head(&self) -> u64 {
        self.log.len() as u64 + 1
    }

    fn happened(&self) -> impl Iterator<Item = (u64, &str, &Wish)> {
        (2..).zip(&self.log).map(|(seq, (who, wish))| (seq, who.as_str(), wish))
    }

    /// Members, with role and position of the join.
    pub(super) fn members(&self) -> BTreeMap<String, (Role, u64)> {
        let role = |at| if at == 0 { Role::Owner } else { Role::Member };
        let mut members: BTreeMap<_, _> =
            self.makers.iter().enumerate().map(|(at, name)| (name.clone(), (role(at), 1))).collect();
        for (seq, who, wish) in self.happened() {
            match wish {
                Wish::Add { user, role } => drop(members.insert(user.clone(), (*role, seq))),
                Wish::Join => drop(members.insert(who.to_owned(), (Role::Member, seq))),
                Wish::Leave => go(&mut members, who),
                Wish::Remove { user } => go(&mut members, user),
                Wish::SetRole { user, role } => members.get_mut(user).expect("a member").0 = *role,
                _ => {}
            }
        }
        members
    }

    pub(super) fn messages(&self) -> Vec<Said> {
        let mut said: Vec<Said> = Vec::new();
        for (seq, who, wish) in self.happened() {
            match wish {
                Wish::Say { text, names, notice, .. } => said.push(Said {
                    seq,
                    sender: who.to_owned(),
                    text: text.clone(),
                    names: names.clone(),
                    version: 1,
                    deleted: false,
                    notice: *notice,
                    reactions: BTreeSet::new(),
                }),
                Wish::Edit { target, text } => {
                    let message = at(&mut said, *target);
                    message.text.clone_from(text);
                    message.version += 1;
                }
                Wish::Delete { target } => {
                    let message = at(&mut said, *target);
                    (message.deleted, message.version) = (true, message.version + 1);
                    (message.text, message.names, message.reactions) = Default::default();
                }
                Wish::React { target, emoji } => {
                    at(&mut said, *target).reactions.insert((emoji.clone(), who.to_owned()));
                }
                Wish::Unreact { target, emoji } => {
                    at(&mut said, *target).reactions.remove(&(emoji.clone(), who.to_owned()));
                }
                _ => {}
            }
        }
        said
    }

    /// Read pointer, unread messages, mentions.
    pub(super) fn unread(&self, who: &str) -> (u64, u32, u32) {
        let read = self.reads.iter().rev().find(|(name, _)| name == who).expect("a member").1;
        let messages = self.messages();
        let above = || messages.iter().filter(|message| message.seq > read && !message.notice);
        let naming = above().filter(|message| message.names.iter().any(|name| name == who));
        (read, above().count() as u32, naming.count() as u32)
    }

    /// Moves a read pointer; where it stands then.
    pub(super) fn read(&mut self, who: &str, to: u64) -> Option<u64> {
        self.members().get(who)?;
        let read = self.unread(who).0.max(to.min(self.head()));
        self.reads.push((who.to_owned(), read));
        Some(read)
    }

    /// Whether a message that stands under the sender's key has this digest.
    fn sent(&self, sender: &str, wanted: &str) -> Option<u8> {
        self.happened().find_map(|(_, who, wish)| match wish {
            Wish::Say { key, digest, .. } if who == sender && key == wanted => Some(*digest),
            _ => None,
        })
    }

    /// What must come of a wish. Where it is granted it has happened.
    pub(super) fn ask(&mut self, who: &str, wish: &Wish) -> &'static str {
        let verdict = self.verdict(who, wish);
        if verdict != "applied" {
            return verdict;
        }
        let mut wish = wish.clone();
        let members = self.members();
        if let Wish::Say { names, .. } = &mut wish {
            let mut seen = BTreeSet::new();
            names.retain(|name| members.contains_key(name) && seen.insert(name.clone()));
        }
        self.log.push((who.to_owned(), wish.clone()));
        let began = match &wish {
            Wish::Say { .. } if members.contains_key(who) => Some(who),
            Wish::Join => Some(who),
            Wish::Add { user, .. } => Some(user.as_str()),
            _ => None,
        };
        if let Some(name) = began {
            self.reads.push((name.to_owned(), self.head()));
        }
        verdict
    }

    fn verdict(&self, who: &str, wish: &Wish) -> &'static str {
        if let Wish::Say { key, digest, .. } = wish
            && let Some(before) = self.sent(who, key)
        {
            return if before == *digest { "repeat" } else { "body_mismatch" };
        }
        let members = self.members();
        let role_of = |name: &str| members.get(name).map(|(role, _)| *role);
        // The host is above all.
        let rank = if who == HOST { 9 } else { role_of(who).map_or(0, |role| role as u8 + 1) };
        let above = |role: Role| rank > role as u8 + 1;
        let least = match wish {
            Wish::Join => 0,
            Wish::Add { .. } | Wish::Remove { .. } | Wish::SetRole { .. } => 2,
            _ => 1,
        };
        if rank < least {
            return if rank == 0 && !self.open { "room_not_found" } else { "forbidden" };
        }
        let messages = self.messages();
        let at = |target: u64| messages.iter().find(|message| message.seq == target);
        let applied = |is_change| if is_change { "applied" } else { "unchanged" };
        match wish {
            Wish::Edit { target, text } => match at(*target) {
                Some(message) if message.deleted => "not_found",
                Some(message) if message.sender == who => applied(message.text != *text),
                Some(_) => "forbidden",
                None => "not_found",
            },
            Wish::Delete { target } => match at(*target) {
                Some(message) if message.sender == who || rank >= 2 => applied(!message.deleted),
                Some(_) => "forbidden",
                None => "not_found",
            },
            Wish::React { target, emoji } | Wish::Unreact { target, emoji } => {
                let adds = matches!(wish, Wish::React { .. });
                match at(*target) {
                    None => "not_found",
                    Some(message) if adds && message.deleted => "not_found",
                    Some(_) if who == HOST => "forbidden",
                    Some(message) => {
                        let mine = (emoji.clone(), who.to_owned());
                        applied(message.reactions.contains(&mine) != adds)
                    }
                }
            }
            Wish::Add { user, role } if above(*role) => applied(role_of(user).is_none()),
            Wish::Remove { user } => match role_of(user) {
                Some(role) if above(role) => "applied",
                Some(_) => "forbidden",
                None => "not_found",
            },
            Wish::SetRole { user, role } => match role_of(user) {
                Some(old) if above(old) && above(*role) => applied(old != *role),
                Some(_) => "forbidden",
                None => "not_found",
            },
            Wish::Join if rank == 9 => "forbidden",
            Wish::Join if rank > 0 => "unchanged",
            Wish::Join if self.open => "applied",
            Wish::Join => "room_not_found",
            Wish::Leave if rank == 9 => "room_not_found",
            Wish::Say { .. } | Wish::Leave => "applied",
            Wish::Add { .. } => "forbidden",
        }
    }
}

fn at(said: &mut [Said], target: u64) -> &mut Said {
    said.iter_mut().find(|message| message.seq == target).expect("a message")
}

/// Takes one out, and names an owner where it was the last one.
fn go(members: &mut BTreeMap<String, (Role, u64)>, who: &str) {
    let (role, _) = members.remove(who).expect("a member");
    let is_orphaned = role == Role::Owner && members.values().all(|(role, _)| *role != Role::Owner);
    let best = members.iter().max_by_key(|(name, (role, seq))| {
        (*role, std::cmp::Reverse(*seq), std::cmp::Reverse(name.to_string()))
    });
    if let Some(heir) = best.map(|(name, _)| name.clone()).filter(|_| is_orphaned) {
        members.get_mut(&heir).expect("a member").0 = Role::Owner;
    }
}
