//! A scanned page: where it came from, what its pixels turned out to be, and
//! where it ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::barcode::Reading;
use super::ids::{PageNo, Sha256};
use super::raster::{Dpi, ImageCoding, PixelBox, PixelFormat};
use super::separator::PatchReading;
use super::text::PageText;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    Front,
    Back,
}

/// The sides of a sheet that come out, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sides {
    Front,
    Back,
    FrontThenBack,
}

impl Sides {
    /// Sheet (from 1) and side of image `image` (from 1).
    pub fn place(self, image: u32) -> (u32, Side) {
        match self {
            Sides::Front => (image, Side::Front),
            Sides::Back => (image, Side::Back),
            Sides::FrontThenBack if image % 2 == 1 => (image.div_ceil(2), Side::Front),
            Sides::FrontThenBack => (image.div_ceil(2), Side::Back),
        }
    }
}

/// A page in the spool. Its file is never written again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpooledPage {
    pub no: PageNo,
    /// The sheet it is on, counted from 1 within the batch. Of a back from a turned
    /// stack, until the batch is collated: its place in that stack.
    pub sheet: u32,
    pub side: Side,
    /// Those its sheet was scanned on, whatever the profile asked for.
    pub sides: Sides,
    /// File name within the batch's spool folder.
    pub file: String,
    pub sha256: Sha256,
    /// Length of the file.
    pub bytes: u64,
    /// UTC.
    pub scanned_at: jiff::Timestamp,
    /// A double feed or another fault was reported with this sheet.
    pub suspect: Option<String>,
    /// Which image of the batch's source it came in, from 1: a file may bring
    /// several pages.
    pub image: u32,
    /// Of the file it came from; `None` where a scanner made it.
    pub source_sha256: Option<Sha256>,
}

impl SpooledPage {
    /// Where no page follows on the same sheet: whether its back was still to
    /// come. Nobody knows of a file's page what lay behind it.
    pub fn is_half_a_sheet(&self) -> bool {
        self.side == Side::Front
            && self.sides == Sides::FrontThenBack
            && self.source_sha256.is_none()
    }

    /// Where no sheet follows: whether its sheet is to be put back and comes
    /// again. A file comes again whole in any case.
    pub fn sheet_comes_again(&self) -> bool {
        self.is_half_a_sheet() || self.suspect.is_some() && self.source_sha256.is_none()
    }
}

/// As a person leafs through the stack: sheet by sheet, front before back.
/// Scanning order is another where backs come in a pass of their own.
pub fn in_reading_order(pages: &mut [SpooledPage]) {
    let is_back = |side| match side {
        Side::Front => false,
        Side::Back => true,
    };
    pages.sort_by_key(|page| (page.sheet, is_back(page.side), page.no));
}

/// Clockwise quarter turns that make the original upright.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuarterTurn {
    #[default]
    None,
    Right,
    Half,
    Left,
}

impl QuarterTurn {
    /// Clockwise.
    pub fn degrees(self) -> u16 {
        match self {
            QuarterTurn::None => 0,
            QuarterTurn::Right => 90,
            QuarterTurn::Half => 180,
            QuarterTurn::Left => 270,
        }
    }

    /// This turn, then `other`.
    pub fn then(self, other: QuarterTurn) -> QuarterTurn {
        match (self.degrees() + other.degrees()) % 360 {
            90 => QuarterTurn::Right,
            180 => QuarterTurn::Half,
            270 => QuarterTurn::Left,
            _ => QuarterTurn::None,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Polarity {
    /// Dark on light.
    #[default]
    Positive,
    /// Light on dark, as on negative film: inverted for reading.
    Negative,
}

/// How much is on a page, apart from margins, punch holes and specks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BlankMeasure {
    /// Ink as a fraction of the measured area, 0 to 1.
    pub ink: f32,
    /// Below the profile's limit: flagged and left out of the filed document,
    /// never destroyed.
    pub is_blank: bool,
}

/// What cleaning found and did. Measured and applied are kept apart: an angle
/// over the profile's limit is recorded, not applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PagePicture {
    /// Pixels of the original.
    pub width: u32,
    /// Pixels of the original.
    pub height: u32,
    pub dpi: Dpi,
    pub format: PixelFormat,
    pub turn: QuarterTurn,
    /// How sure the orientation was, in the measure's own units; `None` where
    /// there was too little text to tell.
    pub turn_confidence: Option<f32>,
    /// Clockwise degrees of the text lines after the turn; `None` where none
    /// could be measured.
    pub skew_measured_degrees: Option<f32>,
    /// What was taken out, in the same sense; 0 where the page was left alone.
    pub skew_applied_degrees: f32,
    pub polarity: Polarity,
    /// The paper within the turned original, where the profile crops to it.
    pub crop: Option<PixelBox>,
    pub blank: BlankMeasure,
}

/// Everything read on one page that separation needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PageReadings {
    pub codes: Vec<Reading>,
    pub patches: Vec<PatchReading>,
}

