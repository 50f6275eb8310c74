//! Files of messages, as these formats show them.

use std::borrow::Cow;

use chat_core::model::{Attachment, AttachmentId, Message};

use crate::media::Media;

/// Where the files of messages are.
#[derive(Clone, Debug)]
pub(super) struct Files(Option<Media>);

impl Files {
    /// Those of a router, where it has any.
    pub(super) fn of(media: Option<&Media>) -> Self {
        Self(media.cloned())
    }

    /// The URL of a file; empty where files are not served any more.
    pub(super) fn url(&self, id: &AttachmentId) -> String {
        self.0.as_ref().map(|media| media.url_of(id)).unwrap_or_default()
    }

    /// What a message says in a format that has no files: its text, and the URL of each file on a line of its own.
    pub(super) fn content<'a>(&self, message: &'a Message) -> Cow<'a, str> {
        self.beside(&message.content, &message.attachments)
    }

    /// A text, and the URLs of files that have no other place, each on a line of its own.
    pub(super) fn beside<'a>(&self, text: &'a str, files: &[Attachment]) -> Cow<'a, str> {
        if files.is_empty() {
            return Cow::Borrowed(text);
        }
        let text = Some(text.to_owned()).filter(|text| !text.is_empty());
        let urls = files.iter().map(|file| self.url(&file.id));
        Cow::Owned(text.into_iter().chain(urls).collect::<Vec<_>>().join("\n"))
    }
}
