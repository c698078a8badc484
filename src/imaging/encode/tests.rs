//! Every coding decoded again, by our decoder or another's. How small the files
//! get is not tested.

use super::*;
use crate::imaging::decode;
use crate::records::raster::Dpi;

fn raster(width: u32, height: u32, format: PixelFormat, mut pixels: Vec<u8>) -> Raster {
    let unused = (8 - width % 8) % 8;
    if format == PixelFormat::Bitonal && unused > 0 {
        for row in pixels.chunks_mut(format.row_bytes(width)) {
            *row.last_mut().unwrap() &= 0xff << unused;
        }
    }
    Raster::new(width, height, Dpi(300), format, pixels).unwrap()
}

/// Pages that use every mode of the fax codings: all white, all black, columns,
/// noise sparse and dense, runs longer than 2560.
fn bitonal_pages() -> Vec<Raster> {
    let mut pages = Vec::new();
    for (width, height) in [(1, 1), (7, 3), (8, 8), (64, 5), (65, 40), (333, 50), (9000, 6)] {
        let bytes = PixelFormat::Bitonal.row_bytes(width) * height as usize;
        let mut random = u64::from(width) * 7919 + 1;
        let mut noise = move |keep: u32| {
            (0..keep).fold(0xff, |byte: u8, _| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                byte & (random >> 33) as u8
            })
        };
        for pixels in [
            vec![0; bytes],
            vec![0xff; bytes],
            vec![0b0011_0110; bytes],
            (0..bytes).map(|_| noise(1)).collect(),
            (0..bytes).map(|_| noise(4)).collect(),
            (0..bytes).map(|_| !noise(4)).collect(),
        ] {
            pages.push(raster(width, height, PixelFormat::Bitonal, pixels));
        }
    }
    pages
}

fn shaded(width: u32, height: u32, format: PixelFormat) -> Raster {
    let bytes = format.row_bytes(width) * height as usize;
    let pixels = (0..bytes).map(|i| (i / 3 % 251 + i % 5) as u8).collect();
    raster(width, height, format, pixels)
}

fn read_back(file: &[u8]) -> Raster {
    let mut pages = decode::open(file).unwrap();
    let page = pages.next().unwrap().unwrap();
    assert_eq!(pages.dpi_source(), decode::DpiSource::File);
    page
}

#[test]
fn an_original_comes_back_bit_for_bit_with_its_resolution() {
    let mut pages = bitonal_pages();
    pages.push(shaded(301, 77, PixelFormat::Gray8));
    pages.push(shaded(99, 31, PixelFormat::Rgb8));
    for page in pages {
        let encoded = original(&page);
        assert!(read_back(&encoded.bytes) == page, "{page:?} as {}", encoded.extension);
        assert_eq!(encoded, original(&page));
    }
}

#[test]
fn a_bitonal_original_is_tiff_and_others_png() {
    assert_eq!(original(&bitonal_pages()[0]).extension, "tif");
    assert_eq!(original(&shaded(9, 9, PixelFormat::Gray8)).extension, "png");
}

#[test]
fn a_row_too_long_for_fax_codings_is_kept_all_the_same() {
    let wide = raster(40_000, 2, PixelFormat::Bitonal, vec![0x5a; 10_000]);
    let encoded = original(&wide);
    assert_eq!(encoded.extension, "png");
    assert!(read_back(&encoded.bytes) == wide);
    let settings = PdfSettings { bitonal: BitonalCoding::CcittG4, jpeg_quality: 80 };
    assert_eq!(for_pdf(&wide, &settings).coding, ImageCoding::Jbig2Generic);
}

