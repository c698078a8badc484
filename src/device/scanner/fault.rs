//! What can stop a scan, in a clerk's words: one variant a meaning, and each
//! sentence says what happened and what to do now. Which driver status means
//! which fault is decided in `sane::status`, nowhere else.

use std::path::PathBuf;

use super::choice::{ListedScanner, printable};

/// How the advice of many faults ends; nonsense where no page was kept.
const GO_ON: &str = "go on after the last page kept";

/// What some faults say of the page under way; nonsense where none was.
const PAGE_LOST: &str = " and the page was not kept";

/// Why no image came. Pages delivered before it stay delivered. After a fault
/// the session is over: open the scanner again to go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanFault {
    // The paper.
    #[error(
        "a sheet is jammed in the feeder; open the scanner, take the sheet out, \
         put it back on the stack and go on after the last page kept"
    )]
    Jam,
    #[error(
        "the scanner pulled two sheets at once and stopped; \
         separate them, put both back on the stack and go on after the last page kept"
    )]
    DoubleFeed,
    #[error("the scanner's cover is open; close it and go on after the last page kept")]
    CoverOpen,
    #[error(
        "the feeder is empty; lay the stack in until the scanner takes hold of it and start again"
    )]
    FeederEmpty,
    #[error(
        "the scanner finds no page on its glass; lay the page on the glass, close the lid and \
         go on after the last page kept"
    )]
    NothingOnTheGlass,
    #[error(
        "the scanner says its feeder is empty, but of its last sheet only the front came; \
         put that sheet back on the stack and go on after the last page kept"
    )]
    HalfASheet,
    #[error(
        "the scanner says its feeder is empty, but its paper sensor still sees a sheet; \
         push the stack in and go on after the last page kept"
    )]
    FalseOutOfDocuments,

    // The scanner.
    #[error(
        "no scanner was found; check that it is switched on and plugged in, that this user is \
         in the group `scanner`, and that its driver is installed, then look again"
    )]
    NoScanner,
    #[error("no scanner is called {wanted:?}; {}", found_list(.found))]
    NoSuchScanner { wanted: String, found: Vec<ListedScanner> },
    #[error("{}; give the whole name of one: {}", several(.wanted), names(.candidates))]
    AmbiguousScanner { wanted: String, candidates: Vec<ListedScanner> },
    #[error("the scanner {device} does not answer; check its power and cable, then start again")]
    NoSuchDevice { device: String },
    #[error(
        "the scanner is in use by another program; close that program, or wait, then start again"
    )]
    Busy,
    #[error("the scanner is warming up; wait a minute and go on after the last page kept")]
    WarmingUp,
    #[error("the scanner is locked for transport; undo its transport lock, then start again")]
    TransportLock,
    #[error(
        "this station may not use the scanner; \
         the administrator must give its account access to the device (group scanner, udev rule)"
    )]
    AccessDenied,
    #[error(
        "the scanner at {} asks for a name and password; \
         the administrator sets them in {variable}",
        printable(.resource),
        variable = super::sane::LOGIN_VARIABLE
    )]
    LoginNeeded { resource: String },
    #[error(
        "the scanner at {} refused the name and password the administrator set",
        printable(.resource)
    )]
    LoginRefused { resource: String },
    #[error(
        "the connection to the scanner broke; \
         check its power and cable and go on after the last page kept"
    )]
    InputOutput,
    #[error(
        "the scanner or its driver ran out of memory; scan at a lower resolution, or start again"
    )]
    OutOfMemory,
    #[error("the scan was cancelled; every page kept so far is safe")]
    Cancelled,

    // The order.
    #[error("this scanner has no {wanted}; it offers: {}", list(.choices))]
    NoSuchSource { wanted: &'static str, choices: Vec<String> },
    #[error("this scanner cannot scan in {wanted}; it offers: {}", list(.choices))]
    NoSuchMode { wanted: &'static str, choices: Vec<String> },
    #[error("this scanner has no option {name:?}; it has: {}", list(.known))]
    UnknownOption { name: String, known: Vec<String> },
    #[error("{value:?} is no value for the scanner's option {name:?}; allowed: {}", printable(.allowed))]
    BadOptionValue { name: String, value: String, allowed: String },
    #[error(
        "the scanner's option {name:?} is off with the other settings; \
         set what turns it on first, or leave it out"
    )]
    InactiveOption { name: String },
    #[error(
        "the scanner's option {name:?} can only be read, or set by hand on the device; leave it out"
    )]
    ReadOnlyOption { name: String },
    #[error(
        "the scanner refused {doing}; change the scanner settings of the profile and start again"
    )]
    SettingsRefused { doing: String },
    #[error("the scanner's driver cannot do what was asked ({doing}); choose other settings")]
    Unsupported { doing: String },

    // The driver.
    #[error(
        "the page came incomplete ({got} of {expected} bytes) and was not kept; \
         put its sheet back on the stack and go on after the last page kept"
    )]
    TruncatedFrame { expected: u64, got: u64 },
    #[error(
        "the scanner's driver crashed ({how}); \
         switch the scanner off and on and go on after the last page kept"
    )]
    DriverCrashed { how: String },
    #[error(
        "one of the scanner drivers failed while looking for scanners ({how}) and hides them all; \
         give the whole name of the scanner, or the administrator takes the drivers that are not \
         needed out of /etc/sane.d/dll.conf"
    )]
    ListingFailed { how: String },
    #[error(
        "the scanner gave no sign for {seconds} s while {phase} and was given up; \
         switch it off and on and go on after the last page kept"
    )]
    DriverHung { phase: Phase, seconds: u64 },
    #[error(
        "the scanner's driver contradicted itself ({what}) and the page was not kept; \
         go on after the last page kept, and tell the administrator if it happens again"
    )]
    DriverLied { what: String },
    #[error(
        "libsane cannot be loaded ({detail}); the administrator must install the package libsane1"
    )]
    LibraryMissing { detail: String },
    #[error(
        "the scan worker cannot be started ({detail}); the administrator must repair the installation"
    )]
    WorkerNotStarted { detail: String },

    // The folder instead of a scanner.
    #[error("the pages cannot be read ({detail}); check the folder or files given")]
    UnreadableFolder { detail: String },
    #[error(
        "not everything given is a page that Outguide reads; convert to PNG, JPEG, TIFF or PDF, or \
         take away, and start again: {}",
        files.join(", ")
    )]
    NotPages { files: Vec<String> },
    #[error(
        "the page file {} cannot be read ({detail}); \
         check it and go on after the last page kept",
         .path.display()
    )]
    UnreadableFile { path: PathBuf, detail: String },
    #[error("the script of faults is wrong: {detail}")]
    BadScript { detail: String },
}

