//! A page's image in the file, byte for byte as it was coded.

use pdf_writer::{Chunk, Filter, Finish, Name, Ref};

use crate::records::raster::{EncodedImage, ImageCoding, PixelFormat};

/// An image whose coding, pixels and size fit together.
pub struct CheckedImage<'a> {
    image: &'a EncodedImage,
    colors: Colors,
    width: i32,
    height: i32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colors {
    Gray,
    Rgb,
}

impl<'a> CheckedImage<'a> {
    /// The error says what does not fit.
    pub fn new(image: &'a EncodedImage) -> Result<Self, &'static str> {
        if image.width == 0 || image.height == 0 {
            return Err("it has no pixels");
        }
        if image.dpi.0 == 0 {
            return Err("its resolution is 0 dpi");
        }
        let (Ok(width), Ok(height)) = (i32::try_from(image.width), i32::try_from(image.height))
        else {
            return Err("it has a side of more than 2,147,483,647 pixels");
        };
        if i32::try_from(image.bytes.len()).is_err() {
            return Err("it takes more than 2 GB");
        }
        let colors = match image.coding {
            ImageCoding::CcittG4 | ImageCoding::Jbig2Generic => bitonal(image)?,
            ImageCoding::Flate => flate(image)?,
            ImageCoding::Jpeg => jpeg(image)?,
        };
        Ok(CheckedImage { image, colors, width, height })
    }

    pub fn write(&self, chunk: &mut Chunk, id: Ref) {
        let mut stream = chunk.image_xobject(id, &self.image.bytes);
        stream.width(self.width).height(self.height);
        stream.color_space_name(match self.colors {
            Colors::Gray => Name(b"DeviceGray"),
            Colors::Rgb => Name(b"DeviceRGB"),
        });
        match self.image.coding {
            ImageCoding::CcittG4 => {
                stream.bits_per_component(1).filter(Filter::CcittFaxDecode);
                // BlackIs1 stays false: decoded black is 0, which DeviceGray paints black.
                stream.decode_parms().k(-1).columns(self.width).rows(self.height);
            }
            ImageCoding::Jbig2Generic => {
                stream.bits_per_component(1).filter(Filter::Jbig2Decode);
            }
            ImageCoding::Flate => {
                stream.bits_per_component(8).filter(Filter::FlateDecode);
            }
            ImageCoding::Jpeg => {
                stream.bits_per_component(8).filter(Filter::DctDecode);
            }
        }
        stream.finish();
    }
}

/// First bytes of a JBIG2 *file*; a PDF holds the segments without it.
const JBIG2_FILE_MARK: &[u8] = &[0x97, 0x4A, 0x42, 0x32];

fn bitonal(image: &EncodedImage) -> Result<Colors, &'static str> {
    if image.format != PixelFormat::Bitonal {
        return Err("gray or colour pixels are marked as fax-coded");
    }
    if image.bytes.is_empty() {
        return Err("it has no bytes");
    }
    if image.coding == ImageCoding::Jbig2Generic && image.bytes.starts_with(JBIG2_FILE_MARK) {
        return Err("its JBIG2 coding has a file header, which a PDF must not hold");
    }
    Ok(Colors::Gray)
}

fn flate(image: &EncodedImage) -> Result<Colors, &'static str> {
    if image.bytes.is_empty() {
        return Err("it has no bytes");
    }
    match image.format {
        PixelFormat::Bitonal => Err("black-and-white pixels are marked as Flate-coded"),
        PixelFormat::Gray8 => Ok(Colors::Gray),
        PixelFormat::Rgb8 => Ok(Colors::Rgb),
    }
}

