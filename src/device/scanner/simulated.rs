//! The shipped simulated scanner: page files in order of name instead of
//! sheets, and a script of the faults real feeders have.
//!
//! The script is `faults.toml` in the folder, or a text given:
//!
//! ```toml
//! [[fault]]
//! image = 8          # the image it strikes at, counted from 1
//! kind = "jam"       # jam, double-feed, double-feed-stop, cover-open, hang,
//!                    # die, lie, truncated, unplugged, busy,
//!                    # false-out-of-documents, duplicate
//! ```
//!
//! `double-feed` delivers the image as suspect and `duplicate` delivers the
//! one before again; all others stop the scan before the image. A batch that
//! goes on after a stop ([`Resumed`](super::Resumed)) is fed again from its first file, so that
//! the caller can see that they are the same; the stops up to its next image
//! have been cleared, as by a clerk.
//!
//! Which files of a folder are pages, their content says. No file that could be
//! a page is left out unsaid: one that Outguide does not read is refused by name
//! before the first page is taken. Otherwise files are handed out as they are.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use super::fault::{Phase, ScanFault};
use super::warning::ScanWarning;
use super::{Feed, ImageContent, PaperPath, ScanOrder, ScanSetup, ScannedImage, Sides};
use crate::disk::page_file::{read_head, read_page_file};
use crate::profile::PaperSource;
use crate::records::batch::GivenFile;
use crate::records::page_file::{HEAD_BYTES, NoPageFile, PageFile};

/// A file so called was meant as a page, whatever is in it now: it becomes a
/// question for the clerk.
const PAGE_EXTENSIONS: [&str; 12] =
    ["png", "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "pbm", "pgm", "ppm", "pnm", "pdf"];

const SCRIPT_FILE: &str = "faults.toml";

/// What file managers leave in folders, besides files with a dot in front.
const LEFT_BY_FILE_MANAGERS: [&str; 3] = ["Thumbs.db", "desktop.ini", "Icon\r"];

/// As long as the real watchdog waits for a sheet.
const HANG_LIMIT: Duration = super::sane::child::SHEET_LIMIT;

/// Page files and the script of faults.
#[derive(Debug, Clone, PartialEq)]
pub struct PageStack {
    files: Vec<PathBuf>,
    script: FaultScript,
    skipped_files: u32,
    hang_limit: Duration,
}

impl PageStack {
    /// Folders stand for the page files in them, in order of name, and bring
    /// their `faults.toml`; files given by name are taken as they come. Of what
    /// stands in a folder only text, hidden files and what file managers leave
    /// are passed over.
    ///
    /// # Errors
    /// `NotPages` with the name of each file and folder that is not taken.
    pub fn from_paths(paths: &[PathBuf]) -> Result<PageStack, ScanFault> {
        let mut stack = PageStack {
            files: Vec::new(),
            script: FaultScript::default(),
            skipped_files: 0,
            hang_limit: HANG_LIMIT,
        };
        let mut refused = Vec::new();
        for path in paths {
            let unreadable = |e: std::io::Error| ScanFault::UnreadableFolder {
                detail: format!("{}: {e}", path.display()),
            };
            if fs::metadata(path).map_err(unreadable)?.is_dir() {
                stack.add_folder(path, &mut refused, unreadable)?;
                continue;
            }
            match Found::at(path) {
                Found::Page => stack.files.push(path.clone()),
                Found::Text => refused.push(format!("{} (a text)", path.display())),
                Found::Refused(why) => refused.push(format!("{} ({why})", path.display())),
            }
        }
        stack.refuse_files_given_twice(&mut refused);
        if refused.is_empty() { Ok(stack) } else { Err(ScanFault::NotPages { files: refused }) }
    }

    /// By a folder and by name, or by a link: its pages would be filed twice.
    fn refuse_files_given_twice(&self, refused: &mut Vec<String>) {
        let mut given: BTreeMap<PathBuf, &Path> = BTreeMap::new();
        for path in &self.files {
            // One that cannot be found any more is told when it is read.
            let Ok(file) = fs::canonicalize(path) else { continue };
            if let Some(first) = given.insert(file, path) {
                let first = first.display();
                refused.push(format!("{} (given already, as {first})", path.display()));
            }
        }
    }

    fn add_folder(
        &mut self,
        folder: &Path,
        refused: &mut Vec<String>,
        unreadable: impl Fn(std::io::Error) -> ScanFault,
    ) -> Result<(), ScanFault> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(&unreadable)? {
            paths.push(entry.map_err(&unreadable)?.path());
        }
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name == SCRIPT_FILE {
                let text = fs::read_to_string(&path).map_err(&unreadable)?;
                self.script = FaultScript::parse(&text)?;
                continue;
            }
            if name.starts_with('.') || LEFT_BY_FILE_MANAGERS.contains(&&*name) {
                continue;
            }
            match Found::at(&path) {
                Found::Page => self.files.push(path),
                Found::Text => self.skipped_files += 1,
                Found::Refused(why) => refused.push(format!("{} ({why})", path.display())),
            }
        }
        Ok(())
    }

    /// The files, in feeding order.
    pub fn paths(&self) -> &[PathBuf] {
        &self.files
    }

    /// By name and length, in feeding order.
    pub fn given_files(&self) -> Result<Vec<GivenFile>, ScanFault> {
        let given = |path: &PathBuf| {
            let about = fs::metadata(path).map_err(|e| ScanFault::UnreadableFolder {
                detail: format!("{}: {e}", path.display()),
            })?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok(GivenFile { name, bytes: about.len() })
        };
        self.files.iter().map(given).collect()
    }

    pub fn with_script(mut self, script: FaultScript) -> Self {
        self.script = script;
        self
    }

    /// How long a scripted hang lasts before it is given up.
    pub fn hang_limit(mut self, limit: Duration) -> Self {
        self.hang_limit = limit;
        self
    }
}

