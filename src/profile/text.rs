//! The text of a profile file, key by key.
//!
//! Each section is read apart from the others; whether they fit together is
//! asked in `contradictions`. Values that stand in for a missing or wrong one
//! never reach a caller: the file is refused.

use regex::Regex;

use super::{
    BarcodeRules, BitonalCoding, CheckDigit, Cleaning, DocumentType, FieldRule, FiledPixels,
    Filing, Keep, Ocr, PageSize, PaperSource, PdfSettings, Profile, Review, ScanMode,
    ScannerSettings, SeparateBy, Separation, SidecarFormat, Threshold, VALUE_GROUP, Zone,
    contradictions, places,
};
use crate::records::barcode::Symbology;
use crate::records::document::FieldName;
use crate::records::raster::Dpi;
use crate::records::separator::PatchCode;
use crate::settings_file::{Problem, Section, SettingsFile};

/// Reads a profile. The profile is there exactly when no problem refuses it;
/// warnings may accompany it. `file_name` is `inpatient-chart.toml`, with or
/// without folders before it: it names the profile and stands in the messages.
pub fn parse(text: &str, file_name: &str) -> (Option<Profile>, Vec<Problem>) {
    let file = SettingsFile::new(file_name, text);
    let name = places::name_of(file_name);
    if !places::is_name(name) {
        file.refuse(
            "",
            format!("{name:?} is not a profile's name"),
            "rename the file: lower-case letters, digits and hyphens, a letter first",
        );
    }
    let profile = profile(name, &file.root());
    if file.is_well_formed() {
        contradictions::report(&profile, &file);
    }
    let usable = !file.is_refused();
    (usable.then_some(profile), file.into_problems())
}

fn profile(name: &str, root: &Section<'_>) -> Profile {
    root.require("title", "title = \"Inpatient chart\", as a clerk reads it");
    let profile = Profile {
        name: name.to_owned(),
        title: root.text("title").unwrap_or_default().to_owned(),
        scanner: scanner(root.section("scanner")),
        cleaning: cleaning(root.section("cleaning")),
        barcodes: barcodes(root.section("barcodes")),
        separation: separation(root.section("separation")),
        document_types: document_types(root),
        default_document_type: root.text("default_document_type").map(str::to_owned),
        ocr: ocr(root.section("ocr")),
        pdf: pdf(root.section("pdf")),
        review: review(root),
        filing: filing(root.section("filing")),
        keep: keep(root.section("keep")),
    };
    root.no_other_keys();
    profile
}

fn scanner(section: Section<'_>) -> ScannerSettings {
    section.require("source", "source = \"feeder-duplex\" under [scanner]");
    section.require("mode", "mode = \"gray\" under [scanner]");
    section.require("dpi", "dpi = 300 under [scanner]");
    let sources = [
        ("flatbed", PaperSource::Flatbed),
        ("feeder", PaperSource::Feeder),
        ("feeder-duplex", PaperSource::FeederDuplex),
        ("feeder-manual-duplex", PaperSource::FeederManualDuplex),
    ];
    let modes =
        [("bitonal", ScanMode::Bitonal), ("gray", ScanMode::Gray), ("color", ScanMode::Color)];
    let options = section.section("options");
    let settings = ScannerSettings {
        source: section.choice("source", &sources).unwrap_or(PaperSource::Feeder),
        mode: section.choice("mode", &modes).unwrap_or(ScanMode::Gray),
        dpi: Dpi(section.whole("dpi", 50..=1200).unwrap_or(300) as u32),
        page_size: page_size(&section),
        options: options.as_texts().into_iter().collect(),
    };
    section.no_other_keys();
    settings
}

/// A name, or `{ width_mm = 215.9, height_mm = 279.4 }`.
fn page_size(section: &Section<'_>) -> PageSize {
    let longest_mm = 5000.0;
    if section.holds_section("page_size") {
        let size = section.section("page_size");
        size.require("width_mm", "width_mm = 215.9");
        size.require("height_mm", "height_mm = 279.4");
        let width = size.number("width_mm", 1.0..=longest_mm).unwrap_or(1.0);
        let height = size.number("height_mm", 1.0..=longest_mm).unwrap_or(1.0);
        size.no_other_keys();
        return PageSize::Millimetres { width, height };
    }
    let sizes = [
        ("letter", PageSize::Letter),
        ("legal", PageSize::Legal),
        ("a4", PageSize::A4),
        ("a5", PageSize::A5),
        ("largest", PageSize::Largest),
    ];
    section.choice("page_size", &sizes).unwrap_or(PageSize::Largest)
}

