//! Servers that speak a format, the origin of its front end, and a browser in which that runs.

use std::path::PathBuf;

use serde_json::Value;

use super::origin::Origin;
use crate::{
    cluster::backend::{Backend, DATABASE},
    process::{Folder, Launch, Server},
    rest::SECRET,
    webdriver::Driver,
};

/// The greatest file, small enough that a test sends a greater one.
pub(super) const FILE_BYTES_MAX: usize = 262_144;

/// Runs the checks alone whose names contain this.
const ONLY: &str = "FORMAT_CHECKS";

/// All that a front end needs.
#[derive(Debug)]
pub(super) struct Stage {
    format: &'static str,
    pub(super) servers: Vec<Server>,
    pub(super) origin: Origin,
    pub(super) media: PathBuf,
    // The folders go after the servers.
    _launches: Vec<Launch>,
    _folder: Folder,
    _backend: Option<Backend>,
}

impl Stage {
    /// One server, on SQLite.
    pub(super) async fn alone(format: &'static str) -> Self {
        Self::with(format, &[]).await
    }

    /// One server with more flags.
    pub(super) async fn with(format: &'static str, more: &[&str]) -> Self {
        let folder = Folder::new(&format!("format-{format}"));
        let database = format!("sqlite://{}", folder.join("chat.db").display());
        Self::raise(format, folder, &[database], None, more).await
    }

    /// Two servers, on one Postgres and one Redis.
    pub(super) async fn two_nodes(format: &'static str) -> Self {
        let backend = Backend::start();
        let database = format!("postgres://postgres@127.0.0.1:{}/{DATABASE}", backend.postgres.port());
        let redis = format!("--redis={}", backend.redis.url());
        let folder = Folder::new(&format!("format-{format}-nodes"));
        let databases = [database.clone(), database];
        Self::raise(format, folder, &databases, Some(backend), &[&redis]).await
    }

    async fn raise(
        format: &'static str,
        folder: Folder,
        databases: &[String],
        backend: Option<Backend>,
        more: &[&str],
    ) -> Self {
        let origin = Origin::start().await;
        let media = folder.join("media");
        let flags = [
            format!("--compat={format}"),
            format!("--allow-origin={}", origin.name()),
            format!("--jwt-secret={SECRET}"),
            format!("--media={}", media.display()),
            format!("--limit=upload_bytes_max={FILE_BYTES_MAX}"),
            // Enough for a check that fills pages, and little enough to go over it.
            "--limit=sends=20/60".to_owned(),
            // So that nobody waits long for what comes late by intent.
            "--limit=offline_grace=500".to_owned(),
            "--limit=hello_timeout=3000".to_owned(),
            // Accounts, which one of the formats has calls for.
            "--demo".to_owned(),
        ];
        let flags: Vec<_> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let mut launches = Vec::new();
        let mut servers = Vec::new();
        for (number, database) in databases.iter().enumerate() {
            let logs = Folder::new(&format!("format-{format}-{}-{number}", databases.len()));
            let mut launch = Launch::on(logs, database.clone(), &flags);
            servers.push(launch.start());
            launches.push(launch);
        }
        Self { format, servers, origin, media, _launches: launches, _folder: folder, _backend: backend }
    }

    /// Runs the front end's checks in a browser, says how each went, and fails where one did.
    pub(super) async fn play(&self) {
        let driver = Driver::start();
        let browser = driver.browser().await;
        let mut url =
            format!("{}/?format={}&secret={}", self.origin.name(), self.format, SECRET.replace(' ', "+"));
        for server in &self.servers {
            url.push_str(&format!("&server=http://{}", server.address));
        }
        if let Ok(only) = std::env::var(ONLY) {
            url.push_str(&format!("&only={}", only.replace(' ', "+")));
        }
        browser.open(&url).await;
        let (mut told, mut failed) = (0, 0);
        loop {
            let more = format!("(verdict.done || verdict.checks.length > {told}) && verdict");
            let verdict = browser.until(&more).await;
            let checks = verdict["checks"].as_array().unwrap();
            for check in &checks[told..] {
                let is_passed = check["passed"] == true;
                failed += usize::from(!is_passed);
                println!("{}", said(check, is_passed));
            }
            told = checks.len();
            if verdict["done"] == true {
                break;
            }
        }
        assert!(failed == 0 && told > 0, "{}: {failed} of {told} checks failed", self.format);
        println!("{}: {told} checks passed", self.format);
    }
}

/// A line or a few on how a check went.
fn said(check: &Value, is_passed: bool) -> String {
    let text = |name: &str| check[name].as_str().unwrap_or("nothing").to_owned();
    if is_passed {
        return format!("passed: {}", text("name"));
    }
    format!(
        "FAILED: {}\n    {}\n    expected {}\n    seen     {}",
        text("name"),
        text("error"),
        text("expected"),
        text("seen")
    )
}
