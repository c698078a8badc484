//! Who a station is in a staging folder that several stations share.
//!
//! ```text
//! STATE/staging-owner   "records-1-5d0c…e1": the station's id at its first start, 128 random bits
//! ```
//!
//! The random part makes it this state folder's alone, whatever the station is
//! called and however the folder's path is spelled. It is written once, durably,
//! before anything is staged under it: a station that came back as another would
//! not know its receipts, and would file again what the repository has taken.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::disk::durable::write_synced;
use crate::disk::{Access, Disk};

const FILE: &str = "staging-owner";

/// Two stations that draw the same are no concern at this length.
const RANDOM_BYTES: usize = 16;

/// Begins every name of a station's files in staging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagingOwner(String);

impl StagingOwner {
    /// The owner kept in `state`, drawn there at the first start. Once this
    /// returns, it is the same after any stop. One that is not whole (no power
    /// cut leaves it so, but a full backup or an editor may) is drawn anew.
    pub fn of_station(disk: &Disk, state: &Path, station_id: &str) -> io::Result<Self> {
        let path = state.join(FILE);
        if read(disk, &path)?.is_none() {
            draw(disk, state, &path, station_id)?;
        }
        // What was found may be there only in the kernel's cache, left by a run
        // that was killed before it came to this.
        disk.sync_folder(state)?;
        read(disk, &path)?.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// One that is kept nowhere, for a look that leaves nothing behind.
    pub fn passing(station_id: &str) -> io::Result<Self> {
        Ok(StagingOwner(format!("{}-{}", plain(station_id), random()?)))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StagingOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn read(disk: &Disk, path: &Path) -> io::Result<Option<StagingOwner>> {
    match disk.read(path) {
        Ok(bytes) => Ok(whole(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A line that ends, and holds what [`draw`] writes.
fn whole(bytes: &[u8]) -> Option<StagingOwner> {
    let line = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let (station, random) = line.rsplit_once('-')?;
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let drawn = random.len() == 2 * RANDOM_BYTES && random.bytes().all(hex);
    (drawn && station == plain(station)).then(|| StagingOwner(line.to_owned()))
}

/// The station's id as it may stand in a file name; `~` ends an owner there.
fn plain(station_id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    station_id.chars().take(40).map(safe).collect()
}

fn random() -> io::Result<String> {
    let mut random = [0; RANDOM_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn draw(disk: &Disk, state: &Path, path: &Path, station_id: &str) -> io::Result<()> {
    let random = random()?;
    let line = format!("{}-{random}\n", plain(station_id));
    let temp = state.join(format!(".{FILE}.{random}.part"));
    write_synced(disk, &temp, Access::OwnerOnly, &mut line.as_bytes())
        .map_err(|fault| fault.into_cause())?;
    let placed = match disk.kind_of(path)? {
        None => disk.place(&temp, path).map(|_| ()),
        Some(_) => disk.rename_over(&temp, path),
    };
    match placed {
        // Another process of this station was first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.remove_file(&temp),
        placed => placed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::recording::{AfterCut, Recorder};

    #[test]
    fn a_station_is_the_same_at_every_start_and_no_two_are_alike() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let of = |state: &Path, id: &str| StagingOwner::of_station(&Disk::Real, state, id).unwrap();
        let first = of(one.path(), "station");
        assert!(first.as_str().starts_with("station-"), "{first}");
        assert_eq!(of(one.path(), "station"), first);
        assert_eq!(of(one.path(), "renamed-since"), first);
        assert_eq!(of(&one.path().join("."), "station"), first);
        assert_ne!(of(other.path(), "station"), first);
        assert_eq!(std::fs::read_dir(one.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_that_is_not_whole_is_drawn_anew_once() {
        let state = tempfile::tempdir().unwrap();
        for torn in
            ["", "records-1-5d0c", "records-1-00112233445566778899aabbccddeeff", "\n", "\0\n"]
        {
            std::fs::write(state.path().join(FILE), torn).unwrap();
            let of = || StagingOwner::of_station(&Disk::Real, state.path(), "records-1").unwrap();
            let drawn = of();
            assert_eq!(drawn.as_str().len(), "records-1-".len() + 2 * RANDOM_BYTES, "{torn:?}");
            assert_eq!(of(), drawn, "{torn:?}");
        }
    }

    #[test]
    fn a_stop_at_any_operation_leaves_one_that_is_the_same_from_its_first_use_on() {
        let lefts = [AfterCut::NothingUnsynced, AfterCut::NamesWithoutBytes];
        for (after, left) in (0..8).flat_map(|after| lefts.map(|left| (after, left))) {
            let root = tempfile::tempdir().unwrap();
            let recorder = Recorder::over(root.path()).unwrap();
            let disk = Disk::Recording(recorder.clone());
            recorder.cut_after(after);
            let first = StagingOwner::of_station(&disk, root.path(), "records-1");
            recorder.settle_after_cut(left).unwrap();
            let again = StagingOwner::of_station(&disk, root.path(), "records-1").unwrap();
            if let Ok(first) = first {
                assert_eq!(first, again, "{left:?} after {after}");
            }
        }
    }

    #[test]
    fn no_stations_name_leads_out_of_the_staging_folder() {
        let state = tempfile::tempdir().unwrap();
        let owner = StagingOwner::of_station(&Disk::Real, state.path(), "../a~b").unwrap();
        assert!(owner.as_str().starts_with("---a-b-"), "{owner}");
    }
}
