//! Image files as scanners, cameras and fax machines write them.

use fax::{BitWriter, Bits, Color, VecWriter, encoder::Encoder, maps};
use image::{GrayImage, RgbImage};

/// Eight-bit gray PNG.
pub fn png_gray(page: &GrayImage, dpi: u32) -> Vec<u8> {
    png(page.width(), page.height(), png::ColorType::Grayscale, png::BitDepth::Eight, dpi, page)
}

/// Gray PNG of sixteen levels: a clean page needs no more.
pub fn png_gray16(page: &GrayImage, dpi: u32) -> Vec<u8> {
    let packed = rows(page, 2, |pair| {
        let level = |p: Option<&u8>| (u16::from(*p.unwrap_or(&255)) + 8) / 17;
        (level(pair.first()) << 4 | level(pair.get(1))) as u8
    });
    let (kind, depth) = (png::ColorType::Grayscale, png::BitDepth::Four);
    png(page.width(), page.height(), kind, depth, dpi, &packed)
}

/// One-bit PNG; darker than the middle is black.
pub fn png_bitonal(page: &GrayImage, dpi: u32) -> Vec<u8> {
    let packed = rows(page, 8, |eight| {
        eight.iter().enumerate().fold(0, |byte, (i, p)| byte | (u8::from(*p >= 128) << (7 - i)))
    });
    let (kind, depth) = (png::ColorType::Grayscale, png::BitDepth::One);
    png(page.width(), page.height(), kind, depth, dpi, &packed)
}

fn rows(page: &GrayImage, at_once: usize, pack: impl Fn(&[u8]) -> u8) -> Vec<u8> {
    page.chunks_exact(page.width() as usize)
        .flat_map(|row| row.chunks(at_once).map(&pack).collect::<Vec<u8>>())
        .collect()
}

fn png(
    width: u32,
    height: u32,
    color: png::ColorType,
    depth: png::BitDepth,
    dpi: u32,
    pixels: &[u8],
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::High);
    let per_metre = (f64::from(dpi) / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header().expect("memory takes every byte");
    writer.write_image_data(pixels).expect("memory takes every byte");
    writer.finish().expect("memory takes every byte");
    file
}

/// Baseline JPEG with its resolution in the JFIF header.
pub fn jpeg_gray(page: &GrayImage, dpi: u32, quality: u8) -> Vec<u8> {
    jpeg(page, page.width(), page.height(), image::ExtendedColorType::L8, dpi, quality)
}

pub fn jpeg_rgb(page: &RgbImage, dpi: u32, quality: u8) -> Vec<u8> {
    jpeg(page, page.width(), page.height(), image::ExtendedColorType::Rgb8, dpi, quality)
}

fn jpeg(
    pixels: &[u8],
    width: u32,
    height: u32,
    color: image::ExtendedColorType,
    dpi: u32,
    quality: u8,
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, quality);
    encoder.set_pixel_density(image::codecs::jpeg::PixelDensity::dpi(dpi as u16));
    encoder.encode(pixels, width, height, color).expect("memory takes every byte");
    file
}

/// ITU-T coding of a TIFF's strips.
#[derive(Clone, Copy)]
pub enum FaxCoding {
    /// T.4 one-dimensional, each row behind an EOL.
    G3,
    /// T.6.
    G4,
}

/// A bitonal TIFF, one strip a page.
pub fn tiff(pages: &[GrayImage], dpi_across: u32, dpi_down: u32, coding: FaxCoding) -> Vec<u8> {
    let mut file = b"II\x2a\0\0\0\0\0".to_vec();
    let mut next_ifd_at = 4;
    for (index, page) in pages.iter().enumerate() {
        let strip = match coding {
            FaxCoding::G3 => g3(page),
            FaxCoding::G4 => g4(page),
        };
        let strip_at = file.len() as u32;
        file.extend_from_slice(&strip);
        file.resize(file.len().next_multiple_of(2), 0);
        let ratios_at = file.len() as u32;
        for number in [dpi_across, 1, dpi_down, 1] {
            file.extend_from_slice(&number.to_le_bytes());
        }
        let ifd_at = file.len() as u32;
        file[next_ifd_at..next_ifd_at + 4].copy_from_slice(&ifd_at.to_le_bytes());
        let compression = match coding {
            FaxCoding::G3 => 3,
            FaxCoding::G4 => 4,
        };
        // Tag, type (3 short, 4 long, 5 ratio), count, value or its place.
        let entries: [(u16, u16, u32, u32); 15] = [
            (254, 4, 1, 2),
            (256, 4, 1, page.width()),
            (257, 4, 1, page.height()),
            (258, 3, 1, 1),
            (259, 3, 1, compression),
            (262, 3, 1, 0),
            (266, 3, 1, 1),
            (273, 4, 1, strip_at),
            (277, 3, 1, 1),
            (278, 4, 1, page.height()),
            (279, 4, 1, strip.len() as u32),
            (282, 5, 1, ratios_at),
            (283, 5, 1, ratios_at + 8),
            (296, 3, 1, 2),
            (297, 3, 2, index as u32 | (pages.len() as u32) << 16),
        ];
        file.extend_from_slice(&(entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            file.extend_from_slice(&tag.to_le_bytes());
            file.extend_from_slice(&kind.to_le_bytes());
            file.extend_from_slice(&count.to_le_bytes());
            file.extend_from_slice(&value.to_le_bytes());
        }
        next_ifd_at = file.len();
        file.extend_from_slice(&[0; 4]);
    }
    file
}

fn colors(row: &[u8]) -> impl Iterator<Item = Color> + '_ {
    row.iter().map(|p| if *p < 128 { Color::Black } else { Color::White })
}

fn g4(page: &GrayImage) -> Vec<u8> {
    let mut encoder = Encoder::new(VecWriter::new());
    for row in page.chunks_exact(page.width() as usize) {
        let Ok(()) = encoder.encode_line(colors(row), page.width());
    }
    let Ok(writer) = encoder.finish();
    writer.finish()
}

fn g3(page: &GrayImage) -> Vec<u8> {
    let mut bits = VecWriter::new();
    for row in page.chunks_exact(page.width() as usize) {
        let Ok(()) = bits.write(maps::EOL);
        let (mut color, mut run) = (Color::White, 0);
        for pixel in colors(row) {
            if pixel != color {
                g3_run(&mut bits, color, run);
                (color, run) = (pixel, 0);
            }
            run += 1;
        }
        g3_run(&mut bits, color, run);
    }
    // Return to control: six EOLs.
    for _ in 0..6 {
        let Ok(()) = bits.write(maps::EOL);
    }
    bits.finish()
}

fn g3_run(bits: &mut VecWriter, color: Color, mut run: u16) {
    let mut write = |length: u16| {
        let code: Option<Bits> = match color {
            Color::White => maps::white::encode(length),
            Color::Black => maps::black::encode(length),
        };
        let Ok(()) = bits.write(code.expect("every multiple of 64 to 2560 has a code"));
    };
    while run >= 2560 {
        write(2560);
        run -= 2560;
    }
    if run >= 64 {
        write(run / 64 * 64);
    }
    write(run % 64);
}
