//! Whether a JPEG holds its whole picture: every scan is walked through code by
//! code, without making pixels of it (ITU-T T.81, annexes B, F and G).
//!
//! Decoders fill what is missing with gray, and a file that was cut off and
//! given an end mark passes even the strict ones. Baseline, extended and
//! progressive Huffman coding; the others no decoder here reads.

/// Why a file is not a whole picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanFault {
    /// A scan, or the list of scans, ends before its picture does.
    EndsEarly,
    /// What is coded contradicts the tables.
    Damaged,
    /// What the file uses that no decoder here reads, in words.
    Unsupported(&'static str),
    TooLarge,
}

use ScanFault::{Damaged, EndsEarly, TooLarge, Unsupported};

use super::limits::check_size;
use crate::records::raster::PixelFormat;

/// Coefficients of a block.
const BLOCK: usize = 64;

/// Encoders write some ten; more only cost time.
const MOST_SCANS: usize = 100;

/// Walks the file from its start mark to its end mark.
pub(super) fn check(file: &[u8]) -> Result<(), ScanFault> {
    let mut segments = Segments { file, at: 2 };
    let mut tables = Tables { dc: [const { None }; 4], ac: [const { None }; 4], restart: 0 };
    let mut frame: Option<Frame> = None;
    let mut scans = 0;
    loop {
        let (code, body) = segments.next()?;
        match code {
            SOF_BASELINE | SOF_EXTENDED | SOF_PROGRESSIVE => {
                if frame.is_some() {
                    return Err(Damaged);
                }
                frame = Some(Frame::parse(code, body)?);
            }
            SOF_LOSSLESS => return Err(Unsupported("lossless coding")),
            0xc5..=0xc7 | 0xcd..=0xcf => return Err(Unsupported("hierarchical coding")),
            0xc9..=0xcb => return Err(Unsupported("arithmetic coding")),
            DHT => tables.define(body)?,
            DRI => {
                let interval = body.try_into().map_err(|_| Damaged)?;
                tables.restart = u16::from_be_bytes(interval).into();
            }
            SOS => {
                let frame = frame.as_mut().ok_or(Damaged)?;
                scans += 1;
                if scans > MOST_SCANS {
                    return Err(Unsupported("more than a hundred scans"));
                }
                let mut bits = Bits::new(&file[segments.at..]);
                frame.walk_scan(body, &tables, &mut bits)?;
                segments.at += bits.at;
            }
            // The number of lines may come late (B.2.5); nobody writes that.
            DNL => return Err(Unsupported("a height told late")),
            EOI => return frame.ok_or(Damaged)?.is_complete(),
            _ => {}
        }
    }
}

const SOF_BASELINE: u8 = 0xc0;
const SOF_EXTENDED: u8 = 0xc1;
const SOF_PROGRESSIVE: u8 = 0xc2;
const SOF_LOSSLESS: u8 = 0xc3;
const DHT: u8 = 0xc4;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DNL: u8 = 0xdc;
const DRI: u8 = 0xdd;

/// Marker segments one after the other; whatever stands between is skipped.
struct Segments<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    /// The marker's second byte and the segment behind its length.
    fn next(&mut self) -> Result<(u8, &'a [u8]), ScanFault> {
        loop {
            let rest = self.file.get(self.at..).ok_or(EndsEarly)?;
            let mark = rest.iter().position(|&byte| byte == 0xff).ok_or(EndsEarly)?;
            let code = *rest.get(mark + 1).ok_or(EndsEarly)?;
            self.at += mark + 1;
            match code {
                // Fill, a stuffed byte, or a marker that stands alone.
                0xff => {}
                0x00 | 0x01 | 0xd0..=0xd8 => self.at += 1,
                EOI => return Ok((code, &[])),
                _ => {
                    let segment = &self.file[self.at + 1..];
                    let length = segment.first_chunk().ok_or(EndsEarly)?;
                    let length = usize::from(u16::from_be_bytes(*length));
                    let body = segment.get(..length).ok_or(EndsEarly)?.get(2..).ok_or(Damaged)?;
                    self.at += 1 + length;
                    return Ok((code, body));
                }
            }
        }
    }
}

struct Tables {
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    /// Units between restart marks; 0 for none.
    restart: usize,
}

