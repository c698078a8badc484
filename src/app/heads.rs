//! How far the station's chains go, noted outside the database, so that an end
//! cut off there is found.
//!
//! A note is only moved on along its own chain: where the row it names is not
//! there any more the note stays, and says so until somebody has looked.

use std::io;
use std::path::Path;

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};

use crate::backup::{AUDIT_HEAD, MANIFEST_HEAD};
use crate::disk::durable::write_synced;
use crate::disk::{Access, Disk};
use crate::records::chain::{ChainHead, NotedHead};
use crate::store::{Chain, Store};

/// In the state folder.
pub fn note_of(chain: Chain) -> &'static str {
    match chain {
        Chain::Audit => AUDIT_HEAD,
        Chain::Manifests => MANIFEST_HEAD,
    }
}

/// As it stands in the file.
#[derive(Serialize, Deserialize)]
struct Note {
    /// Earlier versions did not say whose it is.
    station: Option<String>,
    #[serde(flatten)]
    head: ChainHead,
}

/// How to see what became of a chain.
fn looked_at_by(chain: Chain) -> &'static str {
    match chain {
        Chain::Audit => "outguide audit verify",
        Chain::Manifests => "outguide verify --state",
    }
}

/// Notes how far each chain of the station goes. One that cannot be noted does
/// not keep the others from it.
pub async fn note_heads(
    folder: &Path,
    store: &Store,
    station: &str,
    disk: &Disk,
) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    for chain in Chain::ALL {
        let noted = note_head(folder, store, chain, station, disk).await;
        outcome = outcome.and(noted);
    }
    outcome
}

async fn note_head(
    folder: &Path,
    store: &Store,
    chain: Chain,
    station: &str,
    disk: &Disk,
) -> anyhow::Result<()> {
    let head = store.chain_head(chain, station).await?;
    if let Some(noted) = noted_head(folder, chain, station)? {
        if Some(noted.head) == head && noted.station == station {
            return Ok(());
        }
        let row = noted.head.no;
        if store.chain_hash(chain, &noted.station, row).await? != Some(noted.head.hash) {
            return Err(anyhow!(
                "row {row} of the chain, as {} names it, is gone or another: the note was left as \
                 it is; look with `{}`, and take the note away once you know why",
                folder.join(note_of(chain)).display(),
                looked_at_by(chain)
            ));
        }
    }
    let Some(head) = head else { return Ok(()) };
    let note = Note { station: Some(station.to_owned()), head };
    write_note(folder, note_of(chain), &note, disk)
        .with_context(|| format!("cannot write {}", folder.join(note_of(chain)).display()))
}

fn write_note(folder: &Path, name: &str, note: &Note, disk: &Disk) -> anyhow::Result<()> {
    let text = serde_json::to_vec(note)?;
    let (path, temp) = (folder.join(name), folder.join(format!(".{name}.part")));
    match disk.remove_file(&temp) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    write_synced(disk, &temp, Access::OwnerOnly, &mut text.as_slice())?;
    disk.rename_over(&temp, &path)?;
    Ok(disk.sync_folder(folder)?)
}

/// What [`note_heads`] noted last; `None` where nothing ever was. `station` is
/// whose it is where the note does not say.
pub fn noted_head(folder: &Path, chain: Chain, station: &str) -> anyhow::Result<Option<NotedHead>> {
    let path = folder.join(note_of(chain));
    let text = match Disk::Real.read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let note: Note =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
    let station = note.station.unwrap_or_else(|| station.to_owned());
    Ok(Some(NotedHead { station, head: note.head }))
}
