//! Patch codes on a page: four bars across it, found by lines that cross them.
//!
//! A line that crosses a patch sees its bars and spaces at very nearly their
//! true width even five degrees askew. One such line proves nothing; an inch of
//! them side by side, near an edge of the page, with bars that begin and end
//! together does, and neither tables nor barcodes make one.

use super::gray::Gray;
use super::patch::{self, Width};
use super::profile::edges;
use crate::records::barcode::Reading;
use crate::records::cover_sheet::looks_like_ours;
use crate::records::page::QuarterTurn;
use crate::records::separator::{PatchCode, PatchReading};

/// How the bars of a patch lie on the raster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// Read from the top down.
    BarsAcross,
    /// Read from left to right.
    BarsUpright,
}

/// A patch as it lies, not knowing which way up the sheet was.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Patch {
    lie: Lie,
    code: PatchCode,
    /// Of its middle, along the direction it is read in, as a part of the page.
    place: f32,
}

/// Narrow bars and spaces, inches (Kodak A-61599).
const NARROW_IN: f32 = 0.08;
/// Inches between two lines that look for bars.
const LINES_APART_IN: f32 = 0.08;
/// The shortest bars believed. Printed ones are at least 2 in long; askew, the
/// lines that cross all four are fewer.
const SHORTEST_BARS_IN: f32 = 1.6;
/// From the edge of the paper that leads or trails to the nearest bar: printed at
/// most 3.75 in, and looked for by others in the first 4 in.
const FARTHEST_IN_IN: f32 = 4.0;
/// Inches by which the ends of the four bars may differ, beside their lean.
const FLUSH_IN: f32 = 0.16;
/// How far bars may lean, as a slope: about seven degrees.
const STEEPEST: f32 = 0.12;
/// Part of the lines over a patch's length that must have seen it.
const LEAST_SEEN: f32 = 0.6;

/// The patches on a page whose resolution is `dpi`. `codes` are the barcodes
/// read on it: only one of our own sheets says which way up it lies.
pub(super) fn find(page: &Gray, dpi: f32, codes: &[Reading]) -> Vec<PatchReading> {
    let mut patches = crossed(page, dpi, Lie::BarsAcross);
    patches.extend(crossed(&transposed(page), dpi, Lie::BarsUpright));
    let upright = way_up(codes);
    let mut readings: Vec<PatchReading> = Vec::new();
    for patch in &patches {
        let reading = reading(patch, &patches, upright);
        if !readings.contains(&reading) {
            readings.push(reading);
        }
    }
    readings
}

fn reading(patch: &Patch, all: &[Patch], upright: Option<QuarterTurn>) -> PatchReading {
    let turned = patch.code.turned_180();
    if patch.code == turned {
        return PatchReading::Known(patch.code);
    }
    let facing = |other: &Patch| {
        other.lie == patch.lie && other.code == turned && (other.place < 0.5) != (patch.place < 0.5)
    };
    if all.iter().any(facing) {
        // The same patch at both ends of the sheet, each to be read from its
        // own end: it says one thing either way up.
        return PatchReading::Known(if patch.place < 0.5 { patch.code } else { turned });
    }
    match (patch.lie, upright) {
        (Lie::BarsAcross, Some(QuarterTurn::None))
        | (Lie::BarsUpright, Some(QuarterTurn::Left)) => PatchReading::Known(patch.code),
        (Lie::BarsAcross, Some(QuarterTurn::Half))
        | (Lie::BarsUpright, Some(QuarterTurn::Right)) => PatchReading::Known(turned),
        (Lie::BarsAcross, Some(QuarterTurn::Left | QuarterTurn::Right) | None)
        | (Lie::BarsUpright, Some(QuarterTurn::None | QuarterTurn::Half) | None) => {
            PatchReading::EitherWayUp(patch.code, turned)
        }
    }
}

/// How far our own sheet lies turned clockwise, if its codes agree on it.
fn way_up(codes: &[Reading]) -> Option<QuarterTurn> {
    let mut turns = codes.iter().filter(|c| looks_like_ours(&c.text)).map(|code| {
        match code.orientation_degrees {
            0..=20 | 340..=359 => Some(QuarterTurn::None),
            70..=110 => Some(QuarterTurn::Right),
            160..=200 => Some(QuarterTurn::Half),
            250..=290 => Some(QuarterTurn::Left),
            _ => None,
        }
    });
    let first = turns.next()??;
    turns.all(|turn| turn == Some(first)).then_some(first)
}

