//! The two programs against each other, small and short: every workload shape loses nothing and ends by itself.

use std::process::Command;

/// Runs `load` against the yardstick and returns what it printed.
fn load(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_load"))
        .args(args)
        .args(["--server", env!("CARGO_BIN_EXE_yardstick"), "--no-pin"])
        .output()
        .expect("the generator starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout.into_owned()
}

/// The value printed after `name`.
fn value<'a>(printed: &'a str, name: &str) -> &'a str {
    let line = printed.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in\n{printed}")).trim()
}

fn assert_clean(printed: &str) {
    assert_ne!(value(printed, "deliveries/s"), "0", "{printed}");
    for (name, right) in [("lost", "0"), ("repeated", "0"), ("out of order", "0"), ("errors", "none")] {
        assert_eq!(value(printed, name), right, "{printed}");
    }
}

const SHORT: [&str; 4] = ["--warmup", "0", "--seconds", "1"];

#[test]
fn a_window_in_one_room_and_in_many() {
    for mode in ["--server-arg=--mode=shared", "--server-arg=--mode=per-delivery"] {
        let one = ["run", "--connections", "30", "--publishers", "3", mode];
        assert_clean(&load(&[&one[..], &SHORT].concat()));
        let many = ["run", "--rooms", "7", "--connections", "5", "--publishers", "1", mode];
        assert_clean(&load(&[&many[..], &SHORT].concat()));
    }
}

#[test]
fn waiting_for_everyone_leaves_one_message_at_a_time() {
    let args = ["run", "--connections", "150", "--publishers", "1", "--window", "1", "--until", "everyone"];
    assert_clean(&load(&[&args[..], &SHORT].concat()));
}

#[test]
fn a_fixed_rate_is_kept() {
    let args = ["run", "--connections", "10", "--publishers", "2", "--rate", "100"];
    let printed = load(&[&args[..], &SHORT].concat());
    assert_clean(&printed);
    let rate: f64 = value(&printed, "publishes/s").parse().unwrap();
    assert!((50.0..=150.0).contains(&rate), "{printed}");
}

#[test]
fn idle_connections_are_counted() {
    let printed = load(&["idle", "55", "--watch", "1"]);
    assert_eq!((value(&printed, "connections"), value(&printed, "errors")), ("55", "none"));
}
