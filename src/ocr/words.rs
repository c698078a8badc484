//! Which of the words Tesseract found are none: bars read as letters, specks
//! read as full stops.
//!
//! Confidence alone cannot tell. On faxed and noisy pages Tesseract doubts
//! hundreds of words it has read rightly, down to a confidence of 0. What sets
//! bars apart is their size. Measured on 73 pages (28 with a barcode, 20 with
//! known text, the rest forms, books, handwriting): of 15 words read into
//! barcodes this drops 12, of 3,900 known words none, and nearly all specks.

use crate::records::text::{PageText, TextLine, Word};

/// Confidence from which a word counts as print when the page's letter size is
/// taken, 0 to 100.
const SURELY_PRINT: f32 = 60.0;

/// Words read into bars stayed below this, 0 to 100.
const DOUBTFUL: f32 = 50.0;

/// Bars are higher than this many lines of print. (Large headings are too, but
/// Tesseract is sure of them.)
const BARS_HEIGHT: f32 = 2.5;

/// Width of one character over its height: 1.0 to 3.5 in bars, seldom above
/// 0.7 in print.
const BARS_WIDTH_TO_HEIGHT: f32 = 0.9;

/// Specks are smaller than this part of a line of print, both ways. A full
/// stop is about a sixth of its line, and belongs to a word.
const SPECK_SIZE: f32 = 0.25;

/// The text without the words that are bars or specks. Lines left empty go too.
pub(super) fn print_only(mut text: PageText) -> PageText {
    let Some(print_height) = print_height(&text) else { return text };
    let mut block_begins = false;
    text.lines.retain_mut(|line| {
        line.words.retain(|word| !is_bars(word, print_height) && !is_speck(word, print_height));
        block_begins |= line.starts_block;
        if line.words.is_empty() {
            return false;
        }
        // The block's first line may have gone.
        line.starts_block = std::mem::take(&mut block_begins);
        true
    });
    text
}

/// Median height of the words, in pixels: of the sure ones if there are any.
fn print_height(text: &PageText) -> Option<f32> {
    let heights = |least: f32| {
        let counts = |word: &&Word| word.confidence >= least && has_letter_or_digit(word);
        let mut heights: Vec<u32> = text.words().filter(counts).map(height).collect();
        heights.sort_unstable();
        heights.get(heights.len() / 2).map(|&height| height as f32)
    };
    heights(SURELY_PRINT).or_else(|| heights(0.0))
}

fn is_bars(word: &Word, print_height: f32) -> bool {
    let characters = word.text.chars().count().max(1) as f32;
    word.confidence < DOUBTFUL
        && height(word) as f32 > BARS_HEIGHT * print_height
        && width(word) as f32 / characters > BARS_WIDTH_TO_HEIGHT * height(word) as f32
}

fn is_speck(word: &Word, print_height: f32) -> bool {
    let small = |pixels: u32| (pixels as f32) < SPECK_SIZE * print_height;
    small(width(word)) && small(height(word)) && !has_letter_or_digit(word)
}

fn has_letter_or_digit(word: &Word) -> bool {
    word.text.chars().any(char::is_alphanumeric)
}

fn width(word: &Word) -> u32 {
    word.bounds.right - word.bounds.left
}

fn height(word: &Word) -> u32 {
    word.bounds.bottom - word.bounds.top
}

/// Letters in words that are surely words: at least three characters, mostly
/// letters, read with confidence. Text that lies upside down has hardly any.
pub(super) fn sure_letters(text: &PageText) -> usize {
    const SURE: f32 = 70.0;
    let sure = |word: &&Word| {
        let letters = word.text.chars().filter(|c| c.is_alphabetic()).count();
        word.confidence > SURE && letters >= 2 && word.text.chars().count() >= 3
    };
    let lines: &[TextLine] = &text.lines;
    lines.iter().flat_map(|line| &line.words).filter(sure).map(|w| w.text.chars().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::raster::PixelBox;
    use crate::records::text::Baseline;

    fn word(text: &str, width: u32, height: u32, confidence: f32) -> Word {
        let bounds = PixelBox { left: 100, top: 100, right: 100 + width, bottom: 100 + height };
        Word { text: text.to_owned(), bounds, confidence }
    }

    fn page(lines: Vec<Vec<Word>>) -> PageText {
        let bounds = PixelBox { left: 0, top: 0, right: 900, bottom: 900 };
        let lines = lines
            .into_iter()
            .map(|words| TextLine {
                bounds,
                baseline: Baseline::default(),
                starts_block: true,
                words,
            })
            .collect();
        PageText { width: 900, height: 900, lines }
    }

    fn print() -> Vec<Word> {
        vec![word("Discharge", 170, 30, 96.0), word("summary", 150, 28, 91.0)]
    }

    fn texts(page: &PageText) -> Vec<&str> {
        page.words().map(|word| word.text.as_str()).collect()
    }

    #[test]
    fn words_read_into_bars_are_dropped() {
        for bars in
            [word("IMT", 394, 104, 21.0), word("UL", 386, 104, 11.0), word("WI", 221, 106, 49.0)]
        {
            let read = print_only(page(vec![vec![bars], print()]));
            assert_eq!(texts(&read), ["Discharge", "summary"]);
        }
    }

    #[test]
    fn doubtful_words_of_the_size_of_print_stay() {
        let doubtful = vec![word("never", 118, 25, 0.0), word("WWW", 120, 33, 5.0)];
        let read = print_only(page(vec![print(), doubtful]));
        assert_eq!(texts(&read), ["Discharge", "summary", "never", "WWW"]);
    }

    #[test]
    fn large_headings_stay() {
        let heading = vec![word("NETBOX", 400, 94, 17.0), word("MMM", 420, 100, 88.0)];
        let read = print_only(page(vec![heading, print()]));
        assert_eq!(texts(&read), ["NETBOX", "MMM", "Discharge", "summary"]);
    }

    #[test]
    fn specks_are_dropped_but_not_small_letters_or_dashes() {
        let small = vec![
            word(".", 2, 2, 63.0),
            word("|", 2, 4, 80.0),
            word("1", 6, 7, 40.0),
            word("-", 14, 4, 60.0),
        ];
        let read = print_only(page(vec![print(), small]));
        assert_eq!(texts(&read), ["Discharge", "summary", "1", "-"]);
    }

    #[test]
    fn a_block_that_loses_its_first_line_begins_with_the_next() {
        let mut text = page(vec![vec![word("TE", 380, 108, 17.0)], print()]);
        text.lines[1].starts_block = false;
        let read = print_only(text);
        assert_eq!(read.lines.len(), 1);
        assert!(read.lines[0].starts_block);
    }

    #[test]
    fn only_sure_words_of_letters_count_as_sure() {
        let text = page(vec![vec![
            word("Discharge", 170, 30, 96.0),
            word("of", 40, 30, 96.0),
            word("1,437.66", 90, 30, 96.0),
            word("ayeM", 90, 30, 35.0),
        ]]);
        assert_eq!(sure_letters(&text), 9);
    }
}
