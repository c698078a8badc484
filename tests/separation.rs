//! Stacks of paper, described in words, and how they must come apart: one
//! folder a case in `fixtures/separation/` (its README tells the language).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use outguide::pipeline::separate::{Counts, Seen, SeparablePage, Separated, separate};
use outguide::printing::Sheet;
use outguide::profile::{self, Profile};
use outguide::records::barcode::{Point, Reading, Symbology};
use outguide::records::batch::Expected;
use outguide::records::cover_sheet::CoverSheet;
use outguide::records::document::{Question, QuestionReason};
use outguide::records::ids::{BatchId, PageNo};
use outguide::records::page::{PageReadings, Place, QuarterTurn, Says, Side};
use outguide::records::separator::{PatchCode, PatchReading};
use proptest::prelude::*;

#[test]
fn every_stack_comes_apart_as_its_case_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/separation");
    let mut cases: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() >= 20, "only {} cases in {}", cases.len(), folder.display());
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What is wrong with the outcome of a case.
fn check(case: &Path) -> Option<String> {
    let text = std::fs::read_to_string(case.join("case.txt")).unwrap();
    let (stack, expected) =
        text.split_once("\n--\n").expect("a line of -- before what is expected");
    let mut typed = Expected::default();
    let mut profile = None;
    let mut pages = Vec::new();
    for line in stack.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_once(' ') {
            Some(("profile", name)) => profile = Some(read_profile(case, name)),
            Some(("typed-documents", n)) => typed.documents = Some(n.parse().unwrap()),
            Some(("typed-sheets", n)) => typed.sheets = Some(n.parse().unwrap()),
            _ => {
                let previous_sheet = pages.last().map_or(0, |page: &SeparablePage| page.sheet);
                pages.push(read_page(line, pages.len() as u32 + 1, previous_sheet));
            }
        }
    }
    let batch: BatchId = "20260131-090000-1a2b".parse().unwrap();
    let all: Vec<PageNo> = pages.iter().map(|page| page.no).collect();
    let separated =
        separate(&batch, pages, Counts::HeldTo(typed), &profile.expect("a profile line"));
    let missed = not_accounted_for(&separated, &all);
    assert!(missed.is_none(), "{}: {}", case.display(), missed.unwrap_or_default());
    let outcome = in_words(&separated);
    (outcome.trim() != expected.trim()).then(|| {
        format!("{}\nexpected:\n{}\ngot:\n{}", case.display(), expected.trim(), outcome.trim())
    })
}

/// Every page stands in one document, or is set aside, or is held by a question;
/// and no page in two of these.
fn not_accounted_for(separated: &Separated, all: &[PageNo]) -> Option<String> {
    let mut ends: BTreeMap<PageNo, Vec<&str>> = all.iter().map(|no| (*no, Vec::new())).collect();
    let mut end = |page: &PageNo, how| match ends.get_mut(page) {
        Some(known) => known.push(how),
        None => panic!("{page} is no page of the batch"),
    };
    for page in separated.documents.iter().flat_map(|document| &document.pages) {
        end(page, "document");
    }
    for (page, place) in &separated.places {
        match place {
            Place::SetAside { .. } => end(page, "set aside"),
            Place::Document { .. } | Place::Question => {}
        }
    }
    let held: BTreeSet<PageNo> =
        separated.questions.iter().flat_map(|question| question.holds.iter().copied()).collect();
    held.iter().for_each(|page| end(page, "held"));
    for (page, place) in &separated.places {
        let how = match place {
            Place::Document { .. } => "document",
            Place::SetAside { .. } => "set aside",
            Place::Question => "held",
        };
        if ends.get(page).is_none_or(|ends| ends != &[how]) {
            return Some(format!("page {page} is {how}, and {:?}", ends.get(page)));
        }
    }
    (separated.places.len() != all.len()).then(|| "a page has no place".to_owned())
}

/// Any paper in any order: what is on it is drawn from what cases use.
const PAPER: [&str; 31] = [
    "text",
    "text",
    "text back",
    "blank",
    "blank back",
    "unreadable",
    "unreadable back",
    "suspect text",
    "suspect blank back",
    "half text",
    "half blank",
    "full-of-words text",
    "says-cover-sheet",
    "header:2",
    "header: back",
    "other-header: says-cover-sheet back",
    "header: patient:MR1001",
    "patient:MR1001/E77",
    "patient:MR2002 suspect",
    "patient:MR1001 back",
    "type:PROG/1",
    "type:DOC type:LAB",
    "separator",
    "damaged",
    "damaged-patient:MR1001 type:DOC",
    "patch:2",
    "patch:3/T suspect",
    "patch-sheet:2",
    "patch:2 code128:MR1001",
    "code128:MR1001 back",
    "code128:MR2002",
];

