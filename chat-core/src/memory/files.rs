//! What a [`super::MemoryStore`] knows of files.

use std::{collections::BTreeMap, ops::Bound};

use crate::model::{Attachment, AttachmentId, RoomId, Seq, StoredAttachment, Timestamp, Upload, UserId};

/// Files by id.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Files(BTreeMap<AttachmentId, File>);

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct File {
    uploader: Option<UserId>,
    at: Timestamp,
    /// Once it is finished, until it is removed.
    stored: Option<StoredAttachment>,
    is_removed: bool,
}

impl File {
    const fn is_unsent(&self) -> bool {
        !self.is_removed && !matches!(&self.stored, Some(stored) if stored.sent.is_some())
    }

    fn remove(&mut self) {
        self.stored = None;
        self.is_removed = true;
    }
}

impl Files {
    pub(super) fn begin(&mut self, upload: &Upload) {
        let Upload { id, uploader, at } = upload.clone();
        self.0.entry(id).or_insert(File { uploader, at, stored: None, is_removed: false });
    }

    pub(super) fn finish(&mut self, attachment: &Attachment, room: Option<RoomId>) -> bool {
        let awaited = self.0.get_mut(&attachment.id).filter(|file| !file.is_removed && file.stored.is_none());
        let Some(file) = awaited else { return false };
        let (attachment, uploader) = (attachment.clone(), file.uploader.clone());
        file.stored = Some(StoredAttachment { attachment, uploader, room, sent: None });
        true
    }

    pub(super) fn get(&self, id: &AttachmentId) -> Option<&StoredAttachment> {
        self.0.get(id)?.stored.as_ref()
    }

    pub(super) fn attach(&mut self, id: &AttachmentId, room: RoomId, seq: Seq) {
        if let Some(stored) = self.0.get_mut(id).and_then(|file| file.stored.as_mut()) {
            stored.sent = Some((room, seq));
        }
    }

    pub(super) fn remove_own(&mut self, id: &AttachmentId, uploader: Option<&UserId>) -> bool {
        let fits = |file: &&mut File| file.is_unsent() && file.uploader.as_ref() == uploader;
        self.0.get_mut(id).filter(fits).map(File::remove).is_some()
    }

    /// Removes those that a deleted message carried.
    pub(super) fn remove_all<'i>(&mut self, ids: impl IntoIterator<Item = &'i AttachmentId>) {
        for id in ids {
            if let Some(file) = self.0.get_mut(id) {
                file.remove();
            }
        }
    }

    pub(super) fn removed(
        &mut self,
        before: Timestamp,
        after: Option<&AttachmentId>,
        limit: usize,
    ) -> Vec<AttachmentId> {
        for file in self.0.values_mut().filter(|file| file.is_unsent() && file.at < before) {
            file.remove();
        }
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let above = self.0.range::<AttachmentId, _>((from, Bound::Unbounded));
        above.filter(|(_, file)| file.is_removed).take(limit).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn forget(&mut self, ids: &[AttachmentId]) {
        self.0.retain(|id, file| !(file.is_removed && ids.contains(id)));
    }
}
