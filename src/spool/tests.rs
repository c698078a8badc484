use std::fs;

use super::*;
use crate::disk::recording::AfterCut;
use crate::disk::recording::Recorder;
use crate::disk::recording::faults::Fault;

fn batch() -> BatchId {
    "20260131-090000-1a2b".parse().unwrap()
}

fn page(no: u32) -> PageNo {
    PageNo::new(no).unwrap()
}

fn spool() -> (tempfile::TempDir, Recorder, Spool) {
    let root = tempfile::tempdir().unwrap();
    let recorder = Recorder::over(root.path()).unwrap();
    let disk = Disk::Recording(recorder.clone());
    let spool = Spool::open(&root.path().join("var/state"), disk, 1000).unwrap();
    (root, recorder, spool)
}

#[test]
fn a_kept_page_reads_back_as_it_came_and_is_for_the_station_alone() {
    let (_root, _, spool) = spool();
    let kept = spool.keep(&batch(), page(1), b"pixels", OriginalKind::Png).unwrap();
    assert_eq!((kept.file.as_str(), kept.bytes), ("0001.png", 6));
    let back = spool.verified_original(&batch(), &kept.file, kept.sha256).unwrap();
    assert_eq!(back, b"pixels");
    let path = spool.original_path(&batch(), &kept.file).unwrap();
    let mode = |path: &Path| {
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
    };
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
}

#[test]
fn an_original_is_never_written_again() {
    let (_root, _, spool) = spool();
    let first = spool.keep(&batch(), page(1), b"first", OriginalKind::Png).unwrap();
    let again = spool.keep(&batch(), page(1), b"again", OriginalKind::Png);
    assert!(matches!(again, Err(SpoolFault::PageExists { .. })), "{again:?}");
    assert_eq!(spool.original(&batch(), &first.file).unwrap(), b"first");
    assert_eq!(fs::read_dir(spool.batch_folder(&batch())).unwrap().count(), 1);
}

#[test]
fn an_original_that_changed_on_the_disk_is_not_handed_back_as_scanned() {
    let (_root, _, spool) = spool();
    let kept = spool.keep(&batch(), page(1), b"pixels", OriginalKind::Png).unwrap();
    fs::write(spool.original_path(&batch(), &kept.file).unwrap(), b"pixelz").unwrap();
    let read = spool.verified_original(&batch(), &kept.file, kept.sha256);
    assert!(matches!(read, Err(SpoolFault::OriginalChanged { .. })));
}

#[test]
fn a_derived_file_stands_under_its_name_only_when_it_is_whole() {
    let (_root, recorder, spool) = spool();
    spool.keep(&batch(), page(1), b"pixels", OriginalKind::Png).unwrap();
    let derived = spool.derived(&batch()).unwrap();
    let full = |new: &mut NewFile| {
        new.append(b"half of ").unwrap();
        assert!(!derived.join("0001.pdf").exists(), "while it is written");
        recorder.inject(Fault::Full { room_bytes: 0 });
        let source = new.append(b"it").unwrap_err();
        Err(SpoolFault::WriteDerived { folder: derived.clone(), source })
    };
    spool.write_derived_piecewise(&batch(), "0001.pdf", full).unwrap_err();
    assert_eq!(fs::read_dir(&derived).unwrap().count(), 0, "a full disk gets its room back");
    recorder.mend();
    let whole = |new: &mut NewFile| {
        new.append(b"whole")
            .map_err(|source| SpoolFault::WriteDerived { folder: derived.clone(), source })
    };
    let path = spool.write_derived_piecewise(&batch(), "0001.pdf", whole).unwrap();
    assert_eq!(fs::read(path).unwrap(), b"whole");
}

