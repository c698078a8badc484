//! Where a scanner did something else than it was asked, and the scan goes on.

use std::fmt;

use super::choice::printable;

/// Said once each, when the scanner is opened or with the image it concerns.
#[derive(Debug, Clone, PartialEq)]
pub enum ScanWarning {
    /// The scanner has no choice of paper source.
    NoSourceChoice {
        wanted: &'static str,
    },
    /// It may be a glass or a feeder: each page but the first is asked for, as at
    /// a glass.
    PaperPathUnknown,
    /// A richer mode than asked: nothing is lost.
    ModeReplaced {
        wanted: &'static str,
        used: String,
    },
    /// No mode could be set, and another than ordered came.
    PixelsDiffer {
        wanted: &'static str,
        got: &'static str,
    },
    ResolutionChanged {
        asked: u32,
        used: u32,
    },
    /// The two directions differ: the image is distorted.
    ResolutionUneven {
        across: u32,
        along: u32,
    },
    /// The driver does not say its resolution; the profile's is assumed.
    ResolutionAssumed {
        dpi: u32,
    },
    /// Millimetres.
    PageSizeClamped {
        edge: PageEdge,
        asked: f64,
        used: f64,
    },
    PageSizeNotSettable,
    /// The scanner took another value than the one given.
    OptionInexact {
        name: String,
        asked: String,
        used: String,
    },
    /// An option of the driver's throws blank pages away unseen.
    BlankPagesSkipped {
        name: String,
    },
    /// 16 bits a sample were cut to 8.
    DepthReduced,
    /// Files in the folder that are no page images.
    FilesSkipped {
        count: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageEdge {
    Width,
    Height,
}

impl fmt::Display for ScanWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScanWarning::NoSourceChoice { wanted } => {
                write!(f, "the scanner has no choice of paper source; {wanted} is taken on trust")
            }
            ScanWarning::PaperPathUnknown => f.write_str(
                "the scanner does not say whether it has a feeder: it is taken for a glass, and \
                 where nobody is there to be asked for the next page, one page is scanned; for a \
                 whole stack without asking, say how many pages it has with --pages",
            ),
            ScanWarning::ModeReplaced { wanted, used } => {
                write!(f, "the scanner has no {wanted} mode; {} is used", printable(used))
            }
            ScanWarning::PixelsDiffer { wanted, got } => {
                write!(f, "{wanted} was ordered, and the scanner sends {got}")
            }
            ScanWarning::ResolutionChanged { asked, used } => {
                write!(f, "the scanner has no {asked} dpi; {used} dpi is used")
            }
            ScanWarning::ResolutionUneven { across, along } => {
                write!(f, "the scanner uses {across} dpi across and {along} dpi along the page")
            }
            ScanWarning::ResolutionAssumed { dpi } => {
                write!(f, "the scanner does not say its resolution; {dpi} dpi is assumed")
            }
            ScanWarning::PageSizeClamped { edge, asked, used } => {
                let edge = match edge {
                    PageEdge::Width => "wide",
                    PageEdge::Height => "high",
                };
                write!(
                    f,
                    "the scanner takes no page {asked:.1} mm {edge}; {used:.1} mm are scanned, \
                     so something may be cut off"
                )
            }
            ScanWarning::PageSizeNotSettable => {
                f.write_str("the scanner's page size cannot be set; it scans what it scans")
            }
            ScanWarning::OptionInexact { name, asked, used } => {
                let (asked, used) = (printable(asked), printable(used));
                write!(f, "the scanner's option {name} was set to {used} instead of {asked}")
            }
            ScanWarning::BlankPagesSkipped { name } => {
                write!(
                    f,
                    "the scanner's option {name} throws pages away that it takes for blank: they \
                     are not kept and not counted; Outguide finds blank pages by itself"
                )
            }
            ScanWarning::DepthReduced => {
                f.write_str("the scanner sent 16 bits a sample; the upper 8 are kept")
            }
            ScanWarning::FilesSkipped { count } => {
                let told = match count {
                    1 => "file in the folder is no page image and was left out",
                    _ => "files in the folder are no page images and were left out",
                };
                write!(f, "{count} {told}")
            }
        }
    }
}
