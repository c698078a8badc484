//! Which way up a page lies, and how crooked.
//!
//! Two witnesses: letters stand closer to the next in their line than to the
//! next line, so it is known whether lines run across or down; and more letters
//! rise above a line than hang below it. The second is heard only where small
//! letters are seen: among capitals, figures and Cyrillic whatever sticks out (a
//! comma, a Q) points as often the wrong way, and most surely so. Such a page may
//! be known to lie straight or sideways but not which way up: then it is left as
//! it is, and says so. A wrong turn is worse than none.

use super::blobs::{Blob, Blobs};
use super::rotate::rotated;
use super::survey::Survey;
use crate::imaging::leptonica::{LevelAngle, Pix};
use crate::imaging::turn::turned;
use crate::records::page::{Polarity, QuarterTurn};
use crate::records::raster::Raster;

/// How a page lies, as far as its letters tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lie {
    pub lines: Option<Lines>,
    /// The turn that makes it upright and how sure that is, in standard
    /// deviations of the count of ascenders.
    pub turn: Option<(QuarterTurn, f32)>,
}

/// Which way lines of text run on a page as scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// It stands upright or on its head.
    Across,
    /// It lies on its side.
    Down,
}

/// `letters` are the survey's. Where they do not tell, the page is looked at
/// again in all its detail, at four times the cost and still a tenth of
/// Tesseract's.
pub(super) fn lie(raster: &Raster, survey: &Survey, polarity: Polarity, letters: &Letters) -> Lie {
    let found = evidence(letters).lie();
    if found.turn.is_some() || survey.factor == 1 {
        return found;
    }
    let closer = Survey::in_detail(raster);
    let closer = evidence(&Letters::of(&closer.ink(polarity))).lie();
    Lie { lines: closer.lines.or(found.lines), turn: closer.turn }
}

/// The same of a page that lies crooked: by its letters once they are set level.
/// Where they do not tell, nothing of the crooked ones is believed but which way
/// the lines run.
pub(super) fn lie_of_crooked(letters: &Letters, skew: Skew, crooked: Lie) -> Lie {
    let (width, height) = (letters.raster.width(), letters.raster.height());
    let level = rotated(&letters.raster, -skew.degrees, width, height);
    let found = evidence(&Letters::of(&level)).lie();
    Lie { lines: found.lines.or(crooked.lines), turn: found.turn }
}

/// The angle of text lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Skew {
    /// Clockwise: lines fall to the right.
    pub degrees: f32,
}

impl Skew {
    /// Whether letters lie too crooked to tell which way up they stand.
    pub(super) fn is_crooked(self) -> bool {
        self.degrees.abs() > MOST_CROOKED_DEGREES
    }
}

/// Ascenders are counted by patterns that lie straight. Of one page of small
/// letters they say upright with 31 deviations at 8°, with 3 at 12.5°, and on its
/// head with 6 at 14.5° and 18 at 20°; set level, with 40 at each.
const MOST_CROOKED_DEGREES: f32 = 10.0;
/// The angles searched to either side at first: nearly every page.
const SKEW_RANGE_DEGREES: f32 = 15.0;
/// The angles searched where no lines are found among those. At its edge an
/// angle has no confidence: a page crooked by 14.5° is found only here.
const WIDE_RANGE_DEGREES: f32 = 30.0;
/// Print crooked by 14.5° to 25° is found with a confidence of 8 to 29, thin or
/// wavering letters with 4.3 to 6.4; hatching with 3.7, a photograph with 1.2.
const LEAST_WIDE_CONFIDENCE: f32 = 4.0;
/// Lines of text are level within half a degree, and are found among angles a
/// degree apart …
const SWEEP_STEP: f32 = 1.0;
/// … with a confidence of 5 to 40; below 3 leptonica advises to leave it.
const LEAST_SKEW_CONFIDENCE: f32 = 3.0;
/// The rows of a table are level within a tenth, and so may be found at an angle
/// where row after row meets the next column of the row above: with 2.7 to 9.3.
const DOUBTFUL_SKEW_CONFIDENCE: f32 = 12.0;
/// Where that is so, the page is swept again as fine as this, at twice the cost.
const FINE_SWEEP_STEP: f32 = 0.25;
/// Then a table's own angle has a confidence of 11 to 16, text's 2.1 to 9, and
/// what has no lines 1.1 to 1.5.
const LEAST_FINE_CONFIDENCE: f32 = 2.0;

