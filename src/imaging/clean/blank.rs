//! How much is on a page, apart from what is on every page: margins with their
//! shadows, punch holes, specks, dust lines, and the other side showing through.

use super::blobs::{Blob, Blobs};
use super::survey::Survey;
use crate::records::page::BlankMeasure;
use crate::records::raster::Raster;

/// Feeders leave shadows and torn edges here. Inches.
const MARGIN_INCHES: f32 = 0.25;
/// A full stop of 8 points is larger. Inches.
const SPECK_INCHES: f32 = 0.018;
/// Holes of 2-, 3- and 4-hole punches are 5.5 to 8 mm, with their shadow more.
const HOLE_INCHES: std::ops::RangeInclusive<f32> = 0.18..=0.40;
/// Their middles lie so near an edge.
const HOLE_EDGE_INCHES: f32 = 0.75;
/// A hole fills its box as a circle does: π/4, or nearly all if cut by a lid.
const HOLE_FILL: std::ops::RangeInclusive<f32> = 0.65..=1.0;
/// Dust on the sensor draws lines down the whole page, this thin …
const DUST_LINE_INCHES: f32 = 0.03;
/// … and this long, as part of the page. A ruled line seldom is.
const DUST_LINE_PART: f32 = 0.6;

/// `limit` is the profile's: the part of the area below which a page is blank.
pub(super) fn measure(survey: &Survey, blobs: &Blobs, ink: &Raster, limit: f32) -> BlankMeasure {
    let dpi = ink.dpi().0 as f32;
    let page = Page { dpi, width: ink.width() as f32, height: ink.height() as f32 };
    let area: u64 = blobs
        .iter()
        .filter(|blob| page.is_content(blob) && !shows_through(survey, blob))
        .map(|blob| u64::from(blob.area))
        .sum();
    let margins = 2.0 * MARGIN_INCHES * dpi;
    let measured = (page.width - margins).max(1.0) * (page.height - margins).max(1.0);
    let ink = (area as f32 / measured).min(1.0);
    BlankMeasure { ink, is_blank: ink < limit }
}

struct Page {
    dpi: f32,
    width: f32,
    height: f32,
}

impl Page {
    fn is_content(&self, blob: &Blob) -> bool {
        let longer = blob.longer_side() as f32 / self.dpi;
        longer > SPECK_INCHES
            && !self.in_margin(blob)
            && !self.is_hole(blob)
            && !self.is_dust_line(blob)
    }

    /// Whether all of it lies in one margin.
    fn in_margin(&self, blob: &Blob) -> bool {
        let margin = MARGIN_INCHES * self.dpi;
        (blob.right as f32) < margin
            || (blob.bottom as f32) < margin
            || blob.left as f32 > self.width - margin
            || blob.top as f32 > self.height - margin
    }

    fn is_hole(&self, blob: &Blob) -> bool {
        let (width, height) = (blob.width() as f32, blob.height() as f32);
        let round = width.max(height) < 1.25 * width.min(height);
        let fill = blob.area as f32 / (width * height);
        let x = (blob.left + blob.right) as f32 / 2.0;
        let y = (blob.top + blob.bottom) as f32 / 2.0;
        let from_edge = x.min(y).min(self.width - x).min(self.height - y);
        round
            && HOLE_INCHES.contains(&(width.max(height) / self.dpi))
            && HOLE_FILL.contains(&fill)
            && from_edge < HOLE_EDGE_INCHES * self.dpi
    }

    fn is_dust_line(&self, blob: &Blob) -> bool {
        let thin = blob.shorter_side() as f32 <= DUST_LINE_INCHES * self.dpi;
        let along = if blob.width() > blob.height() { self.width } else { self.height };
        thin && blob.longer_side() as f32 >= DUST_LINE_PART * along
    }
}

/// What shows through is faint …
const THROUGH_CONTRAST: u8 = 45;
/// … and soft: from one pixel to the next it changes by no more than this part
/// of its contrast. Faded ink on this side has edges: 0.53 to 0.9 on the pages
/// measured, where the other side has 0.24 to 0.53.
const THROUGH_SHARPNESS: f32 = 0.53;
/// Fainter than this, noise makes edges of its own.
const FAINTEST_CONTRAST: u8 = 24;
const FAINTEST_SHARPNESS: f32 = 0.8;

/// Whether a blob is the other side's ink.
fn shows_through(survey: &Survey, blob: &Blob) -> bool {
    let left = (blob.left as usize).saturating_sub(1);
    let right = (blob.right as usize + 1).min(survey.width());
    let top = (blob.top as usize).saturating_sub(1);
    let bottom = (blob.bottom as usize + 1).min(survey.height());
    let (mut darkest, mut lightest, mut sharpest) = (255u8, 0u8, 0u16);
    for y in top..bottom {
        let row = &survey.row(y)[left..right];
        for &level in row {
            darkest = darkest.min(level);
            lightest = lightest.max(level);
        }
        if y + 1 == bottom {
            break;
        }
        // Steps between pairs of pixels, across and down: half the noise.
        let below = &survey.row(y + 1)[left..right];
        for (upper, lower) in row.windows(2).zip(below.windows(2)) {
            let [a, b, c, d] = [upper[0], upper[1], lower[0], lower[1]].map(u16::from);
            sharpest = sharpest.max((a + c).abs_diff(b + d)).max((a + b).abs_diff(c + d));
        }
    }
    let contrast = lightest.saturating_sub(darkest);
    let sharpest = f32::from(sharpest) / 2.0;
    let soft = if contrast <= FAINTEST_CONTRAST { FAINTEST_SHARPNESS } else { THROUGH_SHARPNESS };
    contrast <= THROUGH_CONTRAST && sharpest <= soft * f32::from(contrast)
}
