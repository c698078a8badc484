//! `outguide purge`: originals kept as long as their profiles say, and now due to
//! go.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::exit::{Ends, Exit, Stopped};
use super::progress::counter;
use super::settings::{self, StateArgs};
use super::telling::{plural, say, say_json};
use crate::app;
use crate::config::Station;
use crate::disk::Disk;
use crate::keeping::purging::{DueBatch, Look, look, purge, remove_files, seal_earlier_batches};
use crate::records::ids::BatchId;
use crate::spool;
use crate::store::{PurgeRecorded, Store};

/// Show which scanned pages have been kept as long as their profiles say, and remove them
///
/// Only pages of batches that came to their end longer ago than `original_days`
/// in the profile they were opened under. What is known of them stays, and what
/// was filed is not touched. Without --yes nothing is removed. The running
/// station removes them by itself, at its start and once a day.
#[derive(Args)]
pub struct PurgeArgs {
    /// Remove them, for good
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    state: StateArgs,
    /// One line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Serialize)]
struct Told {
    /// Whether they were removed, or only would be.
    removed: bool,
    batches: Vec<BatchTold>,
    pages: u64,
    bytes: u64,
    /// Kept, because this version cannot read the profile they were opened under.
    kept: Vec<KeptTold>,
    /// Kept, because their records are not what their manifests say.
    changed: Vec<BatchId>,
}

#[derive(Serialize)]
struct BatchTold {
    batch: BatchId,
    ended_at: Timestamp,
    profile: String,
    after_days: u32,
    pages: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct KeptTold {
    profile: String,
    batches: u64,
}

pub async fn run(args: &PurgeArgs) -> Result<Exit, Stopped> {
    let station = settings::station(&args.state)?;
    let told = match args.yes {
        true => removed(args, &station).await?,
        false => due(args, &station).await?,
    };
    if args.json {
        say_json(&told)?
    } else {
        in_words(&told)?
    }
    Ok(if told.changed.is_empty() { Exit::Done } else { Exit::FoundWrong })
}

/// Changes nothing; the station may be at work.
async fn due(args: &PurgeArgs, station: &Station) -> Result<Told, Stopped> {
    let folder = settings::state_dir(&args.state, station);
    let store = Store::open_to_read(&app::database(&folder, station)).await.ends(Exit::Storage)?;
    if !store.knows_manifests().await.ends(Exit::Storage)? {
        // All are kept until the station's first start with this version.
        return Ok(told_of(&Look::default()));
    }
    let spool = match &station.shared_spool {
        Some(shared) => spool::id_of_shared(&Disk::Real, shared).ends(Exit::Storage)?,
        None => String::new(),
    };
    let looked = look(&store, &station.id, &spool, Timestamp::now()).await.ends(Exit::Storage)?;
    let mut told = told_of(&looked);
    for due in &looked.due {
        told.add(&store, due).await?;
    }
    store.close().await;
    Ok(told)
}

async fn removed(args: &PurgeArgs, station: &Station) -> Result<Told, Stopped> {
    let folder = settings::state_dir(&args.state, station);
    let state = app::open_state(&folder, station, Disk::Real).await.ends(Exit::Storage)?;
    let state = state.acting_for_this_user();
    let (store, spool) = (&state.store, &state.spool);
    let bar = counter(args.json, "batches removed");
    seal_earlier_batches(store, &state.station, &|| true).await.ends(Exit::Storage)?;
    let under_way = store.purges_under_way(&state.station, spool.id()).await;
    for batch in under_way.ends(Exit::Storage)? {
        remove_files(store, spool, &batch, Timestamp::now()).await.ends(Exit::Storage)?;
    }
    let looked = look(store, &state.station, spool.id(), Timestamp::now()).await;
    let looked = looked.ends(Exit::Storage)?;
    let mut told = Told { removed: true, ..told_of(&looked) };
    for due in &looked.due {
        match purge(store, spool, due, Timestamp::now()).await.ends(Exit::Storage)? {
            PurgeRecorded::Yes => told.add(store, due).await?,
            PurgeRecorded::NotDue => {}
            PurgeRecorded::NotAsSealed => told.changed.push(due.id.clone()),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    app::heads::note_heads(&folder, store, &station.id, &Disk::Real).await.ends(Exit::Storage)?;
    Ok(told)
}

fn told_of(looked: &Look) -> Told {
    let kept = looked.unreadable.iter();
    let kept =
        kept.map(|(profile, batches)| KeptTold { profile: profile.clone(), batches: *batches });
    Told {
        removed: false,
        batches: Vec::new(),
        pages: 0,
        bytes: 0,
        kept: kept.collect(),
        changed: Vec::new(),
    }
}

impl Told {
    async fn add(&mut self, store: &Store, due: &DueBatch) -> Result<(), Stopped> {
        let (pages, bytes) = store.originals_of(&due.id).await.ends(Exit::Storage)?;
        self.pages += pages;
        self.bytes += bytes;
        self.batches.push(BatchTold {
            batch: due.id.clone(),
            ended_at: due.ended_at,
            profile: due.profile_name.clone(),
            after_days: due.after_days,
            pages,
            bytes,
        });
        Ok(())
    }
}

fn in_words(told: &Told) -> Result<(), Stopped> {
    let counted = |count: u64, what| plural(usize::try_from(count).unwrap_or(usize::MAX), what);
    for batch in &told.batches {
        say(format_args!(
            "{}: ended {}, {}; {} says {}",
            batch.batch,
            batch.ended_at.strftime("%Y-%m-%d"),
            counted(batch.pages, "page"),
            batch.profile,
            counted(batch.after_days.into(), "day"),
        ))?;
    }
    for kept in &told.kept {
        say(format_args!(
            "kept: batches that ended under {}, {} of them; this version cannot read that \
             profile as it was then",
            kept.profile, kept.batches
        ))?;
    }
    for batch in &told.changed {
        say(format_args!(
            "kept: {batch}; its records are not what its manifest says: `outguide verify` names \
             what was changed"
        ))?;
    }
    let pages = counted(told.pages, "page");
    let megabytes = told.bytes >> 20;
    match (told.batches.len(), told.removed) {
        (0, _) => say("no scanned page has been kept longer than its profile says"),
        (_, true) => say(format_args!("{pages} removed, {megabytes} MB")),
        (_, false) => say(format_args!(
            "{pages}, {megabytes} MB, have been kept as long as their profiles say; --yes removes \
             them, and so does the running station by itself, once a day"
        )),
    }
}
