//! A document's pages, got ready and rendered into the spool.
//!
//! A page's picture is a derived file, which a stop may cost: it is then made
//! again from the original. What was read on the page stays, so that a PDF that
//! stands without its row is known again.

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::PathBuf;

use super::original;
use super::page::{PageRead, picture_again, read_page};
use super::render::{self, ReadyPage};
use super::runner::RunFault;
use crate::ocr::Readers;
use crate::pdf::writer::PdfWriter;
use crate::profile::Profile;
use crate::records::document::Document;
use crate::records::ids::{DocumentId, PageNo, Sha256};
use crate::records::page::{PageOutcome, SpooledPage};
use crate::records::raster::EncodedImage;
use crate::spool::{Spool, SpoolFault};

pub struct DocumentToRender<'a> {
    pub id: &'a DocumentId,
    pub document: &'a Document,
    /// The document's, in order.
    pub pages: &'a [SpooledPage],
    pub spool: &'a Spool,
    pub profile: &'a Profile,
    pub readers: Option<&'a Readers>,
    pub station: &'a str,
}

pub struct Rendered {
    pub pdf: PathBuf,
    /// Those of its pages that could not be read.
    pub without_text: Vec<PageNo>,
    /// Pages that could not be made as they were recorded, and what was found
    /// instead: to be recorded before anything is filed.
    pub read_again: Vec<(PageNo, PageOutcome)>,
}

pub enum NotRendered {
    /// The picture is gone and its original is not what was scanned: nobody can
    /// file the document without a person's word.
    PageLost {
        page: PageNo,
        cause: String,
    },
    Stopped(RunFault),
}

impl From<SpoolFault> for NotRendered {
    fn from(fault: SpoolFault) -> Self {
        NotRendered::Stopped(fault.into())
    }
}

/// The picture of a page as it will stand in the PDF.
pub fn picture_file(page: PageNo) -> String {
    format!("{page:04}.picture")
}

enum Ready {
    AsRecorded(PageRead),
    ReadAgain(PageRead),
}

impl DocumentToRender<'_> {
    pub fn render(
        &self,
        mut recorded: BTreeMap<PageNo, PageOutcome>,
    ) -> Result<Rendered, NotRendered> {
        let named =
            |source| NotRendered::Stopped(RunFault::Render { document: self.id.clone(), source });
        let scanned_at = self.pages[0].scanned_at;
        let description =
            render::describe(self.id, self.document, self.profile, self.station, scanned_at);
        let mut without_text = Vec::new();
        let mut read_again = Vec::new();
        let name = format!("{:04}.pdf", self.document.first_page);
        let pdf = self.spool.write_derived_piecewise(self.id.batch(), &name, |file| {
            let mut pdf = PdfWriter::begin(BufWriter::new(file), description).map_err(named)?;
            for (nth, page) in self.pages.iter().enumerate() {
                let PageRead { outcome, image } =
                    match self.ready(page, recorded.remove(&page.no))? {
                        Ready::AsRecorded(read) => read,
                        Ready::ReadAgain(read) => {
                            read_again.push((page.no, read.outcome.clone()));
                            read
                        }
                    };
                let ready = ReadyPage { image, outcome, label: (nth + 1).to_string() };
                if ready.lacks_text() {
                    without_text.push(page.no);
                }
                render::add_page(&mut pdf, &ready, self.profile).map_err(named)?;
            }
            pdf.finish().map_err(named).map(drop)
        })?;
        Ok(Rendered { pdf, without_text, read_again })
    }

    fn ready(
        &self,
        page: &SpooledPage,
        recorded: Option<PageOutcome>,
    ) -> Result<Ready, NotRendered> {
        if let Some(outcome) = &recorded
            && let Some(image) = self.kept_picture(page.no, outcome)?
        {
            return Ok(Ready::AsRecorded(PageRead { outcome: outcome.clone(), image }));
        }
        let original = original::read(self.spool, self.id.batch(), page)?
            .map_err(|cause| NotRendered::PageLost { page: page.no, cause })?;
        if let Some(outcome @ PageOutcome::Read { picture, filed, .. }) = &recorded {
            let image = picture_again(&original, self.profile, picture);
            if Sha256::of(&image.bytes) == filed.sha256 {
                return Ok(Ready::AsRecorded(PageRead { outcome: outcome.clone(), image }));
            }
        }
        // Another version of the program made it: its words lie on other pixels.
        let read = read_page(&original, self.profile, self.readers);
        self.spool.write_derived(self.id.batch(), &picture_file(page.no), &read.image.bytes)?;
        Ok(Ready::ReadAgain(read))
    }

    fn kept_picture(
        &self,
        page: PageNo,
        outcome: &PageOutcome,
    ) -> Result<Option<EncodedImage>, SpoolFault> {
        let PageOutcome::Read { filed, .. } = outcome else { return Ok(None) };
        let bytes = self.spool.read_derived(self.id.batch(), &picture_file(page), filed.sha256)?;
        Ok(bytes.map(|bytes| EncodedImage {
            coding: filed.coding,
            width: filed.width,
            height: filed.height,
            dpi: filed.dpi,
            format: filed.format,
            bytes,
        }))
    }
}
