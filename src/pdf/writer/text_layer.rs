//! The words of a page as invisible text, each exactly as wide as its box.
//!
//! Lines and words are written in reading order. The lines of a block share
//! one font size, since readers part columns and paragraphs by it; a word's
//! box sets its left edge and width, its line's baseline the height it stands
//! at. Between two words stands a space as wide as the gap, so that selecting
//! marks the line without holes.
//!
//! A word on a slanted line is laid level over its middle: poppler (22.12)
//! cuts a word in two where its baseline moves by half a point. Only where
//! the ends of a level word would leave its box is it slanted too.

use hayro::kurbo::{Affine, Point};
use pdf_writer::types::TextRenderingMode;
use pdf_writer::{Content, Name, Str};
use unicode_bidi::{BidiClass, BidiInfo, bidi_class};
use unicode_normalization::char::is_combining_mark;

use super::invisible_font::{
    ASCENT, CharacterCodes, DESCENT, FontNo, GLYPH_WIDTH, GlyphCode, GlyphKind,
};
use super::placement::TextFrame;
use super::plain_text::plain_text;
use crate::records::raster::PixelBox;
use crate::records::text::{PageText, TextLine, Word};

/// Of the font size.
const GLYPH_WIDTH_EM: f64 = GLYPH_WIDTH as f64 / 1000.0;
const ASCENT_EM: f64 = ASCENT as f64 / 1000.0;
const DESCENT_EM: f64 = DESCENT as f64 / 1000.0;

/// How far a word's ends may lie above and below each other, of the font
/// size, while it is laid level: half of it each way.
const LEVEL_DRIFT_EM: f64 = 1.0;

/// How far below and above its leftmost word poppler (22.12) looks for the rest
/// of a line, of the font size, and a hair less. Pieces of one line it puts in
/// the order of their height, so that a line that rises to the right would begin
/// with its end. Lines that fall to the right come in order all the same.
const SAME_LINE_EM: f64 = 0.49;

/// The most that the ends of a rising line are moved towards its middle for that,
/// of the font size. Enough for 1.4° on a line of 480 points set in 11: without
/// it 0.74 of a page's words are in order at 1°, with it all. Steeper, poppler
/// reads one line's end with the next line's beginning whatever is done here;
/// readers that follow the file's order (`pdftotext -raw`, mutool) never do.
/// Turning whole lines by their angle keeps still fewer words in order.
const MOST_LEVELLING_EM: f64 = 0.25;

/// A line whose own size is further from its block's, in either direction, is
/// a heading or a footnote and keeps its own.
const SAME_SIZE_RATIO: f64 = 1.4;

/// A steeper baseline (17°) is a misreading on a page that was straightened:
/// it is taken as level.
const STEEPEST_SLOPE: f64 = 0.3;

/// The gap readers need to see between two words, of the font size: poppler
/// (22.12) joins words less than 0.15 apart though a space stands between them.
const LEAST_GAP_EM: f64 = 0.2;

/// The most a word is narrowed to make that gap, of its width.
const MOST_NARROWING: f64 = 0.5;

/// Codes in one string; a PDF/A string holds 32,767 bytes (ISO 19005-2, 6.1.13).
const CODES_PER_STRING: usize = 8_000;

/// Writes the text layer and names the fonts it uses, in order.
pub fn show(
    content: &mut Content,
    text: &PageText,
    frame: &TextFrame,
    codes: &mut CharacterCodes,
) -> Vec<FontNo> {
    let mut layer = TextLayer { content, codes, text, frame, set: None, fonts: Vec::new() };
    layer.content.save_state().transform(frame.matrix);
    layer.content.begin_text().set_text_rendering_mode(TextRenderingMode::Invisible);
    for block in text.lines.chunk_by(|_, line| !line.starts_block) {
        let block_size = median(block.iter().map(|line| own_size(line, text)).collect());
        for line in block {
            layer.show_line(line, size_in_block(own_size(line, text), block_size));
        }
    }
    layer.content.end_text().restore_state();
    let mut fonts = layer.fonts;
    fonts.sort_unstable();
    fonts
}

