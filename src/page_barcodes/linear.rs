//! Linear codes in a stripe: a ladder of ways to see its bars, and the
//! agreement that makes a reading believed.
//!
//! Code 39, Codabar and ITF carry no check of their own, and under blur even a
//! Code 128 misreads past its check now and then. So no reading is taken from
//! one look: parts of the bars' height that share no pixel must say the same,
//! the code must account for every bar between its two quiet zones, and nothing
//! in the same place may have said anything else as often.

use super::elements;
use super::gray::Frame;
use super::profile::{Band, Bars, Combine, edges, sharpened};
use super::readers::read_row;
use crate::records::barcode::Symbology;

/// A code, as a frame of the page that reads from left to right.
#[derive(Clone, PartialEq)]
pub(super) struct Found {
    pub symbology: Symbology,
    pub text: String,
    pub frame: Frame,
    pub rung: &'static str,
}

/// What may be read.
#[derive(Clone, Copy)]
pub(super) struct LinearRules<'a> {
    pub symbologies: &'a [Symbology],
    pub itf_lengths: &'a [usize],
    /// Also take blur back, which costs the most.
    pub sharpen: bool,
}

/// One way to see the bars.
struct Rung {
    name: &'static str,
    combine: Combine,
    /// Pixels of the page.
    blur: Option<f32>,
    prominence: f32,
}

const fn rung(name: &'static str, combine: Combine, blur: Option<f32>, prominence: f32) -> Rung {
    Rung { name, combine, blur, prominence }
}

const LADDER: [Rung; 8] = [
    rung("bars added up", Combine::Mean, None, 0.25),
    rung("bars added up, faint", Combine::Mean, None, 0.1),
    rung("bars added up, sharpened 1", Combine::Mean, Some(1.0), 0.15),
    rung("bars added up, sharpened 1.5", Combine::Mean, Some(1.5), 0.15),
    rung("bars added up, sharpened 2", Combine::Mean, Some(2.0), 0.15),
    rung("bars added up, sharpened 2.5", Combine::Mean, Some(2.5), 0.12),
    rung("bars added up, sharpened 3", Combine::Mean, Some(3.0), 0.1),
    rung("median of bars", Combine::Median, None, 0.2),
];

/// Fewer bars and spaces than in the shortest code of any symbology.
const FEWEST_RUNS: usize = 17;

/// Edges that a blurred code still shows; fewer are a ruled line or a letter, and
/// not worth sharpening.
const FEWEST_EDGES: usize = 10;

/// Reads every linear code in a stripe.
pub(super) fn read_bars(bars: &Bars, rules: LinearRules) -> Vec<Found> {
    let bands = bands(bars.barred());
    let mut votes: Vec<Vote> = Vec::new();
    let mut found: Vec<Found> = Vec::new();
    let mut most_edges = 0;
    for rung in &LADDER {
        if rung.blur.is_some() && (most_edges < FEWEST_EDGES || !rules.sharpen) {
            continue;
        }
        let mut unread = false;
        let from = votes.len();
        for band in &bands {
            let (edges, islands) = islands(bars, *band, rung);
            most_edges = most_edges.max(edges);
            for island in &islands {
                match island.read(rules) {
                    Some((part, symbology, text, reversed)) => votes.push(Vote {
                        symbology,
                        text,
                        reversed,
                        band: *band,
                        from: part.from(),
                        to: part.to(),
                    }),
                    None => unread = true,
                }
            }
        }
        for vote in believed(&votes, from) {
            if !found.iter().any(|f| f.text == vote.text && f.symbology == vote.symbology) {
                found.push(vote.found(bars, rung.name));
            }
        }
        if !found.is_empty() && !unread {
            break;
        }
        if !found.is_empty() && votes[from..].is_empty() {
            break;
        }
    }
    found
}

/// The whole height, its halves and its quarters.
fn bands(all: Band) -> Vec<Band> {
    let lines = all.to - all.from;
    let mut bands = vec![all];
    for parts in [2, 4] {
        if lines >= 2 * parts {
            bands.extend((0..parts).map(|i| Band {
                from: all.from + lines * i / parts,
                to: all.from + lines * (i + 1) / parts,
            }));
        }
    }
    bands
}

/// A reading of one band.
#[derive(Clone)]
struct Vote {
    symbology: Symbology,
    text: String,
    reversed: bool,
    band: Band,
    /// Samples along the line.
    from: f32,
    to: f32,
}

impl Vote {
    fn agrees(&self, other: &Vote) -> bool {
        self.symbology == other.symbology
            && self.text == other.text
            && self.reversed == other.reversed
            && self.same_place(other)
    }

    fn same_place(&self, other: &Vote) -> bool {
        self.from < other.to && other.from < self.to
    }

