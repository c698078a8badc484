//! Files made here, good, cut and damaged. Fax pages are in the encoder's tests,
//! which can make them.

use std::io::Cursor;

use super::limits::MAX_SIDE_PIXELS;
use super::*;
use crate::records::raster::Dpi;

fn pages(file: &[u8]) -> Result<Vec<Raster>, ImageFault> {
    open(file)?.collect()
}

fn only_page(file: &[u8]) -> Raster {
    let mut pages = pages(file).expect("a good file");
    assert_eq!(pages.len(), 1);
    pages.remove(0)
}

fn fault(file: &[u8]) -> ImageFault {
    pages(file).expect_err("a bad file")
}

/// Noise with structure, so that every coding has something to do.
fn gray_samples(width: usize, height: usize) -> Vec<u8> {
    (0..width * height)
        .map(|i| ((i % width) * 3 + (i / width) * 5 + ((i * 2_654_435_761) >> 13) % 16) as u8)
        .collect()
}

fn png_file(
    (width, height): (u32, u32),
    color: ::png::ColorType,
    depth: ::png::BitDepth,
    palette: Option<&[u8]>,
    data: &[u8],
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_pixel_dims(Some(::png::PixelDimensions {
        xppu: 11_811,
        yppu: 11_811,
        unit: ::png::Unit::Meter,
    }));
    if let Some(palette) = palette {
        encoder.set_palette(palette.to_vec());
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    file
}

fn jpeg_file(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 90);
    encoder.set_pixel_density(image::codecs::jpeg::PixelDensity::dpi(300));
    let samples = gray_samples(width as usize, height as usize);
    encoder.encode(&samples, width, height, image::ExtendedColorType::L8).unwrap();
    file
}

fn tiff_file<C: ::tiff::encoder::colortype::ColorType<Inner = u8>>(
    sizes: &[(u32, u32)],
    samples_per_pixel: usize,
    compression: ::tiff::encoder::Compression,
) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder =
        ::tiff::encoder::TiffEncoder::new(&mut file).unwrap().with_compression(compression);
    for &(width, height) in sizes {
        let samples = gray_samples(width as usize * samples_per_pixel, height as usize);
        encoder.write_image::<C>(width, height, &samples).unwrap();
    }
    file.into_inner()
}

fn one_of_each_format() -> Vec<(&'static str, Vec<u8>)> {
    use ::tiff::encoder::Compression;
    use ::tiff::encoder::colortype::{Gray8, RGB8};
    let gray = gray_samples(40, 30);
    let pgm = [b"P5\n40 30\n255\n".as_slice(), &gray].concat();
    let pbm = [b"P4 13 5\n".as_slice(), &[0xaa; 10]].concat();
    vec![
        (
            "png",
            png_file((40, 30), ::png::ColorType::Grayscale, ::png::BitDepth::Eight, None, &gray),
        ),
        ("jpeg", jpeg_file(40, 30)),
        ("tiff raw", tiff_file::<Gray8>(&[(40, 30), (20, 20)], 1, Compression::Uncompressed)),
        ("tiff lzw", tiff_file::<RGB8>(&[(40, 30)], 3, Compression::Lzw)),
        ("tiff packbits", tiff_file::<Gray8>(&[(40, 30)], 1, Compression::Packbits)),
        (
            "tiff deflate",
            tiff_file::<Gray8>(&[(40, 30)], 1, Compression::Deflate(Default::default())),
        ),
        ("pgm", pgm),
        ("pbm", pbm),
    ]
}

