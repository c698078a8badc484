//! JBIG2 (ITU-T T.88): one page, one generic region, every pixel kept.
//!
//! Built from jbig2enc's coder and segments without its page type, so that the
//! rows go in once. Symbol coding would make pages smaller still and may turn
//! a 6 into an 8: in a chart it is never used.

use jbig2enc::arith::ArithEncoder;
use jbig2enc::wire::{
    GenericRegion, PageInfo, SEGMENT_IMM_GENERIC_REGION, SEGMENT_PAGE_INFORMATION, SegmentHeader,
};

use crate::records::raster::Raster;

/// The embedded form that PDF wants (T.88 annex D.3): no file header, no end
/// segments.
pub(super) fn encode(raster: &Raster) -> Vec<u8> {
    let (width, height) = (raster.width(), raster.height());
    let mut coder = ArithEncoder::new();
    // Skipping rows like the one above gained nothing on the pages tried.
    coder.encode_bitimage(&words(raster), width, height, false);
    coder.encode_final();
    let region = coder.to_vec();

    let page_info = PageInfo {
        width,
        height,
        // Unknown here; the PDF says how large the page is.
        xres: 0,
        yres: 0,
        is_lossless: true,
        contains_refinements: false,
        default_pixel: false,
        default_operator: 0,
        aux_buffers: false,
        operator_override: false,
        segment_flags: 0,
    }
    .to_bytes();
    // Template 0 with its adaptive pixels where T.88 6.2.5.4 puts them.
    let region_info = GenericRegion {
        width,
        height,
        x: 0,
        y: 0,
        comb_operator: 0,
        mmr: false,
        gbtemplate: 0,
        tpgdon: false,
        a1x: 3,
        a1y: -1,
        a2x: -3,
        a2y: -1,
        a3x: 2,
        a3y: -2,
        a4x: -2,
        a4y: -2,
    }
    .to_bytes();

    let mut stream = Vec::with_capacity(region.len() + 80);
    stream.extend(segment(0, SEGMENT_PAGE_INFORMATION, page_info.len()));
    stream.extend(page_info);
    stream.extend(segment(1, SEGMENT_IMM_GENERIC_REGION, region_info.len() + region.len()));
    stream.extend(region_info);
    stream.extend(region);
    stream
}

fn segment(number: u32, seg_type: u8, length: usize) -> Vec<u8> {
    SegmentHeader {
        number,
        seg_type,
        deferred_non_retain: false,
        retain_bits: 0,
        referred_to: vec![],
        page: 1,
        data_length: length as u32,
    }
    .to_bytes()
}

/// Rows padded to 32 bits, high bit first.
fn words(raster: &Raster) -> Vec<u32> {
    let per_row = raster.width().div_ceil(32) as usize;
    let mut words = Vec::with_capacity(per_row * raster.height() as usize);
    for y in 0..raster.height() {
        words.extend(raster.row(y).chunks(4).map(|chunk| {
            let mut bytes = [0; 4];
            bytes[..chunk.len()].copy_from_slice(chunk);
            u32::from_be_bytes(bytes)
        }));
    }
    words
}
