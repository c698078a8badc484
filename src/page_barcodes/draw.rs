//! The dark and light modules of a barcode, to be drawn on paper.
//!
//! Texts a symbology cannot carry are refused here, before rxing's writers,
//! which change some of them silently (Code 39 into its full ASCII form,
//! Codabar into one with other start and stop letters) and panic on others.

use std::panic::catch_unwind;

use rxing::common::BitMatrix;
use rxing::oned::{
    CodaBarWriter, Code39Writer, Code128Writer, ITFWriter, OneDimensionalCodeWriter,
};
use rxing::{BarcodeFormat, EncodeHints, MultiFormatWriter, Writer};

use crate::records::barcode::Symbology;

/// A symbol's modules, row by row from the top left, without quiet zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modules {
    pub width: u32,
    /// 1 for linear codes. A PDF417 row is drawn as four equal rows of modules,
    /// so that a module is as high as it is wide in every matrix code.
    pub height: u32,
    /// `width × height` modules.
    pub dark: Vec<bool>,
}

impl Modules {
    pub fn is_dark(&self, x: u32, y: u32) -> bool {
        self.dark[(y * self.width + x) as usize]
    }
}

/// Never carries the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    #[error("a {symbology} barcode cannot carry this text: it takes {takes}")]
    Text { symbology: Symbology, takes: &'static str },
    #[error("a {symbology} barcode cannot carry {characters} characters; shorten the text")]
    TooLong { symbology: Symbology, characters: usize },
}

/// The modules of `text`. Codabar wants its start and stop letters in `text`;
/// Code 39 and ITF get no check character that is not in it.
pub fn encode(symbology: Symbology, text: &str) -> Result<Modules, DrawError> {
    accept(symbology, text)?;
    let too_long = || DrawError::TooLong { symbology, characters: text.chars().count() };
    let drawn = catch_unwind(|| match symbology {
        Symbology::Code128 => Code128Writer.encode_oned(text).map(linear),
        Symbology::Code39 => Code39Writer.encode_oned(text).map(linear),
        Symbology::Itf => ITFWriter.encode_oned(text).map(linear),
        Symbology::Codabar => CodaBarWriter.encode_oned(text).map(linear),
        Symbology::Qr => matrix(BarcodeFormat::QR_CODE, Some("M"), text),
        Symbology::DataMatrix => matrix(BarcodeFormat::DATA_MATRIX, None, text),
        Symbology::Pdf417 => matrix(BarcodeFormat::PDF_417, Some("4"), text),
    });
    drawn.ok().and_then(Result::ok).ok_or_else(too_long)
}

fn accept(symbology: Symbology, text: &str) -> Result<(), DrawError> {
    let all = |set: &str| text.chars().all(|c| set.contains(c));
    let (fits, takes) = match symbology {
        Symbology::Code128 => {
            (text.bytes().all(|b| matches!(b, b' '..=b'~')), "printable ASCII characters")
        }
        Symbology::Code39 => (
            all("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"),
            "capitals, digits, space and - . $ / + %",
        ),
        Symbology::Itf => {
            (all("0123456789") && text.len().is_multiple_of(2), "an even number of digits")
        }
        Symbology::Codabar => (
            text.len() > 2
                && text.starts_with(is_codabar_guard)
                && text.ends_with(is_codabar_guard)
                && text[1..text.len() - 1].chars().all(|c| "0123456789-$:/.+".contains(c)),
            "digits and - $ : / . + between two of the letters A B C D",
        ),
        Symbology::Qr | Symbology::Pdf417 => (true, "any text"),
        Symbology::DataMatrix => {
            (text.chars().all(|c| u32::from(c) < 256), "characters of Latin-1")
        }
    };
    if text.is_empty() || !fits {
        return Err(DrawError::Text { symbology, takes });
    }
    let characters = text.chars().count();
    if characters > longest(symbology) {
        return Err(DrawError::TooLong { symbology, characters });
    }
    Ok(())
}