#[test]
fn every_format_gives_back_its_samples() {
    for (name, file) in one_of_each_format() {
        let page = pages(&file).unwrap_or_else(|fault| panic!("{name}: {fault}")).remove(0);
        match name {
            "pbm" => assert_eq!(page.row(0), [0xaa, 0xa8]),
            "jpeg" => assert_eq!((page.width(), page.height()), (40, 30)),
            "tiff lzw" => assert_eq!(page.pixels(), gray_samples(120, 30), "{name}"),
            _ => assert_eq!(page.pixels(), gray_samples(40, 30), "{name}"),
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_a_fault_and_never_fewer_pages() {
    for (name, file) in one_of_each_format() {
        for length in 0..file.len() {
            assert!(pages(&file[..length]).is_err(), "{name} cut to {length} of {}", file.len());
        }
    }
}

#[test]
fn damaged_bytes_end_in_a_picture_or_a_fault() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for (_, file) in one_of_each_format() {
        for _ in 0..200 {
            let mut damaged = file.clone();
            for _ in 0..3 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let at = random as usize % damaged.len();
                damaged[at] ^= (random >> 40) as u8;
            }
            if let Ok(images) = open(&damaged) {
                for page in images.flatten() {
                    assert!(page.width() <= MAX_SIDE_PIXELS && page.height() <= MAX_SIDE_PIXELS);
                }
            }
        }
    }
}

#[test]
fn an_empty_file_says_so() {
    assert_eq!(fault(b""), ImageFault::Empty);
}

#[test]
fn a_pdf_is_recognised_and_left_to_others() {
    assert_eq!(fault(b"%PDF-1.7\n"), ImageFault::IsPdf);
    assert_eq!(fault(b"Received: by mail\r\n%PDF-1.4\n"), ImageFault::IsPdf);
}

#[test]
fn other_formats_are_named() {
    assert_eq!(fault(b"GIF89a......"), ImageFault::OtherFormat("a GIF"));
    assert_eq!(fault(b"RIFF\x10\0\0\0WEBPVP8 "), ImageFault::OtherFormat("a WebP"));
    assert_eq!(fault(b"hello, I am a text"), ImageFault::UnknownFormat);
    assert_eq!(fault(b"P7\nWIDTH 4\n"), ImageFault::UnknownFormat);
}

#[test]
fn a_side_of_a_hundred_thousand_pixels_is_refused_before_memory_is_taken() {
    let mut png =
        png_file((8, 8), ::png::ColorType::Grayscale, ::png::BitDepth::Eight, None, &[0; 64]);
    png[16..20].copy_from_slice(&100_000u32.to_be_bytes());
    let crc = png_crc(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    for file in [png, b"P4\n100000 100000\n".to_vec(), b"P6 100000 10 255\n".to_vec()] {
        let found = fault(&file);
        assert!(matches!(found, ImageFault::TooLarge { width: 100_000, .. }), "{found}");
    }
}

#[test]
fn a_page_of_too_many_pixels_is_refused_though_its_sides_are_not_long() {
    let found = fault(b"P6\n40000 40000\n255\n");
    assert!(matches!(found, ImageFault::TooLarge { .. }), "{found}");
}

/// CRC-32 of a PNG chunk (ISO 3309).
fn png_crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn black_and_white_png_stays_one_bit_with_black_as_one() {
    use ::png::{BitDepth, ColorType};
    let file = png_file((10, 1), ColorType::Grayscale, BitDepth::One, None, &[0b1111_0000, 0xff]);
    let page = only_page(&file);
    assert_eq!(page.format(), PixelFormat::Bitonal);
    assert_eq!(page.pixels(), [0b0000_1111, 0]);
    assert_eq!(page.dpi(), Dpi(300));

    let palette = [255, 255, 255, 0, 0, 0];
    let file = png_file((10, 1), ColorType::Indexed, BitDepth::One, Some(&palette), &[0xf0, 0x40]);
    assert_eq!(only_page(&file).pixels(), [0xf0, 0x40]);
}

#[test]
fn palettes_become_colours_or_grays() {
    use ::png::{BitDepth, ColorType};
    let colors = [255, 0, 0, 0, 0, 255];
    let file = png_file((2, 1), ColorType::Indexed, BitDepth::One, Some(&colors), &[0b0100_0000]);
    let page = only_page(&file);
    assert_eq!(
        (page.format(), page.pixels()),
        (PixelFormat::Rgb8, [255, 0, 0, 0, 0, 255].as_slice())
    );
}

#[test]
fn transparent_pixels_show_white_paper() {
    use ::png::{BitDepth, ColorType};
    let file =
        png_file((3, 1), ColorType::GrayscaleAlpha, BitDepth::Eight, None, &[0, 0, 0, 255, 0, 128]);
    assert_eq!(only_page(&file).pixels(), [255, 0, 127]);
}

fn transparent_png(color: ::png::ColorType, palette: Option<&[u8]>, trns: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, 2, 1);
    encoder.set_color(color);
    encoder.set_depth(::png::BitDepth::One);
    if let Some(palette) = palette {
        encoder.set_palette(palette.to_vec());
    }
    encoder.set_trns(trns.to_vec());
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0b0100_0000]).unwrap();
    writer.finish().unwrap();
    file
}