/// Written with the `fax` crate's own encoder, to have a second opinion.
#[test]
fn group_4_is_coded_as_the_fax_crate_codes_it() {
    for page in bitonal_pages() {
        let mut peer = fax::encoder::Encoder::new(fax::VecWriter::new());
        for y in 0..page.height() {
            let pels = fax::slice_bits(page.row(y)).take(page.width() as usize);
            let pels = pels.map(|bit| if bit { fax::Color::Black } else { fax::Color::White });
            peer.encode_line(pels, page.width()).unwrap();
        }
        assert!(g4::encode(&page) == peer.finish().unwrap().finish(), "{page:?}");
    }
}

struct Bits(Vec<bool>);

impl hayro_jbig2::Decoder for Bits {
    fn push_pixel(&mut self, black: bool) {
        self.0.push(black);
    }

    fn push_pixel_chunk(&mut self, black: bool, chunk_count: u32) {
        self.0.extend(std::iter::repeat_n(black, chunk_count as usize * 8));
    }

    fn next_line(&mut self) {
        let whole = self.0.len().next_multiple_of(8);
        self.0.resize(whole, false);
    }
}

#[test]
fn jbig2_decodes_to_the_same_pixels() {
    let settings = PdfSettings { bitonal: BitonalCoding::Jbig2, jpeg_quality: 80 };
    for page in bitonal_pages() {
        let image = for_pdf(&page, &settings);
        assert_eq!(image.coding, ImageCoding::Jbig2Generic);
        let strict = hayro_jbig2::DecodeSettings { strict: true };
        let decoded = hayro_jbig2::Page::new_embedded(&image.bytes, None, &strict).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (page.width(), page.height()));
        let mut bits = Bits(Vec::new());
        decoded.decode(&mut bits).unwrap();
        let bytes: Vec<u8> = bits
            .0
            .chunks(8)
            .map(|bits| bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit)))
            .collect();
        assert!(bytes == page.pixels(), "{page:?}");
    }
}

