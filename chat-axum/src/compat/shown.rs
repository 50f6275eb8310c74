//! Which messages these formats show.

use chat_core::model::Message;

/// Deleted and system messages are not shown, neither live nor in lists: there is no frame for what they are.
#[must_use]
pub fn is_shown(message: &Message) -> bool {
    !message.deleted && message.sender.is_some() && !message.kind.is_system()
}
