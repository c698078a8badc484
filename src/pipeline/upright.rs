//! Pages read the right way up: the cheap measure of `imaging` first, and where
//! that cannot tell, the reading itself.
//!
//! A page in doubt is read as it most likely lies. Text that stands upright is
//! read with a confidence of 80 to 97, on its head with 15 to 50, so most pages
//! in doubt are read once. Tesseract's own detection of orientation is asked
//! only where not even the lines' direction was seen: it takes a third of the
//! time of reading, and says of a page of capitals that it stands on its head.
//! Whatever it says, only a better reading turns a page. And a turn the letters
//! showed is taken back where the page reads better as it lies.

use crate::imaging::clean::{Cleaned, Lines, clean, clean_with_turn};
use crate::imaging::reading;
use crate::ocr::{OcrFault, Readers};
use crate::profile::Cleaning;
use crate::records::page::QuarterTurn;
use crate::records::raster::Raster;
use crate::records::text::{PageText, Word};

/// Below this confidence of Tesseract's, its orientation is no better than a
/// guess.
const SURE_OF_ORIENTATION: f32 = 3.0;
/// Mean confidence of words that stand upright. Figures on their head reach 48.
const READS_WELL: f32 = 70.0;
/// A page is turned only if its words gain so much: a wrong turn is worse than
/// none.
const READS_BETTER_BY: f32 = 20.0;
/// Below this, what was read of a page in doubt is not its text: handwriting on
/// its head gives 35, logos and figures on their side less.
const JUNK: f32 = 30.0;
/// The part of its words that has three letters or figures: 0.5 to 1 on forms,
/// receipts and tables, 0.22 where Tesseract sees nine words in the lead marks
/// and curves of an ECG on its head, with a confidence of 53.
const LEAST_LONG_WORDS: f32 = 1.0 / 3.0;

/// Cleans a page and reads it; a blank one is not read.
pub(super) fn read_upright(
    original: &Raster,
    settings: &Cleaning,
    readers: &Readers,
) -> (Cleaned, Option<Result<PageText, OcrFault>>) {
    let cleaned = clean(original, settings);
    if cleaned.picture.blank.is_blank {
        return (cleaned, None);
    }
    let read = |page: &Cleaned| read_as_it_lies(page, readers);
    if !settings.upright || cleaned.picture.turn_confidence.is_some() {
        let text = match read(&cleaned) {
            Ok(text) => text,
            Err(fault) => return (cleaned, Some(Err(fault))),
        };
        if cleaned.picture.turn == QuarterTurn::None || reads_well(&text) {
            return (cleaned, Some(Ok(text)));
        }
        let (page, text) = better_lying((cleaned, text), || {
            let mut page = clean_with_turn(original, settings, QuarterTurn::None, 0.0);
            page.picture.turn_confidence = None;
            let text = read(&page)?;
            Ok((page, text))
        });
        return (page, Some(Ok(text)));
    }
    let lines = cleaned.lines;
    let read_turned = |turn: QuarterTurn| {
        let page = match turn {
            QuarterTurn::None => cleaned.clone(),
            QuarterTurn::Right | QuarterTurn::Half | QuarterTurn::Left => {
                clean_with_turn(original, settings, turn, 0.0)
            }
        };
        let text = read(&page)?;
        Ok((page, text))
    };
    let suggested = || match readers.orientation(&cleaned.raster) {
        Ok(found) => found.filter(|&(_, sure)| sure >= SURE_OF_ORIENTATION).map(|(turn, _)| turn),
        Err(fault) => {
            tracing::warn!(%fault, "orientation not asked for");
            None
        }
    };
    match settle(lines, read_turned, suggested) {
        Ok((mut page, settled)) => {
            page.picture.turn_confidence = settled.confidence;
            (page, Some(Ok(settled.text)))
        }
        Err(fault) => (cleaned, Some(Err(fault))),
    }
}

/// Of a page turned by its letters that does not read well: the page as it lies
/// where it reads better so. Handwriting and faint print read badly every way,
/// and then the letters are believed.
fn better_lying<P>(
    turned: (P, PageText),
    as_it_lies: impl FnOnce() -> Result<(P, PageText), OcrFault>,
) -> (P, PageText) {
    match as_it_lies() {
        Ok(lying) if reads_better(&lying.1, &turned.1) => lying,
        Ok(_) => turned,
        Err(fault) => {
            tracing::warn!(%fault, "a turn was not checked");
            turned
        }
    }
}

/// The words of a cleaned page, in its own pixels.
pub(super) fn read_as_it_lies(page: &Cleaned, readers: &Readers) -> Result<PageText, OcrFault> {
    let text = readers.read(&reading::for_reading(&page.raster))?;
    Ok(text.scaled_to(page.raster.width(), page.raster.height()))
}

