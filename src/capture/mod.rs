//! A scan order becomes spooled pages and a batch.
//!
//! ```text
//! room for a sheet? ─▶ scanner ─▶ original's bytes ─▶ spool (synced) ─▶ row (committed) ─▶ shown
//!        ▲                                                                                   │
//!        └───────────────────────────── the next sheet ◀─────────────────────────────────────┘
//! ```
//!
//! Never asks for a sheet while the last is not durable. Knows nothing of what
//! is on a page. After any stop the store names the last durable page.

pub mod desk;
pub mod resumption;
pub mod two_passes;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;

use crate::device::scanner::{
    Canceller, Feed, ImageContent, PaperPath, Resumed, ScanFault, ScanOrder, ScanWarning,
    ScannedImage, Scanner, Sides, WhichScanner,
};
use crate::imaging::encode;
use crate::records::batch::BatchState;
use crate::records::ids::{BatchId, PageNo, Sha256};
use crate::records::page::{Side, SpooledPage};
use crate::records::raster::Raster;
use crate::spool::{OriginalKind, Spool, SpoolFault, Unclaimed};
use crate::store::{BatchRow, Moved, Store, StoreFault};

/// What a person at the station is told while paper runs.
#[derive(Debug)]
pub enum CaptureEvent {
    ScannerReady {
        scanner: String,
    },
    Warning(ScanWarning),
    /// The page survives anything from here on.
    PageDurable {
        page: PageNo,
        sheet: u32,
    },
}

/// Why paper stopped coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackEnd {
    /// The feeder says it is empty, or the clerk said at the glass that it was
    /// all.
    Closed,
    /// As many pages are kept as the batch was to have.
    Enough,
    /// The feeder is empty, and what it held is one side of the sheets alone.
    OfOnePass,
    /// The scanner had nothing at all.
    Nothing,
}

#[derive(Debug, thiserror::Error)]
pub enum CaptureFault {
    #[error(transparent)]
    Scanner(#[from] ScanFault),
    #[error(transparent)]
    Spool(#[from] SpoolFault),
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(
        "page {page} was scanned and may not be recorded: put the sheets behind the batch's last \
         page back on the stack before you go on"
    )]
    RecordPage { page: PageNo, source: StoreFault },
    #[error(
        "the file that page {page} came from does not stand in its place among the files given; \
         resume with the files the batch was begun with, in the same order"
    )]
    OtherFiles { page: PageNo },
    #[error("the batch takes no more paper: it is {state}")]
    TakesNoPaper { state: BatchState },
    #[error("{told}")]
    NotLikeThat { told: String },
    #[error(
        "sheet {sheet} (page {page}) is kept but may be wrong: {what}. Compare it with the paper: \
         put the sheet, or both sheets, back on the stack and go on, and it is scanned again; or \
         say that it is right (--sheet-is-right)"
    )]
    SuspectSheet { what: String, page: PageNo, sheet: u32 },
}

/// The pages of a file from outside, one at a time; a fault ends them.
pub type PagesOfFile = fn(&[u8], &mut dyn FnMut(Raster) -> Result<More, CaptureFault>) -> FilePages;

/// Whether further pages of a file are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    Wanted,
    Enough,
}

/// What a file turned out to hold.
#[derive(Debug)]
pub enum FilePages {
    /// One page: the file is kept as it came.
    One,
    /// Each was handed over, as far as they were wanted.
    Several,
    /// Kept as it came, for a clerk to look at.
    Unreadable,
    /// The first pages were handed over, then the file is damaged: it is kept
    /// whole behind them, for a clerk to look at.
    DamagedBehindSome,
    Stopped(CaptureFault),
}

/// What a clerk says when asked for the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextPage {
    /// It lies there: scan it.
    Scan,
    /// There is none: the batch is complete.
    Close,
    /// The station is to stop; the batch stays open.
    Stop,
}

/// Asked where paper is laid by hand, before each page but a batch's first.
pub type AskNext<'a> = &'a mut dyn FnMut() -> NextPage;

/// Stops the feeding from another thread, as a signal does: the page under way
/// is given up, those before it stay, and the batch can go on.
#[derive(Debug, Clone, Default)]
pub struct StopSwitch(Arc<Mutex<Switch>>);

#[derive(Debug, Default)]
enum Switch {
    #[default]
    NotYetFeeding,
    AskedBefore,
    Feeding(Canceller),
    Over,
}

/// Whether asking to stop had anybody to hear it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    ByTheFeeding,
    ByNobody,
}

