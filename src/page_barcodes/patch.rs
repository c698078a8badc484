//! Patch codes: their bars (Kodak A-61599), to be drawn. `patch_search` finds
//! them.

use crate::records::separator::PatchCode;

const WIDE_MM: f32 = 0.20 * 25.4;
const NARROW_MM: f32 = 0.08 * 25.4;
const SPACE_MM: f32 = 0.08 * 25.4;

/// One bar of a patch, across the direction in which the bars follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// From the outer edge of the first bar to this bar's near edge.
    pub offset_mm: f32,
    pub width_mm: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Narrow,
    Wide,
}

/// The four bars from the leading edge of the sheet on; together 0.8 in. Print
/// them at least 2 in long and 0.25 in from every edge of the paper.
pub fn bars(code: PatchCode) -> Vec<Bar> {
    let mut offset_mm = 0.0;
    pattern(code)
        .into_iter()
        .map(|width| {
            let width_mm = match width {
                Width::Wide => WIDE_MM,
                Width::Narrow => NARROW_MM,
            };
            let bar = Bar { offset_mm, width_mm };
            offset_mm += width_mm + SPACE_MM;
            bar
        })
        .collect()
}

pub(super) fn pattern(code: PatchCode) -> [Width; 4] {
    use Width::{Narrow, Wide};
    match code {
        PatchCode::One => [Wide, Wide, Narrow, Narrow],
        PatchCode::Two => [Wide, Narrow, Narrow, Wide],
        PatchCode::Three => [Wide, Narrow, Wide, Narrow],
        PatchCode::Transfer => [Narrow, Wide, Narrow, Wide],
        PatchCode::Four => [Narrow, Wide, Wide, Narrow],
        PatchCode::Six => [Narrow, Narrow, Wide, Wide],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_bars_and_three_spaces_make_eight_tenths_of_an_inch() {
        for code in PatchCode::ALL {
            let last = bars(code)[3];
            assert!((last.offset_mm + last.width_mm - 20.32).abs() < 0.001, "{code}");
        }
    }

    #[test]
    fn bars_read_from_the_other_end_say_what_the_words_say() {
        for code in PatchCode::ALL {
            let mut turned = pattern(code);
            turned.reverse();
            assert_eq!(turned, pattern(code.turned_180()), "{code}");
        }
    }
}
