//! Every original hashed again and compared with its row and its batch's
//! manifest, the rows of ended batches with their manifests, and the chain of
//! manifests with itself.
//!
//! A station may be at work meanwhile. Batch by batch, file by file: memory does
//! not grow with the store.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::disk::Disk;
use crate::records::chain::{ChainCheck, ChainProblem, NotedHead};
use crate::records::ids::{BatchId, DocumentId, PageNo, Sha256};
use crate::records::manifest::{BatchManifest, Difference, ManifestRow};
use crate::spool;
use crate::store::{Chain, Store, StoreFault};

/// Manifests read at once: that of a batch of ten thousand pages is two megabytes.
const PIECE: u32 = 16;

/// Where originals lie.
#[derive(Debug)]
pub struct Spools<'a> {
    /// The station's own.
    pub own: &'a Path,
    /// One that stations share.
    pub shared: Option<&'a Path>,
}

/// What is compared.
#[derive(Debug)]
pub struct Archive<'a> {
    pub store: &'a Store,
    pub spools: Spools<'a>,
    pub station: &'a str,
    pub noted: Option<NotedHead>,
}

/// What was found. Everything that is not sound is listed, batch by batch.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArchiveReport {
    pub batches: u64,
    /// Originals that are what was scanned.
    pub sound_pages: u64,
    /// Originals that were removed as their profiles say.
    pub purged_pages: u64,
    /// Of all stations that share the database.
    pub manifests: u64,
    /// Batches that ended before manifests were written; the station writes
    /// theirs once it runs.
    pub without_manifest: u64,
    pub problems: Vec<ArchiveProblem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "problem")]
pub enum ArchiveProblem {
    OriginalMissing {
        batch: BatchId,
        page: PageNo,
        #[serde(serialize_with = "shown")]
        file: PathBuf,
    },
    OriginalChanged {
        batch: BatchId,
        page: PageNo,
        #[serde(serialize_with = "shown")]
        file: PathBuf,
        expected: Sha256,
        found: Sha256,
    },
    /// The disk or share does not give the file's bytes.
    OriginalUnreadable {
        batch: BatchId,
        page: PageNo,
        #[serde(serialize_with = "shown")]
        file: PathBuf,
        cause: String,
    },
    /// They stand in a spool that is not here; none was looked at.
    SpoolNotHere {
        batch: BatchId,
    },
    /// The row is not what its batch's manifest says, or only one of them is there.
    PageRowChanged {
        batch: BatchId,
        page: PageNo,
    },
    DocumentRowChanged {
        document: DocumentId,
    },
    BatchRowChanged {
        batch: BatchId,
    },
    /// Its manifest does not say that its originals were removed, or not so.
    PurgeRowChanged {
        batch: BatchId,
    },
    /// A manifest tells of a batch that is not there.
    BatchRowGone {
        batch: BatchId,
    },
    /// Its text is no manifest.
    ManifestUnreadable {
        batch: BatchId,
        no: u64,
    },
    /// The chain of manifests is not whole.
    Manifests {
        station: String,
        #[serde(flatten)]
        what: ChainProblem,
    },
}

/// A path as it can be said in JSON: one that is not UTF-8 with U+FFFD in it.
fn shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

