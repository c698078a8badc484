//! rxing's readers behind two doors: one binarised row for linear codes, one
//! binarised piece of page for matrix codes. What is dark was decided before.
//!
//! A reader that panics has read nothing: damaged paper must not end a batch.

use std::borrow::Cow;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rxing::common::{BitArray, BitMatrix, LineOrientation, Result};
use rxing::datamatrix::DataMatrixReader;
use rxing::multi::MultipleBarcodeReader;
use rxing::oned::{CodaBarReader, Code39Reader, Code128Reader, ITFReader, OneDReader};
use rxing::pdf417::PDF417Reader;
use rxing::qrcode::QRCodeReader;
use rxing::qrcode::cpp_port::QrReader;
use rxing::{
    BarcodeFormat, Binarizer, BinaryBitmap, DecodeHints, Luma8LuminanceSource, LuminanceSource,
    RXingResult, RXingResultMetadataType, RXingResultMetadataValue, Reader,
};

use crate::records::barcode::Symbology;

/// A binarised piece of page.
#[derive(Clone)]
pub(super) struct Bits {
    pub width: usize,
    pub height: usize,
    /// `width × height`, row by row.
    pub dark: Vec<bool>,
}

/// A matrix code in a piece: its corners top left, top right, bottom right,
/// bottom left of the symbol, in pixels of the piece.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MatrixCode {
    pub text: String,
    pub corners: [(f32, f32); 4],
}

/// Reads a linear code in the direction of the row. Codabar keeps its start and
/// stop letters; the length of ITF is for the caller to believe.
pub(super) fn read_row(symbology: Symbology, dark: &[bool]) -> Option<String> {
    let mut row = BitArray::with_size(dark.len());
    dark.iter().enumerate().filter(|(_, dark)| **dark).for_each(|(i, _)| row.set(i));
    let hints = DecodeHints {
        ReturnCodabarStartEnd: Some(true),
        // Allowing 1 allows every longer code: see `records` for the real rule.
        AllowedLengths: Some(vec![1]),
        ..DecodeHints::default()
    };
    let read = catch_unwind(AssertUnwindSafe(|| match symbology {
        Symbology::Code128 => Code128Reader.decode_row(0, &row, &hints),
        Symbology::Code39 => Code39Reader::new().decode_row(0, &row, &hints),
        Symbology::Itf => ITFReader::default().decode_row(0, &row, &hints),
        Symbology::Codabar => CodaBarReader::new().decode_row(0, &row, &hints),
        Symbology::Qr | Symbology::DataMatrix | Symbology::Pdf417 => {
            Err(rxing::Exceptions::NOT_FOUND)
        }
    }));
    let text = read.ok()?.ok()?.getText().to_owned();
    if symbology == Symbology::Codabar { codabar_letters(&text) } else { Some(text) }
}

/// With start and stop letters asked for, rxing 0.9 gives the characters'
/// places in its table instead of the characters.
fn codabar_letters(text: &str) -> Option<String> {
    const TABLE: &str = "0123456789-$:/.+ABCD";
    text.chars()
        .map(
            |c| {
                if c < ' ' { TABLE.chars().nth(c as usize) } else { TABLE.contains(c).then_some(c) }
            },
        )
        .collect()
}

/// Reads the matrix codes of one symbology in a piece of page.
pub(super) fn read_piece(symbology: Symbology, bits: &Bits) -> Vec<MatrixCode> {
    let read = catch_unwind(AssertUnwindSafe(|| match symbology {
        Symbology::Qr => read_qr(bits),
        Symbology::DataMatrix => read_data_matrix(bits),
        Symbology::Pdf417 => read_pdf417(bits),
        Symbology::Code128 | Symbology::Code39 | Symbology::Itf | Symbology::Codabar => Vec::new(),
    }));
    read.unwrap_or_default()
}

fn hints(format: BarcodeFormat) -> DecodeHints {
    DecodeHints {
        TryHarder: Some(true),
        PossibleFormats: Some(HashSet::from([format])),
        ..DecodeHints::default()
    }
}

