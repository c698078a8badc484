//! Cleaning: a scanned page made upright, straight and dark on light, and what
//! was found while doing it.
//!
//! ```text
//! survey (150 dpi, even light) ─▶ polarity ─▶ blank? ─▶ orientation ─▶ skew ─▶ paper
//! original ─▶ inverted ─▶ turned ─▶ cropped ─▶ straightened ─▶ black and white ─▶ despeckled
//! ```
//!
//! Everything is measured on the survey; the original is touched once for each
//! step that the measures and the profile ask for. The original itself never
//! changes. Whether the result or the original is filed is the caller's to do:
//! [`crate::imaging::geometry`] maps between the two.

mod blank;
mod blobs;
mod paper;
mod polarity;
mod rotate;
pub(super) mod survey;
pub(super) mod threshold;
mod upright;

use std::borrow::Cow;

use self::blobs::{Blob, Blobs};
use self::survey::Survey;
pub use self::upright::Lines;
use self::upright::{Letters, Skew};
use super::geometry::{Geometry, turned_box};
use super::turn::turned;
use crate::profile::Cleaning;
use crate::records::page::{PagePicture, Polarity, QuarterTurn};
use crate::records::raster::{PixelBox, PixelFormat, Raster};

/// A page to read, and what was found and done.
#[derive(Debug, Clone)]
pub struct Cleaned {
    /// Upright, straight, cropped and thresholded as the profile asks. The
    /// filed page too, where the profile files straightened pixels.
    pub raster: Raster,
    pub picture: PagePicture,
    /// Which way its lines ran before any turn; `None` where that was not seen
    /// or not looked for.
    pub lines: Option<Lines>,
}

impl Cleaned {
    /// Between the original's pixels and this raster's.
    pub fn geometry(&self) -> Geometry {
        Geometry::new(&self.picture, self.raster.width(), self.raster.height())
    }
}

/// Cleans a page. Where it cannot be told which way up it lies,
/// `turn_confidence` is `None` and the page is not turned: ask another witness
/// and call [`clean_with_turn`].
pub fn clean(raster: &Raster, settings: &Cleaning) -> Cleaned {
    clean_page(raster, settings, None)
}

/// Cleans a page whose orientation someone else has found: the clockwise turn
/// that makes the *original* upright, and how sure they are.
pub fn clean_with_turn(
    raster: &Raster,
    settings: &Cleaning,
    turn: QuarterTurn,
    confidence: f32,
) -> Cleaned {
    clean_page(raster, settings, Some((turn, confidence)))
}

/// Cleans a page as `picture` records that it was: nothing is measured anew, so
/// that the same original and settings give the same pixels.
pub fn clean_as_recorded(raster: &Raster, settings: &Cleaning, picture: &PagePicture) -> Raster {
    let survey = Survey::of(raster);
    let ink = survey.ink(picture.polarity);
    made(raster, settings, picture, &survey, &Blobs::of(&ink))
}

/// Straightening by less blurs more than it helps: over a line of 6 inches
/// 0.1° is a third of a line's height.
const LEAST_SKEW_DEGREES: f32 = 0.1;

fn clean_page(raster: &Raster, settings: &Cleaning, given: Option<(QuarterTurn, f32)>) -> Cleaned {
    let survey = Survey::of(raster);
    let polarity = polarity::find(&survey);
    let ink = survey.ink(polarity);
    let blobs = Blobs::of(&ink);
    let blank = blank::measure(&survey, &blobs, &ink, settings.blank_ink);
    let letters = (!blank.is_blank).then(|| Letters::among(&blobs, &ink));

    let is_asked = settings.upright && given.is_none();
    let find_lie = |letters: &Letters| upright::lie(raster, &survey, polarity, letters);
    let seen = letters.as_ref().filter(|_| is_asked).map(find_lie);
    let turn = given.or_else(|| seen?.turn).map_or(QuarterTurn::None, |(turn, _)| turn);
    let skew = letters.as_ref().and_then(|letters| upright::skew_after(turn, letters));
    let lie = match (&letters, skew.filter(|skew| skew.is_crooked()), seen) {
        // Lines a quarter turn apart are as crooked.
        (Some(letters), Some(skew), Some(lie)) => Some(upright::lie_of_crooked(letters, skew, lie)),
        (_, _, seen) => seen,
    };
    let lines = lie.and_then(|lie| lie.lines);
    let found = given.or_else(|| lie?.turn);
    let turn = found.map_or(QuarterTurn::None, |(turn, _)| turn);
    let straighten = skew.filter(|skew| is_to_be_straightened(*skew, settings));
    // On a page left negative the paper is as dark as the lid.
    let may_crop =
        settings.crop && (is_inverted(polarity, settings) || polarity == Polarity::Positive);
    let crop = may_crop
        .then(|| paper::find(&survey, polarity))
        .flatten()
        .map(|paper| turned_box(paper, raster.width(), raster.height(), turn));

    let picture = PagePicture {
        width: raster.width(),
        height: raster.height(),
        dpi: raster.dpi(),
        format: raster.format(),
        turn,
        turn_confidence: found.map(|(_, confidence)| confidence),
        skew_measured_degrees: skew.map(|skew| skew.degrees),
        skew_applied_degrees: straighten.map_or(0.0, |skew| skew.degrees),
        polarity,
        crop,
        blank,
    };
    let raster = made(raster, settings, &picture, &survey, &blobs);
    Cleaned { raster, picture, lines }
}