struct TextLayer<'a> {
    content: &'a mut Content,
    codes: &'a mut CharacterCodes,
    text: &'a PageText,
    frame: &'a TextFrame,
    /// The font and size in force.
    set: Option<(FontNo, f64)>,
    fonts: Vec<FontNo>,
}

impl TextLayer<'_> {
    fn show_line(&mut self, line: &TextLine, size: f64) {
        let mut words: Vec<(Span, Vec<GlyphCode>)> = line
            .words
            .iter()
            .filter_map(|word| {
                let glyphs = self.glyphs(&plain_text(&word.text));
                let read = ReadSpan::of(word, line, size, self.text);
                (!glyphs.is_empty()).then(|| (read.on_page(self.frame.onto_page, size), glyphs))
            })
            .collect();
        hold_together(&mut words, size);
        for index in 1..words.len() {
            let next = words[index].0;
            words[index - 1].0.leave_gap_before(&next, LEAST_GAP_EM * size);
        }
        for (index, (span, glyphs)) in words.iter().enumerate() {
            self.place(span.left, span.baseline, span.slant);
            self.show_stretched(glyphs, span.width, size);
            if let Some((next, _)) = words.get(index + 1) {
                self.show_space(span, next, size);
            }
        }
    }

    /// A space over the gap to the next word, on whichever side it stands.
    fn show_space(&mut self, span: &Span, next: &Span, size: f64) {
        let space = [self.codes.code(' ', GlyphKind::Letter)];
        let gap = if next.is_left_of(span) {
            let across = next.right() - span.left;
            self.place(next.right(), span.baseline + across * span.slant.tan(), span.slant);
            -across
        } else {
            next.left - span.right()
        };
        // Where words overlap, as narrow as a pixel.
        self.show_stretched(&space, (gap / span.slant.cos()).max(1.0), size);
    }

    /// The left end of the baseline, in pixels from the top left.
    fn place(&mut self, left: f64, baseline: f64, slant: f64) {
        let (sin, cos) = slant.sin_cos();
        let matrix = [cos, -sin, sin, cos, left, self.frame.height - baseline];
        self.content.set_text_matrix(matrix.map(thousandths));
    }

    /// Shows glyphs so that they cover `width` pixels along the baseline.
    fn show_stretched(&mut self, glyphs: &[GlyphCode], width: f64, size: f64) {
        let letters = glyphs.iter().filter(|glyph| glyph.kind == GlyphKind::Letter).count();
        let natural = letters.max(1) as f64 * GLYPH_WIDTH_EM * size;
        self.content.set_horizontal_scaling(thousandths(100.0 * width / natural));
        for run in glyphs.chunk_by(|one, next| one.font == next.font) {
            self.set_font(run[0].font, size);
            for part in run.chunks(CODES_PER_STRING) {
                let bytes: Vec<u8> = part.iter().flat_map(|g| g.code.to_be_bytes()).collect();
                self.content.show(Str(&bytes));
            }
        }
    }

    fn set_font(&mut self, font: FontNo, size: f64) {
        if self.set == Some((font, size)) {
            return;
        }
        self.content.set_font(Name(font.name().as_bytes()), thousandths(size));
        self.set = Some((font, size));
        if !self.fonts.contains(&font) {
            self.fonts.push(font);
        }
    }

    /// One code a character, in the order they stand on paper from left to
    /// right, which is the order readers expect in a PDF and turn back.
    fn glyphs(&mut self, word: &str) -> Vec<GlyphCode> {
        let mut glyphs = Vec::new();
        for (run, direction) in runs_left_to_right(word) {
            let begins = glyphs.len();
            for character in run.chars() {
                let on_a_letter = glyphs.len() > begins && is_combining_mark(character);
                let kind = if on_a_letter { GlyphKind::Mark } else { GlyphKind::Letter };
                glyphs.push(self.codes.code(character, kind));
            }
            match direction {
                Direction::LeftToRight => {}
                Direction::RightToLeft => glyphs[begins..].reverse(),
            }
        }
        glyphs
    }
}

