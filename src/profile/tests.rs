//! Mistakes people make in profiles, and what they are told.

use super::*;
use crate::settings_file::{Problem, Weight, listed};

/// A profile that is right, to be spoilt.
pub(super) const RIGHT: &str = r#"title = "Test chart"
review = "none"
default_document_type = "CHART"

[scanner]
source = "feeder"
mode = "gray"
dpi = 300

[barcodes]
symbologies = ["code128", "itf"]
itf_lengths = [10]
patch_codes = true
outguide_sheets = true

[[barcodes.field]]
field = "form_no"
symbology = "itf"
pattern = '[0-9]+'
length = 10

[separation]
by = "patch-code"
codes = ["2"]
carry_forward = ["mrn"]

[[document_type]]
code = "CHART"
title = "Chart"
required = ["mrn"]

[ocr]
languages = ["eng"]

[filing]
template = "{date}/{document_id}"
sidecar = "json"
"#;

fn problems(text: &str) -> Vec<Problem> {
    parse(text, "profiles/test.toml").1
}

fn right() -> Profile {
    parse(RIGHT, "test.toml").0.expect("the right profile is right")
}

#[test]
fn shipped_profiles_are_right_and_draw_no_warning() {
    for (name, origin) in list(&[]).unwrap() {
        assert_eq!(origin, Origin::BuiltIn);
        let found = find(&name, &[]).unwrap();
        assert_eq!(found.profile.name, name);
        assert_eq!(listed(&found.warnings), "", "{name}");
    }
    let names: Vec<String> = list(&[]).unwrap().into_keys().collect();
    assert_eq!(
        names,
        ["clinic-visit", "inpatient-chart", "loose-sheets", "patch-separated", "plain-pages"]
    );
}

#[test]
fn every_profile_file_of_the_repository_is_shipped() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
    let mut files: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    files.sort();
    assert_eq!(files, list(&[]).unwrap().into_keys().collect::<Vec<_>>());
}

#[test]
fn settings_reach_the_profile_as_written() {
    let text = RIGHT
        .replace("dpi = 300", "dpi = 240\npage_size = { width_mm = 100, height_mm = 150.5 }")
        .replace("[barcodes]", "[scanner.options]\nswdeskew = false\nbrightness = 5\n[barcodes]")
        .replace("length = 10", "zone = { left = 0, top = 0.5, right = 1, bottom = 1.0 }");
    let (profile, problems) = parse(&text, "test.toml");
    assert_eq!(listed(&problems), "");
    let profile = profile.unwrap();
    assert_eq!(profile.name, "test");
    assert_eq!(profile.scanner.dpi, Dpi(240));
    assert_eq!(profile.scanner.page_size, PageSize::Millimetres { width: 100.0, height: 150.5 });
    let options: Vec<(&str, &str)> =
        profile.scanner.options.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(options, [("brightness", "5"), ("swdeskew", "false")]);
    assert_eq!(profile.separation.by, SeparateBy::PatchCode { codes: vec![PatchCode::Two] });
    assert_eq!(
        profile.barcodes.fields[0].zone,
        Some(Zone { left: 0.0, top: 0.5, right: 1.0, bottom: 1.0 })
    );
    assert_eq!(profile.cleaning, Cleaning::default());
    assert_eq!(profile.keep.original_days, None, "for ever");
    let limited = RIGHT.to_owned() + "[keep]\noriginal_days = 90\n";
    assert_eq!(parse(&limited, "test.toml").0.unwrap().keep.original_days, Some(90));
}

