//! Brings records into a store, room by room and batch by batch.

use std::{collections::HashSet, sync::Arc, time::Duration};

use chat_core::{
    Limits,
    model::{MessageKind, Profile, Role, RoomKind, UserId},
    store::{
        IMPORT_ID_MAX, IMPORT_MEMBERS_MAX, ImportMessage, ImportPart, ImportRoom, ImportStore, Imported,
        MessageFate, Refusal, RoomFate, StoreError,
    },
};
use tokio::time::sleep;

use super::{
    AnyError,
    last_ids::LastIds,
    progress::Progress,
    record::{Extent, MemberRecord, MessageRecord, Record, RoomRecord, Source, Unusable},
    report::Report,
};

/// Messages of a transaction.
const BATCH: usize = 500;

/// Profiles that are looked up at once.
const PROFILES: usize = 200;

/// How often a store is asked that is out of reach or a room that someone holds, and how long after one another.
const TRIES: u32 = 30;
const BETWEEN: Duration = Duration::from_millis(500);

/// The room that is being taken over.
struct Current {
    room: ImportRoom,
    users: HashSet<UserId>,
    messages: Vec<ImportMessage>,
    /// Whether a part of it was written.
    is_begun: bool,
    /// Whether the store refused it.
    is_refused: bool,
}

pub(crate) struct Importer {
    store: Arc<dyn ImportStore>,
    limits: Limits,
    report: Report,
    current: Option<Current>,
    profiles: Vec<Profile>,
}

impl Importer {
    pub(crate) fn new(store: Arc<dyn ImportStore>, limits: Limits) -> Self {
        Self { store, limits, report: Report::default(), current: None, profiles: Vec::new() }
    }

    /// What became of everything up to now.
    pub(crate) const fn report(&self) -> &Report {
        &self.report
    }

    /// Takes over all that there is. Where it fails, what was written stays, and the next run goes on.
    ///
    /// Before anything is written, no room or message that is made here gets an id up to the greatest of the source, as
    /// it is found there or `told`.
    pub(crate) async fn run(&mut self, source: &mut dyn Source, told: LastIds) -> Result<(), AnyError> {
        let extent = source.extent().await?;
        self.reserve(extent, told).await?;
        let messages = extent.map(|extent| extent.messages);
        let mut progress = Progress::new(messages);
        let read = self.read(source, &mut progress).await;
        // What was read before a fault is taken over too, but for a room whose members may not be all.
        let is_whole = |current: &Current| read.is_ok() || !current.messages.is_empty();
        self.current = self.current.take().filter(is_whole);
        let written = async {
            self.finish_room().await?;
            self.put_profiles().await
        };
        let written = written.await;
        progress.end();
        read.and(written)?;
        let left = messages.unwrap_or(0).saturating_sub(self.report.messages.all());
        if left > 0 {
            self.report.messages.skipped += left;
            self.report.note(format!("{left} messages are in no room that was read, or have no time"));
        }
        Ok(())
    }

    /// Keeps the ids that are to come from whoever makes rooms and messages meanwhile.
    async fn reserve(&mut self, extent: Option<Extent>, told: LastIds) -> Result<(), AnyError> {
        let found = extent.unwrap_or_default();
        let room = found.last_room.max(told.room);
        if extent.is_none() && room.is_none() {
            let why = "it cannot be read twice: what others make here meanwhile may take ids of it";
            self.report
                .note(format!("no ids were kept free beforehand, since {why} (--last-room, --last-message)"));
        }
        if let Some(room) = room {
            let message = found.last_message.max(told.message);
            retried(|| self.store.reserve_ids(room, message)).await?;
        }
        Ok(())
    }

    async fn read(&mut self, source: &mut dyn Source, progress: &mut Progress) -> Result<(), AnyError> {
        while let Some(record) = source.next().await? {
            match record {
                Record::User(user) => self.profile(user.into_profile()).await?,
                Record::Room(room) => self.room(room).await?,
                Record::Member(member) => self.member(member),
                Record::Message(message) => self.message(message).await?,
                Record::Unusable(what) => self.unusable(what).await?,
            }
            progress.show(self.report.messages.all());
        }
        Ok(())
    }