fn read_qr(bits: &Bits) -> Vec<MatrixCode> {
    let hints = hints(BarcodeFormat::QR_CODE);
    let mut bitmap = bitmap(bits);
    let found = QrReader.decode_multiple_with_hints(&mut bitmap, &hints).unwrap_or_default();
    let found: Vec<_> = found
        .iter()
        .filter(is_whole)
        .filter_map(|r| Some((r.getText(), by_rows(r.getPoints())?)))
        .map(code)
        .collect();
    if !found.is_empty() {
        return found;
    }
    let found = QRCodeReader.decode_with_hints(&mut bitmap, &hints);
    let found = found.ok().filter(|found| is_whole(&found));
    found.iter().filter_map(|r| Some((r.getText(), from_finders(r)?))).map(code).collect()
}

/// One symbol of several that make up a text says a part of it: of a number, a
/// wrong one.
fn is_whole(result: &&RXingResult) -> bool {
    // ISO/IEC 16022, 5.6: the first codeword of a part. rxing reads over it.
    const DATA_MATRIX_PART: u8 = 233;
    if *result.getBarcodeFormat() == BarcodeFormat::DATA_MATRIX {
        return result.getRawBytes().first() != Some(&DATA_MATRIX_PART);
    }
    let told = |kind| result.getRXingResultMetadata().get(&kind);
    if let Some(RXingResultMetadataValue::StructuredAppendSequence(place)) =
        told(RXingResultMetadataType::STRUCTURED_APPEND_SEQUENCE)
    {
        // A whole text's place among the parts is -1.
        return *place < 0;
    }
    if let Some(RXingResultMetadataValue::Pdf417ExtraMetadata(part)) =
        told(RXingResultMetadataType::PDF417_EXTRA_METADATA)
    {
        // Parts name the file they make up; a first part may be the last.
        let is_only = part.getSegmentIndex() == 0 && part.isLastSegment();
        return part.getFileId().is_empty() || is_only;
    }
    true
}

fn read_data_matrix(bits: &Bits) -> Vec<MatrixCode> {
    let hints = hints(BarcodeFormat::DATA_MATRIX);
    let found = DataMatrixReader.decode_with_hints(&mut bitmap(bits), &hints);
    let found = found.ok().filter(|found| is_whole(&found));
    found.iter().filter_map(|r| Some((r.getText(), round(r.getPoints())?))).map(code).collect()
}

fn read_pdf417(bits: &Bits) -> Vec<MatrixCode> {
    let hints = hints(BarcodeFormat::PDF_417);
    // In multiple mode one damaged symbol hides all others, and a piece holds one.
    let found = PDF417Reader.decode_with_hints(&mut bitmap(bits), &hints);
    let size = (bits.width as f32, bits.height as f32);
    let found = found.ok().filter(|found| is_whole(&found));
    found.iter().filter_map(|r| Some((r.getText(), from_rotated(r, size)?))).map(code).collect()
}

fn code((text, corners): (&str, [(f32, f32); 4])) -> MatrixCode {
    MatrixCode { text: text.to_owned(), corners }
}

/// The QR reader gives top left, top right, bottom left, bottom right.
fn by_rows(points: &[rxing::Point]) -> Option<[(f32, f32); 4]> {
    let [top_left, top_right, bottom_left, bottom_right] = points.first_chunk()?;
    Some([top_left, top_right, bottom_right, bottom_left].map(|p| (p.x, p.y)))
}

/// The Data Matrix reader goes round, from the top left.
fn round(points: &[rxing::Point]) -> Option<[(f32, f32); 4]> {
    points.first_chunk().map(|corners: &[rxing::Point; 4]| corners.map(|p| (p.x, p.y)))
}

