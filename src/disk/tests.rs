use std::fs;

use super::durable::{make_folders, write_over, write_synced};
use super::placing::{Placing, claim_for};
use super::recording::faults::Fault;
use super::recording::{AfterCut, Recorder, SyncSite};
use super::*;

fn recorded() -> (tempfile::TempDir, Recorder, Disk) {
    let root = tempfile::tempdir().unwrap();
    let recorder = Recorder::over(root.path()).unwrap();
    (root, recorder.clone(), Disk::Recording(recorder))
}

fn write(disk: &Disk, path: &Path, bytes: &[u8]) {
    disk.create_file(path, Access::OwnerOnly).unwrap().append(bytes).unwrap();
}

#[test]
fn a_file_that_was_written_renamed_and_not_synced_is_gone_after_a_power_cut() {
    let (root, recorder, disk) = recorded();
    let path = root.path().join("page");
    write(&disk, &root.path().join("temp"), b"chart");
    disk.rename_without_replacing(&root.path().join("temp"), &path).unwrap();
    recorder.settle_after_cut(AfterCut::NothingUnsynced).unwrap();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn a_name_that_survives_bytes_that_do_not_is_an_empty_file() {
    let (root, recorder, disk) = recorded();
    let path = root.path().join("page");
    write(&disk, &path, b"chart");
    disk.sync_folder(root.path()).unwrap();
    recorder.settle_after_cut(AfterCut::NamesWithoutBytes).unwrap();
    assert_eq!(fs::read(path).unwrap(), b"");
}

#[test]
fn a_file_synced_under_a_name_synced_survives_and_what_came_later_does_not() {
    let (root, recorder, disk) = recorded();
    let path = root.path().join("page");
    let mut file = disk.create_file(&path, Access::OwnerOnly).unwrap();
    file.append(b"chart").unwrap();
    file.sync().unwrap();
    disk.sync_folder(root.path()).unwrap();
    file.append(b" and more").unwrap();
    disk.rename_over(&path, &root.path().join("moved")).unwrap();
    recorder.settle_after_cut(AfterCut::NothingUnsynced).unwrap();
    assert_eq!(fs::read(path).unwrap(), b"chart");
    assert!(!root.path().join("moved").exists());
}

#[test]
fn a_removed_file_comes_back_when_its_folder_was_not_synced() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("page");
    fs::write(&path, b"chart").unwrap();
    let recorder = Recorder::over(root.path()).unwrap();
    Disk::Recording(recorder.clone()).remove_file(&path).unwrap();
    recorder.settle_after_cut(AfterCut::NothingUnsynced).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"chart");
}

#[test]
fn a_folder_that_is_lost_takes_what_is_in_it_along() {
    let (root, recorder, disk) = recorded();
    let folder = root.path().join("batch");
    disk.create_folder(&folder, Access::OwnerOnly).unwrap();
    write(&disk, &folder.join("page"), b"chart");
    disk.sync_folder(&folder).unwrap();
    fs::write(folder.join("database"), b"rows").unwrap();
    recorder.settle_after_cut(AfterCut::NothingUnsynced).unwrap();
    assert!(!folder.exists());
}

#[test]
fn half_of_the_write_that_the_power_fails_in_is_done_and_nothing_after_it() {
    let (root, recorder, disk) = recorded();
    let path = root.path().join("page");
    recorder.cut_after(1);
    let mut file = disk.create_file(&path, Access::OwnerOnly).unwrap();
    assert!(file.append(b"charts").is_err());
    assert!(recorder.power_failed());
    assert!(file.sync().is_err() && disk.read(&path).is_err());
    recorder.restart_process();
    assert_eq!(disk.read(&path).unwrap(), b"cha");
}

#[test]
fn a_sync_that_is_ignored_syncs_nothing_and_is_named_by_its_place_in_the_code() {
    let (root, recorder, disk) = recorded();
    let keep = |name: &str| {
        write(&disk, &root.path().join(name), b"");
        disk.sync_folder(root.path()).unwrap();
    };
    keep("first");
    let sites = recorder.sync_sites();
    let (site, calls) = sites.first_key_value().unwrap();
    assert_eq!((site.file, *calls), (file!(), 1));
    recorder.ignore_sync(*site);
    keep("second");
    recorder.settle_after_cut(AfterCut::NothingUnsynced).unwrap();
    assert!(root.path().join("first").exists());
    assert!(!root.path().join("second").exists());
}

#[test]
fn a_full_disk_takes_what_fits_and_says_so() {
    let (root, recorder, disk) = recorded();
    recorder.inject(Fault::Full { room_bytes: 3 });
    let path = root.path().join("page");
    let fault = write_synced(&disk, &path, Access::OwnerOnly, &mut &b"chart"[..]).unwrap_err();
    assert_eq!(fault.into_cause().kind(), io::ErrorKind::StorageFull);
    assert_eq!(fs::read(&path).unwrap(), b"cha");
    assert_eq!(disk.space(root.path()).unwrap().free, 0);
}