    async fn room(&mut self, record: RoomRecord) -> Result<(), AnyError> {
        self.finish_room().await?;
        let why = match &record.name {
            Some(name) if name.chars().count() > self.limits.name_chars_max => Some("the name is too long"),
            Some(name) if name.contains('\0') => Some("U+0000 in the name"),
            _ if record.metadata.has_nul() => Some("U+0000 in the metadata"),
            _ if record.metadata.json_bytes() > self.limits.metadata_bytes_max => {
                Some("the metadata is too large")
            }
            _ => None,
        };
        if let Some(why) = why {
            self.report.rooms.skipped += 1;
            self.report.note(format!("room {}: {why}", record.id));
        }
        let name = record.name.filter(|name| !name.is_empty());
        let RoomRecord { id, kind, created_at, metadata, .. } = record;
        let room = ImportRoom { id, kind, name, metadata, created_at, members: Vec::new() };
        let (users, messages) = (HashSet::new(), Vec::new());
        self.current = Some(Current { room, users, messages, is_begun: false, is_refused: why.is_some() });
        Ok(())
    }

    fn member(&mut self, record: MemberRecord) {
        let current = self.current.as_mut().filter(|current| current.room.id == record.room);
        let why = match current {
            None => "outside of its room's lines",
            Some(current) if current.is_begun || !current.messages.is_empty() => "after its room's messages",
            Some(current) if current.room.members.len() > IMPORT_MEMBERS_MAX => return,
            Some(_) if record.user.as_str().contains('\0') => "U+0000 in the user's id",
            Some(current) => {
                if current.users.insert(record.user.clone()) {
                    current.room.members.push((record.user, record.role));
                }
                return;
            }
        };
        self.report.note(format!("member {} of room {}: {why}", record.user, record.room));
    }

    async fn message(&mut self, record: MessageRecord) -> Result<(), AnyError> {
        let (id, room) = (record.id, record.room);
        let message = match self.checked(record) {
            Ok(message) => message,
            Err(why) => {
                self.report.messages.skipped += 1;
                self.report.note(format!("message {id}: {why}"));
                return Ok(());
            }
        };
        match self.current.as_mut().filter(|current| current.room.id == room) {
            None => {
                self.report.messages.skipped += 1;
                self.report.note(format!("message {id}: outside of the lines of room {room}"));
            }
            Some(current) if current.is_refused => self.report.messages.skipped += 1,
            Some(current) => {
                current.messages.push(message);
                if current.messages.len() >= BATCH {
                    self.write().await?;
                }
            }
        }
        Ok(())
    }

    fn checked(&self, record: MessageRecord) -> Result<ImportMessage, String> {
        let has_nul = record.content.contains('\0') || record.metadata.has_nul();
        let most = self.limits.content_bytes_max;
        if has_nul || record.sender.as_ref().is_some_and(|user| user.as_str().contains('\0')) {
            return Err("U+0000 in it".to_owned());
        }
        if record.content.len() > most {
            let bytes = record.content.len();
            return Err(format!("{bytes} bytes of content, above {most} (--limit content_bytes_max=N)"));
        }
        if record.metadata.json_bytes() > self.limits.metadata_bytes_max {
            return Err("the metadata is too large".to_owned());
        }
        if record.id.get() > IMPORT_ID_MAX {
            return Err(format!("an id above {IMPORT_ID_MAX}"));
        }
        let kind = if record.kind.is_empty() { "text" } else { &record.kind };
        Ok(ImportMessage {
            id: record.id,
            sender: record.sender,
            at: record.created_at,
            kind: MessageKind::new(kind).map_err(|error| error.to_string())?,
            content: record.content,
            metadata: record.metadata,
        })
    }

    async fn unusable(&mut self, what: Unusable) -> Result<(), AnyError> {
        let why = match what {
            Unusable::Room(why) => {
                self.finish_room().await?;
                self.report.rooms.skipped += 1;
                why
            }
            Unusable::Member(why) => why,
            Unusable::Message(why) => {
                self.report.messages.skipped += 1;
                why
            }
        };
        self.report.note(why);
        Ok(())
    }

    /// Writes what is left of the current room; a room without messages is written here.
    async fn finish_room(&mut self) -> Result<(), AnyError> {
        if self.current.as_ref().is_some_and(|current| !current.is_begun || !current.messages.is_empty()) {
            self.write().await?;
        }
        self.current = None;
        Ok(())
    }

