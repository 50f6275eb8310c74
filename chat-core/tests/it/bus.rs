use std::future::{Ready, ready};

use chat_core::memory::LocalBus;

fn setup() -> Ready<((), LocalBus)> {
    ready(((), LocalBus::default()))
}

chat_core::bus_suite!(setup);