/// Where a word was read: pixels of the upright page, y downward.
struct ReadSpan {
    left: f64,
    /// At least a pixel right of `left`, or in a line up or down the same.
    right: f64,
    baseline_at_left: f64,
    baseline_at_right: f64,
}

impl ReadSpan {
    /// Within the page, whatever the box says.
    fn of(word: &Word, line: &TextLine, size: f64, page: &PageText) -> Self {
        match course(line) {
            Course::Level => ReadSpan::level(word, line, size, page),
            course @ (Course::Up | Course::Down) => ReadSpan::upright(word, course, size, page),
        }
    }

    /// Of a line up or down the page: its baseline from the first letter to the
    /// last.
    fn upright(word: &Word, course: Course, size: f64, page: &PageText) -> Self {
        let PixelBox { left, top, right, bottom } = word.bounds;
        let (width, height) = (f64::from(page.width), f64::from(page.height));
        let top = f64::from(top).min(height - 1.0);
        let bottom = f64::from(bottom).min(height).max(top + 1.0);
        let below = -DESCENT_EM * size;
        let (along, first, last) = match course {
            Course::Level | Course::Up => (f64::from(right) - below, bottom, top),
            Course::Down => (f64::from(left) + below, top, bottom),
        };
        let along = along.clamp(0.0, width);
        ReadSpan { left: along, right: along, baseline_at_left: first, baseline_at_right: last }
    }

    fn level(word: &Word, line: &TextLine, size: f64, page: &PageText) -> Self {
        let PixelBox { left, top, right, bottom } = word.bounds;
        let left = f64::from(left.min(page.width.saturating_sub(1)));
        let right = f64::from(right.min(page.width)).max(left + 1.0);
        let height = f64::from(page.height);
        let (at_left, at_right) = (baseline_at(line, left), baseline_at(line, right));
        let (top, bottom) = (f64::from(top), f64::from(bottom));
        let off_the_line = bottom < at_left - ASCENT_EM * size || top > at_left - DESCENT_EM * size;
        let (at_left, at_right) = if off_the_line { (bottom, bottom) } else { (at_left, at_right) };
        ReadSpan {
            left,
            right,
            baseline_at_left: at_left.min(height),
            baseline_at_right: at_right.min(height),
        }
    }

    fn on_page(&self, onto_page: Affine, size: f64) -> Span {
        let start = onto_page * Point::new(self.left, self.baseline_at_left);
        let end = onto_page * Point::new(self.right, self.baseline_at_right);
        let width = start.distance(end);
        if (end.y - start.y).abs() > LEVEL_DRIFT_EM * size {
            let slant = (end - start).atan2();
            return Span { left: start.x, baseline: start.y, width, slant };
        }
        let below_middle = (ASCENT_EM + DESCENT_EM) / 2.0 * size;
        let middle = onto_page
            * Point::new(
                (self.left + self.right) / 2.0,
                (self.baseline_at_left + self.baseline_at_right) / 2.0 - below_middle,
            );
        Span { left: middle.x - width / 2.0, baseline: middle.y + below_middle, width, slant: 0.0 }
    }
}

/// Where a word is written: pixels of the upright page as it is filed, y downward.
#[derive(Clone, Copy)]
struct Span {
    left: f64,
    /// At `left`.
    baseline: f64,
    /// Along the baseline.
    width: f64,
    /// Clockwise, in radians.
    slant: f64,
}

impl Span {
    fn right(&self) -> f64 {
        self.left + self.width * self.slant.cos()
    }

    /// As the next word of a line that is read from right to left.
    fn is_left_of(&self, before: &Span) -> bool {
        self.left < before.left && self.right() <= before.left + before.width / 2.0
    }