/// Characters of the densest kind (digits) in the largest symbol. For linear
/// codes the writers' own limit: a longer one is no longer read by a hand-held
/// gun either.
fn longest(symbology: Symbology) -> usize {
    match symbology {
        Symbology::Code128 | Symbology::Code39 | Symbology::Itf | Symbology::Codabar => 80,
        Symbology::Qr => 7089,
        Symbology::DataMatrix => 3116,
        Symbology::Pdf417 => 2710,
    }
}

fn is_codabar_guard(c: char) -> bool {
    matches!(c, 'A'..='D')
}

fn linear(dark: Vec<bool>) -> Modules {
    Modules { width: dark.len() as u32, height: 1, dark }
}

fn matrix(
    format: BarcodeFormat,
    error_correction: Option<&str>,
    text: &str,
) -> rxing::common::Result<Modules> {
    let hints = EncodeHints {
        Margin: Some("0".to_owned()),
        ErrorCorrection: error_correction.map(str::to_owned),
        ..EncodeHints::default()
    };
    // A size of 1×1 asks for the smallest: one pixel a module.
    MultiFormatWriter.encode_with_hints(text, &format, 1, 1, &hints).map(|bits| modules(&bits))
}

fn modules(bits: &BitMatrix) -> Modules {
    let (width, height) = (bits.getWidth(), bits.getHeight());
    let dark = (0..height).flat_map(|y| (0..width).map(move |x| bits.get(x, y))).collect();
    Modules { width, height, dark }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_a_symbology_cannot_carry_are_refused() {
        for (symbology, text) in [
            (Symbology::Code128, "é"),
            (Symbology::Code128, ""),
            (Symbology::Code39, "asn"),
            (Symbology::Itf, "123"),
            (Symbology::Codabar, "1234"),
            (Symbology::Codabar, "AA"),
            (Symbology::Codabar, "A12E"),
            (Symbology::DataMatrix, "Ω"),
        ] {
            let refused = encode(symbology, text);
            assert!(matches!(refused, Err(DrawError::Text { .. })), "{symbology} {text:?}");
        }
        let long = "0".repeat(10_000);
        for symbology in Symbology::ALL {
            let text =
                if symbology == Symbology::Codabar { format!("A{long}B") } else { long.clone() };
            let refused = encode(symbology, &text);
            assert!(matches!(refused, Err(DrawError::TooLong { .. })), "{symbology}");
        }
    }

    #[test]
    fn linear_codes_are_one_row_that_starts_and_ends_dark() {
        for (symbology, text) in [
            (Symbology::Code128, "OGS1SP"),
            (Symbology::Code39, "ASN010245"),
            (Symbology::Itf, "00123456"),
            (Symbology::Codabar, "A40156B"),
        ] {
            let modules = encode(symbology, text).unwrap();
            assert_eq!(modules.height, 1);
            assert_eq!(modules.dark.len() as u32, modules.width);
            assert_eq!((modules.dark.first(), modules.dark.last()), (Some(&true), Some(&true)));
        }
    }

    #[test]
    fn matrix_codes_fill_their_rectangle_to_the_finder() {
        let qr = encode(Symbology::Qr, "OGS1SP").unwrap();
        assert_eq!((qr.width, qr.height), (21, 21));
        assert!((0..7).all(|i| qr.is_dark(i, 0) && qr.is_dark(0, i)));
        let data_matrix = encode(Symbology::DataMatrix, "OGS1SP").unwrap();
        assert!((0..data_matrix.height).all(|y| data_matrix.is_dark(0, y)));
        let pdf417 = encode(Symbology::Pdf417, "OGS1SP").unwrap();
        assert!(pdf417.width > pdf417.height && pdf417.height.is_multiple_of(4));
        assert!((0..8).all(|x| pdf417.is_dark(x, 0)));
    }
}
