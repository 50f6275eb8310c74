//! What a client does of its own accord.

use tokio::time::timeout;

use super::{Client, Draft, link::PATIENCE};
use crate::{
    engine::Commands,
    hooks::Principal,
    model::{ClientId, Emoji, RoomId, Seq},
    protocol::{Command, HistoryRange, Send, SendTo},
    signal::PresenceChoice,
    testkit::sim::{
        record::{Asked, What},
        world::Node,
    },
};

impl Client {
    /// Does one thing.
    pub(super) async fn act(&mut self, node: &Node, commands: &Commands) {
        let what = self.rng.below(100);
        let Some(room) = self.some_room() else { return };
        match what {
            0..=39 => self.say(commands, room).await,
            40..=49 => self.repeat_drafts(node, commands).await,
            50..=53 => self.repeat_sent(commands).await,
            54..=65 => self.change(commands, what).await,
            66..=69 => self.subscribe(commands, room).await,
            70..=71 => {
                self.submit(commands, Asked::Unsubscribe, Command::Unsubscribe { room }).await;
            }
            72..=75 => {
                let range = match self.rng.below(3) {
                    0 => HistoryRange::Latest,
                    1 => HistoryRange::After(self.cursor(room).back(5)),
                    _ => HistoryRange::Before(self.cursor(room)),
                };
                let command = Command::History { room, range, limit: Some(5), thread: None };
                self.submit(commands, Asked::History { room }, command).await;
            }
            76..=82 => self.page(node).await,
            83..=85 => self.join_or_leave(node, room).await,
            86..=90 => {
                let seq = self.cursor(room);
                self.submit(commands, Asked::Other, Command::Read { room, seq }).await;
            }
            91..=94 => {
                let is_typing = self.rng.chance(0.6);
                self.submit(commands, Asked::Other, Command::Typing { room, is_typing }).await;
            }
            95 => {
                let status = match self.rng.below(3) {
                    0 => PresenceChoice::Online,
                    1 => PresenceChoice::Away,
                    _ => PresenceChoice::Invisible,
                };
                self.submit(commands, Asked::Other, Command::Presence { status }).await;
            }
            _ => {
                self.submit(commands, Asked::Other, Command::Ping).await;
            }
        }
    }

    fn cursor(&self, room: RoomId) -> Seq {
        self.cursors.get(&room).copied().unwrap_or_default()
    }

    /// Mostly one that it follows; sometimes any.
    fn some_room(&mut self) -> Option<RoomId> {
        let any = self.rng.chance(0.1);
        if any || self.subs.is_empty() {
            let rooms = self.world.rooms.lock().clone();
            return self.rng.pick(&rooms).copied();
        }
        let subs: Vec<_> = self.subs.iter().copied().collect();
        self.rng.pick(&subs).copied()
    }

    async fn say(&mut self, commands: &Commands, room: RoomId) {
        // Sometimes several at once, so that their order shows.
        let count = if self.rng.chance(0.2) { 2 + self.rng.below(4) } else { 1 };
        for _ in 0..count {
            self.keys += 1;
            let key = format!("c{}-{}", self.record.client, self.keys);
            let padding = if self.rng.chance(0.1) { self.rng.below(900) } else { 0 };
            let content = format!("{key} {}", "x".repeat(usize::try_from(padding).unwrap_or(0)));
            let client_id = ClientId::new(key).expect("a short text");
            let draft = Draft { room, client_id, content: content.trim_end().to_owned(), asked: None };
            let asked = self.send(commands, &draft).await;
            self.drafts.push(Draft { asked, ..draft });
        }
    }

    async fn send(&mut self, commands: &Commands, draft: &Draft) -> Option<u64> {
        let asked = Asked::Send {
            room: draft.room,
            client_id: draft.client_id.clone(),
            content: draft.content.clone(),
        };
        let send = Send::text(SendTo::Room(draft.room), draft.content.clone())
            .with_client_id(draft.client_id.clone());
        self.submit(commands, asked, Command::Send(Box::new(send))).await
    }

