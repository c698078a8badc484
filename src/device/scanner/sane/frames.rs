//! A driver's frames become one page's pixels, or a fault: never a shorter
//! page, never a guess.
//!
//! A page comes as one frame (gray, or red-green-blue interleaved) or as three
//! (one a colour, in any order). Samples have 1, 8 or 16 bits; 16 are cut to
//! 8. One bit of gray is 1 for black; one bit of colour is 1 for full light,
//! and comes as a byte of eight reds, then one of eight greens, then one of
//! eight blues. Lines may be padded. Source: SANE standard 1.06, §3.2.

use super::super::fault::ScanFault;
use super::wire::FrameShape;
use crate::records::raster::{Dpi, PixelFormat, Raster};

/// A0 at 600 dpi in bitonal, A3 at 600 dpi in colour of 16 bits; more is a lie
/// or an order no station can hold.
const MAX_FRAME_BYTES: u64 = 1 << 30;
/// Longer than any feeder pulls (2.5 m at 1200 dpi), and within what PDF and
/// the image libraries take.
const MAX_SIDE_PIXELS: i32 = 120_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channels {
    Gray,
    Rgb,
    Red,
    Green,
    Blue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    One,
    Eight,
    Sixteen,
}

/// A frame's header, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    channels: Channels,
    depth: Depth,
    width: u32,
    bytes_per_line: u64,
    /// `None`: known only when the frame has ended.
    lines: Option<u32>,
    last: bool,
}

impl Header {
    fn check(shape: FrameShape) -> Result<Header, ScanFault> {
        let channels = match shape.format {
            0 => Channels::Gray,
            1 => Channels::Rgb,
            2 => Channels::Red,
            3 => Channels::Green,
            4 => Channels::Blue,
            // Vendors' own: 11 JPEG, 14 G4, … (`sane.h`, disabled part).
            other => {
                return Err(ScanFault::Unsupported {
                    doing: format!(
                        "pages in image format {other}: set the driver's compression off"
                    ),
                });
            }
        };
        let depth = match shape.depth {
            1 => Depth::One,
            8 => Depth::Eight,
            16 => Depth::Sixteen,
            other => return Err(lied(format!("a page of {other} bits a sample"))),
        };
        let FrameShape { pixels_per_line, bytes_per_line, lines, .. } = shape;
        if !(1..=MAX_SIDE_PIXELS).contains(&pixels_per_line) {
            return Err(lied(format!("a page {pixels_per_line} pixels wide")));
        }
        if !(lines == -1 || (1..=MAX_SIDE_PIXELS).contains(&lines)) {
            return Err(lied(format!("a page of {lines} lines")));
        }
        let mut header = Header {
            channels,
            depth,
            width: pixels_per_line.unsigned_abs(),
            bytes_per_line: 0,
            lines: (lines != -1).then_some(lines.unsigned_abs()),
            last: shape.last_frame,
        };
        let needed = header.sample_bytes_per_line();
        header.bytes_per_line =
            u64::try_from(bytes_per_line).ok().filter(|&bytes| bytes >= needed).ok_or_else(
                || lied(format!("{bytes_per_line} bytes a line, where {needed} are needed")),
            )?;
        header.fits(u64::from(header.lines.unwrap_or(1)))?;
        Ok(header)
    }

    /// Without padding.
    fn sample_bytes_per_line(&self) -> u64 {
        let width = u64::from(self.width);
        let samples = match self.depth {
            Depth::One => width.div_ceil(8),
            Depth::Eight => width,
            Depth::Sixteen => width * 2,
        };
        match self.channels {
            Channels::Rgb => samples * 3,
            Channels::Gray | Channels::Red | Channels::Green | Channels::Blue => samples,
        }
    }