fn cleaning(section: Section<'_>) -> Cleaning {
    let thresholds =
        [("keep", Threshold::Keep), ("global", Threshold::Global), ("local", Threshold::Local)];
    let filed =
        [("as-scanned", FiledPixels::AsScanned), ("straightened", FiledPixels::Straightened)];
    let standard = Cleaning::default();
    let cleaning = Cleaning {
        upright: section.switch("upright").unwrap_or(standard.upright),
        deskew: section.switch("deskew").unwrap_or(standard.deskew),
        max_skew_degrees: section
            .number("max_skew_degrees", 0.1..=45.0)
            .map_or(standard.max_skew_degrees, |degrees| degrees as f32),
        invert_negative: section.switch("invert_negative").unwrap_or(standard.invert_negative),
        crop: section.switch("crop").unwrap_or(standard.crop),
        despeckle: section.switch("despeckle").unwrap_or(standard.despeckle),
        threshold: section.choice("threshold", &thresholds).unwrap_or(standard.threshold),
        blank_ink: section
            .number("blank_ink", 0.0..=0.1)
            .map_or(standard.blank_ink, |fraction| fraction as f32),
        drop_blank: section.switch("drop_blank").unwrap_or(standard.drop_blank),
        filed_pixels: section.choice("filed_pixels", &filed).unwrap_or(standard.filed_pixels),
    };
    section.no_other_keys();
    cleaning
}

fn symbologies() -> [(&'static str, Symbology); 7] {
    Symbology::ALL.map(|symbology| (symbology.name(), symbology))
}

fn barcodes(section: Section<'_>) -> BarcodeRules {
    let rules = BarcodeRules {
        symbologies: section.choices("symbologies", &symbologies()).unwrap_or_default(),
        itf_lengths: section
            .wholes("itf_lengths", 2..=80)
            .unwrap_or_default()
            .into_iter()
            .map(|length| length as usize)
            .collect(),
        patch_codes: section.switch("patch_codes").unwrap_or(false),
        outguide_sheets: section.switch("outguide_sheets").unwrap_or(false),
        fields: section.sections("field").into_iter().map(field_rule).collect(),
    };
    section.no_other_keys();
    rules
}

/// A wrong rule keeps its place, so that the others keep their numbers.
fn field_rule(section: Section<'_>) -> FieldRule {
    section.require("field", "field = \"mrn\" to say which field the barcode fills");
    section.require("pattern", "pattern = '[0-9]{8}' to say which barcodes are meant");
    let checks = [
        ("mod43", CheckDigit::Mod43),
        ("mod16", CheckDigit::Mod16),
        ("mod10", CheckDigit::Mod10),
        ("mod37-2", CheckDigit::Mod37_2),
    ];
    let field = section.text("field").and_then(|name| field_name(&section, "field", name));
    let pattern = section.text("pattern").and_then(|pattern| whole_text(&section, pattern));
    let symbology = section.choice("symbology", &symbologies());
    let length = section.whole("length", 1..=4000).map(|length| length as usize);
    let check = section.choice("check", &checks);
    // Asked for whether given or not, so that it is among the known settings.
    let zone_section = section.section("zone");
    let zone = section.holds_section("zone").then(|| zone(zone_section));
    let cover_sheet = section.switch("cover_sheet").unwrap_or(false);
    section.no_other_keys();
    FieldRule {
        field: field.unwrap_or_else(unnamed),
        symbology,
        pattern: pattern.unwrap_or_else(no_pattern),
        length,
        check,
        zone: zone.flatten(),
        cover_sheet,
    }
}

fn unnamed() -> FieldName {
    FieldName::new("unnamed").expect("a field's name of plain letters")
}

fn no_pattern() -> Regex {
    Regex::new("").expect("the empty pattern is one")
}

fn field_name(section: &Section<'_>, key: &str, name: &str) -> Option<FieldName> {
    FieldName::new(name)
        .inspect_err(|_| {
            section.file().refuse(
                &section.path_of(key),
                format!("{name:?} is not a field's name"),
                "use lower-case letters, digits and underscores, a letter first, at most 40",
            );
        })
        .ok()
}

/// The pattern, holding for whole texts only. It must be a pattern on its own
/// first: `a)|(b` would become one only between our brackets.
fn whole_text(section: &Section<'_>, pattern: &str) -> Option<Regex> {
    let whole = Regex::new(pattern).and_then(|_| {
        Regex::new(&format!(r"\A(?:{pattern})\z"))
            // A comment in verbose mode takes our bracket along, up to a line's end.
            .or_else(|_| Regex::new(&format!("\\A(?:{pattern}\n)\\z")))
    });
    if let Ok(whole) = &whole
        && let Some(other) = whole.capture_names().flatten().find(|name| *name != VALUE_GROUP)
    {
        section.file().refuse(
            &section.path_of("pattern"),
            format!("names a group {other:?}, which nothing reads"),
            "name the part that is the field's value (?<value>…), and no other",
        );
        return None;
    }
    whole
        .inspect_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim();
            section.file().refuse(
                &section.path_of("pattern"),
                format!("is not a pattern ({})", reason.trim_start_matches("error: ")),
                "write a regular expression in single quotes, such as '[0-9]{8}'",
            );
        })
        .ok()
}

