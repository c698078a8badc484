//! The render step: a document's pictures and words become one PDF/A.

use std::io::Write;

use crate::pdf::PdfFault;
use crate::pdf::writer::{DocumentDescription, Filed, Language, PdfPage, PdfWriter};
use crate::profile::{FiledPixels, Profile};
use crate::records::document::Document;
use crate::records::ids::DocumentId;
use crate::records::page::{PageOutcome, TextOutcome};
use crate::records::raster::EncodedImage;

/// One page, ready: its picture and what was read on it.
pub struct ReadyPage {
    pub image: EncodedImage,
    pub outcome: PageOutcome,
    /// What a viewer shows as the page's number.
    pub label: String,
}

impl ReadyPage {
    /// Words were wanted, and the page stands in the PDF without.
    pub fn lacks_text(&self) -> bool {
        match &self.outcome {
            PageOutcome::Read { text: TextOutcome::Failed { .. }, .. }
            | PageOutcome::Unreadable { .. } => true,
            PageOutcome::Read {
                text: TextOutcome::Recognized { .. } | TextOutcome::NotWanted,
                ..
            } => false,
        }
    }
}

/// Adds a page that was read.
pub fn add_page<W: Write>(
    pdf: &mut PdfWriter<W>,
    page: &ReadyPage,
    profile: &Profile,
) -> Result<(), PdfFault> {
    let (text, filed) = match &page.outcome {
        PageOutcome::Read { text, picture, .. } => {
            let text = match text {
                TextOutcome::Recognized { page } => Some(page),
                TextOutcome::NotWanted | TextOutcome::Failed { .. } => None,
            };
            let filed = match profile.cleaning.filed_pixels {
                FiledPixels::Straightened => Filed::Upright,
                FiledPixels::AsScanned => Filed::as_scanned(picture),
            };
            (text, filed)
        }
        PageOutcome::Unreadable { .. } => (None, Filed::Upright),
    };
    pdf.add_page(PdfPage { image: &page.image, text, filed, label: &page.label })
}

/// The metadata of a filed document. `scanned_at` is that of its first page.
pub fn describe(
    id: &DocumentId,
    document: &Document,
    profile: &Profile,
    station: &str,
    scanned_at: jiff::Timestamp,
) -> DocumentDescription {
    let kind = profile.document_types.iter().find(|kind| kind.code == document.document_type);
    DocumentDescription {
        title: kind.map_or_else(|| document.document_type.clone(), |kind| kind.title.clone()),
        document_id: id.to_string(),
        created: scanned_at,
        station: Some(station.to_owned()),
        source: Some(format!("batch {}", id.batch())),
        language: language(profile),
    }
}

/// Of the first of the profile's OCR languages.
pub fn language(profile: &Profile) -> Option<Language> {
    profile.ocr.languages.first().and_then(|model| Language::of_tesseract_model(model))
}
