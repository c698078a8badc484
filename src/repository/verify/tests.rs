use std::fs;

use super::super::index::{DocumentIndex, Reviewed};
use super::super::owner::StagingOwner;
use super::super::watched_folder::{FilingOrder, RepositorySettings, WatchedFolder};
use super::*;
use crate::records::ids::PageNo;

struct Room {
    root: tempfile::TempDir,
    repository: WatchedFolder,
    records: std::cell::RefCell<Vec<FiledRecord>>,
}

impl Room {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("charts");
        fs::create_dir(&folder).unwrap();
        let owner = StagingOwner::of_station(&Disk::Real, root.path(), "records-1").unwrap();
        let settings =
            RepositorySettings { folder, staging: None, path_seen_by_repository: None, owner };
        let repository = WatchedFolder::open(Disk::Real, &settings).unwrap();
        Room { root, repository, records: Default::default() }
    }

    fn file(&self, first_page: u32, sidecar: SidecarFormat) -> DocumentId {
        let page = PageNo::new(first_page).unwrap();
        let index = DocumentIndex {
            document: DocumentId::new("20260131-090000-1a2b".parse().unwrap(), page),
            document_type: "note".to_owned(),
            document_type_title: "Progress Note".to_owned(),
            fields: Vec::new(),
            pages: vec![page],
            without_text: Vec::new(),
            profile: "loose-sheets".to_owned(),
            station: "records-1".to_owned(),
            scanned_at: "2026-01-31T09:00:07Z".parse().unwrap(),
            reviewed: Reviewed::NotReviewed { rule: "profile review = none".to_owned() },
            replaces: None,
            withdrawn: None,
        };
        let document = index.document.clone();
        let order = FilingOrder { index, template: "{batch}/{document_id}".to_owned(), sidecar };
        let pdf = format!("chart {first_page}");
        let filed = self.repository.file(&order, &mut pdf.as_bytes()).unwrap();
        self.records.borrow_mut().push(FiledRecord {
            document: document.clone(),
            pdf: filed.pdf,
            pdf_sha256: filed.sha256,
            index_file: filed.index_file,
            index_sha256: filed.index_sha256,
        });
        self.repository.acknowledge(&document).unwrap();
        document
    }

    fn in_batch(&self, name: &str) -> PathBuf {
        self.repository.root().join("20260131-090000-1a2b").join(name)
    }

    fn verify(&self) -> VerifyReport {
        let staging = self.root.path().join(".outguide");
        verify(&Disk::Real, self.repository.root(), Some(&staging), &|| ()).unwrap()
    }

    fn verify_with_records(&self, taken_away: TakenAway) -> VerifyReport {
        let mut report = self.verify();
        let (root, records) = (self.repository.root(), self.records.borrow());
        report.compare_with_records(&Disk::Real, root, &records, taken_away, &|| ()).unwrap();
        report
    }
}

#[test]
fn documents_filed_in_every_format_are_found_sound() {
    let room = Room::new();
    let documents: Vec<_> =
        (1..).zip(sidecar::FORMATS).map(|(page, (format, _))| room.file(page, format)).collect();
    fs::write(room.in_batch("readme.txt"), "not ours").unwrap();
    let report = room.verify();
    assert_eq!(report.problems, []);
    let found: Vec<_> = report.sound.iter().map(|sound| sound.document.clone()).collect();
    assert_eq!((found, report.other_files), (documents, 1));
}

