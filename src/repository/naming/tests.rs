use proptest::prelude::*;

use super::*;

fn of(value: &str) -> String {
    harmless_name(value)
}

#[test]
fn what_paper_says_becomes_one_harmless_name() {
    let cases = [
        ("MRN 0012345", "MRN 0012345"),
        ("O'Brien, Zoë", "O'Brien, Zoë"),
        ("../../etc/passwd", "etc-passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\temp", "C--temp"),
        ("a\0b\u{7}c", "abc"),
        ("tab\tand\nline", "tab and line"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("~$lock", "$lock"),
        ("trailing. . .", "trailing"),
        ("   ", "unnamed"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("CON", "_CON"),
        ("con.pdf", "_con.pdf"),
        ("Com1 .x", "_Com1 .x"),
        ("LPT¹", "_LPT¹"),
        ("COM10", "COM10"),
        ("CONTENT", "CONTENT"),
        ("a\u{FF0F}b\u{2044}c\u{2215}d", "a-b-c-d"),
        ("a\u{FF1A}b\u{2236}c", "a-b-c"),
        ("\u{FF0E}\u{FF0E}\u{FF0F}x", "x"),
        ("\u{2026}x", "x"),
        ("evil\u{202E}fdp.exe", "evilfdp.exe"),
        ("zero\u{200B}width\u{FEFF}", "zerowidth"),
        ("e\u{301}", "é"),
        ("\u{301}x", "x"),
        ("a<\u{338}b", "a-b"),
        ("non\u{A0}breaking", "non breaking"),
    ];
    for (value, expected) in cases {
        assert_eq!(of(value), expected, "{value:?}");
    }
}

#[test]
fn over_long_names_are_cut_between_characters_and_leave_room_for_what_follows() {
    let name = of(&"ä".repeat(400));
    assert_eq!(name.len(), MAX_PART_BYTES);
    let device = of(&format!("nul.{}", "x".repeat(400)));
    assert_eq!((device.len(), of(&device)), (MAX_PART_BYTES, device.clone()));
    let long = FiledName::expand(&"x".repeat(1000), |_| None).unwrap();
    assert!(long.file(9999, "json").len() <= 143);
}

#[test]
fn a_long_field_is_shortened_and_the_document_id_stays() {
    const ID: &str = "20260131-090000-1a2b-0001";
    let value = |name: &str| match name {
        "note" => Some("ä".repeat(300)),
        "device" => Some(format!("con.{}", "x".repeat(300))),
        "mrn" => Some("0012345".to_owned()),
        "document_id" => Some(ID.to_owned()),
        _ => None,
    };
    let name = FiledName::expand("{note}/{note}-{document_id}", value).unwrap();
    let file = name.file(1, "pdf");
    assert!(file.starts_with("äää") && file.ends_with(&format!("ä-{ID}.pdf")), "{file}");
    assert!((MAX_PART_BYTES - 3..=MAX_PART_BYTES).contains(&(file.len() - ".pdf".len())), "{file}");
    let file = FiledName::expand("{device} {document_id}", value).unwrap().file(1, "pdf");
    assert!(file.starts_with("_con.x") && file.ends_with(&format!("x {ID}.pdf")), "{file}");
    // Short fields are not touched for a long one's sake.
    let file =
        FiledName::expand("{note} {mrn} {document_id} {note}", value).unwrap().file(1, "pdf");
    assert!(file.contains(&format!("ä 0012345 {ID} ä")), "{file}");
}

#[test]
fn a_template_gives_folders_and_a_name_and_values_never_add_folders() {
    let value = |name: &str| match name {
        "mrn" => Some("00/12".to_owned()),
        "encounter" => Some(" \u{200B}".to_owned()),
        "date" => Some("2026-01-31".to_owned()),
        _ => None,
    };
    let name = FiledName::expand("charts/{mrn}/{date} {encounter}", value).unwrap();
    assert_eq!(name.folders(), ["charts", "00-12"]);
    assert_eq!(name.file(1, "pdf"), "2026-01-31 no-encounter.pdf");
    assert_eq!(name.file(2, "json"), "2026-01-31 no-encounter~2.json");
}

#[test]
fn a_template_that_is_not_one_is_named() {
    let expand = |template: &str| {
        FiledName::expand(template, |name| (name == "mrn").then(String::new)).unwrap_err()
    };
    for template in ["{mrn", "mrn}", "{mrn}}", "{{mrn}}", "{mrn/x}"] {
        assert!(matches!(expand(template), TemplateFault::UnpairedBrace { .. }), "{template}");
    }
    for template in ["", "/x", "x/", "x//{mrn}"] {
        assert!(matches!(expand(template), TemplateFault::EmptyPart { .. }), "{template}");
    }
    assert!(matches!(expand("{nrm}"), TemplateFault::UnknownField { name, .. } if name == "nrm"));
}

#[test]
fn a_templates_own_dots_do_not_lead_out_of_the_folder() {
    let name = FiledName::expand("../../x/../y", |_| None).unwrap();
    assert_eq!(name.folders(), ["unnamed", "unnamed", "x", "unnamed"]);
    assert_eq!(name.file(1, "pdf"), "y.pdf");
}

#[test]
fn names_that_differ_in_case_or_composition_are_one_on_a_windows_share() {
    assert!(same_ignoring_case("Jones.PDF", "jones.pdf"));
    assert!(same_ignoring_case("ZO\u{CB}", "zoe\u{308}"));
    assert!(!same_ignoring_case("jones", "jonas"));
}

/// Text with more of what hurts than chance gives.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[A-Za-z0-9 .~-]{0,6}",
        prop::sample::select(vec![
            "../", "..\\", "\0", ":", "CON", "nul.", "com1", ".", " ", "/", "\u{202E}", "\u{301}",
            "\u{FF0F}", "\u{2024}", "\u{338}", "<", "=", "e", "ﬃ", "㌀", "가", "\u{1100}",
            "\u{1161}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn assert_valid_on_ntfs_and_ext4(name: &str) {
    assert!(!name.is_empty() && name.len() <= MAX_PART_BYTES);
    assert!(!name.contains(FORBIDDEN) && !name.chars().any(char::is_control), "{name:?}");
    assert!(!name.starts_with(['.', ' ', '-', '~']) && !name.ends_with(['.', ' ']), "{name:?}");
    assert!(!is_device(name), "{name:?}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_name_is_valid_and_stays_the_same_when_made_harmless_again(text in hostile()) {
        let name = harmless_name(&text);
        assert_valid_on_ntfs_and_ext4(&name);
        prop_assert_eq!(harmless_name(&name), name.clone());
        prop_assert!(unicode_normalization::is_nfc(&name));
    }

    #[test]
    fn no_value_leads_out_of_the_folder_the_template_names(text in hostile()) {
        let name = FiledName::expand("a/{mrn}/x{mrn}", |_| Some(text.clone())).unwrap();
        let file = name.file(1, "pdf");
        let stem = file.strip_suffix(".pdf").unwrap();
        let parts: Vec<_> = name.folders().iter().map(String::as_str).chain([stem]).collect();
        prop_assert_eq!(parts.len(), 3);
        for part in parts {
            let mut components = std::path::Path::new(part).components();
            let only = (components.next(), components.next());
            prop_assert!(matches!(only, (Some(std::path::Component::Normal(_)), None)), "{part:?}");
            assert_valid_on_ntfs_and_ext4(part);
        }
    }
}