/// The older QR reader gives the centres of the finders bottom left, top left,
/// top right, three and a half modules inside the corners.
fn from_finders(result: &RXingResult) -> Option<[(f32, f32); 4]> {
    let [bottom_left, top_left, top_right] = result.getPoints().first_chunk()?;
    let bottom_right =
        (top_right.x + bottom_left.x - top_left.x, top_right.y + bottom_left.y - top_left.y);
    Some([
        (top_left.x, top_left.y),
        (top_right.x, top_right.y),
        bottom_right,
        (bottom_left.x, bottom_left.y),
    ])
}

/// The PDF417 reader turns the picture until it reads and leaves its points turned.
fn from_rotated(result: &RXingResult, (width, height): (f32, f32)) -> Option<[(f32, f32); 4]> {
    let turned = match result.getRXingResultMetadata().get(&RXingResultMetadataType::ORIENTATION) {
        Some(RXingResultMetadataValue::Orientation(degrees)) => *degrees,
        _ => 0,
    };
    let [top_left, bottom_left, top_right, bottom_right] = result.getPoints().first_chunk()?;
    let back = |p: &rxing::Point| match turned {
        90 => (width - 1.0 - p.y, p.x),
        180 => (width - 1.0 - p.x, height - 1.0 - p.y),
        270 => (p.y, height - 1.0 - p.x),
        _ => (p.x, p.y),
    };
    Some([top_left, top_right, bottom_right, bottom_left].map(back))
}

fn bitmap(bits: &Bits) -> BinaryBitmap<Decided> {
    let mut matrix = BitMatrix::new(bits.width as u32, bits.height as u32)
        .expect("a piece of page has a width and a height");
    for (y, row) in bits.dark.chunks_exact(bits.width).enumerate() {
        row.iter().enumerate().filter(|(_, dark)| **dark).for_each(|(x, _)| {
            matrix.set(x as u32, y as u32);
        });
    }
    let source = Luma8LuminanceSource::with_empty_image(bits.width, bits.height);
    BinaryBitmap::new(Decided { source, matrix })
}

/// Hands rxing a picture whose dark pixels are decided.
struct Decided {
    source: Luma8LuminanceSource,
    matrix: BitMatrix,
}

impl Binarizer for Decided {
    type Source = Luma8LuminanceSource;

    fn get_luminance_source(&self) -> &Luma8LuminanceSource {
        &self.source
    }

