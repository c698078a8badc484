//! Which way up a page lies, and how crooked.
//!
//! Two witnesses: whether lines of text run across or down (the skew measure
//! finds sharp lines one way and a blur the other), and which way letters'
//! ascenders point. Digits have none, so a page of figures may be known to lie
//! straight or sideways but not which way up: then it is left as it is, and
//! says so. A wrong turn is worse than none.

use super::blobs::{Blob, Blobs};
use crate::imaging::leptonica::Pix;
use crate::imaging::turn::turned;
use crate::records::page::QuarterTurn;
use crate::records::raster::Raster;

/// The angle of text lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Skew {
    /// Clockwise: lines fall to the right.
    pub degrees: f32,
    /// Ratio of the best score to the worst: 5 to 40 on pages of text, 1 to 2
    /// where there are no lines.
    pub confidence: f32,
}

/// What the letters of a page say about how it lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    /// Lines that run across the page.
    pub across: Option<Skew>,
    /// Lines that run down it, as they are after a quarter turn.
    pub down: Option<Skew>,
    /// How sure it is that letters stand upright; negative: upside down.
    pub up: f32,
    /// … that their tops point to the left; negative: to the right.
    pub left: f32,
}

/// The angles searched to either side; profiles allow no more.
const SKEW_RANGE_DEGREES: f32 = 15.0;
/// Below this there are no lines to measure (leptonica's own advice).
const LEAST_SKEW_CONFIDENCE: f32 = 3.0;

/// Letters, and nothing much larger or smaller: rules, frames, pictures and
/// dust mislead both witnesses.
pub(super) fn letters(blobs: &Blobs, ink: &Raster) -> Raster {
    let inches = |inches: f32| (inches * ink.dpi().0 as f32) as u32;
    let (least, most_short, most_long) = (inches(0.02).max(2), inches(0.5), inches(1.5));
    blobs.painted(ink, |blob: &Blob| {
        blob.longer_side() >= least
            && blob.longer_side() <= most_long
            && blob.shorter_side() <= most_short
            && blob.longer_side() <= 12 * blob.shorter_side()
    })
}

pub(super) fn evidence(letters: &Raster) -> Evidence {
    let pix = Pix::from_raster(letters);
    let sideways = Pix::from_raster(&turned(letters, QuarterTurn::Right));
    let (up, left) = pix.orientation().unwrap_or_default();
    Evidence { across: skew(&pix), down: skew(&sideways), up, left }
}

fn skew(pix: &Pix) -> Option<Skew> {
    // Leptonica gives the angle that would undo it.
    pix.find_skew(SKEW_RANGE_DEGREES).map(|(undo, confidence)| Skew { degrees: -undo, confidence })
}

impl Evidence {
    /// The lines' angle once the page is turned; `None` where there are none.
    pub(super) fn skew_after(&self, turn: QuarterTurn) -> Option<Skew> {
        let skew = match turn {
            QuarterTurn::None | QuarterTurn::Half => self.across,
            QuarterTurn::Right | QuarterTurn::Left => self.down,
        };
        skew.filter(|skew| skew.confidence >= LEAST_SKEW_CONFIDENCE)
    }

    /// The turn that makes the page upright and how sure that is; `None` where
    /// it cannot be told.
    pub(super) fn turn(&self) -> Option<(QuarterTurn, f32)> {
        let (up, left) = (self.up.abs(), self.left.abs());
        let (turn, sure) = if up >= left * ASCENDER_RATIO {
            (if self.up > 0.0 { QuarterTurn::None } else { QuarterTurn::Half }, up)
        } else if left >= up * ASCENDER_RATIO {
            (if self.left > 0.0 { QuarterTurn::Right } else { QuarterTurn::Left }, left)
        } else {
            return None;
        };
        let sharpness = |skew: Option<Skew>| skew.map_or(1.0, |skew| skew.confidence.max(1.0));
        let across_over_down = sharpness(self.across) / sharpness(self.down);
        let (for_it, needed) = match turn {
            QuarterTurn::None => (across_over_down, SURE_UPRIGHT),
            QuarterTurn::Half => (across_over_down, SURE_UPSIDE_DOWN),
            QuarterTurn::Right | QuarterTurn::Left => (1.0 / across_over_down, SURE_SIDEWAYS),
        };
        let needed = if for_it >= LINES_RATIO {
            needed
        } else if for_it > 1.0 / LINES_RATIO {
            SURE_ALONE
        } else {
            return None;
        };
        (sure >= needed).then_some((turn, sure))
    }
}

/// Lines run one way if their sharpness is this many times that of the other.
const LINES_RATIO: f32 = 2.0;
/// Ascenders point one way if they are this many times surer than across it.
const ASCENDER_RATIO: f32 = 1.5;
/// Standard deviations needed where the direction of lines agrees. Pages of
/// text reach 8 to 39. Columns of figures, whose digits lean one way, reach 9
/// sideways though they stand upright; forms reach 5 upside down by chance.
const SURE_UPRIGHT: f32 = 4.0;
const SURE_UPSIDE_DOWN: f32 = 6.0;
const SURE_SIDEWAYS: f32 = 10.0;
/// … and where it is not known.
const SURE_ALONE: f32 = 14.0;