/// The page with all done to it that `picture` says and `settings` ask for.
fn made(
    raster: &Raster,
    settings: &Cleaning,
    picture: &PagePicture,
    survey: &Survey,
    blobs: &Blobs,
) -> Raster {
    let mut page = Cow::Borrowed(raster);
    if is_inverted(picture.polarity, settings) {
        page = Cow::Owned(inverted(&page));
    }
    if picture.turn != QuarterTurn::None {
        page = Cow::Owned(turned(&page, picture.turn));
    }
    if let Some(paper) = picture.crop {
        page = Cow::Owned(cropped(&page, paper));
    }
    if picture.skew_applied_degrees != 0.0 {
        let (width, height) = room_for(blobs, survey, picture, &page);
        page = Cow::Owned(rotate::rotated(&page, -picture.skew_applied_degrees, width, height));
    }
    if let Some(bitonal) = threshold::bitonal(&page, settings.threshold) {
        page = Cow::Owned(bitonal);
    }
    if settings.despeckle
        && let Some(despeckled) = threshold::despeckled(&page)
    {
        page = Cow::Owned(despeckled);
    }
    page.into_owned()
}

fn is_inverted(polarity: Polarity, settings: &Cleaning) -> bool {
    settings.invert_negative && polarity == Polarity::Negative
}

fn is_to_be_straightened(skew: Skew, settings: &Cleaning) -> bool {
    let angle = skew.degrees.abs();
    settings.deskew && (LEAST_SKEW_DEGREES..=settings.max_skew_degrees).contains(&angle)
}

/// Black for white and white for black, every pixel in its place.
pub fn inverted(raster: &Raster) -> Raster {
    let mut pixels: Vec<u8> = raster.pixels().iter().map(|byte| !byte).collect();
    let unused = (8 - raster.width() % 8) % 8;
    if raster.format() == PixelFormat::Bitonal && unused > 0 {
        for row in pixels.chunks_mut(raster.format().row_bytes(raster.width())) {
            if let Some(last) = row.last_mut() {
                *last &= 0xff << unused;
            }
        }
    }
    Raster::new(raster.width(), raster.height(), raster.dpi(), raster.format(), pixels)
        .expect("as many pixels as before")
}

/// `part` lies within the raster.
fn cropped(raster: &Raster, part: PixelBox) -> Raster {
    let format = raster.format();
    let (width, height) = (part.right - part.left, part.bottom - part.top);
    let mut pixels = Vec::with_capacity(format.row_bytes(width) * height as usize);
    for y in part.top..part.bottom {
        let row = raster.row(y);
        match format {
            PixelFormat::Bitonal => push_bits(row, part.left, width, &mut pixels),
            PixelFormat::Gray8 => {
                pixels.extend_from_slice(&row[part.left as usize..part.right as usize]);
            }
            PixelFormat::Rgb8 => {
                pixels.extend_from_slice(&row[part.left as usize * 3..part.right as usize * 3]);
            }
        }
    }
    Raster::new(width, height, raster.dpi(), format, pixels).expect("every row was copied")
}

fn push_bits(row: &[u8], left: u32, width: u32, pixels: &mut Vec<u8>) {
    let (first, shift) = (left as usize / 8, left % 8);
    let byte = |index: usize| u16::from(row.get(index).copied().unwrap_or(0));
    let count = PixelFormat::Bitonal.row_bytes(width);
    pixels
        .extend((first..first + count).map(|i| ((byte(i) << 8 | byte(i + 1)) << shift >> 8) as u8));
    let unused = (8 - width % 8) % 8;
    if let Some(last) = pixels.last_mut() {
        *last &= 0xff << unused;
    }
}

/// The size of the upright page: as it was, or more if straightening would push
/// ink over its edge. Its middle stays.
fn room_for(blobs: &Blobs, survey: &Survey, picture: &PagePicture, page: &Raster) -> (u32, u32) {
    // Coordinates about the middle.
    let geometry = Geometry::new(picture, 0, 0);
    let (right, bottom) = (survey.width() as u32, survey.height() as u32);
    // What reaches the scan's edge is a lid or a frame, or cut already.
    let inner =
        |blob: &&Blob| blob.left > 0 && blob.top > 0 && blob.right < right && blob.bottom < bottom;
    let paper = |x: f64, y: f64| {
        picture.crop.is_none_or(|paper| {
            let (x, y) = geometry.to_turned(x, y);
            (f64::from(paper.left)..f64::from(paper.right)).contains(&x)
                && (f64::from(paper.top)..f64::from(paper.bottom)).contains(&y)
        })
    };
    let least = (LEAST_INK_INCHES * survey.dpi as f32) as u32;
    let mut reach = (0f64, 0f64);
    for blob in blobs.iter().filter(inner).filter(|blob| blob.longer_side() > least) {
        for x in [blob.left, blob.right] {
            for y in [blob.top, blob.bottom] {
                let (x, y) = (f64::from(x * survey.factor), f64::from(y * survey.factor));
                if paper(x, y) {
                    let (x, y) = geometry.to_upright(x, y);
                    reach = (reach.0.max(x.abs()), reach.1.max(y.abs()));
                }
            }
        }
    }
    let side = |now: u32, half: f64| now.max((half * 2.0).ceil() as u32);
    (side(page.width(), reach.0), side(page.height(), reach.1))
}

/// Specks need no room.
const LEAST_INK_INCHES: f32 = 0.02;

#[cfg(test)]
mod tests;
