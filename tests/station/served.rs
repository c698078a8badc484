//! `outguide serve` on a station's folders, and its API as a program sees it.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Station;

/// What has not happened by then does not happen.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Served<'s> {
    station: &'s Station,
    daemon: Child,
    notices: UnixDatagram,
}

impl Station {
    /// Returns when the station says that it is ready.
    pub fn serve(&self, more: &[&str]) -> Served<'_> {
        self.serve_by(self.command(&[]), more)
    }

    /// The same, by a command that the arguments are added to and that becomes
    /// the station.
    pub fn serve_by(&self, command: Command, more: &[&str]) -> Served<'_> {
        let mut served = self.start(more, command);
        served.wait_for_notice("READY=1");
        served
    }

    /// The same, killed as a thread of it is about to make this call for the
    /// nth time; `None` where that comes before it is ready.
    pub fn serve_killed_at(&self, call: &str, nth: usize, more: &[&str]) -> Option<Served<'_>> {
        let trace = self.path("trace").display().to_string();
        // As a grandchild, so that the child is the station itself.
        let follow = ["-f", "-D", "-o", &trace];
        let at = [format!("trace={call}"), format!("inject={call}:signal=SIGKILL:when={nth}")];
        let mut traced = self.command_of("strace", &follow);
        traced.args(["-e", &at[0], "-e", &at[1], env!("CARGO_BIN_EXE_outguide")]);
        let mut served = self.start(more, traced);
        served.is_ready_or_ended().then_some(served)
    }

    fn start(&self, more: &[&str], mut command: Command) -> Served<'_> {
        let told = self.path("notices");
        if told.exists() {
            std::fs::remove_file(&told).unwrap();
        }
        let notices = UnixDatagram::bind(&told).unwrap();
        notices.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let state = self.path("state").display().to_string();
        let args = [&["serve", "--state", &state], more].concat();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("serve.log"))
            .unwrap();
        let daemon = command
            .args(&args)
            .env("NOTIFY_SOCKET", &told)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Served { station: self, daemon, notices }
    }

    pub fn serve_log(&self) -> String {
        std::fs::read_to_string(self.path("serve.log")).unwrap_or_default()
    }
}

