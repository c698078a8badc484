//! Settings that are right one by one and wrong together.
//!
//! Refused: what could never work, what would leave every document with a
//! question, and patient values in file names unless the profile allows them.
//! Warned of: what works but is seldom meant.

use super::{
    CheckDigit, FieldRule, FiledPixels, PaperSource, Profile, ScanMode, SeparateBy, SidecarFormat,
    Threshold, onbase_tags,
};
use crate::records::barcode::Symbology;
use crate::records::document::FieldName;
use crate::records::separator::PatchCode;
use crate::settings_file::SettingsFile;

/// Below this much resolution Tesseract loses small print.
const LEAST_OCR_DPI: u32 = 200;

/// What a template may name besides index fields.
const TEMPLATE_WORDS: [&str; 4] = ["document_id", "document_type", "batch", "date"];

/// Those of them that no barcode fills.
const STATIONS_OWN_WORDS: [&str; 3] = ["document_id", "batch", "date"];

pub(super) fn report(profile: &Profile, file: &SettingsFile<'_>) {
    symbologies(profile, file);
    for (at, rule) in profile.barcodes.fields.iter().enumerate() {
        field_rule(profile, rule, &format!("barcodes.field[{}]", at + 1), file);
    }
    separation(profile, file);
    carried_fields(profile, file);
    document_types(profile, file);
    template(profile, file);
    tags(profile, file);
    pixels(profile, file);
    words(profile, file);
}

/// Torn sheets are known by their words where no code is left; without words
/// such a sheet is a page of the patient before.
fn words(profile: &Profile, file: &SettingsFile<'_>) {
    if profile.barcodes.outguide_sheets && profile.ocr.languages.is_empty() {
        file.warn(
            "ocr.languages",
            "is empty: a torn cover sheet is no longer known by what it prints",
            "list a language, such as languages = [\"eng\"], \
             and print the sheets with patch bars",
        );
    }
}

fn symbologies(profile: &Profile, file: &SettingsFile<'_>) {
    let rules = &profile.barcodes;
    let reads_itf = rules.symbologies.contains(&Symbology::Itf);
    if reads_itf && rules.itf_lengths.is_empty() {
        file.refuse(
            "barcodes.itf_lengths",
            "is missing: half an ITF code reads as a shorter one",
            "add the lengths your forms carry, such as itf_lengths = [10, 14]",
        );
    }
    if !reads_itf && !rules.itf_lengths.is_empty() {
        file.refuse(
            "barcodes.itf_lengths",
            "\"itf\" is not among the symbologies",
            "add it to symbologies or remove itf_lengths",
        );
    }
    if let Some(at) = rules.itf_lengths.iter().position(|length| length % 2 == 1) {
        file.refuse(
            &format!("barcodes.itf_lengths[{}]", at + 1),
            "is odd: ITF carries its digits in pairs",
            "count the digits again, a leading 0 included",
        );
    }
    if rules.symbologies.is_empty() && !rules.fields.is_empty() {
        file.refuse(
            "barcodes.symbologies",
            "is empty, and [[barcodes.field]] waits for barcodes",
            "list what the forms carry, such as symbologies = [\"code128\"]",
        );
    }
    let carries_our_sheets =
        rules.symbologies.iter().any(|read| matches!(read, Symbology::Code128 | Symbology::Qr));
    if rules.outguide_sheets && !carries_our_sheets {
        file.refuse(
            "barcodes.symbologies",
            "reads neither \"code128\" nor \"qr\", and Outguide's sheets carry both",
            "add them, or set outguide_sheets = false",
        );
    }
    let separates_by_patch = matches!(profile.separation.by, SeparateBy::PatchCode { .. });
    // Beside our own sheets they tell a torn one from a page.
    if rules.patch_codes && !separates_by_patch && !rules.outguide_sheets {
        file.warn(
            "barcodes.patch_codes",
            "looks for patch codes that no rule uses",
            "set separation.by = \"patch-code\", or patch_codes = false to save the time",
        );
    }
}