#[test]
fn transparent_bits_show_white_paper() {
    use ::png::ColorType::{Grayscale, Indexed};
    // Black on nothing, and half of a red.
    let black = transparent_png(Indexed, Some(&[0, 0, 0, 0, 0, 0]), &[0, 255]);
    assert_eq!(only_page(&black).pixels(), [0b0100_0000]);
    let red = transparent_png(Indexed, Some(&[255, 0, 0, 0, 0, 0]), &[128]);
    assert_eq!(only_page(&red).pixels(), [255, 127, 127, 0, 0, 0]);
    let white = transparent_png(Grayscale, None, &[0, 0]);
    assert!(only_page(&white).pixels().iter().all(|&level| level == 255));
}

/// A TIFF of two pixels in one row, of 8 bits a sample, and these tags besides.
fn small_tiff(samples: &[u8], tags: &[(u16, &[u16])]) -> Vec<u8> {
    small_tiff_coded(1, samples, tags)
}

/// The same, its samples said to be coded so (tag 259).
fn small_tiff_coded(coding: u16, samples: &[u8], tags: &[(u16, &[u16])]) -> Vec<u8> {
    let per_pixel = (samples.len() / 2) as u16;
    let bits = vec![8; samples.len() / 2];
    let length = [samples.len() as u16];
    let mut all: Vec<(u16, &[u16])> = vec![
        (256, &[2]),
        (257, &[1]),
        (258, &bits),
        (259, std::slice::from_ref(&coding)),
        (277, std::slice::from_ref(&per_pixel)),
        (278, &[1]),
        (279, &length),
    ];
    all.extend(tags);
    let mut file = b"II*\0".to_vec();
    let mut behind = samples.to_vec();
    file.extend((8 + behind.len() as u32).next_multiple_of(2).to_le_bytes());
    let strip = [file.len() as u16];
    all.push((273, &strip));
    all.sort();
    behind.resize(behind.len().next_multiple_of(2), 0);
    file.extend(&behind);
    let mut beyond = (file.len() + 2 + 12 * all.len() + 4) as u32;
    let mut lists: Vec<u8> = Vec::new();
    file.extend((all.len() as u16).to_le_bytes());
    for (tag, values) in all {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        file.extend(tag.to_le_bytes());
        file.extend(3u16.to_le_bytes());
        file.extend((values.len() as u32).to_le_bytes());
        if bytes.len() <= 4 {
            file.extend(&bytes);
            file.resize(file.len() + 4 - bytes.len(), 0);
        } else {
            file.extend(beyond.to_le_bytes());
            beyond += bytes.len() as u32;
            lists.extend(bytes);
        }
    }
    file.extend([0; 4]);
    file.extend(lists);
    file
}

#[test]
fn a_colour_map_of_bytes_is_told_from_one_of_words() {
    let map = |level: u16| -> Vec<u16> { (0..768).map(|i| (i % 256) * level).collect() };
    for level in [1, 257] {
        let file = small_tiff(&[7, 200], &[(262, &[3]), (320, &map(level))]);
        assert_eq!(only_page(&file).pixels(), [7, 200], "{level}");
    }
    let without = fault(&small_tiff(&[7, 200], &[(262, &[3])]));
    assert!(matches!(without, ImageFault::Damaged { .. }), "{without}");
}

#[test]
fn a_sample_behind_the_colours_is_what_the_file_says() {
    let gray = |extra: u16| small_tiff(&[100, 128, 10, 255], &[(262, &[1]), (338, &[extra])]);
    assert_eq!(only_page(&gray(0)).pixels(), [100, 10]);
    assert_eq!(only_page(&gray(1)).pixels(), [227, 10]);
    assert_eq!(only_page(&gray(2)).pixels(), [177, 10]);
}