fn jpeg(image: &EncodedImage) -> Result<Colors, &'static str> {
    let frame = JpegFrame::of(&image.bytes).ok_or("its JPEG coding is damaged")?;
    if (frame.width, frame.height) != (image.width, image.height) {
        return Err("its JPEG coding has another size than it is said to have");
    }
    if frame.bits != 8 {
        return Err("its JPEG coding has other than 8 bits a sample");
    }
    match (frame.components, image.format) {
        (1, PixelFormat::Gray8) => Ok(Colors::Gray),
        (3, PixelFormat::Rgb8) => Ok(Colors::Rgb),
        (1 | 3, _) => Err("its JPEG coding has other colours than it is said to have"),
        _ => Err("its JPEG coding is neither gray nor of three colours"),
    }
}

/// What a JPEG's frame header says (ITU-T T.81, B.2.2).
struct JpegFrame {
    bits: u8,
    width: u32,
    height: u32,
    components: u8,
}

impl JpegFrame {
    /// `None` where the file ends or its pixels begin before a frame header
    /// that PDF readers take: baseline, extended or progressive Huffman.
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[0xFF, 0xD8])?;
        loop {
            let (&mark, after) = rest.split_first()?;
            let (&marker, after) = after.split_first()?;
            if mark != 0xFF {
                return None;
            }
            if marker == 0xFF {
                rest = &rest[1..];
                continue;
            }
            let length = usize::from(u16::from_be_bytes(after.get(..2)?.try_into().ok()?));
            let segment = after.get(2..length)?;
            match marker {
                0xC0..=0xC2 => {
                    return Some(JpegFrame {
                        bits: *segment.first()?,
                        height: u32::from(u16::from_be_bytes(segment.get(1..3)?.try_into().ok()?)),
                        width: u32::from(u16::from_be_bytes(segment.get(3..5)?.try_into().ok()?)),
                        components: *segment.get(5)?,
                    });
                }
                // Tables, restart interval, application data and comments.
                0xC4 | 0xDB | 0xDD | 0xE0..=0xEF | 0xFE => rest = after.get(length..)?,
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::raster::Dpi;

    fn jpeg_head(components: u8, width: u16, height: u16) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 0, 0, 0xFF, 0xFF, 0xC0, 0, 8, 8];
        bytes.extend_from_slice(&height.to_be_bytes());
        bytes.extend_from_slice(&width.to_be_bytes());
        bytes.push(components);
        bytes
    }

    #[test]
    fn an_image_that_is_not_what_it_is_said_to_be_is_refused() {
        let good = EncodedImage {
            coding: ImageCoding::Jpeg,
            width: 20,
            height: 10,
            dpi: Dpi(300),
            format: PixelFormat::Gray8,
            bytes: jpeg_head(1, 20, 10),
        };
        assert!(CheckedImage::new(&good).is_ok());
        let g4 = EncodedImage {
            coding: ImageCoding::CcittG4,
            format: PixelFormat::Bitonal,
            ..good.clone()
        };
        let refused = [
            EncodedImage { width: 0, ..good.clone() },
            EncodedImage { dpi: Dpi(0), ..good.clone() },
            EncodedImage { width: 21, ..good.clone() },
            EncodedImage { format: PixelFormat::Rgb8, ..good.clone() },
            EncodedImage { bytes: jpeg_head(4, 20, 10), ..good.clone() },
            EncodedImage { bytes: vec![0xFF, 0xD8, 0xFF], ..good.clone() },
            EncodedImage { bytes: Vec::new(), ..good.clone() },
            EncodedImage { bytes: Vec::new(), ..g4.clone() },
            EncodedImage { coding: ImageCoding::Flate, ..g4.clone() },
            EncodedImage { coding: ImageCoding::Flate, bytes: Vec::new(), ..good.clone() },
            EncodedImage { format: PixelFormat::Gray8, ..g4.clone() },
            EncodedImage {
                coding: ImageCoding::Jbig2Generic,
                bytes: b"\x97JB2\r\n\x1a\n".to_vec(),
                ..g4
            },
        ];
        for image in refused {
            assert!(CheckedImage::new(&image).is_err(), "{image:?}");
        }
    }
}
