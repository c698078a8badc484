//! Whether bars are as wide as the text read from them wants them.
//!
//! A streak of the scanner along the bars crosses every part of their height
//! alike, so that parts which agree prove nothing against it; and rxing takes
//! the widest elements of a character for its wide ones, however wide they are.
//! But what a streak covers or leaves is rarely just a narrow or a wide element
//! once more.

use super::draw;
use crate::records::barcode::Symbology;

/// What an element should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Modules of a bar or a space. Where elements are narrow or wide only, the
    /// writers' ratio of the two stands for whatever was printed.
    Bar(u32),
    Space(u32),
    /// Between two characters: the same all along, but printed as one likes.
    Gap,
}

/// How far the widest stray element is from what `text` wants, in narrow
/// elements. `widths` begin and end with a bar, in the direction of reading.
/// `None` where the text has another number of elements.
pub(super) fn misfit(symbology: Symbology, text: &str, widths: &[f32]) -> Option<f32> {
    let kinds = kinds(symbology, text, widths)?;
    let usual = usual_widths(symbology, &kinds, widths);
    let narrow = (usual_width(&kinds, widths, |k| k == Kind::Bar(1))
        + usual_width(&kinds, widths, |k| k == Kind::Space(1)))
        / 2.0;
    let strays = (0..widths.len()).map(|i| {
        // Paper creeps in a feeder, and a photograph has perspective.
        let near = i.saturating_sub(NEAR)..(i + NEAR + 1).min(widths.len());
        let scale = widths[near.clone()].iter().sum::<f32>() / usual[near].iter().sum::<f32>();
        (widths[i] / scale - usual[i]).abs() / narrow
    });
    Some(strays.fold(0.0, f32::max))
}

/// Elements to either side by which the scale in one place is known: about two
/// characters.
const NEAR: usize = 18;

fn kinds(symbology: Symbology, text: &str, widths: &[f32]) -> Option<Vec<Kind>> {
    let (modules, character) = match symbology {
        Symbology::Code128 => (nearest_modules(widths)?, usize::MAX),
        Symbology::Code39 => (drawn_modules(symbology, text)?, 10),
        Symbology::Codabar => (drawn_modules(symbology, text)?, 8),
        Symbology::Itf => (drawn_modules(symbology, text)?, usize::MAX),
        Symbology::Qr | Symbology::DataMatrix | Symbology::Pdf417 => return None,
    };
    let kind = |(i, modules): (usize, u32)| match i {
        i if i % character == character - 1 => Kind::Gap,
        i if i % 2 == 0 => Kind::Bar(modules),
        _ => Kind::Space(modules),
    };
    let kinds: Vec<Kind> = modules.into_iter().enumerate().map(kind).collect();
    (kinds.len() == widths.len()).then_some(kinds)
}

/// The lengths of the runs that `text` is drawn with.
fn drawn_modules(symbology: Symbology, text: &str) -> Option<Vec<u32>> {
    let drawn = draw::encode(symbology, text).ok()?;
    Some(drawn.dark.chunk_by(|a, b| a == b).map(|run| run.len() as u32).collect())
}

/// A text can be said in several ways in Code 128, but each of its symbols is
/// eleven modules of six elements, the stop thirteen of seven.
fn nearest_modules(widths: &[f32]) -> Option<Vec<u32>> {
    const STOP: [u32; 7] = [2, 3, 3, 1, 1, 1, 2];
    let (symbols, stop) = widths.split_at_checked(widths.len().checked_sub(STOP.len())?)?;
    let mut modules = Vec::with_capacity(widths.len());
    let module = stop.iter().sum::<f32>() / STOP.iter().sum::<u32>() as f32;
    let spread =
        stop.iter().zip(STOP).step_by(2).map(|(w, n)| w / module - n as f32).sum::<f32>() / 4.0;
    for symbol in symbols.chunks(6) {
        let module = symbol.iter().sum::<f32>() / 11.0;
        modules.extend(symbol.iter().enumerate().map(|(i, width)| {
            let spread = if i % 2 == 0 { spread } else { -spread };
            (width / module - spread).round().clamp(1.0, 4.0) as u32
        }));
    }
    modules.extend(STOP);
    Some(modules)
}

