//! Makes text that was read on paper, or typed, harmless in a PDF.

use unicode_normalization::UnicodeNormalization;

/// `text` without what has no place in a line of words: control characters
/// and every kind of white space become one space between words; marks that
/// would turn the direction of what follows, byte order marks and code points
/// that are no characters are left out. Letters of every script stay as they are.
pub fn plain_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut space_due = false;
    for character in text.nfc() {
        if character.is_whitespace() || character.is_control() {
            space_due = !plain.is_empty();
        } else if !is_left_out(character) {
            if std::mem::take(&mut space_due) {
                plain.push(' ');
            }
            plain.push(character);
        }
    }
    plain
}

fn is_left_out(character: char) -> bool {
    let code = u32::from(character);
    let no_character = code & 0xFFFE == 0xFFFE || (0xFDD0..=0xFDEF).contains(&code);
    let turns_direction =
        matches!(code, 0x200E | 0x200F | 0x061C | 0x202A..=0x202E | 0x2066..=0x2069);
    let invisible = matches!(code, 0xFEFF | 0x2060 | 0x200B | 0xFFF9..=0xFFFB | 0xE0001..=0xE007F);
    no_character || turns_direction || invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_becomes_one_line_of_words_and_letters_survive() {
        let cases = [
            ("", ""),
            (" \u{0}\u{7}\n ", ""),
            ("a\u{0}b\r\n\tc ", "a b c"),
            ("\u{202E}gpj.exe\u{FEFF}\u{FFFF}\u{FDD0}", "gpj.exe"),
            ("ﬁeld e\u{301} x\u{30C} 𝔘𝕏 سلام", "ﬁeld é x\u{30C} 𝔘𝕏 سلام"),
        ];
        for (text, plain) in cases {
            assert_eq!(plain_text(text), plain);
        }
    }
}
