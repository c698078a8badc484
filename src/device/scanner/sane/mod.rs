//! Scanners behind libsane, driven in a child process.
//!
//! ```text
//! station                                          │ scan worker (one a session)
//! SaneScanner ─ device ─ child ═══ wire (pipes) ═══│═ worker ─ ffi ─ libsane ─ driver
//!    settings   options  watchdog                  │
//!    frames     status→fault                       │
//! ```
//!
//! Everything that decides is on the left, in safe code; the worker only calls
//! libsane. A driver that crashes, hangs or lies costs the session.

pub mod child;
mod device;
mod ffi;
mod frames;
mod options;
mod settings;
mod status;
mod vocabulary;
mod wire;
pub mod worker;

use super::choice::{ListedScanner, ScannerChoice};
use super::fault::ScanFault;
use super::warning::ScanWarning;
use super::{
    Feed, ImageContent, PaperPath, ScanOrder, ScanSetup, ScannedImage, ScannerOption, Sides,
};
use crate::records::raster::{Dpi, PixelFormat};
use child::{Worker, WorkerCanceller, WorkerCommand};
use device::{Asking, Device, NoPage};

/// `name:password` for scanners behind a daemon that asks for them.
pub const LOGIN_VARIABLE: &str = "OUTGUIDE_SCANNER_LOGIN";

/// Sensors, by the names drivers give them. `double-feed`: the fujitsu
/// driver's; after a double feed it stops with "jammed".
const DOUBLE_FEED_SENSOR: &str = "double-feed";
/// Standard (`saneopts.h`): paper lies in the feeder; only feeders have it.
const PAGE_LOADED_SENSOR: &str = "page-loaded";

/// An open scanner, set as ordered.
#[derive(Debug)]
pub struct SaneScanner {
    device: Device,
    setup: ScanSetup,
    dpi: Dpi,
    /// What the first page is checked against, where nobody set it by hand.
    ordered: Option<PixelFormat>,
    delivered: u32,
    /// Of the batch, before this session.
    sheets_before: u32,
    depth_warned: bool,
    over: Option<ScanFault>,
}

/// The scanners libsane can see.
pub fn list(command: &WorkerCommand) -> Result<Vec<ListedScanner>, ScanFault> {
    device::list(&mut Worker::start(command)?)
}

/// The options of the scanner chosen, as they stand before anything is set.
pub fn options(
    command: &WorkerCommand,
    choice: &ScannerChoice,
) -> Result<(ListedScanner, Vec<ScannerOption>), ScanFault> {
    let mut device = Device::open(command, choice)?;
    let mut told = Vec::new();
    for option in device.options.clone() {
        let value = device.get(&option.name)?.filter(|value| *value != wire::Value::None);
        told.push(ScannerOption {
            kind: option.kind_name(),
            allowed: option.allowed(),
            unit: option.unit_name(),
            value: value.map(|value| option.show(&value)),
            is_active: option.is_active(),
            is_settable: option.is_settable(),
            name: option.name,
            title: option.title,
        });
    }
    Ok((device.listed.clone(), told))
}

impl SaneScanner {
    pub fn open(
        command: &WorkerCommand,
        choice: &ScannerChoice,
        order: &ScanOrder,
    ) -> Result<(SaneScanner, Vec<ScanWarning>), ScanFault> {
        let mut device = Device::open_known(command, choice, order.known.as_ref())?;
        let mut settled = settings::apply(&mut device, order)?;
        if settled.setup.path == PaperPath::Unknown && device.is_unlisted() {
            device = device.opened_as_listed(command)?;
            settled = settings::apply(&mut device, order)?;
        }
        if settled.setup.path == PaperPath::Unknown {
            settled.warnings.push(ScanWarning::PaperPathUnknown);
        }
        let scanner = SaneScanner {
            device,
            dpi: settled.dpi,
            setup: settled.setup,
            ordered: settled.ordered,
            delivered: 0,
            sheets_before: order.resume.map_or(0, |resumed| resumed.sheets),
            depth_warned: false,
            over: None,
        };
        Ok((scanner, settled.warnings))
    }

    pub fn setup(&self) -> &ScanSetup {
        &self.setup
    }

    pub fn canceller(&self) -> WorkerCanceller {
        self.device.worker.canceller()
    }

    pub fn next_image(&mut self) -> Result<Feed, ScanFault> {
        if let Some(fault) = &self.over {
            return Err(fault.clone());
        }
        let fed = self.feed();
        if let Err(fault) = &fed {
            self.over = Some(fault.clone());
            // A scanner left in the middle of a page blocks the next session.
            self.device.worker.close();
        }
        fed
    }

