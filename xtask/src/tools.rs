//! Programs that the tests need: where each is, and how it gets there.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::shell;

/// A program that cargo cannot bring.
#[derive(Debug)]
pub(crate) struct Tool {
    /// What it is called to a person.
    pub(crate) name: &'static str,
    /// The variable that names another place.
    pub(crate) variable: &'static str,
    /// Whether the tests are told its place by that variable. A compiler's is left alone: to set `CC` is to rebuild.
    pub(crate) is_told: bool,
    /// Names to look for in `PATH`, or whole paths.
    candidates: &'static [&'static str],
    /// What Debian calls it.
    packages: &'static [&'static str],
    /// Who needs it.
    purpose: &'static str,
}

impl Tool {
    /// What the variable says, where it says something.
    fn override_name(&self) -> Option<String> {
        env::var(self.variable).ok().filter(|name| !name.is_empty())
    }
}

/// Everything that `cargo xtask test` looks for.
pub(crate) const ALL: &[Tool] = &[
    Tool {
        name: "a C compiler",
        variable: "CC",
        is_told: false,
        candidates: &["cc", "gcc", "clang"],
        packages: &["gcc", "libc6-dev"],
        purpose: "the bundled SQLite",
    },
    Tool {
        name: "Chromium",
        variable: "CHROMIUM",
        is_told: true,
        candidates: &[
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
            "/usr/bin/chromium",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        ],
        // With no font at all, Chromium draws no text.
        packages: &["chromium", "fonts-liberation"],
        purpose: "the tests of the web page",
    },
    Tool {
        name: "ChromeDriver",
        variable: "CHROMEDRIVER",
        is_told: true,
        candidates: &["chromedriver", "/usr/bin/chromedriver", "/usr/lib/chromium/chromedriver"],
        packages: &["chromium-driver"],
        purpose: "the tests of the web page",
    },
    Tool {
        name: "Postgres 13 or newer",
        variable: "POSTGRES",
        is_told: true,
        candidates: &["postgres", "/usr/lib/postgresql/*/bin/postgres"],
        packages: &["postgresql"],
        purpose: "the tests of stores and clusters",
    },
    Tool {
        name: "PgBouncer",
        variable: "PGBOUNCER",
        is_told: true,
        candidates: &["pgbouncer", "/usr/sbin/pgbouncer"],
        packages: &["pgbouncer"],
        purpose: "the tests of stores behind a pooler",
    },
    Tool {
        name: "Redis 7 or newer",
        variable: "REDIS_SERVER",
        is_told: true,
        candidates: &["redis-server", "/usr/bin/redis-server"],
        packages: &["redis-server"],
        purpose: "the tests of buses and clusters",
    },
];

/// A tool and its place.
pub(crate) type Found = (&'static Tool, PathBuf);

/// Finds the tools and installs the missing ones where that can be done without asking anyone.
///
/// Gives what is there, and what to tell a person about the rest.
pub(crate) fn set_up(tools: &'static [Tool]) -> (Vec<Found>, Result<(), String>) {
    let (found, missing) = look(tools);
    if missing.is_empty() {
        return (found, Ok(()));
    }
    let tried = match missing.iter().find_map(|tool| tool.override_name()) {
        Some(name) => Err(format!("{name} was asked for by name")),
        None => Installer::of_this_machine().and_then(|installer| installer.install(&missing)),
    };
    let (found, missing) = look(tools);
    let outcome = if missing.is_empty() { Ok(()) } else { Err(advice(&missing, tried.err().as_deref())) };
    (found, outcome)
}

fn look(tools: &'static [Tool]) -> (Vec<Found>, Vec<&'static Tool>) {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for tool in tools {
        match find(tool) {
            Some(path) => found.push((tool, path)),
            None => missing.push(tool),
        }
    }
    (found, missing)
}

fn find(tool: &Tool) -> Option<PathBuf> {
    match tool.override_name() {
        // CC may carry options behind the name.
        Some(name) => locate(&name).or_else(|| locate(name.split(' ').next()?)),
        None => tool.candidates.iter().find_map(|name| locate(name)),
    }
}

fn locate(name: &str) -> Option<PathBuf> {
    if let Some((above, below)) = name.split_once("/*/") {
        let mut versions: Vec<_> =
            fs::read_dir(above).ok()?.filter_map(Result::ok).map(|v| v.path()).collect();
        versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
        return versions.iter().rev().map(|path| path.join(below)).find(|path| path.is_file());
    }
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

fn advice(missing: &[&Tool], why: Option<&str>) -> String {
    let mut text = String::from("the tests need what is not on this machine:");
    for tool in missing {
        text += &format!("\n  {}, for {}", tool.name, tool.purpose);
        match tool.override_name() {
            Some(name) => text += &format!(" ({}={name} names no program)", tool.variable),
            None => {
                text += &format!(" (Debian: {}; elsewhere: {}=PATH)", tool.packages.join(" "), tool.variable)
            }
        }
    }
    if let Some(why) = why {
        text += &format!("\nnot installed by this command: {why}");
    }
    text
}

/// A package manager that we may use.
#[derive(Debug)]
struct Installer {
    as_root: &'static [&'static str],
}

impl Installer {
    fn of_this_machine() -> Result<Self, String> {
        let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let is_debian = system.lines().any(|line| {
            let (key, value) = line.split_once('=').unwrap_or_default();
            matches!(key, "ID" | "ID_LIKE") && value.trim_matches('"').split(' ').any(|id| id == "debian")
        });
        if !is_debian || !Path::new("/usr/bin/apt-get").is_file() {
            return Err("only Debian and its relatives are known here".to_owned());
        }
        if shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
            return Ok(Self { as_root: &[] });
        }
        if shell::answers(Command::new("sudo").args(["-n", "true"])) {
            return Ok(Self { as_root: &["sudo", "-n"] });
        }
        Err("it takes root, or sudo without a password".to_owned())
    }

    fn install(&self, tools: &[&Tool]) -> Result<(), String> {
        shell::run(&mut self.apt(&["update"]))?;
        let packages: Vec<_> = tools.iter().flat_map(|tool| tool.packages).copied().collect();
        shell::run(&mut self.apt(&[&["install", "--yes", "--no-install-recommends"], &packages[..]].concat()))
    }

    fn apt(&self, arguments: &[&str]) -> Command {
        // `env` because sudo drops variables; the lock may be held by the machine's own upgrades.
        let always =
            ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"];
        let words = [self.as_root, &always, arguments].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    }
}
