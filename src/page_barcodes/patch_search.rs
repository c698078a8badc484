//! Patch codes on a page: four bars across it, found by lines that cross them.
//!
//! A line that crosses a patch sees its bars and spaces at very nearly their
//! true width even five degrees askew. One such line proves nothing; an inch of
//! them side by side does, and neither tables nor barcodes make one.

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
/// The shortest bars believed. Printed ones are at least 2 in long.
const SHORTEST_BARS_IN: f32 = 1.2;
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
    /// The first bar's outer edge and the last bar's, along it.
    from: f32,
    to: f32,
    code: PatchCode,
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
        .filter(|chain| is_a_patch(chain, step as f32, dpi))
        .map(|chain| {
            let middle = chain.iter().map(|s| (s.from + s.to) / 2.0).sum::<f32>();
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
            sights.push(Sight { line: place, from: edges[start], to: edges[start + 7], code });
        }
    }
    sights
}

/// Part of a line's whole range of gray between a bar and its paper.
const LEAST_CONTRAST: f32 = 0.35;
/// Narrow bars' widths of white before and after the bars.
const LEAST_QUIET: f32 = 1.5;

/// Widths in narrow bars' widths: bar, space, bar, space, bar, space, bar.
/// Fading and bleeding move both edges of a bar, so a bar is wide or narrow by
/// itself, but bars and spaces together keep their measure.
fn code_of(seven: &[f32]) -> Option<PatchCode> {
    let whole: f32 = seven.iter().sum();
    if (whole - 10.0).abs() > 1.2 {
        return None;
    }
    if seven.iter().skip(1).step_by(2).any(|space| !(0.5..=1.55).contains(space)) {
        return None;
    }
    let mut bars = [Width::Narrow; 4];
    for (bar, width) in bars.iter_mut().zip(seven.iter().step_by(2)) {
        *bar = match width {
            0.5..=1.55 => Width::Narrow,
            1.85..=3.2 => Width::Wide,
            _ => return None,
        };
    }
    PatchCode::ALL.into_iter().find(|code| patch::pattern(*code) == bars)
}

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
                && (sight.from - last.from).abs() <= STEEPEST * apart + 0.5 * step
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

fn transposed(page: &Gray) -> Gray<'static> {
    let mut pixels = Vec::with_capacity(page.pixels.len());
    for x in 0..page.width {
        pixels.extend((0..page.height).map(|y| page.pixels[y * page.width + x]));
    }
    Gray::new(page.height, page.width, pixels)
}
