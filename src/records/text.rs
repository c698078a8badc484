//! What was read on a page: words in reading order, where they stand and how
//! sure the reader was.

use serde::{Deserialize, Serialize};

use super::raster::PixelBox;

/// The text of one page, in reading order. Boxes are in pixels of the upright
/// page, whose size is `width`×`height`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PageText {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    pub lines: Vec<TextLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextLine {
    pub bounds: PixelBox,
    /// The line the letters stand on, `y = slope·x + offset` in pixels from the
    /// line box's bottom left (hOCR 1.2, `baseline`); offset is 0 or negative.
    pub baseline: Baseline,
    /// First line of a block: a paragraph break goes before it in the text.
    pub starts_block: bool,
    pub words: Vec<Word>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    pub slope: f32,
    pub offset: f32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    pub text: String,
    pub bounds: PixelBox,
    /// 0 to 100, the reader's own estimate.
    pub confidence: f32,
}

impl PageText {
    /// The same places on the same page in `width`×`height` pixels: a page may
    /// be read at another resolution than it has.
    pub fn scaled_to(mut self, width: u32, height: u32) -> Self {
        let across = f64::from(width) / f64::from(self.width.max(1));
        let down = f64::from(height) / f64::from(self.height.max(1));
        let scaled = |part: PixelBox| {
            let along = |pixels: u32, scale: f64| (f64::from(pixels) * scale).round() as u32;
            PixelBox {
                left: along(part.left, across),
                top: along(part.top, down),
                right: along(part.right, across),
                bottom: along(part.bottom, down),
            }
        };
        for line in &mut self.lines {
            line.bounds = scaled(line.bounds);
            line.baseline.slope *= (down / across) as f32;
            line.baseline.offset *= down as f32;
            for word in &mut line.words {
                word.bounds = scaled(word.bounds);
            }
        }
        PageText { width, height, lines: self.lines }
    }

    pub fn words(&self) -> impl Iterator<Item = &Word> {
        self.lines.iter().flat_map(|line| &line.words)
    }

    /// Mean confidence over the words, 0 to 100; `None` where nothing was read.
    pub fn mean_confidence(&self) -> Option<f32> {
        let count = self.words().count();
        (count > 0).then(|| self.words().map(|w| w.confidence).sum::<f32>() / count as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_place_on_a_page_of_another_resolution() {
        let bounds = PixelBox { left: 10, top: 20, right: 30, bottom: 41 };
        let baseline = Baseline { slope: 0.01, offset: -4.0 };
        let word = Word { text: "chart".into(), bounds, confidence: 90.0 };
        let line = TextLine { bounds, baseline, starts_block: true, words: vec![word] };
        let read = PageText { width: 300, height: 200, lines: vec![line] };
        let finer = read.clone().scaled_to(600, 400);
        assert_eq!((finer.width, finer.height), (600, 400));
        let bounds = PixelBox { left: 20, top: 40, right: 60, bottom: 82 };
        assert_eq!((finer.lines[0].bounds, finer.lines[0].words[0].bounds), (bounds, bounds));
        assert_eq!(finer.lines[0].baseline, Baseline { slope: 0.01, offset: -8.0 });
        assert_eq!(finer.scaled_to(300, 200), read);
    }
}
