//! Scanners: sheets in, images and named faults out.
//!
//! A [`Scanner`] is either a real one behind libsane ([`sane`], in a child
//! process) or a folder of page images with a script of faults
//! ([`simulated`]). Everything here blocks: the caller runs it on a thread
//! that may. Nothing here keeps a page: an image handed out is the caller's to
//! make durable before it asks for the next.

pub mod choice;
pub mod fault;
pub mod sane;
pub mod simulated;
mod warning;

use crate::profile::ScannerSettings;
use crate::records::batch::ScannerIdentity;
use crate::records::page::Side;
use crate::records::raster::{Dpi, Raster};

pub use crate::records::page::Sides;
pub use choice::{ListedScanner, ScannerChoice, printable};
pub use fault::{Phase, ScanFault};
pub use sane::child::{TimeLimits, WorkerCommand};
pub use simulated::{FaultScript, PageStack};
pub use warning::ScanWarning;

/// Where the sheets come from.
#[derive(Debug, Clone)]
pub enum WhichScanner {
    Sane { worker: WorkerCommand, choice: ScannerChoice },
    Folder(PageStack),
}

/// What is asked of the scanner.
#[derive(Debug, Clone)]
pub struct ScanOrder {
    pub settings: ScannerSettings,
    /// `--set NAME=VALUE`: goes before the settings, later ones before earlier.
    pub set: Vec<(String, String)>,
    /// What the batch holds already, where it goes on after a stop.
    pub resume: Option<Resumed>,
    /// The scanner the batch was begun with: found again under another name.
    pub known: Option<ScannerIdentity>,
}

/// A batch's progress before the scanner was opened (again).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// A folder is fed again from its first file; the faults of its script up
    /// to the image after these were cleared.
    pub images: u32,
    /// A scanner's sheets are counted on from here.
    pub sheets: u32,
}

/// One step of the feeder.
#[derive(Debug)]
pub enum Feed {
    Image(Box<ScannedImage>),
    /// The stack is through, as far as the scanner can tell: whether it is
    /// complete, only counting says.
    OutOfDocuments,
}

#[derive(Debug)]
pub struct ScannedImage {
    pub content: ImageContent,
    /// The sheet it is on, counted from 1 within the batch.
    pub sheet: u32,
    pub side: Side,
    /// The scanner delivered it, but something was wrong with the sheet.
    pub suspect: Option<String>,
    pub warnings: Vec<ScanWarning>,
}

pub enum ImageContent {
    Pixels(Raster),
    /// A whole image file, whatever is in it.
    File {
        bytes: Vec<u8>,
        /// Lower case, without the dot.
        extension: String,
    },
}

impl std::fmt::Debug for ImageContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ImageContent::Pixels(raster) => raster.fmt(f),
            ImageContent::File { bytes, extension } => {
                write!(f, "{extension} file of {} bytes", bytes.len())
            }
        }
    }
}

/// What the scanner was set to, for the batch's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanSetup {
    /// Name, and make where the driver tells it.
    pub scanner: String,
    /// The driver's words; `None` where it has no such choice.
    pub source: Option<String>,
    /// The driver's words; `None` where it has no such choice.
    pub mode: Option<String>,
    /// `None` where only the image files say.
    pub dpi: Option<Dpi>,
    pub sides: Sides,
    pub path: PaperPath,
    /// `None` for a folder.
    pub identity: Option<ScannerIdentity>,
}

/// Whether the next image needs a clerk's hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaperPath {
    Flatbed,
    Feeder,
    /// The driver does not say: it may be a glass, which scans the same page
    /// without end.
    Unknown,
}

/// An open scanner. Dropping it ends its child process.
#[derive(Debug)]
pub enum Scanner {
    Sane(Box<sane::SaneScanner>),
    Folder(Box<simulated::FolderScanner>),
}

impl Scanner {
    /// Opens and sets the scanner; warnings say where it would not take the
    /// order as given.
    pub fn open(
        which: &WhichScanner,
        order: &ScanOrder,
    ) -> Result<(Scanner, Vec<ScanWarning>), ScanFault> {
        match which {
            WhichScanner::Sane { worker, choice } => {
                let (scanner, warnings) = sane::SaneScanner::open(worker, choice, order)?;
                Ok((Scanner::Sane(Box::new(scanner)), warnings))
            }
            WhichScanner::Folder(stack) => {
                let (scanner, warnings) = simulated::FolderScanner::open(stack, order);
                Ok((Scanner::Folder(Box::new(scanner)), warnings))
            }
        }
    }

    /// The next image. A feeder goes on to the next sheet by itself; a flatbed
    /// scans what lies on the glass at this moment, so the caller asks when
    /// the clerk has laid the next page. After an error the session is over.
    pub fn next_image(&mut self) -> Result<Feed, ScanFault> {
        match self {
            Scanner::Sane(scanner) => scanner.next_image(),
            Scanner::Folder(scanner) => scanner.next_image(),
        }
    }

    /// Stops the scan from another thread.
    pub fn canceller(&self) -> Canceller {
        match self {
            Scanner::Sane(scanner) => Canceller(Cancels::Sane(scanner.canceller())),
            Scanner::Folder(scanner) => Canceller(Cancels::Folder(scanner.canceller())),
        }
    }

    pub fn setup(&self) -> &ScanSetup {
        match self {
            Scanner::Sane(scanner) => scanner.setup(),
            Scanner::Folder(scanner) => scanner.setup(),
        }
    }

    /// Ends the session and the child process; what dropping does, said aloud.
    pub fn close(self) {}
}

/// The caller scans on whichever thread may block, and cancels from another.
const _: () = {
    const fn moves_between_threads<T: Send>() {}
    moves_between_threads::<Scanner>();
    moves_between_threads::<Canceller>();
};

/// Cancels the scan it was taken from; `next_image` then returns
/// [`ScanFault::Cancelled`], within the cancel limit even if the driver hangs.
#[derive(Debug, Clone)]
pub struct Canceller(Cancels);

#[derive(Debug, Clone)]
enum Cancels {
    Sane(sane::child::WorkerCanceller),
    Folder(simulated::FolderCanceller),
}

impl Canceller {
    pub fn cancel(&self) {
        match &self.0 {
            Cancels::Sane(worker) => worker.cancel(),
            Cancels::Folder(folder) => folder.cancel(),
        }
    }
}

/// One of the driver's options, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannerOption {
    /// As `--set` and `[scanner.options]` take it.
    pub name: String,
    /// The driver's words.
    pub title: String,
    pub kind: &'static str,
    /// What may be written for it.
    pub allowed: String,
    pub unit: Option<&'static str>,
    /// `None` where it cannot be read.
    pub value: Option<String>,
    /// False: off with the other options as they stand.
    pub is_active: bool,
    pub is_settable: bool,
}

/// The one scanner chosen, and its options as they stand when it is opened.
pub fn options(
    worker: &WorkerCommand,
    choice: &ScannerChoice,
) -> Result<(ListedScanner, Vec<ScannerOption>), ScanFault> {
    sane::options(worker, choice)
}

/// The scanners libsane can see. May take half a minute where a driver
/// searches the network.
pub fn list(worker: &WorkerCommand) -> Result<Vec<ListedScanner>, ScanFault> {
    sane::list(worker)
}
