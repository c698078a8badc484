//! Barcodes and patch codes: read on a page, drawn on paper.
//!
//! The only module that names rxing. It knows pixels and bars; what a text
//! means is for `records::cover_sheet` and the pipeline.
//!
//! Reading a page is looking twice. The first look, at a half-size map, costs
//! the same for every page and says where bars or modules may stand
//! ([`locate`]). Only there the second look climbs a ladder of ways to see them
//! ([`linear`], [`matrix`]), so that an ordinary page is cheap and a bad cover
//! sheet gets everything we know. Patch codes have their own search
//! ([`patch_search`]).

pub mod draw;
mod elements;
mod gray;
mod linear;
mod locate;
mod matrix;
pub mod patch;
mod patch_search;
mod profile;
mod readers;
mod restore;
mod threshold;

use std::ops::RangeInclusive;

use crate::profile::BarcodeRules;
use crate::records::barcode::{Point, Reading, Symbology};
use crate::records::page::PageReadings;
use crate::records::raster::Raster;
use gray::{Frame, Gray};
use linear::LinearRules;
use locate::{Block, Cells, Stripe};
use matrix::Patience;
use profile::Bars;

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Where bars or modules seem to be: for every page.
    Ordinary,
    /// Everywhere, and without haste: a second look at a page that should carry
    /// a code, original or cleaned. Takes up to seconds.
    Stubborn,
}

/// Reads everything on a page. Places are in pixels of `raster`; give the
/// original first, the cleaned page only where the original gave nothing.
pub fn read(raster: &Raster, rules: &BarcodeRules, effort: Effort) -> PageReadings {
    let page = Gray::of(raster);
    let dpi = credible_dpi(raster);
    let map = Map::of(&page, dpi);
    let mut codes = read_codes(&page, &map, rules, effort);
    if codes.is_empty() && is_worth_every_look(&page, effort) {
        let inverted = page.inverted();
        codes = read_codes(&inverted, &Map::of(&inverted, dpi), rules, effort);
    }
    let patches = if rules.patch_codes {
        patch_search::find(&map.gray.halved(), dpi / map.scale / 2.0, &codes)
    } else {
        Vec::new()
    };
    PageReadings { codes, patches }
}

fn read_codes(page: &Gray, map: &Map, rules: &BarcodeRules, effort: Effort) -> Vec<Reading> {
    let mut codes = Vec::new();
    if let Some(cells) = Cells::of(&map.gray) {
        codes.extend(read_stripes(page, map, &cells, rules, effort));
        codes.extend(read_blocks(page, map, &cells, rules, effort));
    }
    if is_worth_every_look(page, effort) {
        codes.extend(read_everywhere(page, rules));
    }
    codes.retain(is_written);
    merged(codes)
}

/// A picture that is no page but perhaps a label or a photograph has large
/// codes, and looking everywhere in it is cheap.
fn is_worth_every_look(page: &Gray, effort: Effort) -> bool {
    effort == Effort::Stubborn || page.width * page.height < SMALL_PICTURE
}

/// Whether it is something people print. The smallest Data Matrix holds three
/// characters, and noise now and then corrects itself into one: into control
/// characters, of which only those of GS1 and ISO/IEC 15434 and ends of line
/// stand in a code on paper.
fn is_written(reading: &Reading) -> bool {
    let printed = |c: char| {
        !c.is_control() || matches!(c, '\u{1d}' | '\u{1e}' | '\u{4}' | '\t' | '\r' | '\n')
    };
    reading.symbology != Symbology::DataMatrix || reading.text.chars().all(printed)
}

/// Pixels of a picture that is no page.
const SMALL_PICTURE: usize = 700_000;

/// Dots per inch the raster claims, or where that is no scanner's, those that
/// make its short side that of a letter page.
fn credible_dpi(raster: &Raster) -> f32 {
    let claimed = raster.dpi().0;
    if (72..=1200).contains(&claimed) {
        claimed as f32
    } else {
        raster.width().min(raster.height()) as f32 / 8.5
    }
}

/// The page at 100 to 250 dpi, where it is looked over first.
struct Map<'a> {
    gray: Gray<'a>,
    /// Pixels of the page for each of the map.
    scale: f32,
}

impl Map<'_> {
    fn of<'a>(page: &'a Gray, dpi: f32) -> Map<'a> {
        let mut map = Map { gray: Gray { pixels: (&*page.pixels).into(), ..*page }, scale: 1.0 };
        while dpi / map.scale >= 250.0 {
            map = Map { gray: map.gray.halved(), scale: 2.0 * map.scale };
        }
        map
    }
}

/// Neighbourhoods looked at for bars, in cells: ordinary and very wide ones.
const STRIPE_REACHES: [usize; 2] = [1, 3];

/// Blocks of an ordinary page that may climb the whole ladder in vain, the most
/// promising first: a page of bold print has dozens that look like small codes.
const MOST_PROMISING: usize = 3;

/// Places looked at in vain before the rest, which show less, are believed to
/// hold nothing either.
fn most_in_vain(effort: Effort) -> usize {
    match effort {
        Effort::Ordinary => 16,
        Effort::Stubborn => 200,
    }
}

