//! Barcodes as they were read, and the arithmetic of their check characters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The symbologies Outguide reads on paper. EAN and UPC are left out on
/// purpose: on text pages every false reading measured was one of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symbology {
    Code128,
    Code39,
    Itf,
    Codabar,
    Qr,
    DataMatrix,
    Pdf417,
}

impl Symbology {
    pub const ALL: [Symbology; 7] = [
        Symbology::Code128,
        Symbology::Code39,
        Symbology::Itf,
        Symbology::Codabar,
        Symbology::Qr,
        Symbology::DataMatrix,
        Symbology::Pdf417,
    ];

    /// As written in profiles and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Symbology::Code128 => "code128",
            Symbology::Code39 => "code39",
            Symbology::Itf => "itf",
            Symbology::Codabar => "codabar",
            Symbology::Qr => "qr",
            Symbology::DataMatrix => "data-matrix",
            Symbology::Pdf417 => "pdf417",
        }
    }
}

impl fmt::Display for Symbology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A point in pixels of the original raster, origin at the top left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    pub x: i32,
    pub y: i32,
}

/// One barcode on a page. Codabar text keeps its start and stop letters.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub symbology: Symbology,
    pub text: String,
    /// Top left, top right, bottom right, bottom left *of the symbol*, in
    /// pixels of the original raster.
    pub corners: [Point; 4],
    /// How far the symbol lies turned clockwise from upright, in degrees, 0 to 359.
    pub orientation_degrees: u16,
    /// The attempt that read it, for the administrator: "full size", "half size", …
    pub found_by: String,
}

/// Barcode text is a patient's: it stays out of logs and error messages.
impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reading({} of {} characters)", self.symbology, self.text.chars().count())
    }
}

/// Check characters: the last character of a text, computed from those before
/// it. `None` where a character is not in the system's alphabet.
pub mod check {
    /// The 43 characters of Code 39 in the order of their values.
    const CODE_39: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%";
    /// The 20 characters of Codabar in the order of their values; the start and
    /// stop letters count.
    const CODABAR: &str = "0123456789-$:/.+ABCD";

    /// Code 39, mod 43: the sum of the values.
    pub fn mod43(text: &str) -> Option<char> {
        let sum = values(text, CODE_39)?.iter().sum::<usize>();
        CODE_39.chars().nth(sum % 43)
    }

    /// Codabar, mod 16: brings the sum of the values, start and stop letters
    /// included, to a multiple of 16. `text` has no check character yet.
    pub fn mod16(text: &str) -> Option<char> {
        let sum = values(text, CODABAR)?.iter().sum::<usize>();
        CODABAR.chars().nth((16 - sum % 16) % 16)
    }

    /// Luhn, mod 10: every second digit from the right doubled, its digits summed.
    pub fn mod10(digits: &str) -> Option<char> {
        let mut sum = 0;
        for (place, c) in digits.chars().rev().enumerate() {
            let digit = c.to_digit(10)?;
            sum += match place % 2 {
                0 => digit * 2 / 10 + digit * 2 % 10,
                _ => digit,
            };
        }
        char::from_digit((10 - sum % 10) % 10, 10)
    }

    /// ISO/IEC 7064 mod 37,2 as ISBT 128 writes it: digits and capitals in,
    /// `*` for the value 36 out.
    pub fn mod37_2(text: &str) -> Option<char> {
        let values = text
            .chars()
            .map(|c| c.to_digit(36).filter(|_| !c.is_ascii_lowercase()))
            .collect::<Option<Vec<u32>>>()?;
        match iso7064_mod37_2(values) {
            36 => Some('*'),
            value => char::from_digit(value, 36).map(|c| c.to_ascii_uppercase()),
        }
    }

    /// Whether the last character is the check of those before it.
    pub fn mod43_holds(text: &str) -> bool {
        holds(text, mod43)
    }

    /// `text` with its start and stop letters; the check character stands
    /// before the stop letter.
    pub fn mod16_holds(text: &str) -> bool {
        values(text, CODABAR)
            .is_some_and(|values| values.len() > 3 && values.iter().sum::<usize>() % 16 == 0)
    }

    /// Whether the last digit is the check of those before it.
    pub fn mod10_holds(digits: &str) -> bool {
        holds(digits, mod10)
    }

    /// Whether the last character is the check of those before it.
    pub fn mod37_2_holds(text: &str) -> bool {
        holds(text, mod37_2)
    }

    fn holds(text: &str, check: fn(&str) -> Option<char>) -> bool {
        text.char_indices()
            .last()
            .is_some_and(|(end, written)| end > 0 && check(&text[..end]) == Some(written))
    }

    /// The check value, 0 to 36, of values 0 to 36.
    pub fn iso7064_mod37_2(values: impl IntoIterator<Item = u32>) -> u32 {
        let sum = values.into_iter().fold(0, |sum, value| (sum + value) * 2 % 37);
        (38 - sum) % 37
    }

    fn values(text: &str, alphabet: &str) -> Option<Vec<usize>> {
        text.chars().map(|c| alphabet.find(c)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    /// Published examples: VistA record tracking's requests and records, an
    /// ISBT 128 donation number, a card number.
    #[test]
    fn check_characters_agree_with_the_published_examples() {
        assert_eq!(check::mod43("REQ12234"), Some('-'));
        assert_eq!(check::mod43("500/120202"), Some('9'));
        assert_eq!(check::mod37_2("G123498654321"), Some('H'));
        assert_eq!(check::mod10("7992739871"), Some('3'));
        assert_eq!(check::mod16("A37859B"), Some('+'));
    }

    #[test]
    fn a_text_with_its_check_holds_and_a_wrong_one_does_not() {
        assert!(check::mod43_holds("REQ12234-") && !check::mod43_holds("REQ12235-"));
        assert!(check::mod16_holds("A37859+B") && !check::mod16_holds("A37858+B"));
        assert!(check::mod10_holds("79927398713") && !check::mod10_holds("79927398710"));
        assert!(check::mod37_2_holds("G123498654321H") && !check::mod37_2_holds("G123498654312H"));
        for check in
            [check::mod43_holds, check::mod16_holds, check::mod10_holds, check::mod37_2_holds]
        {
            assert!(!check("") && !check("0") && !check("é"));
        }
    }

    #[test]
    fn a_character_outside_the_alphabet_has_no_check() {
        assert_eq!(check::mod43("req"), None);
        assert_eq!(check::mod16("A12E"), None);
        assert_eq!(check::mod10("12-3"), None);
        assert_eq!(check::mod37_2("g1"), None);
    }
}