/// What stands under a name.
enum Found {
    Page,
    /// Lists and notes that lie beside pages.
    Text,
    /// Not taken, and why in words.
    Refused(String),
}

impl Found {
    fn at(path: &Path) -> Found {
        if path.is_dir() {
            return Found::Refused("a folder; give it by itself".to_owned());
        }
        let head = match read_head(path, HEAD_BYTES as u64) {
            Ok(head) => head,
            Err(fault) => return Found::Refused(fault.to_string()),
        };
        let meant_as_a_page = PAGE_EXTENSIONS.contains(&extension(path).as_str());
        match PageFile::recognise(&head) {
            Ok(PageFile::Png | PageFile::Jpeg | PageFile::Tiff | PageFile::Pnm | PageFile::Pdf) => {
                Found::Page
            }
            Err(_) if meant_as_a_page => Found::Page,
            Err(NoPageFile::OtherPicture(kind)) => Found::Refused(kind.to_owned()),
            Err(NoPageFile::Empty) => Found::Refused("empty".to_owned()),
            Err(NoPageFile::Unknown) if is_text(&head) => Found::Text,
            Err(NoPageFile::Unknown) => Found::Refused("of an unknown kind".to_owned()),
        }
    }
}

/// UTF-8, or an older alphabet, without the bytes that only binary files have.
fn is_text(head: &[u8]) -> bool {
    head.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace())
}

fn extension(path: &Path) -> String {
    path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase()
}

