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

use std::collections::BTreeSet;

use tokio::runtime::Handle;

use crate::device::scanner::{
    Feed, ImageContent, Resumed, ScanFault, ScanOrder, ScanWarning, ScannedImage, Scanner,
    WhichScanner,
};
use crate::imaging::encode;
use crate::profile::PaperSource;
use crate::records::ids::{BatchId, PageNo, Sha256};
use crate::records::page::{Side, SpooledPage};
use crate::records::raster::Raster;
use crate::spool::{OriginalKind, Spool, SpoolFault, Unclaimed};
use crate::store::{Store, StoreFault};

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
    /// The feeder says it is empty, or the clerk closed the batch.
    Closed,
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
        "page {page} of the files given is not the page the batch holds; \
         resume with the files it was begun with"
    )]
    OtherFiles { page: PageNo },
}

/// The pages of a file from outside, one at a time; a fault ends them.
pub type PagesOfFile = fn(&[u8], &mut dyn FnMut(Raster) -> Result<(), CaptureFault>) -> FilePages;

/// What a file turned out to hold.
#[derive(Debug)]
pub enum FilePages {
    /// One page: the file is kept as it came.
    One,
    /// Each was handed over.
    Several,
    /// Kept as it came, for a clerk to look at.
    Unreadable,
    /// The first pages were handed over, then the file is damaged: it is kept
    /// whole behind them, for a clerk to look at.
    DamagedBehindSome,
    Stopped(CaptureFault),
}

/// Asked before each page of a flatbed but the first: is there another?
pub type AskNext<'a> = &'a mut dyn FnMut() -> bool;

/// Where pages go, and how they are told of.
pub struct Capture<'a> {
    pub store: &'a Store,
    pub spool: &'a Spool,
    pub batch: &'a BatchId,
    pub now: fn() -> jiff::Timestamp,
    pub pages_of_file: PagesOfFile,
    pub tell: &'a mut dyn FnMut(CaptureEvent),
}

/// How far the batch has come.
struct Feeding {
    next_page: PageNo,
    /// Pages that the image fed first brought before the stop.
    to_skip: std::vec::IntoIter<SpooledPage>,
    image: u32,
    any_page: bool,
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
        mut ask_next: Option<AskNext<'_>>,
    ) -> Result<StackEnd, CaptureFault> {
        let durable = runtime.block_on(self.store.pages(self.batch))?;
        let (resume, to_skip) = self.resume(runtime, which, order, &durable)?;
        let mut feeding = Feeding {
            next_page: durable.last().map_or(PageNo::FIRST, |page| page.no.next()),
            to_skip: to_skip.into_iter(),
            image: resume.map_or(0, |resume| resume.images),
            any_page: !durable.is_empty(),
        };
        let order = &ScanOrder { resume, ..order.clone() };
        self.spool.room_for_a_sheet()?;
        let (mut scanner, warnings) = Scanner::open(which, order)?;
        (self.tell)(CaptureEvent::ScannerReady { scanner: scanner.setup().scanner.clone() });
        for warning in warnings {
            (self.tell)(CaptureEvent::Warning(warning));
        }
        let mut asked_before = false;
        loop {
            self.spool.room_for_a_sheet()?;
            if asked_before
                && let Some(ask_next) = ask_next.as_mut()
                && !ask_next()
            {
                break;
            }
            asked_before = true;
            match scanner.next_image()? {
                Feed::Image(image) => self.keep_image(runtime, *image, &mut feeding)?,
                Feed::OutOfDocuments => break,
            }
        }
        scanner.close();
        Ok(if feeding.any_page { StackEnd::Closed } else { StackEnd::Nothing })
    }

    /// Where to go on. A file may have been stopped between two of its pages:
    /// it comes again, and the pages kept of it are skipped. A sheet may have
    /// been stopped between its sides: it comes again whole.
    fn resume(
        &self,
        runtime: &Handle,
        which: &WhichScanner,
        order: &ScanOrder,
        durable: &[SpooledPage],
    ) -> Result<(Option<Resumed>, Vec<SpooledPage>), CaptureFault> {
        let Some(last) = durable.last() else { return Ok((None, Vec::new())) };
        match which {
            WhichScanner::Folder(_) => {
                let images = last.image - 1;
                let kept = durable.iter().filter(|page| page.image == last.image).cloned();
                Ok((Some(Resumed { images, sheets: last.sheet }), kept.collect()))
            }
            WhichScanner::Sane { .. } => {
                let half_a_sheet =
                    order.settings.source == PaperSource::FeederDuplex && last.side == Side::Front;
                let sheets = if half_a_sheet {
                    runtime.block_on(self.store.mark_fed_again(self.batch, last.no))?;
                    last.sheet - 1
                } else {
                    last.sheet
                };
                Ok((Some(Resumed { images: last.image, sheets }), Vec::new()))
            }
        }
    }

    fn keep_image(
        &mut self,
        runtime: &Handle,
        image: ScannedImage,
        feeding: &mut Feeding,
    ) -> Result<(), CaptureFault> {
        let ScannedImage { content, sheet, side, suspect, warnings } = image;
        for warning in warnings {
            (self.tell)(CaptureEvent::Warning(warning));
        }
        let on = OnSheet { sheet, side, suspect };
        feeding.image += 1;
        let bytes = match content {
            ImageContent::Pixels(raster) => {
                let original = encode::original(&raster);
                return self.keep_page(runtime, &original.bytes, &on, feeding);
            }
            ImageContent::File { bytes, .. } => bytes,
        };
        let pages_of_file = self.pages_of_file;
        let pages = pages_of_file(&bytes, &mut |page| {
            let original = encode::original(&page);
            self.keep_page(runtime, &original.bytes, &on, feeding)
        });
        match pages {
            FilePages::One | FilePages::Unreadable | FilePages::DamagedBehindSome => {
                self.keep_page(runtime, &bytes, &on, feeding)
            }
            FilePages::Several => Ok(()),
            FilePages::Stopped(fault) => Err(fault),
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
        if let Some(held) = feeding.to_skip.next() {
            return if Sha256::of(bytes) == held.sha256 {
                Ok(())
            } else {
                Err(CaptureFault::OtherFiles { page: held.no })
            };
        }
        let no = feeding.next_page;
        let kept = self.spool.keep(self.batch, no, bytes, OriginalKind::of(bytes))?;
        let page = SpooledPage {
            no,
            sheet: on.sheet,
            side: on.side,
            file: kept.file,
            sha256: kept.sha256,
            bytes: kept.bytes,
            scanned_at: (self.now)(),
            suspect: on.suspect.clone(),
            image: feeding.image,
        };
        runtime.block_on(self.store.add_page(self.batch, &page))?;
        (self.tell)(CaptureEvent::PageDurable { page: no, sheet: page.sheet });
        feeding.next_page = no.next();
        feeding.any_page = true;
        Ok(())
    }
}

struct OnSheet {
    sheet: u32,
    side: Side,
    suspect: Option<String>,
}