fn zone(section: Section<'_>) -> Option<Zone> {
    let edges = ["left", "top", "right", "bottom"].map(|edge| {
        section.require(edge, &format!("{edge} = … as a part of the page, 0 to 1"));
        section.number(edge, 0.0..=1.0).map(|fraction| fraction as f32)
    });
    let path = section.path_of("");
    let file = section.file();
    section.no_other_keys();
    let [Some(left), Some(top), Some(right), Some(bottom)] = edges else { return None };
    if left >= right || top >= bottom {
        file.refuse(
            path.trim_end_matches('.'),
            "holds no part of the page",
            "left must be less than right and top less than bottom; both count from the top left",
        );
        return None;
    }
    Some(Zone { left, top, right, bottom })
}

fn separation(section: Section<'_>) -> Separation {
    section.require("by", "by = \"cover-sheet\" under [separation]");
    /// The rule by its name in the file, before its own keys are read.
    #[derive(Clone, Copy, PartialEq)]
    enum Rule {
        CoverSheet,
        PatchCode,
        BarcodeChange,
        BlankSheet,
        FixedLength,
        Batch,
    }
    let rules = [
        ("cover-sheet", Rule::CoverSheet),
        ("patch-code", Rule::PatchCode),
        ("barcode-change", Rule::BarcodeChange),
        ("blank-sheet", Rule::BlankSheet),
        ("fixed-length", Rule::FixedLength),
        ("batch", Rule::Batch),
    ];
    let patches = PatchCode::ALL.map(|code| (code.to_string(), code));
    let patches: Vec<(&str, PatchCode)> =
        patches.iter().map(|(name, code)| (name.as_str(), *code)).collect();
    let rule = section.choice("by", &rules);
    let codes = section.choices("codes", &patches);
    let field = section.text("field").and_then(|name| field_name(&section, "field", name));
    let pages = section.whole("pages", 1..=10_000);
    for (key, owner, name) in [
        ("codes", Rule::PatchCode, "patch-code"),
        ("field", Rule::BarcodeChange, "barcode-change"),
        ("pages", Rule::FixedLength, "fixed-length"),
    ] {
        if rule == Some(owner) {
            section.require(key, &format!("{key} = … under [separation]: by = {name:?} needs it"));
        } else if rule.is_some() && section.is_given(key) {
            section.file().refuse(
                &section.path_of(key),
                format!("belongs to by = {name:?}"),
                "remove it, or change by",
            );
        }
    }
    let by = match rule {
        Some(Rule::CoverSheet) => SeparateBy::CoverSheet,
        Some(Rule::PatchCode) => SeparateBy::PatchCode { codes: codes.unwrap_or_default() },
        Some(Rule::BarcodeChange) => {
            SeparateBy::BarcodeChange { field: field.unwrap_or_else(unnamed) }
        }
        Some(Rule::BlankSheet) => SeparateBy::BlankSheet,
        Some(Rule::FixedLength) => SeparateBy::FixedLength { pages: pages.unwrap_or(1) as u32 },
        Some(Rule::Batch) | None => SeparateBy::Batch,
    };
    let carry_forward = field_names(&section, "carry_forward");
    section.no_other_keys();
    Separation { by, carry_forward }
}

fn field_names(section: &Section<'_>, key: &'static str) -> Vec<FieldName> {
    let names = section.texts(key).unwrap_or_default();
    names
        .into_iter()
        .enumerate()
        .filter_map(|(at, name)| field_name(section, &format!("{key}[{}]", at + 1), name))
        .collect()
}

