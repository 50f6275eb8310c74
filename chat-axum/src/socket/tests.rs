use super::serve;

/// The bytes of what an async function gives.
fn size_of_future<A, B, F>(_: fn(A, B) -> F) -> usize {
    size_of::<F>()
}

/// A connection's task is the largest part of what this crate holds of it while it is idle.
#[test]
fn a_connection_is_small() {
    let task = size_of_future(serve);
    let live = size_of::<super::live::Live>();
    let io = size_of::<crate::ws::Io>();
    let reader = size_of::<crate::ws::Reader>();
    println!("task {task}, live {live}, io {io}, reader {reader}");
    assert!(task <= 768, "{task}");
    assert!(live + io <= 192, "{live} {io}");
}