impl Tables {
    fn define(&mut self, mut body: &[u8]) -> Result<(), ScanFault> {
        while let Some((&head, rest)) = body.split_first() {
            let (lengths, rest) = rest.split_first_chunk::<16>().ok_or(Damaged)?;
            let count = lengths.iter().map(|&n| usize::from(n)).sum();
            let symbols = rest.get(..count).ok_or(Damaged)?;
            let class = if head >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *class.get_mut(usize::from(head & 15)).ok_or(Damaged)? =
                Some(Huffman::new(lengths, symbols)?);
            body = &rest[count..];
        }
        Ok(())
    }
}

/// For each 16 bits that may come next, the length of the code they begin with
/// and what it means; length 0 where there is none.
struct Huffman(Vec<(u8, u8)>);

impl Huffman {
    fn new(lengths: &[u8; 16], symbols: &[u8]) -> Result<Self, ScanFault> {
        let mut table = Vec::with_capacity(1 << 16);
        let mut symbols = symbols.iter();
        for (length, &count) in (1..=16).zip(lengths) {
            for &symbol in symbols.by_ref().take(usize::from(count)) {
                table.resize(table.len() + (1 << (16 - length)), (length as u8, symbol));
                if table.len() > 1 << 16 {
                    return Err(Damaged);
                }
            }
        }
        table.resize(1 << 16, (0, 0));
        Ok(Huffman(table))
    }
}

/// Entropy-coded bits up to the next marker.
struct Bits<'a> {
    coded: &'a [u8],
    /// Bytes taken into `window`.
    at: usize,
    window: u64,
    /// Bits of the window not yet used.
    held: u32,
}

impl<'a> Bits<'a> {
    fn new(coded: &'a [u8]) -> Self {
        Bits { coded, at: 0, window: 0, held: 0 }
    }

    fn fill(&mut self) {
        while self.held <= 48 {
            match self.coded.get(self.at..) {
                Some([0xff, 0x00, ..]) => {
                    self.window = self.window << 8 | 0xff;
                    self.at += 2;
                }
                Some([byte, ..]) if *byte != 0xff => {
                    self.window = self.window << 8 | u64::from(*byte);
                    self.at += 1;
                }
                _ => return,
            }
            self.held += 8;
        }
    }

    fn code(&mut self, table: &Huffman) -> Result<u8, ScanFault> {
        if self.held < 16 {
            self.fill();
        }
        let next = if self.held >= 16 {
            self.window >> (self.held - 16)
        } else {
            self.window << (16 - self.held)
        };
        let (length, symbol) = table.0[usize::from(next as u16)];
        match u32::from(length) {
            length if length > self.held => Err(EndsEarly),
            0 if self.held < 16 => Err(EndsEarly),
            0 => Err(Damaged),
            length => {
                self.held -= length;
                Ok(symbol)
            }
        }
    }

    /// At most 16 bits.
    fn bits(&mut self, count: u8) -> Result<u32, ScanFault> {
        let count = u32::from(count);
        if self.held < count {
            self.fill();
        }
        self.held = self.held.checked_sub(count).ok_or(EndsEarly)?;
        Ok((self.window >> self.held) as u32 & ((1 << count) - 1))
    }

    /// Takes the restart mark that must come here.
    fn restart(&mut self) -> Result<(), ScanFault> {
        self.held = 0;
        let rest = &self.coded[self.at..];
        let mark = rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff));
        let mark = mark.ok_or(EndsEarly)?;
        if !(0xd0..=0xd7).contains(&rest[mark + 1]) {
            return Err(EndsEarly);
        }
        self.at += mark + 2;
        Ok(())
    }
}

struct Frame {
    progressive: bool,
    components: Vec<Component>,
    /// Units of all components together, across and down.
    units: (usize, usize),
}

struct Component {
    id: u8,
    sampling: (usize, usize),
    /// Blocks that show, across and down.
    blocks: (usize, usize),
    /// Blocks a row, those that fill the last unit included.
    stride: usize,
    /// Of each block, which coefficients are not 0 so far; progressive only.
    coded: Vec<u64>,
    /// Of each coefficient, the bits still to come; `None` before the first.
    bits_to_come: [Option<u8>; BLOCK],
}

