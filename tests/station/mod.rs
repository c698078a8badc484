//! A station in a temporary folder, its feeder served through libsane by our
//! own driver, and `outguide` run on it as a clerk would.
#![allow(dead_code, reason = "each test binary uses its own part of the station")]

pub mod accounted;
pub mod day;
pub mod served;
pub mod share;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// One document, not read.
const QUICK: &str = include_str!("quick.toml");

/// `quick`, with a document for each page, so that a stop may fall between two of them.
pub fn page_by_page_profile() -> String {
    QUICK.replace("by = \"batch\"", "by = \"fixed-length\"\npages = 1")
}

pub struct Station {
    folder: tempfile::TempDir,
}

pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one line of JSON on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.stdout, self.stderr))
    }

    /// The batch id announced before anything else.
    pub fn batch(&self) -> String {
        let told = format!("{}{}", self.stderr, self.stdout);
        let at = told.find("batch ").unwrap_or_else(|| panic!("no batch in {told}"));
        told[at + 6..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
    }
}

impl Station {
    /// With an empty feeder.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["feeder", "sane", "drivers", "repository"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("sane/dll.conf"), "folder\n").unwrap();
        let driver = Path::new(env!("CARGO_BIN_EXE_outguide"))
            .parent()
            .unwrap()
            .join("examples/libsane_folder.so");
        let link = folder.path().join("drivers/libsane-folder.so.1");
        std::os::unix::fs::symlink(driver, link).unwrap();
        Station { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lays pages into the feeder, in this order, behind those in it.
    pub fn lay_in(&self, pages: &[PathBuf]) {
        let already = std::fs::read_dir(self.path("feeder")).unwrap().count();
        for (nth, page) in pages.iter().enumerate() {
            let target = self.path("feeder").join(format!("{:04}.pnm", already + nth + 1));
            let page = image::open(page).unwrap().to_luma8();
            let mut pnm = format!("P5\n{} {}\n255\n", page.width(), page.height()).into_bytes();
            pnm.extend_from_slice(&page);
            std::fs::write(target, pnm).unwrap();
        }
    }

    /// A fault of the driver at image `nth`.
    pub fn fault_at(&self, nth: u32, fault: &str) {
        std::fs::write(self.path("feeder").join(format!("{nth:04}.{fault}")), "").unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_outguide"), args)
    }

    /// Another program that runs `outguide`.
    pub fn command_of(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env("SANE_CONFIG_DIR", self.path("sane"))
            .env("LD_LIBRARY_PATH", self.path("drivers"))
            .env("OUTGUIDE_SANE_FOLDER", self.path("feeder"))
            .env("OUTGUIDE_SANE_FOLDER_CURSOR", self.path("cursor"));
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// File names without a folder are this station's.
    pub fn run_in_its_folder(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).current_dir(self.folder.path()).output().unwrap())
    }

    /// `outguide capture --json` on this station's folders.
    pub fn capture(&self, more: &[&str]) -> Ran {
        let args = self.capture_arguments(more);
        self.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub fn capture_arguments(&self, more: &[&str]) -> Vec<String> {
        let state = self.path("state").display().to_string();
        let repository = self.path("repository").display().to_string();
        let mut args = vec!["capture", "--json", "--state", &state, "--repository", &repository];
        args.extend(more);
        args.into_iter().map(str::to_owned).collect()
    }

    /// Small pages that are not blank, each its own, into the feeder.
    pub fn lay_in_small(&self, pages: usize) {
        for no in 1..=pages {
            std::fs::write(self.path(&format!("feeder/{no:04}.pgm")), small_page(no)).unwrap();
        }
    }

    /// A folder of profiles with `page-by-page`, for the small pages.
    pub fn page_by_page_profiles(&self) -> String {
        let folder = self.path("profiles");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("page-by-page.toml"), page_by_page_profile()).unwrap();
        folder.display().to_string()
    }

    /// The feeder's next page is the one behind this entry of its stack.
    pub fn stack_taken_to(&self, entry: &str) {
        std::fs::write(self.path("cursor"), entry).unwrap();
    }

