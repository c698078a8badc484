//! The values drivers give the standard options, found by meaning.
//!
//! Drivers agree on option names more than on values: a feeder is "ADF", "ADF
//! Front" or "Automatic Document Feeder(left aligned)", colour is "Color" or
//! "24bit Color[Fast]".

use crate::profile::{PaperSource, ScanMode};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplex {
    On,
    Off,
}

fn has_any(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| text.contains(part))
}

pub fn is_duplex(source: &str) -> bool {
    let source = source.to_ascii_lowercase();
    has_any(&source, &["duplex", "both", "double-sided", "two-sided", "2-sided"])
        && !has_any(&source, &["manual", "no duplex", "not duplex"])
}

pub fn is_flatbed(source: &str) -> bool {
    let source = source.to_ascii_lowercase();
    has_any(&source, &["flatbed", "document table", "platen"]) || source == "normal"
}

fn is_feeder(source: &str) -> bool {
    let source = source.to_ascii_lowercase();
    has_any(&source, &["adf", "feeder", "sheetfed", "sheet-fed"])
}

/// Of the driver's sources, the one meant.
pub fn choose_source(choices: &[String], wanted: PaperSource) -> Option<&str> {
    let one_side = |s: &&String| {
        let lower = s.to_ascii_lowercase();
        is_feeder(s) && !is_duplex(s) && !has_any(&lower, &["back", "manual", "card"])
    };
    let chosen = match wanted {
        PaperSource::Flatbed => choices.iter().find(|s| is_flatbed(s)),
        PaperSource::Feeder => choices
            .iter()
            .filter(one_side)
            .min_by_key(|s| !s.to_ascii_lowercase().contains("front")),
        PaperSource::FeederDuplex => {
            choices.iter().filter(|s| is_duplex(s)).min_by_key(|s| !is_feeder(s))
        }
    };
    chosen.map(String::as_str)
}

pub fn duplex_word(choices: &[String], wanted: Duplex) -> Option<String> {
    let one_side =
        |s: &str| has_any(&s.to_ascii_lowercase(), &["simplex", "none", "off", "front", "one"]);
    let fits = |s: &&String| match wanted {
        Duplex::On => is_duplex(s),
        Duplex::Off => one_side(s) && !is_duplex(s),
    };
    choices.iter().find(fits).cloned()
}

/// Of the driver's modes, the plainest that is what is meant.
pub fn choose_mode(choices: &[String], wanted: ScanMode) -> Option<&str> {
    let rank = |mode: &str| mode_rank(&mode.to_ascii_lowercase(), wanted);
    choices
        .iter()
        .filter_map(|mode| Some((rank(mode)?, mode.as_str())))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, mode)| mode)
}