#[test]
fn gray_and_colour_stand_in_the_pdf_as_baseline_jpeg() {
    let settings = PdfSettings { bitonal: BitonalCoding::CcittG4, jpeg_quality: 95 };
    for format in [PixelFormat::Gray8, PixelFormat::Rgb8] {
        let smooth = (0..format.row_bytes(64) * 48).map(|i| (i / 100 + i % 2) as u8);
        let page = raster(64, 48, format, smooth.collect());
        let image = for_pdf(&page, &settings);
        assert_eq!(image.coding, ImageCoding::Jpeg);
        assert!(image.bytes.windows(2).any(|pair| pair == [0xff, 0xc0]), "SOF0: baseline");
        let back = read_back(&image.bytes);
        assert_eq!(back.format(), format);
        let furthest = page.pixels().iter().zip(back.pixels()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(furthest < Some(12), "{format:?} {furthest:?}");
    }
}

/// A blank page in colour has nothing but one value to code.
#[test]
fn one_flat_colour_survives_jpeg() {
    for format in [PixelFormat::Gray8, PixelFormat::Rgb8] {
        for level in [0, 77, 255] {
            let page = raster(50, 30, format, vec![level; format.row_bytes(50) * 30]);
            let back = read_back(&jpeg::encode(&page, 80));
            assert!(
                back.pixels().iter().all(|&got| got.abs_diff(level) <= 2),
                "{format:?} {level}"
            );
        }
    }
}

/// The same picture in another format.
fn in_format(page: &Raster, format: PixelFormat) -> Raster {
    let black = |x: usize, y: u32| page.row(y)[x / 8] & (0x80 >> (x % 8)) != 0;
    let levels = (0..page.height()).flat_map(|y| {
        (0..page.width() as usize).map(move |x| if black(x, y) { 0_u8 } else { 255 })
    });
    let pixels = match format {
        PixelFormat::Bitonal => return page.clone(),
        PixelFormat::Gray8 => levels.collect(),
        PixelFormat::Rgb8 => levels.flat_map(|level| [level; 3]).collect(),
    };
    raster(page.width(), page.height(), format, pixels)
}

#[test]
fn black_and_white_is_coded_as_such_in_whatever_format_it_came() {
    for bitonal in [BitonalCoding::CcittG4, BitonalCoding::Jbig2] {
        let settings = PdfSettings { bitonal, jpeg_quality: 80 };
        for page in bitonal_pages() {
            for format in [PixelFormat::Gray8, PixelFormat::Rgb8] {
                assert_eq!(
                    for_pdf(&in_format(&page, format), &settings),
                    for_pdf(&page, &settings),
                    "{page:?} as {format:?}"
                );
            }
        }
    }
}

#[test]
fn one_pixel_that_is_neither_black_nor_white_keeps_a_page_gray() {
    let settings = PdfSettings { bitonal: BitonalCoding::CcittG4, jpeg_quality: 80 };
    for level in [1, 128, 254] {
        let mut pixels = vec![255; 40 * 30];
        pixels[611] = level;
        let image = for_pdf(&raster(40, 30, PixelFormat::Gray8, pixels), &settings);
        assert_eq!(image.format, PixelFormat::Gray8);
    }
}

#[test]
fn colour_that_is_all_gray_is_coded_as_gray_and_one_tinted_pixel_keeps_it_colour() {
    let settings = PdfSettings { bitonal: BitonalCoding::CcittG4, jpeg_quality: 80 };
    let gray = shaded(99, 31, PixelFormat::Gray8);
    let mut pixels: Vec<u8> = gray.pixels().iter().flat_map(|&level| [level; 3]).collect();
    let colour = raster(99, 31, PixelFormat::Rgb8, pixels.clone());
    assert_eq!(for_pdf(&colour, &settings), for_pdf(&gray, &settings));
    pixels[3000] ^= 1;
    let image = for_pdf(&raster(99, 31, PixelFormat::Rgb8, pixels), &settings);
    assert_eq!(image.format, PixelFormat::Rgb8);
}

#[test]
fn a_drawing_keeps_every_pixel_where_that_takes_fewer_bytes_than_jpeg() {
    let settings = PdfSettings { bitonal: BitonalCoding::CcittG4, jpeg_quality: 80 };
    for format in [PixelFormat::Gray8, PixelFormat::Rgb8] {
        // Rules and boxes of a few levels, as a form drawn by a program.
        let bytes = format.row_bytes(1);
        let pixel = |at: usize| match (at % 400, at / 400) {
            (_, y) if y % 60 < 3 => [90, 90, 160],
            (x, _) if x % 100 < 3 => [90, 90, 160],
            (x, y) if x < 100 && y % 120 < 60 => [230, 230, 200],
            _ => [255; 3],
        };
        let pixels = (0..400 * 300).flat_map(|at| pixel(at).into_iter().take(bytes)).collect();
        let page = raster(400, 300, format, pixels);
        let image = for_pdf(&page, &settings);
        assert_eq!((image.coding, image.format), (ImageCoding::Flate, format));
        assert!(image.bytes.len() < jpeg::encode(&page, 80).len());
        let back = miniz_oxide::inflate::decompress_to_vec_zlib(&image.bytes).unwrap();
        assert!(back == page.pixels(), "{format:?}");
        assert_eq!(for_pdf(&page, &settings), image);
    }
}

#[test]
fn a_cut_or_damaged_fax_page_is_a_fault_or_a_picture() {
    let pages = bitonal_pages();
    let noisy = pages.iter().filter(|page| page.width() == 333).nth(3).unwrap();
    let file = original(noisy).bytes;
    let decode_all = |bytes: &[u8]| -> Result<Vec<Raster>, _> { decode::open(bytes)?.collect() };
    for length in 0..file.len() {
        assert!(decode_all(&file[..length]).is_err(), "cut to {length} of {}", file.len());
    }
    for at in 190..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x24;
        if let Ok(pages) = decode_all(&damaged) {
            assert_eq!((pages[0].width(), pages[0].height()), (noisy.width(), noisy.height()));
        }
    }
}
