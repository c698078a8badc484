//! The only door to leptonica: pixels in, numbers or a JPEG out. It is never
//! given a file, and nothing larger than a page.
//!
//! What leptonica declines (too small, too empty) is `None`.

use std::ptr;
use std::sync::Once;

use leptonica_sys as sys;

use crate::records::raster::{Dpi, PixelFormat, Raster};

/// An image of leptonica's: 1, 8 or 32 bits a pixel, ours alone.
pub(super) struct Pix {
    raw: *mut sys::Pix,
}

// SAFETY: the pointer is the only one to its image, and leptonica keeps no
// state of threads in it.
unsafe impl Send for Pix {}

impl Drop for Pix {
    fn drop(&mut self) {
        // SAFETY: `raw` came from leptonica, is owned by this value alone and
        // is not used again.
        unsafe { sys::pixDestroy(&mut self.raw) }
    }
}

/// What would set text lines level.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelAngle {
    /// Clockwise.
    pub degrees: f32,
    /// The ratio of the best score to the worst of the last few. It grows with
    /// the sweep's step, and compares only with others of the same step.
    pub confidence: f32,
    /// How sharply rows of ink and rows of paper part at this angle. Compares
    /// with others of the same picture.
    pub score: f32,
}

/// What leptonica has to say about a blank page is not for the clerk's screen.
fn silence() {
    static ONCE: Once = Once::new();
    const L_SEVERITY_NONE: i32 = 6;
    ONCE.call_once(|| {
        // SAFETY: sets a number inside the library.
        unsafe { sys::setMsgSeverity(L_SEVERITY_NONE) };
    });
}

impl Pix {
    fn take(raw: *mut sys::Pix) -> Option<Pix> {
        (!raw.is_null()).then_some(Pix { raw })
    }

    fn create(width: u32, height: u32, depth: i32) -> Pix {
        silence();
        let side = |pixels: u32| i32::try_from(pixels).expect("a page's side is below 2^31");
        // SAFETY: leptonica checks the size and returns null if it cannot have
        // the memory.
        let raw = unsafe { sys::pixCreateNoInit(side(width), side(height), depth) };
        // Like every allocation of ours, this one ends the process if it fails.
        Pix::take(raw).expect("leptonica takes every size that a raster can have")
    }

    fn height(&self) -> u32 {
        // SAFETY: `raw` is a live image.
        unsafe { sys::pixGetHeight(self.raw) as u32 }
    }

    fn words_per_line(&self) -> usize {
        // SAFETY: `raw` is a live image.
        unsafe { sys::pixGetWpl(self.raw) as usize }
    }

    fn words_mut(&mut self) -> &mut [u32] {
        let length = self.words_per_line() * self.height() as usize;
        // SAFETY: an image owns words_per_line × height words of 32 bits, and is
        // borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(sys::pixGetData(self.raw), length) }
    }

    /// A copy of the pixels. Leptonica packs them into words, first pixel in
    /// the highest bits.
    pub(super) fn from_raster(raster: &Raster) -> Pix {
        let depth = match raster.format() {
            PixelFormat::Bitonal => 1,
            PixelFormat::Gray8 => 8,
            PixelFormat::Rgb8 => 32,
        };
        let mut pix = Pix::create(raster.width(), raster.height(), depth);
        let per_line = pix.words_per_line();
        for (y, line) in pix.words_mut().chunks_exact_mut(per_line).enumerate() {
            let row = raster.row(y as u32);
            if raster.format() == PixelFormat::Rgb8 {
                for (word, &[r, g, b]) in line.iter_mut().zip(row.as_chunks::<3>().0) {
                    *word = u32::from_be_bytes([r, g, b, 0]);
                }
                continue;
            }
            let (whole, rest) = row.as_chunks::<4>();
            for (word, &bytes) in line.iter_mut().zip(whole) {
                *word = u32::from_be_bytes(bytes);
            }
            if !rest.is_empty() {
                let mut bytes = [0; 4];
                bytes[..rest.len()].copy_from_slice(rest);
                line[per_line - 1] = u32::from_be_bytes(bytes);
            }
        }
        pix.set_dpi(raster.dpi());
        pix
    }

    fn set_dpi(&mut self, dpi: Dpi) {
        // SAFETY: `raw` is a live image, borrowed alone.
        unsafe { sys::pixSetResolution(self.raw, dpi.0 as i32, dpi.0 as i32) };
    }

    /// A baseline JPEG file.
    pub(super) fn to_jpeg(&self, quality: u8) -> Vec<u8> {
        let mut data: *mut u8 = ptr::null_mut();
        let mut size = 0;
        // SAFETY: `raw` is a live image; on success leptonica sets `data` to
        // `size` bytes of its own allocation, which are copied and given back.
        unsafe {
            let failed = sys::pixWriteMemJpeg(&mut data, &mut size, self.raw, quality.into(), 0);
            assert!(failed == 0 && !data.is_null(), "libjpeg codes gray and colour in memory");
            let file = std::slice::from_raw_parts(data, size).to_vec();
            sys::lept_free(data.cast());
            file
        }
    }

    /// The angle that would set text lines level, found among angles `step`
    /// degrees apart up to `range` to either side and then between them. One
    /// bit a pixel at 100 to 300 dpi.
    pub(super) fn find_skew(&self, range: f32, step: f32) -> Option<LevelAngle> {
        /// The sweep looks at half the size, the search at full size.
        const SWEEP_REDUCTION: i32 = 2;
        const SEARCH_REDUCTION: i32 = 1;
        const SWEEP_CENTER: f32 = 0.0;
        const SEARCH_STEP: f32 = 0.01;
        let (mut degrees, mut confidence, mut score) = (0.0, 0.0, 0.0);
        // SAFETY: `raw` is a live image; the three numbers outlive the call.
        let failed = unsafe {
            sys::pixFindSkewSweepAndSearchScore(
                self.raw,
                &mut degrees,
                &mut confidence,
                &mut score,
                SWEEP_REDUCTION,
                SEARCH_REDUCTION,
                SWEEP_CENTER,
                range,
                step,
                SEARCH_STEP,
            )
        };
        (failed == 0).then_some(LevelAngle { degrees, confidence, score })
    }

    /// By the letters that rise above and hang below a line: how sure it is
    /// that text stands upright (negative: upside down), and that it lies with
    /// its top to the left (negative: to the right). Each is a difference of
    /// counts in standard deviations; 0 where there is too little text. One
    /// bit a pixel at 150 to 300 dpi.
    pub(super) fn orientation(&self) -> Option<(f32, f32)> {
        /// Leptonica would want 70 letters; the deviation is honest with fewer.
        const LEAST_COUNT: i32 = 15;
        let (mut up, mut left) = (0.0, 0.0);
        // SAFETY: `raw` is a live image; the two numbers outlive the call.
        let failed = unsafe { sys::pixOrientDetect(self.raw, &mut up, &mut left, LEAST_COUNT, 0) };
        (failed == 0).then_some((up, left))
    }
}
