//! `outguide backup` and `outguide restore`: a station kept safe, and put back.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::exit::{Ends, Exit, Stopped};
use super::progress::counter;
use super::settings::{self, StateArgs};
use super::telling::{plural, say, say_json};
use crate::app::{self, settled_path, staging_folder};
use crate::backup::BackupFault;
use crate::backup::making::{BackupOrder, back_up};
use crate::backup::manifest::{Damage, DamagedOriginal, Manifest};
use crate::backup::restoring::{RestoreOrder, SharedDatabase, owner_other_than_this_user, restore};
use crate::config::{self, Station, lie_one_in_the_other};
use crate::disk::Disk;
use crate::profile::{self, Origin};

/// Keep a copy of the station: its records, every scanned page, its settings
///
/// The station may be scanning meanwhile. The same folder is used again and
/// again: pages that are in it already are only looked at. Run it as the
/// station's user, as `outguide restore` too.
#[derive(Args)]
pub struct BackupArgs {
    /// The folder that holds this station's backup, or will
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    state: StateArgs,
    /// One line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Put a station back from its backup, into an empty state folder
///
/// Everything in the backup is looked at first; where anything is not what it
/// was, nothing is changed.
#[derive(Args)]
pub struct RestoreArgs {
    /// The folder given to `outguide backup`
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Leave the database that stations share as it is: only this machine was lost
    #[arg(long)]
    without_database: bool,
    #[command(flatten)]
    state: StateArgs,
    /// One line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// What both tell.
#[derive(Serialize)]
struct Told<'a> {
    station: &'a str,
    made_at: jiff::Timestamp,
    originals: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    originals_added: Option<u64>,
    damaged: &'a [DamagedOriginal],
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<PathBuf>,
}

pub async fn run(args: &BackupArgs) -> Result<Exit, Stopped> {
    let station = settings::station(&args.state)?;
    let state = settings::state_dir(&args.state, &station);
    keep_apart(&args.to, &state, &station)?;
    let settings = settings_files(&args.state, &station)?;
    let bar = counter(args.json, "pages safe");
    let order = BackupOrder {
        state: &state,
        database: &app::database(&state, &station),
        station: &station.id,
        settings: &settings,
        to: &args.to,
        now: jiff::Timestamp::now(),
    };
    let made = back_up(&Disk::Real, &order, &|| bar.inc(1)).await.map_err(stopped)?;
    bar.finish_and_clear();
    let manifest = &made.manifest;
    if args.json {
        say_json(&told(manifest, Some(made.originals_added), None))?;
    } else {
        tell_damaged(manifest, &state)?;
        say(format_args!(
            "{} in the backup, {} of them new; records of {}",
            plural(manifest.originals(), "page"),
            made.originals_added,
            manifest.made_at
        ))?;
    }
    Ok(ended(manifest))
}

pub async fn run_restore(args: &RestoreArgs) -> Result<Exit, Stopped> {
    let station = settings::station(&args.state)?;
    let state = settings::state_dir(&args.state, &station);
    keep_apart(&args.from, &state, &station)?;
    if let Some(owner) = owner_other_than_this_user(&state) {
        return Err(Stopped::because(
            Exit::Storage,
            format!(
                "the state folder {} is another user's (number {owner}), who could not read what \
                 you restore; run this as that user, such as `runuser -u outguide -- outguide \
                 restore …`",
                state.display()
            ),
        ));
    }
    let bar = counter(args.json, "files looked at and put back");
    let order = RestoreOrder {
        from: &args.from,
        state: &state,
        database: &app::database(&state, &station),
        station: &station.id,
        shared_database: match args.without_database {
            true => SharedDatabase::Leave,
            false => SharedDatabase::PutBack,
        },
    };
    let restored = restore(&Disk::Real, &order, &|| bar.inc(1)).await.map_err(stopped)?;
    bar.finish_and_clear();
    let manifest = &restored.manifest;
    let settings = manifest.settings_folder(&args.from);
    if args.json {
        say_json(&told(manifest, None, settings))?;
        return Ok(ended(manifest));
    }
    tell_damaged(manifest, &state)?;
    say(format_args!(
        "{} put back, with the records of {}; what was scanned since is not there",
        plural(manifest.originals(), "page"),
        manifest.made_at
    ))?;
    if let Some(settings) = settings {
        say(format_args!(
            "compare /etc/outguide with station.toml and profiles in {}",
            settings.display()
        ))?;
    }
    Ok(ended(manifest))
}

/// A backup in the repository would be taken in, and one in the state folder
/// lost with it.
fn keep_apart(backup: &Path, state: &Path, station: &Station) -> Result<(), Stopped> {
    let watched = station.repository.dir.as_deref().map(settled_path);
    let staging = watched.as_deref().and_then(|watched| staging_folder(watched, station));
    let backup = settled_path(backup);
    for folder in [Some(state.to_owned()), watched, staging].into_iter().flatten() {
        let folder = settled_path(&folder);
        if lie_one_in_the_other(&backup, &folder) {
            return Err(Stopped::because(
                Exit::Settings,
                format!(
                    "the backup {} and the station's {} lie one in the other; keep them apart, \
                     best on another disk",
                    backup.display(),
                    folder.display()
                ),
            ));
        }
    }
    Ok(())
}

/// What a person has written for this station: its name in the backup, and where
/// it is.
fn settings_files(args: &StateArgs, station: &Station) -> Result<Vec<(String, PathBuf)>, Stopped> {
    let loaded = config::load(args.station.as_deref()).ends(Exit::Settings)?;
    let mut files = Vec::new();
    if let Some(file) = loaded.file {
        files.push(("station.toml".to_owned(), file));
    }
    let given = args.profiles.as_deref().or(station.profiles_dir.as_deref());
    let dirs = profile::search_dirs(given).ends(Exit::Settings)?;
    for (name, origin) in profile::list(&dirs).ends(Exit::Settings)? {
        match origin {
            Origin::File(path) => files.push((format!("profiles/{name}.toml"), path)),
            Origin::BuiltIn => {}
        }
    }
    Ok(files)
}

fn told(manifest: &Manifest, added: Option<u64>, settings: Option<PathBuf>) -> Told<'_> {
    Told {
        station: &manifest.station,
        made_at: manifest.made_at,
        originals: manifest.originals(),
        originals_added: added,
        damaged: &manifest.damaged,
        settings,
    }
}

