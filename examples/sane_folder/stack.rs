//! What lies in the feeder: page files, the faults before them, and how far
//! they were taken.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::{
    ACCESS_DENIED, COVER_OPEN, DEVICE_BUSY, END_OF_FILE, INVALID, IO_ERROR, JAMMED, NO_DOCUMENTS,
    NO_MEMORY, Status, UNSUPPORTED,
};

/// What lies in the feeder, in order: pages and the faults before them.
pub struct Stack {
    entries: Vec<PathBuf>,
    next: usize,
    /// Keeps the name of the last entry taken.
    cursor: Option<PathBuf>,
}

impl Stack {
    pub fn load() -> Option<Stack> {
        let setting = |variable: &str, key: &str| {
            env::var_os(variable).map(PathBuf::from).or(configured(key).map(PathBuf::from))
        };
        let folder = setting("OUTGUIDE_SANE_FOLDER", "pages")?;
        let cursor = setting("OUTGUIDE_SANE_FOLDER_CURSOR", "cursor");
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
        entries.retain(|path| is_page(path) || Fault::of(path).is_some());
        entries.sort_by_key(|path| (path.file_stem().map(ToOwned::to_owned), is_page(path)));
        let taken = cursor.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let next = taken
            .and_then(|name| entries.iter().position(|e| file_name(e) == name.trim()))
            .map_or(0, |place| place + 1);
        Some(Stack { entries, next, cursor })
    }

    pub fn peek(&self) -> Option<&Path> {
        self.entries.get(self.next).map(PathBuf::as_path)
    }

    pub fn take(&mut self) {
        if let (Some(cursor), Some(entry)) = (&self.cursor, self.entries.get(self.next))
            && let Err(error) = fs::write(cursor, file_name(entry))
        {
            eprintln!("folder: the cursor cannot be kept: {error}");
        }
        self.next += 1;
    }

    /// Leaves a number beside the cursor, for a test to read.
    pub fn note(&self, name: &str, number: u32) {
        if let Some(cursor) = &self.cursor
            && let Err(error) = fs::write(cursor.with_file_name(name), number.to_string())
        {
            eprintln!("folder: {name} cannot be noted: {error}");
        }
    }

    /// As if the paper were gone.
    pub fn run_out(&mut self) {
        self.next = self.entries.len();
    }

    pub fn has_page(&self) -> bool {
        self.entries[self.next.min(self.entries.len())..].iter().any(|e| is_page(e))
    }
}

/// Whether a word stands in a list of `folder.conf`.
pub fn is_configured(key: &str, word: &str) -> bool {
    configured(key).is_some_and(|list| list.split(',').any(|listed| listed.trim() == word))
}

/// From the `key = value` lines of `folder.conf`.
pub fn configured(key: &str) -> Option<String> {
    let directories = env::var_os("SANE_CONFIG_DIR")?;
    let mut files = env::split_paths(&directories).map(|d| d.join("folder.conf"));
    let text = files.find_map(|file| fs::read_to_string(file).ok())?;
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim().to_owned())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_page(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    ["pnm", "pbm", "pgm", "ppm"].contains(&extension)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Status(Status),
    FalseNoDocuments,
    DoubleFeed,
    DoubleFeedJam,
    JamReading,
    Truncated,
    Overlong,
    BadHeader,
    UnknownHeight,
    Overrun,
    NothingYet,
    Hang,
    HangReading,
    Wait,
    NoDocumentsBegun,
    EndOfFileBegun,
    NoDocumentsReading,
    Crash,
    CrashReading,
    CrashWithChild,
    Daemon,
}

impl Fault {
    pub fn of(path: &Path) -> Option<Fault> {
        Some(match path.extension()?.to_str()? {
            "jam" => Fault::Status(JAMMED),
            "cover-open" => Fault::Status(COVER_OPEN),
            "busy" => Fault::Status(DEVICE_BUSY),
            "io-error" => Fault::Status(IO_ERROR),
            "no-mem" => Fault::Status(NO_MEMORY),
            "access-denied" => Fault::Status(ACCESS_DENIED),
            "invalid" => Fault::Status(INVALID),
            "unsupported" => Fault::Status(UNSUPPORTED),
            "out-of-documents" => Fault::Status(NO_DOCUMENTS),
            "end-of-file" => Fault::Status(END_OF_FILE),
            "no-docs-begun" => Fault::NoDocumentsBegun,
            "end-of-file-begun" => Fault::EndOfFileBegun,
            "no-docs-reading" => Fault::NoDocumentsReading,
            "no-docs" => Fault::FalseNoDocuments,
            "double-feed" => Fault::DoubleFeed,
            "double-feed-jam" => Fault::DoubleFeedJam,
            "jam-reading" => Fault::JamReading,
            "truncated" => Fault::Truncated,
            "overlong" => Fault::Overlong,
            "bad-header" => Fault::BadHeader,
            "unknown-height" => Fault::UnknownHeight,
            "overrun" => Fault::Overrun,
            "nothing-yet" => Fault::NothingYet,
            "hang" => Fault::Hang,
            "hang-reading" => Fault::HangReading,
            "wait" => Fault::Wait,
            "crash" => Fault::Crash,
            "crash-reading" => Fault::CrashReading,
            "crash-with-child" => Fault::CrashWithChild,
            "daemon" => Fault::Daemon,
            _ => return None,
        })
    }
}
