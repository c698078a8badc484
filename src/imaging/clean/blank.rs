//! How much is on a page, apart from what is on every page: margins with their
//! shadows, punch holes, specks, dust lines, and the other side showing through.
//!
//! Little ink is not enough to call a side blank: "DNR" is 7 mm² of it. A side
//! on which even one mark could be writing is not blank, wherever it stands.

use std::ops::Range;

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
/// Where little else is on the page, a line is dust only if it leaves no more
/// than this at either end: one that is drawn strikes the page out. Inches.
const DUST_END_INCHES: f32 = 0.5;
/// Writing is at least this tall or wide: letters of 5 points. Inches.
const LEAST_MARK_INCHES: f32 = 0.047;
/// … and differs so much from the paper. Fainter writing counts by its area.
const LEAST_MARK_CONTRAST: u8 = 60;
/// In the margin only letters count, not shadows and torn edges: up to 12 mm …
const MOST_LETTER_INCHES: f32 = 0.47;
/// … and two of them, so near each other.
const NEXT_LETTER_INCHES: f32 = 0.3;
/// A staple's wire or its mark: a straight line of 8 to 14 mm, this thin, whose
/// ends lie so near a corner of the page.
const STAPLE_INCHES: std::ops::RangeInclusive<f32> = 0.3..=0.55;
const STAPLE_THICK_INCHES: f32 = 0.05;
const STAPLE_CORNER_INCHES: f32 = 1.0;

/// `limit` is the profile's: the part of the area below which a page is blank.
pub(super) fn measure(survey: &Survey, blobs: &Blobs, ink: &Raster, limit: f32) -> BlankMeasure {
    let dpi = ink.dpi().0 as f32;
    let page = Page { ink, dpi, width: ink.width() as f32, height: ink.height() as f32 };
    let area: u64 = blobs
        .iter()
        .filter(|blob| page.is_content(blob) && !shows_through(survey, blob))
        .map(|blob| u64::from(blob.area))
        .sum();
    let margins = 2.0 * MARGIN_INCHES * dpi;
    let measured = (page.width - margins).max(1.0) * (page.height - margins).max(1.0);
    let ink = (area as f32 / measured).min(1.0);
    BlankMeasure { ink, is_blank: ink < limit && !page.is_marked(survey, blobs) }
}

struct Page<'a> {
    ink: &'a Raster,
    dpi: f32,
    width: f32,
    height: f32,
}

