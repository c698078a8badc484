//! What a try that was stopped leaves, and what the next one makes of it.

use super::*;

/// Files while something happens at the very moment the index file is to get
/// its name.
fn file_while(room: &Room, happens: impl FnOnce(&Path)) -> Result<Filed, FilingFault> {
    room.recorder.inject(Fault::Stalls { below: room.watched().join("note/7.json"), held: 0 });
    std::thread::scope(|threads| {
        let filing = threads.spawn(|| room.file(&order(1, "7"), "chart"));
        room.recorder.wait_until_stalled();
        let staging = room.root.path().join(".outguide");
        let is_index = |name: &String| {
            let staged = fs::read(staging.join(name)).unwrap();
            name.ends_with(".part") && staged.starts_with(b"{")
        };
        let staged = room.staged().into_iter().find(is_index).unwrap();
        happens(&staging.join(staged));
        room.recorder.mend();
        filing.join().unwrap()
    })
}

#[test]
fn a_staged_index_file_that_somebody_took_is_not_taken_for_a_document_filed() {
    for the_repository_has_it in [false, true] {
        let room = Room::new();
        let lost = file_while(&room, |staged| fs::remove_file(staged).unwrap());
        assert!(matches!(lost, Err(FilingFault::AnswerLost { .. })), "{lost:?}");
        let again = room.file(&order(1, "7"), "chart");
        let Err(FilingFault::InDoubt { receipt, index_file, .. }) = again else {
            panic!("{again:?}")
        };
        assert!(!index_file.exists());
        if the_repository_has_it {
            fs::remove_file(room.watched().join("note/7.pdf")).unwrap();
        } else {
            fs::remove_file(receipt).unwrap();
        }
        let filed = room.file(&order(1, "7"), "chart").unwrap();
        match filed.standing {
            Standing::FiledNow => assert!(filed.index_file.exists() && !the_repository_has_it),
            Standing::FiledBefore => assert!(the_repository_has_it),
        }
    }
}

#[test]
fn an_answer_lost_after_the_index_file_got_its_name_is_a_document_filed() {
    let room = Room::new();
    let named = room.watched().join("note/7.json");
    let filed = file_while(&room, |staged| fs::rename(staged, &named).unwrap()).unwrap();
    assert_eq!(filed.index_sha256, Sha256::of(&fs::read(&named).unwrap()));
    room.repository.acknowledge(&order(1, "7").index.document).unwrap();
    assert_eq!(room.staged(), [""; 0]);
}

#[test]
fn an_answer_lost_with_the_document_taken_away_is_found_out_by_filing_again() {
    let room = Room::new();
    let lost = file_while(&room, |staged| {
        fs::remove_file(staged).unwrap();
        fs::remove_file(room.watched().join("note/7.pdf")).unwrap();
    });
    assert!(matches!(lost, Err(FilingFault::AnswerLost { .. })), "{lost:?}");
    let again = room.reopen().file(&order(1, "7"), "chart").unwrap();
    assert_eq!(again.standing, Standing::FiledBefore);
}

/// A second repository beside the first, with the same staging folder.
fn reopen_beside(room: Room) -> Room {
    let Room { root, recorder, repository } = room;
    drop(repository);
    fs::create_dir_all(root.path().join("other")).unwrap();
    let settings =
        RepositorySettings { folder: root.path().join("other"), ..settings(root.path()) };
    let repository = WatchedFolder::open(Disk::Recording(recorder.clone()), &settings).unwrap();
    Room { root, recorder, repository }
}

#[test]
fn a_receipt_of_another_watched_folder_says_nothing_of_this_one() {
    let room = Room::new();
    room.file(&order(1, "7"), "chart").unwrap();
    let room = reopen_beside(room);
    let elsewhere = room.file(&order(1, "7"), "chart");
    let Err(FilingFault::BegunElsewhere { folder, .. }) = &elsewhere else {
        panic!("{elsewhere:?}")
    };
    assert_eq!(*folder, room.watched().canonicalize().unwrap());
    assert_eq!(all_files(&room.root.path().join("other")), [""; 0]);
    let there = room.reopen().file(&order(1, "7"), "chart").unwrap();
    assert_eq!(there.standing, Standing::FiledBefore);
}

#[test]
fn a_document_whose_pdf_is_gone_or_another_is_not_said_to_be_filed() {
    for receipt_is_left in [true, false] {
        let room = Room::new();
        let pdf = room.watched().join("note/7.pdf");
        room.file(&order(1, "7"), "chart").unwrap();
        if !receipt_is_left {
            room.repository.acknowledge(&order(1, "7").index.document).unwrap();
        }
        fs::write(&pdf, "garbage").unwrap();
        let changed = room.file(&order(1, "7"), "chart");
        assert!(matches!(changed, Err(FilingFault::FiledPdfChanged { .. })), "{changed:?}");
        fs::remove_file(&pdf).unwrap();
        let gone = room.file(&order(1, "7"), "chart");
        let Err(FilingFault::FiledPdfGone { index_file, receipt, .. }) = gone else {
            panic!("{gone:?}")
        };
        fs::write(&pdf, "chart").unwrap();
        let put_back = room.file(&order(1, "7"), "chart").unwrap();
        assert_eq!(put_back.standing, Standing::FiledBefore);

        fs::remove_file(&pdf).unwrap();
        fs::remove_file(index_file).unwrap();
        assert_eq!(receipt.exists(), receipt_is_left);
        if receipt_is_left {
            fs::remove_file(receipt).unwrap();
        }
        let again = room.file(&order(1, "7"), "chart").unwrap();
        assert_eq!(again.standing, Standing::FiledNow);
        assert_eq!(room.names(), ["note/7.json", "note/7.pdf"]);
    }
}

#[test]
fn a_repository_that_takes_the_pdf_first_is_waited_for_and_given_nothing_twice() {
    let room = Room::new();
    let filed = room.file(&order(1, "7"), "chart").unwrap();
    fs::remove_file(filed.pdf).unwrap();
    let between = room.file(&order(1, "7"), "chart");
    assert!(matches!(between, Err(FilingFault::FiledPdfGone { .. })), "{between:?}");
    fs::remove_file(filed.index_file).unwrap();
    assert_eq!(room.file(&order(1, "7"), "chart").unwrap().standing, Standing::FiledBefore);
    assert_eq!(room.names(), [""; 0]);
}

#[test]
fn a_document_of_which_only_something_else_is_left_is_in_doubt() {
    for (gone, garbled) in [("note/7.json", "note/7.pdf"), ("note/7.pdf", "note/7.json")] {
        let room = Room::new();
        room.file(&order(1, "7"), "chart").unwrap();
        fs::remove_file(room.watched().join(gone)).unwrap();
        fs::write(room.watched().join(garbled), "garbage").unwrap();
        let doubt = room.file(&order(1, "7"), "chart");
        assert!(matches!(doubt, Err(FilingFault::InDoubt { .. })), "{garbled}: {doubt:?}");
    }
}