#[test]
fn every_kind_of_damage_is_named_with_its_file() {
    let room = Room::new();
    let sound = room.file(1, SidecarFormat::Json);
    let changed = room.file(2, SidecarFormat::Csv);
    let missing = room.file(3, SidecarFormat::OnbaseDip);
    let broken = room.file(4, SidecarFormat::Json);
    let bare = room.file(5, SidecarFormat::LaserficheXml);
    let pdf = |document: &DocumentId| room.in_batch(&format!("{document}.pdf"));
    let index = |document: &DocumentId, kind: &str| room.in_batch(&format!("{document}.{kind}"));
    fs::write(pdf(&changed), "chart Z").unwrap();
    fs::remove_file(pdf(&missing)).unwrap();
    fs::write(index(&broken, "json"), r#"{"schema":"outguide-docu"#).unwrap();
    fs::remove_file(index(&bare, "xml")).unwrap();
    let unfinished = room.repository.staging_folder().join("records-1~x.part");
    fs::write(&unfinished, "half").unwrap();

    let report = room.verify();
    assert_eq!(report.sound.len(), 1);
    assert_eq!(report.sound[0].document, sound);
    let expected = [
        Problem::PdfChanged {
            document: changed.clone(),
            pdf: pdf(&changed),
            expected: Sha256::of(b"chart 2"),
            found: Sha256::of(b"chart Z"),
        },
        Problem::PdfMissing {
            document: missing.clone(),
            index_file: index(&missing, "txt"),
            pdf: pdf(&missing),
        },
        Problem::WithoutIndex { pdf: pdf(&broken) },
        Problem::WithoutIndex { pdf: pdf(&bare) },
        Problem::Unfinished { file: unfinished, document: None },
    ];
    for problem in &expected {
        assert!(report.problems.contains(problem), "{problem:?} in {:?}", report.problems);
    }
    let unreadable = report.problems.iter().any(|problem| {
        matches!(problem, Problem::IndexUnreadable { index_file, .. } if *index_file == index(&broken, "json"))
    });
    assert!(unreadable);
    assert_eq!(report.problems.len(), expected.len() + 1);
    assert!(!report.is_sound());
}

#[test]
fn each_document_is_told_as_it_is_checked() {
    let room = Room::new();
    for no in 1..=3 {
        room.file(no, SidecarFormat::Json);
    }
    let checked = std::cell::Cell::new(0);
    verify(&Disk::Real, room.repository.root(), None, &|| checked.set(checked.get() + 1)).unwrap();
    assert_eq!(checked.get(), 3);
}

#[test]
fn a_document_that_stands_under_two_names_is_named_with_both() {
    let room = Room::new();
    let document = room.file(1, SidecarFormat::Json);
    let copy = room.repository.root().join("copy");
    fs::create_dir(&copy).unwrap();
    for extension in ["pdf", "json"] {
        let name = format!("{document}.{extension}");
        fs::copy(room.in_batch(&name), copy.join(&name)).unwrap();
    }
    let report = room.verify();
    let [Problem::FiledTwice { pdfs, .. }] = &report.problems[..] else { panic!("{report:?}") };
    assert_eq!(pdfs.len(), 2);
}

#[test]
fn an_index_file_cannot_have_another_folders_file_hashed() {
    let room = Room::new();
    let document = room.file(1, SidecarFormat::Json);
    let index_file = room.in_batch(&format!("{document}.json"));
    let text = fs::read_to_string(&index_file).unwrap();
    let elsewhere =
        text.replace(&format!("\"name\": \"{document}.pdf\""), "\"name\": \"../../x.pdf\"");
    assert_ne!(text, elsewhere);
    fs::write(room.root.path().join("x.pdf"), "chart 1").unwrap();
    fs::write(&index_file, elsewhere).unwrap();
    let report = room.verify();
    assert_eq!(report.sound, []);
    assert!(matches!(report.problems[0], Problem::PdfMissing { .. }), "{report:?}");
}

#[test]
fn a_folder_that_is_not_there_is_a_fault_and_not_an_empty_repository() {
    let room = Room::new();
    assert!(verify(&Disk::Real, &room.root.path().join("gone"), None, &|| ()).is_err());
}

#[test]
fn a_receipt_that_outlived_its_document_is_no_trouble_and_any_other_is() {
    let room = Room::new();
    let document = room.file(1, SidecarFormat::Json);
    let staging = room.repository.staging_folder();
    fs::write(staging.join(format!("records-1~{document}.receipt")), "{}").unwrap();
    assert_eq!(room.verify().problems, []);
    fs::remove_file(room.in_batch(&format!("{document}.json"))).unwrap();
    fs::remove_file(room.in_batch(&format!("{document}.pdf"))).unwrap();
    let alone = room.verify();
    assert!(
        matches!(&alone.problems[..], [Problem::Unfinished { document: Some(named), .. }] if *named == document),
        "{alone:?}"
    );
    let with_records = room.verify_with_records(TakenAway::IsWell);
    assert_eq!(with_records.problems, []);
}

#[test]
fn an_index_file_that_is_empty_or_broken_off_is_a_problem_even_without_its_pdf() {
    let room = Room::new();
    let formats = sidecar::FORMATS.into_iter().zip(1..);
    let files: Vec<_> = formats
        .map(|((format, extension), page)| {
            let document = room.file(page, format);
            fs::remove_file(room.in_batch(&format!("{document}.pdf"))).unwrap();
            room.in_batch(&format!("{document}.{extension}"))
        })
        .collect();
    for left in [0, 150] {
        for file in &files {
            let whole = fs::read(file).unwrap();
            fs::write(file, &whole[..left]).unwrap();
            let report = room.verify();
            let named = report.problems.iter().any(|problem| {
                matches!(problem, Problem::IndexUnreadable { index_file, .. } if index_file == file)
            });
            assert!(named, "{} at {left}: {report:?}", file.display());
            fs::write(file, whole).unwrap();
        }
    }
}

#[test]
fn what_the_station_says_it_filed_is_looked_for_and_compared() {
    let room = Room::new();
    let sound = room.file(1, SidecarFormat::Json);
    let other_patient = room.file(2, SidecarFormat::Json);
    let both_replaced = room.file(3, SidecarFormat::Csv);
    let alone = room.file(4, SidecarFormat::OnbaseDip);
    let taken = room.file(5, SidecarFormat::LaserficheXml);
    assert_eq!(room.verify_with_records(TakenAway::IsAProblem).problems, []);

    let file = |document: &DocumentId, end: &str| room.in_batch(&format!("{document}.{end}"));
    let index = file(&other_patient, "json");
    let text = fs::read_to_string(&index).unwrap();
    let changed = text.replace("Progress Note", "Progress Mote");
    fs::write(&index, &changed).unwrap();
    let csv = file(&both_replaced, "csv");
    let old = Sha256::of(b"chart 3").to_string();
    let new = Sha256::of(b"chart Z").to_string();
    fs::write(&csv, fs::read_to_string(&csv).unwrap().replace(&old, &new)).unwrap();
    fs::write(file(&both_replaced, "pdf"), "chart Z").unwrap();
    fs::remove_file(file(&alone, "txt")).unwrap();
    fs::remove_file(file(&taken, "pdf")).unwrap();
    fs::remove_file(file(&taken, "xml")).unwrap();

    let report = room.verify_with_records(TakenAway::IsWell);
    let documents: Vec<_> = report.sound.iter().map(|sound| &sound.document).collect();
    assert_eq!(documents, [&sound]);
    let records = report.records.as_ref().unwrap();
    assert_eq!((records.documents, &records.taken_away), (5, &vec![taken.clone()]));
    let [
        Problem::IndexChanged { document: first, found, .. },
        Problem::PdfChanged { document: second, .. },
        Problem::IndexChanged { document: third, .. },
        Problem::IndexMissing { document: fourth, .. },
    ] = &report.problems[..]
    else {
        panic!("{report:#?}")
    };
    assert_eq!(*found, Sha256::of(changed.as_bytes()));
    assert_eq!(
        [first, second, third, fourth],
        [&other_patient, &both_replaced, &both_replaced, &alone]
    );

    let asked = room.verify_with_records(TakenAway::IsAProblem);
    let not_there = Problem::NotThere { document: taken.clone(), pdf: file(&taken, "pdf") };
    assert!(asked.problems.contains(&not_there), "{asked:#?}");
}

/// Files under a new name, as somebody who tidies up does.
fn move_both(room: &Room, document: &DocumentId, folder: &str, stem: &str) -> PathBuf {
    let to = room.repository.root().join(folder);
    fs::create_dir_all(&to).unwrap();
    for extension in ["pdf", "json"] {
        let from = room.in_batch(&format!("{document}.{extension}"));
        fs::rename(from, to.join(format!("{stem}.{extension}"))).unwrap();
    }
    to.join(format!("{stem}.pdf"))
}

#[test]
fn a_document_that_was_moved_is_named_with_where_it_was_filed_whatever_its_index_file_says() {
    let room = Room::new();
    let [kept, as_it_was, rewritten] = [1, 2, 3].map(|page| room.file(page, SidecarFormat::Json));
    let first = move_both(&room, &as_it_was, "other-patient", &as_it_was.to_string());
    let second = move_both(&room, &rewritten, "other-patient", "moved");
    let index_file = second.with_extension("json");
    let text = fs::read_to_string(&index_file).unwrap();
    let text = text.replace(&format!("{rewritten}.pdf"), "moved.pdf").replace("Note", "Consent");
    fs::write(&index_file, text).unwrap();
    assert_eq!(room.verify().problems, []);

    let report = room.verify_with_records(TakenAway::IsWell);
    let filed_as = |document: &DocumentId| room.in_batch(&format!("{document}.pdf"));
    let [
        Problem::Moved { document: one, pdf: at_one, filed_as: was_one },
        Problem::Moved { document: two, pdf: at_two, filed_as: was_two },
        Problem::IndexChanged { document: altered, .. },
    ] = &report.problems[..]
    else {
        panic!("{report:#?}")
    };
    assert_eq!((one, at_one, was_one), (&as_it_was, &first, &filed_as(&as_it_was)));
    assert_eq!((two, at_two, was_two), (&rewritten, &second, &filed_as(&rewritten)));
    assert_eq!(altered, &rewritten);
    let sound: Vec<_> = report.sound.iter().map(|sound| &sound.document).collect();
    assert_eq!((sound, report.records.unwrap().taken_away), (vec![&kept], Vec::new()));
}

#[test]
fn a_document_under_anothers_name_is_not_what_was_filed_there() {
    let room = Room::new();
    let document = room.file(1, SidecarFormat::Json);
    let index_file = room.in_batch(&format!("{document}.json"));
    fs::write(room.in_batch(&format!("{document}.pdf")), "somebody else's").unwrap();
    let text = fs::read_to_string(&index_file)
        .unwrap()
        .replace(
            &format!("\"document_id\": \"{document}\""),
            "\"document_id\": \"20260131-090000-1a2b-0099\"",
        )
        .replace(&Sha256::of(b"chart 1").to_string(), &Sha256::of(b"somebody else's").to_string());
    fs::write(&index_file, text).unwrap();
    assert_eq!(room.verify().problems, []);
    let report = room.verify_with_records(TakenAway::IsWell);
    assert!(
        matches!(
            &report.problems[..],
            [Problem::PdfChanged { .. }, Problem::IndexChanged { document: named, .. }] if *named == document
        ),
        "{report:#?}"
    );
    assert_eq!(report.sound, []);
    assert_eq!(report.records.unwrap().of_others, 0);
}

#[test]
fn a_copy_of_the_repository_is_compared_as_the_folder_that_was_filed_into() {
    let room = Room::new();
    let [altered, lost, kept] = [1, 2, 3].map(|page| room.file(page, SidecarFormat::Json));
    let copy = room.root.path().join("copy");
    let batch = copy.join("20260131-090000-1a2b");
    fs::create_dir_all(&batch).unwrap();
    for entry in fs::read_dir(room.in_batch("")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), batch.join(entry.file_name())).unwrap();
    }
    let check = |taken_away| {
        let mut report = verify(&Disk::Real, &copy, None, &|| ()).unwrap();
        let records = room.records.borrow();
        report.compare_with_records(&Disk::Real, &copy, &records, taken_away, &|| ()).unwrap();
        report
    };
    let whole = check(TakenAway::IsAProblem);
    assert_eq!((&whole.problems[..], whole.sound.len()), (&[][..], 3));
    let records = whole.records.unwrap();
    assert_eq!(records.filed_into.as_deref(), Some(room.repository.root()));

    fs::write(batch.join(format!("{altered}.json")), {
        let text = fs::read_to_string(batch.join(format!("{altered}.json"))).unwrap();
        text.replace("Progress Note", "Consent")
    })
    .unwrap();
    for extension in ["pdf", "json"] {
        fs::remove_file(batch.join(format!("{lost}.{extension}"))).unwrap();
    }
    let report = check(TakenAway::IsAProblem);
    let [Problem::IndexChanged { document, .. }, Problem::NotThere { document: gone, .. }] =
        &report.problems[..]
    else {
        panic!("{report:#?}")
    };
    assert_eq!((document, gone), (&altered, &lost));
    assert_eq!(report.sound[0].document, kept);
}

