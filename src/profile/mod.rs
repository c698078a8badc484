//! What this hospital does with one kind of paper: `profiles/*.toml`.
//!
//! Read once, checked whole, then immutable. Every key has the code that reads
//! it; a key nobody knows is refused.

use std::collections::BTreeMap;

use crate::records::barcode::Symbology;
use crate::records::document::FieldName;
use crate::records::raster::Dpi;
use crate::records::separator::PatchCode;

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
    Millimetres { width: f64, height: f64 },
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

/// A barcode that fits every condition given is the value of `field`.
#[derive(Debug, Clone)]
pub struct FieldRule {
    pub field: FieldName,
    pub symbology: Option<Symbology>,
    /// The whole text must match; the group named `value`, else the whole
    /// match, is the value.
    pub pattern: regex::Regex,
    pub length: Option<usize>,
    pub check: Option<CheckDigit>,
    pub zone: Option<Zone>,
    /// The page this code is on is a cover sheet: it opens a document and is
    /// set aside.
    pub cover_sheet: bool,
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
    PatchCode { codes: Vec<PatchCode> },
    /// A new value of this field opens a document; the page stays in it.
    BarcodeChange { field: FieldName },
    BlankSheet,
    FixedLength { pages: u32 },
    /// The whole batch is one document.
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
    Sample { one_in: u32 },
    All,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Filing {
    /// Path below the watched folder, without `.pdf`: text and `{field}`,
    /// `{document_id}`, `{document_type}`, `{batch}`, `{date}`.
    pub template: String,
    pub sidecar: SidecarFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidecarFormat {
    Json,
    Csv,
    OnbaseDip,
    LaserficheXml,
}