/// The faults to come, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultScript {
    #[serde(default, rename = "fault")]
    faults: Vec<ScriptedFault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptedFault {
    image: u32,
    kind: FaultKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FaultKind {
    Jam,
    DoubleFeed,
    DoubleFeedStop,
    CoverOpen,
    Hang,
    Die,
    Lie,
    Truncated,
    Unplugged,
    Busy,
    FalseOutOfDocuments,
    Duplicate,
}

impl FaultScript {
    pub fn parse(text: &str) -> Result<FaultScript, ScanFault> {
        toml::from_str(text).map_err(|e| ScanFault::BadScript { detail: e.to_string() })
    }

    fn at(&self, image: u32) -> Option<FaultKind> {
        self.faults.iter().find(|fault| fault.image == image).map(|fault| fault.kind)
    }
}

/// What a scripted fault does to the image it strikes at.
enum Strike {
    DeliverSuspect,
    DeliverAgain,
    SayOutOfDocuments,
    Hang,
    Stop(ScanFault),
}

impl FaultKind {
    /// Stops as the real scanner's watch would name them.
    fn strike(self) -> Strike {
        match self {
            FaultKind::DoubleFeed => Strike::DeliverSuspect,
            FaultKind::Duplicate => Strike::DeliverAgain,
            FaultKind::FalseOutOfDocuments => Strike::SayOutOfDocuments,
            FaultKind::Hang => Strike::Hang,
            FaultKind::Jam => Strike::Stop(ScanFault::Jam),
            FaultKind::DoubleFeedStop => Strike::Stop(ScanFault::DoubleFeed),
            FaultKind::CoverOpen => Strike::Stop(ScanFault::CoverOpen),
            FaultKind::Unplugged => Strike::Stop(ScanFault::InputOutput),
            FaultKind::Busy => Strike::Stop(ScanFault::Busy),
            FaultKind::Die => {
                Strike::Stop(ScanFault::DriverCrashed { how: "signal 11".to_owned() })
            }
            FaultKind::Lie => {
                Strike::Stop(ScanFault::DriverLied { what: "a page of 0 lines".to_owned() })
            }
            // Half a Letter page in gray at 300 dpi.
            FaultKind::Truncated => {
                Strike::Stop(ScanFault::TruncatedFrame { expected: 8_415_000, got: 4_207_500 })
            }
        }
    }
}

/// An open stack of page files.
#[derive(Debug)]
pub struct FolderScanner {
    stack: PageStack,
    setup: ScanSetup,
    /// Up to this image what stopped the scan was cleared by hand.
    cleared_to: u32,
    delivered: u32,
    files_taken: usize,
    canceller: FolderCanceller,
    over: Option<ScanFault>,
}

/// Cancels from any thread.
#[derive(Debug, Clone, Default)]
pub struct FolderCanceller(Arc<(Mutex<bool>, Condvar)>);

impl FolderCanceller {
    pub fn cancel(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    fn is_cancelled(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns early when cancelled.
    fn wait(&self, limit: Duration) {
        let cancelled = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.1.wait_timeout_while(cancelled, limit, |cancelled| !*cancelled));
    }
}

impl FolderScanner {
    pub fn open(stack: &PageStack, order: &ScanOrder) -> (FolderScanner, Vec<ScanWarning>) {
        let sides = match order.settings.source {
            PaperSource::Flatbed | PaperSource::Feeder | PaperSource::FeederManualDuplex => {
                Sides::Front
            }
            PaperSource::FeederDuplex => Sides::FrontThenBack,
        };
        let scanner = FolderScanner {
            setup: ScanSetup {
                scanner: "page files".to_owned(),
                source: None,
                mode: None,
                dpi: None,
                sides,
                path: PaperPath::Feeder,
                identity: None,
            },
            cleared_to: order.resume.map_or(0, |resumed| resumed.images + 1),
            delivered: 0,
            files_taken: 0,
            stack: stack.clone(),
            canceller: FolderCanceller::default(),
            over: None,
        };
        let skipped = stack.skipped_files;
        let warnings =
            (skipped > 0).then_some(ScanWarning::FilesSkipped { count: skipped }).into_iter();
        (scanner, warnings.collect())
    }

    pub fn setup(&self) -> &ScanSetup {
        &self.setup
    }

    pub fn canceller(&self) -> FolderCanceller {
        self.canceller.clone()
    }

    pub fn next_image(&mut self) -> Result<Feed, ScanFault> {
        if let Some(fault) = &self.over {
            return Err(fault.clone());
        }
        let fed = self.feed();
        self.over = fed.as_ref().err().cloned();
        fed
    }

    fn feed(&mut self) -> Result<Feed, ScanFault> {
        if self.canceller.is_cancelled() {
            return Err(ScanFault::Cancelled);
        }
        let scripted = self.stack.script.at(self.next_no()).map(FaultKind::strike);
        match scripted {
            None => self.take_file(None),
            Some(Strike::SayOutOfDocuments | Strike::Hang | Strike::Stop(_))
                if self.next_no() <= self.cleared_to =>
            {
                self.take_file(None)
            }
            Some(Strike::DeliverSuspect) => {
                self.take_file(Some("the scanner reported two sheets pulled at once".to_owned()))
            }
            Some(Strike::DeliverAgain) => {
                self.files_taken = self.files_taken.saturating_sub(1);
                self.take_file(None)
            }
            Some(Strike::SayOutOfDocuments) => Ok(Feed::OutOfDocuments),
            Some(Strike::Hang) => Err(self.hang()),
            Some(Strike::Stop(fault)) => Err(fault),
        }
    }

    /// Of the next image, counted from 1.
    fn next_no(&self) -> u32 {
        self.delivered + 1
    }

    fn hang(&self) -> ScanFault {
        self.canceller.wait(self.stack.hang_limit);
        if self.canceller.is_cancelled() {
            return ScanFault::Cancelled;
        }
        let seconds = self.stack.hang_limit.as_secs();
        ScanFault::DriverHung { phase: Phase::WaitingForASheet, seconds }
    }

    fn take_file(&mut self, suspect: Option<String>) -> Result<Feed, ScanFault> {
        let Some(path) = self.stack.files.get(self.files_taken) else {
            return if self.files_taken == 0 {
                Err(ScanFault::FeederEmpty)
            } else {
                Ok(Feed::OutOfDocuments)
            };
        };
        let unreadable = |detail: String| ScanFault::UnreadableFile { path: path.clone(), detail };
        let bytes = read_page_file(path).map_err(|fault| unreadable(fault.to_string()))?;
        let content = ImageContent::File { bytes, extension: extension(path) };
        let (sheet, side) = self.setup.sides.place(self.next_no());
        self.files_taken += 1;
        self.delivered += 1;
        Ok(Feed::Image(Box::new(ScannedImage {
            content,
            sheet,
            side,
            suspect,
            warnings: Vec::new(),
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Resumed;
    use super::*;
    use crate::profile::{PageSize, ScanMode, ScannerSettings};
    use crate::records::page::Side;
    use crate::records::raster::Dpi;

    /// Each file holds its name.
    fn folder_of(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), name).unwrap();
        }
        folder
    }

    /// The names of the files taken, and what is refused.
    fn taken_from(folder: &Path) -> Result<Vec<String>, ScanFault> {
        let stack = PageStack::from_paths(&[folder.to_owned()])?;
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        Ok(stack.files.iter().map(name).collect())
    }

    fn order(source: PaperSource) -> ScanOrder {
        let settings = ScannerSettings {
            source,
            mode: ScanMode::Gray,
            dpi: Dpi(300),
            page_size: PageSize::Letter,
            options: Default::default(),
        };
        ScanOrder { settings, set: Vec::new(), resume: None, known: None }
    }

    fn open(folder: &tempfile::TempDir, script: &str, order: &ScanOrder) -> FolderScanner {
        let stack = PageStack::from_paths(&[folder.path().to_owned()])
            .unwrap()
            .with_script(FaultScript::parse(script).unwrap());
        FolderScanner::open(&stack, order).0
    }

    /// What each image holds, to the end or the fault.
    fn scan(scanner: &mut FolderScanner) -> (Vec<String>, Result<(), ScanFault>) {
        let mut images = Vec::new();
        loop {
            match scanner.next_image() {
                Ok(Feed::OutOfDocuments) => return (images, Ok(())),
                Ok(Feed::Image(image)) => {
                    let ImageContent::File { bytes, .. } = image.content else {
                        panic!("a folder delivers files");
                    };
                    let suspect = if image.suspect.is_some() { "?" } else { "" };
                    images.push(String::from_utf8(bytes).unwrap() + suspect);
                }
                Err(fault) => return (images, Err(fault)),
            }
        }
    }

    #[test]
    fn files_come_in_order_of_name_and_others_are_counted_out() {
        let folder = folder_of(&["2.png", "10.TIF", "1.jpg", "notes.txt"]);
        let stack = PageStack::from_paths(&[folder.path().to_owned()]).unwrap();
        let (mut scanner, warnings) = FolderScanner::open(&stack, &order(PaperSource::Feeder));
        assert_eq!(warnings, [ScanWarning::FilesSkipped { count: 1 }]);
        let (images, end) = scan(&mut scanner);
        assert_eq!((images.join(" "), end), ("1.jpg 10.TIF 2.png".to_owned(), Ok(())));
    }

    #[test]
    fn what_is_a_page_its_content_says_and_not_its_name() {
        let folder = folder_of(&["3.png", "notes.txt", ".hidden.gif", "Thumbs.db"]);
        let here = |name: &str| folder.path().join(name);
        fs::write(here("1"), b"II*\0\x08\0\0\0").unwrap();
        fs::write(here("2.jpe"), b"\xff\xd8\xff\xe0\0\x10JFIF").unwrap();
        fs::write(here("4.scan"), b"\r\n%PDF-1.7\n").unwrap();
        fs::write(here("Thumbs.db"), b"\xd0\xcf\x11\xe0\0\0").unwrap();
        let taken = taken_from(folder.path()).unwrap();
        assert_eq!(taken, ["1", "2.jpe", "3.png", "4.scan"]);
    }

    #[test]
    fn what_may_have_been_meant_as_a_page_is_refused_by_name() {
        let folder = folder_of(&["1.png"]);
        let here = |name: &str| folder.path().join(name);
        fs::write(here("2.gif"), b"GIF89a").unwrap();
        fs::write(here("3"), b"\0\x01\x02").unwrap();
        fs::write(here("4.dat"), b"").unwrap();
        fs::create_dir(here("5")).unwrap();
        std::os::unix::fs::symlink("/dev/null", here("6.png")).unwrap();
        std::os::unix::fs::symlink("/nowhere", here("7.png")).unwrap();
        let told = taken_from(folder.path()).unwrap_err().to_string();
        for name in ["2.gif (a GIF)", "/3 (", "4.dat (empty)", "/5 (a folder", "6.png (", "7.png ("]
        {
            assert!(told.contains(name), "{name} in {told}");
        }
        assert!(!told.contains("1.png"), "{told}");
        let by_name = PageStack::from_paths(&[here("1.png"), here("2.gif")]);
        assert!(matches!(by_name, Err(ScanFault::NotPages { files }) if files.len() == 1));
    }

    #[test]
    fn a_file_given_twice_is_refused_however_it_is_named() {
        let folder = folder_of(&["1.png", "2.png"]);
        let first = folder.path().join("1.png");
        let refused = |paths: &[PathBuf]| PageStack::from_paths(paths).unwrap_err().to_string();
        for twice in [[first.clone(), first.clone()], [folder.path().to_owned(), first.clone()]] {
            assert!(refused(&twice).contains("given already"), "{twice:?}");
        }
        std::os::unix::fs::symlink(&first, folder.path().join("3.png")).unwrap();
        assert!(refused(&[folder.path().to_owned()]).contains("3.png (given already"));
    }

    #[test]
    fn an_empty_folder_is_an_empty_feeder() {
        let folder = folder_of(&[]);
        let mut scanner = open(&folder, "", &order(PaperSource::Feeder));
        assert_eq!(scan(&mut scanner), (vec![], Err(ScanFault::FeederEmpty)));
    }

    #[test]
    fn two_files_are_a_sheet_in_duplex() {
        let folder = folder_of(&["1.png", "2.png", "3.png"]);
        let mut scanner = open(&folder, "", &order(PaperSource::FeederDuplex));
        let mut places = Vec::new();
        while let Feed::Image(image) = scanner.next_image().unwrap() {
            places.push((image.sheet, image.side));
        }
        assert_eq!(places, [(1, Side::Front), (1, Side::Back), (2, Side::Front)]);
    }

    #[test]
    fn scripted_faults_strike_where_they_are_written() {
        let stopped = |fault: ScanFault| ("1.png".to_owned(), Err(fault));
        let cases = [
            ("jam", stopped(ScanFault::Jam)),
            ("double-feed-stop", stopped(ScanFault::DoubleFeed)),
            ("cover-open", stopped(ScanFault::CoverOpen)),
            ("unplugged", stopped(ScanFault::InputOutput)),
            ("busy", stopped(ScanFault::Busy)),
            ("die", stopped(ScanFault::DriverCrashed { how: "signal 11".into() })),
            ("false-out-of-documents", ("1.png".to_owned(), Ok(()))),
            ("double-feed", ("1.png 2.png? 3.png".to_owned(), Ok(()))),
            ("duplicate", ("1.png 1.png 2.png 3.png".to_owned(), Ok(()))),
        ];
        let folder = folder_of(&["1.png", "2.png", "3.png"]);
        for (kind, expected) in cases {
            let script = format!("[[fault]]\nimage = 2\nkind = \"{kind}\"");
            let mut scanner = open(&folder, &script, &order(PaperSource::Feeder));
            let (images, end) = scan(&mut scanner);
            assert_eq!((images.join(" "), end), expected, "{kind}");
        }
    }

    #[test]
    fn a_resumed_batch_is_fed_from_its_first_file_and_its_faults_are_cleared() {
        let folder = folder_of(&["1.png", "2.png", "3.png"]);
        let script = "[[fault]]\nimage = 2\nkind = \"duplicate\"\n\
                      [[fault]]\nimage = 3\nkind = \"jam\"";
        let mut resumed = order(PaperSource::Feeder);
        resumed.resume = Some(Resumed { images: 2, sheets: 2 });
        let (images, end) = scan(&mut open(&folder, script, &resumed));
        assert_eq!((images.join(" "), end), ("1.png 1.png 2.png 3.png".to_owned(), Ok(())));
    }

    #[test]
    fn a_hang_ends_with_the_limit_or_the_cancel() {
        let folder = folder_of(&["1.png"]);
        let script = "[[fault]]\nimage = 1\nkind = \"hang\"";
        let stack = PageStack::from_paths(&[folder.path().to_owned()])
            .unwrap()
            .with_script(FaultScript::parse(script).unwrap());
        let order = order(PaperSource::Feeder);
        let (mut short, _) = FolderScanner::open(&stack.clone().hang_limit(Duration::ZERO), &order);
        assert!(matches!(short.next_image(), Err(ScanFault::DriverHung { .. })));
        let (mut patient, _) = FolderScanner::open(&stack, &order);
        let canceller = patient.canceller();
        let clerk = std::thread::spawn(move || canceller.cancel());
        assert_eq!(patient.next_image().unwrap_err(), ScanFault::Cancelled);
        clerk.join().unwrap();
    }

    #[test]
    fn a_wrong_script_is_refused_with_its_line() {
        let Err(ScanFault::BadScript { detail }) =
            FaultScript::parse("[[fault]]\nimage = 2\nkind = \"earthquake\"")
        else {
            panic!("there is no such kind");
        };
        assert!(detail.contains("line 3"), "{detail}");
    }
}
