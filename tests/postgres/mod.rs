//! A PostgreSQL server of Debian's own, in a temporary folder, for one test.
#![allow(dead_code, reason = "each test binary uses its own part of the server")]

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use outguide::config::PostgresUrl;
use rustix::process::{Pid, Signal, kill_process};

/// A server that is not up by then never will be.
const START_LIMIT: Duration = Duration::from_secs(60);

pub struct PostgresServer {
    folder: tempfile::TempDir,
    programs: PathBuf,
    owner: Option<(u32, u32)>,
    server: Option<Child>,
}

impl PostgresServer {
    /// Listens on a socket in its folder and nowhere else. `None`, said, where
    /// PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: PostgreSQL not found");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let owner = unprivileged_owner();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        for name in ["data", "socket"] {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
            if let Some((uid, gid)) = owner {
                chown(&path, Some(uid), Some(gid)).unwrap();
            }
        }
        let mut server = PostgresServer { folder, programs, owner, server: None };
        let made = server
            .command("initdb")
            .args(["--auth=trust", "--username=outguide", "--encoding=UTF8", "--no-locale"])
            .arg("--pgdata")
            .arg(server.path("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.go_up();
        Some(server)
    }

    pub fn go_up(&mut self) {
        let log = std::fs::File::create(self.path("log")).unwrap();
        let server = self
            .command("postgres")
            .arg("-D")
            .arg(self.path("data"))
            .arg("-k")
            .arg(self.path("socket"))
            .args(["-c", "listen_addresses="])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(server);
        let begun = Instant::now();
        while !self.answers() {
            assert!(begun.elapsed() < START_LIMIT, "PostgreSQL does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// As a crash does: connections break, what was committed stays.
    pub fn go_down(&mut self) {
        if let Some(mut server) = self.server.take() {
            let pid = Pid::from_child(&server);
            kill_process(pid, Signal::QUIT).unwrap();
            server.wait().unwrap();
        }
    }

    /// An empty database of its own.
    pub fn new_database(&self, name: &str) -> PostgresUrl {
        self.run_sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(name)
    }

    pub fn url(&self, database: &str) -> PostgresUrl {
        let socket = self.path("socket");
        PostgresUrl::new(&self.url_text(database, &socket)).expect("the URL is well formed")
    }

    pub fn url_text(&self, database: &str, socket: &Path) -> String {
        format!("postgres:///{database}?host={}&user=outguide", socket.display())
    }

    /// What one SQL statement gives, a line a row.
    pub fn run_sql(&self, database: &str, statement: &str) -> String {
        let ran = self.psql(database).arg("-c").arg(statement).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn answers(&self) -> bool {
        let mut ask = self.psql("postgres");
        ask.arg("-c").arg("SELECT 1").stdout(Stdio::null()).stderr(Stdio::null());
        ask.status().unwrap().success()
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("-h").arg(self.path("socket")).args(["-U", "outguide", "-tAq", "-v"]);
        psql.arg("ON_ERROR_STOP=1").arg(database);
        psql
    }

    /// The server refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path());
        if let Some((uid, gid)) = self.owner {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.go_down();
    }
}

/// Debian keeps a folder for each version; the newest there is.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            programs.join("initdb").exists().then_some((version, programs))
        })
        .collect();
    found.sort();
    Some(found.pop()?.1)
}

/// Debian's package makes this user.
fn unprivileged_owner() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let id_of = |which: &str| {
        let told = Command::new("id").args([which, "postgres"]).output().unwrap();
        String::from_utf8(told.stdout).unwrap().trim().parse().expect("the user postgres")
    };
    Some((id_of("-u"), id_of("-g")))
}