/// How well a driver's mode, in lower case, fits; 0 is best. Dithered modes
/// ("Halftone", "Gray[Error Diffusion]") destroy barcodes and letters alike
/// and fit nothing.
fn mode_rank(mode: &str, wanted: ScanMode) -> Option<u32> {
    if has_any(mode, &["halftone", "dither", "diffusion", "infrared"]) {
        return None;
    }
    let is_color = has_any(mode, &["color", "colour"]);
    let is_gray = has_any(mode, &["gray", "grey"]);
    let is_deep = has_any(mode, &["16", "48", "30", "36", "12", "10"]);
    match wanted {
        ScanMode::Bitonal => {
            let plain = ["lineart", "line art", "binary", "black & white", "black and white"];
            let words =
                ["lineart", "line art", "binary", "black", "monochrome", "bilevel", "1 bit"];
            match plain.iter().position(|p| *p == mode) {
                Some(place) => u32::try_from(place).ok(),
                None if is_gray || is_color => None,
                None if has_any(mode, &words) || mode == "bw" || mode == "b&w" => Some(10),
                None => None,
            }
        }
        ScanMode::Gray => match mode {
            "gray" | "grey" => Some(0),
            "true gray" | "grayscale" | "greyscale" | "8-bit gray" => Some(1),
            _ if is_gray && !is_color && !has_any(mode, &["4 bit", "4bit", "2 bit"]) => {
                Some(if is_deep { 3 } else { 2 })
            }
            _ => None,
        },
        ScanMode::Color => match mode {
            "color" | "colour" => Some(0),
            "24bit color" | "24 bit color" | "true color" => Some(1),
            _ if is_color && !has_any(mode, &["8 bit", "8bit", "256"]) => {
                Some(if is_deep { 3 } else { 2 })
            }
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(choices: &[&str]) -> Vec<String> {
        choices.iter().map(|&c| c.to_owned()).collect()
    }

    /// Source lists as drivers publish them (option dumps of real devices).
    #[test]
    fn sources_are_found_under_the_names_drivers_give_them() {
        let fujitsu = owned(&["ADF Front", "ADF Back", "ADF Duplex"]);
        let brother = owned(&[
            "FlatBed",
            "Automatic Document Feeder(left aligned)",
            "Automatic Document Feeder(left aligned,Duplex)",
            "Automatic Document Feeder(centrally aligned)",
            "Automatic Document Feeder(centrally aligned,Duplex)",
        ]);
        let hp = owned(&["Flatbed", "ADF", "Duplex"]);
        let epson = owned(&["Document Table", "ADF Front", "ADF Duplex"]);
        let canon =
            owned(&["Flatbed", "ADF Back", "ADF Front", "Card Front", "Card Duplex", "ADF Duplex"]);
        let test = owned(&["Flatbed", "Automatic Document Feeder"]);
        use PaperSource::{Feeder, FeederDuplex, Flatbed};
        let cases = [
            (&fujitsu, Feeder, Some("ADF Front")),
            (&fujitsu, FeederDuplex, Some("ADF Duplex")),
            (&fujitsu, Flatbed, None),
            (&brother, Flatbed, Some("FlatBed")),
            (&brother, Feeder, Some("Automatic Document Feeder(left aligned)")),
            (&brother, FeederDuplex, Some("Automatic Document Feeder(left aligned,Duplex)")),
            (&hp, Feeder, Some("ADF")),
            (&hp, FeederDuplex, Some("Duplex")),
            (&epson, Flatbed, Some("Document Table")),
            (&epson, FeederDuplex, Some("ADF Duplex")),
            (&canon, Feeder, Some("ADF Front")),
            (&canon, FeederDuplex, Some("ADF Duplex")),
            (&test, Feeder, Some("Automatic Document Feeder")),
            (&test, FeederDuplex, None),
        ];
        for (choices, wanted, source) in cases {
            assert_eq!(choose_source(choices, wanted), source, "{wanted:?} of {choices:?}");
        }
    }

    #[test]
    fn modes_are_found_under_the_names_drivers_give_them() {
        let common = owned(&["Lineart", "Halftone", "Gray", "Color"]);
        let brother = owned(&[
            "Black & White",
            "Gray[Error Diffusion]",
            "True Gray",
            "24bit Color",
            "24bit Color[Fast]",
        ]);
        let deep = owned(&["Binary", "16-bit Gray", "8-bit Gray", "48 bits Color", "Color"]);
        let test = owned(&["Gray", "Color"]);
        use ScanMode::{Bitonal, Color, Gray};
        let cases = [
            (&common, Bitonal, Some("Lineart")),
            (&common, Gray, Some("Gray")),
            (&common, Color, Some("Color")),
            (&brother, Bitonal, Some("Black & White")),
            (&brother, Gray, Some("True Gray")),
            (&brother, Color, Some("24bit Color")),
            (&deep, Bitonal, Some("Binary")),
            (&deep, Gray, Some("8-bit Gray")),
            (&deep, Color, Some("Color")),
            (&test, Bitonal, None),
        ];
        for (choices, wanted, mode) in cases {
            assert_eq!(choose_mode(choices, wanted), mode, "{wanted:?} of {choices:?}");
        }
    }

    #[test]
    fn the_duplex_switch_is_found_in_its_words() {
        let adf_mode = owned(&["Simplex", "Duplex"]);
        assert_eq!(duplex_word(&adf_mode, Duplex::On).as_deref(), Some("Duplex"));
        assert_eq!(duplex_word(&adf_mode, Duplex::Off).as_deref(), Some("Simplex"));
        assert_eq!(duplex_word(&owned(&["Fast", "Slow"]), Duplex::On), None);
    }
}