/// The width each element should have. Ink spreads: bars and spaces have their
/// own.
fn usual_widths(symbology: Symbology, kinds: &[Kind], widths: &[f32]) -> Vec<f32> {
    if symbology != Symbology::Code128 {
        return kinds.iter().map(|kind| usual_width(kinds, widths, |k| k == *kind)).collect();
    }
    let modules = |kind: &Kind| match kind {
        Kind::Bar(modules) | Kind::Space(modules) => *modules as f32,
        Kind::Gap => 0.0,
    };
    let module = widths.iter().sum::<f32>() / kinds.iter().map(modules).sum::<f32>();
    let mut spreads: Vec<f32> = kinds
        .iter()
        .zip(widths)
        .step_by(2)
        .map(|(kind, width)| width - modules(kind) * module)
        .collect();
    let spread = middle(&mut spreads);
    kinds
        .iter()
        .enumerate()
        .map(|(i, kind)| modules(kind) * module + if i % 2 == 0 { spread } else { -spread })
        .collect()
}

fn usual_width(kinds: &[Kind], widths: &[f32], is_it: impl Fn(Kind) -> bool) -> f32 {
    let mut widths: Vec<f32> = kinds
        .iter()
        .zip(widths)
        .filter(|(kind, _)| is_it(**kind))
        .map(|(_, width)| *width)
        .collect();
    middle(&mut widths)
}

fn middle(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWN: [(Symbology, &str); 4] = [
        (Symbology::Code128, "MRN7259642-4492"),
        (Symbology::Code39, "V72596424-4492"),
        (Symbology::Codabar, "A725964244B"),
        (Symbology::Itf, "72596424449200"),
    ];

    /// Elements four samples to the module, bars wider by `spread`.
    fn widths(symbology: Symbology, text: &str, spread: f32) -> Vec<f32> {
        let modules = drawn_modules(symbology, text).unwrap();
        let spread = |i| if i % 2 == 0 { spread } else { -spread };
        modules.iter().enumerate().map(|(i, n)| 4.0 * *n as f32 + spread(i)).collect()
    }

    #[test]
    fn bars_as_drawn_fit_however_far_the_ink_spread_and_the_paper_crept() {
        for (symbology, text) in DRAWN {
            for spread in [-2.0, 0.0, 2.0] {
                let mut widths = widths(symbology, text, spread);
                let count = widths.len() as f32;
                widths.iter_mut().enumerate().for_each(|(i, w)| *w *= 1.0 + 0.2 * i as f32 / count);
                let misfit = misfit(symbology, text, &widths).unwrap();
                assert!(misfit < 0.3, "{symbology} spread {spread}: {misfit}");
            }
        }
    }

    #[test]
    fn an_edge_out_of_its_place_is_seen() {
        for (symbology, text) in DRAWN {
            let mut widths = widths(symbology, text, 0.0);
            let middle = widths.len() / 2;
            widths[middle] += 3.0;
            widths[middle + 1] -= 3.0;
            // Code 128 has elements of every width: a module off is another
            // symbol, for its check character to refuse.
            let least = if symbology == Symbology::Code128 { 0.2 } else { 0.6 };
            let misfit = misfit(symbology, text, &widths).unwrap();
            assert!(misfit > least, "{symbology}: {misfit}");
        }
    }

    #[test]
    fn another_number_of_bars_fits_no_text() {
        for (symbology, text) in DRAWN {
            let widths = widths(symbology, text, 0.0);
            let fewer = &widths[..widths.len() - 2];
            let misfit = misfit(symbology, text, fewer);
            assert!(symbology == Symbology::Code128 || misfit.is_none(), "{symbology}");
        }
    }
}