/// Stripes that may be read as PDF417 where they are not: halftones look like
/// them.
fn most_stacks(effort: Effort) -> u32 {
    match effort {
        Effort::Ordinary => 3,
        Effort::Stubborn => 40,
    }
}

fn read_stripes(
    page: &Gray,
    map: &Map,
    cells: &Cells,
    rules: &BarcodeRules,
    effort: Effort,
) -> Vec<Reading> {
    const LINEAR: [Symbology; 4] =
        [Symbology::Code128, Symbology::Code39, Symbology::Codabar, Symbology::Itf];
    let symbologies = chosen(rules, &LINEAR);
    let linear =
        LinearRules { symbologies: &symbologies, itf_lengths: &rules.itf_lengths, sharpen: true };
    let mut readings: Vec<Reading> = Vec::new();
    let mut stacks = 0;
    for reach in STRIPE_REACHES {
        let mut in_vain = 0;
        for stripe in cells.stripes(reach) {
            if in_vain == most_in_vain(effort) {
                break;
            }
            let frame = stripe_frame(stripe, map.scale);
            if readings.iter().any(|r| covers(r, frame.center())) {
                continue;
            }
            let bars = Bars::align(page, frame);
            let mut found = bars.as_ref().map_or(Vec::new(), |b| read_layers(page, b, linear));
            let may_be_stack =
                rules.symbologies.contains(&Symbology::Pdf417) && stacks < most_stacks(effort);
            if found.is_empty()
                && may_be_stack
                && let Some(stack) = bars.and_then(|b| stack_frame(page, map, &b))
            {
                stacks += 1;
                let stacked = matrix::read_stacked(page, stack, Patience::Whole);
                found.extend(stacked.into_iter().map(matrix_reading));
            }
            let is_worth_slicing = in_vain < MOST_SLICED && is_worth_every_look(page, effort);
            if found.is_empty() && is_worth_slicing {
                found = read_slices(page, frame, linear);
            }
            in_vain += usize::from(found.is_empty());
            readings.extend(found);
        }
    }
    readings
}

/// The linear codes in a stripe. Labels close above each other make one stripe:
/// what was read in a part of it leaves the rest to be read. The same text once
/// more is the same code, with something written across it.
fn read_layers(page: &Gray, bars: &Bars, rules: LinearRules) -> Vec<Reading> {
    let mut readings: Vec<Reading> =
        linear::read_bars(bars, rules).into_iter().map(linear_reading).collect();
    let layers = bars.layers();
    if !(2..=MOST_LAYERS).contains(&layers.len()) {
        return readings;
    }
    let barred = bars.barred();
    let ((_, top), (_, bottom)) = (bars.in_frame(0.0, barred.from), bars.in_frame(0.0, barred.to));
    for layer in layers {
        let was_tried = readings.is_empty() && layer.height > 0.8 * (bottom - top);
        if was_tried || readings.iter().any(|r| covers(r, layer.center())) {
            continue;
        }
        let Some(bars) = Bars::align(page, layer) else { continue };
        for reading in linear::read_bars(&bars, rules).into_iter().map(linear_reading) {
            if !readings.iter().any(|r| r.text == reading.text) {
                readings.push(reading);
            }
        }
    }
    readings
}

/// More are the rows of a PDF417, or a picture.
const MOST_LAYERS: usize = 8;

/// Slices of a stripe, each aligned for itself: in a photograph the bars fan out
/// or bend with the paper, and over their whole height run into each other. So
/// little of the bars is easily misread: two slices must say the same.
fn read_slices(page: &Gray, frame: Frame, rules: LinearRules) -> Vec<Reading> {
    let rules = LinearRules { sharpen: false, ..rules };
    let height = frame.height / SLICES as f32;
    let mut readings: Vec<Reading> = (0..SLICES)
        .map(|i| frame.part(0.0, i as f32 * height, frame.width, height))
        .filter_map(|slice| Bars::align(page, slice))
        .flat_map(|bars| linear::read_bars(&bars, rules))
        .map(linear_reading)
        .collect();
    let mut agreed: Vec<Reading> = Vec::new();
    while let Some(reading) = readings.pop() {
        let same = |r: &Reading| r.symbology == reading.symbology && r.text == reading.text;
        if readings.iter().any(same) && !agreed.iter().any(same) {
            agreed.push(reading);
        }
    }
    agreed
}

const SLICES: usize = 8;
/// Stripes cut into slices in vain: of a photograph's, those of its code are
/// among the strongest.
const MOST_SLICED: usize = 6;

/// Where bars that show the start or stop of a PDF417 have the whole of it.
fn stack_frame(page: &Gray, map: &Map, bars: &Bars) -> Option<Frame> {
    let whole = bars.to_the_quiet_zones(page).filter(Bars::shows_pdf417)?;
    let margin = STRIPE_MARGIN * map.scale;
    Some(whole.frame.grown(margin, margin))
}