/// Profiles of every kind of separation, with their labels where they have any.
fn profiles() -> Vec<Profile> {
    let base = |barcodes: &str, separation: &str, drop_blank: bool| {
        let text = format!(
            "title = \"Any\"\nreview = \"none\"\ndefault_document_type = \"DOC\"\n\
             [scanner]\nsource = \"feeder-duplex\"\nmode = \"gray\"\ndpi = 300\n\
             [cleaning]\ndrop_blank = {drop_blank}\n\
             [barcodes]\nsymbologies = [\"code128\", \"qr\"]\n{barcodes}\n\
             [[barcodes.field]]\nfield = \"mrn\"\npattern = \"MR[0-9]{{4}}\"\n\
             zone = {{ left = 0.0, top = 0.0, right = 1.0, bottom = 0.5 }}\n\
             [separation]\n{separation}\n\
             [[document_type]]\ncode = \"DOC\"\ntitle = \"D\"\nrequired = [\"mrn\"]\n\
             [ocr]\nlanguages = [\"eng\"]\n\
             [filing]\ntemplate = \"{{document_id}}\"\nsidecar = \"json\"\n"
        );
        let (profile, problems) = profile::parse(&text, "any.toml");
        profile.unwrap_or_else(|| panic!("{problems:?}"))
    };
    let ours = "outguide_sheets = true\npatch_codes = true";
    let patches = "patch_codes = true";
    let carry = "carry_forward = [\"mrn\"]";
    let mut profiles = Vec::new();
    for drop_blank in [true, false] {
        for by in [
            "by = \"cover-sheet\"",
            "by = \"patch-code\"\ncodes = [\"2\", \"T\"]",
            "by = \"barcode-change\"\nfield = \"mrn\"",
            "by = \"blank-sheet\"",
            "by = \"fixed-length\"\npages = 2",
            "by = \"fixed-length\"\npages = 3",
            "by = \"batch\"",
        ] {
            profiles.push(base(ours, &format!("{by}\n{carry}"), drop_blank));
            profiles.push(base(ours, by, drop_blank));
        }
        let by_patch = "by = \"patch-code\"\ncodes = [\"2\", \"T\"]";
        profiles.push(base(patches, by_patch, drop_blank));
    }
    profiles
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_page_of_any_stack_is_accounted_for_once(
        stack in proptest::collection::vec(proptest::sample::select(&PAPER[..]), 0..14)
    ) {
        let mut pages: Vec<SeparablePage> = Vec::new();
        for line in &stack {
            let previous_sheet = pages.last().map_or(0, |page| page.sheet);
            pages.push(read_page(line, pages.len() as u32 + 1, previous_sheet));
        }
        let all: Vec<PageNo> = pages.iter().map(|page| page.no).collect();
        let batch: BatchId = "20260131-090000-1a2b".parse().unwrap();
        for profile in profiles() {
            let separated = separate(&batch, pages.clone(), Counts::HeldTo(Expected::default()), &profile);
            let missed = not_accounted_for(&separated, &all);
            prop_assert!(missed.is_none(), "{:?}: {missed:?}", profile.separation);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Backs that were scanned in a pass of their own, the last sheet's first, have
    /// other numbers than those of a duplex scanner; nothing else is different.
    #[test]
    fn a_stack_comes_apart_the_same_whichever_order_its_sides_were_scanned_in(
        sides in proptest::collection::vec(
            (proptest::sample::select(&PAPER[..]), proptest::sample::select(&PAPER[..])), 1..8
        )
    ) {
        let sheets = sides.len() as u32;
        let mut at_once: Vec<SeparablePage> = Vec::new();
        for (sheet, (front, back)) in (1..=sheets).zip(&sides) {
            at_once.push(SeparablePage { sheet, side: Side::Front, ..read_page(front, 2 * sheet - 1, 0) });
            at_once.push(SeparablePage { sheet, side: Side::Back, ..read_page(back, 2 * sheet, 0) });
        }
        let number = |no: PageNo| {
            let sheet = no.get().div_ceil(2);
            let no = if no.get() % 2 == 1 { sheet } else { 2 * sheets + 1 - sheet };
            PageNo::new(no).unwrap()
        };
        let two_passes: Vec<SeparablePage> = at_once
            .iter()
            .map(|page| SeparablePage { no: number(page.no), ..page.clone() })
            .collect();
        let batch: BatchId = "20260131-090000-1a2b".parse().unwrap();
        let none = Counts::HeldTo(Expected::default());
        for profile in profiles() {
            let wanted = separate(&batch, at_once.clone(), none, &profile);
            let got = separate(&batch, two_passes.clone(), none, &profile);
            prop_assert_eq!(
                ends_of(&got, |no| no),
                ends_of(&wanted, number),
                "{:?}", profile.separation
            );
        }
    }
}

/// Where each page ended, in order, under the numbers that `number` gives.
fn ends_of(separated: &Separated, number: impl Fn(PageNo) -> PageNo) -> Vec<String> {
    let numbers = |pages: &[PageNo]| pages.iter().map(|page| number(*page)).collect::<Vec<_>>();
    let mut ends = Vec::new();
    for document in &separated.documents {
        let (first, pages) = (number(document.first_page), numbers(&document.pages));
        ends.push(format!("document {first} {} {pages:?}", document.document_type));
    }
    for Question { page, holds, reason } in &separated.questions {
        let kind = serde_json::to_value(reason).unwrap()["kind"].to_string();
        ends.push(format!("question {} {kind} {:?}", number(*page), numbers(holds)));
    }
    let places: BTreeMap<PageNo, String> = separated
        .places
        .iter()
        .map(|(page, place)| {
            let place = match place {
                Place::Document { first_page } => format!("in {}", number(*first_page)),
                Place::SetAside { reason } => reason.name().to_owned(),
                Place::Question => "question".to_owned(),
            };
            (number(*page), place)
        })
        .collect();
    ends.extend(places.into_iter().map(|(page, place)| format!("{page} {place}")));
    ends
}

fn read_profile(case: &Path, name: &str) -> Profile {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = match name {
        "here" => case.join("profile.toml"),
        shipped => root.join(format!("profiles/{shipped}.toml")),
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let (profile, problems) = profile::parse(&text, &format!("{name}.toml"));
    profile.unwrap_or_else(|| panic!("{}: {problems:?}", path.display()))
}

fn read_page(line: &str, no: u32, previous_sheet: u32) -> SeparablePage {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let mut take = |word: &str| {
        let found = words.iter().position(|w| *w == word);
        found.map(|at| words.remove(at)).is_some()
    };
    let side = if take("back") { Side::Back } else { Side::Front };
    let scanner_reported_a_fault = take("suspect");
    let other_side_is_missing = take("half");
    let turn = if take("upside-down") { QuarterTurn::Half } else { QuarterTurn::None };
    let is_blank = take("blank");
    let says_it_is_a_cover_sheet = match (take("says-cover-sheet"), take("full-of-words")) {
        (true, _) => Says::Yes,
        (false, true) => Says::No,
        (false, false) => Says::Nothing,
    };
    let seen = if take("unreadable") {
        Seen::Unreadable
    } else {
        let mut readings = PageReadings::default();
        for word in words.into_iter().filter(|word| *word != "text") {
            read_mark(word, &mut readings);
        }
        Seen::Page { readings, width: 1000, height: 1000, turn, is_blank, says_it_is_a_cover_sheet }
    };
    let sheet = if side == Side::Back { previous_sheet } else { previous_sheet + 1 };
    let no = PageNo::new(no).unwrap();
    SeparablePage { no, sheet, side, scanner_reported_a_fault, other_side_is_missing, seen }
}

fn read_mark(word: &str, readings: &mut PageReadings) {
    let (kind, value) = word.split_once(':').unwrap_or((word, ""));
    let ours = |sheet: CoverSheet| code(Symbology::Code128, &sheet.to_payload(), 0);
    let damaged = |sheet: CoverSheet| {
        let mut payload = sheet.to_payload();
        let check = payload.pop();
        payload.push(if check == Some('0') { '1' } else { '0' });
        code(Symbology::Code128, &payload, 0)
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    match kind {
        "header" | "other-header" => {
            let number = if kind == "header" { "B1" } else { "B2" };
            let (documents, sheets) = value.split_once('/').unwrap_or((value, ""));
            let expected =
                Expected { documents: documents.parse().ok(), sheets: sheets.parse().ok() };
            readings.codes.push(ours(CoverSheet::BatchHeader { number: number.into(), expected }));
        }
        "patient" => {
            let (mrn, encounter) = value.split_once('/').unwrap_or((value, ""));
            let encounter = some(encounter);
            readings.codes.push(ours(CoverSheet::Patient { mrn: mrn.into(), encounter }));
        }
        "type" => {
            let (kind, pages) = value.split_once('/').unwrap_or((value, ""));
            let pages = pages.parse().ok();
            readings.codes.push(ours(CoverSheet::DocumentType { code: kind.into(), pages }));
        }
        "separator" => readings.codes.push(ours(CoverSheet::Separator)),
        "damaged" => readings.codes.push(damaged(CoverSheet::Separator)),
        "damaged-patient" => {
            let (mrn, encounter) = value.split_once('/').unwrap_or((value, ""));
            let encounter = some(encounter);
            readings.codes.push(damaged(CoverSheet::Patient { mrn: mrn.into(), encounter }));
        }
        "of-another-version" => {
            readings.codes.push(code(Symbology::Code128, "OGS2P-0099001-E8888D", 0));
        }
        "patch-sheet" => {
            let sheet = Sheet::Patch(patch(value));
            readings.codes.push(code(Symbology::Code128, &sheet.payload(), 0));
            readings.patches.push(PatchReading::Known(patch(value)));
        }
        "patch" => readings.patches.push(match value.split_once('/') {
            Some((one, other)) => PatchReading::EitherWayUp(patch(one), patch(other)),
            None => PatchReading::Known(patch(value)),
        }),
        "code128" => readings.codes.push(code(Symbology::Code128, value, 100)),
        "code39" => readings.codes.push(code(Symbology::Code39, value, 100)),
        "code128-at-foot" => readings.codes.push(code(Symbology::Code128, value, 900)),
        "code39-at-foot" => readings.codes.push(code(Symbology::Code39, value, 900)),
        "codabar" => readings.codes.push(code(Symbology::Codabar, value, 100)),
        other => panic!("{other:?} is no mark; see fixtures/separation/README.md"),
    }
}

fn patch(name: &str) -> PatchCode {
    PatchCode::ALL.into_iter().find(|code| code.to_string() == name).expect("a patch code")
}

/// `y` in thousandths of the page from the top.
fn code(symbology: Symbology, text: &str, y: i32) -> Reading {
    let corner = |x, y| Point { x, y };
    Reading {
        symbology,
        text: text.to_owned(),
        corners: [corner(400, y), corner(600, y), corner(600, y + 50), corner(400, y + 50)],
        orientation_degrees: 0,
        found_by: "case".to_owned(),
    }
}

fn in_words(separated: &Separated) -> String {
    let mut lines: BTreeMap<(u32, usize), String> = BTreeMap::new();
    for document in &separated.documents {
        let pages: Vec<String> = document.pages.iter().map(PageNo::to_string).collect();
        let fields: Vec<String> =
            document.fields.iter().map(|f| format!("{}={}", f.name, f.value)).collect();
        let line = format!(
            "{} document {} pages {} {}",
            document.first_page,
            document.document_type,
            pages.join(","),
            fields.join(" ")
        );
        let mut line = line.trim_end().to_owned();
        if separated.review_due.contains(&document.first_page) {
            line.push_str(" review-due");
        }
        lines.insert((document.first_page.get(), 1), line);
    }
    for (page, place) in &separated.places {
        if let Place::SetAside { reason } = place {
            lines.insert((page.get(), 0), format!("{page} set-aside {}", reason.name()));
        }
    }
    for (nth, Question { page, holds, reason }) in separated.questions.iter().enumerate() {
        let held: Vec<String> = holds.iter().map(PageNo::to_string).collect();
        let line = format!("{page} question {} holds {}", reason_in_words(reason), held.join(","));
        lines.insert((page.get(), 2 + nth), line.trim_end().to_owned());
    }
    lines.into_values().collect::<Vec<_>>().join("\n")
}

fn reason_in_words(reason: &QuestionReason) -> String {
    let json = serde_json::to_value(reason).unwrap();
    let mut words: Vec<String> = vec![json["kind"].as_str().unwrap().to_owned()];
    for (key, value) in json.as_object().unwrap() {
        if key != "kind" {
            words.push(format!("{key}={}", value.to_string().trim_matches('"')));
        }
    }
    words.join(" ")
}