    /// The feeder waits at this page, which is in it, until it is let go on.
    pub fn wait_at_page(&self, no: usize) -> WaitsAtPage {
        let page = self.path(&format!("feeder/{no:04}.pgm"));
        let bytes = std::fs::read(&page).unwrap();
        std::fs::remove_file(&page).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &page, 0o600.into()).unwrap();
        WaitsAtPage { page, bytes, to_the_driver: None }
    }

    /// Waits until `running` has taken this entry of the feeder's stack.
    pub fn taken_to(&self, entry: &str, running: &mut Child) {
        let cursor = self.path("cursor");
        while std::fs::read_to_string(&cursor).unwrap_or_default() != entry {
            let ended = running.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before {entry} came: {ended:?}");
            std::thread::yield_now();
        }
    }

    /// A profile `quick` without words or separation, for the small pages.
    pub fn quick_profile(&self, source: &str) -> Vec<String> {
        let folder = self.path("profiles");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            folder.join("quick.toml"),
            QUICK.replace("\"feeder\"", &format!("\"{source}\"")),
        )
        .unwrap();
        ["--profiles", &folder.display().to_string(), "--profile", "quick"]
            .map(str::to_owned)
            .into()
    }

    /// `outguide capture --json` with a clerk who types.
    pub fn capture_typing(&self, typed: &str, more: &[&str]) -> Ran {
        use std::io::Write;
        let args = self.capture_arguments(more);
        let mut command = self.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        running.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        Ran::of(running.wait_with_output().unwrap())
    }

    /// `outguide capture --json` until the feeder begins the page with this
    /// fault; then it gets `signals`.
    pub fn signalled(&self, args: &[&str], fault: &str, signals: &[Signal]) -> Ran {
        let args = self.capture_arguments(args);
        let mut command = self.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        self.taken_to(fault, &mut running);
        let pid = Pid::from_raw(running.id().cast_signed()).unwrap();
        for signal in signals {
            kill_process(pid, *signal).unwrap();
        }
        Ran::of(running.wait_with_output().unwrap())
    }

    /// A statement on the station's database, which must be there.
    pub fn database(&self, sql: &str) {
        let url = format!("sqlite://{}", self.path("state/outguide.db").display());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
            pool.close().await;
        });
    }

    /// The plain-pages profile, for a page laid on the glass.
    pub fn flatbed_profiles(&self) -> String {
        let folder = self.path("profiles");
        std::fs::create_dir_all(&folder).unwrap();
        let text = std::fs::read_to_string("profiles/plain-pages.toml").unwrap();
        let text = text.replace("source = \"feeder\"", "source = \"flatbed\"");
        std::fs::write(folder.join("plain-pages.toml"), text).unwrap();
        folder.display().to_string()
    }

    pub fn filed(&self, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.path("repository"), &mut found);
        found.retain(|path| path.extension().is_some_and(|e| e == ending));
        found.sort();
        found
    }
}

/// A page whose file is a pipe.
pub struct WaitsAtPage {
    page: PathBuf,
    bytes: Vec<u8>,
    to_the_driver: Option<std::fs::File>,
}

impl WaitsAtPage {
    /// Returns when the driver asks for the page: those before it are kept.
    pub fn reached(&mut self) {
        use std::os::unix::fs::OpenOptionsExt;
        let nobody_reads = Some(rustix::io::Errno::NXIO.raw_os_error());
        let begun = std::time::Instant::now();
        while self.to_the_driver.is_none() {
            let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
            let opened =
                std::fs::File::options().write(true).custom_flags(nonblocking).open(&self.page);
            match opened {
                Ok(opened) => self.to_the_driver = Some(opened),
                Err(error) => assert_eq!(error.raw_os_error(), nobody_reads, "{error}"),
            }
            assert!(begun.elapsed().as_secs() < 60, "the feeder does not come to its page");
            std::thread::yield_now();
        }
    }

    /// The driver delivers the page; put back, it is one as any other.
    pub fn go_on(mut self) {
        use std::io::Write;
        let mut pipe = self.to_the_driver.take().expect("the feeder waits");
        pipe.write_all(&self.bytes).unwrap();
        std::fs::remove_file(&self.page).unwrap();
        std::fs::write(&self.page, &self.bytes).unwrap();
    }
}

/// A command line that names a profile, and more.
pub fn with<'a>(profile: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    profile.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// A PGM file.
pub fn small_page(no: usize) -> Vec<u8> {
    let mut file = b"P5\n120 160\n255\n".to_vec();
    for y in 0..160 {
        for x in 0..120 {
            let inked = (20..100).contains(&x) && (y / (4 + no)).is_multiple_of(2);
            file.push(if inked { 0 } else { 255 });
        }
    }
    file
}

/// A stack of the fixtures, in feeding order.
pub fn stack(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let mut pages: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "png"))
        .collect();
    pages.sort();
    pages
}

/// `make conformance` judges every PDF the tests leave here.
pub fn keep_for_conformance(pdf: &Path) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("test-pdfs");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(pdf, folder.join(pdf.file_name().unwrap())).unwrap();
}