fn document_types(root: &Section<'_>) -> Vec<DocumentType> {
    root.require(
        "document_type",
        "a section [[document_type]] with code, title and required for each type",
    );
    root.sections("document_type").into_iter().map(document_type).collect()
}

fn document_type(section: Section<'_>) -> DocumentType {
    section.require("code", "code = \"PROG\", as printed on cover sheets");
    section.require("title", "title = \"Progress note\", as a clerk reads it");
    let code = section.text("code").filter(|code| {
        let well_formed = is_type_code(code);
        if !well_formed {
            section.file().refuse(
                &section.path_of("code"),
                format!("{code:?} is not a document type's code"),
                "use capital letters, digits and hyphens, a letter or digit first, at most 16",
            );
        }
        well_formed
    });
    let title = section.text("title");
    let required = field_names(&section, "required");
    section.no_other_keys();
    DocumentType {
        code: code.unwrap_or_default().to_owned(),
        title: title.unwrap_or_default().to_owned(),
        required,
    }
}

/// What Code 39 and a file name can both carry.
fn is_type_code(code: &str) -> bool {
    code.len() <= 16
        && code.starts_with(|first: char| first.is_ascii_alphanumeric())
        && code.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'-'))
}

fn ocr(section: Section<'_>) -> Ocr {
    section.require("languages", "languages = [\"eng\"] under [ocr]; [] for no text");
    let languages = section.texts("languages").unwrap_or_default();
    for (at, language) in languages.iter().enumerate() {
        let well_formed = language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !well_formed {
            section.file().refuse(
                &section.path_of(&format!("languages[{}]", at + 1)),
                format!("{language:?} is not a language of Tesseract"),
                "use its code: \"eng\", \"deu\", \"chi_sim\"",
            );
        }
    }
    let ocr = Ocr {
        languages: languages.into_iter().map(str::to_owned).collect(),
        page_seconds: section.whole("page_seconds", 5..=3600).unwrap_or(120) as u32,
    };
    section.no_other_keys();
    ocr
}

fn pdf(section: Section<'_>) -> PdfSettings {
    let codings = [("ccitt-g4", BitonalCoding::CcittG4), ("jbig2", BitonalCoding::Jbig2)];
    let settings = PdfSettings {
        bitonal: section.choice("bitonal", &codings).unwrap_or(BitonalCoding::CcittG4),
        jpeg_quality: section.whole("jpeg_quality", 1..=100).unwrap_or(75) as u8,
    };
    section.no_other_keys();
    settings
}

fn review(root: &Section<'_>) -> Review {
    #[derive(Clone, Copy, PartialEq)]
    enum Extent {
        None,
        Sample,
        All,
    }
    root.require(
        "review",
        "review = \"all\": who looks before a document is filed is never left to a default",
    );
    let extents = [("none", Extent::None), ("sample", Extent::Sample), ("all", Extent::All)];
    let extent = root.choice("review", &extents);
    let one_in = root.whole("review_one_in", 2..=10_000).unwrap_or(2) as u32;
    if extent == Some(Extent::Sample) {
        root.require("review_one_in", "review_one_in = 20 to hold one document in 20");
    } else if extent.is_some() && root.is_given("review_one_in") {
        root.file().refuse(
            "review_one_in",
            "belongs to review = \"sample\"",
            "remove it, or change review",
        );
    }
    match extent {
        Some(Extent::None) => Review::None,
        Some(Extent::Sample) => Review::Sample { one_in },
        Some(Extent::All) | None => Review::All,
    }
}

fn filing(section: Section<'_>) -> Filing {
    section.require("template", "template = \"{date}/{document_id}\" under [filing]");
    section.require("sidecar", "sidecar = \"json\" under [filing]");
    let sidecars = [
        ("json", SidecarFormat::Json),
        ("csv", SidecarFormat::Csv),
        ("onbase-dip", SidecarFormat::OnbaseDip),
        ("laserfiche-xml", SidecarFormat::LaserficheXml),
    ];
    let filing = Filing {
        template: section.text("template").unwrap_or_default().to_owned(),
        sidecar: section.choice("sidecar", &sidecars).unwrap_or(SidecarFormat::Json),
        patient_values_in_file_names: section
            .switch("patient_values_in_file_names")
            .unwrap_or(false),
    };
    section.no_other_keys();
    filing
}

/// A hundred years and more are written as no limit at all.
fn keep(section: Section<'_>) -> Keep {
    let days = section.whole("original_days", 1..=36_500);
    let keep = Keep { original_days: days.map(|days| days as u32) };
    section.no_other_keys();
    keep
}