#[test]
fn reversed_bits_are_put_right_where_nothing_is_coded() {
    let file = small_tiff(&[0b0000_0001, 0b1100_0000], &[(262, &[1]), (266, &[2])]);
    assert_eq!(only_page(&file).pixels(), [0b1000_0000, 0b0000_0011]);
}

#[test]
fn a_predictor_is_undone_only_in_codings_that_have_one() {
    use ::tiff::encoder::colortype::Gray8;
    use ::tiff::encoder::{Compression, Predictor, TiffEncoder};
    let samples = gray_samples(40, 30);
    let predicted = |coding: Compression| {
        let mut file = Cursor::new(Vec::new());
        let encoder = TiffEncoder::new(&mut file).unwrap().with_compression(coding);
        let mut encoder = encoder.with_predictor(Predictor::Horizontal);
        encoder.write_image::<Gray8>(40, 30, &samples).unwrap();
        file.into_inner()
    };
    for coding in [Compression::Lzw, Compression::Deflate(Default::default())] {
        assert_eq!(only_page(&predicted(coding)).pixels(), samples);
    }
    for coding in [Compression::Uncompressed, Compression::Packbits] {
        let found = fault(&predicted(coding));
        assert!(matches!(found, ImageFault::Unsupported { .. }), "{found}");
    }
}

#[test]
fn a_predictor_is_refused_where_samples_behind_the_colours_are_dropped() {
    use ::tiff::encoder::colortype::RGBA8;
    use ::tiff::encoder::{Compression, Predictor, TiffEncoder};
    let mut file = Cursor::new(Vec::new());
    let encoder = TiffEncoder::new(&mut file).unwrap().with_compression(Compression::Lzw);
    let mut encoder = encoder.with_predictor(Predictor::Horizontal);
    let mut image = encoder.new_image::<RGBA8>(10, 30).unwrap();
    // Of no stated meaning.
    image.encoder().write_tag(::tiff::tags::Tag::ExtraSamples, &[0u16][..]).unwrap();
    image.write_data(&gray_samples(40, 30)).unwrap();
    let found = fault(&file.into_inner());
    assert!(matches!(found, ImageFault::Unsupported { .. }), "{found}");
}

#[test]
fn a_fault_speaks_of_the_picture_and_not_in_the_words_of_its_decoder() {
    let coding = |number: u16| small_tiff_coded(number, &[7, 200], &[(262, &[1])]);
    let odd = small_tiff(&[1, 2, 3, 4, 5, 6], &[(262, &[1]), (338, &[0, 0])]);
    let mut png = one_of_each_format().remove(0).1;
    let data = png.windows(4).position(|name| name == b"IDAT").unwrap();
    png[data + 8] ^= 0xff;
    for (file, words) in [
        (coding(34_712), "uses JPEG 2000 coding, which"),
        (coding(50_000), "uses Zstandard coding, which"),
        (coding(40_000), "uses the coding of number 40000, which"),
        (coding(8), "is damaged (a strip's coding)"),
        (odd, "uses 3 samples a pixel, which"),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0".to_vec(), "is damaged (what it says of its pages)"),
        (png, "is damaged (its coding)"),
    ] {
        let found = fault(&file).to_string();
        assert!(found.contains(words), "{found}");
    }
}

#[test]
fn a_whole_jpeg_strip_that_is_not_read_is_not_called_damaged() {
    let mut strip = jpeg_file(40, 30);
    let read = |strip: &[u8]| jpeg::decode_strip(None, strip, jpeg::StripColors::Gray, 40, 30, 30);
    assert!(read(&strip).is_ok());
    // Between its first segment and the next.
    strip.splice(20..20, [0, 0]);
    let found = read(&strip).expect_err("the decoder is strict");
    assert!(matches!(found, ImageFault::Unsupported { .. }), "{found}");
    strip.truncate(strip.len() * 3 / 4);
    let found = read(&strip).expect_err("a cut strip");
    assert!(matches!(found, ImageFault::Truncated { .. }), "{found}");
}

#[test]
fn sixteen_bits_become_eight() {
    use ::png::{BitDepth, ColorType};
    let file =
        png_file((2, 1), ColorType::Grayscale, BitDepth::Sixteen, None, &[0x12, 0x34, 0xff, 0xff]);
    assert_eq!(only_page(&file).pixels(), [0x12, 0xff]);
    assert_eq!(only_page(b"P5 2 1 65535\n\x80\x00\xff\xff").pixels(), [0x80, 0xff]);
}