fn tell_damaged(manifest: &Manifest, state: &Path) -> Result<(), Stopped> {
    for DamagedOriginal { batch, file, damage } in &manifest.damaged {
        let path = state.join("spool").join(batch.as_str()).join(file);
        let what = match damage {
            Damage::Lost => "cannot be read",
            Damage::Changed => "is not what was scanned any more",
        };
        say(format_args!(
            "DAMAGED  {}: {what}, and is not in the backup; check the disk and scan this page again",
            path.display()
        ))?;
    }
    Ok(())
}

fn ended(manifest: &Manifest) -> Exit {
    if manifest.damaged.is_empty() { Exit::Done } else { Exit::FoundWrong }
}

fn stopped(fault: BackupFault) -> Stopped {
    let exit = match &fault {
        BackupFault::NoManifest { .. }
        | BackupFault::ManifestUnreadable { .. }
        | BackupFault::NotWhole { .. } => Exit::FoundWrong,
        BackupFault::Newer { .. } => Exit::Failed,
        BackupFault::OfAnotherStation { .. }
        | BackupFault::OtherId { .. }
        | BackupFault::OtherKindOfDatabase { .. } => Exit::Settings,
        BackupFault::Store(_)
        | BackupFault::FolderUnusable { .. }
        | BackupFault::FolderInUse { .. }
        | BackupFault::Write { .. }
        | BackupFault::WrittenWrong { .. }
        | BackupFault::Read { .. }
        | BackupFault::StateNotEmpty { .. }
        | BackupFault::OtherRestore { .. }
        | BackupFault::StateInUse { .. }
        | BackupFault::StateUnusable { .. }
        | BackupFault::DatabaseNotEmpty { .. } => Exit::Storage,
    };
    Stopped { exit, cause: fault.into() }
}
