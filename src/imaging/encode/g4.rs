//! ITU-T T.6 (fax Group 4).
//!
//! The code words come from the `fax` crate. Its encoder takes a page pixel by
//! pixel, 20 to 55 ms of a letter page; this one goes from colour change to
//! colour change, 4 to 12 ms, and every black-and-white page is coded twice.

use fax::maps::{EDFB_HALF, Mode, black, mode, white};
use fax::{BitWriter, Bits, VecWriter};

use crate::imaging::runs::find_changes;
use crate::records::raster::Raster;

/// Run lengths are coded in make-up words of up to 2560 pixels, any number of
/// them, but readers in the field (libtiff 4.5, 16-bit run arrays in fax
/// servers) are only tried to this width: 27 inches at 1200 dpi.
const MOST_COLUMNS: u32 = 32_767;

pub(super) fn can_code(raster: &Raster) -> bool {
    raster.width() <= MOST_COLUMNS
}

/// The page as one T.6 block, 1 is black, with its end mark.
pub(super) fn encode(raster: &Raster) -> Vec<u8> {
    let mut output = Output { writer: VecWriter::new() };
    let mut reference = Vec::new();
    let mut current = Vec::new();
    for y in 0..raster.height() {
        find_changes(raster.row(y), raster.width(), &mut current);
        output.line(&reference, &current, raster.width());
        std::mem::swap(&mut reference, &mut current);
    }
    output.bits(EDFB_HALF);
    output.bits(EDFB_HALF);
    output.writer.finish()
}

struct Output {
    writer: VecWriter,
}

impl Output {
    fn bits(&mut self, bits: Bits) {
        self.writer.write(bits).expect("writing to memory cannot fail");
    }

    /// T.6, 2.2: one row against the row above.
    fn line(&mut self, reference: &[u32], current: &[u32], width: u32) {
        let change = |changes: &[u32], index: usize| changes.get(index).copied().unwrap_or(width);
        // Before the row's first pixel a0 stands to the left of it.
        let mut a0: Option<u32> = None;
        let mut next = 0;
        let mut above = 0;
        while a0.is_none_or(|a0| a0 < width) {
            let color_is_black = next % 2;
            let a1 = change(current, next);
            above = first_change_right_of(reference, above, a0, color_is_black);
            let b1 = change(reference, above);
            let b2 = change(reference, above + 1);
            if b2 < a1 {
                self.mode(Mode::Pass);
                a0 = Some(b2);
                continue;
            }
            let offset = i64::from(a1) - i64::from(b1);
            if offset.abs() <= 3 {
                self.mode(Mode::Vertical(offset as i8));
                a0 = Some(a1);
                next += 1;
            } else {
                let a2 = change(current, next + 1);
                self.mode(Mode::Horizontal);
                self.run(color_is_black == 1, a1 - a0.unwrap_or(0));
                self.run(color_is_black == 0, a2 - a1);
                a0 = Some(a2);
                next += 2;
            }
        }
    }

    fn mode(&mut self, which: Mode) {
        self.bits(mode::encode(which).expect("the table has every mode used"));
    }

    fn run(&mut self, is_black: bool, mut length: u32) {
        let table = if is_black { &black::ENTRIES } else { &white::ENTRIES };
        while length >= 2560 {
            self.bits(table[63 + 2560 / 64].1);
            length -= 2560;
        }
        if length >= 64 {
            self.bits(table[63 + length as usize / 64].1);
        }
        self.bits(table[length as usize % 64].1);
    }
}

/// Index of b1: the first change of the row above that lies right of a0 and
/// goes away from the present colour. `near` is where the last one was found.
fn first_change_right_of(
    reference: &[u32],
    near: usize,
    a0: Option<u32>,
    color_is_black: usize,
) -> usize {
    let right_of_a0 = |at: u32| a0.is_none_or(|a0| at > a0);
    let mut index = near.min(reference.len());
    while index > 0 && right_of_a0(reference[index - 1]) {
        index -= 1;
    }
    while index < reference.len() && !right_of_a0(reference[index]) {
        index += 1;
    }
    if index % 2 == color_is_black { index } else { index + 1 }
}