    fn found(&self, bars: &Bars, rung: &'static str) -> Found {
        let (left, top) = bars.in_frame(self.from, self.band.from);
        let (right, bottom) = bars.in_frame(self.to, self.band.to);
        let mut frame = bars.frame.part(left, top, right - left, bottom - top);
        if self.reversed {
            (frame.x, frame.y) = frame.on_page(frame.width, frame.height);
            frame.angle += std::f32::consts::PI;
        }
        Found { symbology: self.symbology, text: self.text.clone(), frame, rung }
    }
}

/// The readings that two separate parts of the bars agree on within the newest
/// rung, with the whole extent they were read in. A reading that disagrees as
/// often, in any rung so far, takes the belief away.
fn believed(votes: &[Vote], newest: usize) -> Vec<Vote> {
    let mut believed: Vec<Vote> = Vec::new();
    for vote in &votes[newest..] {
        if believed.iter().any(|b| b.agrees(vote)) {
            continue;
        }
        let agreeing: Vec<&Vote> = votes[newest..].iter().filter(|v| v.agrees(vote)).collect();
        let separate = agreeing.iter().any(|a| agreeing.iter().any(|b| !a.band.overlaps(b.band)));
        let dissent = votes
            .iter()
            .filter(|v| v.same_place(vote) && v.band.overlaps(vote.band) && !v.agrees(vote))
            .count();
        if separate && agreeing.len() > dissent {
            let band = Band {
                from: agreeing.iter().map(|v| v.band.from).min().unwrap_or(vote.band.from),
                to: agreeing.iter().map(|v| v.band.to).max().unwrap_or(vote.band.to),
            };
            believed.push(Vote { band, ..vote.clone() });
        }
    }
    believed
}

/// Bars and spaces between two quiet zones: positions of their edges, in
/// samples. Starts and ends with a bar.
#[derive(Clone)]
struct Island {
    edges: Vec<f32>,
    /// About the width of the narrowest bar.
    module: f32,
}

/// A white run of more narrow elements than this is no part of a code: the
/// widest space in one is four modules, and gaps between characters stay below.
const QUIET_MODULES: f32 = 6.0;
/// The same where a streak may stand in the quiet zone.
const NEAR_MODULES: f32 = 4.4;
/// Modules by which each edge stands too far out or in before evening is tried.
const LEAST_SPREAD: f32 = 0.1;
/// A run of fewer modules than this is no element of a code.
const SPECK: f32 = 0.4;

/// Narrow elements by which one may be too wide or too narrow for its text. Of
/// 2,050 codes under streaks, blur and noise, what was read rightly measures 0.1
/// to 0.7, and what streaks made of it 0.8 and more.
const LARGEST_MISFIT: f32 = 0.75;

/// The same for Codabar, whose first printers gave each character its own
/// widths, to make all equally long; between start and stop two characters differ
/// in two elements or more, so that a single one astray makes no other text.
const LARGEST_CODABAR_MISFIT: f32 = 1.25;

/// How many edges a band shows, and the islands among them.
fn islands(bars: &Bars, band: Band, rung: &Rung) -> (usize, Vec<Island>) {
    let mut line = bars.combined(band, rung.combine);
    if let Some(blur) = rung.blur {
        line = sharpened(&line, blur);
    }
    let edges = edges(&line, rung.prominence);
    if edges.len() <= FEWEST_RUNS {
        return (edges.len(), Vec::new());
    }
    let (bar, space) = (narrow(&edges, 0), narrow(&edges, 1));
    let module = (bar + space) / 2.0;
    let islands = split(&edges, QUIET_MODULES * module)
        .into_iter()
        .map(|edges| Island { edges: edges.to_vec(), module })
        .collect();
    (edges.len(), islands)
}

/// About the width of the narrowest bars (`first` 0) or spaces (`first` 1).
fn narrow(edges: &[f32], first: usize) -> f32 {
    let mut widths: Vec<f32> =
        edges.windows(2).skip(first).step_by(2).map(|e| e[1] - e[0]).collect();
    let quarter = widths.len() / 4;
    *widths.select_nth_unstable_by(quarter, f32::total_cmp).1
}

/// The parts between white runs wider than `quiet`, those long enough for a
/// code. Even edges begin a bar, odd ones a space.
fn split(edges: &[f32], quiet: f32) -> Vec<&[f32]> {
    let mut parts = Vec::new();
    let mut start = 0;
    for end in (1..edges.len()).step_by(2) {
        if edges.get(end + 1).is_none_or(|next| next - edges[end] > quiet) {
            if end - start >= FEWEST_RUNS {
                parts.push(&edges[start..=end]);
            }
            start = end + 1;
        }
    }
    parts
}

impl Island {
    fn from(&self) -> f32 {
        self.edges[0]
    }

    fn to(&self) -> f32 {
        self.edges[self.edges.len() - 1]
    }

