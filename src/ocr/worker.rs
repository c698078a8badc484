//! `outguide ocr-worker`: the only process that loads Tesseract.

/// Serves pages until standard input closes; returns the exit code.
pub fn serve() -> u8 {
    0
}
