//! The only door to leptonica: pixels in, pixels or numbers out. It is never
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

    pub(super) fn width(&self) -> u32 {
        // SAFETY: `raw` is a live image.
        unsafe { sys::pixGetWidth(self.raw) as u32 }
    }

    pub(super) fn height(&self) -> u32 {
        // SAFETY: `raw` is a live image.
        unsafe { sys::pixGetHeight(self.raw) as u32 }
    }

    fn depth(&self) -> i32 {
        // SAFETY: `raw` is a live image.
        unsafe { sys::pixGetDepth(self.raw) }
    }

    fn words_per_line(&self) -> usize {
        // SAFETY: `raw` is a live image.
        unsafe { sys::pixGetWpl(self.raw) as usize }
    }

    fn words(&self) -> &[u32] {
        let length = self.words_per_line() * self.height() as usize;
        // SAFETY: an image owns words_per_line × height words of 32 bits, and
        // while it is borrowed nothing writes them.
        unsafe { std::slice::from_raw_parts(sys::pixGetData(self.raw), length) }
    }

    fn words_mut(&mut self) -> &mut [u32] {
        let length = self.words_per_line() * self.height() as usize;
        // SAFETY: as in `words`; the image is borrowed alone.
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

    /// A copy of the pixels, at a resolution the caller knows.
    pub(super) fn to_raster(&self, dpi: Dpi) -> Raster {
        let format = match self.depth() {
            1 => PixelFormat::Bitonal,
            8 => PixelFormat::Gray8,
            32 => PixelFormat::Rgb8,
            depth => unreachable!("nothing here makes {depth} bits a pixel"),
        };
        let (width, height) = (self.width(), self.height());
        let row_bytes = format.row_bytes(width);
        let mut pixels = Vec::with_capacity(row_bytes * height as usize + 4);
        for line in self.words().chunks_exact(self.words_per_line()) {
            let start = pixels.len();
            if format == PixelFormat::Rgb8 {
                for word in line {
                    let [r, g, b, _] = word.to_be_bytes();
                    pixels.extend_from_slice(&[r, g, b]);
                }
            } else {
                pixels.extend(line.iter().flat_map(|word| word.to_be_bytes()));
                pixels.truncate(start + row_bytes);
                if format == PixelFormat::Bitonal && width % 8 > 0 {
                    pixels[start + row_bytes - 1] &= 0xff << (8 - width % 8);
                }
            }
        }
        Raster::new(width, height, dpi, format, pixels).expect("every row was copied")
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
            let file = std::slice::from_raw_parts(data, size as usize).to_vec();
            sys::lept_free(data.cast());
            file
        }
    }
}