    /// Asks again for what has not been told for sure.
    pub(super) async fn repeat_drafts(&mut self, node: &Node, commands: &Commands) {
        let waiting: Vec<_> = self.drafts.iter().filter(|draft| draft.asked.is_none()).cloned().collect();
        for draft in waiting.into_iter().take(4) {
            let asked = tokio::select! {
                biased;
                () = node.gate.died() => return,
                asked = self.send(commands, &draft) => asked,
            };
            if let Some(kept) = self.drafts.iter_mut().find(|kept| kept.client_id == draft.client_id) {
                kept.asked = asked;
            }
        }
    }

    /// Asks again for what was told already, or for something else under the same key.
    async fn repeat_sent(&mut self, commands: &Commands) {
        let sent: Vec<_> = self.sent.iter().cloned().collect();
        let Some(mut draft) = self.rng.pick(&sent).cloned() else { return };
        if self.rng.chance(0.3) {
            draft.content.push_str(" (otherwise)");
        }
        self.send(commands, &draft).await;
    }

    async fn change(&mut self, commands: &Commands, what: u64) {
        let own: Vec<_> = self.own.iter().cloned().collect();
        let seen: Vec<_> = self.seen.iter().copied().collect();
        let emoji = Emoji::new(if self.rng.chance(0.5) { "+1" } else { "heart" }).expect("a short text");
        let mine = self.rng.pick(&own).cloned();
        let any = self.rng.pick(&seen).copied();
        let command = match (what, mine, any) {
            (54..=57, Some((room, seq, key)), _) => {
                self.keys += 1;
                Command::Edit { room, seq, content: format!("{key} edit {}", self.keys), mentions: None }
            }
            (58..=59, Some((room, seq, _)), _) | (60, _, Some((room, seq))) => Command::Delete { room, seq },
            (61..=63, _, Some((room, seq))) => Command::React { room, seq, emoji },
            (64..=65, _, Some((room, seq))) => Command::Unreact { room, seq, emoji },
            _ => return,
        };
        let room = match &command {
            Command::Edit { room, .. }
            | Command::Delete { room, .. }
            | Command::React { room, .. }
            | Command::Unreact { room, .. } => *room,
            _ => return,
        };
        self.submit(commands, Asked::Write { room }, command).await;
    }

    async fn subscribe(&mut self, commands: &Commands, room: RoomId) {
        let cursor = self.cursor(room);
        let since = match self.rng.below(3) {
            0 => None,
            1 => Some(cursor),
            _ => Some(cursor.back(self.rng.below(30))),
        };
        self.submit(commands, Asked::Subscribe { room, since }, Command::Subscribe { room, since }).await;
    }

    /// Reads what a gap left out, or just something.
    async fn page(&mut self, node: &Node) {
        let (room, since, to) = match self.gaps.pop_front() {
            Some(gap) => gap,
            None => {
                let Some(room) = self.some_room() else { return };
                let since = self.cursor(room).back(self.rng.below(20));
                (room, since, since)
            }
        };
        let principal = Principal::new(self.record.user.clone());
        let user = node.engine.as_user(&principal);
        if let Ok(Ok(page)) = timeout(PATIENCE, user.events(room, since, Some(20))).await {
            let read = page.events.last().map_or(to, |last| last.seq);
            if read < to {
                self.gaps.push_front((room, read, to));
            }
            self.note(What::Read { room, since, events: page.events, head: page.head });
        }
    }

    async fn join_or_leave(&mut self, node: &Node, room: RoomId) {
        let principal = Principal::new(self.record.user.clone());
        let user = node.engine.as_user(&principal);
        if self.rng.chance(0.7) && !self.subs.contains(&room) {
            drop(timeout(PATIENCE, user.join(room)).await);
        } else {
            drop(timeout(PATIENCE, user.leave(room)).await);
        }
    }
}
