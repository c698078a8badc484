//! What was read on a page: words in reading order, where they stand and how
//! sure the reader was.

use serde::{Deserialize, Serialize};

use super::raster::PixelBox;

/// The text of one page, in reading order. Boxes are in pixels of the upright
/// page that was read, whose size is `width`×`height`.
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
    pub fn words(&self) -> impl Iterator<Item = &Word> {
        self.lines.iter().flat_map(|line| &line.words)
    }

    /// Mean confidence over the words, 0 to 100; `None` where nothing was read.
    pub fn mean_confidence(&self) -> Option<f32> {
        let count = self.words().count();
        (count > 0).then(|| self.words().map(|w| w.confidence).sum::<f32>() / count as f32)
    }
}
