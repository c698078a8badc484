//! Whether a page is dark on light or, as negative film and blueprints, light
//! on dark.
//!
//! The page's overall darkness does not tell: positive film is dark too. What
//! tells is that strokes are few among much paper: wherever something stands
//! out from the middle level of its neighbourhood, it is the ink. A photograph
//! has it both ways.

use super::survey::Survey;
use crate::records::page::Polarity;

/// A stroke differs at least this much from the paper around it.
const LEAST_CONTRAST: usize = 24;
/// In a tile with writing, strokes take more than this part (not noise) …
const LEAST_STROKES: f32 = 0.004;
/// … and less than this (not the edge of a border or picture).
const MOST_STROKES: f32 = 0.30;
/// A tile votes if one kind of stroke is so many times the other.
const TILE_RATIO: f32 = 3.0;
/// The page is negative if so many times more tiles say so than deny it. An
/// inverted page is ruined, so the doubt is with the negative.
const PAGE_RATIO: usize = 3;
/// A film frame's border, with its scratches the other way round, takes up to
/// this part of each side.
const FRAME_PART: f32 = 0.08;
/// Fewer tiles are a logo, not a page.
const LEAST_TILES: usize = 12;

pub(super) fn find(survey: &Survey) -> Polarity {
    let (mut dark_strokes, mut light_strokes) = (0usize, 0usize);
    let margin = |side: usize| (side as f32 * FRAME_PART) as usize;
    let (margin_x, margin_y) = (margin(survey.width()), margin(survey.height()));
    let inner_x = margin_x..survey.width() - margin_x;
    let inner_y = margin_y..survey.height() - margin_y;
    survey.for_each_tile(|tile| {
        if !inner_x.contains(&tile.left) || !inner_y.contains(&tile.top) {
            return;
        }
        match vote(tile.histogram, tile.pixels) {
            Some(Polarity::Positive) => dark_strokes += 1,
            Some(Polarity::Negative) => light_strokes += 1,
            None => {}
        }
    });
    if light_strokes >= LEAST_TILES && light_strokes > PAGE_RATIO * dark_strokes {
        Polarity::Negative
    } else {
        Polarity::Positive
    }
}

fn vote(histogram: &[u32; 256], pixels: u32) -> Option<Polarity> {
    let mut below = 0;
    let middle = histogram.iter().position(|count| {
        below += count;
        below * 2 > pixels
    })?;
    let dark: u32 = histogram[..middle.saturating_sub(LEAST_CONTRAST)].iter().sum();
    let light: u32 = histogram[(middle + LEAST_CONTRAST).min(256)..].iter().sum();
    let part = |count: u32| count as f32 / pixels as f32;
    let strokes = LEAST_STROKES..=MOST_STROKES;
    if strokes.contains(&part(dark)) && part(dark) > TILE_RATIO * part(light) {
        Some(Polarity::Positive)
    } else if strokes.contains(&part(light)) && part(light) > TILE_RATIO * part(dark) {
        Some(Polarity::Negative)
    } else {
        None
    }
}
