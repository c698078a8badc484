//! Files that have settled: looked at, taken into a batch, and removed.

use std::ffi::{OsStr, OsString};
use std::fs::TryLockError;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
use rustix::io::Errno;

use super::quarantine;
use super::seen::{Looks, Settled};
use super::{Examined, Intake, IntakeFault, IntakeParts, NotFed, TRIED_AGAIN_AFTER};
use crate::disk::page_file::{MAX_FILE_BYTES, PageFileFault};
use crate::disk::{Disk, EntryKind};
use crate::records::batch::{BatchState, Decision, GivenFile, Pause};
use crate::records::ids::{BatchId, Sha256};
use crate::store::{HotBatch, HotFile, HotFileRow, HotStanding, Moved};

/// Bytes that no row shows as they are.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// A file whose pages can be read.
pub(super) struct Ready {
    name: OsString,
    looks: Looks,
    file: HotFile,
}

/// The name in a hot folder that a row stands for.
pub(super) fn name_of(file: &HotFile) -> OsString {
    OsString::from_vec(percent_decode_str(&file.name).collect())
}

fn name_in_a_row(name: &OsStr) -> String {
    percent_encode(name.as_bytes(), ESCAPED).to_string()
}

/// What reading a settled file gave.
enum Content {
    Whole(Vec<u8>),
    /// As it is it never will be pages.
    No(String),
    /// Perhaps it can be read later: a share may be gone for a moment.
    NotNow(io::Error),
    Changed,
}

impl Intake {
    /// Reads a settled file, and sets it aside where it holds no pages.
    pub(super) fn examined(&mut self, settled: Settled) -> Examined {
        let path = self.parts.folder.dir.join(&settled.name);
        let why = match settled.unreadable {
            Some(why) if settled.is_given_up_on => why,
            Some(_) => return Examined::NotYet,
            None => match read_settled(&self.parts.disk, &path, settled.looks) {
                Content::Changed => {
                    self.memory.forget(&settled.name);
                    return Examined::NotYet;
                }
                Content::NotNow(_) if !settled.is_given_up_on => return Examined::NotYet,
                Content::NotNow(error) => {
                    format!("it cannot be read to its end ({error}); check what it lies on")
                }
                Content::No(why) => why,
                Content::Whole(bytes) => match (self.parts.examine)(&bytes) {
                    Ok(()) => {
                        let file = HotFile {
                            name: name_in_a_row(&settled.name),
                            bytes: bytes.len() as u64,
                            sha256: Sha256::of(&bytes),
                        };
                        let Settled { name, looks, .. } = settled;
                        return Examined::Pages(Ready { name, looks, file });
                    }
                    Err(why) => why,
                },
            },
        };
        if !settled.is_given_up_on {
            self.memory.is_unreadable(&settled.name, &why);
            return Examined::NotYet;
        }
        if let Err(fault) = self.set_aside(&settled.name, &why) {
            self.complain(&fault, None);
        }
        Examined::Unusable
    }

    fn set_aside(&self, name: &OsStr, why: &str) -> Result<(), IntakeFault> {
        let IntakeParts { disk, folder, now, .. } = &*self.parts;
        let reason = format!("{}: {why}", now().strftime("%Y-%m-%d %H:%M:%S UTC"));
        quarantine::set_aside(disk, &folder.dir, name, &reason)
            .map_err(|source| IntakeFault::Quarantine { source })?;
        tracing::warn!(
            folder = %folder.dir.display(),
            "a file of a hot folder cannot be taken; it is in quarantine, the reason beside it"
        );
        Ok(())
    }

    /// Opens a batch for these files and brings it to its end.
    pub(super) fn take(&mut self, files: Vec<Ready>) -> Result<(), IntakeFault> {
        let parts = self.parts.clone();
        let dir = &parts.folder.dir;
        let is_as_read = |ready: &Ready| looks_like(&dir.join(&ready.name), ready.looks);
        if !files.iter().all(is_as_read) {
            return Ok(());
        }
        let given = files.iter().map(|ready| GivenFile {
            name: ready.name.to_string_lossy().into_owned(),
            bytes: ready.file.bytes,
        });
        let batch = self.new_batch(given.collect())?;
        let rows: Vec<HotFile> = files.into_iter().map(|ready| ready.file).collect();
        let opened = parts.store.open_hot_batch(&batch, &parts.named_dir, &rows);
        self.runtime.block_on(opened)?;
        let row = |(file, position)| HotFileRow { position, standing: HotStanding::Taking, file };
        let files = rows.into_iter().zip(1..).map(row).collect();
        self.bring_to_its_end_or_wait(HotBatch { batch, files })
    }

    /// Ids tell seconds apart, and within one only by chance: a folder full of
    /// files opens many.
    fn new_batch(&self, given: Vec<GivenFile>) -> Result<crate::store::BatchRow, IntakeFault> {
        loop {
            let batch = (self.parts.new_batch)(given.clone())
                .map_err(|told| IntakeFault::NoBatch { told })?;
            if self.runtime.block_on(self.parts.store.batch(&batch.id))?.is_none() {
                return Ok(batch);
            }
        }
    }