fn field_rule(profile: &Profile, rule: &FieldRule, path: &str, file: &SettingsFile<'_>) {
    let rules = &profile.barcodes;
    let unread = |symbology: &Symbology| {
        !rules.symbologies.is_empty() && !rules.symbologies.contains(symbology)
    };
    if let Some(symbology) = rule.symbology.filter(unread) {
        file.refuse(
            &format!("{path}.symbology"),
            format!("\"{symbology}\" is not among barcodes.symbologies"),
            "add it there, or the code is never looked for",
        );
    }
    if STATIONS_OWN_WORDS.contains(&rule.field.as_str()) {
        file.refuse(
            &format!("{path}.field"),
            format!("{{{}}} in filing.template is the station's own word", rule.field),
            "name the field differently",
        );
    }
    let only_itf = rule.symbology == Some(Symbology::Itf);
    if let Some(length) =
        rule.length.filter(|length| only_itf && !rules.itf_lengths.contains(length))
    {
        file.refuse(
            &format!("{path}.length"),
            format!("{length} is not among barcodes.itf_lengths"),
            "add it there, or the code is never believed",
        );
    }
    if rule.check == Some(CheckDigit::Mod16) && rule.symbology != Some(Symbology::Codabar) {
        file.refuse(
            &format!("{path}.check"),
            "mod16 is Codabar's check character and no other's",
            "add symbology = \"codabar\", or choose another check",
        );
    }
    if rule.field.as_str() == FieldName::DOCUMENT_TYPE && profile.document_types.is_empty() {
        file.refuse(
            &format!("{path}.field"),
            "the profile has no document types to choose from",
            "add [[document_type]] sections",
        );
    }
}

fn separation(profile: &Profile, file: &SettingsFile<'_>) {
    let rules = &profile.barcodes;
    match &profile.separation.by {
        SeparateBy::CoverSheet => {
            if !rules.outguide_sheets && !rules.fields.iter().any(|rule| rule.cover_sheet) {
                file.refuse(
                    "separation.by",
                    "no cover sheet is ever read",
                    "set barcodes.outguide_sheets = true, or cover_sheet = true in a [[barcodes.field]]",
                );
            }
        }
        SeparateBy::PatchCode { codes } => patch_codes(profile, codes, file),
        SeparateBy::BarcodeChange { field } => barcode_change(rules.fields.as_slice(), field, file),
        SeparateBy::BlankSheet => {
            if profile.cleaning.blank_ink <= 0.0 {
                file.refuse(
                    "cleaning.blank_ink",
                    "no page is ever blank, and blank sheets part the documents",
                    "set it above 0, such as 0.0002",
                );
            }
        }
        SeparateBy::FixedLength { .. } | SeparateBy::Batch => {}
    }
}

fn patch_codes(profile: &Profile, codes: &[PatchCode], file: &SettingsFile<'_>) {
    if !profile.barcodes.patch_codes {
        file.refuse(
            "separation.by",
            "patch codes part the documents, and none is ever read",
            "set patch_codes = true under [barcodes]",
        );
    }
    if codes.is_empty() && file.is_given("separation.codes") {
        file.refuse(
            "separation.codes",
            "names no patch code",
            "name the one printed on your sheets, such as codes = [\"2\"]",
        );
    }
    for (at, code) in codes.iter().enumerate() {
        let upside_down = code.turned_180();
        if upside_down != *code {
            file.warn(
                &format!("separation.codes[{}]", at + 1),
                format!("patch {code} fed upside down reads as patch {upside_down}"),
                "use 2 or 4, or print sheets with something that shows which way up they lie; \
                 else every such sheet is a question for a clerk",
            );
        }
    }
}

fn barcode_change(rules: &[FieldRule], field: &FieldName, file: &SettingsFile<'_>) {
    let is_given = file.is_given("separation.field");
    if is_given && !rules.iter().any(|rule| rule.field == *field) {
        file.refuse(
            "separation.field",
            format!("no [[barcodes.field]] reads {field}"),
            "add one, or name a field that is read",
        );
    }
    let at = rules.iter().position(|rule| rule.field == *field && rule.cover_sheet);
    if let Some(at) = at {
        file.refuse(
            &format!("barcodes.field[{}].cover_sheet", at + 1),
            "the page is a cover sheet and part of the document at once",
            "set it to false, or separation.by = \"cover-sheet\"",
        );
    }
}

