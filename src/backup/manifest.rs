//! What a backup holds: the list that is written last and read first.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AUDIT_HEAD, BackupFault, MANIFEST_HEAD, SPOOL};
use crate::disk::Disk;
use crate::disk::durable::write_over;
use crate::records::ids::{BatchId, Sha256};
use crate::spool::is_plain_name;
use crate::store::Database;

pub(super) const FILE: &str = "manifest.json";

/// Raised when an older program would restore less than there is.
const FORMAT: u32 = 2;

/// A backup's own words; paths are made of its names, never taken from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    /// The version that made it.
    outguide: String,
    pub made_at: Timestamp,
    /// The station's id.
    pub station: String,
    /// The folder of this run within the backup.
    pub(super) run: String,
    pub(super) database: DatabaseCopy,
    /// None where nothing was ever filed.
    pub(super) staging_owner: Option<KeptFile>,
    /// How far the station's chains went; none in the first format.
    #[serde(default)]
    pub(super) heads: Vec<KeptFile>,
    pub(super) settings: Vec<KeptFile>,
    pub(super) originals: Vec<KeptOriginal>,
    /// Originals that were damaged when the backup was made, and not kept.
    pub damaged: Vec<DamagedOriginal>,
}

/// A file of one run, by its name below the run's folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptFile {
    pub name: String,
    pub sha256: Sha256,
    pub bytes: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatabaseCopy {
    pub kind: DatabaseKind,
    pub copy: KeptFile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DatabaseKind {
    Sqlite,
    Postgresql,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptOriginal {
    pub batch: BatchId,
    pub file: String,
    pub sha256: Sha256,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DamagedOriginal {
    pub batch: BatchId,
    pub file: String,
    pub damage: Damage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Damage {
    /// It cannot be read, though its folder can.
    Lost,
    /// It is not what was scanned.
    Changed,
}

impl DatabaseKind {
    pub fn of(database: &Database) -> Self {
        match database {
            Database::Sqlite(_) => DatabaseKind::Sqlite,
            Database::Postgres(_) => DatabaseKind::Postgresql,
        }
    }

    pub fn in_words(self) -> &'static str {
        match self {
            DatabaseKind::Sqlite => "a database of the station's own",
            DatabaseKind::Postgresql => "a database that stations share",
        }
    }
}

impl Manifest {
    pub(super) fn begin(made_at: Timestamp, station: &str, database: DatabaseCopy) -> Self {
        Manifest {
            format: FORMAT,
            outguide: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            station: station.to_owned(),
            run: run_name(made_at),
            database,
            staging_owner: None,
            heads: Vec::new(),
            settings: Vec::new(),
            originals: Vec::new(),
            damaged: Vec::new(),
        }
    }

    /// The manifest of the backup in `folder`; `None` where there is none.
    pub(super) fn read(disk: &Disk, folder: &Path) -> Result<Option<Self>, BackupFault> {
        let path = folder.join(FILE);
        let text = match disk.read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(BackupFault::Read { path, source }),
        };
        parse(&text).map(Some).map_err(|refused| match refused {
            Refused::Newer { by, found } => BackupFault::Newer { by, found, known: FORMAT },
            Refused::Unreadable(what) => BackupFault::ManifestUnreadable { path, what },
        })
    }

    /// The last act of a backup: from its rename on, this is the backup.
    pub(super) fn write(&self, disk: &Disk, folder: &Path) -> Result<(), BackupFault> {
        let path = folder.join(FILE);
        let mut text = serde_json::to_vec_pretty(self).expect("our own words are JSON");
        text.push(b'\n');
        write_over(disk, &path, |file| file.append(&text))
            .map_err(|source| BackupFault::Write { path, source })
    }

    /// How many originals it holds.
    pub fn originals(&self) -> usize {
        self.originals.len()
    }

    /// Where station.toml and the profiles are for a person to put back.
    pub fn settings_folder(&self, backup: &Path) -> Option<PathBuf> {
        (!self.settings.is_empty()).then(|| backup.join(&self.run))
    }

    /// Each file with what it must be.
    pub(super) fn files<'a>(
        &'a self,
        backup: &'a Path,
    ) -> impl Iterator<Item = (PathBuf, Sha256, u64)> + 'a {
        let of_run = [&self.database.copy].into_iter().chain(&self.staging_owner);
        let of_run = of_run
            .chain(&self.heads)
            .chain(&self.settings)
            .map(|kept| (self.in_run(backup, kept), kept));
        of_run.map(|(path, kept)| (path, kept.sha256, kept.bytes)).chain(
            self.originals.iter().map(|original| {
                (original.path(&backup.join(SPOOL)), original.sha256, original.bytes)
            }),
        )
    }

    pub(super) fn in_run(&self, backup: &Path, kept: &KeptFile) -> PathBuf {
        backup.join(&self.run).join(&kept.name)
    }
}