    /// A streak of the scanner leaves a speck of a bar or a nick in one, or
    /// stands alone in a quiet zone: the island again without them.
    fn repaired(&self) -> Vec<Island> {
        let mut repaired = Vec::new();
        let mut edges = self.edges.clone();
        while let Some(i) = edges.windows(2).position(|e| e[1] - e[0] < SPECK * self.module) {
            edges.drain(i..i + 2);
        }
        if edges.len() < self.edges.len() && edges.len() > FEWEST_RUNS {
            repaired.push(Island { edges: edges.clone(), module: self.module });
        }
        for edges in [&edges, &self.edges] {
            let parts = split(edges, NEAR_MODULES * self.module);
            repaired.extend(
                parts
                    .into_iter()
                    .filter(|part| part.len() < edges.len())
                    .map(|part| Island { edges: part.to_vec(), module: self.module }),
            );
        }
        repaired
    }

    /// Ink spreads in the paper, and a scanner set dark or light makes every bar
    /// wider or narrower than drawn, at the cost of the spaces: the island with
    /// its narrow bars and spaces alike.
    fn evened(&self) -> Option<Island> {
        let spread = (narrow(&self.edges, 0) - narrow(&self.edges, 1)) / 4.0;
        if spread.abs() < LEAST_SPREAD * self.module {
            return None;
        }
        let even =
            |(i, edge): (usize, &f32)| if i % 2 == 0 { edge + spread } else { edge - spread };
        let edges: Vec<f32> = self.edges.iter().enumerate().map(even).collect();
        edges.is_sorted().then_some(Island { edges, module: self.module })
    }

    /// What it says, and the part of it that says so.
    fn read(&self, rules: LinearRules) -> Option<(Island, Symbology, String, bool)> {
        let mut tried = vec![self.clone()];
        tried.extend(self.evened());
        tried.extend(self.repaired());
        tried.into_iter().find_map(|island| {
            let (symbology, text, reversed) = island.read_as_it_is(rules)?;
            Some((island, symbology, text, reversed))
        })
    }

    fn read_as_it_is(&self, rules: LinearRules) -> Option<(Symbology, String, bool)> {
        let row = self.row();
        let turned: Vec<bool> = row.iter().rev().copied().collect();
        for symbology in rules.symbologies {
            for (row, reversed) in [(&row, false), (&turned, true)] {
                let read = read_row(*symbology, row).filter(|text| {
                    self.accounts_for_every_bar(*symbology, text.chars().count())
                        && (*symbology != Symbology::Itf || rules.itf_lengths.contains(&text.len()))
                        && self.fits(*symbology, text, reversed)
                });
                if let Some(text) = read {
                    return Some((*symbology, text, reversed));
                }
            }
        }
        None
    }

    /// Whether every element is about as wide as the text wants it.
    fn fits(&self, symbology: Symbology, text: &str, reversed: bool) -> bool {
        let mut widths: Vec<f32> = self.edges.windows(2).map(|e| e[1] - e[0]).collect();
        if reversed {
            widths.reverse();
        }
        let largest = match symbology {
            Symbology::Codabar => LARGEST_CODABAR_MISFIT,
            Symbology::Code128
            | Symbology::Code39
            | Symbology::Itf
            | Symbology::Qr
            | Symbology::DataMatrix
            | Symbology::Pdf417 => LARGEST_MISFIT,
        };
        elements::misfit(symbology, text, &widths).is_some_and(|misfit| misfit <= largest)
    }

    /// Drawn wide enough that rounding to whole pixels costs nothing.
    fn row(&self) -> Vec<bool> {
        let scale = 8.0 / self.module.max(0.5);
        let quiet = (12.0 * self.module * scale) as usize;
        let length = ((self.to() - self.from()) * scale).round() as usize;
        let mut row = vec![false; length + 2 * quiet];
        for bar in self.edges.chunks_exact(2) {
            let place = |edge: f32| quiet + ((edge - self.from()) * scale).round() as usize;
            row[place(bar[0])..place(bar[1])].fill(true);
        }
        row
    }

    /// Half a code, or a code begun inside another, leaves bars over.
    fn accounts_for_every_bar(&self, symbology: Symbology, characters: usize) -> bool {
        let runs = self.edges.len() - 1;
        match symbology {
            Symbology::Code128 => {
                runs >= 13 && (runs - 7).is_multiple_of(6) && {
                    // Start, check and stop stand for nothing; a digit pair for two.
                    let symbols = (runs - 7) / 6;
                    symbols >= 2 + characters.div_ceil(2) && symbols <= 2 + 2 * characters + 2
                }
            }
            Symbology::Code39 => runs == 10 * (characters + 2) - 1,
            Symbology::Codabar => runs == 8 * characters - 1,
            Symbology::Itf => runs == 7 + 5 * characters,
            Symbology::Qr | Symbology::DataMatrix | Symbology::Pdf417 => false,
        }
    }
}