#[test]
fn pnm_streams_hold_several_pages() {
    let file = b"P5 2 1 255\n\x01\x02P1\n# a comment\n3 1\n1 0 1\nP2 2 1 4\n0 4\n";
    let pages = pages(file).unwrap();
    assert_eq!(pages.len(), 3);
    assert_eq!(pages[0].pixels(), [1, 2]);
    assert_eq!(pages[1].pixels(), [0b1010_0000]);
    assert_eq!(pages[2].pixels(), [0, 255]);
}

#[test]
fn what_stands_behind_a_pnm_page_is_a_page_or_a_fault() {
    assert_eq!(pages(b"P5 2 1 255\n\x01\x02\n \n").unwrap().len(), 1);
    for behind in [&b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\n12"[..], b"\x03\x04"] {
        let found = fault(&[b"P5 2 1 255\n\x01\x02", behind].concat());
        assert!(matches!(found, ImageFault::Damaged { .. }), "{found}");
    }
}

#[test]
fn tiff_pages_come_one_by_one_and_are_counted_first() {
    use ::tiff::encoder::Compression;
    use ::tiff::encoder::colortype::Gray8;
    let file = tiff_file::<Gray8>(&[(40, 30), (20, 10), (7, 9)], 1, Compression::Lzw);
    let mut images = open(&file).unwrap();
    assert_eq!(images.page_count(), Some(3));
    let sizes: Vec<_> = images
        .by_ref()
        .map(|page| page.unwrap())
        .map(|page| (page.width(), page.height()))
        .collect();
    assert_eq!(sizes, [(40, 30), (20, 10), (7, 9)]);
    assert!(images.next().is_none());
}

#[test]
fn a_tiff_whose_pages_go_round_is_damaged() {
    use ::tiff::encoder::Compression;
    use ::tiff::encoder::colortype::Gray8;
    let mut file = tiff_file::<Gray8>(&[(4, 3)], 1, Compression::Uncompressed);
    let first = u32::from_le_bytes(file[4..8].try_into().unwrap());
    let entries = u16::from_le_bytes(file[first as usize..][..2].try_into().unwrap());
    let next = first as usize + 2 + 12 * usize::from(entries);
    file[next..next + 4].copy_from_slice(&first.to_le_bytes());
    assert!(matches!(fault(&file), ImageFault::Damaged { .. }));
}

#[test]
fn exif_orientation_is_honoured() {
    let upright = only_page(&jpeg_file(40, 30));
    let plain = jpeg_file(40, 30);
    let exif = [b"Exif\0\0".as_slice(), &exif_block(6)].concat();
    let mut file = plain[..20].to_vec();
    file.extend([0xff, 0xe1]);
    file.extend((exif.len() as u16 + 2).to_be_bytes());
    file.extend(&exif);
    file.extend(&plain[20..]);
    assert_eq!(only_page(&file), turned(&upright, QuarterTurn::Right));
}

#[test]
fn a_resolution_in_the_file_is_believed() {
    let file = jpeg_file(40, 30);
    let mut images = open(&file).unwrap();
    assert_eq!(images.next().unwrap().unwrap().dpi(), Dpi(300));
    assert_eq!(images.dpi_source(), DpiSource::File);
}

#[test]
fn resolutions_no_scanner_has_are_estimated_from_the_page() {
    let settle = |width, height, stated: Option<(f64, f64)>| {
        let pixels = vec![0; PixelFormat::Bitonal.row_bytes(width) * height as usize];
        let stated = stated.map(|(across, down)| Stated::per_inch(across, down));
        let (raster, source) =
            resolution::settle(width, height, PixelFormat::Bitonal, pixels, stated).unwrap();
        (raster.dpi().0, source)
    };
    assert_eq!(settle(2550, 3300, None), (300, DpiSource::Estimated));
    assert_eq!(settle(3300, 2550, None), (300, DpiSource::Estimated));
    assert_eq!(settle(1654, 2339, None), (200, DpiSource::Estimated));
    for stated in [0.0, 1.0, 72.0, 96.0, 9600.0] {
        let (dpi, source) = settle(2550, 3300, Some((stated, stated)));
        let stated = stated as u32;
        assert_eq!(source, DpiSource::Disbelieved { across: stated, down: stated });
        assert_eq!(dpi, 300);
    }
    assert_eq!(settle(612, 792, Some((72.0, 72.0))), (72, DpiSource::File));
    assert_eq!(settle(300, 200, Some((600.0, 600.0))), (600, DpiSource::File));
}

