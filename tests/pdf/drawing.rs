//! Pages made for these tests: every word is a black bar as large as its box,
//! so that a rendered page shows where a word must be found.

use jbig2enc::arith::ArithEncoder;
use jbig2enc::wire::{
    GenericRegion, PageInfo, SEGMENT_IMM_GENERIC_REGION, SEGMENT_PAGE_INFORMATION, SegmentHeader,
};
use outguide::records::page::QuarterTurn;
use outguide::records::raster::{Dpi, EncodedImage, ImageCoding, PixelBox, PixelFormat, Raster};
use outguide::records::text::{Baseline, PageText, TextLine, Word};

pub const DPI: Dpi = Dpi(150);

/// A page's lines of words; a `¶` as first word starts a block.
pub fn text_of(width: u32, height: u32, lines: &[&str]) -> PageText {
    const SIZE: u32 = 32;
    const PITCH: u32 = 60;
    let mut top = 40;
    let lines = lines.iter().zip(0..).map(|(line, index)| {
        let starts_block = line.starts_with('¶') || index == 0;
        top += if starts_block { 2 * PITCH } else { PITCH };
        let mut left = 80;
        let mut words = Vec::new();
        for text in line.trim_start_matches('¶').split_whitespace() {
            // Odd widths, as paper has them.
            let word_width = 13 * text.chars().count() as u32 + 7 + index;
            let bounds = PixelBox { left, top, right: left + word_width, bottom: top + SIZE };
            words.push(Word { text: text.to_owned(), bounds, confidence: 90.0 });
            left += word_width + 15;
        }
        let bounds = PixelBox { left: 80, top, right: left - 15, bottom: top + SIZE };
        let baseline = Baseline { slope: 0.0, offset: -(SIZE as f32) / 4.0 };
        TextLine { bounds, baseline, starts_block, words }
    });
    PageText { width, height, lines: lines.collect() }
}

/// The page on which `text` was read.
pub fn bars(text: &PageText) -> Raster {
    bitonal(text.width, text.height, |x, y| {
        text.words().any(|word| {
            let b = word.bounds;
            (b.left..b.right).contains(&x) && (b.top..b.bottom).contains(&y)
        })
    })
}

pub fn bitonal(width: u32, height: u32, black: impl Fn(u32, u32) -> bool) -> Raster {
    let row_bytes = PixelFormat::Bitonal.row_bytes(width);
    let mut pixels = vec![0; row_bytes * height as usize];
    for y in 0..height {
        for x in (0..width).filter(|x| black(*x, y)) {
            pixels[y as usize * row_bytes + x as usize / 8] |= 0x80 >> (x % 8);
        }
    }
    Raster::new(width, height, DPI, PixelFormat::Bitonal, pixels).unwrap()
}

pub fn is_black(page: &Raster, x: u32, y: u32) -> bool {
    page.row(y)[x as usize / 8] & (0x80 >> (x % 8)) != 0
}

/// The sheet as it lay in the scanner, so that cutting `margins` (left, top,
/// all around white), turning and straightening it gives `upright` back.
pub fn as_scanned(upright: &Raster, turn: QuarterTurn, skew_degrees: f64, margin: u32) -> Raster {
    let (width, height) = (upright.width() + 2 * margin, upright.height() + 2 * margin);
    let (sin, cos) = skew_degrees.to_radians().sin_cos();
    let centre = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    let skewed = bitonal(width, height, |x, y| {
        // Where this pixel's centre was before the sheet was skewed clockwise.
        let (dx, dy) = (f64::from(x) + 0.5 - centre.0, f64::from(y) + 0.5 - centre.1);
        let before_x = centre.0 + dx * cos + dy * sin - f64::from(margin);
        let before_y = centre.1 - dx * sin + dy * cos - f64::from(margin);
        before_x >= 0.0
            && before_y >= 0.0
            && (before_x as u32) < upright.width()
            && (before_y as u32) < upright.height()
            && is_black(upright, before_x as u32, before_y as u32)
    });
    match turn {
        QuarterTurn::None => skewed,
        // It takes a turn to the right to make it upright: it lay turned left.
        QuarterTurn::Right => bitonal(height, width, |x, y| is_black(&skewed, width - 1 - y, x)),
        QuarterTurn::Half => {
            bitonal(width, height, |x, y| is_black(&skewed, width - 1 - x, height - 1 - y))
        }
        QuarterTurn::Left => bitonal(height, width, |x, y| is_black(&skewed, y, height - 1 - x)),
    }
}

