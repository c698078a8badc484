//! Whether a page is dark on light or, as negative film and blueprints, light
//! on dark.
//!
//! The page's overall darkness does not tell: positive film is dark too. What
//! tells is that strokes are few among much paper: wherever something stands
//! out from the middle level of its neighbourhood, it is the ink. A photograph
//! has it both ways.
//!
//! A radiograph and a box of white letters have light strokes too, and must not
//! be filed the other way round. So a page is negative only if, besides, its own
//! ground is dark and even, and most of the ink is letters.

use super::blobs::{Blob, Blobs};
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

/// Film's ground is darker than this: 85 on copies of it, 0 to 40 on paper.
const DARKEST_LIGHT: u8 = 128;
/// A ground that is even, but for film's fading towards its corners, keeps
/// within so many levels of its middle in so large a part of the page. Pictures
/// and boxes on white paper do not: an ultrasound's sector is 60 levels above
/// its ground in a third of the page.
const GROUND_RANGE: u8 = 45;
const EVEN_PART: f32 = 0.85;
/// White paper around dark boxes, as between printed slides, takes more than this
/// part of the whole page, its edges included: 0.22 to 0.32 of handouts of four
/// and six to a sheet. Of a film frame with clear edges all around it is 0.14, and
/// 0.18 with a fifth of an inch more to every side.
const MOST_LIGHT_PAPER: f32 = 0.2;
const LIGHT_PAPER: u8 = 200;
/// The part of the ink that is letters: 0.32 on ruled paper with handwriting,
/// over 0.6 on typed pages, under 0.02 on a radiograph.
const LEAST_LETTERS: f32 = 0.2;
/// Letters stand in this part of the page's fields, 6 across and 8 down. A note
/// of a few lines fills a third; captions beside a picture less than a sixth.
const LEAST_SPREAD: f32 = 0.17;

pub(super) fn find(survey: &Survey) -> Polarity {
    let inner = Inner::of(survey);
    let (mut dark_strokes, mut light_strokes) = (0usize, 0usize);
    let mut grounds = Vec::new();
    let (mut tiles, mut light_tiles) = (0usize, 0usize);
    survey.for_each_tile(|tile| {
        let ground = middle_level(tile.histogram, tile.pixels);
        tiles += 1;
        light_tiles += usize::from(ground >= LIGHT_PAPER);
        if !inner.contains(tile.left, tile.top) {
            return;
        }
        match vote(tile.histogram, tile.pixels, ground) {
            Some(Polarity::Positive) => dark_strokes += 1,
            Some(Polarity::Negative) => light_strokes += 1,
            None => {}
        }
        grounds.push(ground);
    });
    let light_on_dark = light_strokes >= LEAST_TILES && light_strokes > PAGE_RATIO * dark_strokes;
    let is_on_light_paper = light_tiles as f32 > MOST_LIGHT_PAPER * tiles as f32;
    if light_on_dark
        && !is_on_light_paper
        && is_dark_and_even(&mut grounds)
        && is_written_on(survey, &inner)
    {
        Polarity::Negative
    } else {
        Polarity::Positive
    }
}

/// The page without a film frame's border.
struct Inner {
    columns: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
}

impl Inner {
    fn of(survey: &Survey) -> Inner {
        let within = |side: usize| {
            let margin = (side as f32 * FRAME_PART) as usize;
            margin..side - margin
        };
        Inner { columns: within(survey.width()), rows: within(survey.height()) }
    }

    fn contains(&self, x: usize, y: usize) -> bool {
        self.columns.contains(&x) && self.rows.contains(&y)
    }

    /// Which of the fields a point is in.
    fn field(&self, x: usize, y: usize) -> usize {
        let at = |at: usize, side: &std::ops::Range<usize>, count: usize| {
            (at - side.start) * count / side.len()
        };
        at(y, &self.rows, FIELDS_DOWN) * FIELDS_ACROSS + at(x, &self.columns, FIELDS_ACROSS)
    }
}

const FIELDS_ACROSS: usize = 6;
const FIELDS_DOWN: usize = 8;
/// Fewer letters in a field are specks.
const LEAST_IN_FIELD: u32 = 3;

fn is_dark_and_even(grounds: &mut [u8]) -> bool {
    grounds.sort_unstable();
    let middle = grounds[grounds.len() / 2];
    let even = grounds.iter().filter(|&&level| level.abs_diff(middle) <= GROUND_RANGE).count();
    middle < DARKEST_LIGHT && even as f32 >= EVEN_PART * grounds.len() as f32
}

/// Whether most of what is light are letters, and they stand all over the page.
fn is_written_on(survey: &Survey, inner: &Inner) -> bool {
    let ink = survey.ink(Polarity::Negative);
    let (mut area, mut area_of_letters) = (0u64, 0u64);
    let mut fields = [0u32; FIELDS_ACROSS * FIELDS_DOWN];
    for blob in Blobs::of(&ink).iter() {
        let corners = [(blob.left, blob.top), (blob.right - 1, blob.bottom - 1)];
        let [first, last] = corners.map(|(x, y)| (x as usize, y as usize));
        // What reaches beyond is the frame.
        if !inner.contains(first.0, first.1) || !inner.contains(last.0, last.1) {
            continue;
        }
        area += u64::from(blob.area);
        if is_letter(blob, survey.dpi) {
            area_of_letters += u64::from(blob.area);
            fields[inner.field(first.0, first.1)] += 1;
        }
    }
    let written = fields.iter().filter(|&&letters| letters >= LEAST_IN_FIELD).count();
    area_of_letters as f32 >= LEAST_LETTERS * area as f32
        && written as f32 >= LEAST_SPREAD * fields.len() as f32
}

/// Letters of 6 points and up. Inches.
const LETTER_INCHES: std::ops::RangeInclusive<f32> = 0.04..=0.6;

fn is_letter(blob: &Blob, dpi: u32) -> bool {
    LETTER_INCHES.contains(&(blob.longer_side() as f32 / dpi as f32))
}

fn middle_level(histogram: &[u32; 256], pixels: u32) -> u8 {
    let mut below = 0;
    let middle = histogram.iter().position(|count| {
        below += count;
        below * 2 > pixels
    });
    middle.map_or(0, |level| level as u8)
}

fn vote(histogram: &[u32; 256], pixels: u32, ground: u8) -> Option<Polarity> {
    let middle = usize::from(ground);
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
