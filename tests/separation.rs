//! Stacks of paper, described in words, and how they must come apart: one
//! folder a case in `fixtures/separation/` (its README tells the language).

use std::collections::BTreeMap;
use std::path::Path;

use outguide::pipeline::separate::{Seen, SeparablePage, Separated, separate};
use outguide::profile::{self, Profile};
use outguide::records::barcode::{Point, Reading, Symbology};
use outguide::records::batch::Expected;
use outguide::records::cover_sheet::CoverSheet;
use outguide::records::document::{Question, QuestionReason};
use outguide::records::ids::{BatchId, PageNo};
use outguide::records::page::{PageReadings, Place, QuarterTurn, Side};
use outguide::records::separator::{PatchCode, PatchReading};

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
    let separated = separate(&batch, pages, typed, &profile.expect("a profile line"));
    assert_eq!(separated.places.keys().copied().collect::<Vec<_>>(), all, "{}", case.display());
    let outcome = in_words(&separated);
    (outcome.trim() != expected.trim()).then(|| {
        format!("{}\nexpected:\n{}\ngot:\n{}", case.display(), expected.trim(), outcome.trim())
    })
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
    let turn = if take("upside-down") { QuarterTurn::Half } else { QuarterTurn::None };
    let is_blank = take("blank");
    let says_it_is_a_cover_sheet = take("says-cover-sheet");
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
    SeparablePage { no: PageNo::new(no).unwrap(), sheet, side, scanner_reported_a_fault, seen }
}

fn read_mark(word: &str, readings: &mut PageReadings) {
    let (kind, value) = word.split_once(':').unwrap_or((word, ""));
    let ours = |sheet: CoverSheet| code(Symbology::Code128, &sheet.to_payload(), 0);
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    match kind {
        "header" => {
            let (documents, sheets) = value.split_once('/').unwrap_or((value, ""));
            let expected =
                Expected { documents: documents.parse().ok(), sheets: sheets.parse().ok() };
            readings.codes.push(ours(CoverSheet::BatchHeader { number: "B1".into(), expected }));
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
        "damaged" => {
            let mut payload = CoverSheet::Separator.to_payload();
            payload.pop();
            readings.codes.push(code(Symbology::Code128, &payload, 0));
        }
        "patch" => readings.patches.push(match value.split_once('/') {
            Some((one, other)) => PatchReading::EitherWayUp(patch(one), patch(other)),
            None => PatchReading::Known(patch(value)),
        }),
        "code128" => readings.codes.push(code(Symbology::Code128, value, 100)),
        "code39" => readings.codes.push(code(Symbology::Code39, value, 100)),
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
        lines.insert((document.first_page.get(), 1), line.trim_end().to_owned());
    }
    for (page, place) in &separated.places {
        if let Place::SetAside { reason } = place {
            lines.insert((page.get(), 0), format!("{page} set-aside {}", reason.name()));
        }
    }
    for (nth, Question { page, holds, reason }) in separated.questions.iter().enumerate() {
        for held in holds {
            assert!(separated.places.contains_key(held), "{held} is no page of the batch");
        }
        let held: Vec<String> = separated
            .places
            .iter()
            .filter(|(no, place)| **place == Place::Question && holds.contains(no))
            .map(|(no, _)| no.to_string())
            .collect();
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