#[test]
fn a_folder_into_which_the_station_filed_nothing_does_not_hold_all_it_filed() {
    let room = Room::new();
    let empty = room.root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let check = |records: &[FiledRecord], taken_away| {
        let mut report = verify(&Disk::Real, &empty, None, &|| ()).unwrap();
        report.compare_with_records(&Disk::Real, &empty, records, taken_away, &|| ()).unwrap();
        report.problems
    };
    let none = |filed_below| vec![Problem::NoneFiledHere { folder: empty.clone(), filed_below }];
    assert_eq!(check(&[], TakenAway::IsAProblem), none(None));
    room.file(1, SidecarFormat::Json);
    room.file(2, SidecarFormat::Json);
    let records = room.records.borrow();
    assert_eq!(check(&records, TakenAway::IsAProblem), none(Some(room.in_batch(""))));
    assert_eq!(check(&records, TakenAway::IsWell), []);
}

#[test]
fn a_document_of_another_station_is_not_counted_as_compared() {
    let room = Room::new();
    room.file(1, SidecarFormat::Json);
    room.file(2, SidecarFormat::Json);
    room.records.borrow_mut().pop();
    let report = room.verify_with_records(TakenAway::IsAProblem);
    assert_eq!((&report.problems[..], report.sound.len()), (&[][..], 2));
    assert_eq!(report.records.unwrap().of_others, 1);
}