impl KeptOriginal {
    pub fn path(&self, spool: &Path) -> PathBuf {
        spool.join(self.batch.as_str()).join(&self.file)
    }
}

enum Refused {
    Newer { by: String, found: u32 },
    Unreadable(String),
}

/// Of a newer one nothing but these two is understood.
#[derive(Deserialize)]
struct Edition {
    format: u32,
    #[serde(default)]
    outguide: String,
}

fn parse(text: &[u8]) -> Result<Manifest, Refused> {
    let unreadable = |error: serde_json::Error| Refused::Unreadable(error.to_string());
    let Edition { format, outguide } = serde_json::from_slice(text).map_err(unreadable)?;
    if format > FORMAT {
        return Err(Refused::Newer { by: outguide, found: format });
    }
    let manifest: Manifest = serde_json::from_slice(text).map_err(unreadable)?;
    // They go to these places in the state folder.
    let is_head = |kept: &KeptFile| [AUDIT_HEAD, MANIFEST_HEAD].contains(&&*kept.name);
    if let Some(other) = manifest.heads.iter().find(|kept| !is_head(kept)) {
        return Err(Refused::Unreadable(format!("it names {:?}", other.name)));
    }
    let names_of_run = [&manifest.database.copy]
        .into_iter()
        .chain(&manifest.staging_owner)
        .chain(&manifest.settings)
        .map(|kept| &kept.name);
    let names = names_of_run
        .chain(manifest.originals.iter().map(|original| &original.file))
        .chain([&manifest.run]);
    for name in names {
        if !name.split('/').all(is_plain_name) {
            return Err(Refused::Unreadable(format!("it names {name:?}")));
        }
    }
    Ok(manifest)
}

pub(super) fn run_name(made_at: Timestamp) -> String {
    made_at.strftime("run-%Y%m%dT%H%M%SZ").to_string()
}

/// Whether a folder is called as a run's is.
pub(super) fn is_run_name(name: &str) -> bool {
    let form = |(at, b): (usize, u8)| match at {
        0..4 => b == b"run-"[at],
        12 => b == b'T',
        19 => b == b'Z',
        _ => b.is_ascii_digit(),
    };
    name.len() == 20 && name.bytes().enumerate().all(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> serde_json::Value {
        serde_json::json!({
            "format": 1, "outguide": "0.1.0", "made_at": "2026-01-31T09:00:00Z",
            "station": "desk-1", "run": "run-20260131T090000Z",
            "database": {"kind": "sqlite", "copy":
                {"name": "outguide.db", "sha256": "0".repeat(64), "bytes": 1}},
            "staging_owner": null, "settings": [], "damaged": [],
            "heads": [{"name": "audit-head.json", "sha256": "0".repeat(64), "bytes": 1}],
            "originals": [{"batch": "20260131-090000-1a2b", "file": "0001.png",
                           "sha256": "0".repeat(64), "bytes": 1}],
        })
    }

    #[test]
    fn a_manifest_of_a_newer_version_is_known_as_such_whatever_it_holds() {
        assert!(parse(manifest().to_string().as_bytes()).is_ok());
        let newer = parse(br#"{"format": 3, "outguide": "9.0", "pages": []}"#);
        assert!(matches!(newer, Err(Refused::Newer { by, found: 3 }) if by == "9.0"));
    }

    #[test]
    fn no_name_in_a_manifest_leads_out_of_the_backup() {
        for (pointer, name) in [
            ("/originals/0/file", "../../../etc/passwd"),
            ("/originals/0/file", ".."),
            ("/originals/0/batch", "../x"),
            ("/database/copy/name", "/etc/passwd"),
            ("/run", "../run"),
            ("/heads/0/name", "outguide.db"),
        ] {
            let mut changed = manifest();
            *changed.pointer_mut(pointer).unwrap() = name.into();
            let refused = parse(changed.to_string().as_bytes());
            assert!(matches!(refused, Err(Refused::Unreadable(_))), "{pointer} {name}");
        }
    }

    #[test]
    fn a_run_is_known_by_its_folders_name() {
        assert!(is_run_name(&run_name("2026-01-31T09:00:00Z".parse().unwrap())));
        for other in ["run-20260131T090000", "run-", "spool", "run-20260131x090000Z"] {
            assert!(!is_run_name(other), "{other}");
        }
    }
}