fn read_blocks(
    page: &Gray,
    map: &Map,
    cells: &Cells,
    rules: &BarcodeRules,
    effort: Effort,
) -> Vec<Reading> {
    let symbologies = chosen(rules, &[Symbology::Qr, Symbology::DataMatrix]);
    if symbologies.is_empty() {
        return Vec::new();
    }
    let mut readings = Vec::new();
    let mut in_vain = 0;
    for block in cells.blocks() {
        if in_vain == most_in_vain(effort) {
            break;
        }
        let patience = match effort {
            Effort::Stubborn => Patience::Whole,
            Effort::Ordinary if in_vain < MOST_PROMISING && block.is_promising() => Patience::Whole,
            Effort::Ordinary => Patience::Glance,
        };
        let frame = block_frame(block, map.scale);
        let found = matrix::read_frame(page, frame, &symbologies, patience);
        in_vain += usize::from(found.is_empty());
        readings.extend(found.into_iter().map(matrix_reading));
    }
    readings
}

/// The whole page as one piece, for matrix codes that [`locate`] did not see.
fn read_everywhere(page: &Gray, rules: &BarcodeRules) -> Vec<Reading> {
    let (width, height) = (page.width as f32, page.height as f32);
    let frame = Frame { x: 0.0, y: 0.0, angle: 0.0, width, height };
    let symbologies = chosen(rules, &[Symbology::Qr, Symbology::DataMatrix]);
    let mut found = matrix::read_frame(page, frame, &symbologies, Patience::Page);
    if rules.symbologies.contains(&Symbology::Pdf417) {
        found.extend(matrix::read_stacked(page, frame, Patience::Page));
    }
    found.into_iter().map(matrix_reading).collect()
}

fn chosen(rules: &BarcodeRules, among: &[Symbology]) -> Vec<Symbology> {
    among.iter().copied().filter(|s| rules.symbologies.contains(s)).collect()
}

/// Pixels of the map around a stripe or block that a quiet zone needs.
const STRIPE_MARGIN: f32 = 24.0;
const BLOCK_MARGIN: f32 = 16.0;

fn stripe_frame(stripe: Stripe, scale: f32) -> Frame {
    let margin = (0.1 * stripe.length).max(STRIPE_MARGIN);
    let (width, height) = (stripe.length * scale, stripe.height * scale);
    let center = (stripe.center.0 * scale, stripe.center.1 * scale);
    Frame::around(center, stripe.angle, width, height).grown(margin * scale, 0.0)
}

fn block_frame(block: Block, scale: f32) -> Frame {
    let [left, top, right, bottom] =
        [block.left, block.top, block.right, block.bottom].map(|v| v as f32 * scale);
    let frame = Frame { x: left, y: top, angle: 0.0, width: right - left, height: bottom - top };
    frame.grown(BLOCK_MARGIN * scale, BLOCK_MARGIN * scale)
}

fn linear_reading(found: linear::Found) -> Reading {
    let frame = found.frame;
    Reading {
        symbology: found.symbology,
        text: found.text,
        corners: frame.corners().map(point),
        orientation_degrees: degrees(frame.angle),
        found_by: found.rung.to_owned(),
    }
}

fn matrix_reading(found: matrix::Found) -> Reading {
    let [(left, from), (right, to), ..] = found.corners;
    Reading {
        symbology: found.symbology,
        text: found.text,
        corners: found.corners.map(point),
        orientation_degrees: degrees((to - from).atan2(right - left)),
        found_by: found.rung.to_owned(),
    }
}

fn point((x, y): (f32, f32)) -> Point {
    Point { x: x.round() as i32, y: y.round() as i32 }
}

fn degrees(angle: f32) -> u16 {
    angle.to_degrees().round().rem_euclid(360.0) as u16 % 360
}

/// One reading for each code: the same text in the same place is the same code
/// seen by another way.
fn merged(readings: Vec<Reading>) -> Vec<Reading> {
    let mut kept: Vec<Reading> = Vec::new();
    for reading in readings {
        let same = |k: &Reading| {
            k.symbology == reading.symbology && k.text == reading.text && overlap(k, &reading)
        };
        if !kept.iter().any(same) {
            kept.push(reading);
        }
    }
    kept
}

fn overlap(a: &Reading, b: &Reading) -> bool {
    let ((ax, ay), (bx, by)) = (extent(a), extent(b));
    ax.start() <= bx.end()
        && bx.start() <= ax.end()
        && ay.start() <= by.end()
        && by.start() <= ay.end()
}

fn covers(reading: &Reading, (x, y): (f32, f32)) -> bool {
    let (across, down) = extent(reading);
    across.contains(&(x as i32)) && down.contains(&(y as i32))
}

/// The upright box around a code, in pixels of the page.
fn extent(reading: &Reading) -> (RangeInclusive<i32>, RangeInclusive<i32>) {
    let range = |along: fn(&Point) -> i32| {
        let values = reading.corners.iter().map(along);
        values.clone().min().unwrap_or(0)..=values.max().unwrap_or(0)
    };
    (range(|p| p.x), range(|p| p.y))
}