#[test]
fn fax_pixels_are_made_square_at_the_higher_resolution() {
    let pixels = vec![0xff, 0x00, 0x00, 0xff];
    let stated = Some(Stated::per_inch(204.0, 98.0));
    let (raster, source) = resolution::settle(16, 2, PixelFormat::Bitonal, pixels, stated).unwrap();
    assert_eq!(source, DpiSource::Squared { across: 204, down: 98 });
    assert_eq!((raster.width(), raster.height(), raster.dpi()), (16, 4, Dpi(204)));
    assert_eq!(raster.pixels(), [0xff, 0, 0xff, 0, 0, 0xff, 0, 0xff]);

    let stated = Some(Stated::per_inch(100.0, 200.0));
    let (raster, _) = resolution::settle(2, 1, PixelFormat::Gray8, vec![10, 20], stated).unwrap();
    assert_eq!(raster.pixels(), [10, 10, 20, 20]);
}

#[test]
fn a_jpeg_cut_short_and_given_an_end_mark_is_truncated() {
    for (width, height) in [(40, 30), (640, 400)] {
        let whole = jpeg_file(width, height);
        let scan = whole.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
        let coded = whole.len() - 2 - scan;
        for part in 2..10 {
            let cut = [&whole[..scan + coded * part / 10], &[0xff, 0xd9]].concat();
            let found = fault(&cut);
            assert!(matches!(found, ImageFault::Truncated { .. }), "{part} tenths: {found}");
            assert!(!is_whole_jpeg(&cut));
        }
        assert!(is_whole_jpeg(&whole));
    }
}

/// A progressive picture of two white blocks: their means in one scan, all else
/// (nothing: a run of two ends of block) in another.
fn progressive_jpeg() -> (Vec<u8>, Vec<u8>) {
    let segment = |code: u8, body: &[u8]| {
        [&[0xff, code], (body.len() as u16 + 2).to_be_bytes().as_slice(), body].concat()
    };
    let mut codes = vec![0; 16];
    codes[0] = 1;
    let huffman = |class: u8, symbol: u8| [&[class][..], &codes, &[symbol]].concat();
    let first = [
        vec![0xff, 0xd8],
        segment(0xdb, &[&[0][..], &[1; 64]].concat()),
        segment(0xc2, &[8, 0, 8, 0, 16, 1, 1, 0x11, 0]),
        segment(0xc4, &huffman(0x00, 0)),
        segment(0xda, &[1, 1, 0x00, 0, 0, 0]),
        vec![0b0011_1111],
    ];
    let second = [
        segment(0xc4, &huffman(0x10, 0x10)),
        segment(0xda, &[1, 1, 0x00, 1, 63, 0]),
        vec![0b0011_1111],
    ];
    (first.concat(), second.concat())
}

#[test]
fn a_progressive_jpeg_cut_within_or_between_its_scans_is_truncated() {
    const END: &[u8] = &[0xff, 0xd9];
    let (first, second) = progressive_jpeg();
    let whole = [&first, &second, END].concat();
    assert_eq!((only_page(&whole).width(), only_page(&whole).height()), (16, 8));
    let mut scan_without_bits = [&first, second.as_slice()].concat();
    scan_without_bits.pop();
    for cut in [[&first, END].concat(), [&scan_without_bits, END].concat()] {
        let found = fault(&cut);
        assert!(matches!(found, ImageFault::Truncated { .. }), "{found}");
    }
}