/// A patch as one line saw it.
#[derive(Clone, Copy)]
struct Sight {
    /// Where the line stands, in pixels across the direction it looks in.
    line: f32,
    /// Where the four bars begin and end, along it.
    edges: [f32; 8],
    code: PatchCode,
}

impl Sight {
    fn from(&self) -> f32 {
        self.edges[0]
    }

    fn to(&self) -> f32 {
        self.edges[7]
    }

    fn middle(&self) -> f32 {
        (self.from() + self.to()) / 2.0
    }

    /// The spaces' middles.
    fn spaces(&self) -> [f32; 3] {
        [0, 1, 2].map(|i| self.edges[2 * i + 1] + self.edges[2 * i + 2]).map(|sum| sum / 2.0)
    }

    /// The bars' middles.
    fn bars(&self) -> [f32; 4] {
        [0, 1, 2, 3].map(|i| self.edges[2 * i] + self.edges[2 * i + 1]).map(|sum| sum / 2.0)
    }
}

/// Patches whose bars lie across the page, by lines from its top to its bottom.
fn crossed(page: &Gray, dpi: f32, lie: Lie) -> Vec<Patch> {
    let unit = NARROW_IN * dpi;
    let step = ((LINES_APART_IN * dpi) as usize).max(1);
    let mut sights: Vec<Sight> = Vec::new();
    let mut line = vec![0.0; page.height];
    for x in (0..page.width.saturating_sub(step)).step_by(step) {
        for (y, value) in line.iter_mut().enumerate() {
            let across = &page.row(y)[x..x + step];
            *value = across.iter().map(|p| f32::from(*p)).sum::<f32>() / step as f32;
        }
        sights.extend(sights_on(&line, x as f32, unit));
    }
    chains(&sights, step as f32)
        .into_iter()
        .filter(|chain| {
            is_a_patch(chain, step as f32, dpi)
                && is_near_an_edge(page, chain, dpi)
                && ends_together(page, chain, dpi)
        })
        .map(|chain| {
            let middle = chain.iter().map(Sight::middle).sum::<f32>();
            let place = middle / chain.len() as f32 / page.height as f32;
            Patch { lie, code: chain[0].code, place }
        })
        .collect()
}

fn sights_on(line: &[f32], place: f32, unit: f32) -> Vec<Sight> {
    let edges = edges(line, LEAST_CONTRAST);
    let widths: Vec<f32> = edges.windows(2).map(|e| (e[1] - e[0]) / unit).collect();
    let mut sights = Vec::new();
    // Even widths are bars.
    for start in (0..widths.len()).step_by(2) {
        let Some(seven) = widths.get(start..start + 7) else { break };
        let before = start.checked_sub(1).map(|i| widths[i]);
        let after = widths.get(start + 7).copied();
        let quiet = [before, after].into_iter().flatten().all(|white| white > LEAST_QUIET);
        if let (true, Some(code)) = (quiet, code_of(seven)) {
            let edges = std::array::from_fn(|i| edges[start + i]);
            sights.push(Sight { line: place, edges, code });
        }
    }
    sights
}

/// Part of a line's whole range of gray between a bar and its paper.
const LEAST_CONTRAST: f32 = 0.35;
/// Narrow bars' widths of white before and after the bars.
const LEAST_QUIET: f32 = 1.5;

/// Widths in narrow bars' widths: bar, space, bar, space, bar, space, bar.
/// Fading and bleeding move both edges of every bar by as much, which the spaces
/// show; bars and spaces together keep their measure.
fn code_of(seven: &[f32]) -> Option<PatchCode> {
    let whole: f32 = seven.iter().sum();
    if (whole - 10.0).abs() > 1.2 {
        return None;
    }
    let scale = whole / 10.0;
    let spaces = seven.iter().skip(1).step_by(2);
    let space = spaces.clone().sum::<f32>() / 3.0;
    if spaces.clone().any(|s| (s - space).abs() > UNEVEN) || !(0.45..=1.6).contains(&space) {
        return None;
    }
    let spread = scale - space;
    let mut bars = [Width::Narrow; 4];
    for (bar, width) in bars.iter_mut().zip(seven.iter().step_by(2)) {
        let is = |units: f32| (width - units * scale - spread).abs() <= UNEVEN;
        *bar = match (is(1.0), is(2.5)) {
            (true, _) => Width::Narrow,
            (_, true) => Width::Wide,
            (false, false) => return None,
        };
    }
    PatchCode::ALL.into_iter().find(|code| patch::pattern(*code) == bars)
}