/// The lines' angle once the page is turned; `None` where there are none.
pub(super) fn skew_after(turn: QuarterTurn, letters: &Letters) -> Option<Skew> {
    let pix = match turn {
        QuarterTurn::None | QuarterTurn::Half => Pix::from_raster(&letters.raster),
        QuarterTurn::Right | QuarterTurn::Left => Pix::from_raster(&turned(&letters.raster, turn)),
    };
    let found = pix.find_skew(SKEW_RANGE_DEGREES, SWEEP_STEP);
    let is_sure = |found: &LevelAngle| found.confidence >= DOUBTFUL_SKEW_CONFIDENCE;
    let level = if found.as_ref().is_some_and(is_sure) { found } else { better(&pix, found) };
    level.or_else(|| crooked(&pix)).map(|level| Skew { degrees: -level.degrees })
}

/// The angle of the coarse sweep or, if rows part better there, of a fine one.
fn better(pix: &Pix, coarse: Option<LevelAngle>) -> Option<LevelAngle> {
    let fine = pix.find_skew(SKEW_RANGE_DEGREES, FINE_SWEEP_STEP);
    match (coarse, fine) {
        (Some(coarse), Some(fine)) if fine.score <= coarse.score => Some(coarse),
        (_, Some(fine)) => return Some(fine).filter(|f| f.confidence >= LEAST_FINE_CONFIDENCE),
        (coarse, None) => coarse,
    }
    .filter(|coarse| coarse.confidence >= LEAST_SKEW_CONFIDENCE)
}

fn crooked(pix: &Pix) -> Option<LevelAngle> {
    let wide = pix.find_skew(WIDE_RANGE_DEGREES, SWEEP_STEP);
    wide.filter(|wide| wide.confidence >= LEAST_WIDE_CONFIDENCE)
}

/// Ink the size of letters: rules, frames, pictures and dust mislead every
/// witness.
pub(super) struct Letters {
    blobs: Vec<Blob>,
    raster: Raster,
}

impl Letters {
    pub(super) fn of(ink: &Raster) -> Letters {
        Letters::among(&Blobs::of(ink), ink)
    }

    pub(super) fn among(blobs: &Blobs, ink: &Raster) -> Letters {
        let inches = |inches: f32| (inches * ink.dpi().0 as f32) as u32;
        let (least, most_short, most_long) = (inches(0.02).max(2), inches(0.5), inches(1.5));
        let is_letter = |blob: &Blob| {
            blob.longer_side() >= least
                && blob.longer_side() <= most_long
                && blob.shorter_side() <= most_short
                && blob.longer_side() <= 12 * blob.shorter_side()
        };
        Letters {
            blobs: blobs.iter().filter(|blob| is_letter(blob)).copied().collect(),
            raster: blobs.painted(ink, is_letter),
        }
    }
}

/// What the letters of a page say about how it lies.
#[derive(Debug, Clone, Copy)]
struct Evidence {
    /// Part of the letters whose nearest neighbour is beside, not below: 1
    /// where all lines run across, 0 where all run down.
    across: f32,
    /// Part of neighbours that differ in height as small letters do, where
    /// lines run across, and where they run down.
    mixed: [f32; 2],
    /// How sure it is that letters stand upright; negative: upside down.
    up: f32,
    /// … that their tops point to the left; negative: to the right.
    left: f32,
}

fn evidence(letters: &Letters) -> Evidence {
    let (up, left) = Pix::from_raster(&letters.raster).orientation().unwrap_or_default();
    let Neighbours { across, mixed } = neighbours(letters);
    Evidence { across, mixed, up, left }
}