impl StopSwitch {
    pub fn ask(&self) -> Heard {
        let mut switch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*switch {
            Switch::NotYetFeeding | Switch::AskedBefore => *switch = Switch::AskedBefore,
            Switch::Feeding(canceller) => canceller.cancel(),
            Switch::Over => return Heard::ByNobody,
        }
        Heard::ByTheFeeding
    }

    /// No paper moves any more, or none ever will.
    pub fn feeding_is_over(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Switch::Over;
    }

    fn feeding_with(&self, canceller: Canceller) {
        let mut switch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*switch, Switch::AskedBefore) {
            canceller.cancel();
        }
        *switch = Switch::Feeding(canceller);
    }
}

/// Where pages go, and how they are told of.
pub struct Capture<'a> {
    pub store: &'a Store,
    pub spool: &'a Spool,
    pub batch: &'a BatchRow,
    pub now: fn() -> jiff::Timestamp,
    pub pages_of_file: PagesOfFile,
    pub stop: &'a StopSwitch,
    pub tell: &'a mut dyn FnMut(CaptureEvent),
}

/// How far the batch has come.
struct Feeding {
    next_page: PageNo,
    /// Pages kept, those left out whose sheet comes again.
    kept: u32,
    /// Kept of a sheet that was stopped between its sides, or may be two: it was
    /// put back and comes again.
    came_before: Vec<PageNo>,
    image: u32,
    /// Pages held already of files that are fed again, in order.
    held: VecDeque<SpooledPage>,
    /// As the scanner delivers them.
    sides: Sides,
    is_within_a_sheet: bool,
    /// The image before, where a scanner made it and it is not all of one shade.
    last: Option<(PageNo, Sha256)>,
    /// Of the sheet under way: what is wrong with it, and with which page.
    suspect: Option<(String, PageNo)>,
}

/// Moves files that no row names aside, so that feeding can go on behind the
/// last durable page. Returns that page and what was moved.
pub async fn settle(
    store: &Store,
    spool: &Spool,
    batch: &BatchId,
) -> Result<(Option<SpooledPage>, Vec<Unclaimed>), CaptureFault> {
    let pages = store.pages(batch).await?;
    let claimed: BTreeSet<String> = pages.iter().map(|page| page.file.clone()).collect();
    let moved = spool.set_unclaimed_aside(batch, &claimed)?;
    Ok((pages.into_iter().next_back(), moved))
}

