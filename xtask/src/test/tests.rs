use super::{Counts, Selection};

fn parse(line: &str) -> Result<Selection, String> {
    Selection::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn nothing_named_means_the_whole_workspace() {
    let selection = parse("").unwrap();
    assert!(selection.is_everything());
    assert_eq!(selection.arguments(), ["--workspace"]);
}

#[test]
fn crates_filter_and_trailing_words_are_passed_on() {
    let selection = parse("-p chat-core --package chat-axum resume -- --exact").unwrap();
    assert!(!selection.is_everything());
    let expected = ["--package", "chat-core", "--package", "chat-axum", "resume", "--", "--exact"];
    assert_eq!(selection.arguments(), expected);
}

#[test]
fn what_is_not_understood_is_refused() {
    for line in ["--retries 3", "-p", "one two"] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn counts_come_from_a_nextest_report() {
    let report = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="12" failures="2" errors="1" uuid="x" time="0.1">
    <testsuite name="core" tests="4" disabled="0" errors="0" failures="0"></testsuite>
</testsuites>"#;
    assert_eq!(Counts::of_report(report), Counts { passed: 9, failed: 3 });
    assert_eq!(Counts::of_report("<half"), Counts::default());
}

#[test]
fn counts_come_from_closing_lines_of_cargo() {
    let line =
        "test result: FAILED. 31 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 1.20s";
    assert_eq!(Counts::of_line(line), Counts { passed: 31, failed: 2 });
    assert_eq!(Counts::of_line("test tests::passed ... ok"), Counts::default());
}
