//! The values drivers give the standard options, found by meaning.
//!
//! Drivers agree on option names more than on values: a feeder is "ADF", "ADF
//! Front" or "Automatic Document Feeder(left aligned)", colour is "Color" or
//! `24bit Color[Fast]`.

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

/// Paper lies on it until a hand changes it. `fb`: the kvs drivers'.
pub fn is_flatbed(source: &str) -> bool {
    let lower = source.to_ascii_lowercase();
    has_any(&lower, &["flatbed", "document table", "platen", "reflective"])
        || is_for_film(source)
        || ["normal", "fb"].contains(&lower.as_str())
}

/// The lid's light; it lies on the glass too.
fn is_for_film(source: &str) -> bool {
    let source = source.to_ascii_lowercase();
    has_any(&source, &["transparency", "transparent", "film", "negative", "slide"])
        || source == "tpu"
}

pub fn is_feeder(source: &str) -> bool {
    let lower = source.to_ascii_lowercase();
    has_any(&lower, &["adf", "feeder", "sheetfed", "sheet-fed", "sheet fed", "simplex"])
        || ["front", "back", "both", "front side", "back side"].contains(&lower.as_str())
        || is_duplex(source)
}

/// Scans the back of a sheet and not its front: "ADF Back", "Back Side".
pub fn is_back(source: &str) -> bool {
    let lower = source.to_ascii_lowercase();
    lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| ["back", "backside"].contains(&word))
}

/// Of the driver's sources, the one meant: the one it stands at (`now`) where
/// that is one of several that fit, since drivers list feeders for left and
/// for centred paper and know by default which they have.
pub fn choose_source<'a>(
    choices: &'a [String],
    now: Option<&str>,
    wanted: PaperSource,
) -> Option<&'a str> {
    let is_now = |s: &String| Some(s.as_str()) == now;
    let one_side = |s: &&String| {
        let lower = s.to_ascii_lowercase();
        is_feeder(s) && !is_duplex(s) && !is_back(s) && !has_any(&lower, &["manual", "card"])
    };
    let two_sides = |s: &&String| is_duplex(s) && !s.to_ascii_lowercase().contains("card");
    let on_glass = |s: &&String| is_flatbed(s) && !is_for_film(s);
    let chosen = match wanted {
        PaperSource::Flatbed => choices.iter().filter(on_glass).min_by_key(|s| !is_now(s)),
        PaperSource::Feeder | PaperSource::FeederManualDuplex => {
            choices.iter().filter(one_side).min_by_key(|s| {
                let is_front = s.to_ascii_lowercase().contains("front");
                (!is_now(s), !is_front)
            })
        }
        PaperSource::FeederDuplex => choices.iter().filter(two_sides).min_by_key(|s| {
            let is_named_feeder = has_any(&s.to_ascii_lowercase(), &["adf", "feeder"]);
            (!is_now(s), !is_named_feeder)
        }),
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
    let is_color = has_any(mode, &["color", "colour"]) || mode.starts_with("rgb");
    let is_gray = has_any(mode, &["gray", "grey"]);
    let is_deep = has_any(mode, &["16", "48", "30", "36", "12", "10"]);
    match wanted {
        ScanMode::Bitonal => {
            let plain = ["lineart", "line art", "binary", "black & white", "black and white"];
            let words =
                ["lineart", "line art", "binary", "black", "mono", "bilevel", "bitonal", "1 bit"];
            match plain.iter().position(|p| *p == mode) {
                Some(place) => u32::try_from(place).ok(),
                None if is_gray || is_color => None,
                None if has_any(mode, &words) || mode.starts_with("bw") => Some(10),
                None if has_any(mode, &["b&w", "b/w"]) => Some(10),
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
            "24bit color" | "24 bit color" | "true color" | "rgb" | "rgb24" => Some(1),
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

    const BROTHER: [&str; 5] = [
        "FlatBed",
        "Automatic Document Feeder(left aligned)",
        "Automatic Document Feeder(left aligned,Duplex)",
        "Automatic Document Feeder(centrally aligned)",
        "Automatic Document Feeder(centrally aligned,Duplex)",
    ];

    /// Source lists as drivers publish them (option dumps of real devices).
    #[test]
    fn sources_are_found_under_the_names_drivers_give_them() {
        let fujitsu = owned(&["ADF Front", "ADF Back", "ADF Duplex"]);
        let brother = owned(&BROTHER);
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
            assert_eq!(choose_source(choices, None, wanted), source, "{wanted:?} of {choices:?}");
        }
    }

    #[test]
    fn the_source_a_driver_stands_at_is_kept_where_it_fits() {
        let brother = owned(&BROTHER);
        use PaperSource::{Feeder, FeederDuplex, Flatbed};
        let (left, centred) = (&brother[1], &brother[3]);
        for (now, wanted, source) in [
            (centred, Feeder, &brother[3]),
            (left, Feeder, &brother[1]),
            (&brother[4], FeederDuplex, &brother[4]),
            (centred, Flatbed, &brother[0]),
        ] {
            assert_eq!(choose_source(&brother, Some(now), wanted), Some(source.as_str()));
        }
    }

    #[test]
    fn the_back_of_a_sheet_is_a_word_and_no_part_of_one() {
        for back in ["Back", "ADF Back", "Back Side", "ADF-backside"] {
            assert!(is_back(back), "{back}");
        }
        for front in ["ADF Front", "Feeder (loopback)", "Backlit ADF", "ADF Duplex"] {
            assert!(!is_back(front), "{front}");
        }
    }

    #[test]
    fn glass_and_feeder_are_told_apart() {
        for glass in ["Flatbed", "fb", "Reflective", "Transparency Adapter", "TPU", "Normal"] {
            assert!(is_flatbed(glass) && !is_feeder(glass), "{glass}");
        }
        for feeder in ["adf", "Simplex", "Duplex", "ADF Front", "Sheetfed", "Back", "Both"] {
            assert!(is_feeder(feeder) && !is_flatbed(feeder), "{feeder}");
        }
        let choices = owned(&["Transparency Unit", "Reflective", "Simplex", "Card Duplex"]);
        use PaperSource::{Feeder, FeederDuplex, Flatbed};
        assert_eq!(choose_source(&choices, Some("Transparency Unit"), Flatbed), Some("Reflective"));
        assert_eq!(choose_source(&choices, None, Feeder), Some("Simplex"));
        assert_eq!(choose_source(&choices, None, FeederDuplex), None);
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
        let short = owned(&["B&W", "Gray", "RGB48", "RGB24"]);
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
            (&short, Bitonal, Some("B&W")),
            (&short, Gray, Some("Gray")),
            (&short, Color, Some("RGB24")),
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
