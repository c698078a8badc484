//! Where the paper ends and the scanner's dark lid or the film's frame begins.
//! On a white lid the edge cannot be seen and nothing is cut.

use std::ops::Range;

use super::survey::{Survey, otsu};
use crate::records::page::Polarity;
use crate::records::raster::PixelBox;

/// A lid or frame is at least this much darker than the paper.
const LEAST_STEP: u8 = 60;
/// A row belongs to the lid if no more than this part of it is not dark …
const MOST_LIGHT: f32 = 0.02;
/// … and the means of its pieces, one piece apart, differ by no more levels: a
/// lid darkens slowly, and where a dark picture ends before it there is a step.
const MOST_LID_STEP: f32 = 5.0;
const PIECE_INCHES: f32 = 0.2;
/// A run of light so long is paper; shorter ones are white letters on a printed
/// band, or the corner of a crooked sheet. Inches.
const PAPER_RUN_INCHES: f32 = 0.5;
/// From its corner inwards a sheet shows such a run within this. Inches.
const CORNER_INCHES: f32 = 0.5;
/// Dust on the lid is smaller than a stroke. Inches.
const STROKE_INCHES: f32 = 0.02;
/// Less is not worth cutting. Inches.
const LEAST_CUT_INCHES: f32 = 0.05;
/// If less than this part of a side would remain, what was found is no paper …
const LEAST_SIDE: f32 = 0.4;
/// … unless it is a slip: a smaller box, light all over but for its writing and
/// what a crooked sheet leaves of it. A radiograph's light parts are no box.
const LEAST_SLIP_SIDE: f32 = 0.1;
const LEAST_SLIP_LIGHT: f32 = 0.7;

/// The box of the paper in pixels of the original; `None` where there is
/// nothing to cut, or doubt. Rows are given up only while they are lid from end
/// to end, so that a crooked sheet keeps its corners; and none are on a side
/// where light strokes stand in the dark, as on a printed band.
pub(super) fn find(survey: &Survey, polarity: Polarity) -> Option<PixelBox> {
    let is_worth_it = |found: &Found| found.cut(survey) >= LEAST_CUT_INCHES * survey.dpi as f32;
    let is_page = |found: &Found| {
        let enough = |side: usize, of: usize| side as f32 >= LEAST_SIDE * of as f32;
        enough(found.columns.len(), survey.width()) && enough(found.rows.len(), survey.height())
    };
    let middle = typical_level(survey);
    let page = Found::around(survey, polarity, middle).filter(is_worth_it).filter(is_page);
    let found = match (page, polarity) {
        (None, Polarity::Positive) => slip(survey, middle).filter(is_worth_it),
        (page, Polarity::Positive | Polarity::Negative) => page,
    }?;
    let original = |at: usize| at as u32 * survey.factor;
    Some(PixelBox {
        left: original(found.columns.start),
        top: original(found.rows.start),
        right: original(found.columns.end),
        bottom: original(found.rows.end),
    })
}

/// A sheet so small that the middle of the page is lid.
fn slip(survey: &Survey, middle: u8) -> Option<Found> {
    let paper = light_level(survey);
    if paper.saturating_sub(middle) < LEAST_STEP {
        return None;
    }
    let found = Found::around(survey, Polarity::Positive, paper)?;
    let is_light = |&&level: &&u8| paper.saturating_sub(level) < LEAST_STEP;
    let light: usize = found
        .rows
        .clone()
        .map(|y| survey.row(y)[found.columns.clone()].iter().filter(is_light).count())
        .sum();
    let area = found.rows.len() * found.columns.len();
    let enough = |side: usize, of: usize| side as f32 >= LEAST_SLIP_SIDE * of as f32;
    let is_slip = enough(found.columns.len(), survey.width())
        && enough(found.rows.len(), survey.height())
        && light as f32 >= LEAST_SLIP_LIGHT * area as f32;
    is_slip.then_some(found)
}

