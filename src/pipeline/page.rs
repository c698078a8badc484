//! The page step: what one scanned page turned out to be.
//!
//! Barcodes are read on the original raster first; the cleaned page is a later
//! rung. Words are read on the upright page. A page that cannot be read stays
//! in its document as an image and is flagged.

use super::source::SourcePage;
use crate::imaging::clean::{Cleaned, clean, clean_with_turn};
use crate::imaging::{encode, reading};
use crate::ocr::Readers;
use crate::page_barcodes::{self, Effort};
use crate::profile::{FiledPixels, Profile};
use crate::records::cover_sheet;
use crate::records::ids::Sha256;
use crate::records::page::{FiledPicture, PageOutcome, PageReadings, QuarterTurn, TextOutcome};
use crate::records::raster::{EncodedImage, Raster};
use crate::records::text::PageText;

/// Below this confidence of Tesseract's, its orientation is no better than a
/// guess, and a wrong turn is worse than none.
const SURE_OF_ORIENTATION: f32 = 3.0;

/// What was found, and the picture as it will stand in the PDF.
pub struct PageRead {
    pub outcome: PageOutcome,
    pub image: EncodedImage,
}

/// Reads a page. `readers` is `None` where the profile wants no text.
pub fn read_page(page: &SourcePage, profile: &Profile, readers: Option<&Readers>) -> PageRead {
    let original = &page.raster;
    let mut readings = page_barcodes::read(original, &profile.barcodes, Effort::Ordinary);
    let cleaned = cleaned(original, profile, readers);
    let text = match readers {
        Some(readers) if !cleaned.picture.blank.is_blank && !is_a_sheet(&readings) => {
            match readers.read(&reading::for_reading(&cleaned.raster)) {
                Ok(page) => {
                    let (width, height) = (cleaned.raster.width(), cleaned.raster.height());
                    TextOutcome::Recognized { page: page.scaled_to(width, height) }
                }
                Err(fault) => TextOutcome::Failed { cause: fault.to_string() },
            }
        }
        Some(_) | None => TextOutcome::NotWanted,
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

/// Upright by the cheap measure; where that cannot tell, Tesseract is asked.
fn cleaned(original: &Raster, profile: &Profile, readers: Option<&Readers>) -> Cleaned {
    let cleaned = clean(original, &profile.cleaning);
    let in_doubt = profile.cleaning.upright
        && cleaned.picture.turn_confidence.is_none()
        && !cleaned.picture.blank.is_blank;
    let Some(readers) = readers.filter(|_| in_doubt) else { return cleaned };
    match readers.orientation(&cleaned.raster) {
        Ok(Some((turn, confidence)))
            if turn != QuarterTurn::None && confidence >= SURE_OF_ORIENTATION =>
        {
            clean_with_turn(original, &profile.cleaning, turn, confidence)
        }
        Ok(_) => cleaned,
        Err(fault) => {
            tracing::warn!(%fault, "orientation left as it is");
            cleaned
        }
    }
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