#[test]
fn a_pattern_holds_for_the_whole_text_and_gives_its_value_group() {
    let rule = |pattern: &str| {
        let text = RIGHT.replace("'[0-9]+'", pattern);
        parse(&text, "test.toml").0.unwrap().barcodes.fields[0].clone()
    };
    assert_eq!(rule("'a|ab'").value_in("ab"), Some("ab"));
    assert_eq!(rule("'[0-9]{4}'").value_in("12345"), None);
    assert_eq!(rule("'V(?<value>[0-9]+)-.*'").value_in("V42-7"), Some("42"));
    // What took no part in the match is no value, and not the whole text.
    assert_eq!(rule("'V(?<value>[0-9]{4})?-.*'").value_in("V-7"), Some(""));
    let verbose = rule("'(?x) [0-9]{8} # the number'");
    assert_eq!(verbose.value_in("00482130"), Some("00482130"));
    assert_eq!(verbose.value_in("00482130 "), None);
    let typo = listed(&problems(&RIGHT.replace("'[0-9]+'", "'V(?<valeu>[0-9]+)'")));
    assert!(typo.contains("names a group \"valeu\""), "{typo}");
    let bracket = RIGHT.replace("'[0-9]+'", "'a)|(b'");
    assert!(
        listed(&problems(&bracket)).contains("is not a pattern"),
        "{}",
        listed(&problems(&bracket))
    );
}

#[test]
fn a_field_is_not_named_like_the_stations_own_words() {
    for word in ["document_id", "batch", "date"] {
        let text = RIGHT.replace("field = \"form_no\"", &format!("field = \"{word}\""));
        let told = listed(&problems(&text));
        assert!(told.contains("is the station's own word"), "{word}: {told}");
    }
}

#[test]
fn a_stored_text_gives_the_same_profile_under_the_name_alone() {
    let found = find("clinic-visit", &[]).unwrap();
    let (again, _) = parse(&found.text, &found.profile.name);
    assert_eq!(again, Some(found.profile));
}