    /// Narrows the word on the side of `next` where the two all but touch.
    fn leave_gap_before(&mut self, next: &Span, least: f64) {
        let next_is_left = next.is_left_of(self);
        let gap = if next_is_left { self.left - next.right() } else { next.left - self.right() };
        let narrowing = (least - gap).clamp(0.0, MOST_NARROWING * self.width);
        self.width -= narrowing;
        if next_is_left {
            self.baseline += narrowing * self.slant.sin();
            self.left += narrowing * self.slant.cos();
        }
    }
}

/// Moves the ends of a line that rises to the right so close to its middle that
/// readers take it for one line, if they need not go far for it.
fn hold_together(words: &mut [(Span, Vec<GlyphCode>)], size: f64) {
    let across = |(one, _): &&(Span, _), (other, _): &&(Span, _)| one.left.total_cmp(&other.left);
    let (Some((leftmost, _)), Some((rightmost, _))) =
        (words.iter().min_by(across), words.iter().max_by(across))
    else {
        return;
    };
    let (rise, reach) = (leftmost.baseline - rightmost.baseline, SAME_LINE_EM * size);
    if rise > reach && rise <= reach + 2.0 * MOST_LEVELLING_EM * size {
        let middle = (leftmost.baseline + rightmost.baseline) / 2.0;
        let (highest, lowest) = (middle - reach / 2.0, middle + reach / 2.0);
        for (span, _) in words {
            span.baseline = span.baseline.clamp(highest, lowest);
        }
    }
}

fn slope(line: &TextLine) -> f64 {
    let slope = f64::from(line.baseline.slope);
    if slope.abs() <= STEEPEST_SLOPE { slope } else { 0.0 }
}

/// The baseline's y, downward from the top of the page, within the line's box.
fn baseline_at(line: &TextLine, x: f64) -> f64 {
    let bounds = line.bounds;
    let (top, bottom) = (f64::from(bounds.top), f64::from(bounds.bottom));
    let offset = f64::from(line.baseline.offset);
    let offset = if offset.is_finite() { offset } else { 0.0 };
    let y = bottom + offset + slope(line) * (x - f64::from(bounds.left));
    y.clamp(top.min(bottom), bottom.max(top))
}

/// Which way a line is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Level,
    /// From the foot of the page, as along its left edge.
    Up,
    Down,
}

/// Tesseract reads lines up and down the page and leaves them lying: their words
/// are taller than wide and stand above each other. One word alone is one up.
fn course(line: &TextLine) -> Course {
    let sides = |part: &PixelBox| {
        (part.right.saturating_sub(part.left), part.bottom.saturating_sub(part.top))
    };
    let (width, height) = sides(&line.bounds);
    let (Some(first), Some(last)) = (line.words.first(), line.words.last()) else {
        return Course::Level;
    };
    let mut long = line.words.iter().filter(|word| word.text.chars().count() >= 3).peekable();
    let stands = |word: &Word| {
        let (width, height) = sides(&word.bounds);
        height > width
    };
    if height <= TALL * width || long.peek().is_none() || !long.all(stands) {
        return Course::Level;
    }
    match first.bounds.top < last.bounds.top {
        true => Course::Down,
        false => Course::Up,
    }
}

/// Times as tall as wide: no level line of three letters and more stands so.
const TALL: u32 = 2;

/// The font size at which the line's tallest letters reach from its baseline
/// to the top of its box; at least a pixel, at most the page's height.
fn own_size(line: &TextLine, page: &PageText) -> f64 {
    if course(line) != Course::Level {
        let across = f64::from(line.bounds.right.saturating_sub(line.bounds.left));
        return (across / (ASCENT_EM - DESCENT_EM)).clamp(1.0, f64::from(page.height.max(1)));
    }
    let width = f64::from(line.bounds.right.saturating_sub(line.bounds.left));
    let middle = f64::from(line.bounds.left) + width / 2.0;
    let above = baseline_at(line, middle) - f64::from(line.bounds.top);
    let rise = slope(line).abs() * width / 2.0;
    ((above - rise) / ASCENT_EM).clamp(1.0, f64::from(page.height.max(1)))
}

