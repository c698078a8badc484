//! The page as Tesseract reads it best.

use crate::records::raster::Raster;

/// What to hand to Tesseract for this cleaned page.
pub fn for_reading(raster: &Raster) -> Raster {
    raster.clone()
}