/// Each spoils the right profile in one place; the message names the line, the
/// key and what to do.
const SPOILT: &[(&str, &str, &str)] = &[
    (
        "\"code128\", \"itf\"",
        "\"itf\"",
        "barcodes.symbologies: reads neither \"code128\" nor \"qr\"",
    ),
    (
        "dpi = 300",
        "dpi = \"300\"",
        "test.toml:8:7: scanner.dpi: is the text \"300\"; write a whole number from 50 to 1200",
    ),
    ("dpi = 300", "dpi = 300.5", "scanner.dpi: is 300.5"),
    ("dpi = 300", "dpi = 5", "scanner.dpi: is 5"),
    ("dpi = 300", "", "test.toml:5:1: scanner.dpi: is missing; add dpi = 300 under [scanner]"),
    (
        "dpi = 300",
        "dqi = 300",
        "test.toml:8:1: scanner.dqi: is not a setting; did you mean \"dpi\"?",
    ),
    (
        "mode = \"gray\"",
        "mode = \"grey\"",
        "scanner.mode: \"grey\" is not known here; did you mean \"gray\"?",
    ),
    ("source = \"feeder\"", "source = 1", "scanner.source: is 1; write one of \"flatbed\""),
    (
        "dpi = 300",
        "dpi = 300\npage_size = { width_mm = 10 }",
        "scanner.page_size.height_mm: is missing",
    ),
    ("dpi = 300", "dpi = 300\n[scanner.options]\nlamp = [1]", "scanner.options.lamp: is a list"),
    ("review = \"none\"", "", "review: is missing; add review = \"all\""),
    ("review = \"none\"", "review = \"sample\"", "review_one_in: is missing"),
    (
        "review = \"none\"",
        "review = \"all\"\nreview_one_in = 5",
        "review_one_in: belongs to review = \"sample\"",
    ),
    ("title = \"Test chart\"", "title = \" \"", "title: is empty"),
    (
        "title = \"Test chart\"",
        "titel = \"Test chart\"",
        "titel: is not a setting; did you mean \"title\"?",
    ),
    (
        "[ocr]",
        "[ocr]\nmodel = 5",
        "ocr.model: is not a setting; remove it; known here: languages, page_seconds",
    ),
    (
        "length = 10",
        "length = 10\nplace_on_the_page = 5",
        "remove it; known here: field, pattern, symbology, length, check, zone, cover_sheet",
    ),
    (
        "[ocr]",
        "[keep]\noriginal_days = 0\n[ocr]",
        "keep.original_days: is 0; write a whole number from 1 to 36500",
    ),
    (
        "[ocr]",
        "[keep]\noriginals_days = 90\n[ocr]",
        "keep.originals_days: is not a setting; did you mean \"original_days\"?",
    ),
    ("[ocr]", "[ocrr]", "ocr.languages: is missing"),
    ("\"eng\"", "\"../eng\"", "ocr.languages[1]: \"../eng\" is not a language"),
    ("\"eng\"", "\"eng\", \"eng\"", "ocr.languages[2]: is given twice"),
    (
        "\"code128\", ",
        "\"code182\", ",
        "barcodes.symbologies[1]: \"code182\" is not known here; did you mean \"code128\"?",
    ),
    (
        "\"code128\", ",
        "\"ean13\", ",
        "barcodes.symbologies[1]: \"ean13\" is not known here; write one of",
    ),
    (
        "\"code128\", \"itf\"",
        "\"code128\"",
        "barcodes.itf_lengths: \"itf\" is not among the symbologies",
    ),
    (
        "\"code128\", \"itf\"",
        "\"code128\"",
        "barcodes.field[1].symbology: \"itf\" is not among barcodes.symbologies",
    ),
    ("itf_lengths = [10]", "", "barcodes.itf_lengths: is missing: half an ITF code"),
    ("itf_lengths = [10]", "itf_lengths = [10, 9]", "barcodes.itf_lengths[2]: is odd"),
    (
        "length = 10",
        "length = 12",
        "test.toml:20:10: barcodes.field[1].length: 12 is not among barcodes.itf_lengths",
    ),
    (
        "length = 10",
        "check = \"mod16\"",
        "barcodes.field[1].check: mod16 is Codabar's check character",
    ),
    (
        "length = 10",
        "zone = { left = 0.5, top = 0, right = 0.5, bottom = 1 }",
        "barcodes.field[1].zone: holds no part of the page",
    ),
    (
        "length = 10",
        "zone = { left = 0.5, top = 0, right = 1.5, bottom = 1 }",
        "barcodes.field[1].zone.right: is 1.5; write a number from 0 to 1",
    ),
    (
        "length = 10",
        "zone = { left = 0.5, top = 0, right = 1 }",
        "barcodes.field[1].zone.bottom: is missing",
    ),
    (
        "length = 10",
        "zone = \"top\"",
        "barcodes.field[1].zone: is the text \"top\"; write a section",
    ),
    (
        "'[0-9]+'",
        "'[0-9+'",
        "test.toml:19:11: barcodes.field[1].pattern: is not a pattern (unclosed character class)",
    ),
    ("\"form_no\"", "\"Form no\"", "barcodes.field[1].field: \"Form no\" is not a field's name"),
    (
        "patch_codes = true",
        "",
        "separation.by: patch codes part the documents, and none is ever read",
    ),
    ("codes = [\"2\"]", "codes = []", "separation.codes: names no patch code"),
    ("codes = [\"2\"]", "codes = [2]", "separation.codes[1]: is 2; write a text in quotes"),
    ("codes = [\"2\"]", "", "separation.codes: is missing"),
    (
        "codes = [\"2\"]",
        "codes = [\"2\"]\npages = 3",
        "separation.pages: belongs to by = \"fixed-length\"",
    ),
    (
        "by = \"patch-code\"\ncodes = [\"2\"]",
        "by = \"barcode-change\"\nfield = \"visit\"",
        "test.toml:24:9: separation.field: no [[barcodes.field]] reads visit",
    ),
    (
        "length = 10\n\n[separation]\nby = \"patch-code\"\ncodes = [\"2\"]",
        "cover_sheet = true\n\n[separation]\nby = \"barcode-change\"\nfield = \"form_no\"",
        "barcodes.field[1].cover_sheet: the page is a cover sheet and part of the document",
    ),
    ("outguide_sheets = true\n", "", "separation.carry_forward[1]: nothing on paper supplies mrn"),
    ("outguide_sheets = true\n", "", "document_type[1].required[1]: nothing on paper supplies mrn"),
    (
        "carry_forward = [\"mrn\"]",
        "carry_forward = [\"form_no\"]",
        "separation.carry_forward[1]: form_no does not say whose record it is",
    ),
    (
        "required = [\"mrn\"]",
        "required = [\"mrn\", \"ward\"]",
        "document_type[1].required[2]: nothing on paper supplies ward",
    ),
    (
        "required = [\"mrn\"]",
        "[[document_type]]\ncode = \"CHART\"\ntitle = \"Other\"",
        "document_type[2].code: \"CHART\" is given to two document types",
    ),
    (
        "code = \"CHART\"",
        "code = \"../etc\"",
        "document_type[1].code: \"../etc\" is not a document type's code",
    ),
    (
        "code = \"CHART\"",
        "code = \"NOTE\"",
        "default_document_type: \"CHART\" is not the code of a [[document_type]]; use one of NOTE",
    ),
    ("{date}/{document_id}", "{date}", "filing.template: does not hold {document_id}"),
    ("{date}/", "{mrn}/", "filing.template: {mrn} puts a patient's value into file names"),
    ("{date}/", "{ward}/", "filing.template: {ward} is filled by nothing"),
    ("{date}/", "{date/", "filing.template: has a { or } without its other half"),
    ("{date}/", "../{date}/", "filing.template: is not a path below the watched folder"),
    ("{date}/", "/{date}/", "filing.template: is not a path below the watched folder"),
    ("{date}/", "C:\\\\{date}/", "filing.template: is not a path below the watched folder"),
    ("sidecar = \"json\"", "sidecar = \"xml\"", "filing.sidecar: \"xml\" is not known here"),
    ("title = \"Test chart\"", "title = \"Test chart", "test.toml:1:20: this is not TOML"),
];

