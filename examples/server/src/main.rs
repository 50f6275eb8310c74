//! examples/server
fn main() {}