/// What was read the way it reads best.
struct Settled {
    text: PageText,
    /// Mean confidence of the words; `None` where no way reads better.
    confidence: Option<f32>,
}

/// Tries the ways a page may lie until it reads well. `P` is the page turned.
fn settle<P>(
    lines: Option<Lines>,
    read: impl Fn(QuarterTurn) -> Result<(P, PageText), OcrFault>,
    suggested: impl FnOnce() -> Option<QuarterTurn>,
) -> Result<(P, Settled), OcrFault> {
    if lines == Some(Lines::Down) {
        for turn in [QuarterTurn::Right, QuarterTurn::Left] {
            let (page, text) = read(turn)?;
            if reads_well(&text) {
                return Ok((page, told(text)));
            }
        }
    }
    let (page, text) = read(QuarterTurn::None)?;
    if reads_well(&text) && !lies_on_its_side(&text) {
        return Ok((page, told(text)));
    }
    for turn in other_ways(lines, &text, suggested) {
        let (page, turned) = match read(turn) {
            Ok(read) => read,
            // The page was read once, if badly.
            Err(fault) => {
                tracing::warn!(%fault, "orientation left as it is");
                break;
            }
        };
        if reads_well(&turned) || reads_better(&turned, &text) {
            return Ok((page, told(turned)));
        }
    }
    let text = if confidence(&text) < JUNK { without_words(text) } else { text };
    Ok((page, Settled { text, confidence: None }))
}

/// The ways to try once a page does not read well as it lies.
fn other_ways(
    lines: Option<Lines>,
    text: &PageText,
    suggested: impl FnOnce() -> Option<QuarterTurn>,
) -> Vec<QuarterTurn> {
    match lines {
        Some(Lines::Across) => vec![QuarterTurn::Half],
        // Both were read.
        Some(Lines::Down) => Vec::new(),
        // Tesseract reads lines that run down, and leaves them lying so.
        None if lies_on_its_side(text) => vec![QuarterTurn::Right, QuarterTurn::Left],
        // A picture.
        None if text.words().next().is_none() => Vec::new(),
        None => match suggested() {
            Some(QuarterTurn::None) => Vec::new(),
            Some(turn) => vec![turn],
            None => vec![QuarterTurn::Half],
        },
    }
}

fn told(text: PageText) -> Settled {
    Settled { confidence: Some(confidence(&text)), text }
}

fn confidence(text: &PageText) -> f32 {
    text.mean_confidence().unwrap_or(0.0)
}

fn reads_well(text: &PageText) -> bool {
    confidence(text) >= READS_WELL
}

/// Junk reads no better than nothing.
fn reads_better(one: &PageText, other: &PageText) -> bool {
    let is_text = confidence(one) >= JUNK && has_long_words(one);
    is_text && confidence(one) >= confidence(other) + READS_BETTER_BY
}

fn has_long_words(text: &PageText) -> bool {
    let is_long = |word: &&Word| word.text.chars().filter(|c| c.is_alphanumeric()).count() >= 3;
    let long = text.words().filter(is_long).count();
    long as f32 >= LEAST_LONG_WORDS * text.words().count() as f32
}

/// Whether most words of three letters and more are taller than wide.
fn lies_on_its_side(text: &PageText) -> bool {
    let (mut tall, mut wide) = (0u32, 0u32);
    for word in text.words().filter(|word| word.text.chars().count() >= 3) {
        let (width, height) =
            (word.bounds.right - word.bounds.left, word.bounds.bottom - word.bounds.top);
        if height > width { tall += 1 } else { wide += 1 }
    }
    tall > wide
}

