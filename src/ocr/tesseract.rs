//! Tesseract's C interface: pixels in, hOCR or a direction out. Runs only in
//! the worker, and is the only unsafe code of `ocr`.
//!
//! Recognition goes through leptess. Two things it cannot do go to the C
//! functions below it: a picture from raw pixels, and the direction of a page.

use std::ffi::{CStr, CString, c_char, c_int};
use std::path::Path;
use std::ptr::NonNull;

use leptess::capi;
use leptess::leptonica::Pix;
use leptess::tesseract::TessApi;
use leptonica_plumbing::memory::RefCounted;

use super::languages::ORIENTATION;
use crate::records::page::QuarterTurn;
use crate::records::raster::{PixelFormat, Raster};

#[derive(Debug, thiserror::Error)]
pub(super) enum TesseractError {
    #[error("the data for {0} cannot be loaded")]
    Load(String),
    #[error("this Tesseract has no setting {0}")]
    Setting(&'static str),
    #[error("there is not enough memory for the picture")]
    OutOfMemory,
    #[error("recognition failed")]
    Recognize,
    #[error("the words are not UTF-8")]
    NotUtf8,
}

/// Settings of every reader, with the reason for each.
const SETTINGS: [(&CStr, &CStr); 2] = [
    // Whole pages, layout found by Tesseract; its library starts with one block.
    (c"tessedit_pageseg_mode", c"3"),
    // Words of the pages before must not change how this one is read: which
    // worker reads which page is chance, and the same batch must give the same
    // words.
    (c"tessedit_enable_doc_dict", c"0"),
];

/// A Tesseract with its languages loaded.
pub(super) struct Reader {
    api: TessApi,
}

impl Reader {
    /// Takes 0.12 to 0.15 s for Debian's English data.
    pub(super) fn load(tessdata: &Path, languages: &[String]) -> Result<Self, TesseractError> {
        let joined = languages.join("+");
        let folder = tessdata.to_str().filter(|folder| !folder.contains('\0'));
        let folder = folder.ok_or_else(|| TesseractError::Load(joined.clone()))?;
        let mut api = TessApi::new(Some(folder), &joined)
            .map_err(|_code| TesseractError::Load(joined.clone()))?;
        for (name, value) in SETTINGS {
            api.raw
                .set_variable(name, value)
                .map_err(|_| TesseractError::Setting(name.to_str().expect("ASCII")))?;
        }
        Ok(Reader { api })
    }

    /// The page's words as hOCR.
    pub(super) fn hocr(&mut self, page: &Picture) -> Result<String, TesseractError> {
        self.api.set_image(&page.0);
        if self.api.recognize() != 0 {
            return Err(TesseractError::Recognize);
        }
        self.api.get_hocr_text(0).map_err(|_| TesseractError::NotUtf8)
    }
}

/// A Tesseract that tells which way up a page lies.
pub(super) struct Compass {
    api: NonNull<capi::TessBaseAPI>,
}

impl Compass {
    pub(super) fn load(tessdata: &Path) -> Result<Self, TesseractError> {
        let cannot = || TesseractError::Load(ORIENTATION.to_owned());
        let folder = tessdata.to_str().and_then(|folder| CString::new(folder).ok());
        let folder = folder.ok_or_else(cannot)?;
        let language = CString::new(ORIENTATION).expect("no NUL in it");
        // SAFETY: creates a handle that is ours until Drop deletes it.
        let api = unsafe { capi::TessBaseAPICreate() };
        let compass = Compass { api: NonNull::new(api).ok_or(TesseractError::OutOfMemory)? };
        // SAFETY: the handle is live, and both strings end in NUL and outlive the call.
        let failed = unsafe {
            capi::TessBaseAPIInit3(compass.api.as_ptr(), folder.as_ptr(), language.as_ptr())
        };
        if failed != 0 { Err(cannot()) } else { Ok(compass) }
    }