impl ScanFault {
    /// The same for a person who has no page to go on after.
    pub fn before_any_page(&self) -> String {
        self.to_string().replace(PAGE_LOST, "").replace(GO_ON, "start again")
    }

    /// For programs: the same whatever the sentence says.
    pub fn name(&self) -> &'static str {
        match self {
            ScanFault::Jam => "jam",
            ScanFault::DoubleFeed => "double-feed",
            ScanFault::CoverOpen => "cover-open",
            ScanFault::FeederEmpty => "feeder-empty",
            ScanFault::NothingOnTheGlass => "nothing-on-the-glass",
            ScanFault::HalfASheet => "half-a-sheet",
            ScanFault::FalseOutOfDocuments => "false-out-of-documents",
            ScanFault::NoScanner => "no-scanner",
            ScanFault::NoSuchScanner { .. } => "no-such-scanner",
            ScanFault::AmbiguousScanner { .. } => "ambiguous-scanner",
            ScanFault::NoSuchDevice { .. } => "no-such-device",
            ScanFault::Busy => "busy",
            ScanFault::WarmingUp => "warming-up",
            ScanFault::TransportLock => "transport-lock",
            ScanFault::AccessDenied => "access-denied",
            ScanFault::LoginNeeded { .. } => "login-needed",
            ScanFault::LoginRefused { .. } => "login-refused",
            ScanFault::InputOutput => "input-output",
            ScanFault::OutOfMemory => "out-of-memory",
            ScanFault::Cancelled => "cancelled",
            ScanFault::NoSuchSource { .. } => "no-such-source",
            ScanFault::NoSuchMode { .. } => "no-such-mode",
            ScanFault::UnknownOption { .. } => "unknown-option",
            ScanFault::BadOptionValue { .. } => "bad-option-value",
            ScanFault::InactiveOption { .. } => "inactive-option",
            ScanFault::ReadOnlyOption { .. } => "read-only-option",
            ScanFault::SettingsRefused { .. } => "settings-refused",
            ScanFault::Unsupported { .. } => "unsupported",
            ScanFault::TruncatedFrame { .. } => "truncated-frame",
            ScanFault::DriverCrashed { .. } => "driver-crashed",
            ScanFault::ListingFailed { .. } => "listing-failed",
            ScanFault::DriverHung { .. } => "driver-hung",
            ScanFault::DriverLied { .. } => "driver-lied",
            ScanFault::LibraryMissing { .. } => "library-missing",
            ScanFault::WorkerNotStarted { .. } => "worker-not-started",
            ScanFault::UnreadableFolder { .. } => "unreadable-folder",
            ScanFault::NotPages { .. } => "not-pages",
            ScanFault::UnreadableFile { .. } => "unreadable-file",
            ScanFault::BadScript { .. } => "bad-script",
        }
    }

    /// Whether the profile's settings or `--set` are at fault, and not the
    /// scanner.
    pub fn is_about_the_settings(&self) -> bool {
        match self {
            ScanFault::NoSuchSource { .. }
            | ScanFault::NoSuchMode { .. }
            | ScanFault::UnknownOption { .. }
            | ScanFault::BadOptionValue { .. }
            | ScanFault::InactiveOption { .. }
            | ScanFault::ReadOnlyOption { .. } => true,
            ScanFault::Jam
            | ScanFault::DoubleFeed
            | ScanFault::CoverOpen
            | ScanFault::FeederEmpty
            | ScanFault::NothingOnTheGlass
            | ScanFault::HalfASheet
            | ScanFault::FalseOutOfDocuments
            | ScanFault::NoScanner
            | ScanFault::NoSuchScanner { .. }
            | ScanFault::AmbiguousScanner { .. }
            | ScanFault::NoSuchDevice { .. }
            | ScanFault::Busy
            | ScanFault::WarmingUp
            | ScanFault::TransportLock
            | ScanFault::AccessDenied
            | ScanFault::LoginNeeded { .. }
            | ScanFault::LoginRefused { .. }
            | ScanFault::InputOutput
            | ScanFault::OutOfMemory
            | ScanFault::Cancelled
            | ScanFault::SettingsRefused { .. }
            | ScanFault::Unsupported { .. }
            | ScanFault::TruncatedFrame { .. }
            | ScanFault::DriverCrashed { .. }
            | ScanFault::ListingFailed { .. }
            | ScanFault::DriverHung { .. }
            | ScanFault::DriverLied { .. }
            | ScanFault::LibraryMissing { .. }
            | ScanFault::WorkerNotStarted { .. }
            | ScanFault::UnreadableFolder { .. }
            | ScanFault::UnreadableFile { .. }
            | ScanFault::NotPages { .. }
            | ScanFault::BadScript { .. } => false,
        }
    }
}

