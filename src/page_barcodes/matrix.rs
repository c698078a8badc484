//! Matrix codes and PDF417 in a piece of page: a ladder of ways to see the
//! modules. Their error correction is what makes a reading believed.

use super::gray::{Frame, Gray};
use super::readers::{Bits, MatrixCode, read_piece};
use super::{restore, threshold};
use crate::records::barcode::Symbology;

/// How much a piece is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Patience {
    /// The first rungs: most of what is looked at is text.
    Glance,
    /// Those that a whole page can be put through.
    Page,
    /// Every rung.
    Whole,
}

struct Rung {
    name: &'static str,
    patience: Patience,
    see: fn(&Gray) -> Bits,
}

/// For QR and Data Matrix. Of 136 drawn pages, two looks at full size read 100;
/// the double size, smoothed, 110; the others together 19 more, each some that
/// no other reads.
const LADDER: [Rung; 8] = [
    Rung { name: "full size", patience: Patience::Glance, see: |p| threshold::local(p, 20) },
    Rung { name: "full size, one level", patience: Patience::Glance, see: threshold::global },
    Rung { name: "half size", patience: Patience::Page, see: |p| threshold::global(&p.halved()) },
    Rung {
        name: "double size, smoothed",
        patience: Patience::Whole,
        see: |p| threshold::global(&restore::smoothed(&enlarged(p), 0.7)),
    },
    Rung {
        name: "double size, near",
        patience: Patience::Whole,
        see: |p| threshold::local(&enlarged(p), 6),
    },
    Rung {
        name: "double size, sharpened 1",
        patience: Patience::Whole,
        see: |p| threshold::global(&restore::sharpened(&enlarged(p), 2.0)),
    },
    Rung {
        name: "double size, sharpened 2",
        patience: Patience::Whole,
        see: |p| threshold::local(&restore::sharpened(&enlarged(p), 4.0), 24),
    },
    Rung {
        name: "double size, smoothed more",
        patience: Patience::Whole,
        see: |p| threshold::global(&restore::smoothed(&enlarged(p), 1.5)),
    },
];

/// For PDF417, whose rows are three modules high or more: along the bars much
/// can be smoothed before they run into each other.
const STACKED_LADDER: [Rung; 8] = [
    Rung { name: "stacked", patience: Patience::Glance, see: |p| threshold::local(p, 20) },
    Rung { name: "stacked, one level", patience: Patience::Whole, see: threshold::global },
    Rung {
        name: "stacked, smoothed along the bars",
        patience: Patience::Whole,
        see: |p| threshold::local(&restore::smoothed_down(p, 2.0), 20),
    },
    Rung {
        name: "stacked, half size",
        patience: Patience::Page,
        see: |p| threshold::local(&p.halved(), 12),
    },
    Rung {
        name: "stacked, double size",
        patience: Patience::Whole,
        see: |p| threshold::local(&enlarged(p), 30),
    },
    Rung {
        name: "stacked, sharpened 1",
        patience: Patience::Whole,
        see: |p| threshold::global(&restore::sharpened(&restore::smoothed_down(p, 1.5), 1.0)),
    },
    Rung {
        name: "stacked, sharpened 1.5",
        patience: Patience::Whole,
        see: |p| threshold::global(&restore::sharpened(&restore::smoothed_down(p, 1.5), 1.5)),
    },
    Rung {
        name: "stacked, sharpened 2.5",
        patience: Patience::Whole,
        see: |p| threshold::global(&restore::sharpened(p, 2.5)),
    },
];

/// A code, its corners top left, top right, bottom right, bottom left of the
/// symbol in pixels of the page.
#[derive(Clone, PartialEq)]
pub(super) struct Found {
    pub symbology: Symbology,
    pub text: String,
    pub corners: [(f32, f32); 4],
    pub rung: &'static str,
}

/// Reads the QR and Data Matrix codes in `frame`, those of `symbologies`.
pub(super) fn read_frame(
    page: &Gray,
    frame: Frame,
    symbologies: &[Symbology],
    patience: Patience,
) -> Vec<Found> {
    climb(page, frame, symbologies, &LADDER, patience)
}

/// Reads a PDF417 whose rows lie along `frame`.
pub(super) fn read_stacked(page: &Gray, frame: Frame, patience: Patience) -> Vec<Found> {
    climb(page, frame, &[Symbology::Pdf417], &STACKED_LADDER, patience)
}

/// Pixels of a piece too costly to sharpen. A symbol that fills it has modules
/// that need no sharpening.
const LARGE_PIECE: usize = 500_000;
/// Pixels of a piece that is worth twice its size.
const SMALL_PIECE: usize = 150_000;

fn enlarged(piece: &Gray) -> Gray<'static> {
    if piece.pixels.len() <= SMALL_PIECE {
        restore::doubled(piece)
    } else {
        Gray::new(piece.width, piece.height, piece.pixels.to_vec())
    }
}

fn climb(
    page: &Gray,
    frame: Frame,
    symbologies: &[Symbology],
    ladder: &[Rung],
    patience: Patience,
) -> Vec<Found> {
    let piece = page.piece(&frame, 1.0);
    let patience =
        if piece.pixels.len() > LARGE_PIECE { patience.min(Patience::Page) } else { patience };
    let rungs = ladder.iter().filter(|r| r.patience <= patience);
    for rung in rungs {
        let found = look(&piece, &frame, symbologies, rung);
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn look(piece: &Gray, frame: &Frame, symbologies: &[Symbology], rung: &Rung) -> Vec<Found> {
    let bits = (rung.see)(piece);
    let scale = piece.width as f32 / bits.width as f32;
    let codes = symbologies
        .iter()
        .flat_map(|symbology| read_piece(*symbology, &bits).into_iter().map(|c| (*symbology, c)));
    codes
        .filter(|(_, code)| !code.text.is_empty())
        .map(|(symbology, MatrixCode { text, corners })| Found {
            symbology,
            text,
            corners: corners.map(|(x, y)| frame.on_page(x * scale, y * scale)),
            rung: rung.name,
        })
        .collect()
}
