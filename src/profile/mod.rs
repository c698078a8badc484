//! What this hospital does with one kind of paper: `profiles/*.toml`.
//!
//! Read once, checked whole, then immutable. Every key has the code that reads
//! it; a key nobody knows is refused. [`parse`] turns the text of a file into a
//! [`Profile`] or into everything that is wrong with it; [`find`] looks a
//! profile up by name. A batch keeps the text it was scanned under and parses
//! it again when it is resumed. What the settings *do* is the business of the
//! modules that take them.

mod contradictions;
pub mod onbase_tags;
mod places;
mod text;

use std::collections::BTreeMap;

use crate::records::barcode::Symbology;
use crate::records::document::FieldName;
use crate::records::raster::Dpi;
use crate::records::separator::PatchCode;

pub use places::{FindError, Found, Origin, SYSTEM_DIR, find, list, search_dirs};
pub use text::parse;

/// A checked profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// File name without `.toml`: lower-case letters, digits, hyphens.
    pub name: String,
    /// As a clerk reads it.
    pub title: String,
    pub scanner: ScannerSettings,
    pub cleaning: Cleaning,
    pub barcodes: BarcodeRules,
    pub separation: Separation,
    pub document_types: Vec<DocumentType>,
    /// The type of a document whose sheet names none.
    pub default_document_type: Option<String>,
    pub ocr: Ocr,
    pub pdf: PdfSettings,
    pub review: Review,
    pub filing: Filing,
    pub keep: Keep,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ScannerSettings {
    pub source: PaperSource,
    pub mode: ScanMode,
    pub dpi: Dpi,
    pub page_size: PageSize,
    /// Any option of the scanner's own, set last, in this order of names.
    pub options: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaperSource {
    Flatbed,
    Feeder,
    FeederDuplex,
    /// One side at a time: the fronts, then the turned stack's backs.
    FeederManualDuplex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanMode {
    Bitonal,
    Gray,
    Color,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PageSize {
    Letter,
    Legal,
    A4,
    A5,
    /// As much as the scanner takes.
    Largest,
    Millimetres {
        width: f64,
        height: f64,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cleaning {
    /// Turn pages upright.
    pub upright: bool,
    pub deskew: bool,
    /// A larger angle is recorded and left alone.
    pub max_skew_degrees: f32,
    /// Invert pages that are light on dark.
    pub invert_negative: bool,
    /// Cut the scanner's background away around the paper.
    pub crop: bool,
    pub despeckle: bool,
    pub threshold: Threshold,
    /// A page with less ink than this part of its area is blank, 0 to 1.
    pub blank_ink: f32,
    /// Whether blank pages leave the document (they are kept in the batch).
    pub drop_blank: bool,
    pub filed_pixels: FiledPixels,
}

/// What a profile does that says nothing under `[cleaning]`.
impl Default for Cleaning {
    fn default() -> Self {
        Cleaning {
            upright: true,
            deskew: true,
            max_skew_degrees: 15.0,
            invert_negative: true,
            crop: false,
            despeckle: false,
            threshold: Threshold::Keep,
            // 12 mm² on a letter page: less than one line of typed words.
            blank_ink: 0.0002,
            drop_blank: true,
            filed_pixels: FiledPixels::Straightened,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// Keep gray and colour.
    Keep,
    /// One level for the page (Otsu), for even light.
    Global,
    /// A level for each neighbourhood (Sauvola), for stains and shadows.
    Local,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FiledPixels {
    /// The scanner's pixels, untouched.
    AsScanned,
    /// Turned, straightened and cropped.
    Straightened,
}

#[derive(Debug, Clone, PartialEq)]
pub struct BarcodeRules {
    pub symbologies: Vec<Symbology>,
    /// ITF has no structure of its own to refuse half a code: only these
    /// lengths are believed. Empty: ITF is not read.
    pub itf_lengths: Vec<usize>,
    pub patch_codes: bool,
    /// Read Outguide's own cover sheets.
    pub outguide_sheets: bool,
    /// The site's own sheets and forms: a barcode that fits becomes a field.
    pub fields: Vec<FieldRule>,
}

/// The part of a pattern that is the field's value.
const VALUE_GROUP: &str = "value";

/// A barcode that fits every condition given is the value of `field`.
#[derive(Debug, Clone)]
pub struct FieldRule {
    pub field: FieldName,
    pub symbology: Option<Symbology>,
    /// Holds for the whole text only (anchored when it is read); see
    /// [`FieldRule::value_in`].
    pub pattern: regex::Regex,
    pub length: Option<usize>,
    pub check: Option<CheckDigit>,
    pub zone: Option<Zone>,
    /// The page this code is on is a cover sheet: it opens a document and is
    /// set aside.
    pub cover_sheet: bool,
}

impl FieldRule {
    /// The value in a barcode's text, if the pattern holds: the group named
    /// `value`, where the pattern has one, else the whole text. It may be empty,
    /// and is then nobody's. The rule's other conditions are not asked.
    pub fn value_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        let found = self.pattern.captures(text)?;
        let has_group = self.pattern.capture_names().flatten().any(|name| name == VALUE_GROUP);
        let value = if has_group { found.name(VALUE_GROUP) } else { found.get(0) };
        Some(value.map_or("", |value| value.as_str().trim()))
    }
}

impl PartialEq for FieldRule {
    fn eq(&self, other: &Self) -> bool {
        self.field == other.field
            && self.symbology == other.symbology
            && self.pattern.as_str() == other.pattern.as_str()
            && self.length == other.length
            && self.check == other.check
            && self.zone == other.zone
            && self.cover_sheet == other.cover_sheet
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckDigit {
    /// Code 39, mod 43.
    Mod43,
    /// Codabar, mod 16.
    Mod16,
    /// Luhn, mod 10.
    Mod10,
    /// ISO/IEC 7064 mod 37,2 (ISBT 128).
    Mod37_2,
}

/// Part of the upright page, as fractions of its width and height from the top left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zone {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Separation {
    pub by: SeparateBy,
    /// Patient fields a document takes from the one before when its own pages
    /// name none.
    pub carry_forward: Vec<FieldName>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SeparateBy {
    CoverSheet,
    PatchCode {
        codes: Vec<PatchCode>,
    },
    /// A new value of this field opens a document; the page stays in it.
    BarcodeChange {
        field: FieldName,
    },
    BlankSheet,
    FixedLength {
        pages: u32,
    },
    /// Only cover sheets, where any are read, part the batch.
    Batch,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DocumentType {
    pub code: String,
    pub title: String,
    pub required: Vec<FieldName>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Ocr {
    /// Tesseract language codes, most likely first. Empty: no text layer.
    pub languages: Vec<String>,
    /// A page that takes longer is filed as an image and flagged.
    pub page_seconds: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PdfSettings {
    pub bitonal: BitonalCoding,
    /// 1 to 100.
    pub jpeg_quality: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitonalCoding {
    CcittG4,
    Jbig2,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Review {
    /// Filed unseen; the index file says that this profile allowed it.
    None,
    /// One document in this many waits for a person.
    Sample {
        one_in: u32,
    },
    All,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Filing {
    /// Path below the watched folder, without `.pdf`: text and `{field}`,
    /// `{document_id}`, `{document_type}`, `{batch}`, `{date}`.
    pub template: String,
    pub sidecar: SidecarFormat,
    /// Whether the template may name a patient's fields; without it such a
    /// template is refused.
    pub patient_values_in_file_names: bool,
}

/// What stays of a batch once it has come to its end, and for how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// Days the originals stay; `None` for ever.
    pub original_days: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidecarFormat {
    Json,
    Csv,
    OnbaseDip,
    LaserficheXml,
}

#[cfg(test)]
mod tests;