impl Evidence {
    fn lie(&self) -> Lie {
        let lines = self.lines();
        Lie { lines, turn: lines.and_then(|lines| self.turn(lines)) }
    }

    fn lines(&self) -> Option<Lines> {
        if self.across >= LINES_PART {
            Some(Lines::Across)
        } else if self.across <= 1.0 - LINES_PART {
            Some(Lines::Down)
        } else {
            None
        }
    }

    fn turn(&self, lines: Lines) -> Option<(QuarterTurn, f32)> {
        let [mixed_across, mixed_down] = self.mixed;
        let (turn, sure, other, mixed) = match lines {
            Lines::Across => {
                let turn = if self.up > 0.0 { QuarterTurn::None } else { QuarterTurn::Half };
                (turn, self.up.abs(), self.left.abs(), mixed_across)
            }
            Lines::Down => {
                let turn = if self.left > 0.0 { QuarterTurn::Right } else { QuarterTurn::Left };
                (turn, self.left.abs(), self.up.abs(), mixed_down)
            }
        };
        let needed = match turn {
            QuarterTurn::None => SURE_UPRIGHT,
            QuarterTurn::Half => SURE_UPSIDE_DOWN,
            QuarterTurn::Right | QuarterTurn::Left => SURE_SIDEWAYS,
        };
        let is_sure = sure >= needed && sure >= other * ASCENDER_RATIO;
        (mixed >= LEAST_MIXED && is_sure).then_some((turn, sure))
    }
}

/// Of neighbours in a line so large a part differ in height as `a` and `b` do:
/// 0.26 to 0.57 in English text and handwriting, 0.19 in Russian, none among
/// capitals, 0.02 among figures.
const LEAST_MIXED: f32 = 0.23;
/// Lines run one way if so large a part of the letters says so.
const LINES_PART: f32 = 0.7;
/// Ascenders point one way if they are this many times surer than across it.
const ASCENDER_RATIO: f32 = 1.2;
/// Standard deviations needed. Pages of text reach 8 to 58. Columns of figures,
/// whose digits lean one way, reach 9 sideways though they stand upright; forms
/// reach 5 upside down by chance.
const SURE_UPRIGHT: f32 = 4.0;
const SURE_UPSIDE_DOWN: f32 = 6.0;
const SURE_SIDEWAYS: f32 = 8.0;

/// A neighbour farther away belongs to another line or column. Inches.
const NEIGHBOUR_INCHES: f32 = 0.3;
/// A gap is the nearer one if it is at most this part of the other.
const NEARER: f32 = 0.7;
/// Fewer votes are no lines.
const LEAST_VOTES: u32 = 12;

/// How a page's letters stand to their neighbours.
struct Neighbours {
    /// Part of the letters whose nearest neighbour is beside, not below.
    across: f32,
    /// Part of neighbours of which one is taller as `b` is than `a`, where lines
    /// run across, and where they run down.
    mixed: [f32; 2],
}

fn neighbours(letters: &Letters) -> Neighbours {
    let far = (NEIGHBOUR_INCHES * letters.raster.dpi().0 as f32) as u32;
    let grid = Grid::of(&letters.blobs, letters.raster.width(), far);
    let (mut across, mut down) = (0u32, 0u32);
    let mut pairs = [Pairs::default(); 2];
    for blob in &letters.blobs {
        let [(beside, right), (below, lower)] = grid.neighbours(&letters.blobs, blob, far);
        if beside < far {
            pairs[0].count((blob.top, blob.bottom), (right.top, right.bottom));
        }
        if below < far {
            pairs[1].count((blob.left, blob.right), (lower.left, lower.right));
        }
        let (beside, below) = (beside as f32, below as f32);
        if beside <= NEARER * below {
            across += 1;
        } else if below <= NEARER * beside {
            down += 1;
        }
    }
    let votes = across + down;
    let across = if votes < LEAST_VOTES { 0.5 } else { across as f32 / votes as f32 };
    Neighbours { across, mixed: pairs.map(|pairs| pairs.part_mixed()) }
}

