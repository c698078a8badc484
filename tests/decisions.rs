//! What people decide about documents at the running station: answers to
//! questions, releases after review, corrections of what was filed.

mod station;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use station::served::Served;
use station::{Station, keep_for_conformance, page_by_page_profile, stack};

/// A station with a profile of each kind, and its options.
fn station() -> (Station, String) {
    let station = Station::new();
    let profiles = station.path("profiles");
    std::fs::create_dir_all(&profiles).unwrap();
    let quick = page_by_page_profile();
    let reviewed = quick.replace("review = \"none\"", "review = \"all\"");
    assert_ne!(quick, reviewed);
    let keyed = quick
        .replace("required = []", "required = [\"mrn\"]")
        .replace("symbologies = []", "symbologies = [\"qr\"]\noutguide_sheets = true")
        .replace("by = \"fixed-length\"\npages = 1", "by = \"batch\"");
    let two_types = "[[document_type]]\ncode = \"LAB\"\ntitle = \"Laboratory\"\n\
                     required = [\"mrn\", \"encounter\"]\n\n[ocr]";
    let keyed = keyed.replacen("[ocr]", two_types, 1);
    for (name, text) in [("reviewed", reviewed), ("keyed", keyed), ("filed", quick)] {
        std::fs::write(profiles.join(format!("{name}.toml")), text).unwrap();
    }
    (station, profiles.display().to_string())
}

fn serve<'s>(station: &'s Station, profiles: &str) -> Served<'s> {
    station.serve(&["--profiles", profiles])
}

/// `outguide …` on the running station, as JSON.
fn ordered(station: &Station, args: &[&str]) -> Value {
    let ran = told(station, args);
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
    ran.json()
}

fn told(station: &Station, args: &[&str]) -> station::Ran {
    let state = station.path("state").display().to_string();
    station.run(&[args, &["--state", &state, "--json"]].concat())
}