#[test]
fn files_no_row_claims_are_moved_aside_every_time_and_never_deleted() {
    let (_root, _, spool) = spool();
    let folder = spool.batch_folder(&batch());
    let first = spool.keep(&batch(), page(1), b"first", OriginalKind::Png).unwrap();
    let claimed = BTreeSet::from([first.file.clone()]);
    spool.derived(&batch()).unwrap();
    for round in 1..=3 {
        spool
            .keep(&batch(), page(2), format!("second {round}").as_bytes(), OriginalKind::Png)
            .unwrap();
        fs::write(folder.join(".0003.png.1-0.part"), b"half").unwrap();
        let moved = spool.set_unclaimed_aside(&batch(), &claimed).unwrap();
        let was: Vec<_> = moved.iter().map(|m| (m.file.as_str(), m.was)).collect();
        let expected = [
            (".0003.png.1-0.part", UnclaimedKind::Unfinished),
            ("0002.png", UnclaimedKind::Original),
        ];
        assert_eq!(was, expected);
    }
    assert_eq!(fs::read(folder.join("unclaimed/0002.png")).unwrap(), b"second 1");
    assert_eq!(fs::read(folder.join("unclaimed/3~0002.png")).unwrap(), b"second 3");
    assert_eq!(fs::read_dir(folder.join("unclaimed")).unwrap().count(), 6);
    assert!(folder.join("derived").is_dir() && folder.join(&first.file).is_file());
    assert_eq!(spool.set_unclaimed_aside(&batch(), &claimed).unwrap(), []);
}

#[test]
fn a_batch_that_never_had_a_page_has_nothing_unclaimed() {
    let (_root, _, spool) = spool();
    assert_eq!(spool.set_unclaimed_aside(&batch(), &BTreeSet::new()).unwrap(), []);
}

#[test]
fn a_full_disk_stops_the_feeder_before_it_stops_the_spool() {
    let (_root, recorder, spool) = spool();
    recorder.inject(Fault::Full { room_bytes: 1010 });
    spool.room_for_a_sheet().unwrap();
    let bytes = [0; 200];
    spool.keep(&batch(), page(1), &bytes, OriginalKind::Pnm).unwrap();
    let refused = spool.room_for_a_sheet();
    assert!(matches!(refused, Err(SpoolFault::LowOnSpace { free_bytes: 810, .. })));
    spool.keep(&batch(), page(2), &bytes, OriginalKind::Pnm).unwrap();
}

#[test]
fn a_page_that_does_not_fit_leaves_nothing_and_harms_no_page_before_it() {
    let (_root, recorder, spool) = spool();
    let first = spool.keep(&batch(), page(1), b"first", OriginalKind::Png).unwrap();
    recorder.inject(Fault::Full { room_bytes: 3 });
    let full = spool.keep(&batch(), page(2), b"second", OriginalKind::Png);
    assert!(matches!(full, Err(SpoolFault::DiskFull { .. })), "{full:?}");
    assert_eq!(fs::read_dir(spool.batch_folder(&batch())).unwrap().count(), 1);
    recorder.mend();
    assert_eq!(spool.original(&batch(), &first.file).unwrap(), b"first");
    spool.keep(&batch(), page(2), b"second", OriginalKind::Png).unwrap();
}

#[test]
fn a_read_only_spool_says_what_to_do_and_names_no_page_as_kept() {
    let (root, recorder, spool) = spool();
    recorder.inject(Fault::ReadOnly { below: root.path().to_path_buf() });
    let refused = spool.keep(&batch(), page(1), b"first", OriginalKind::Png).unwrap_err();
    assert!(matches!(refused, SpoolFault::WriteOriginal { .. }));
    assert!(refused.to_string().contains("feed it again"), "{refused}");
    let opened = Spool::open(&root.path().join("other"), Disk::Recording(recorder), 0);
    assert!(matches!(opened, Err(SpoolFault::OpenSpool { .. })));
}

#[test]
fn names_that_are_not_the_spools_never_become_paths() {
    let (_root, _, spool) = spool();
    for hostile in ["", "..", "../0001.png", "/etc/passwd", "a/b", ".hidden", "a\0b", "ä.png"] {
        assert!(spool.original(&batch(), hostile).is_err(), "{hostile:?}");
        assert!(spool.write_derived(&batch(), hostile, b"").is_err(), "{hostile:?}");
    }
}