pub fn g4(page: &Raster) -> EncodedImage {
    let mut encoder = fax::encoder::Encoder::new(fax::VecWriter::new());
    for y in 0..page.height() {
        let row = (0..page.width()).map(|x| match is_black(page, x, y) {
            true => fax::Color::Black,
            false => fax::Color::White,
        });
        encoder.encode_line(row, page.width()).unwrap();
    }
    coded(page, ImageCoding::CcittG4, encoder.finish().unwrap().finish())
}

pub fn jbig2(page: &Raster) -> EncodedImage {
    let words: Vec<u32> = (0..page.height())
        .flat_map(|y| {
            page.row(y).chunks(4).map(|bytes| {
                let mut word = [0; 4];
                word[..bytes.len()].copy_from_slice(bytes);
                u32::from_be_bytes(word)
            })
        })
        .collect();
    let mut encoder = ArithEncoder::new();
    encoder.encode_bitimage(&words, page.width(), page.height(), false);
    encoder.encode_final();
    let page_info = PageInfo {
        width: page.width(),
        height: page.height(),
        xres: 0,
        yres: 0,
        is_lossless: true,
        contains_refinements: false,
        default_pixel: false,
        default_operator: 0,
        aux_buffers: false,
        operator_override: false,
        segment_flags: 0,
    };
    let region = GenericRegion {
        width: page.width(),
        height: page.height(),
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
    };
    let region = [region.to_bytes().to_vec(), encoder.to_vec()].concat();
    let mut bytes = segment(0, SEGMENT_PAGE_INFORMATION, &page_info.to_bytes());
    bytes.extend(segment(1, SEGMENT_IMM_GENERIC_REGION, &region));
    coded(page, ImageCoding::Jbig2Generic, bytes)
}

fn segment(number: u32, seg_type: u8, data: &[u8]) -> Vec<u8> {
    let header = SegmentHeader {
        number,
        seg_type,
        deferred_non_retain: false,
        retain_bits: 0,
        referred_to: Vec::new(),
        page: 1,
        data_length: data.len() as u32,
    };
    [header.to_bytes(), data.to_vec()].concat()
}

fn coded(page: &Raster, coding: ImageCoding, bytes: Vec<u8>) -> EncodedImage {
    EncodedImage {
        coding,
        width: page.width(),
        height: page.height(),
        dpi: page.dpi(),
        format: page.format(),
        bytes,
    }
}

/// The bars in gray or colour, over a gradient that JPEG keeps well.
pub fn jpeg(page: &Raster, format: PixelFormat) -> EncodedImage {
    let (samples, channels) = shaded(page, format);
    let color =
        if channels == 1 { image::ExtendedColorType::L8 } else { image::ExtendedColorType::Rgb8 };
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 85)
        .encode(&samples, page.width(), page.height(), color)
        .unwrap();
    EncodedImage { format, ..coded(page, ImageCoding::Jpeg, bytes) }
}

/// The same, every level kept; and the levels.
pub fn flate(page: &Raster, format: PixelFormat) -> (EncodedImage, Vec<u8>) {
    let (samples, _) = shaded(page, format);
    let bytes = miniz_oxide::deflate::compress_to_vec_zlib(&samples, 6);
    (EncodedImage { format, ..coded(page, ImageCoding::Flate, bytes) }, samples)
}

fn shaded(page: &Raster, format: PixelFormat) -> (Vec<u8>, usize) {
    let channels = match format {
        PixelFormat::Bitonal => panic!("a JPEG is gray or colour"),
        PixelFormat::Gray8 => 1,
        PixelFormat::Rgb8 => 3,
    };
    let mut samples = Vec::new();
    for y in 0..page.height() {
        for x in 0..page.width() {
            let light = 200 + (x * 40 / page.width()) as u8;
            let value = if is_black(page, x, y) { 20 } else { light };
            samples.extend([value, value, value.saturating_sub(15)].iter().take(channels));
        }
    }
    (samples, channels)
}