fn verified(station: &Station) {
    let (state, repository) = (station.path("state"), station.path("repository"));
    let [state, repository] = [state, repository].map(|path| path.display().to_string());
    let verified = station.run(&["verify", &repository, "--state", &state]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    let audited = station.run(&["audit", "verify", "--state", &state]);
    assert_eq!(audited.code, 0, "{}{}", audited.stdout, audited.stderr);
}

/// Index files by document id.
fn index_file(station: &Station, document: &str) -> Value {
    let found = station.filed("json").into_iter().map(|path| read(&path));
    let mut found: Vec<Value> = found.filter(|index| index["document_id"] == document).collect();
    assert_eq!(found.len(), 1, "{document} is filed once");
    found.remove(0)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn pdf_beside(station: &Station, index: &Value) -> PathBuf {
    let name = index["file"]["name"].as_str().unwrap();
    let mut found = station.filed("pdf");
    found.retain(|path| path.file_name().unwrap() == name);
    found.remove(0)
}

fn text_of(pdf: &Path) -> String {
    let said = Command::new("pdftotext").arg(pdf).arg("-").output().unwrap();
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn a_document_due_for_review_is_filed_once_somebody_released_it() {
    let (station, profiles) = station();
    station.lay_in_small(3);
    let served = serve(&station, &profiles);
    let batch = served.order("reviewed", "stack-end");
    let waiting = served.comes_to(&batch, &["awaiting-review"]);
    assert_eq!((&waiting["documents"], &waiting["reviews_due"]), (&json!(3), &json!(3)));
    assert_eq!(station.filed("pdf").len(), 0, "nothing is filed unseen");
    let due = ordered(&station, &["document", "review"]);
    let ids: Vec<&str> = due["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);

    ordered(&station, &["document", "release", ids[0]]);
    let waiting = served.comes_to(&batch, &["awaiting-review"]);
    assert_eq!((&waiting["documents_filed"], &waiting["reviews_due"]), (&json!(1), &json!(2)));
    let index = index_file(&station, ids[0]);
    assert_eq!(index["review"]["state"], "released");
    assert_eq!(index["review"]["rule"], "profile review = all");
    let again = told(&station, &["document", "release", ids[0]]);
    assert_eq!(again.code, 4, "{}", again.stderr);

    let unsaid = told(&station, &["document", "send-back", ids[1], "--reason", " "]);
    assert_eq!(unsaid.code, 1, "{}", unsaid.stderr);
    ordered(&station, &["document", "send-back", ids[1], "--reason", "upside down"]);
    let asked = served.comes_to(&batch, &["in-question"]);
    assert_eq!((&asked["questions"], &asked["reviews_due"]), (&json!(1), &json!(1)));
    ordered(&station, &["document", "release", ids[2]]);
    let question = ordered(&station, &["question", "list"])["questions"][0].clone();
    assert_eq!((&question["page"], &question["holds"]), (&json!(2), &json!([2])));
    let no = question["question"].to_string();
    ordered(
        &station,
        &["question", "answer", &batch, &no, "--not-of-the-record", "--reason", "a blank form"],
    );
    let filed = served.comes_to(&batch, &["filed"]);
    assert_eq!((&filed["documents_filed"], &filed["questions"]), (&json!(2), &json!(0)));
    let report = served.get(&format!("/batches/{batch}/report"));
    assert_eq!(report["set_aside"], json!([{"page": 2, "reason": "not-of-the-record"}]));

    // It was of the record after all.
    let more = ["document", "correct", ids[0], "--reason", "a page was left out", "--more-pages"];
    let wrong = told(&station, &[&more[..], &["3"]].concat());
    let why = format!("{}{}", wrong.stdout, wrong.stderr);
    assert!(wrong.code == 1 && why.contains("page 3 is not one that is set aside"), "{why}");
    ordered(&station, &[&more[..], &["2"]].concat());
    served.comes_to(&batch, &["filed"]);
    let whole = index_file(&station, &format!("{}v2", ids[0]));
    assert_eq!((&whole["pages"], &whole["page_count"]), (&json!([1, 2]), &json!(2)));
    let report = served.get(&format!("/batches/{batch}/report"));
    assert_eq!(report["set_aside"], json!([]));
    assert!(served.terminate().success());
    let state = station.path("state").display().to_string();
    let audit = station.run(&["audit", "export", "--state", &state]);
    let rows: Vec<Value> =
        audit.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |action: &str| -> Vec<&str> {
        let rows = rows.iter().filter(|row| row["action"] == action);
        rows.map(|row| row["detail"].as_str().unwrap()).collect()
    };
    for filed in of("file-document") {
        assert!(filed.contains("released by") && filed.contains("profile review = all"), "{filed}");
    }
    assert_eq!(of("send-document-back"), ["upside down"]);
    assert_eq!(of("answer-question"), ["question 1: pages 2 are not of the record: a blank form"]);
    assert_eq!(of("release-document").len(), 2);
    verified(&station);
}

#[test]
fn a_clerk_keys_what_no_sheet_said_and_parts_what_was_fed_as_one() {
    let (station, profiles) = station();
    station.lay_in_small(4);
    let served = serve(&station, &profiles);
    let batch = served.order("keyed", "stack-end");
    let asked = served.comes_to(&batch, &["in-question"]);
    assert_eq!(asked["questions"], 1);
    let question = served.get("/questions")["questions"][0].clone();
    assert_eq!(question["holds"], json!([1, 2, 3, 4]));
    let no = question["question"].as_u64().unwrap();
    let answer =
        |body: Value| served.post(&format!("/batches/{batch}/questions/{no}/answer"), &body);

    for (status, told, wrong) in [
        (422, "mrn is required", json!({"answer": "document", "document_type": "DOC"})),
        (422, "not a document type", json!({"answer": "document", "document_type": "XRAY"})),
        (
            422,
            "no field",
            json!({
            "answer": "document", "document_type": "DOC", "fields": {"mnr": "1"}}),
        ),
        (
            422,
            "empty",
            json!({
            "answer": "document", "document_type": "DOC", "fields": {"mrn": " "}}),
        ),
        (
            422,
            "page 9",
            json!({
            "answer": "document", "document_type": "DOC", "fields": {"mrn": "1"}, "pages": [9]}),
        ),
        (422, "holds pages", json!({"answer": "as-it-should-be", "reason": "I looked"})),
        (404, "begins with page 2", json!({"answer": "pages-of", "first_page": 2})),
        (400, "say why", json!({"answer": "not-of-the-record", "reason": ""})),
        (400, "", json!({"answer": "perhaps"})),
    ] {
        let (answered, problem) = answer(wrong);
        assert_eq!(answered, status, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(told), "{problem}");
    }
    assert_eq!(served.get(&format!("/batches/{batch}"))["questions"], 1, "nothing was done");

    let first = json!({
        "answer": "document", "document_type": "DOC", "fields": {"mrn": "0012345"},
        "pages": [2, 1],
    });
    assert_eq!(answer(first).0, 200);
    let asked = served.comes_to(&batch, &["in-question"]);
    assert_eq!((&asked["documents_filed"], &asked["questions"]), (&json!(1), &json!(1)));
    assert_eq!(served.get("/questions")["questions"][0]["holds"], json!([3, 4]));
    let second = json!({
        "answer": "document", "document_type": "LAB",
        "fields": {"mrn": "0099999", "encounter": "88771"}, "pages": [3],
    });
    assert_eq!(answer(second).0, 200);
    served.comes_to(&batch, &["in-question"]);
    let (joined, problem) = answer(json!({"answer": "pages-of", "first_page": 3}));
    assert_eq!(joined, 200, "{problem}");
    let filed = served.comes_to(&batch, &["filed"]);
    assert_eq!((&filed["documents_filed"], &filed["questions"]), (&json!(2), &json!(0)));
    let (late, problem) = answer(json!({"answer": "pages-of", "first_page": 3}));
    assert_eq!(late, 409, "{problem}");

    let first = index_file(&station, &format!("{batch}-0001"));
    assert_eq!(first["pages"], json!([1, 2]));
    assert_eq!(first["fields"]["mrn"], json!({"value": "0012345", "source": {"from": "keyed"}}));
    assert_eq!(first["review"]["state"], "released", "a person said what it is");
    let alone = index_file(&station, &format!("{batch}-0003"));
    assert_eq!((&alone["pages"], &alone["replaces"]), (&json!([3]), &Value::Null));
    let whole = index_file(&station, &format!("{batch}-0003v2"));
    assert_eq!(whole["pages"], json!([3, 4]), "it was filed, and a page more makes a version");
    assert_eq!(whole["replaces"], json!(format!("{batch}-0003")));
    assert!(served.terminate().success());
    assert!(!station.serve_log().contains("0012345"), "no patient's number in the log");
    verified(&station);
}

#[test]
fn a_filed_document_is_corrected_by_a_next_version_and_the_old_one_stays() {
    let (station, profiles) = station();
    station.lay_in(&stack("demo-stack")[2..10]);
    let served = serve(&station, &profiles);
    let order = json!({
        "profile": "inpatient-chart", "scanner": "folder:adf", "closed_by": "stack-end",
        "repository": station.path("repository"),
    });
    let (status, opened) = served.post("/batches", &order);
    assert_eq!(status, 201, "{opened}");
    let batch = opened["id"].as_str().unwrap().to_owned();
    served.comes_to(&batch, &["filed"]);
    let listed = ordered(&station, &["document", "list", &batch]);
    let before = listed["documents"][0].clone();
    let id = before["id"].as_str().unwrap();
    let old_pdf = PathBuf::from(before["pdf"].as_str().unwrap());
    let (old, old_index) = (std::fs::read(&old_pdf).unwrap(), index_file(&station, id));

    let correct = |more: &[&str]| {
        let args = [&["document", "correct", id, "--reason", "another patient's"], more].concat();
        told(&station, &args)
    };
    let same = correct(&[]);
    assert!(
        same.code == 1 && same.stdout.contains("that is how"),
        "{}{}",
        same.stdout,
        same.stderr
    );
    let half = correct(&["--field", "mrn=0099999"]);
    let why = format!("{}{}", half.stdout, half.stderr);
    assert!(half.code == 1 && why.contains("encounter may be the first one's"), "{why}");
    let whole = correct(&["--field", "mrn=0099999", "--field", "encounter=55501"]);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    served.comes_to(&batch, &["filed"]);
    // Who looked at the version before does not decide about this one.
    let late = told(&station, &["document", "withdraw", id, "--reason", "the wrong patient"]);
    let why = format!("{}{}", late.stdout, late.stderr);
    assert!(late.code == 4 && why.contains(&format!("{id}v2 by now")), "{why}");

    let corrected = index_file(&station, &format!("{id}v2"));
    assert_eq!(corrected["replaces"], id);
    assert_eq!(corrected["fields"]["mrn"]["value"], "0099999");
    assert_eq!(corrected["fields"]["encounter"]["source"]["from"], "keyed");
    assert_eq!(corrected["fields"].get("patient_name"), None, "nothing of the other patient");
    assert_eq!(corrected["pages"], old_index["pages"]);
    assert_eq!(std::fs::read(&old_pdf).unwrap(), old, "the old version stays as it is");
    assert_eq!(index_file(&station, id), old_index);
    let shown = ordered(&station, &["document", "list", &batch])["documents"][0].clone();
    assert_eq!(shown["id"], json!(format!("{id}v2")));
    assert!(served.terminate().success());
    verified(&station);
}

#[test]
fn a_withdrawn_document_says_so_in_the_repository_and_its_pages_are_filed_anew() {
    let (station, profiles) = station();
    station.lay_in_small(2);
    let served = serve(&station, &profiles);
    let batch = served.order("filed", "stack-end");
    served.comes_to(&batch, &["filed"]);
    let id = format!("{batch}-0001");
    let withdraw = ["document", "withdraw", &id, "--reason", "scanned by mistake — Ärzte"];
    ordered(&station, &withdraw);
    served.comes_to(&batch, &["in-question"]);
    let notice = index_file(&station, &format!("{id}v2"));
    assert_eq!((&notice["replaces"], &notice["pages"]), (&json!(id), &json!([])));
    assert_eq!(notice["withdrawn"]["reason"], "scanned by mistake — Ärzte");
    let pdf = pdf_beside(&station, &notice);
    let text = text_of(&pdf);
    assert!(text.contains("Withdrawn") && text.contains(&id) && text.contains("Ärzte"), "{text}");
    keep_for_conformance(&pdf);
    let notice_id = format!("{id}v2");
    let twice = told(&station, &["document", "withdraw", &notice_id, "--reason", "again"]);
    assert_eq!(twice.code, 4, "{}{}", twice.stdout, twice.stderr);

    let asked = ordered(&station, &["question", "list"])["questions"][0].clone();
    assert_eq!(asked["holds"], json!([1]));
    let no = asked["question"].to_string();
    ordered(&station, &["question", "answer", &batch, &no, "--document", "DOC"]);
    served.comes_to(&batch, &["filed"]);
    let anew = index_file(&station, &format!("{id}v3"));
    assert_eq!((&anew["replaces"], &anew["pages"]), (&json!(format!("{id}v2")), &json!([1])));
    assert_eq!(anew.get("withdrawn"), None);
    let other = index_file(&station, &format!("{batch}-0002"));
    assert_eq!(other["pages"], json!([2]), "nothing else was touched");
    assert!(served.terminate().success());
    verified(&station);
}

/// The page of the correction cannot be made: what was filed stands, and can be
/// withdrawn.
#[test]
fn a_correction_that_cannot_be_made_leaves_the_version_that_stands_to_decide_about() {
    let (station, profiles) = station();
    station.lay_in_small(2);
    let served = serve(&station, &profiles);
    let batch = served.order("filed", "stack-end");
    served.comes_to(&batch, &["filed"]);
    let spool = station.path(&format!("state/spool/{batch}"));
    std::fs::remove_dir_all(spool.join("derived")).unwrap();
    for entry in std::fs::read_dir(&spool).unwrap() {
        let original = entry.unwrap().path();
        if original.file_name().unwrap().to_string_lossy().starts_with("0001") {
            std::fs::write(original, b"damaged").unwrap();
        }
    }
    let id = format!("{batch}-0001");
    ordered(&station, &["document", "correct", &id, "--field", "mrn=7", "--reason", "no number"]);
    served.comes_to(&batch, &["in-question"]);
    let asked = ordered(&station, &["question", "list"])["questions"][0].clone();
    assert_eq!(asked["holds"], json!([]), "its page stands where it stood");
    let listed = ordered(&station, &["document", "list", &batch]);
    assert_eq!(
        (&listed["documents"][0]["id"], &listed["documents"][0]["pages"]),
        (&json!(id), &json!([1]))
    );
    let no = asked["question"].to_string();
    let seen =
        ["question", "answer", &batch, &no, "--as-it-should-be", "--reason", "withdrawn next"];
    ordered(&station, &seen);
    served.comes_to(&batch, &["filed"]);
    ordered(&station, &["document", "withdraw", &id, "--reason", "another patient's"]);
    served.comes_to(&batch, &["in-question"]);
    assert_eq!(
        index_file(&station, &format!("{id}v2"))["withdrawn"]["reason"],
        "another patient's"
    );
    assert!(served.terminate().success());
}

#[test]
fn a_batch_whose_counts_do_not_balance_is_answered_at_no_moment() {
    let (station, profiles) = station();
    station.lay_in_small(2);
    let served = serve(&station, &profiles);
    let order = json!({
        "profile": "filed", "scanner": "folder:adf", "closed_by": "stack-end",
        "repository": station.path("repository"), "expect_sheets": 99,
    });
    let (status, opened) = served.post("/batches", &order);
    assert_eq!(status, 201, "{opened}");
    let batch = opened["id"].as_str().unwrap();
    let path = format!("/batches/{batch}/questions/1/answer");
    let answer = json!({"answer": "document", "document_type": "DOC", "pages": [1]});
    // Also between separating and ending.
    loop {
        let (status, problem) = served.post(&path, &answer);
        assert_eq!(status, 409, "{problem}");
        if problem["detail"].as_str().unwrap().contains("held because its counts") {
            break;
        }
    }
    served.comes_to(batch, &["held"]);
    assert_eq!(served.post(&path, &answer).0, 409);
    let release = json!({"reason": "counted again"});
    assert_eq!(served.post(&format!("/batches/{batch}/release"), &release).0, 200);
    let filed = served.comes_to(batch, &["filed"]);
    assert_eq!(filed["documents_filed"], 2);
}

/// Killed before the next version is filed, or while it is.
#[test]
fn a_correction_survives_the_station() {
    let (station, profiles) = station();
    station.lay_in_small(1);
    let served = serve(&station, &profiles);
    let batch = served.order("filed", "stack-end");
    served.comes_to(&batch, &["filed"]);
    let mut served = served;
    for version in 2..=6 {
        let path = format!("/batches/{batch}/documents/1/correct");
        let mrn = format!("00{version}");
        let (status, problem) =
            served.post(&path, &json!({"fields": {"mrn": mrn}, "reason": "typed wrong"}));
        assert_eq!(status, 200, "{problem}");
        served.kill();
        served = serve(&station, &profiles);
        served.comes_to(&batch, &["filed"]);
        let filed = index_file(&station, &format!("{batch}-0001v{version}"));
        assert_eq!(filed["fields"]["mrn"]["value"], json!(mrn));
    }
    assert_eq!((station.filed("pdf").len(), station.filed("json").len()), (6, 6));
    assert!(served.terminate().success());
    verified(&station);
}