#[test]
fn a_derived_file_can_be_made_again() {
    let (_root, _, spool) = spool();
    spool.keep(&batch(), page(1), b"first", OriginalKind::Png).unwrap();
    spool.write_derived(&batch(), "0001.clean.png", b"one").unwrap();
    let path = spool.write_derived(&batch(), "0001.clean.png", b"two").unwrap();
    assert_eq!(fs::read(path).unwrap(), b"two");
}

#[test]
fn an_original_is_named_after_what_it_is_not_after_what_it_was_called() {
    let cases: [(&[u8], &str); 7] = [
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff\xe0", "jpg"),
        (b"II*\0....", "tif"),
        (b"P5 10 10 255\n", "pnm"),
        (b"%PDF-1.7", "pdf"),
        (b"", "bin"),
        (b"PK\x03\x04", "bin"),
    ];
    for (bytes, extension) in cases {
        assert_eq!(OriginalKind::of(bytes).extension(), extension);
    }
}

#[test]
fn what_was_being_derived_at_a_stop_is_deleted_and_what_was_derived_stays() {
    let (_root, recorder, spool) = spool();
    let kept = spool.keep(&batch(), page(1), b"first", OriginalKind::Png).unwrap();
    spool.write_derived(&batch(), "0001.picture", b"whole").unwrap();
    recorder.restart_process();
    recorder.cut_after(2);
    spool.write_derived(&batch(), "0001.picture", b"never whole").unwrap_err();
    recorder.restart_process();
    let derived = spool.derived(&batch()).unwrap();
    assert_eq!(fs::read_dir(&derived).unwrap().count(), 2, "the stop leaves a part");
    let claimed = BTreeSet::from([kept.file]);
    assert_eq!(spool.set_unclaimed_aside(&batch(), &claimed).unwrap(), []);
    assert_eq!(fs::read(derived.join("0001.picture")).unwrap(), b"whole");
    assert_eq!(fs::read_dir(&derived).unwrap().count(), 1);
}

#[test]
fn what_is_removed_of_a_batch_stays_gone_wherever_the_power_failed_in_between() {
    let ends = [AfterCut::NothingUnsynced, AfterCut::Scattered { seed: 7 }];
    for (operations, after) in (0..8).flat_map(|at| ends.map(|after| (at, after))) {
        let (_root, recorder, spool) = spool();
        spool.keep(&batch(), page(1), b"first", OriginalKind::Png).unwrap();
        spool.keep(&batch(), page(2), b"second", OriginalKind::Png).unwrap();
        spool.write_derived(&batch(), "0001.picture", b"derived").unwrap();
        let other: BatchId = "20260131-090001-1a2b".parse().unwrap();
        let kept = spool.keep(&other, page(1), b"other", OriginalKind::Png).unwrap();
        recorder.restart_process();
        recorder.cut_after(operations);
        let removed = spool.remove_batch(&batch());
        recorder.settle_after_cut(after).unwrap();
        if removed.is_err() {
            spool.remove_batch(&batch()).unwrap();
            recorder.settle_after_cut(after).unwrap();
        }
        assert!(!spool.batch_folder(&batch()).exists(), "{operations} {after:?}");
        spool.verified_original(&other, &kept.file, kept.sha256).unwrap();
    }
}

#[test]
fn a_shared_spool_that_is_not_mounted_has_no_batch_removed() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open_shared(folder.path(), Disk::Real, 0).unwrap();
    spool.keep(&batch(), page(1), b"first", OriginalKind::Png).unwrap();
    spool.remove_batch(&batch()).unwrap();
    assert!(!spool.batch_folder(&batch()).exists());
    fs::remove_file(folder.path().join(SPOOL_ID)).unwrap();
    let refused = spool.remove_batch(&batch());
    assert!(matches!(refused, Err(SpoolFault::RemoveBatch { .. })), "{refused:?}");
}