/// Letters beside each other, by how tall they are.
#[derive(Debug, Clone, Copy, Default)]
struct Pairs {
    alike: u32,
    mixed: u32,
}

/// Letters of one height differ by no more, pixels apart.
const ALIKE: f32 = 1.15;
/// `b` is 1.3 to 1.5 times as tall as `a`; commas are much less than half.
const TALLER: std::ops::RangeInclusive<f32> = 1.2..=1.9;

impl Pairs {
    /// Two neighbours, each by where it begins and ends across their line.
    fn count(&mut self, a: (u32, u32), b: (u32, u32)) {
        let (one, other) = (a.1 - a.0, b.1 - b.0);
        let (taller, shorter) = (one.max(other), one.min(other));
        let ratio = taller as f32 / shorter as f32;
        let slack = 1.max(taller / 10);
        let level = |x: u32, y: u32| x.abs_diff(y) <= slack;
        if (ratio < ALIKE || taller - shorter <= 1) && level(a.0, b.0) && level(a.1, b.1) {
            self.alike += 1;
        } else if TALLER.contains(&ratio) && level(a.0, b.0) != level(a.1, b.1) {
            self.mixed += 1;
        }
    }

    fn part_mixed(self) -> f32 {
        let pairs = self.alike + self.mixed;
        if pairs < LEAST_VOTES { 0.0 } else { self.mixed as f32 / pairs as f32 }
    }
}

/// Blobs by the square their top left corner is in.
struct Grid {
    cells: Vec<Vec<u32>>,
    across: usize,
    side: u32,
}

impl Grid {
    fn of(blobs: &[Blob], width: u32, side: u32) -> Grid {
        let side = side.max(1);
        let across = (width / side + 1) as usize;
        let down = blobs.iter().map(|blob| blob.top / side + 1).max().unwrap_or(0) as usize;
        let mut cells = vec![Vec::new(); across * down];
        for (index, blob) in blobs.iter().enumerate() {
            let cell = (blob.top / side) as usize * across + (blob.left / side) as usize;
            cells[cell].push(index as u32);
        }
        Grid { cells, across, side }
    }

    /// The nearest blob to the right and the nearest below, each with the gap
    /// to it; a gap of `far` and the blob itself where there is none so near.
    fn neighbours<'a>(&self, blobs: &'a [Blob], blob: &'a Blob, far: u32) -> [(u32, &'a Blob); 2] {
        let (mut beside, mut below) = ((far, blob), (far, blob));
        let cell = |at: u32| (at / self.side) as usize;
        let rows = cell(blob.top.saturating_sub(far))..=cell(blob.bottom + far);
        for row in rows {
            let start = row * self.across;
            let columns = cell(blob.left.saturating_sub(far))..=cell(blob.right + far);
            let columns = *columns.start()..(columns.end() + 1).min(self.across);
            let Some(cells) = self.cells.get(start + columns.start..start + columns.end) else {
                break;
            };
            for &index in cells.iter().flatten() {
                let other = &blobs[index as usize];
                let shared =
                    |a: (u32, u32), b: (u32, u32)| a.1.min(b.1).saturating_sub(a.0.max(b.0));
                let rows = shared((blob.top, blob.bottom), (other.top, other.bottom));
                let columns = shared((blob.left, blob.right), (other.left, other.right));
                let take_nearer = |nearest: &mut (u32, &'a Blob), gap: u32| {
                    if gap < nearest.0 {
                        *nearest = (gap, other);
                    }
                };
                if other.left >= blob.right && 2 * rows > blob.height().min(other.height()) {
                    take_nearer(&mut beside, other.left - blob.right);
                }
                if other.top >= blob.bottom && 2 * columns > blob.width().min(other.width()) {
                    take_nearer(&mut below, other.top - blob.bottom);
                }
            }
        }
        [beside, below]
    }
}