    /// From wherever a stop left it.
    pub(super) fn bring_to_its_end(&mut self, batch: HotBatch) -> Result<(), IntakeFault> {
        if batch.batch.state.takes_paper() {
            return self.feed(batch);
        }
        for row in &batch.files {
            match row.standing {
                HotStanding::Taken => self.remove_original(&batch.batch.id, row)?,
                HotStanding::Taking => self.leave_to_a_person(&batch, row)?,
            }
        }
        Ok(())
    }

    fn feed(&mut self, batch: HotBatch) -> Result<(), IntakeFault> {
        let id = batch.batch.id.clone();
        let parts = self.parts.clone();
        let paths: Vec<PathBuf> =
            batch.files.iter().map(|row| parts.folder.dir.join(name_of(&row.file))).collect();
        let mut are_there = true;
        for (path, row) in paths.iter().zip(&batch.files) {
            are_there = are_there && self.is_still(path, &row.file)?;
        }
        let fed = match are_there {
            true => (parts.feed)(&batch.batch, &paths),
            false => Err(NotFed::OtherFiles {
                told: "a file that was being taken is gone from the hot folder, or is another"
                    .to_owned(),
            }),
        };
        match fed {
            Ok(()) if self.holds_those_files(&batch)? => {}
            Ok(()) => {
                return self.give_up(&id, "a file changed while it was taken");
            }
            Err(NotFed::Stopping) => return Ok(()),
            Err(NotFed::Surroundings { told }) => return Err(IntakeFault::Feed { told }),
            Err(NotFed::OtherFiles { told }) => {
                if self.runtime.block_on(parts.store.pages(&id))?.is_empty() {
                    return self.give_up(&id, &told);
                }
                return self.wait_for_a_clerk(&batch, told);
            }
        }
        match self.runtime.block_on(parts.store.close_hot_batch(&id))? {
            Moved::Yes => {}
            // A clerk closed or discarded it meanwhile: the next look sees to it.
            Moved::NotFrom(_) => return Ok(()),
        }
        (parts.tell_moved)(&id);
        tracing::info!(
            batch.id = %id, folder = %parts.folder.dir.display(), files = batch.files.len(),
            "files of a hot folder became a batch"
        );
        for row in &batch.files {
            self.remove_original(&id, row)?;
        }
        Ok(())
    }

    /// That what was fed is what was read before, file by file.
    fn holds_those_files(&self, batch: &HotBatch) -> Result<bool, IntakeFault> {
        let pages = self.runtime.block_on(self.parts.store.pages(&batch.batch.id))?;
        let holds = |row: &HotFileRow| {
            let mut its_pages = pages.iter().filter(|page| page.image == row.position).peekable();
            its_pages.peek().is_some()
                && its_pages.all(|page| page.source_sha256 == Some(row.file.sha256))
        };
        Ok(batch.files.iter().all(holds))
    }

    /// Its files are taken anew, by another batch.
    fn give_up(&mut self, id: &BatchId, why: &str) -> Result<(), IntakeFault> {
        let IntakeParts { store, now, tell_moved, .. } = &*self.parts;
        let decision =
            Decision { by: "the hot folder".to_owned(), reason: why.to_owned(), at: now() };
        let given_up = self.runtime.block_on(async {
            // One whose paper moves is not discarded.
            let (Moved::Yes | Moved::NotFrom(_)) = store.pause_batch(id, &Pause::Asked).await?;
            store.give_up_hot_batch(id, &decision).await
        });
        let (Moved::Yes | Moved::NotFrom(_)) = given_up?;
        tracing::warn!(batch.id = %id, why, "a batch of a hot folder was given up");
        tell_moved(id);
        Ok(())
    }

    /// Some of its pages are kept, and whether that is all nobody knows but who
    /// knows what became of the file.
    fn wait_for_a_clerk(&mut self, batch: &HotBatch, told: String) -> Result<(), IntakeFault> {
        let id = &batch.batch.id;
        self.waiting.insert(id.clone(), Instant::now() + TRIED_AGAIN_AFTER);
        let pause = Pause::Fault {
            fault: "other-paper".to_owned(),
            told: format!(
                "{told}; put it back, or look what is kept and close or discard the batch"
            ),
        };
        if batch.batch.pause.as_ref() == Some(&pause) {
            return Ok(());
        }
        let paused = self.runtime.block_on(self.parts.store.pause_batch(id, &pause))?;
        let (Moved::Yes | Moved::NotFrom(_)) = paused;
        tracing::warn!(batch.id = %id, told, "a batch of a hot folder waits for a clerk");
        (self.parts.tell_moved)(id);
        Ok(())
    }