/// What the scanner was doing when time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Starting,
    Listing,
    Opening,
    Setting,
    WaitingForASheet,
    Reading,
    Cancelling,
    EndingTheScan,
    Closing,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Phase::Starting => "starting",
            Phase::Listing => "looking for scanners",
            Phase::Opening => "opening",
            Phase::Setting => "taking its settings",
            Phase::WaitingForASheet => "taking a sheet",
            Phase::Reading => "reading a page",
            Phase::Cancelling => "cancelling",
            Phase::EndingTheScan => "ending the scan",
            Phase::Closing => "closing",
        })
    }
}

fn list(choices: &[String]) -> String {
    if choices.is_empty() {
        return "nothing to choose".to_owned();
    }
    printable(&choices.join(", "))
}

fn several(wanted: &str) -> String {
    if wanted.is_empty() {
        "there is more than one scanner".to_owned()
    } else {
        format!("{wanted:?} fits more than one scanner")
    }
}

fn names(scanners: &[ListedScanner]) -> String {
    let names: Vec<String> = scanners.iter().map(ListedScanner::to_string).collect();
    names.join(", ")
}

fn found_list(found: &[ListedScanner]) -> String {
    if found.is_empty() {
        "and none was found at all: check that it is switched on and plugged in".to_owned()
    } else {
        format!("found were: {}", names(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str) -> ListedScanner {
        ListedScanner {
            name: name.into(),
            vendor: "Noname".into(),
            model: "frontend-tester".into(),
            kind: "virtual device".into(),
        }
    }

    #[test]
    fn a_wrong_scanner_name_is_answered_with_the_scanners_there_are() {
        let fault =
            ScanFault::NoSuchScanner { wanted: "fujitsu".into(), found: vec![listed("test:0")] };
        assert_eq!(
            fault.to_string(),
            "no scanner is called \"fujitsu\"; found were: test:0 (Noname frontend-tester)"
        );
    }

    #[test]
    fn two_scanners_and_no_choice_are_told_without_an_empty_name() {
        let candidates = vec![listed("test:0"), listed("test:1")];
        let fault = ScanFault::AmbiguousScanner { wanted: String::new(), candidates };
        assert!(fault.to_string().starts_with("there is more than one scanner;"), "{fault}");
    }

    #[test]
    fn where_no_page_was_kept_nobody_is_sent_behind_the_last_one() {
        for fault in [ScanFault::Jam, ScanFault::DriverCrashed { how: "signal 11".into() }] {
            assert!(fault.to_string().ends_with(GO_ON), "{fault}");
            let told = fault.before_any_page();
            assert!(told.ends_with("start again"), "{told}");
        }
    }

    #[test]
    fn of_a_page_nobody_asked_for_it_is_not_said_that_it_is_lost() {
        let told = ScanFault::DriverLied { what: "17 options".into() }.before_any_page();
        assert!(!told.contains("page"), "{told}");
    }

    #[test]
    fn a_missing_login_names_the_variable_to_set() {
        let fault = ScanFault::LoginNeeded { resource: "net:archive".into() };
        assert!(fault.to_string().contains("OUTGUIDE_SCANNER_LOGIN"), "{fault}");
    }
}
