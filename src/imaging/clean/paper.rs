//! Where the paper ends and the scanner's dark lid or the film's frame begins.
//! On a white lid the edge cannot be seen and nothing is cut.

use super::survey::Survey;
use crate::records::page::Polarity;
use crate::records::raster::PixelBox;

/// A lid or frame is at least this much darker than the paper.
const LEAST_STEP: u8 = 60;
/// A row belongs to the lid if no more than this part of it is not dark.
const MOST_LIGHT: f32 = 0.02;
/// Less is not worth cutting. Inches.
const LEAST_CUT_INCHES: f32 = 0.05;
/// If less than this part of a side would remain, what was found is no paper.
const LEAST_SIDE: f32 = 0.4;

/// The box of the paper in pixels of the original; `None` where there is
/// nothing to cut, or doubt. Rows are given up only while they are dark from
/// end to end, so that a crooked sheet keeps its corners.
pub(super) fn find(survey: &Survey, polarity: Polarity) -> Option<PixelBox> {
    let paper = typical_level(survey);
    let dark = |level: u8| match polarity {
        Polarity::Positive => paper.saturating_sub(level) >= LEAST_STEP,
        Polarity::Negative => level.saturating_sub(paper) >= LEAST_STEP,
    };
    let (width, height) = (survey.width(), survey.height());
    let row_is_lid = |y: usize, columns: std::ops::Range<usize>| {
        let row = &survey.row(y)[columns];
        let light = row.iter().filter(|&&level| !dark(level)).count();
        light as f32 <= MOST_LIGHT * row.len() as f32
    };
    let top = (0..height).take_while(|&y| row_is_lid(y, 0..width)).count();
    if top == height {
        return None;
    }
    let bottom = height - (0..height).rev().take_while(|&y| row_is_lid(y, 0..width)).count();

    let mut light_in_column = vec![0usize; width];
    for y in top..bottom {
        for (count, &level) in light_in_column.iter_mut().zip(survey.row(y)) {
            *count += usize::from(!dark(level));
        }
    }
    let most = (MOST_LIGHT * (bottom - top) as f32) as usize;
    let left = light_in_column.iter().take_while(|&&light| light <= most).count();
    let right = width - light_in_column.iter().rev().take_while(|&&light| light <= most).count();
    if left >= right {
        return None;
    }
    let enough = |found: usize, of: usize| found as f32 >= LEAST_SIDE * of as f32;
    let least = LEAST_CUT_INCHES * survey.dpi as f32;
    let cut = top.max(left).max(height - bottom).max(width - right) as f32;
    let credible = enough(right - left, width) && enough(bottom - top, height) && cut >= least;
    let original = |at: usize| at as u32 * survey.factor;
    credible.then(|| PixelBox {
        left: original(left),
        top: original(top),
        right: original(right),
        bottom: original(bottom),
    })
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