    fn get_black_row(&self, y: usize) -> Result<Cow<'_, BitArray>> {
        Ok(Cow::Owned(self.matrix.getRow(y as u32)))
    }

    fn get_black_row_from_matrix(&self, y: usize) -> Result<Cow<'_, BitArray>> {
        self.get_black_row(y)
    }

    fn get_black_matrix(&self) -> Result<&BitMatrix> {
        Ok(&self.matrix)
    }

    fn get_black_line(&self, l: usize, direction: LineOrientation) -> Result<Cow<'_, BitArray>> {
        match direction {
            LineOrientation::Row => self.get_black_row(l),
            LineOrientation::Column => Ok(Cow::Owned(self.matrix.getCol(l as u32))),
        }
    }

    fn create_binarizer(&self, source: Luma8LuminanceSource) -> Self {
        Decided { source, matrix: self.matrix.clone() }
    }

    fn get_width(&self) -> usize {
        self.source.get_width()
    }

    fn get_height(&self) -> usize {
        self.source.get_height()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rxing::datamatrix::encoder::{DefaultPlacement, SymbolInfoLookup, error_correction};
    use rxing::pdf417::PDF417RXingResultMetadata;

    use super::*;
    use crate::page_barcodes::draw;

    /// "0048" of "0048213", the first of two symbols.
    const QR_PART: [&str; 21] = [
        "#######.#..##.#######",
        "#.....#.....#.#.....#",
        "#.###.#..#.##.#.###.#",
        "#.###.#.#.....#.###.#",
        "#.###.#...##..#.###.#",
        "#.....#..#....#.....#",
        "#######.#.#.#.#######",
        ".........##.#........",
        "..#.###.#.####...#..#",
        "#.#..#.###.##.#..#...",
        "..######....##..#.#.#",
        "....##.#..##.#...#.#.",
        "#..#..#.#....##.####.",
        "........#..##..#.#..#",
        "#######..#.##.##..#.#",
        "#.....#.#..##.####...",
        "#.###.#.#.#.####..#.#",
        "#.###.#....#.#.#...#.",
        "#.###.#.#.####..#.#.#",
        "#.....#...##.###.##.#",
        "#######..#.#..#.#.#.#",
    ];

    /// Eight codewords as a symbol of 14 × 14 modules.
    fn data_matrix(codewords: [u8; 8]) -> Vec<Vec<bool>> {
        let codewords: String = codewords.into_iter().map(char::from).collect();
        let symbol = SymbolInfoLookup::new().lookup(8).unwrap().unwrap();
        let codewords = error_correction::encodeECC200(&codewords, symbol).unwrap();
        let mut placed = DefaultPlacement::new(codewords, 12, 12);
        placed.place().unwrap();
        let is_dark = |x: usize, y: usize| match (x, y) {
            (0, _) | (_, 13) => true,
            (x, 0) => x % 2 == 0,
            (13, y) => y % 2 == 1,
            (x, y) => placed.getBit(x - 1, y - 1),
        };
        (0..14).map(|y| (0..14).map(|x| is_dark(x, y)).collect()).collect()
    }

    /// Four pixels a module, four modules of white around.
    fn drawn(rows: &[Vec<bool>]) -> Bits {
        let (width, height) = ((rows[0].len() + 8) * 4, (rows.len() + 8) * 4);
        let is_dark = |x: usize, y: usize| {
            let row = (y / 4).checked_sub(4).and_then(|y| rows.get(y));
            let module = row.and_then(|row| row.get((x / 4).checked_sub(4)?));
            module.copied().unwrap_or(false)
        };
        let dark = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Bits { width, height, dark: dark.map(|(x, y)| is_dark(x, y)).collect() }
    }

    fn texts(symbology: Symbology, rows: &[Vec<bool>]) -> Vec<String> {
        read_piece(symbology, &drawn(rows)).into_iter().map(|code| code.text).collect()
    }

    #[test]
    fn a_part_of_a_number_in_several_qr_codes_is_no_reading() {
        let whole = draw::encode(Symbology::Qr, "0048213").unwrap();
        let whole: Vec<Vec<bool>> =
            whole.dark.chunks(whole.width as usize).map(<[bool]>::to_vec).collect();
        assert_eq!(texts(Symbology::Qr, &whole), ["0048213"]);
        let part = QR_PART.map(|row| row.chars().map(|module| module == '#').collect());
        assert!(texts(Symbology::Qr, &part).is_empty());
    }

    #[test]
    fn a_part_of_a_number_in_several_data_matrix_codes_is_no_reading() {
        // Two digits to a codeword, counted from 130.
        let whole = data_matrix([130, 178, 151, 160, 130, 178, 151, 160]);
        assert_eq!(texts(Symbology::DataMatrix, &whole), ["0048213000482130"]);
        let first_of_two = data_matrix([233, 0x0F, 1, 1, 130, 178, 151, 160]);
        assert!(texts(Symbology::DataMatrix, &first_of_two).is_empty());
    }

    #[test]
    fn a_part_of_a_number_in_several_pdf417_codes_is_no_reading() {
        let told = |file: &str, place: usize, is_last: bool| {
            let mut part = PDF417RXingResultMetadata::default();
            part.setFileId(file.to_owned());
            part.setSegmentIndex(place);
            part.setLastSegment(is_last);
            let mut result = RXingResult::new("0048", vec![], vec![], BarcodeFormat::PDF_417);
            result.putMetadata(
                RXingResultMetadataType::PDF417_EXTRA_METADATA,
                RXingResultMetadataValue::Pdf417ExtraMetadata(Arc::new(part)),
            );
            is_whole(&&result)
        };
        assert!(told("", 0, false) && told("017", 0, true));
        assert!(!told("017", 0, false) && !told("017", 1, true));
    }
}
