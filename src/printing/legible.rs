//! Whether the eye can read on a sheet what its barcode says.
//!
//! A number with a character nobody sees would be another number to whoever
//! reads the barcode. Letters the font does not have are the business of
//! `pdf::paper`.

use unicode_bidi::{BidiClass, bidi_class};

use super::{PrintFault, Sheet};

/// What stands on a sheet must be what its barcode says, and what its reader sees.
pub(super) fn check(sheet: &Sheet, number: usize) -> Result<(), PrintFault> {
    for (what, key) in sheet.keys() {
        // A sheet whose key is empty would open a document nobody can name.
        if key.trim().is_empty() {
            return Err(PrintFault::Empty { sheet: number, what });
        }
    }
    for (what, text) in sheet.lines() {
        for c in text.chars() {
            if is_unseen(c) {
                return Err(PrintFault::Unseen { sheet: number, what });
            }
            match bidi_class(c) {
                BidiClass::R | BidiClass::AL => {
                    return Err(PrintFault::RightToLeft { sheet: number, what });
                }
                BidiClass::B
                | BidiClass::S
                | BidiClass::BN
                | BidiClass::LRE
                | BidiClass::LRO
                | BidiClass::LRI
                | BidiClass::RLE
                | BidiClass::RLO
                | BidiClass::RLI
                | BidiClass::FSI
                | BidiClass::PDF
                | BidiClass::PDI => return Err(PrintFault::Unseen { sheet: number, what }),
                BidiClass::L
                | BidiClass::AN
                | BidiClass::EN
                | BidiClass::ES
                | BidiClass::ET
                | BidiClass::CS
                | BidiClass::NSM
                | BidiClass::WS
                | BidiClass::ON => {}
            }
        }
        if text.trim() != text {
            return Err(PrintFault::EdgeSpace { sheet: number, what });
        }
    }
    // For the eye a space is a space; to a barcode it is another number.
    let is_other_space = |c: char| c.is_whitespace() && c != ' ';
    match sheet.keys().into_iter().find(|(_, key)| key.contains(is_other_space)) {
        Some((what, _)) => Err(PrintFault::OtherSpace { sheet: number, what }),
        None => Ok(()),
    }
}

/// Characters without a sign of their own whose class does not tell them apart:
/// form feed, line separator, marks of direction, joiner, choices of a form.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{c}' | '\u{2028}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{34f}' | '\u{fe00}'
            ..='\u{fe0f}'
    )
}