fn carried_fields(profile: &Profile, file: &SettingsFile<'_>) {
    for (at, field) in profile.separation.carry_forward.iter().enumerate() {
        let path = format!("separation.carry_forward[{}]", at + 1);
        if !field.is_patient_identity() {
            file.refuse(
                &path,
                format!("{field} does not say whose record it is"),
                "carry only mrn, encounter, patient_name or birth_date",
            );
        } else if !can_be_read(profile, field) {
            file.refuse(
                &path,
                format!("nothing on paper supplies {field}"),
                "add a [[barcodes.field]] for it, or remove it",
            );
        }
    }
}

fn document_types(profile: &Profile, file: &SettingsFile<'_>) {
    let types = &profile.document_types;
    for (at, document_type) in types.iter().enumerate() {
        let path = format!("document_type[{}]", at + 1);
        let named_before = types[..at].iter().any(|earlier| earlier.code == document_type.code);
        if named_before && !document_type.code.is_empty() {
            file.refuse(
                &format!("{path}.code"),
                format!("{:?} is given to two document types", document_type.code),
                "give each its own code",
            );
        }
        for (number, field) in document_type.required.iter().enumerate() {
            if !can_be_read(profile, field) {
                file.refuse(
                    &format!("{path}.required[{}]", number + 1),
                    format!(
                        "nothing on paper supplies {field}: every document would wait for a clerk"
                    ),
                    "add a [[barcodes.field]] for it, or remove it",
                );
            }
        }
    }
    let codes: Vec<&str> = types.iter().map(|known| known.code.as_str()).collect();
    match &profile.default_document_type {
        Some(code) if !codes.contains(&code.as_str()) => file.refuse(
            "default_document_type",
            format!("{code:?} is not the code of a [[document_type]]"),
            format!("use one of {}", codes.join(", ")),
        ),
        Some(_) => {}
        None => {
            let named_on_paper = profile.barcodes.outguide_sheets
                || profile
                    .barcodes
                    .fields
                    .iter()
                    .any(|rule| rule.field.as_str() == FieldName::DOCUMENT_TYPE);
            if !named_on_paper {
                file.refuse(
                    "default_document_type",
                    "is missing, and nothing on paper names a document's type",
                    "add default_document_type with one of the codes",
                );
            }
        }
    }
}

/// Whether a cover sheet, a barcode or the profile itself can give the field.
fn can_be_read(profile: &Profile, field: &FieldName) -> bool {
    let on_our_sheets =
        matches!(field.as_str(), FieldName::MRN | FieldName::ENCOUNTER | FieldName::DOCUMENT_TYPE);
    let by_default =
        field.as_str() == FieldName::DOCUMENT_TYPE && profile.default_document_type.is_some();
    by_default
        || (profile.barcodes.outguide_sheets && on_our_sheets)
        || profile.barcodes.fields.iter().any(|rule| rule.field == *field)
}

fn template(profile: &Profile, file: &SettingsFile<'_>) {
    let path = "filing.template";
    let template = profile.filing.template.as_str();
    let Some((literal, names)) = placeholders(template) else {
        file.refuse(path, "has a { or } without its other half", "write {name} in full");
        return;
    };
    let steps_out =
        template.split('/').any(|part| part.is_empty() || part.trim_matches('.').is_empty());
    if !template.is_empty()
        && (steps_out
            || literal.contains(['\\', ':', '*', '?', '"', '<', '>', '|'])
            || literal.contains(char::is_control))
    {
        file.refuse(
            path,
            "is not a path below the watched folder that every file system takes",
            "use names parted by single /, none of them . or .., without \\ : * ? \" < > |",
        );
    }
    for name in &names {
        placeholder(profile, name, path, file);
    }
    if !template.is_empty() && !names.contains(&"document_id") {
        file.refuse(
            path,
            "does not hold {document_id}, and two documents could want one name",
            "add {document_id}",
        );
    }
}