impl Capture<'_> {
    /// Feeds until the stack ends. Blocks, and must run where blocking is
    /// allowed; `runtime` commits the rows.
    pub fn feed(
        &mut self,
        runtime: &Handle,
        which: &WhichScanner,
        order: &ScanOrder,
        ask_next: Option<AskNext<'_>>,
    ) -> Result<StackEnd, CaptureFault> {
        let fed = self.feed_stack(runtime, which, order, ask_next);
        match (self.batch.two_passes, fed) {
            (Some(_), Ok(StackEnd::Closed | StackEnd::Enough)) => Ok(StackEnd::OfOnePass),
            (Some(_), Err(CaptureFault::Scanner(ScanFault::FeederEmpty)))
                if !runtime.block_on(self.store.pages(&self.batch.id))?.is_empty() =>
            {
                Ok(StackEnd::OfOnePass)
            }
            (_, fed) => fed,
        }
    }

    fn feed_stack(
        &mut self,
        runtime: &Handle,
        which: &WhichScanner,
        order: &ScanOrder,
        mut ask_next: Option<AskNext<'_>>,
    ) -> Result<StackEnd, CaptureFault> {
        let mut durable = runtime.block_on(self.store.pages(&self.batch.id))?;
        let next_page = durable.last().map_or(PageNo::FIRST, |page| page.no.next());
        if let Some(at) = self.batch.two_passes {
            durable = runtime.block_on(two_passes::of_this_pass(self.store, self.batch, at))?;
        }
        let resume = durable.last().map(resumed_behind);
        let mut feeding = self.feeding(runtime, which, durable, next_page)?;
        if self.is_enough(&feeding) {
            return Ok(StackEnd::Enough);
        }
        let is_resumed = resume.is_some();
        let known = self.batch.scanner_identity.clone();
        let order = &ScanOrder { resume, known, ..order.clone() };
        self.spool.room_for_a_sheet()?;
        let (mut scanner, warnings) = Scanner::open(which, order)?;
        feeding.sides = match self.batch.two_passes {
            Some(at) => two_passes::sides_of_pass(at, scanner.setup().sides)?,
            None => scanner.setup().sides,
        };
        let identity = scanner.setup().identity.as_ref();
        runtime.block_on(self.store.record_scanner_taken(self.batch, identity))?;
        runtime.block_on(self.begin_scanning())?;
        self.stop.feeding_with(scanner.canceller());
        (self.tell)(CaptureEvent::ScannerReady { scanner: scanner.setup().scanner.clone() });
        for warning in warnings {
            (self.tell)(CaptureEvent::Warning(warning));
        }
        let is_laid_by_hand = match scanner.setup().path {
            PaperPath::Flatbed | PaperPath::Unknown => true,
            PaperPath::Feeder => false,
        };
        let mut asks = is_resumed;
        while !self.is_enough(&feeding) {
            self.spool.room_for_a_sheet()?;
            if is_laid_by_hand
                && asks
                && let Some(ask_next) = ask_next.as_mut()
            {
                match ask_next() {
                    NextPage::Scan => {}
                    NextPage::Close => break,
                    NextPage::Stop => return Err(ScanFault::Cancelled.into()),
                }
            }
            asks = true;
            match scanner.next_image()? {
                Feed::Image(image) => self.keep_image(runtime, *image, &mut feeding)?,
                Feed::OutOfDocuments => break,
            }
        }
        scanner.close();
        if let Some(missing) = feeding.held.front() {
            return Err(CaptureFault::OtherFiles { page: missing.no });
        }
        Ok(match feeding.next_page > PageNo::FIRST {
            true if self.is_enough(&feeding) => StackEnd::Enough,
            true => StackEnd::Closed,
            false => StackEnd::Nothing,
        })
    }

    fn feeding(
        &self,
        runtime: &Handle,
        which: &WhichScanner,
        durable: Vec<SpooledPage>,
        next_page: PageNo,
    ) -> Result<Feeding, CaptureFault> {
        let fed_again = runtime.block_on(self.store.pages_fed_again(&self.batch.id))?;
        let last = durable.last();
        let came_before: Vec<PageNo> = match last.filter(|page| page.sheet_comes_again()) {
            Some(last) => {
                durable.iter().filter(|page| page.sheet == last.sheet).map(|page| page.no).collect()
            }
            None => Vec::new(),
        };
        let comes_not_again =
            |page: &&SpooledPage| !fed_again.contains(&page.no) && !came_before.contains(&page.no);
        let kept = durable.iter().filter(comes_not_again).count();
        let kept = u32::try_from(kept).unwrap_or(u32::MAX);
        let (image, held) = match which {
            WhichScanner::Folder(_) => (0, durable.into()),
            WhichScanner::Sane { .. } => {
                (durable.last().map_or(0, |page| page.image), VecDeque::new())
            }
        };
        let sides = Sides::Front;
        let is_within_a_sheet = false;
        Ok(Feeding {
            next_page,
            kept,
            came_before,
            image,
            held,
            sides,
            is_within_a_sheet,
            last: None,
            suspect: None,
        })
    }

    /// Refused where the batch was closed or discarded meanwhile.
    async fn begin_scanning(&self) -> Result<(), CaptureFault> {
        match self.store.start_scanning(&self.batch.id).await? {
            Moved::Yes => Ok(()),
            Moved::NotFrom(state) => Err(CaptureFault::TakesNoPaper { state }),
        }
    }

    fn is_enough(&self, feeding: &Feeding) -> bool {
        self.batch.max_pages.is_some_and(|most| feeding.kept >= most) && !feeding.is_within_a_sheet
    }

    fn keep_image(
        &mut self,
        runtime: &Handle,
        image: ScannedImage,
        feeding: &mut Feeding,
    ) -> Result<(), CaptureFault> {
        let ScannedImage { content, sheet, side, suspect, warnings } = image;
        let side = match feeding.sides {
            Sides::Back => Side::Back,
            Sides::Front | Sides::FrontThenBack => side,
        };
        for warning in warnings {
            (self.tell)(CaptureEvent::Warning(warning));
        }
        feeding.image += 1;
        let mut on = OnSheet { sheet, side, suspect, source_sha256: None };
        let bytes = match content {
            ImageContent::Pixels(raster) => {
                let original = encode::original(&raster);
                feeding.is_within_a_sheet =
                    side == Side::Front && feeding.sides == Sides::FrontThenBack;
                let seen = (!is_of_one_shade(&raster)).then(|| Sha256::of(&original.bytes));
                let twice = feeding.last.filter(|(_, last)| Some(*last) == seen);
                on.suspect = on.suspect.or_else(|| twice.map(|(page, _)| delivered_twice(page)));
                let suspect = on.suspect.clone();
                let page = feeding.next_page;
                self.keep_page(runtime, &original.bytes, &on, feeding)?;
                feeding.last = seen.map(|seen| (page, seen));
                return self.refuse_to_go_on_behind(suspect, page, &on, feeding);
            }
            ImageContent::File { bytes, .. } => bytes,
        };
        let source = Sha256::of(&bytes);
        on.source_sha256 = Some(source);
        if feeding.skip_file_held_whole(source)? == Skipped::Whole {
            return Ok(());
        }
        let pages_of_file = self.pages_of_file;
        let pages = pages_of_file(&bytes, &mut |page| {
            let original = encode::original(&page);
            self.keep_page(runtime, &original.bytes, &on, feeding)?;
            Ok(if self.is_enough(feeding) { More::Enough } else { More::Wanted })
        });
        match pages {
            FilePages::One | FilePages::Unreadable | FilePages::DamagedBehindSome => {
                self.keep_page(runtime, &bytes, &on, feeding)
            }
            FilePages::Several => Ok(()),
            FilePages::Stopped(fault) => Err(fault),
        }
    }

    /// A sheet that may be two, or that came twice, is kept and asked for again:
    /// once it is compared with the paper nothing of it is missing.
    fn refuse_to_go_on_behind(
        &mut self,
        suspect: Option<String>,
        page: PageNo,
        on: &OnSheet,
        feeding: &mut Feeding,
    ) -> Result<(), CaptureFault> {
        if let Some(what) = suspect {
            feeding.suspect = Some((what, page));
        }
        match feeding.suspect.take_if(|_| !feeding.is_within_a_sheet) {
            Some((what, page)) => Err(CaptureFault::SuspectSheet { what, page, sheet: on.sheet }),
            None => Ok(()),
        }
    }

    /// The durable point.
    fn keep_page(
        &mut self,
        runtime: &Handle,
        bytes: &[u8],
        on: &OnSheet,
        feeding: &mut Feeding,
    ) -> Result<(), CaptureFault> {
        if let Some(held) = feeding.held.pop_front() {
            return if Sha256::of(bytes) == held.sha256 {
                Ok(())
            } else {
                Err(CaptureFault::OtherFiles { page: held.no })
            };
        }
        let no = feeding.next_page;
        let kept = self.spool.keep(&self.batch.id, no, bytes, OriginalKind::of(bytes))?;
        let page = SpooledPage {
            no,
            sheet: on.sheet,
            side: on.side,
            sides: feeding.sides,
            file: kept.file,
            sha256: kept.sha256,
            bytes: kept.bytes,
            scanned_at: (self.now)(),
            suspect: on.suspect.clone(),
            image: feeding.image,
            source_sha256: on.source_sha256,
        };
        let came_before = std::mem::take(&mut feeding.came_before);
        runtime
            .block_on(self.store.add_page(&self.batch.id, &page, &came_before))
            .map_err(|source| CaptureFault::RecordPage { page: no, source })?;
        (self.tell)(CaptureEvent::PageDurable { page: no, sheet: page.sheet });
        feeding.next_page = no.next();
        feeding.kept += 1;
        Ok(())
    }
}