impl Served<'_> {
    pub fn wait_for_notice(&mut self, notice: &str) {
        let mut told = [0; 1024];
        let begun = Instant::now();
        loop {
            let ended = self.daemon.try_wait().unwrap();
            let log = self.station.serve_log();
            assert!(ended.is_none() && begun.elapsed() < LIMIT, "no {notice}: {ended:?}\n{log}");
            let Ok(length) = self.notices.recv(&mut told) else { continue };
            if String::from_utf8_lossy(&told[..length]).lines().any(|line| line == notice) {
                return;
            }
        }
    }

    /// False where it ended before.
    fn is_ready_or_ended(&mut self) -> bool {
        let mut told = [0; 1024];
        let begun = Instant::now();
        while self.daemon.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < LIMIT, "neither ready nor ended");
            let Ok(length) = self.notices.recv(&mut told) else { continue };
            if String::from_utf8_lossy(&told[..length]).lines().any(|line| line == "READY=1") {
                return true;
            }
        }
        false
    }

    pub fn pid(&self) -> u32 {
        self.daemon.id()
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask("GET", path, None);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask("POST", path, Some(body))
    }

    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.try_ask(method, path, body)
            .unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.station.serve_log()))
    }

    /// An error where the station ends meanwhile.
    pub fn try_ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> std::io::Result<(u16, Value)> {
        let mut socket = UnixStream::connect(self.station.path("state/socket"))?;
        let body = body.map_or(String::new(), Value::to_string);
        write!(
            socket,
            "{method} {path} HTTP/1.1\r\nHost: station\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer)?;
        // A picture is no JSON, and nobody asks here what is on it.
        let answer = String::from_utf8_lossy(&answer);
        let broken = || std::io::Error::other(format!("not an answer: {answer:?}"));
        let status = answer.split(' ').nth(1).ok_or_else(broken)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
        let status = status.parse().map_err(|_| broken())?;
        Ok((status, serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    /// Opens a batch from the feeder, under the quick profile or another; its id.
    pub fn order(&self, profile: &str, closed_by: &str) -> String {
        self.order_into(&self.station.path("repository"), profile, closed_by)
    }

    /// The same, to be filed into this folder.
    pub fn order_into(&self, repository: &Path, profile: &str, closed_by: &str) -> String {
        let order = order_into(repository, profile, closed_by);
        let (status, batch) = self.post("/batches", &order);
        assert_eq!(status, 201, "{batch}");
        batch["id"].as_str().unwrap().to_owned()
    }

    /// Waits until the batch stands in one of these states, and is not about to
    /// leave it.
    pub fn comes_to(&self, batch: &str, states: &[&str]) -> Value {
        let mut shown = Value::Null;
        self.watch(batch).until(|event| {
            let standing = &event["standing"];
            let state = standing["state"].as_str().unwrap_or_default();
            let is_settled = state == "scanning" || standing["at_the_scanner"] == false;
            shown = standing.clone();
            states.contains(&state) && is_settled
        });
        shown
    }

    /// What the station tells of a batch, from where it stands on.
    pub fn watch(&self, batch: &str) -> Watching {
        self.watch_at(&format!("/batches/{batch}/events"))
    }

    /// What the station tells of all batches, from now on.
    pub fn watch_all(&self) -> Watching {
        self.watch_at("/events")
    }

    fn watch_at(&self, path: &str) -> Watching {
        self.try_watch_at(path).unwrap()
    }

    /// An error where the station has ended.
    fn try_watch_at(&self, path: &str) -> std::io::Result<Watching> {
        let mut socket = UnixStream::connect(self.station.path("state/socket"))?;
        socket.set_read_timeout(Some(LIMIT))?;
        write!(socket, "GET {path} HTTP/1.1\r\nHost: station\r\n\r\n")?;
        Ok(Watching {
            lines: BufReader::new(socket).lines(),
            told: Vec::new(),
            log: self.station.path("serve.log"),
        })
    }

    /// The running station is killed as a thread of it is about to make this
    /// call for the nth time on one of these paths.
    pub fn kill_at(&self, call: &str, nth: usize, paths: &[PathBuf]) -> KillsAtACall {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-p", &self.daemon.id().to_string(), "-o"]);
        strace.arg(self.station.path("trace"));
        for path in paths {
            strace.arg("-P").arg(path);
        }
        strace.args(["-e", &format!("trace={call}")]);
        strace.args(["-e", &format!("inject={call}:signal=SIGKILL:when={nth}")]);
        let mut strace = strace.stderr(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(strace.stderr.take().unwrap()).lines();
        // Of paths that are not there yet it tells too.
        let mut lines = told.by_ref().map_while(Result::ok);
        assert!(lines.any(|line| line.contains(" attached")), "strace cannot follow the station");
        KillsAtACall { strace, _told: told }
    }

    /// Has a stack scanned and filed, page by page; returns when it is or when
    /// the station was killed, whichever comes first.
    pub fn a_stack_or_its_end(&self) {
        let order = order_into(&self.station.path("repository"), "page-by-page", "stack-end");
        let Ok((201, batch)) = self.try_ask("POST", "/batches", Some(&order)) else { return };
        self.filed_or_its_end(batch["id"].as_str().unwrap());
    }

    /// Returns when the batch is filed or when the station was killed.
    pub fn filed_or_its_end(&self, batch: &str) {
        let path = format!("/batches/{batch}/events");
        let Ok(mut watching) = self.try_watch_at(&path) else { return };
        while watching.next().is_some_and(|event| event["standing"]["state"] != "filed") {}
    }

    pub fn kill(mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }

    /// SIGTERM, and the end in order.
    pub fn terminate(mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.daemon);
        kill_process(pid, Signal::TERM).unwrap();
        self.daemon.wait().unwrap()
    }
}

/// strace, which ends with the station.
pub struct KillsAtACall {
    strace: Child,
    /// It ends where nobody hears it any more.
    _told: Lines<BufReader<ChildStderr>>,
}

impl Drop for KillsAtACall {
    fn drop(&mut self) {
        drop(self.strace.kill());
        drop(self.strace.wait());
    }
}

fn order_into(repository: &Path, profile: &str, closed_by: &str) -> Value {
    serde_json::json!({
        "profile": profile,
        "scanner": "folder:adf",
        "repository": repository,
        "closed_by": closed_by,
    })
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        // Ended already, mostly.
        drop(self.daemon.kill());
        drop(self.daemon.wait());
    }
}

/// A stream of what happens to a batch.
pub struct Watching {
    lines: Lines<BufReader<UnixStream>>,
    told: Vec<Value>,
    log: PathBuf,
}

impl Watching {
    /// Reads on until an event is the one that is waited for.
    pub fn until(&mut self, mut is_it: impl FnMut(&Value) -> bool) {
        let begun = Instant::now();
        while let Some(event) = self.next() {
            if is_it(&event) {
                return;
            }
            if begun.elapsed() > LIMIT {
                break;
            }
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        panic!("it did not come; told was {:#?}\n{log}", self.told);
    }

    /// All that was told until the station ended.
    pub fn told(mut self) -> Vec<Value> {
        while self.next().is_some() {}
        self.told
    }

    fn next(&mut self) -> Option<Value> {
        loop {
            let line = self.lines.next()?.ok()?;
            // A comment keeps the connection alive, and for nothing else to wait.
            if line.starts_with(':') {
                return Some(Value::Null);
            }
            if let Some(event) = line.strip_prefix("data: ") {
                let event: Value = serde_json::from_str(event).unwrap();
                self.told.push(event.clone());
                return Some(event);
            }
        }
    }
}
