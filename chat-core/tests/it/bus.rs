//! The contract of buses, held by the local one, bare and behind a wrapper that does nothing as yet.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use chat_core::{bus::Cluster, memory::LocalBus, testkit::FaultyBus};

mod local {
    use super::*;

    fn setup() -> Ready<((), LocalBus)> {
        ready(((), LocalBus::default()))
    }

    chat_core::bus_suite!(setup);
}

mod wrapped {
    use super::*;

    fn setup() -> Ready<((), Arc<dyn Cluster>)> {
        ready(((), Arc::new(FaultyBus::new(Arc::new(LocalBus::default()), 1))))
    }

    chat_core::bus_suite!(setup);
}