    /// The turn that makes the page upright, and Tesseract's own confidence in
    /// it (above 0, clear pages reach 20); `None` where too little text is on
    /// the page.
    pub(super) fn upright_turn(&mut self, page: &Picture) -> Option<(QuarterTurn, f32)> {
        let mut degrees: c_int = 0;
        let mut confidence = 0.0_f32;
        let mut script: *const c_char = std::ptr::null();
        let mut script_confidence = 0.0_f32;
        // SAFETY: handle and picture are live for both calls (the handle keeps
        // a reference of its own to the picture); the four results are written
        // to live variables. The script's name belongs to Tesseract.
        let found = unsafe {
            capi::TessBaseAPISetImage2(self.api.as_ptr(), *page.0.raw.as_ref());
            capi::TessBaseAPIDetectOrientationScript(
                self.api.as_ptr(),
                &mut degrees,
                &mut confidence,
                &mut script,
                &mut script_confidence,
            )
        };
        if found == 0 {
            return None;
        }
        // Tesseract says how far the text lies turned clockwise.
        let turn = match degrees {
            90 => QuarterTurn::Left,
            180 => QuarterTurn::Half,
            270 => QuarterTurn::Right,
            _ => QuarterTurn::None,
        };
        Some((turn, confidence))
    }
}

impl Drop for Compass {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, live, and not used again.
        unsafe { capi::TessBaseAPIDelete(self.api.as_ptr()) }
    }
}

/// A page as leptonica keeps it: rows of 32-bit words, the leftmost pixel in
/// the highest bits; 1 is black in 1 bit, colour is `0xRRGGBB00`.
pub(super) struct Picture(Pix);

impl Picture {
    pub(super) fn of(page: &Raster) -> Result<Self, TesseractError> {
        let depth = match page.format() {
            PixelFormat::Bitonal => 1,
            PixelFormat::Gray8 => 8,
            PixelFormat::Rgb8 => 32,
        };
        let side = |pixels: u32| c_int::try_from(pixels).map_err(|_| TesseractError::OutOfMemory);
        let (width, height) = (side(page.width())?, side(page.height())?);
        // SAFETY: creates a picture with one reference, or gives null.
        let raw = unsafe { leptonica_sys::pixCreate(width, height, depth) };
        // SAFETY: the picture was just made and is seen by nobody else.
        let picture = unsafe { Picture::owning(raw) }?;
        let dpi = c_int::try_from(page.dpi().0).unwrap_or(0);
        // SAFETY: `raw` is live. Its data is `height` rows of `pixGetWpl` words,
        // allocated and zeroed by leptonica, and seen by nobody else until this
        // function ends.
        let (words, words_a_row) = unsafe {
            leptonica_sys::pixSetResolution(raw, dpi, dpi);
            let words_a_row = leptonica_sys::pixGetWpl(raw) as usize;
            let data = leptonica_sys::pixGetData(raw);
            (std::slice::from_raw_parts_mut(data, words_a_row * height as usize), words_a_row)
        };
        for (y, words) in words.chunks_exact_mut(words_a_row).enumerate() {
            fill_row(words, page.row(y as u32), page.format());
        }
        Ok(picture)
    }

    /// The picture turned clockwise.
    pub(super) fn turned(&self, turn: QuarterTurn) -> Result<Self, TesseractError> {
        let quarters = c_int::from(turn.degrees() / 90);
        // SAFETY: the source is live; the result is a new picture, another
        // reference to the source where nothing is turned, or null.
        unsafe { Picture::owning(leptonica_sys::pixRotateOrth(*self.0.raw.as_ref(), quarters)) }
    }

    /// # Safety
    /// `raw` is null, or one reference to a picture that nobody else drops.
    unsafe fn owning(raw: *mut leptonica_sys::Pix) -> Result<Self, TesseractError> {
        if raw.is_null() {
            return Err(TesseractError::OutOfMemory);
        }
        // SAFETY: as the caller promises; the wrapper drops the reference.
        let raw = unsafe { RefCounted::new(leptonica_plumbing::Pix::new_from_pointer(raw)) };
        Ok(Picture(Pix { raw }))
    }
}

fn fill_row(words: &mut [u32], row: &[u8], format: PixelFormat) {
    match format {
        PixelFormat::Bitonal | PixelFormat::Gray8 => {
            for (word, bytes) in words.iter_mut().zip(row.chunks(4)) {
                let mut whole = [0; 4];
                whole[..bytes.len()].copy_from_slice(bytes);
                *word = u32::from_be_bytes(whole);
            }
        }
        PixelFormat::Rgb8 => {
            for (word, pixel) in words.iter_mut().zip(row.chunks_exact(3)) {
                *word = u32::from_be_bytes([pixel[0], pixel[1], pixel[2], 0]);
            }
        }
    }
}