/// Files come again from the first, and those held are compared and skipped. A
/// sheet that was stopped between its sides comes again whole.
fn resumed_behind(last: &SpooledPage) -> Resumed {
    let sheets = if last.sheet_comes_again() { last.sheet - 1 } else { last.sheet };
    Resumed { images: last.image, sheets }
}

#[derive(PartialEq)]
enum Skipped {
    Whole,
    /// Some of its pages may still be to keep.
    NotWhole,
}

impl Feeding {
    /// Of the file just fed: it must be the one that stood here before, and all
    /// its pages are held if a later file's are.
    fn skip_file_held_whole(&mut self, source: Sha256) -> Result<Skipped, CaptureFault> {
        let Some(held) = self.held.front() else { return Ok(Skipped::NotWhole) };
        if held.image != self.image || held.source_sha256 != Some(source) {
            return Err(CaptureFault::OtherFiles { page: held.no });
        }
        if self.held.back().is_some_and(|last| last.image == self.image) {
            return Ok(Skipped::NotWhole);
        }
        let image = self.image;
        self.held.retain(|page| page.image != image);
        Ok(Skipped::Whole)
    }
}

struct OnSheet {
    sheet: u32,
    side: Side,
    suspect: Option<String>,
    source_sha256: Option<Sha256>,
}

fn delivered_twice(page: PageNo) -> String {
    format!(
        "it is the same as page {page}, dot for dot, so that the scanner may have delivered one \
         sheet twice"
    )
}

/// What came off an empty glass, or off white paper in black and white, may be
/// the same twice.
fn is_of_one_shade(raster: &Raster) -> bool {
    let pixels = raster.pixels();
    pixels.iter().all(|byte| *byte == pixels[0])
}
