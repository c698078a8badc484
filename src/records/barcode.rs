//! Barcodes as they were read, and the arithmetic of their check characters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The symbologies Outguide reads on paper. EAN and UPC are left out on
/// purpose: on text pages every false reading measured was one of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symbology {
    Code128,
    Code39,
    Itf,
    Codabar,
    Qr,
    DataMatrix,
    Pdf417,
}

impl Symbology {
    pub const ALL: [Symbology; 7] = [
        Symbology::Code128,
        Symbology::Code39,
        Symbology::Itf,
        Symbology::Codabar,
        Symbology::Qr,
        Symbology::DataMatrix,
        Symbology::Pdf417,
    ];

    /// As written in profiles and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Symbology::Code128 => "code128",
            Symbology::Code39 => "code39",
            Symbology::Itf => "itf",
            Symbology::Codabar => "codabar",
            Symbology::Qr => "qr",
            Symbology::DataMatrix => "data-matrix",
            Symbology::Pdf417 => "pdf417",
        }
    }
}

impl fmt::Display for Symbology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A point in pixels of the original raster, origin at the top left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    pub x: i32,
    pub y: i32,
}

/// One barcode on a page. Codabar text keeps its start and stop letters.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub symbology: Symbology,
    pub text: String,
    /// Top left, top right, bottom right, bottom left *of the symbol*, in
    /// pixels of the original raster.
    pub corners: [Point; 4],
    /// How far the symbol lies turned clockwise from upright, in degrees, 0 to 359.
    pub orientation_degrees: u16,
    /// The attempt that read it, for the administrator: "full size", "half size", …
    pub found_by: String,
}

/// Barcode text is a patient's: it stays out of logs and error messages.
impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reading({} of {} characters)", self.symbology, self.text.chars().count())
    }
}
