//! `cargo xtask tidy`: checks of the tree that no compiler makes.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::workspace;

mod guarantees;
mod manifest;
#[cfg(test)]
mod tests;

/// Lines of a source file: above the first it is worth a look, above the second it is more than one noun.
const LINES_NOTED: usize = 400;
const LINES_MAX: usize = 600;

const GUARANTEES: &str = "docs/guarantees.md";

/// Marks of unfinished work, in pieces so that this file does not find itself.
const UNFINISHED: &[&str] =
    &[concat!("to", "do!"), concat!("unimple", "mented!"), concat!("TO", "DO"), concat!("FIX", "ME")];
const IGNORED_WITHOUT_REASON: &str = concat!("#[ign", "ore]");
const HOMES: &[&str] = &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// Something that a person must mend.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: PathBuf,
    /// The line it is on; `None` where it concerns the whole file.
    line: Option<usize>,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)
    }
}

/// A text file of the tree.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn has_extension(&self, wanted: &[&str]) -> bool {
        self.path.extension().and_then(|e| e.to_str()).is_some_and(|e| wanted.contains(&e))
    }

    fn is_code(&self) -> bool {
        self.has_extension(&["rs", "js"])
    }

    fn is_named(&self, name: &str) -> bool {
        self.path.file_name().is_some_and(|n| n == name)
    }

    fn finding(&self, line: impl Into<Option<usize>>, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line: line.into(), message: message.into() }
    }
}

pub(crate) fn run() -> Result<(), String> {
    let sources = read()?;
    let mut findings = check(&sources);
    if !workspace::is_committed("Cargo.lock")? {
        let message = "is not under version control".to_owned();
        findings.push(Finding { path: "Cargo.lock".into(), line: None, message });
    }
    for source in sources.iter().filter(|source| source.is_code()) {
        let lines = source.text.lines().count();
        if (LINES_NOTED + 1..=LINES_MAX).contains(&lines) {
            println!("note: {}: {lines} lines: is it one noun?", source.path.display());
        }
    }
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err("1 finding".to_owned()),
        many => Err(format!("{many} findings")),
    }
}

/// Every file that is text.
fn read() -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for path in workspace::files()? {
        let bytes = fs::read(&path).map_err(|e| format!("failed to read {}: {e}", path.display()))?;
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { path, text });
        }
    }
    Ok(sources)
}

fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.is_named("Cargo.lock")) {
        findings.extend(too_long(source));
        findings.extend(marks(source));
        if source.is_named("Cargo.toml") {
            findings.extend(manifest::check(source));
        }
    }
    let functions = functions(sources);
    let paths = sources.iter().map(|source| source.path.as_path()).collect();
    findings.extend(suite_cases(sources, &functions));
    if let Some(promises) = sources.iter().find(|source| source.path == Path::new(GUARANTEES)) {
        findings.extend(guarantees::check(promises, &functions, &paths));
    }
    findings
}

fn too_long(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    let message = format!("{lines} lines, at most {LINES_MAX}: split it by nouns");
    (source.is_code() && lines > LINES_MAX).then(|| source.finding(None, message))
}

fn marks(source: &Source) -> impl Iterator<Item = Finding> + '_ {
    source.text.lines().enumerate().flat_map(move |(index, line)| {
        let at = index + 1;
        let unfinished = UNFINISHED.iter().filter(|mark| has_word(line, mark));
        let homes = HOMES.iter().filter(|home| names_home(line, home));
        let unfinished = unfinished.map(move |mark| source.finding(at, format!("unfinished: {mark}")));
        let homes = homes.map(move |_| source.finding(at, "a path of one machine"));
        let ignored = (source.is_code() && line.trim() == IGNORED_WITHOUT_REASON)
            .then(|| source.finding(at, "a test is left out without a reason"));
        unfinished.chain(homes).chain(ignored).collect::<Vec<_>>()
    })
}

/// Whether `word` stands in `line`, not as part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + word.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

/// Whether an absolute path into a home folder stands in `line`.
fn names_home(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + home.len()..]);
        // `https://host/home/x` and `$FOLDER/root/x` are no such paths.
        let is_absolute = !before.ends_with(|c: char| c.is_alphanumeric() || "_-.}/".contains(c));
        is_absolute && after.starts_with(|c: char| c.is_alphanumeric() || c == '.')
    })
}

/// The names of all functions: what a test can be called.
fn functions(sources: &[Source]) -> BTreeSet<&str> {
    let rust = sources.iter().filter(|source| source.has_extension(&["rs"]));
    let names = rust.flat_map(|source| source.text.split("fn ").skip(1)).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// Documentation that names the case of a contract suite which proves it, "(suite: …)", must name one.
fn suite_cases(sources: &[Source], functions: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.has_extension(&["rs", "md"])) {
        for (index, line) in source.text.lines().enumerate() {
            let references = line.split("(suite: ").skip(1).filter_map(|rest| rest.split(')').next());
            let missing = references.flat_map(quoted).filter(|name| !functions.contains(name));
            findings.extend(
                missing.map(|name| source.finding(index + 1, format!("no case {name:?} in any suite"))),
            );
        }
    }
    findings
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
