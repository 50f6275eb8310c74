//! Taking over what another system kept.

use std::collections::HashSet;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    model::{MessageId, RoomId},
    store::{ImportPart, ImportStore, Imported, Refusal, StoreError, decide::decide_import},
};

#[async_trait]
impl ImportStore for MemoryStore {
    async fn reserve_ids(&self, room: RoomId, message: Option<MessageId>) -> Result<(), StoreError> {
        self.state.lock().reserve_ids(room, message);
        Ok(())
    }

    async fn import(&self, part: &ImportPart) -> Result<Result<Imported, Refusal>, StoreError> {
        let mut state = self.state.lock();
        let asked: HashSet<MessageId> = part.messages.iter().map(|message| message.id).collect();
        let all = state.rooms.values().flat_map(|room| room.message_ids());
        let taken = all.filter(|id| asked.contains(id)).collect();
        let imported = decide_import(&mut *state, part, &taken).map(|(imported, _)| imported);
        if imported.is_ok() {
            state.reserve_ids(part.room.id, part.last_message());
        }
        Ok(imported)
    }
}