    /// Whether a page of this many lines can be held: as its bytes come, and as
    /// the page they make, where colour has a byte a sample however few bits
    /// came.
    fn fits(&self, lines: u64) -> Result<(), ScanFault> {
        let width = u64::from(self.width);
        let (frames, samples) = match (self.channels, self.depth) {
            (Channels::Gray, Depth::One) => (1, width.div_ceil(8)),
            (Channels::Gray, Depth::Eight | Depth::Sixteen) => (1, width),
            (Channels::Rgb, Depth::One | Depth::Eight | Depth::Sixteen) => (1, width * 3),
            (
                Channels::Red | Channels::Green | Channels::Blue,
                Depth::One | Depth::Eight | Depth::Sixteen,
            ) => (3, width * 3),
        };
        let bytes = lines * samples.max(self.bytes_per_line * frames);
        if bytes > MAX_FRAME_BYTES {
            return Err(lied(format!("a page of {bytes} bytes")));
        }
        Ok(())
    }

    fn expected_bytes(&self) -> Option<u64> {
        self.lines.map(|lines| u64::from(lines) * self.bytes_per_line)
    }
}

/// A frame whose bytes are still coming.
#[derive(Debug)]
pub struct Frame {
    header: Header,
    bytes: Vec<u8>,
}

impl Frame {
    pub fn begin(shape: FrameShape) -> Result<Frame, ScanFault> {
        Ok(Frame { header: Header::check(shape)?, bytes: Vec::new() })
    }

    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ScanFault> {
        if self.bytes.is_empty() {
            // Exactly once, so that a page is not held twice while it grows.
            let expected = self.header.expected_bytes().unwrap_or_default();
            self.bytes.reserve_exact(usize::try_from(expected).unwrap_or_default());
        }
        let so_far = (self.bytes.len() + bytes.len()) as u64;
        if let Some(expected) = self.header.expected_bytes().filter(|&e| so_far > e) {
            return Err(lied(format!("more bytes than the {expected} of the page it announced")));
        }
        let lines = so_far.div_ceil(self.header.bytes_per_line);
        if lines > u64::from(MAX_SIDE_PIXELS.unsigned_abs()) {
            return Err(lied(format!("a page that does not end after {so_far} bytes")));
        }
        self.header.fits(lines)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The driver said "end of frame". `after` are its parameters at this
    /// moment: a driver that learns the page's length only now corrects it
    /// there, and only then is a shorter page whole.
    pub fn end(mut self, after: Option<FrameShape>) -> Result<WholeFrame, ScanFault> {
        let got = self.bytes.len() as u64;
        if self.header.expected_bytes().is_some_and(|expected| expected != got) {
            self.correct_lines(after);
        }
        match self.header.expected_bytes() {
            Some(expected) if expected != got => Err(ScanFault::TruncatedFrame { expected, got }),
            None if got == 0 => {
                Err(ScanFault::TruncatedFrame { expected: self.header.bytes_per_line, got })
            }
            None if !got.is_multiple_of(self.header.bytes_per_line) => {
                Err(ScanFault::TruncatedFrame {
                    expected: got.next_multiple_of(self.header.bytes_per_line),
                    got,
                })
            }
            Some(_) | None => self.whole(),
        }
    }

    fn correct_lines(&mut self, after: Option<FrameShape>) {
        let same_but_for_lines = |corrected: &Header| {
            Header { lines: self.header.lines, last: self.header.last, ..*corrected } == self.header
        };
        let corrected = after.and_then(|shape| Header::check(shape).ok());
        if let Some(corrected) = corrected.filter(same_but_for_lines) {
            self.header.lines = corrected.lines.or(self.header.lines);
        }
    }

    fn whole(self) -> Result<WholeFrame, ScanFault> {
        let lines = self.bytes.len() as u64 / self.header.bytes_per_line;
        let height = u32::try_from(lines)
            .ok()
            .filter(|&lines| lines <= MAX_SIDE_PIXELS.unsigned_abs())
            .ok_or_else(|| lied(format!("a page of {lines} lines")))?;
        Ok(WholeFrame { header: self.header, height, bytes: self.bytes })
    }
}

/// A frame with every byte it promised.
#[derive(Debug)]
pub struct WholeFrame {
    header: Header,
    height: u32,
    bytes: Vec<u8>,
}

impl WholeFrame {
    /// No further frame belongs to this page.
    pub fn is_last(&self) -> bool {
        self.header.last
    }
}

/// A page's pixels, and whether 16 bits a sample were cut to 8.
pub struct Page {
    pub raster: Raster,
    pub depth_reduced: bool,
}

/// One page from its frames, in the order they came.
pub fn page(mut frames: Vec<WholeFrame>, dpi: Dpi) -> Result<Page, ScanFault> {
    if frames.len() == 1 {
        let frame = frames.remove(0);
        return match frame.header.channels {
            Channels::Gray | Channels::Rgb => one_frame(frame, dpi),
            Channels::Red | Channels::Green | Channels::Blue => {
                Err(lied("one colour of a page and no more".to_owned()))
            }
        };
    }
    three_frames(frames, dpi)
}

fn one_frame(frame: WholeFrame, dpi: Dpi) -> Result<Page, ScanFault> {
    let WholeFrame { header, height, bytes } = frame;
    let depth_reduced = header.depth == Depth::Sixteen;
    let (format, pixels) = match (header.channels, header.depth) {
        (Channels::Rgb, Depth::One) => (PixelFormat::Rgb8, light_of_bits(&bytes, &header, 3)),
        (Channels::Rgb, Depth::Eight | Depth::Sixteen) => {
            (PixelFormat::Rgb8, packed_bytes(bytes, &header))
        }
        (Channels::Gray | Channels::Red | Channels::Green | Channels::Blue, Depth::One) => {
            (PixelFormat::Bitonal, packed_bits(bytes, &header))
        }
        (
            Channels::Gray | Channels::Red | Channels::Green | Channels::Blue,
            Depth::Eight | Depth::Sixteen,
        ) => (PixelFormat::Gray8, packed_bytes(bytes, &header)),
    };
    let raster = Raster::new(header.width, height, dpi, format, pixels)
        .map_err(|wrong| lied(wrong.to_string()))?;
    Ok(Page { raster, depth_reduced })
}

fn three_frames(frames: Vec<WholeFrame>, dpi: Dpi) -> Result<Page, ScanFault> {
    let (header, height) = match frames.first() {
        Some(first) => (first.header, first.height),
        None => return Err(lied("a page without a frame".to_owned())),
    };
    let mut colours: [Option<Vec<u8>>; 3] = [None, None, None];
    for frame in frames {
        if (frame.header.width, frame.header.depth, frame.height)
            != (header.width, header.depth, height)
        {
            return Err(lied("colours of one page that differ in size".to_owned()));
        }
        let place = match frame.header.channels {
            Channels::Red => 0,
            Channels::Green => 1,
            Channels::Blue => 2,
            Channels::Gray | Channels::Rgb => {
                return Err(lied("a further frame after a whole page".to_owned()));
            }
        };
        let light = match frame.header.depth {
            Depth::One => light_of_bits(&frame.bytes, &frame.header, 1),
            Depth::Eight | Depth::Sixteen => packed_bytes(frame.bytes, &frame.header),
        };
        if colours[place].replace(light).is_some() {
            return Err(lied("the same colour of a page twice".to_owned()));
        }
    }
    let [Some(red), Some(green), Some(blue)] = colours else {
        return Err(lied("a page with a colour missing".to_owned()));
    };
    let pixels = red.iter().zip(&green).zip(&blue).flat_map(|((&r, &g), &b)| [r, g, b]).collect();
    let raster = Raster::new(header.width, height, dpi, PixelFormat::Rgb8, pixels)
        .map_err(|wrong| lied(wrong.to_string()))?;
    Ok(Page { raster, depth_reduced: header.depth == Depth::Sixteen })
}

/// Bytes of samples without the padding of lines, 16 bits cut to 8; in place.
fn packed_bytes(mut bytes: Vec<u8>, header: &Header) -> Vec<u8> {
    let line = header.bytes_per_line as usize;
    let samples = header.sample_bytes_per_line() as usize;
    let lines = bytes.len() / line;
    if header.depth == Depth::Sixteen {
        // SANE samples are in the machine's own byte order.
        let upper = if cfg!(target_endian = "little") { 1 } else { 0 };
        let width = samples / 2;
        for y in 0..lines {
            for x in 0..width {
                bytes[y * width + x] = bytes[y * line + 2 * x + upper];
            }
        }
        bytes.truncate(lines * width);
    } else if samples != line {
        for y in 0..lines {
            bytes.copy_within(y * line..y * line + samples, y * samples);
        }
        bytes.truncate(lines * samples);
    }
    bytes
}

/// Lines of bits without padding; the unused bits at a line's end are 0.
fn packed_bits(bytes: Vec<u8>, header: &Header) -> Vec<u8> {
    let mut bits = packed_bytes(bytes, header);
    let unused = (8 - header.width % 8) % 8;
    if unused > 0 {
        let line = header.sample_bytes_per_line() as usize;
        for last in bits.iter_mut().skip(line - 1).step_by(line) {
            *last &= 0xff << unused;
        }
    }
    bits
}

/// One byte of light a sample from one bit a sample, `channels` interleaved by
/// the byte.
fn light_of_bits(bytes: &[u8], header: &Header, channels: usize) -> Vec<u8> {
    let width = header.width as usize;
    let lines = bytes.len() / header.bytes_per_line as usize;
    let mut light = Vec::with_capacity(lines * width * channels);
    for line in bytes.chunks_exact(header.bytes_per_line as usize) {
        for x in 0..width {
            for channel in 0..channels {
                let bit = line[x / 8 * channels + channel] >> (7 - x % 8) & 1;
                light.push(if bit == 1 { 255 } else { 0 });
            }
        }
    }
    light
}

fn lied(what: String) -> ScanFault {
    ScanFault::DriverLied { what }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAY: i32 = 0;
    const RGB: i32 = 1;
    const DPI: Dpi = Dpi(300);

    fn shape(format: i32, depth: i32, width: i32, bytes_per_line: i32, lines: i32) -> FrameShape {
        FrameShape {
            format,
            last_frame: true,
            bytes_per_line,
            pixels_per_line: width,
            lines,
            depth,
        }
    }

    fn frame(shape: FrameShape, bytes: &[u8]) -> Result<WholeFrame, ScanFault> {
        let mut frame = Frame::begin(shape)?;
        for chunk in bytes.chunks(5) {
            frame.push(chunk)?;
        }
        frame.end(Some(shape))
    }

    fn pixels(shape: FrameShape, bytes: &[u8]) -> Vec<u8> {
        page(vec![frame(shape, bytes).unwrap()], DPI).unwrap().raster.into_pixels()
    }

    #[test]
    fn padding_at_the_end_of_lines_is_cut() {
        assert_eq!(pixels(shape(GRAY, 8, 2, 4, 2), &[1, 2, 9, 9, 3, 4, 9, 9]), [1, 2, 3, 4]);
        assert_eq!(pixels(shape(RGB, 8, 1, 4, 2), &[1, 2, 3, 9, 4, 5, 6, 9]), [1, 2, 3, 4, 5, 6]);
        assert_eq!(pixels(shape(GRAY, 1, 3, 2, 2), &[0xff, 9, 0b0101_1111, 9]), [0xe0, 0x40]);
    }

    #[test]
    fn sixteen_bits_are_cut_to_the_upper_eight_and_it_is_said() {
        let bytes: Vec<u8> = [0x1234u16, 0xabcd, 0xffff]
            .iter()
            .flat_map(|s| s.to_ne_bytes())
            .chain([7, 7])
            .collect();
        let page = page(vec![frame(shape(RGB, 16, 1, 8, 1), &bytes).unwrap()], DPI).unwrap();
        assert!(page.depth_reduced);
        assert_eq!(page.raster.pixels(), [0x12, 0xab, 0xff]);
    }

    #[test]
    fn colour_of_one_bit_comes_as_a_byte_of_each_colour() {
        let got = pixels(shape(RGB, 1, 2, 3, 1), &[0b1000_0000, 0b0100_0000, 0b1100_0000]);
        assert_eq!(got, [255, 0, 255, 0, 255, 255]);
    }

    #[test]
    fn three_passes_come_together_in_any_order() {
        let passes = [(4, 30), (2, 10), (3, 20)];
        let frames = passes.map(|(format, value)| {
            let shape = FrameShape { last_frame: format == 3, ..shape(format, 8, 1, 1, 2) };
            frame(shape, &[value, value + 1]).unwrap()
        });
        let page = page(frames.into(), DPI).unwrap();
        assert_eq!(page.raster.pixels(), [10, 20, 30, 11, 21, 31]);
    }

    #[test]
    fn a_page_with_a_colour_missing_or_twice_is_no_page() {
        let red = || frame(shape(2, 8, 1, 1, 1), &[1]).unwrap();
        let green = || frame(shape(3, 8, 1, 1, 1), &[1]).unwrap();
        for frames in [vec![red()], vec![red(), green()], vec![red(), green(), green()], vec![]] {
            assert!(matches!(page(frames, DPI), Err(ScanFault::DriverLied { .. })));
        }
    }

    #[test]
    fn unknown_height_is_counted_in_whole_lines() {
        let open_ended = shape(GRAY, 8, 3, 3, -1);
        let whole = frame(open_ended, &[0; 12]).unwrap();
        assert_eq!(page(vec![whole], DPI).unwrap().raster.height(), 4);
        for (bytes, expected) in [(&[0; 11][..], 12), (&[][..], 3)] {
            assert_eq!(
                frame(open_ended, bytes).unwrap_err(),
                ScanFault::TruncatedFrame { expected, got: bytes.len() as u64 }
            );
        }
    }

    #[test]
    fn a_page_of_unknown_height_is_given_up_when_it_is_longer_than_any_paper() {
        let mut frame = Frame::begin(shape(GRAY, 8, 2, 2, -1)).unwrap();
        frame.push(&[0; 2 * MAX_SIDE_PIXELS as usize]).unwrap();
        assert!(matches!(frame.push(&[0]), Err(ScanFault::DriverLied { .. })));
    }

    #[test]
    fn a_frame_cut_short_is_a_fault_and_never_a_shorter_page() {
        assert_eq!(
            frame(shape(GRAY, 8, 4, 4, 3), &[0; 8]).unwrap_err(),
            ScanFault::TruncatedFrame { expected: 12, got: 8 }
        );
    }

    #[test]
    fn a_shorter_page_is_whole_when_the_driver_corrected_its_length() {
        let announced = shape(GRAY, 8, 4, 4, 3);
        let cut = |after: FrameShape| {
            let mut frame = Frame::begin(announced).unwrap();
            frame.push(&[0; 8]).unwrap();
            frame.end(Some(after))
        };
        assert_eq!(cut(FrameShape { lines: 2, ..announced }).unwrap().height, 2);
        assert!(cut(FrameShape { lines: 1, ..announced }).is_err());
        assert!(cut(FrameShape { lines: -1, ..announced }).is_err());
        assert!(cut(shape(GRAY, 8, 2, 4, 2)).is_err());
    }

    #[test]
    fn headers_that_cannot_be_true_are_refused() {
        let impossible = [
            shape(GRAY, 8, 0, 0, 1),
            shape(GRAY, 8, -5, 5, 1),
            shape(GRAY, 8, 4, 3, 1),
            shape(GRAY, 8, 4, -4, 1),
            shape(GRAY, 12, 4, 8, 1),
            shape(GRAY, 8, 4, 4, 0),
            shape(GRAY, 8, 4, 4, -2),
            shape(GRAY, 8, 4, 4, i32::MAX),
            shape(RGB, 16, 100_000, 600_000, 100_000),
            shape(GRAY, 8, 4, i32::MAX, 100_000),
            // Small as it comes, 7 GB of pixels.
            shape(RGB, 1, 80_000, 30_000, 30_000),
            shape(2, 1, 80_000, 10_000, 30_000),
        ];
        for shape in impossible {
            assert!(matches!(Frame::begin(shape), Err(ScanFault::DriverLied { .. })), "{shape:?}");
        }
        let jpeg = shape(0x0b, 8, 4, 4, 1);
        assert!(matches!(Frame::begin(jpeg), Err(ScanFault::Unsupported { .. })));
    }

    #[test]
    fn more_bytes_than_announced_are_a_lie() {
        let mut frame = Frame::begin(shape(GRAY, 8, 4, 4, 2)).unwrap();
        frame.push(&[0; 8]).unwrap();
        assert!(matches!(frame.push(&[0]), Err(ScanFault::DriverLied { .. })));
    }
}
