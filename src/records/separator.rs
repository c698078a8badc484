//! What may part one document from the next, and patch codes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The six patch codes of the Kodak separator sheets: four bars, two wide and
/// two narrow (A-61599; the bar patterns are in `page_barcodes::patch`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PatchCode {
    #[serde(rename = "1")]
    One,
    #[serde(rename = "2")]
    Two,
    #[serde(rename = "3")]
    Three,
    #[serde(rename = "4")]
    Four,
    #[serde(rename = "6")]
    Six,
    #[serde(rename = "T")]
    Transfer,
}

impl PatchCode {
    pub const ALL: [PatchCode; 6] = [
        PatchCode::One,
        PatchCode::Two,
        PatchCode::Three,
        PatchCode::Four,
        PatchCode::Six,
        PatchCode::Transfer,
    ];

    /// The patch that a sheet printed by Outguide names in its barcodes:
    /// `PATCH-2`. They say it either way up, and with the bars torn off.
    pub fn named_by_sheet(barcode: &str) -> Option<PatchCode> {
        let name = barcode.strip_prefix("PATCH-")?;
        PatchCode::ALL.into_iter().find(|code| code.to_string() == name)
    }

    /// What the same bars say on a sheet fed upside down.
    pub fn turned_180(self) -> PatchCode {
        match self {
            PatchCode::One => PatchCode::Six,
            PatchCode::Six => PatchCode::One,
            PatchCode::Three => PatchCode::Transfer,
            PatchCode::Transfer => PatchCode::Three,
            PatchCode::Two => PatchCode::Two,
            PatchCode::Four => PatchCode::Four,
        }
    }
}

impl fmt::Display for PatchCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PatchCode::One => "1",
            PatchCode::Two => "2",
            PatchCode::Three => "3",
            PatchCode::Four => "4",
            PatchCode::Six => "6",
            PatchCode::Transfer => "T",
        })
    }
}

/// A patch found on a page. 1 and 6, and 3 and T, are the same bars turned by
/// 180°; without a cue which way up the sheet lay, only the pair is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatchReading {
    Known(PatchCode),
    /// Read as the first as it lies, as the second if the sheet was upside down.
    EitherWayUp(PatchCode, PatchCode),
}

impl PatchReading {
    /// Whether the sheet may be acted on as `code`. A pair never may.
    pub fn is(self, code: PatchCode) -> bool {
        match self {
            PatchReading::Known(known) => known == code,
            PatchReading::EitherWayUp(..) => false,
        }
    }
}