fn size_in_block(own: f64, block: f64) -> f64 {
    let ratio = own / block;
    let same = (1.0 / SAME_SIZE_RATIO..=SAME_SIZE_RATIO).contains(&ratio);
    (if same { block } else { own }).round()
}

fn median(mut sizes: Vec<f64>) -> f64 {
    sizes.sort_unstable_by(f64::total_cmp);
    sizes[sizes.len() / 2]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    LeftToRight,
    RightToLeft,
}

/// The runs of one direction in a word, in the order they stand on paper from
/// left to right (Unicode annex 9), each still in the order it is read.
fn runs_left_to_right(word: &str) -> Vec<(&str, Direction)> {
    let written_right_to_left = |c| matches!(bidi_class(c), BidiClass::R | BidiClass::AL);
    if !word.chars().any(written_right_to_left) {
        return vec![(word, Direction::LeftToRight)];
    }
    let info = BidiInfo::new(word, None);
    let mut runs = Vec::new();
    for paragraph in &info.paragraphs {
        let (levels, ranges) = info.visual_runs(paragraph, paragraph.range.clone());
        runs.extend(ranges.into_iter().map(|range| {
            let direction = match levels[range.start].is_rtl() {
                true => Direction::RightToLeft,
                false => Direction::LeftToRight,
            };
            (&word[range], direction)
        }));
    }
    runs
}

/// Finer than any reader looks, and short in the file.
fn thousandths(value: f64) -> f32 {
    ((value * 1000.0).round() / 1000.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer<T>(text: &PageText, then: impl FnOnce(&mut TextLayer<'_>) -> T) -> T {
        let frame = TextFrame { onto_page: Affine::IDENTITY, height: 100.0, matrix: [0.0; 6] };
        then(&mut TextLayer {
            content: &mut Content::new(),
            codes: &mut CharacterCodes::default(),
            text,
            frame: &frame,
            set: None,
            fonts: Vec::new(),
        })
    }

    #[test]
    fn a_mark_on_a_letter_takes_no_room_and_one_without_a_letter_does() {
        layer(&PageText::default(), |layer| {
            let kinds = |glyphs: Vec<GlyphCode>| glyphs.iter().map(|g| g.kind).collect::<Vec<_>>();
            let (letter, mark) = (GlyphKind::Letter, GlyphKind::Mark);
            assert_eq!(kinds(layer.glyphs("x\u{30C}y")), [letter, mark, letter]);
            assert_eq!(kinds(layer.glyphs("\u{30C}\u{30C}")), [letter, mark]);
        });
    }

    #[test]
    fn a_word_written_right_to_left_is_laid_out_from_its_last_letter() {
        layer(&PageText::default(), |layer| {
            let codes = |glyphs: Vec<GlyphCode>| glyphs.iter().map(|g| g.code).collect::<Vec<_>>();
            assert_eq!(codes(layer.glyphs("ab12")), [1, 2, 3, 4]);
            assert_eq!(codes(layer.glyphs("אב12")), [3, 4, 6, 5]);
        });
    }

    #[test]
    fn a_line_that_makes_no_sense_still_gets_a_size_and_a_place_on_the_page() {
        let odd = PixelBox { left: 9_000, top: 80, right: 10, bottom: 4_000_000_000 };
        let line = TextLine {
            bounds: odd,
            baseline: crate::records::text::Baseline { slope: f32::NAN, offset: f32::INFINITY },
            starts_block: true,
            words: vec![Word { text: "x".into(), bounds: odd, confidence: 0.0 }],
        };
        let page = PageText { width: 100, height: 100, lines: vec![line.clone()] };
        let size = own_size(&line, &page);
        assert!((1.0..=100.0).contains(&size));
        let span = ReadSpan::of(&line.words[0], &line, size, &page);
        assert!(span.left < span.right && span.right <= 100.0);
        assert!((0.0..=100.0).contains(&span.baseline_at_left));
    }
}