    fn feed(&mut self) -> Result<Feed, ScanFault> {
        if self.device.worker.is_cancelled() {
            return Err(ScanFault::Cancelled);
        }
        match self.page() {
            Ok(Some(image)) => Ok(Feed::Image(Box::new(image))),
            Ok(None) => self.out_of_documents(),
            // SANE's own test driver says so of a cancel that comes as a page begins.
            Err(ScanFault::SettingsRefused { .. }) if self.device.worker.is_cancelled() => {
                Err(ScanFault::Cancelled)
            }
            Err(fault) => Err(fault),
        }
    }

    /// All frames of one page.
    fn page(&mut self) -> Result<Option<ScannedImage>, ScanFault> {
        let mut frames = Vec::new();
        loop {
            match self.device.frame() {
                Ok(Asking::Whole(frame)) => {
                    let is_last = frame.is_last();
                    frames.push(frame);
                    if is_last || frames.len() == 3 {
                        break;
                    }
                }
                Ok(Asking::NoPage(said)) if frames.is_empty() => {
                    return self.believe(said).map(|()| None);
                }
                Ok(Asking::NoPage(_)) => {
                    return Err(lied("no more documents in the middle of a page"));
                }
                Err(ScanFault::Jam) if matches!(self.is_double_feed(), Ok(true)) => {
                    return Err(ScanFault::DoubleFeed);
                }
                Err(fault) => return Err(fault),
            }
        }
        let page = frames::page(frames, self.dpi)?;
        let suspect = self
            .is_double_feed()?
            .then(|| "the scanner reported two sheets pulled at once".to_owned());
        if self.setup.path == PaperPath::Flatbed {
            // The page is whole whatever comes of this.
            self.over = self.device.end_scan().err();
        }
        let mut warnings = Vec::new();
        if page.depth_reduced && !std::mem::replace(&mut self.depth_warned, true) {
            warnings.push(ScanWarning::DepthReduced);
        }
        let format = page.raster.format();
        if let Some(ordered) = self.ordered.take().filter(|ordered| *ordered != format) {
            let (wanted, got) = (format_name(ordered), format_name(format));
            warnings.push(ScanWarning::PixelsDiffer { wanted, got });
        }
        self.delivered += 1;
        let (sheet, side) = self.setup.sides.place(self.delivered);
        let content = ImageContent::Pixels(page.raster);
        let sheet = self.sheets_before + sheet;
        Ok(Some(ScannedImage { content, sheet, side, suspect, warnings }))
    }

    /// Only where it can be the end of a stack: a glass always has a page to
    /// scan, and a feeder has no files.
    fn believe(&self, said: NoPage) -> Result<(), ScanFault> {
        if self.device.worker.is_cancelled() {
            return Err(ScanFault::Cancelled);
        }
        match (said, self.setup.path) {
            (NoPage::NoDocuments, PaperPath::Flatbed) => Err(ScanFault::NothingOnTheGlass),
            (NoPage::NoFurtherFile, PaperPath::Flatbed | PaperPath::Feeder) => {
                Err(lied("the end of a file where a page was to begin"))
            }
            (NoPage::NoDocuments, PaperPath::Feeder | PaperPath::Unknown)
            | (NoPage::NoFurtherFile, PaperPath::Unknown) => Ok(()),
        }
    }

    fn is_double_feed(&mut self) -> Result<bool, ScanFault> {
        Ok(self.device.senses(DOUBLE_FEED_SENSOR)? == Some(true))
    }

    /// "No more documents" is believed only as far as it can be.
    fn out_of_documents(&mut self) -> Result<Feed, ScanFault> {
        if self.device.worker.is_cancelled() {
            return Err(ScanFault::Cancelled);
        }
        self.device.end_scan()?;
        if self.setup.sides == Sides::FrontThenBack && self.delivered % 2 == 1 {
            return Err(ScanFault::HalfASheet);
        }
        if self.setup.path == PaperPath::Feeder
            && self.device.senses(PAGE_LOADED_SENSOR)? == Some(true)
        {
            return Err(ScanFault::FalseOutOfDocuments);
        }
        if self.delivered == 0 {
            // Also after a resume: the clerk was to lay the rest in.
            return Err(ScanFault::FeederEmpty);
        }
        Ok(Feed::OutOfDocuments)
    }
}

fn lied(what: &str) -> ScanFault {
    ScanFault::DriverLied { what: what.to_owned() }
}

fn format_name(format: PixelFormat) -> &'static str {
    match format {
        PixelFormat::Bitonal => "black and white",
        PixelFormat::Gray8 => "gray",
        PixelFormat::Rgb8 => "colour",
    }
}