#[test]
fn each_mistake_is_refused_with_its_line_its_key_and_what_to_do() {
    assert_eq!(listed(&problems(RIGHT)), "");
    for (right, spoilt, expected) in SPOILT {
        let text = RIGHT.replacen(right, spoilt, 1);
        assert_ne!(text, RIGHT, "{right:?} is not in the right profile");
        let (profile, problems) = parse(&text, "profiles/test.toml");
        assert!(profile.is_none(), "{spoilt:?} was accepted");
        assert!(listed(&problems).contains(expected), "{spoilt:?} gave\n{}", listed(&problems));
    }
}

#[test]
fn all_mistakes_are_reported_together_in_the_order_of_the_file() {
    let text = RIGHT
        .replace("review = \"none\"", "review = \"nobody\"")
        .replace("dpi = 300", "dpi = 1")
        .replace("'[0-9]+'", "'['")
        .replace("codes = [\"2\"]", "codes = [\"5\"]")
        .replace("sidecar = \"json\"", "sidecar = \"json\"\nside_car = 1");
    let keys: Vec<String> = problems(&text).into_iter().map(|problem| problem.key).collect();
    let expected = [
        "review",
        "scanner.dpi",
        "barcodes.field[1].pattern",
        "separation.codes[1]",
        "filing.side_car",
    ];
    assert_eq!(keys, expected);
}