impl Page<'_> {
    fn is_content(&self, blob: &Blob) -> bool {
        let longer = blob.longer_side() as f32 / self.dpi;
        longer > SPECK_INCHES
            && !self.in_margin(blob)
            && !self.is_hole(blob)
            && !self.is_dust_line(blob)
    }

    /// Whether anything could be writing, on a page with little ink.
    fn is_marked(&self, survey: &Survey, blobs: &Blobs) -> bool {
        let least = LEAST_MARK_INCHES * self.dpi;
        let is_mark = |blob: &&Blob| {
            blob.longer_side() as f32 >= least
                && !self.is_hole(blob)
                && !self.is_dust_from_end_to_end(blob)
                && !self.is_staple(blob)
                && contrast(survey, blob) >= LEAST_MARK_CONTRAST
        };
        let (in_margin, within): (Vec<&Blob>, Vec<&Blob>) =
            blobs.iter().filter(is_mark).partition(|blob| self.in_margin(blob));
        !within.is_empty() || self.are_letters(&in_margin)
    }

    /// Whether two marks of the margin stand side by side as letters do.
    fn are_letters(&self, marks: &[&Blob]) -> bool {
        let is_letter = |blob: &&&Blob| {
            blob.longer_side() as f32 <= MOST_LETTER_INCHES * self.dpi && !self.is_at_edge(blob)
        };
        let letters: Vec<&&Blob> = marks.iter().filter(is_letter).collect();
        let near = NEXT_LETTER_INCHES * self.dpi;
        let gap = |a: (u32, u32), b: (u32, u32)| a.0.max(b.0).saturating_sub(a.1.min(b.1)) as f32;
        let are_near = |a: &Blob, b: &Blob| {
            gap((a.left, a.right), (b.left, b.right)) <= near
                && gap((a.top, a.bottom), (b.top, b.bottom)) <= near
        };
        let others = |index: usize| &letters[index + 1..];
        letters.iter().enumerate().any(|(index, a)| others(index).iter().any(|b| are_near(a, b)))
    }

    fn is_at_edge(&self, blob: &Blob) -> bool {
        let (right, bottom) = (self.width as u32, self.height as u32);
        blob.left == 0 || blob.top == 0 || blob.right >= right || blob.bottom >= bottom
    }

    fn is_dust_from_end_to_end(&self, blob: &Blob) -> bool {
        let (from, to, side) = if blob.width() > blob.height() {
            (blob.left, blob.right, self.width)
        } else {
            (blob.top, blob.bottom, self.height)
        };
        let end = DUST_END_INCHES * self.dpi;
        self.is_dust_line(blob) && from as f32 <= end && to as f32 >= side - end
    }

    fn is_staple(&self, blob: &Blob) -> bool {
        let (width, height) = (blob.width() as f32, blob.height() as f32);
        let long = width.hypot(height);
        let from_side = (blob.right as f32).min(self.width - blob.left as f32);
        let from_end = (blob.bottom as f32).min(self.height - blob.top as f32);
        STAPLE_INCHES.contains(&(long / self.dpi))
            && from_side.max(from_end) <= STAPLE_CORNER_INCHES * self.dpi
            && thickness(self.ink, blob) <= STAPLE_THICK_INCHES * self.dpi
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

/// The thickness of a straight line, by how far its ink lies from its axis;
/// more where it bends. Pixels.
fn thickness(ink: &Raster, blob: &Blob) -> f32 {
    let (mut count, mut sums, mut products) = (0f32, [0f32; 2], [0f32; 3]);
    for y in blob.top..blob.bottom {
        let row = ink.row(y);
        for x in (blob.left..blob.right).filter(|x| row[*x as usize / 8] >> (7 - x % 8) & 1 == 1) {
            let (x, y) = ((x - blob.left) as f32, (y - blob.top) as f32);
            count += 1.0;
            sums = [sums[0] + x, sums[1] + y];
            products = [products[0] + x * x, products[1] + y * y, products[2] + x * y];
        }
    }
    let [mean_x, mean_y] = sums.map(|sum| sum / count);
    let along_x = products[0] / count - mean_x * mean_x;
    let along_y = products[1] / count - mean_y * mean_y;
    let both = products[2] / count - mean_x * mean_y;
    // The smaller eigenvalue: the variance across the axis. A bar's is t²/12.
    let half = (along_x + along_y) / 2.0;
    let across = half - ((along_x - along_y) / 2.0).hypot(both);
    (12.0 * across.max(0.0)).sqrt()
}

/// Between the darkest and the lightest pixel of a blob and what is next to it.
fn contrast(survey: &Survey, blob: &Blob) -> u8 {
    let (columns, rows) = surroundings(survey, blob);
    let levels = rows.flat_map(|y| &survey.row(y)[columns.clone()]);
    let (darkest, lightest) =
        levels.fold((255u8, 0u8), |(dark, light), &level| (dark.min(level), light.max(level)));
    lightest.saturating_sub(darkest)
}

/// A blob's columns and rows, and one more on every side.
fn surroundings(survey: &Survey, blob: &Blob) -> (Range<usize>, Range<usize>) {
    let side = |from: u32, to: u32, end: usize| {
        (from as usize).saturating_sub(1)..(to as usize + 1).min(end)
    };
    let columns = side(blob.left, blob.right, survey.width());
    (columns, side(blob.top, blob.bottom, survey.height()))
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
    let contrast = contrast(survey, blob);
    if contrast > THROUGH_CONTRAST {
        return false;
    }
    let (columns, rows) = surroundings(survey, blob);
    let mut sharpest = 0u16;
    for y in rows.start..rows.end - 1 {
        // Steps between pairs of pixels, across and down: half the noise.
        let row = &survey.row(y)[columns.clone()];
        let below = &survey.row(y + 1)[columns.clone()];
        for (upper, lower) in row.windows(2).zip(below.windows(2)) {
            let [a, b, c, d] = [upper[0], upper[1], lower[0], lower[1]].map(u16::from);
            sharpest = sharpest.max((a + c).abs_diff(b + d)).max((a + b).abs_diff(c + d));
        }
    }
    let sharpest = f32::from(sharpest) / 2.0;
    let soft = if contrast <= FAINTEST_CONTRAST { FAINTEST_SHARPNESS } else { THROUGH_SHARPNESS };
    sharpest <= soft * f32::from(contrast)
}
