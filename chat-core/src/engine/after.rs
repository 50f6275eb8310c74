//! After-hooks: told what this node has committed, room by room in order, while nobody waits for them.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;

use super::{Inner, metrics};
use crate::event::Event;

/// Rooms share this many queues: a slow call delays those of some rooms, not of all.
const QUEUES: usize = 16;

/// Events that wait for the hook.
#[derive(Debug, Default)]
pub(crate) struct AfterHooks([Mutex<Queue>; QUEUES]);

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Arc<Event>>,
    /// A task works them off.
    at_work: bool,
}

impl AfterHooks {
    fn of(&self, event: &Event) -> &Mutex<Queue> {
        &self.0[usize::try_from(event.room.get()).unwrap_or(0) % QUEUES]
    }
}

impl Inner {
    /// Tells the host of an event that was committed here, after those before it.
    pub(crate) fn after(self: &Arc<Self>, event: &Arc<Event>) {
        if !self.host.hooks.has_after() {
            return;
        }
        let mut queue = self.after.of(event).lock();
        if queue.events.len() >= self.limits.after_hooks_queue_max {
            metrics::after_hook_dropped();
            return;
        }
        queue.events.push_back(Arc::clone(event));
        if !std::mem::replace(&mut queue.at_work, true) {
            let (engine, event) = (Arc::clone(self), Arc::clone(event));
            self.spawn(async move { engine.work_off(engine.after.of(&event)).await });
        }
    }

    async fn work_off(&self, queue: &Mutex<Queue>) {
        loop {
            let event = {
                let mut queue = queue.lock();
                let Some(event) = queue.events.pop_front() else {
                    queue.at_work = false;
                    return;
                };
                event
            };
            // Where it panics, the next event is told all the same.
            self.host.hooks.after(&event).await;
        }
    }
}