/// Nothing on paper supplies a patient any more, so none is asked for.
fn without_our_sheets(text: &str) -> String {
    text.replace("by = \"patch-code\"\ncodes = [\"2\"]", "by = \"batch\"")
        .lines()
        .filter(|line| !line.starts_with("carry_forward") && !line.starts_with("required"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn what_is_seldom_meant_is_warned_of_and_used() {
    let warned = [
        (
            "codes = [\"2\"]",
            "codes = [\"2\", \"T\"]",
            "separation.codes[2]: patch T fed upside down reads as patch 3",
        ),
        ("dpi = 300", "dpi = 150", "scanner.dpi: small print is not recognised below 200 dpi"),
        (
            "mode = \"gray\"\ndpi = 300",
            "mode = \"bitonal\"\ndpi = 300\n[cleaning]\nthreshold = \"global\"",
            "cleaning.threshold: the scanner already delivers black and white",
        ),
        (
            "[ocr]",
            "[cleaning]\ncrop = true\nfiled_pixels = \"as-scanned\"\n[ocr]",
            "cleaning.filed_pixels: crop and threshold do not reach",
        ),
        (
            "languages = [\"eng\"]",
            "languages = []",
            "ocr.languages: is empty: a torn cover sheet is no longer known",
        ),
        (
            "outguide_sheets = true\n",
            "",
            "barcodes.patch_codes: looks for patch codes that no rule uses",
        ),
        (
            "source = \"feeder\"\n",
            "source = \"feeder-duplex\"\n",
            "separation.by: only a sheet blank on both sides parts documents",
        ),
        (
            "source = \"feeder\"\n",
            "source = \"feeder-manual-duplex\"\n",
            "separation.by: only a sheet blank on both sides parts documents",
        ),
    ];
    for (right, seldom, expected) in warned {
        let mut text = RIGHT.replacen(right, seldom, 1);
        if expected.contains("blank on both sides") {
            text = text.replace("by = \"patch-code\"\ncodes = [\"2\"]", "by = \"blank-sheet\"");
        }
        if expected.contains("no rule uses") {
            text = without_our_sheets(&text);
        }
        let (profile, problems) = parse(&text, "test.toml");
        assert!(profile.is_some(), "{}", listed(&problems));
        assert!(problems.iter().all(|problem| problem.weight == Weight::Warning));
        assert!(listed(&problems).contains(expected), "{}", listed(&problems));
    }
}

#[test]
fn a_wrong_rule_does_not_make_the_rules_behind_it_wrong() {
    let text = RIGHT.replace("'[0-9]+'", "'['").replace(
        "length = 10",
        "length = 10\n[[barcodes.field]]\nfield = \"ward\"\npattern = '.'\ncheck = \"mod16\"",
    );
    let keys: Vec<String> = problems(&text).into_iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["barcodes.field[1].pattern", "barcodes.field[2].check"]);
}

#[test]
fn a_zone_that_is_no_section_is_reported_once() {
    for no_section in ["[0, 0, 1, 1]", "\"top\""] {
        let text = RIGHT.replace("length = 10", &format!("zone = {no_section}"));
        let keys: Vec<String> = problems(&text).into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["barcodes.field[1].zone"], "{no_section}");
    }
}

#[test]
fn a_profile_in_another_encoding_is_refused_with_what_to_do() {
    let own = tempfile::tempdir().unwrap();
    let utf_16: Vec<u8> = RIGHT.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf_16 = [&[0xFF, 0xFE], utf_16.as_slice()].concat();
    std::fs::write(own.path().join("ward-7.toml"), utf_16).unwrap();
    let told = find("ward-7", &[own.path().to_owned()]).unwrap_err().to_string();
    assert!(told.ends_with("ward-7.toml is not UTF-8 text; save it as UTF-8"), "{told}");
}

#[test]
fn patient_values_stand_in_file_names_only_where_the_profile_says_so() {
    let allowed = RIGHT
        .replace("{date}/", "{mrn}/")
        .replace("sidecar = \"json\"", "sidecar = \"json\"\npatient_values_in_file_names = true");
    assert!(parse(&allowed, "test.toml").0.is_some());
    for field in ["mrn", "encounter", "patient_name", "birth_date"] {
        let text = RIGHT
            .replace("\"form_no\"", &format!("{field:?}"))
            .replace("{date}/", &format!("{{{field}}}/"));
        let listed = listed(&problems(&text));
        assert!(listed.contains("puts a patient's value into file names"), "{listed}");
    }
}

#[test]
fn a_profile_is_named_by_its_file_and_a_bad_name_is_refused() {
    for name in ["Chart.toml", "my chart.toml", ".toml", "9.toml", "../../x y.toml"] {
        assert!(parse(RIGHT, name).0.is_none(), "{name}");
    }
    assert_eq!(parse(RIGHT, "/etc/outguide/profiles/ward-7.toml").0.unwrap().name, "ward-7");
}

#[test]
fn the_hospitals_own_profile_hides_the_shipped_one_and_a_wrong_one_is_not_passed_over() {
    let (own, system) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dirs = [own.path().to_owned(), system.path().to_owned(), "/no/such/folder".into()];
    let mine = system.path().join("inpatient-chart.toml");
    std::fs::write(&mine, RIGHT).unwrap();
    std::fs::write(own.path().join("README.txt"), "not a profile").unwrap();
    let found = find("inpatient-chart", &dirs).unwrap();
    assert_eq!((found.origin, found.profile.title.as_str()), (Origin::File(mine), "Test chart"));

    std::fs::write(own.path().join("inpatient-chart.toml"), "title = 1").unwrap();
    let refused = find("inpatient-chart", &dirs).unwrap_err().to_string();
    assert!(refused.contains("inpatient-chart.toml:1:9: title: is 1"), "{refused}");
    assert_eq!(find("loose-sheets", &dirs).unwrap().origin, Origin::BuiltIn);

    let unknown = find("../inpatient-chart", &dirs).unwrap_err().to_string();
    assert!(unknown.contains("clinic-visit, inpatient-chart"), "{unknown}");
    assert!(search_dirs(Some(&own.path().join("gone"))).is_err());
    assert_eq!(right().title, "Test chart");
}

proptest::proptest! {
    #[test]
    fn any_text_gives_a_profile_or_a_reason(cut in 0..RIGHT.len(), junk in "[\\x00-\\x7fé\u{1F5CE}\\[\\]={}\"'\n]{0,8}") {
        let text = format!("{}{junk}{}", &RIGHT[..cut], &RIGHT[cut..]);
        let (profile, problems) = parse(&text, "test.toml");
        let refused = problems.iter().any(|problem| problem.weight == Weight::Refused);
        proptest::prop_assert_eq!(profile.is_none(), refused);
    }
}

#[test]
fn a_section_that_is_none_is_reported_once() {
    let (before, after) = RIGHT.split_once("[separation]").unwrap();
    let (_, after) = after.split_once("[[document_type]]").unwrap();
    let text = format!("separation = 5\n{before}[[document_type]]{after}");
    let problems = problems(&text);
    let of_separation: Vec<&Problem> =
        problems.iter().filter(|problem| problem.key == "separation").collect();
    assert_eq!(of_separation.len(), 1, "{}", listed(&problems));
}

/// The tables of docs/profiles.md, as their first columns.
#[test]
fn the_documentation_lists_every_setting_and_no_other() {
    let documented: Vec<&str> = include_str!("../../docs/profiles.md")
        .split_once("## All settings")
        .unwrap()
        .1
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|key| !key.starts_with('"'))
        .collect();
    let complete = RIGHT.replace("[ocr]", "[cleaning]\n[pdf]\n[keep]\n[ocr]");
    for section in ["", "scanner", "cleaning", "barcodes", "barcodes.field", "separation"]
        .into_iter()
        .chain(["document_type", "ocr", "pdf", "filing", "keep"])
    {
        let header = match section {
            "" => "title = \"Test chart\"".to_owned(),
            "barcodes.field" | "document_type" => format!("[[{section}]]"),
            section => format!("[{section}]"),
        };
        // A key nobody could mean: the message lists what is known instead.
        let text = complete.replacen(&header, &format!("{header}\nqqqqqqqqqqqqqqqq = 1"), 1);
        let said = listed(&problems(&text));
        let known =
            said.split_once("known here: ").unwrap_or_else(|| panic!("{section}: {said}")).1;
        let known = known.lines().next().unwrap_or_default();
        let sections = ["scanner", "cleaning", "barcodes", "separation", "document_type", "ocr"];
        let is_section = |key: &&str| {
            sections.contains(key)
                || ["pdf", "filing", "keep", "options"].contains(key)
                || (section == "barcodes" && *key == "field")
        };
        let mut keys = known.split(", ").filter(|key| !is_section(key));
        assert!(keys.clone().count() > 0, "{section}: {said}");
        assert_eq!(keys.find(|key| !documented.contains(key)), None, "of [{section}]");
    }
    let known_at_all = |key: &&str| include_str!("text.rs").contains(&format!("\"{key}\""));
    assert_eq!(documented.iter().find(|key| !known_at_all(key)), None);
}