fn without_words(text: PageText) -> PageText {
    PageText { lines: Vec::new(), ..text }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::records::raster::PixelBox;
    use crate::records::text::{Baseline, TextLine};

    const TURNS: [QuarterTurn; 4] =
        [QuarterTurn::None, QuarterTurn::Right, QuarterTurn::Half, QuarterTurn::Left];

    fn page_of(confidence: f32, width: u32, height: u32) -> PageText {
        page_of_words(&["PATIENT"; 3], confidence, width, height)
    }

    fn page_of_words(words: &[&str], confidence: f32, width: u32, height: u32) -> PageText {
        let bounds = PixelBox { left: 0, top: 0, right: width, bottom: height };
        let word = |text: &&str| Word { text: (*text).to_owned(), bounds, confidence };
        let words = words.iter().map(word).collect();
        let baseline = Baseline::default();
        let line = TextLine { bounds, baseline, starts_block: true, words };
        PageText { width: 1000, height: 1000, lines: vec![line] }
    }

    /// Settles a page that reads with these confidences after no turn, right,
    /// half and left; gives the turn, the confidence, the words kept and how
    /// often it was read.
    fn settled(
        lines: Option<Lines>,
        confidences: [f32; 4],
        suggestion: Option<QuarterTurn>,
    ) -> (QuarterTurn, Option<f32>, usize, usize) {
        let reads = RefCell::new(0);
        let read = |turn: QuarterTurn| {
            *reads.borrow_mut() += 1;
            let index = TURNS.iter().position(|&t| t == turn).unwrap();
            Ok((turn, page_of(confidences[index], 70, 20)))
        };
        let (turn, settled) = settle(lines, read, || suggestion).unwrap();
        let words = settled.text.words().count();
        (turn, settled.confidence, words, reads.into_inner())
    }

    #[test]
    fn a_page_in_doubt_that_reads_well_is_read_once_and_not_turned() {
        for lines in [Some(Lines::Across), None] {
            let found = settled(lines, [96.0, 20.0, 40.0, 20.0], Some(QuarterTurn::Half));
            assert_eq!(found, (QuarterTurn::None, Some(96.0), 3, 1));
        }
    }

    #[test]
    fn a_page_on_its_head_is_turned_because_it_reads_better() {
        let across = settled(Some(Lines::Across), [48.0, 0.0, 96.0, 0.0], None);
        assert_eq!(across, (QuarterTurn::Half, Some(96.0), 3, 2));
        let unseen = settled(None, [36.0, 0.0, 96.0, 0.0], None);
        assert_eq!(unseen, (QuarterTurn::Half, Some(96.0), 3, 2));
    }

    #[test]
    fn a_page_on_its_side_is_turned_the_way_it_reads() {
        let left = settled(Some(Lines::Down), [96.0, 40.0, 0.0, 96.0], None);
        assert_eq!(left, (QuarterTurn::Left, Some(96.0), 3, 2));
        let read = |turn: QuarterTurn| match turn {
            QuarterTurn::Right => Ok((turn, page_of(96.0, 70, 20))),
            QuarterTurn::None => Ok((turn, page_of(96.0, 20, 70))),
            QuarterTurn::Half | QuarterTurn::Left => Ok((turn, page_of(30.0, 70, 20))),
        };
        let (turn, _) = settle(None, read, || panic!("Tesseract was not asked")).unwrap();
        assert_eq!(turn, QuarterTurn::Right);
    }

    #[test]
    fn a_turn_is_taken_back_where_the_page_reads_better_as_it_lies() {
        let page = |confidence| page_of(confidence, 70, 20);
        for (turned, lying, kept) in [
            (40.0, 65.0, "lying"),
            (45.0, 50.0, "turned"),
            (35.0, 0.0, "turned"),
            (0.0, 25.0, "turned"),
            (20.0, 20.0, "turned"),
        ] {
            let found = better_lying(("turned", page(turned)), || Ok(("lying", page(lying))));
            assert_eq!(found.0, kept, "{turned} and {lying}");
        }
    }

    #[test]
    fn what_tesseract_suggests_turns_no_page_that_reads_no_better() {
        let found = settled(None, [45.0, 0.0, 48.0, 0.0], Some(QuarterTurn::Half));
        assert_eq!(found, (QuarterTurn::None, None, 3, 2));
    }

    #[test]
    fn an_ecg_on_its_side_is_not_turned_for_what_is_read_of_its_curves() {
        let seen = ["N", "ave", "av.", "a)", "3", "un", "°o", "m", "ney"];
        let read = |turn: QuarterTurn| match turn {
            QuarterTurn::Half => Ok((turn, page_of_words(&seen, 53.0, 70, 20))),
            QuarterTurn::None | QuarterTurn::Right | QuarterTurn::Left => {
                Ok((turn, page_of_words(&[], 0.0, 70, 20)))
            }
        };
        let (turn, settled) = settle(Some(Lines::Across), read, || None).unwrap();
        assert_eq!((turn, settled.confidence), (QuarterTurn::None, None));
    }

    #[test]
    fn junk_turns_no_page() {
        let found = settled(Some(Lines::Across), [0.0, 0.0, 25.0, 0.0], None);
        assert_eq!(found, (QuarterTurn::None, None, 0, 2));
    }

    #[test]
    fn a_page_that_reads_badly_every_way_keeps_no_words() {
        let found = settled(Some(Lines::Across), [14.0, 0.0, 21.0, 0.0], None);
        assert_eq!(found, (QuarterTurn::None, None, 0, 2));
    }
}