/// Narrow bars' widths by which one bar or space may differ from its like:
/// 0.024 in.
const UNEVEN: f32 = 0.3;

/// Sights of one code on lines side by side, each a little further on.
fn chains(sights: &[Sight], step: f32) -> Vec<Vec<Sight>> {
    let mut chains: Vec<Vec<Sight>> = Vec::new();
    for sight in sights {
        let follows = |chain: &&mut Vec<Sight>| {
            let last = chain[chain.len() - 1];
            let apart = sight.line - last.line;
            last.code == sight.code
                && apart > 0.0
                && apart <= 4.0 * step
                && (sight.from() - last.from()).abs() <= STEEPEST * apart + 0.5 * step
        };
        match chains.iter_mut().find(follows) {
            Some(chain) => chain.push(*sight),
            None => chains.push(vec![*sight]),
        }
    }
    chains
}

fn is_a_patch(chain: &[Sight], step: f32, dpi: f32) -> bool {
    let length = chain[chain.len() - 1].line - chain[0].line + step;
    let seen = chain.len() as f32 * step / length;
    length >= SHORTEST_BARS_IN * dpi && seen >= LEAST_SEEN
}

/// Patches stand where the feeder's sensor or the software looks first, at either
/// end of the sheet (Kodak A-61599).
fn is_near_an_edge(page: &Gray, chain: &[Sight], dpi: f32) -> bool {
    let count = chain.len() as f32;
    let from = chain.iter().map(Sight::from).sum::<f32>() / count;
    let to = chain.iter().map(Sight::to).sum::<f32>() / count;
    from.min(page.height as f32 - to) <= FARTHEST_IN_IN * dpi
}

/// The bars of a patch are equally long. A table's head, a flag or lines blacked
/// out by hand seldom are.
fn ends_together(page: &Gray, chain: &[Sight], dpi: f32) -> bool {
    let (first, last) = (chain[0], chain[chain.len() - 1]);
    let lean = (last.from() - first.from()) / (last.line - first.line).max(1.0);
    let allowed = FLUSH_IN * dpi + lean.abs() * (last.to() - last.from());
    let reach = (NARROW_IN * dpi / 4.0) as i32;
    let level = level(page, chain, reach);
    [(first, -1.0), (last, 1.0)].into_iter().all(|(sight, direction)| {
        let end = |bar: f32| {
            let is_dark = |along: f32| {
                let along = direction * along;
                mean_around(page, sight.line + along, bar + along * lean, reach) < level
            };
            goes_on(is_dark, NARROW_IN * dpi)
        };
        let ends = sight.bars().map(end);
        let least = ends.iter().copied().fold(f32::MAX, f32::min);
        let most = ends.iter().copied().fold(0.0, f32::max);
        most - least <= allowed
    })
}

/// Gray between the bars' and their spaces'.
fn level(page: &Gray, chain: &[Sight], reach: i32) -> f32 {
    let sums = chain.iter().map(|sight| {
        let bars = sight.bars().map(|bar| mean_around(page, sight.line, bar, reach));
        let spaces = sight.spaces().map(|space| mean_around(page, sight.line, space, reach));
        bars.iter().sum::<f32>() / 8.0 + spaces.iter().sum::<f32>() / 6.0
    });
    sums.sum::<f32>() / chain.len() as f32
}

fn mean_around(page: &Gray, x: f32, y: f32, reach: i32) -> f32 {
    let around = (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)));
    let sum: f32 = around.map(|(dx, dy)| page.at(x + dx as f32, y + dy as f32)).sum();
    sum / ((2 * reach + 1) * (2 * reach + 1)) as f32
}

/// Pixels from a place to the last dark one before `gap` pixels of paper.
fn goes_on(is_dark: impl Fn(f32) -> bool, gap: f32) -> f32 {
    let (mut end, mut along) = (0.0, 0.0);
    while along - end < gap && along < LONGEST_BAR {
        along += 1.0;
        if is_dark(along) {
            end = along;
        }
    }
    end
}

/// Pixels: beyond is the page's end, whose last pixels go on for ever.
const LONGEST_BAR: f32 = 5_000.0;

fn transposed(page: &Gray) -> Gray<'static> {
    let mut pixels = Vec::with_capacity(page.pixels.len());
    for x in 0..page.width {
        pixels.extend((0..page.height).map(|y| page.pixels[y * page.width + x]));
    }
    Gray::new(page.height, page.width, pixels)
}
