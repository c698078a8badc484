//! That after a day every page stands in its place, once, and that nobody ever
//! saw part of a file.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, ReadFlags, WatchFlags};

use super::{Station, small_page};

/// What the kernel tells of a watched folder, asked from outside the station.
pub struct Seen(OwnedFd);

impl Seen {
    pub fn watching(folder: &Path) -> Self {
        let seen = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        // Who only looks is of no interest, and a long day has many who do.
        let changes = WatchFlags::CREATE
            | WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::DELETE
            | WatchFlags::MOVE;
        inotify::add_watch(&seen, folder, changes).unwrap();
        Seen(seen)
    }

    /// A file comes under its name in one step, and nobody writes to it then.
    pub fn check_whole_files_only(&self, files: usize, told: &str) {
        let mut buffer = [MaybeUninit::uninit(); 1 << 16];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        let mut came = 0;
        loop {
            let event = match events.next() {
                Ok(event) => event,
                Err(rustix::io::Errno::WOULDBLOCK) => break,
                Err(error) => panic!("{told}: {error}"),
            };
            let flags = event.events();
            assert!(!flags.contains(ReadFlags::QUEUE_OVERFLOW), "{told}: some was not seen");
            assert!(
                flags.contains(ReadFlags::MOVED_TO),
                "{told}: {flags:?} {:?}",
                event.file_name()
            );
            came += 1;
        }
        assert_eq!(came, files, "{told}: each file comes once");
    }
}

/// Of a batch of small pages: page 3 is what lay third in the feeder, and so on.
pub fn check_originals(station: &Station, batch: &str, pages: usize, told: &str) {
    for no in 1..=pages {
        let original = station.path(&format!("state/spool/{batch}/{no:04}.png"));
        let kept = image::open(&original).unwrap().to_luma8().into_raw();
        let laid_in = small_page(no);
        assert!(laid_in.ends_with(&kept), "{told}: page {no} is another");
    }
}

/// Of a station that has ended: all it says it filed stands in the repository
/// once and nothing else does, and its audit is whole.
pub fn check_repository(station: &Station, documents: usize, told: &str) {
    let repository = station.path("repository").display().to_string();
    let state = station.path("state").display().to_string();
    let verify = ["verify", "--json", &repository, "--state", &state, "--all-must-be-there"];
    let verified = station.run(&verify);
    assert_eq!(verified.code, 0, "{told}: {}{}", verified.stdout, verified.stderr);
    let audited = station.run(&["audit", "verify", "--state", &state]);
    assert_eq!(audited.code, 0, "{told}: {}{}", audited.stdout, audited.stderr);
    for ending in ["pdf", "json"] {
        assert_eq!(station.filed(ending).len(), documents, "{told}: {ending}");
    }
    let all = std::fs::read_dir(&repository).unwrap().count();
    assert_eq!(all, 2 * documents, "{told}: the watched folder holds something else");
}