/// What a page's own words answer when asked whether it is a sheet of ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// It prints that it is a separator and not part of the record.
    Yes,
    /// It has a body of text, more than any separator sheet prints.
    No,
    /// No words were read, or too few to tell.
    #[default]
    Nothing,
}

/// What the page step found, and what it left in the batch's derived files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "page")]
pub enum PageOutcome {
    Read {
        readings: PageReadings,
        picture: PagePicture,
        says_it_is_a_cover_sheet: Says,
        text: TextOutcome,
        /// How the filed pixels are coded; their bytes are a derived file.
        filed: FiledPicture,
    },
    /// The spooled file is no image that can be read.
    Unreadable { cause: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "text")]
pub enum TextOutcome {
    Recognized {
        page: PageText,
    },
    /// No words are wanted: a blank page, a separator, or a profile without OCR.
    NotWanted,
    /// The page is filed as an image and flagged.
    Failed {
        cause: String,
    },
}

/// The picture that goes into the PDF, but for its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiledPicture {
    pub coding: ImageCoding,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    pub dpi: Dpi,
    pub format: PixelFormat,
    /// Of its bytes: a derived file is not synced, and is believed only by this.
    pub sha256: Sha256,
}

/// Where a page ended. There is no fourth place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In the document that starts at this page.
    Document {
        first_page: PageNo,
    },
    SetAside {
        reason: SetAside,
    },
    Question,
}

/// Why a page is kept but stands in no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetAside {
    BatchHeader,
    CoverSheet,
    SeparatorSheet,
    PatchSheet,
    Blank,
    /// The empty other side of a cover sheet or separator in a duplex scan.
    SeparatorBack,
    /// Its sheet was stopped half-way and fed again, or the turned stack that it
    /// came with was.
    ScannedAgain,
    /// A clerk said so.
    NotOfTheRecord,
}

impl SetAside {
    pub const ALL: [SetAside; 8] = [
        SetAside::BatchHeader,
        SetAside::CoverSheet,
        SetAside::SeparatorSheet,
        SetAside::PatchSheet,
        SetAside::Blank,
        SetAside::SeparatorBack,
        SetAside::ScannedAgain,
        SetAside::NotOfTheRecord,
    ];

    /// As stored, and as written in JSON.
    pub fn name(self) -> &'static str {
        match self {
            SetAside::BatchHeader => "batch-header",
            SetAside::CoverSheet => "cover-sheet",
            SetAside::SeparatorSheet => "separator-sheet",
            SetAside::PatchSheet => "patch-sheet",
            SetAside::Blank => "blank",
            SetAside::SeparatorBack => "separator-back",
            SetAside::ScannedAgain => "scanned-again",
            SetAside::NotOfTheRecord => "not-of-the-record",
        }
    }
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetAside::BatchHeader => "batch header",
            SetAside::CoverSheet => "cover sheet",
            SetAside::SeparatorSheet => "separator sheet",
            SetAside::PatchSheet => "patch sheet",
            SetAside::Blank => "blank page",
            SetAside::SeparatorBack => "back of a separator",
            SetAside::ScannedAgain => "scanned again",
            SetAside::NotOfTheRecord => "not of the record",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(no: u32, sheet: u32, side: Side) -> SpooledPage {
        SpooledPage {
            no: PageNo::new(no).expect("counted from 1"),
            sheet,
            side,
            sides: Sides::Front,
            file: format!("{no:04}.png"),
            sha256: Sha256::of(b""),
            bytes: 0,
            scanned_at: jiff::Timestamp::UNIX_EPOCH,
            suspect: None,
            image: no,
            source_sha256: None,
        }
    }

    #[test]
    fn a_stack_is_read_leaf_by_leaf_however_it_was_scanned() {
        use Side::{Back, Front};
        let order = |scanned: &[(u32, Side)]| -> Vec<u32> {
            let numbered = (1..).zip(scanned);
            let mut pages: Vec<_> =
                numbered.map(|(no, (sheet, side))| page(no, *sheet, *side)).collect();
            in_reading_order(&mut pages);
            pages.iter().map(|page| page.no.get()).collect()
        };
        let two_passes = [(1, Front), (2, Front), (3, Front), (3, Back), (2, Back), (1, Back)];
        assert_eq!(order(&two_passes), [1, 6, 2, 5, 3, 4]);
        let at_once = [(1, Front), (1, Back), (2, Front), (2, Back)];
        assert_eq!(order(&at_once), [1, 2, 3, 4]);
        let pages_of_a_file = [(1, Front), (1, Front), (2, Front)];
        assert_eq!(order(&pages_of_a_file), [1, 2, 3]);
    }
}