#[test]
fn every_way_of_placing_refuses_a_taken_name_and_leaves_one_name() {
    let cases = [
        (None, Placing::RenameWithoutReplacing),
        (Some(Fault::LacksRenameWithoutReplacing), Placing::LinkAndRemove),
        (Some(Fault::LacksRenameWithoutReplacingAndLinks), Placing::ClaimAndRename),
    ];
    for (fault, expected) in cases {
        let (root, recorder, disk) = recorded();
        recorder.mend();
        fault.into_iter().for_each(|fault| recorder.inject(fault));
        let (temp, target) = (root.path().join("temp"), root.path().join("target"));
        assert_eq!(disk.probe_placing(&temp, &target).unwrap(), expected);
        assert_eq!(disk.list(root.path()).unwrap(), []);
        write(&disk, &temp, b"ours");
        write(&disk, &target, b"theirs");
        let refused = disk.place(&temp, &target).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists, "{expected:?}");
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
        disk.remove_file(&target).unwrap();
        assert_eq!(disk.place(&temp, &target).unwrap(), expected);
        assert_eq!(fs::read(&target).unwrap(), b"ours");
        assert_eq!(disk.list(root.path()).unwrap().len(), 1, "{expected:?}");
    }
}

#[test]
fn a_name_another_station_has_claimed_is_not_taken() {
    let (root, recorder, disk) = recorded();
    recorder.inject(Fault::LacksRenameWithoutReplacingAndLinks);
    let (temp, target) = (root.path().join("temp"), root.path().join("target"));
    write(&disk, &temp, b"ours");
    let claim = claim_for(&temp, &target);
    write(&disk, &claim, b"theirs");
    assert_eq!(disk.place(&temp, &target).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert!(!target.exists());
    assert_eq!(fs::read(claim).unwrap(), b"theirs");
}

#[test]
fn a_claim_is_released_when_the_rename_under_it_fails() {
    let (root, recorder, disk) = recorded();
    recorder.inject(Fault::LacksRenameWithoutReplacingAndLinks);
    let (temp, target) = (root.path().join("temp"), root.path().join("target"));
    write(&disk, &temp, b"ours");
    recorder.inject(Fault::ReadOnly { below: target.clone() });
    disk.place(&temp, &target).unwrap_err();
    assert_eq!(disk.list(root.path()).unwrap().len(), 1);
}

#[test]
fn folders_are_made_below_their_base_and_nowhere_else() {
    let (root, _, disk) = recorded();
    let made = make_folders(&disk, root.path(), Path::new("a/b"), Access::Shared).unwrap();
    assert!(made.is_dir() && made.ends_with("a/b"));
    for hostile in ["../out", "/etc", "a/../../out", "a/./b/.."] {
        let refused = make_folders(&disk, root.path(), Path::new(hostile), Access::Shared);
        assert!(refused.is_err(), "{hostile}");
    }
    std::os::unix::fs::symlink("/tmp", root.path().join("link")).unwrap();
    assert!(make_folders(&disk, root.path(), Path::new("link/x"), Access::Shared).is_err());
}

#[test]
fn the_real_disk_writes_places_reads_back_and_measures() {
    let root = tempfile::tempdir().unwrap();
    let (temp, target) = (root.path().join("temp"), root.path().join("target"));
    let written = write_synced(&Disk::Real, &temp, Access::OwnerOnly, &mut &b"chart"[..]).unwrap();
    Disk::Real.place(&temp, &target).unwrap();
    Disk::Real.sync_folder(root.path()).unwrap();
    assert_eq!(Disk::Real.read_back(&target).unwrap(), (written.sha256, written.bytes));
    assert_eq!(Disk::Real.kind_of(&target).unwrap(), Some(EntryKind::File));
    let space = Disk::Real.space(root.path()).unwrap();
    assert!(space.free <= space.total && space.total > 0);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&target).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

const OVER: &str = "out.pdf";
/// More than `write_over` does.
const OPERATIONS: u64 = 10;

/// A file written over, and the power cut behind `after` operations: false where
/// it is not what was promised. With the syncs that were asked for.
fn stands_as_promised(
    after: u64,
    left: AfterCut,
    without: Option<SyncSite>,
) -> (bool, Vec<SyncSite>) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join(OVER);
    fs::write(&path, "old").unwrap();
    let recorder = Recorder::over(root.path()).unwrap();
    without.into_iter().for_each(|site| recorder.ignore_sync(site));
    recorder.cut_after(after);
    let disk = Disk::Recording(recorder.clone());
    let written = write_over(&disk, &path, |file| file.append(b"new"));
    let sites = recorder.sync_sites().into_keys().collect();
    recorder.settle_after_cut(left).unwrap();
    let found = fs::read(&path).unwrap_or_default();
    (found == b"new" || (written.is_err() && found == b"old"), sites)
}

#[test]
fn a_file_written_over_is_the_new_one_or_the_old_one_whole_and_no_sync_of_it_is_needless() {
    let stops = || {
        let lefts = [AfterCut::NothingUnsynced, AfterCut::NamesWithoutBytes];
        (0..=OPERATIONS).flat_map(move |after| lefts.map(|left| (after, left)))
    };
    for (after, left) in stops() {
        assert!(stands_as_promised(after, left, None).0, "{left:?} after {after}");
    }
    let (_, sites) = stands_as_promised(OPERATIONS, AfterCut::NothingUnsynced, None);
    assert_eq!(sites.len(), 2, "{sites:?}");
    for site in sites {
        let is_missed = stops().any(|(after, left)| !stands_as_promised(after, left, Some(site)).0);
        assert!(is_missed, "nothing shows that {site} is needed");
    }
}