    /// Writes what waits of the current room.
    async fn write(&mut self) -> Result<(), AnyError> {
        let Some(current) = &mut self.current else { return Ok(()) };
        if current.is_refused {
            return Ok(());
        }
        let messages = std::mem::take(&mut current.messages);
        let part = ImportPart { room: current.room.clone(), messages };
        let is_first = !std::mem::replace(&mut current.is_begun, true);
        match held(|| self.store.import(&part)).await? {
            Ok(imported) => self.count(&part, &imported, is_first),
            // Who holds it will let it go: the next run goes on here.
            Err(Refusal::Held) => return Err(format!("room {} is held by someone else", part.room.id).into()),
            Err(refusal) => {
                current.is_refused = true;
                self.report.rooms.skipped += u64::from(is_first);
                self.report.messages.skipped += part.messages.len() as u64;
                self.report.note(format!("room {}: {refusal}", part.room.id));
            }
        }
        Ok(())
    }

    fn count(&mut self, part: &ImportPart, imported: &Imported, is_first: bool) {
        let report = &mut self.report;
        let id = part.room.id;
        if is_first {
            report.absent_members += imported.absent_members as u64;
            match imported.room {
                RoomFate::Made => report.rooms.stored += 1,
                RoomFate::MadeGroup => {
                    report.rooms.stored += 1;
                    report.second_direct += 1;
                    report.note(format!("room {id}: a group, since the pair has another direct room"));
                }
                RoomFate::Stands => report.rooms.present += 1,
                RoomFate::Differs => {
                    report.rooms.different += 1;
                    report.note(format!("room {id}: kind, name or metadata are not those of the first run"));
                }
            }
        }
        for (message, fate) in part.messages.iter().zip(&imported.messages) {
            match fate {
                MessageFate::Stored => report.messages.stored += 1,
                MessageFate::Stands => report.messages.present += 1,
                MessageFate::Differs => {
                    report.messages.different += 1;
                    report.note(format!(
                        "message {}: text, time or kind are not those of the first run",
                        message.id
                    ));
                }
                MessageFate::IdTaken => {
                    report.messages.skipped += 1;
                    report.note(format!("message {}: another message has its id", message.id));
                }
            }
        }
    }

    async fn profile(&mut self, profile: Profile) -> Result<(), AnyError> {
        let texts = [profile.id.as_str(), &profile.name, &profile.username, &profile.email, &profile.role];
        let avatar = profile.avatar.as_deref().unwrap_or_default();
        if texts.into_iter().chain([avatar]).any(|text| text.contains('\0')) {
            self.report.note(format!("user {}: U+0000 in it", profile.id));
            return Ok(());
        }
        self.profiles.push(profile);
        if self.profiles.len() >= PROFILES { self.put_profiles().await } else { Ok(()) }
    }

    /// Keeps the profiles of users of whom none is kept: what is known here is newer.
    async fn put_profiles(&mut self) -> Result<(), AnyError> {
        let mut profiles = std::mem::take(&mut self.profiles);
        if profiles.is_empty() {
            return Ok(());
        }
        let users: Vec<UserId> = profiles.iter().map(|profile| profile.id.clone()).collect();
        let kept = retried(|| self.store.profiles(&users)).await?;
        let mut known: HashSet<UserId> = kept.into_iter().map(|stored| stored.profile.id).collect();
        profiles.retain(|profile| known.insert(profile.id.clone()));
        if !profiles.is_empty() {
            retried(|| self.store.put_profiles(&profiles)).await?;
        }
        self.report.profiles += profiles.len() as u64;
        Ok(())
    }
}

/// The kind of a room that says only whether it is a group, and the role of the n-th who joined it.
pub(super) fn kind_of(is_group: bool, members: usize) -> RoomKind {
    if !is_group && members == 2 { RoomKind::Direct } else { RoomKind::Group }
}

/// Who was there first owns a group: someone must, and nobody is said to.
pub(super) const fn role_of(kind: RoomKind, place: usize) -> Role {
    if place == 0 && !matches!(kind, RoomKind::Direct) { Role::Owner } else { Role::Member }
}

/// Asks until there is an answer; all that an import asks may be asked again.
async fn retried<T, F>(ask: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut tries = 1;
    loop {
        match ask().await {
            Err(error) if error.is_retryable() && tries < TRIES => sleep(BETWEEN).await,
            answer => return answer,
        }
        tries += 1;
    }
}

/// The same for a room that someone may hold.
async fn held<F>(ask: impl Fn() -> F) -> Result<Result<Imported, Refusal>, StoreError>
where
    F: Future<Output = Result<Result<Imported, Refusal>, StoreError>>,
{
    let mut tries = 1;
    loop {
        match retried(&ask).await {
            Ok(Err(Refusal::Held)) if tries < TRIES => sleep(BETWEEN).await,
            answer => return answer,
        }
        tries += 1;
    }
}