impl ArchiveReport {
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// `told` is called for each original that was looked at.
pub async fn verify(
    disk: &Disk,
    archive: &Archive<'_>,
    told: &dyn Fn(),
) -> Result<ArchiveReport, StoreFault> {
    let mut report = ArchiveReport::default();
    follow_chains(archive, &mut report).await?;
    for batch in archive.store.manifests_without_batch().await? {
        report.problems.push(ArchiveProblem::BatchRowGone { batch });
    }
    for batch in archive.store.batches_of_station(archive.station).await? {
        verify_batch(disk, archive, &batch, &mut report, told).await?;
    }
    Ok(report)
}

async fn follow_chains(
    archive: &Archive<'_>,
    report: &mut ArchiveReport,
) -> Result<(), StoreFault> {
    let mut stations = archive.store.stations_of_chain(Chain::Manifests).await?;
    if let Some(noted) = &archive.noted
        && !stations.contains(&noted.station)
    {
        // Its whole chain is gone.
        stations.push(noted.station.clone());
    }
    for station in stations {
        let noted = archive.noted.as_ref().filter(|noted| noted.station == station);
        let mut check = ChainCheck::against(noted.map(|noted| noted.head));
        let mut after = 0;
        loop {
            let rows = archive.store.manifest_rows(&station, after, PIECE).await?;
            let Some(last) = rows.last() else { break };
            after = last.no;
            report.manifests += rows.len() as u64;
            rows.iter().for_each(|row| check.row(row));
        }
        let (_, problems) = check.end();
        report.problems.extend(problems.into_iter().map(|what| {
            let station = station.clone();
            ArchiveProblem::Manifests { station, what }
        }));
    }
    Ok(())
}

async fn verify_batch(
    disk: &Disk,
    archive: &Archive<'_>,
    id: &BatchId,
    report: &mut ArchiveReport,
    told: &dyn Fn(),
) -> Result<(), StoreFault> {
    let Some(batch) = archive.store.batch(id).await? else { return Ok(()) };
    report.batches += 1;
    let (manifest, now) = compare_rows(archive.store, id, report).await?;
    if manifest.is_none() && now.state.is_ended() {
        report.without_manifest += 1;
    }
    // The manifest is bound by its chain; a row is believed where there is none.
    let believed = manifest.as_ref().unwrap_or(&now);
    if believed.originals_removed_after_days.is_some() {
        report.purged_pages += believed.pages.len() as u64;
        return Ok(());
    }
    let Some(folder) = folder_of(disk, archive, &batch.spool, id) else {
        report.problems.push(ArchiveProblem::SpoolNotHere { batch: id.clone() });
        return Ok(());
    };
    for page in &believed.pages {
        let file = folder.join(&page.file);
        let found = verify_original(disk, id, page.page, file, page.sha256);
        told();
        match found {
            None => report.sound_pages += 1,
            // They may have come to be removed since the manifest was looked at.
            Some(_) if was_purged_meanwhile(archive.store, id, believed).await? => {
                report.purged_pages += 1;
            }
            Some(problem) => report.problems.push(problem),
        }
    }
    Ok(())
}

async fn was_purged_meanwhile(
    store: &Store,
    id: &BatchId,
    seen: &BatchManifest,
) -> Result<bool, StoreFault> {
    let Some(last) = store.last_manifest(id).await? else { return Ok(false) };
    let last = serde_json::from_str::<BatchManifest>(&last.text);
    Ok(last
        .is_ok_and(|last| last.originals_removed_after_days.is_some() && last.pages == seen.pages))
}

/// The batch's last manifest, where it has one that can be read, and what one
/// would say now.
async fn compare_rows(
    store: &Store,
    id: &BatchId,
    report: &mut ArchiveReport,
) -> Result<(Option<BatchManifest>, BatchManifest), StoreFault> {
    loop {
        let sealed = store.last_manifest(id).await?;
        let now = store.manifest_now(id).await?;
        let Some(row) = &sealed else {
            if now.state.is_ended() && store.last_manifest(id).await?.is_some() {
                continue;
            }
            return Ok((None, now));
        };
        let Ok(manifest) = serde_json::from_str::<BatchManifest>(&row.text) else {
            let (batch, no) = (id.clone(), row.no);
            report.problems.push(ArchiveProblem::ManifestUnreadable { batch, no });
            return Ok((None, now));
        };
        let differences = manifest.differences(&now);
        // It may have been changed while it was looked at.
        if !differences.is_empty() && was_sealed_again(store, id, row).await? {
            continue;
        }
        report.problems.extend(differences.into_iter().map(|difference| match difference {
            Difference::Batch => ArchiveProblem::BatchRowChanged { batch: id.clone() },
            Difference::Purge => ArchiveProblem::PurgeRowChanged { batch: id.clone() },
            Difference::Page { page } => ArchiveProblem::PageRowChanged { batch: id.clone(), page },
            Difference::Document { document } => ArchiveProblem::DocumentRowChanged { document },
        }));
        return Ok((Some(manifest), now));
    }
}

async fn was_sealed_again(
    store: &Store,
    id: &BatchId,
    seen: &ManifestRow,
) -> Result<bool, StoreFault> {
    let last = store.last_manifest(id).await?;
    Ok(last.is_some_and(|last| last.edition != seen.edition))
}

/// `None` where the spool is not here.
fn folder_of(disk: &Disk, archive: &Archive<'_>, spool: &str, id: &BatchId) -> Option<PathBuf> {
    if spool.is_empty() {
        return Some(archive.spools.own.join(id.as_str()));
    }
    let shared = archive.spools.shared?;
    let is_here = spool::id_of_shared(disk, shared).is_ok_and(|found| found == spool);
    is_here.then(|| shared.join(id.as_str()))
}

fn verify_original(
    disk: &Disk,
    batch: &BatchId,
    page: PageNo,
    file: PathBuf,
    expected: Sha256,
) -> Option<ArchiveProblem> {
    let batch = batch.clone();
    match disk.read_back(&file) {
        Ok((found, _)) if found == expected => None,
        Ok((found, _)) => {
            Some(ArchiveProblem::OriginalChanged { batch, page, file, expected, found })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some(ArchiveProblem::OriginalMissing { batch, page, file })
        }
        Err(error) => {
            let cause = error.to_string();
            Some(ArchiveProblem::OriginalUnreadable { batch, page, file, cause })
        }
    }
}