impl Frame {
    fn parse(code: u8, body: &[u8]) -> Result<Self, ScanFault> {
        let ([precision, h1, h0, w1, w0, count], parts) =
            body.split_first_chunk().ok_or(Damaged)?;
        if *precision != 8 {
            return Err(Unsupported("more than 8 bits a sample"));
        }
        let height = usize::from(u16::from_be_bytes([*h1, *h0]));
        let width = usize::from(u16::from_be_bytes([*w1, *w0]));
        let (parts, _) = parts.as_chunks::<3>();
        let parts = parts.get(..usize::from(*count)).ok_or(Damaged)?;
        let sampling = |part: &[u8; 3]| (usize::from(part[1] >> 4), usize::from(part[1] & 15));
        let most = parts
            .iter()
            .map(sampling)
            .fold((0, 0), |most, own| (most.0.max(own.0), most.1.max(own.1)));
        let valid =
            parts.iter().map(sampling).all(|(h, v)| (1..=4).contains(&h) && (1..=4).contains(&v));
        if parts.is_empty() || !valid || width == 0 {
            return Err(Damaged);
        }
        if height == 0 {
            return Err(Unsupported("a height told late"));
        }
        if sampling(&parts[0]) != most {
            return Err(Unsupported("colours sampled finer than brightness"));
        }
        check_size(width as u64, height as u64, PixelFormat::Gray8).map_err(|_| TooLarge)?;
        let units = (width.div_ceil(8 * most.0), height.div_ceil(8 * most.1));
        let progressive = code == SOF_PROGRESSIVE;
        let component = |part: &[u8; 3]| {
            let (h, v) = sampling(part);
            let stride = units.0 * h;
            Component {
                id: part[0],
                sampling: (h, v),
                blocks: (
                    (width * h).div_ceil(most.0).div_ceil(8),
                    (height * v).div_ceil(most.1).div_ceil(8),
                ),
                stride,
                coded: if progressive { vec![0; stride * units.1 * v] } else { Vec::new() },
                bits_to_come: [None; BLOCK],
            }
        };
        Ok(Frame { progressive, components: parts.iter().map(component).collect(), units })
    }

    /// Whether every coefficient was coded down to its last bit: a progressive
    /// picture cut between two scans is whole and coarse.
    fn is_complete(&self) -> Result<(), ScanFault> {
        let complete = |part: &Component| part.bits_to_come.iter().all(|bits| *bits == Some(0));
        if self.components.iter().all(complete) { Ok(()) } else { Err(EndsEarly) }
    }

