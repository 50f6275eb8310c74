//! As much of WebDriver as the tests need, and browsers that end with them.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::{http, process::Folder};

/// How long a page may take for anything.
const SCRIPT_MS: u64 = 45_000;

/// The key under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A program, by its variable or where it usually is.
fn program(variable: &str, usual: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| PathBuf::from(usual), PathBuf::from);
    assert!(path.exists(), "{} is not there: install it, or set {variable}", path.display());
    path
}

/// chromedriver; it goes with the test, and all browsers with it.
#[derive(Debug)]
pub(crate) struct Driver {
    child: Child,
    /// Held open: there must be someone to print to.
    _out: BufReader<ChildStdout>,
    address: SocketAddr,
    folder: Folder,
    chromium: PathBuf,
    profiles: AtomicU32,
}

impl Driver {
    pub(crate) fn start() -> Self {
        let chromium = program("CHROMIUM", "/usr/bin/chromium");
        let folder = Folder::short();
        let mut child = Command::new(program("CHROMEDRIVER", "/usr/bin/chromedriver"))
            // Of its own choice it takes one that is free for IPv6, and ends where somebody has it for IPv4.
            .arg(format!("--port={}", xtask::free_port().unwrap()))
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        let port = loop {
            let before = said.len();
            assert!(out.read_line(&mut said).unwrap() > 0, "chromedriver did not come up: {said}");
            if let Some((_, rest)) = said[before..].split_once("started successfully on port ") {
                break rest.trim_end().trim_end_matches('.').parse().unwrap();
            }
        };
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self { child, _out: out, address, folder, chromium, profiles: AtomicU32::new(0) }
    }

    /// A browser of its own, with nothing kept from before.
    pub(crate) async fn browser(&self) -> Browser {
        let profile = self.folder.join(&format!("profile-{}", self.profiles.fetch_add(1, Ordering::Relaxed)));
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Nobody is there to allow a sound.
            "--autoplay-policy=no-user-gesture-required",
            "--window-size=1200,900",
        ];
        let mut arguments = arguments.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let wish = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "timeouts": { "script": SCRIPT_MS },
            "goog:chromeOptions": { "binary": self.chromium, "args": arguments },
        } } });
        let answer = http::ask(self.address, "POST", "/session", None, Some(&wish)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let path = format!("/session/{}", answer.json()["value"]["sessionId"].as_str().unwrap());
        Browser { driver: self.address, path }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A browser; it ends where it is dropped.
#[derive(Debug)]
pub(crate) struct Browser {
    driver: SocketAddr,
    path: String,
}

impl Browser {
    async fn command(&self, path: &str, body: Value) -> Value {
        let answer = http::ask(self.driver, "POST", &format!("{}{path}", self.path), None, Some(&body)).await;
        assert_eq!(answer.status, 200, "{path} {body}: {answer:?}");
        answer.json()["value"].take()
    }

    pub(crate) async fn open(&self, url: &str) {
        self.command("/url", json!({ "url": url })).await;
    }

    /// Makes its window so many pixels large.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        self.command("/window/rect", json!({ "width": width, "height": height })).await;
    }

    /// What an expression of JavaScript says as soon as it says something that is true.
    pub(crate) async fn until(&self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const look = () => {{
               let value;
               try {{ value = {expression}; }} catch {{}}
               if (value) done(value); else setTimeout(look, 20);
             }};
             look();"
        );
        self.command("/execute/async", json!({ "script": script, "args": [] })).await
    }

    /// The element of this selector, once it is there to be seen.
    async fn find(&self, selector: &str) -> String {
        let seen = format!(
            "(() => {{ const found = document.querySelector({}); return found?.checkVisibility() && !found.disabled && found; }})()",
            json!(selector)
        );
        self.until(&seen).await[ELEMENT].as_str().unwrap().to_owned()
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.act(selector, "click", json!({})).await;
    }

    pub(crate) async fn write(&self, selector: &str, text: &str) {
        self.act(selector, "value", json!({ "text": text })).await;
    }

    /// Gives files of this machine to a field for them, shown or not.
    pub(crate) async fn choose(&self, selector: &str, files: &[&Path]) {
        let element = self.until(&format!("document.querySelector({})", json!(selector))).await;
        let path = format!("/element/{}/value", element[ELEMENT].as_str().unwrap());
        let names: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
        self.command(&path, json!({ "text": names.join("\n") })).await;
    }

    /// Does something to the element of this selector. A page may draw it anew between the look and the act: then it is
    /// looked for again, as a person would.
    async fn act(&self, selector: &str, action: &str, body: Value) {
        loop {
            let element = self.find(selector).await;
            let path = format!("{}/element/{element}/{action}", self.path);
            let answer = http::ask(self.driver, "POST", &path, None, Some(&body)).await;
            if answer.status == 404 && answer.json()["value"]["error"] == "stale element reference" {
                continue;
            }
            assert_eq!(answer.status, 200, "{action} {selector} {body}: {answer:?}");
            return;
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser before it answers; where it cannot, its own end is near.
        let Ok(mut tcp) = TcpStream::connect(self.driver) else { return };
        let _ = tcp.set_read_timeout(Some(Duration::from_secs(10)));
        let request = format!(
            "DELETE {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            self.path, self.driver
        );
        if tcp.write_all(request.as_bytes()).is_ok() {
            let _ = tcp.read(&mut [0; 64]);
        }
    }
}