fn placeholder(profile: &Profile, name: &str, path: &str, file: &SettingsFile<'_>) {
    if TEMPLATE_WORDS.contains(&name) {
        return;
    }
    let field = FieldName::new(name).ok().filter(|field| can_be_read(profile, field));
    match field {
        None => file.refuse(
            path,
            format!("{{{name}}} is filled by nothing"),
            format!(
                "use {}, or a field that a [[barcodes.field]] reads",
                TEMPLATE_WORDS.map(|word| format!("{{{word}}}")).join(", ")
            ),
        ),
        Some(field)
            if field.is_patient_identity() && !profile.filing.patient_values_in_file_names =>
        {
            file.refuse(
                path,
                format!("{{{field}}} puts a patient's value into file names"),
                "remove it, or set filing.patient_values_in_file_names = true \
                 if whoever may list the folder may know who is a patient",
            );
        }
        Some(_) => {}
    }
}

/// The text outside braces and the names inside; `None` where braces do not pair.
fn placeholders(template: &str) -> Option<(String, Vec<&str>)> {
    let mut literal = String::new();
    let mut names = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        if before.contains('}') || name.contains('{') {
            return None;
        }
        literal.push_str(before);
        names.push(name);
        rest = after;
    }
    literal.push_str(rest);
    (!rest.contains('}')).then_some((literal, names))
}

/// An OnBase index file has one line for each tag.
fn tags(profile: &Profile, file: &SettingsFile<'_>) {
    match profile.filing.sidecar {
        SidecarFormat::OnbaseDip => {}
        SidecarFormat::Json | SidecarFormat::Csv | SidecarFormat::LaserficheXml => return,
    }
    let on_our_sheets: &[&str] = match profile.barcodes.outguide_sheets {
        true => &[FieldName::MRN, FieldName::ENCOUNTER],
        false => &[],
    };
    let on_our_sheets = on_our_sheets.iter().filter_map(|name| FieldName::new(name).ok());
    let mut held: Vec<FieldName> = on_our_sheets.collect();
    for (at, rule) in profile.barcodes.fields.iter().enumerate() {
        let tag = onbase_tags::tag(&rule.field);
        let is_anothers =
            |other: &FieldName| *other != rule.field && onbase_tags::tag(other) == tag;
        if onbase_tags::OWN.contains(&tag.as_str()) || held.iter().any(is_anothers) {
            file.refuse(
                &format!("barcodes.field[{}].field", at + 1),
                format!(
                    "{} becomes the OnBase tag {tag} which another line of the index file has",
                    rule.field
                ),
                "name the field differently",
            );
        }
        held.push(rule.field.clone());
    }
}

fn pixels(profile: &Profile, file: &SettingsFile<'_>) {
    let cleaning = &profile.cleaning;
    if !profile.ocr.languages.is_empty() && profile.scanner.dpi.0 < LEAST_OCR_DPI {
        file.warn(
            "scanner.dpi",
            format!("small print is not recognised below {LEAST_OCR_DPI} dpi"),
            "scan at 300, or set ocr.languages = []",
        );
    }
    let thresholds = cleaning.threshold != Threshold::Keep;
    if profile.scanner.mode == ScanMode::Bitonal && thresholds {
        file.warn(
            "cleaning.threshold",
            "the scanner already delivers black and white",
            "set scanner.mode = \"gray\" to have Outguide choose what is black",
        );
    }
    if cleaning.filed_pixels == FiledPixels::AsScanned && (thresholds || cleaning.crop) {
        file.warn(
            "cleaning.filed_pixels",
            "crop and threshold do not reach pages that are filed as scanned",
            "set it to \"straightened\", or leave crop and threshold out",
        );
    }
    let blanks_part = profile.separation.by == SeparateBy::BlankSheet;
    let has_backs = match profile.scanner.source {
        PaperSource::FeederDuplex | PaperSource::FeederManualDuplex => true,
        PaperSource::Flatbed | PaperSource::Feeder => false,
    };
    if blanks_part && has_backs {
        file.warn(
            "separation.by",
            "only a sheet blank on both sides parts documents",
            "feed separators that are blank front and back",
        );
    }
}
