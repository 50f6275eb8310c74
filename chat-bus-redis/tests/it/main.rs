//! What the bus promises, on real servers that the tests start themselves.

mod cluster;
mod faults;
mod nodes;
mod proxy;
mod server;
mod single;
