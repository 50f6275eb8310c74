//! From an event to a finished frame: done once for a room, however many read it.

use std::{hint::black_box, time::Duration};

use chat_axum::NativeFrames;
use chat_core::{NativeJson, People, WireFormat};
use criterion::{BenchmarkId, Criterion, Throughput};

#[path = "common/message.rs"]
mod message;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let people = People::new(1, Duration::from_secs(1));
    let formats: [&dyn WireFormat; 2] = [&NativeFrames, &NativeJson];
    for format in formats {
        let mut group = criterion.benchmark_group(format!("encode/{}", format.name()));
        group.throughput(Throughput::Elements(1));
        for bytes in [128, 16 * 1024] {
            let event = message::message(4_711, bytes);
            let mut out = Vec::new();
            group.bench_function(BenchmarkId::from_parameter(bytes), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    format.event(black_box(&event), &people, &mut out);
                    black_box(out.len())
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
