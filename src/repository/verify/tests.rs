use std::fs;

use super::super::index::{DocumentIndex, Reviewed};
use super::super::watched_folder::{FilingOrder, RepositorySettings, WatchedFolder};
use super::*;
use crate::records::ids::PageNo;

struct Room {
    root: tempfile::TempDir,
    repository: WatchedFolder,
}

impl Room {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("charts");
        fs::create_dir(&folder).unwrap();
        let settings = RepositorySettings {
            folder,
            staging: None,
            path_seen_by_repository: None,
            owner: "records-1".to_owned(),
        };
        let repository = WatchedFolder::open(Disk::Real, &settings).unwrap();
        Room { root, repository }
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
        };
        let document = index.document.clone();
        let order = FilingOrder { index, template: "{batch}/{document_id}".to_owned(), sidecar };
        let pdf = format!("chart {first_page}");
        self.repository.file(&order, &mut pdf.as_bytes()).unwrap();
        self.repository.acknowledge(&document).unwrap();
        document
    }

    fn in_batch(&self, name: &str) -> PathBuf {
        self.repository.root().join("20260131-090000-1a2b").join(name)
    }

    fn verify(&self) -> VerifyReport {
        let staging = self.root.path().join(".outguide");
        verify(&Disk::Real, self.repository.root(), Some(&staging)).unwrap()
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
        Problem::Unfinished { file: unfinished },
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
    assert!(verify(&Disk::Real, &room.root.path().join("gone"), None).is_err());
}
