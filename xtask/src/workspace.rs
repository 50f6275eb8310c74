//! The tree that the commands work on: its files and its packages.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::shell;

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
}

impl Package {
    pub(crate) fn has_library(&self) -> bool {
        self.folder.join("src/lib.rs").is_file()
    }

    /// Whether hosts depend on it: a library in a folder of its own name.
    pub(crate) fn is_for_hosts(&self) -> bool {
        self.has_library() && self.folder.as_os_str() == self.name.as_str()
    }
}

/// Makes the root of the workspace the current folder, so that every path below is relative to it.
pub(crate) fn enter() -> Result<(), String> {
    // Read when running, not when compiling: a target folder may be shared by several checkouts.
    let Some(package) = env::var_os("CARGO_MANIFEST_DIR") else {
        return Err("run this as `cargo xtask …`".to_owned());
    };
    let root = Path::new(&package).join("..");
    env::set_current_dir(&root).map_err(|e| format!("failed to enter {}: {e}", root.display()))
}

/// Every package of the tree.
pub(crate) fn packages() -> Result<Vec<Package>, String> {
    let manifests = files()?.into_iter().filter(|path| path.ends_with("Cargo.toml"));
    Ok(manifests.filter_map(|path| package(&path)).collect())
}

/// The files under version control, and new ones that are not ignored.
pub(crate) fn files() -> Result<Vec<PathBuf>, String> {
    // A file that was deleted and not yet committed is still listed.
    Ok(listed(&["--cached", "--others", "--exclude-standard"])?
        .into_iter()
        .filter(|path| path.is_file())
        .collect())
}

/// Whether a file is under version control.
pub(crate) fn is_committed(path: &str) -> Result<bool, String> {
    Ok(!listed(&["--cached", "--", path])?.is_empty())
}

fn listed(options: &[&str]) -> Result<Vec<PathBuf>, String> {
    let mut git = Command::new("git");
    let listing = shell::output(git.args(["ls-files", "-z"]).args(options));
    let listing = listing.map_err(|e| format!("failed to list the files by git: {e}"))?;
    Ok(listing.split_terminator('\0').map(PathBuf::from).collect())
}

fn package(manifest: &Path) -> Option<Package> {
    let text = fs::read_to_string(manifest).ok()?;
    let name = settings(&text).find(|entry| entry.section == "package" && entry.key == "name")?;
    let name = name.value.trim_matches('"').to_owned();
    Some(Package { name, folder: manifest.parent()?.to_owned() })
}

/// One `key = value` line of a manifest, with its table.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) section: &'a str,
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
    pub(crate) line: usize,
}

/// The settings of a manifest, in order. Enough TOML for ours: what spans lines shows its first one.
pub(crate) fn settings(manifest: &str) -> impl Iterator<Item = Setting<'_>> {
    let mut section = "";
    manifest.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
            return None;
        }
        let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some(Setting { section, key: key.trim(), value: value.trim(), line: index + 1 })
    })
}