    fn walk_scan(
        &mut self,
        head: &[u8],
        tables: &Tables,
        bits: &mut Bits<'_>,
    ) -> Result<(), ScanFault> {
        let (&count, rest) = head.split_first().ok_or(Damaged)?;
        let chosen = rest.get(..2 * usize::from(count)).ok_or(Damaged)?;
        let [first, last, approximation] = *rest[chosen.len()..].first_chunk().ok_or(Damaged)?;
        let band = if self.progressive {
            Band {
                first: first.into(),
                last: last.into(),
                high: approximation >> 4,
                low: approximation & 15,
            }
        } else {
            Band { first: 0, last: BLOCK - 1, high: 0, low: 0 }
        };
        if band.first > band.last || band.last >= BLOCK {
            return Err(Damaged);
        }
        let mut parts = Vec::new();
        for choice in chosen.as_chunks::<2>().0 {
            let no = self.components.iter().position(|part| part.id == choice[0]).ok_or(Damaged)?;
            for bits_to_come in &mut self.components[no].bits_to_come[band.first..=band.last] {
                *bits_to_come = Some(band.low);
            }
            let (dc, ac) = (usize::from(choice[1] >> 4), usize::from(choice[1] & 15));
            let dc = tables.dc.get(dc).ok_or(Damaged)?.as_ref();
            let ac = tables.ac.get(ac).ok_or(Damaged)?.as_ref();
            parts.push(Part { no, dc, ac });
        }
        // The decoder takes such scans for ones of all components, and makes
        // stripes of them.
        let is_apart = !self.progressive && parts.len() < self.components.len();
        let is_subsampled = self.components.iter().any(|part| part.sampling != (1, 1));
        if is_apart && (is_subsampled || tables.restart > 0) {
            return Err(Unsupported("colours coded apart from each other"));
        }
        let units = match parts.as_slice() {
            [] => return Err(Damaged),
            // A scan of one component has no units, only its blocks (A.2.2).
            [part] => self.components[part.no].blocks,
            _ => self.units,
        };
        let mut walk = BlockWalk { band, progressive: self.progressive, zero_blocks: 0 };
        for unit in 0..units.0 * units.1 {
            if tables.restart > 0 && unit > 0 && unit % tables.restart == 0 {
                bits.restart()?;
                walk.zero_blocks = 0;
            }
            let (x, y) = (unit % units.0, unit / units.0);
            for part in &parts {
                let component = &mut self.components[part.no];
                let (across, down) = if parts.len() == 1 { (1, 1) } else { component.sampling };
                for row in y * down..(y + 1) * down {
                    for column in x * across..(x + 1) * across {
                        let mut ignored = 0;
                        let coded = component
                            .coded
                            .get_mut(row * component.stride + column)
                            .unwrap_or(&mut ignored);
                        walk.block(part, bits, coded)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A component of a scan and its tables.
struct Part<'t> {
    no: usize,
    dc: Option<&'t Huffman>,
    ac: Option<&'t Huffman>,
}

/// The coefficients a scan codes, and from which bit to which.
struct Band {
    first: usize,
    last: usize,
    high: u8,
    low: u8,
}

struct BlockWalk {
    band: Band,
    progressive: bool,
    /// Blocks still to come of a run of ends of block (G.1.2.2).
    zero_blocks: u32,
}

impl BlockWalk {
    fn block(
        &mut self,
        part: &Part<'_>,
        bits: &mut Bits<'_>,
        coded: &mut u64,
    ) -> Result<(), ScanFault> {
        let mut first = self.band.first;
        if first == 0 {
            if self.band.high > 0 {
                bits.bits(1)?;
            } else {
                let size = bits.code(part.dc.ok_or(Damaged)?)?;
                bits.bits(if size > 16 { return Err(Damaged) } else { size })?;
            }
            first = 1;
        }
        if first > self.band.last {
            return Ok(());
        }
        let ac = part.ac.ok_or(Damaged)?;
        if self.band.high > 0 {
            self.refine(first, ac, bits, coded)
        } else {
            self.first_pass(first, ac, bits, coded)
        }
    }

    fn first_pass(
        &mut self,
        mut place: usize,
        ac: &Huffman,
        bits: &mut Bits<'_>,
        coded: &mut u64,
    ) -> Result<(), ScanFault> {
        if self.zero_blocks > 0 {
            self.zero_blocks -= 1;
            return Ok(());
        }
        while place <= self.band.last {
            let code = bits.code(ac)?;
            let (zeros, size) = (code >> 4, code & 15);
            match (zeros, size) {
                (15, 0) => place += 16,
                (_, 0) if !self.progressive => return Ok(()),
                (run, 0) => {
                    self.zero_blocks = (1 << run) + bits.bits(run)? - 1;
                    return Ok(());
                }
                _ => {
                    place += usize::from(zeros);
                    if place > self.band.last {
                        return Err(Damaged);
                    }
                    bits.bits(size)?;
                    *coded |= 1 << place;
                    place += 1;
                }
            }
        }
        Ok(())
    }

    /// Each coefficient that is not 0 has one bit more; new ones come between
    /// (G.1.2.3).
    fn refine(
        &mut self,
        mut place: usize,
        ac: &Huffman,
        bits: &mut Bits<'_>,
        coded: &mut u64,
    ) -> Result<(), ScanFault> {
        while self.zero_blocks == 0 && place <= self.band.last {
            let code = bits.code(ac)?;
            let (mut zeros, size) = (code >> 4, code & 15);
            if size == 0 && zeros < 15 {
                self.zero_blocks = (1 << zeros) + bits.bits(zeros)?;
                break;
            }
            bits.bits(size.min(1))?;
            while place <= self.band.last {
                if *coded & 1 << place != 0 {
                    bits.bits(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                place += 1;
            }
            if size > 0 {
                if place > self.band.last {
                    return Err(Damaged);
                }
                *coded |= 1 << place;
            }
            place += 1;
        }
        if self.zero_blocks > 0 {
            self.zero_blocks -= 1;
            for place in place..=self.band.last {
                if *coded & 1 << place != 0 {
                    bits.bits(1)?;
                }
            }
        }
        Ok(())
    }
}