struct Found {
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Found {
    /// What remains once the lid is cut from every side.
    fn around(survey: &Survey, polarity: Polarity, paper: u8) -> Option<Found> {
        let dark = |level: u8| match polarity {
            Polarity::Positive => paper.saturating_sub(level) >= LEAST_STEP,
            Polarity::Negative => level.saturating_sub(paper) >= LEAST_STEP,
        };
        let (width, height) = (survey.width(), survey.height());
        let row = |y: usize| Line::of(survey.row(y).iter().copied(), dark, survey.dpi);
        let rows = remaining(&(0..height).map(row).collect::<Vec<_>>(), survey.dpi)?;
        let column = |x: usize| Line::of(rows.clone().map(|y| survey.row(y)[x]), dark, survey.dpi);
        let columns = remaining(&(0..width).map(column).collect::<Vec<_>>(), survey.dpi)?;
        Some(Found { rows, columns })
    }

    /// The widest strip cut off, in pixels of the survey.
    fn cut(&self, survey: &Survey) -> f32 {
        let (right, bottom) = (survey.width() - self.columns.end, survey.height() - self.rows.end);
        self.rows.start.max(self.columns.start).max(right).max(bottom) as f32
    }
}

/// A row or column, as the search for the lid sees it.
struct Line {
    /// Dark from end to end, and evenly so.
    is_lid: bool,
    longest_light_run: usize,
}

impl Line {
    fn of(levels: impl Iterator<Item = u8>, dark: impl Fn(u8) -> bool, dpi: u32) -> Line {
        let piece = ((PIECE_INCHES * dpi as f32) as usize).max(1);
        let (mut length, mut light, mut run, mut longest) = (0, 0, 0, 0);
        let mut pieces: Vec<(u32, u32)> = Vec::new();
        for level in levels {
            if length % piece == 0 {
                pieces.push((0, 0));
            }
            length += 1;
            if !dark(level) {
                light += 1;
                run += 1;
                longest = longest.max(run);
                continue;
            }
            run = 0;
            if let Some((sum, count)) = pieces.last_mut() {
                *sum += u32::from(level);
                *count += 1;
            }
        }
        // Pieces that a sheet's corner reaches into say nothing of the lid.
        let whole = pieces.iter().filter(|(_, count)| *count as usize == piece);
        let means: Vec<f32> = whole.map(|&(sum, count)| sum as f32 / count as f32).collect();
        let is_even = means.windows(3).all(|near| (near[2] - near[0]).abs() <= MOST_LID_STEP);
        let is_dark = light as f32 <= MOST_LIGHT * length as f32;
        Line { is_lid: is_dark && is_even, longest_light_run: longest }
    }
}

/// What is left of a page's rows or columns once the lid is taken from both
/// ends; `None` where all is lid.
fn remaining(lines: &[Line], dpi: u32) -> Option<Range<usize>> {
    if lines.iter().all(|line| line.is_lid) {
        return None;
    }
    let start = lid_before_paper(lines.iter(), dpi);
    Some(start..lines.len() - lid_before_paper(lines.iter().rev(), dpi))
}

/// How many lines of lid come before the paper; none where what comes is no
/// paper, but white letters on a dark band.
fn lid_before_paper<'a>(lines: impl Iterator<Item = &'a Line> + Clone, dpi: u32) -> usize {
    let pixels = |inches: f32| (inches * dpi as f32) as usize;
    let lid = lines.clone().take_while(|line| line.is_lid).count();
    let has_stroke = |line: &&Line| line.longest_light_run > pixels(STROKE_INCHES);
    // A corner's light grows from the first line of it up to the paper.
    let strokes = lines.clone().take(lid).filter(has_stroke).count();
    let corner = lines.clone().take(lid).skip_while(|line| !has_stroke(line)).count();
    let shows_paper = |line: &Line| line.longest_light_run >= pixels(PAPER_RUN_INCHES);
    let next = lines.skip(lid).take(pixels(CORNER_INCHES));
    let is_lid_again = |line: &&Line| line.is_lid && !has_stroke(line);
    let paper = next.take_while(|line| !is_lid_again(line)).any(shows_paper);
    if strokes == corner && paper { lid } else { 0 }
}

/// The level of most of the middle of the page.
fn typical_level(survey: &Survey) -> u8 {
    let mut histogram = [0u32; 256];
    let (width, height) = (survey.width(), survey.height());
    for y in height / 4..(height * 3 / 4).max(height / 4 + 1) {
        for &level in &survey.row(y)[width / 4..(width * 3 / 4).max(width / 4 + 1)] {
            histogram[usize::from(level)] += 1;
        }
    }
    let half: u32 = histogram.iter().sum::<u32>() / 2;
    let mut below = 0;
    histogram
        .iter()
        .position(|count| {
            below += count;
            below > half
        })
        .unwrap_or(255) as u8
}

/// The level of most of what is lighter than the rest.
fn light_level(survey: &Survey) -> u8 {
    let mut histogram = [0u64; 256];
    for y in 0..survey.height() {
        for &level in survey.row(y) {
            histogram[usize::from(level)] += 1;
        }
    }
    let least = usize::from(otsu(&histogram));
    let half = histogram[least..].iter().sum::<u64>() / 2;
    let mut below = 0;
    let found = histogram[least..].iter().position(|count| {
        below += count;
        below > half
    });
    found.map_or(255, |above| (least + above) as u8)
}