    /// A clerk ended the batch before the file was taken whole: what of it is in
    /// the batch a person has to see.
    fn leave_to_a_person(&self, batch: &HotBatch, row: &HotFileRow) -> Result<(), IntakeFault> {
        let id = &batch.batch.id;
        let name = name_of(&row.file);
        if self.is_still(&self.parts.folder.dir.join(&name), &row.file)? {
            let ended = match batch.batch.state {
                BatchState::Discarded => "discarded",
                BatchState::Open
                | BatchState::Scanning
                | BatchState::Paused
                | BatchState::Processing
                | BatchState::InQuestion
                | BatchState::AwaitingReview
                | BatchState::Filing
                | BatchState::Filed
                | BatchState::Held => "closed",
            };
            let why = format!(
                "batch {id} was {ended} before this file was taken whole; look what the batch \
                 holds, and drop the file again if its pages are missing"
            );
            self.set_aside(&name, &why)?;
        }
        Ok(self.runtime.block_on(self.parts.store.settle_hot_file(id, row.position))?)
    }

    /// Under a hidden name first: nothing that comes to stand in its place
    /// meanwhile goes with it.
    fn remove_original(&self, batch: &BatchId, row: &HotFileRow) -> Result<(), IntakeFault> {
        let IntakeParts { disk, folder, store, .. } = &*self.parts;
        let fault = |source| IntakeFault::RemoveOriginal { source };
        let original = folder.dir.join(name_of(&row.file));
        let hidden = folder.dir.join(format!(".outguide-{batch}-{}", row.position));
        let mut is_hidden = disk.kind_of(&hidden).map_err(fault)?.is_some();
        if !is_hidden && self.is_still(&original, &row.file)? {
            disk.place(&original, &hidden).map_err(fault)?;
            is_hidden = true;
        }
        if is_hidden {
            if self.is_still(&hidden, &row.file)? {
                disk.remove_file(&hidden).map_err(fault)?;
            } else {
                put_back(disk, &hidden, &original).map_err(fault)?;
            }
            disk.sync_folder(&folder.dir).map_err(fault)?;
        }
        Ok(self.runtime.block_on(store.settle_hot_file(batch, row.position))?)
    }

    /// Whether the file that a row names stands at `path`.
    fn is_still(&self, path: &Path, file: &HotFile) -> Result<bool, IntakeFault> {
        let disk = &self.parts.disk;
        let is_still = || -> io::Result<bool> {
            if disk.kind_of(path)? != Some(EntryKind::File)
                || std::fs::symlink_metadata(path)?.len() != file.bytes
            {
                return Ok(false);
            }
            Ok(disk.read_back(path)? == (file.sha256, file.bytes))
        };
        match is_still() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            answer => answer.map_err(|source| IntakeFault::ReadFile { source }),
        }
    }
}

/// Something else was written to that name: it is taken as any other.
fn put_back(disk: &Disk, hidden: &Path, original: &Path) -> io::Result<()> {
    let name = original.file_name().unwrap_or_default();
    for attempt in 1_u32.. {
        let mut back = OsString::new();
        if attempt > 1 {
            back.push(format!("{attempt}-"));
        }
        back.push(name);
        match disk.place(hidden, &original.with_file_name(back)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            answer => return answer.map(drop),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

fn looks_like(path: &Path, looks: Looks) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && Looks::of(&found) == looks)
}

/// The file as it settled, and not one that took its name since.
fn read_settled(disk: &Disk, path: &Path, looks: Looks) -> Content {
    let read = || -> io::Result<Content> {
        let mut file = disk.open(path)?;
        if Looks::of(&file.metadata()?) != looks {
            return Ok(Content::Changed);
        }
        // Writers that lock are heard; whether others have it open nothing says.
        if let Err(TryLockError::WouldBlock) = file.try_lock_shared() {
            return Ok(Content::Changed);
        }
        if file.metadata()?.len() > MAX_FILE_BYTES {
            return Ok(Content::No(PageFileFault::TooLarge.to_string()));
        }
        let mut bytes = Vec::new();
        (&mut file).take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
        Ok(match Looks::of(&file.metadata()?) == looks && looks_like(path, looks) {
            true => Content::Whole(bytes),
            false => Content::Changed,
        })
    };
    match read() {
        Ok(content) => content,
        // A link has taken its name.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => Content::Changed,
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::InvalidInput => Content::Changed,
            _ => Content::NotNow(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_from_its_row_as_it_was() {
        for bytes in [&b"fax 1.tif"[..], b"M\xfcller.pdf", "Müller 100%.pdf".as_bytes(), b"a\nb%41"]
        {
            let name = OsString::from_vec(bytes.to_vec());
            let row = name_in_a_row(&name);
            assert!(row.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{row}");
            let file = HotFile { name: row, bytes: 0, sha256: Sha256::of(b"") };
            assert_eq!(name_of(&file), name);
        }
    }
}
