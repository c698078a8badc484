//! The page step: what one scanned page turned out to be.
//!
//! Barcodes are read on the original raster first; the cleaned page is a later
//! rung. Words are read on the upright page. A page that cannot be read stays
//! in its document as an image and is flagged.

use super::source::SourcePage;
use super::upright::read_upright;
use crate::imaging::clean::clean;
use crate::imaging::encode;
use crate::ocr::Readers;
use crate::page_barcodes::{self, Effort};
use crate::profile::{FiledPixels, Profile};
use crate::records::cover_sheet;
use crate::records::ids::Sha256;
use crate::records::page::{FiledPicture, PageOutcome, PageReadings, TextOutcome};
use crate::records::raster::{EncodedImage, Raster};
use crate::records::text::PageText;

/// What was found, and the picture as it will stand in the PDF.
pub struct PageRead {
    pub outcome: PageOutcome,
    pub image: EncodedImage,
}

/// Reads a page. `readers` is `None` where the profile wants no text.
pub fn read_page(page: &SourcePage, profile: &Profile, readers: Option<&Readers>) -> PageRead {
    let original = &page.raster;
    let mut readings = page_barcodes::read(original, &profile.barcodes, Effort::Ordinary);
    let (cleaned, read) = match readers.filter(|_| !is_a_sheet(&readings)) {
        Some(readers) => read_upright(original, &profile.cleaning, readers),
        None => (clean(original, &profile.cleaning), None),
    };
    let text = match read {
        Some(Ok(page)) => TextOutcome::Recognized { page },
        Some(Err(fault)) => TextOutcome::Failed { cause: fault.to_string() },
        None => TextOutcome::NotWanted,
    };
    let says_it_is_a_cover_sheet = match &text {
        TextOutcome::Recognized { page } => says_cover_sheet(page),
        TextOutcome::NotWanted | TextOutcome::Failed { .. } => false,
    };
    if says_it_is_a_cover_sheet && !is_a_sheet(&readings) {
        readings = read_stubbornly(original, &cleaned.raster, profile);
    }
    let filed = match profile.cleaning.filed_pixels {
        FiledPixels::AsScanned => original,
        FiledPixels::Straightened => &cleaned.raster,
    };
    // Cleaning changes most pages a little; where it did not, a JPEG is not
    // coded, and so worn, a second time.
    let image = match &page.jpeg {
        Some(jpeg) if filed == original => encode::jpeg_as_it_came(filed, jpeg),
        Some(_) | None => encode::for_pdf(filed, &profile.pdf),
    };
    let filed = FiledPicture {
        coding: image.coding,
        width: image.width,
        height: image.height,
        dpi: image.dpi,
        format: image.format,
        sha256: Sha256::of(&image.bytes),
    };
    let picture = cleaned.picture;
    let outcome = PageOutcome::Read { readings, picture, says_it_is_a_cover_sheet, text, filed };
    PageRead { outcome, image }
}

/// One of our own sheets: its words are not part of any record.
fn is_a_sheet(readings: &PageReadings) -> bool {
    readings.codes.iter().any(|code| cover_sheet::looks_like_ours(&code.text))
}

fn read_stubbornly(original: &Raster, cleaned: &Raster, profile: &Profile) -> PageReadings {
    let readings = page_barcodes::read(original, &profile.barcodes, Effort::Stubborn);
    if is_a_sheet(&readings) {
        return readings;
    }
    let on_cleaned = page_barcodes::read(cleaned, &profile.barcodes, Effort::Stubborn);
    if is_a_sheet(&on_cleaned) { on_cleaned } else { readings }
}

/// Whether the page prints the line every sheet of ours carries. Letters only,
/// since a worn sheet loses its spaces and stops first.
fn says_cover_sheet(page: &PageText) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect()
    };
    let line = letters(cover_sheet::NOT_PART_OF_THE_RECORD);
    page.lines.iter().any(|printed| {
        let printed: String = printed.words.iter().map(|word| letters(&word.text)).collect();
        printed.contains(&line)
    })
}