#[test]
fn a_folder_that_may_not_be_read_is_a_problem_and_the_rest_is_checked() {
    use crate::disk::recording::Recorder;
    use crate::disk::recording::faults::Fault;
    let room = Room::new();
    let document = room.file(1, SidecarFormat::Json);
    let staging = room.repository.staging_folder().to_path_buf();
    let closed = room.repository.root().join("closed");
    fs::create_dir(&closed).unwrap();
    let recorder = Recorder::over(&room.root.path().canonicalize().unwrap()).unwrap();
    for folder in [&closed, &staging] {
        recorder.inject(Fault::Vanishes { below: folder.clone(), after_requests: 0 });
    }
    let disk = Disk::Recording(recorder);
    let report = verify(&disk, room.repository.root(), Some(&staging), &|| ()).unwrap();
    let unreadable: Vec<_> = report
        .problems
        .iter()
        .map(|problem| match problem {
            Problem::FolderUnreadable { folder, .. } => folder,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(unreadable, [&closed, &staging]);
    assert_eq!(report.sound[0].document, document);
}

#[test]
fn a_folder_that_goes_while_it_is_read_was_not_there() {
    use crate::disk::recording::Recorder;
    use crate::disk::recording::faults::Fault;
    let room = Room::new();
    let going = room.repository.root().join("going");
    fs::create_dir(&going).unwrap();
    let recorder = Recorder::over(&room.root.path().canonicalize().unwrap()).unwrap();
    recorder.inject(Fault::Missing { below: going });
    let report = verify(&Disk::Recording(recorder), room.repository.root(), None, &|| ()).unwrap();
    assert_eq!(report.problems, []);
}

#[test]
fn a_document_that_the_repository_takes_while_it_is_read_was_not_there() {
    use crate::disk::recording::Recorder;
    use crate::disk::recording::faults::Fault;
    let room = Room::new();
    let document = room.file(1, SidecarFormat::Json);
    let root = room.root.path().canonicalize().unwrap();
    let [pdf, index_file] = ["pdf", "json"].map(|end| room.in_batch(&format!("{document}.{end}")));
    let recorder = Recorder::over(&root).unwrap();
    let problems = || {
        let disk = Disk::Recording(recorder.clone());
        verify(&disk, room.repository.root(), None, &|| ()).unwrap().problems
    };
    recorder.inject(Fault::Missing { below: pdf.clone() });
    assert_eq!(problems(), [Problem::PdfMissing { document, index_file: index_file.clone(), pdf }]);
    recorder.inject(Fault::Missing { below: index_file });
    assert_eq!(problems(), []);
}

#[test]
fn what_is_too_long_for_an_index_file_is_judged_by_its_beginning() {
    let room = Room::new();
    let document = room.file(1, SidecarFormat::Csv);
    let theirs = fs::File::create(room.in_batch("theirs.csv")).unwrap();
    theirs.set_len(1 << 40).unwrap();
    let report = room.verify();
    assert_eq!((&report.problems[..], report.other_files), (&[][..], 1));
    let index_file = room.in_batch(&format!("{document}.csv"));
    fs::OpenOptions::new().append(true).open(&index_file).unwrap().set_len(1 << 40).unwrap();
    let report = room.verify();
    let cause = "it is too long for one".to_owned();
    let too_long = Problem::IndexUnreadable { index_file, cause };
    assert!(report.problems.contains(&too_long), "{report:?}");
}

#[test]
fn names_that_are_not_utf_8_are_told_as_far_as_they_go() {
    use std::os::unix::ffi::OsStrExt;
    let room = Room::new();
    let name = |bytes: &[u8]| room.repository.root().join(std::ffi::OsStr::from_bytes(bytes));
    fs::write(name(b"sc\xff\xfen.pdf"), "theirs").unwrap();
    fs::write(name(b"sc\xff\xfen.json"), "theirs").unwrap();
    let report = room.verify();
    assert_eq!(report.problems, [Problem::WithoutIndex { pdf: name(b"sc\xff\xfen.pdf") }]);
    let told = serde_json::to_string(&report).unwrap();
    assert!(told.contains("sc\u{fffd}\u{fffd}n.pdf"), "{told}");
}