#[test]
fn a_jpeg_in_a_coding_that_is_not_read_is_unsupported_and_not_damaged() {
    let plain = jpeg_file(40, 30);
    let frame = plain.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    let with = |at: usize, byte: u8| {
        let mut file = plain.clone();
        file[frame + at] = byte;
        fault(&file)
    };
    // 12 bits a sample, lossless, arithmetic, a height told late.
    let mut late = plain.clone();
    late[frame + 5..frame + 7].fill(0);
    for found in [with(4, 12), with(1, 0xc3), with(1, 0xc9), fault(&late)] {
        assert!(matches!(found, ImageFault::Unsupported { .. }), "{found}");
    }
}

/// Decoders make stripes of these without a word.
#[test]
fn a_jpeg_whose_colours_are_coded_unusually_is_not_guessed_at() {
    let mut plain = Vec::new();
    let samples = gray_samples(3 * 40, 30);
    image::codecs::jpeg::JpegEncoder::new(&mut plain)
        .encode(&samples, 40, 30, image::ExtendedColorType::Rgb8)
        .unwrap();
    let frame = plain.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    let scan = plain.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    let [brightness, blue] = [frame + 11, frame + 14];
    let mut finer = plain.clone();
    finer[blue] = 0x22;
    let mut apart = plain.clone();
    apart[brightness] = 0x22;
    // A scan of the first component alone.
    apart.splice(scan + 2..scan + 11, [0, 8, 1, plain[scan + 5], plain[scan + 6]]);
    for file in [finer, apart] {
        let found = fault(&file);
        assert!(matches!(found, ImageFault::Unsupported { .. }), "{found}");
        assert!(!is_whole_jpeg(&file));
    }
}

#[test]
fn pixels_count_and_not_bytes_before_memory_is_taken() {
    let largest = limits::check_size(9_933, 14_043, PixelFormat::Bitonal);
    assert_eq!(largest, Ok(()), "A0 at 300 dpi");
    let largest = limits::check_size(7_016, 9_921, PixelFormat::Rgb8);
    assert_eq!(largest, Ok(()), "A3 in colour at 600 dpi");
    for file in [&b"P4\n40000 40000\n"[..], b"P4\n15000 15000\n", b"P6\n10000 9000\n255\n"] {
        let found = fault(file);
        assert!(matches!(found, ImageFault::TooLarge { .. }), "{found}");
    }
}

#[test]
fn a_palette_of_two_colours_counts_as_colour() {
    use ::png::{BitDepth, ColorType};
    let (width, height) = (10_000, 9_000);
    let bits = vec![0; 1250 * height as usize];
    let colors = [255, 0, 0, 0, 0, 255];
    let file = png_file((width, height), ColorType::Indexed, BitDepth::One, Some(&colors), &bits);
    assert!(matches!(fault(&file), ImageFault::TooLarge { .. }));
    let black_and_white = [255, 255, 255, 0, 0, 0];
    let file =
        png_file((width, height), ColorType::Indexed, BitDepth::One, Some(&black_and_white), &bits);
    assert_eq!(only_page(&file).format(), PixelFormat::Bitonal);
}

/// A TIFF header and one directory with this orientation.
fn exif_block(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0".to_vec();
    block.extend([0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]);
    block
}

#[test]
fn exif_orientation_in_a_png_is_honoured_mirrored_ones_too() {
    use ::png::{BitDepth, ColorType};
    let plain =
        png_file((40, 30), ColorType::Grayscale, BitDepth::Eight, None, &gray_samples(40, 30));
    let upright = only_page(&plain);
    let lying = |orientation: u8| {
        let mut chunk = b"eXIf".to_vec();
        chunk.extend(exif_block(orientation));
        let length = (chunk.len() as u32 - 4).to_be_bytes();
        let crc = png_crc(&chunk).to_be_bytes();
        // Behind the header's chunk.
        let file = [&plain[..33], &length, &chunk, &crc, &plain[33..]].concat();
        only_page(&file)
    };
    assert_eq!(lying(1), upright);
    assert_eq!(lying(2), mirrored(&upright));
    assert_eq!(lying(4), turned(&mirrored(&upright), QuarterTurn::Half));
    assert_eq!(lying(5), turned(&mirrored(&upright), QuarterTurn::Left));
    assert_eq!(lying(6), turned(&upright, QuarterTurn::Right));
    assert_eq!(lying(7), turned(&mirrored(&upright), QuarterTurn::Right));
}
