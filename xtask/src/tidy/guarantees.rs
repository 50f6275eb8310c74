//! The list of what the engine promises: each promise names tests, and they exist.
//!
//! A promise is a row of a table that starts with its name, `| G1 | … | tests |`, and names its tests in the last
//! cell; or a heading or paragraph that starts with it and has, further down, a paragraph or list "Tests: …".
//! A test is named between backticks, by its function (`module::name` will do) or by its file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{Finding, Source, quoted};

/// The promises are G1 to this.
const LAST: u32 = 9;

pub(super) fn check(source: &Source, functions: &BTreeSet<&str>, paths: &BTreeSet<&Path>) -> Vec<Finding> {
    let promises = read(&source.text);
    let mut findings = Vec::new();
    for number in 1..=LAST {
        let Some(promise) = promises.get(&number) else {
            findings.push(source.finding(None, format!("G{number} is missing")));
            continue;
        };
        if promise.tests.is_empty() {
            findings.push(source.finding(promise.line, format!("G{number} names no test")));
        }
        for (line, test) in &promise.tests {
            let function = test.trim_end_matches("()").rsplit("::").next().unwrap_or_default();
            if !functions.contains(function) && !paths.contains(Path::new(test)) {
                findings.push(source.finding(*line, format!("G{number}: there is no test {test:?}")));
            }
        }
    }
    findings
}

#[derive(Debug, Default)]
struct Promise<'a> {
    line: usize,
    /// Each with the line it is named on.
    tests: Vec<(usize, &'a str)>,
}

fn read(text: &str) -> BTreeMap<u32, Promise<'_>> {
    let mut promises = BTreeMap::<u32, Promise<'_>>::new();
    let mut current = None;
    let mut in_tests = false;
    for (index, line) in text.lines().enumerate() {
        let at = index + 1;
        let bare = line.trim_start_matches(['|', '#', '-', '*', ' ']);
        if let Some(number) = number(bare) {
            current = Some(number);
            in_tests = false;
            promises.entry(number).or_insert(Promise { line: at, tests: Vec::new() });
        } else if line.starts_with('#') {
            current = None;
        }
        let named = if line.starts_with('|') {
            line.trim().trim_end_matches('|').rsplit('|').next().unwrap_or_default()
        } else {
            in_tests |= bare.starts_with("Tests");
            if in_tests { line } else { "" }
        };
        if let Some(promise) = current.and_then(|number| promises.get_mut(&number)) {
            promise.tests.extend(quoted(named).map(|test| (at, test)));
        }
    }
    promises
}

/// The 3 of "G3: …", not of "G31" or "G3b".
fn number(text: &str) -> Option<u32> {
    let rest = text.strip_prefix('G')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let is_whole = !rest[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    rest[..end].parse().ok().filter(|_| is_whole)
}
