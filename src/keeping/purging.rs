//! Removes the originals of batches that ended longer ago than their profiles
//! have them kept.
//!
//! The profile is the one the batch was opened under, as the batch holds it.
//! Where this version of Outguide cannot read it, or the batch's rows are not what
//! its manifest says, everything stays. The store
//! records a purge before the first file goes: what a stop leaves of it is
//! removed at the next look, and a page of such a batch is never taken for lost.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::profile;
use crate::records::ids::BatchId;
use crate::spool::{Spool, SpoolFault};
use crate::store::{EndedBatch, PurgeRecorded, Store, StoreFault};

/// Batches looked at in one query.
const PIECE: u32 = 500;

/// In one transaction: scanning goes on meanwhile, and waits no longer than for a
/// page.
const SEALED_AT_ONCE: u32 = 50;

#[derive(Debug, thiserror::Error)]
pub enum PurgeFault {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Spool(#[from] SpoolFault),
    #[error("files could not be removed because the task that does it broke off")]
    Task { source: tokio::task::JoinError },
}

/// A batch whose originals are due to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueBatch {
    pub id: BatchId,
    pub profile_name: String,
    /// UTC.
    pub ended_at: Timestamp,
    /// What its profile says.
    pub after_days: u32,
}

/// What a look at all ended batches found.
#[derive(Debug, Default)]
pub struct Look {
    /// In the order of their ids.
    pub due: Vec<DueBatch>,
    /// Batches kept because their profile cannot be read, by its name.
    pub unreadable: BTreeMap<String, u64>,
}

/// Finds what is due at `now`; changes nothing. `spool` is the id of the spool
/// whose batches are looked at.
pub async fn look(
    store: &Store,
    station: &str,
    spool: &str,
    now: Timestamp,
) -> Result<Look, StoreFault> {
    let mut look = Look::default();
    let mut rules = Rules::default();
    let mut after = None;
    loop {
        let ended =
            store.ended_batches_with_originals(station, spool, after.as_ref(), PIECE).await?;
        let Some(last) = ended.last() else { return Ok(look) };
        after = Some(last.id.clone());
        for batch in ended {
            match rules.of(&batch) {
                Rule::ForEver => {}
                Rule::Unreadable => {
                    *look.unreadable.entry(batch.profile_name).or_default() += 1;
                }
                Rule::Days(after_days) => {
                    let kept = SignedDuration::from_hours(24 * i64::from(after_days));
                    if now.duration_since(batch.ended_at) >= kept {
                        let EndedBatch { id, profile_name, ended_at, .. } = batch;
                        look.due.push(DueBatch { id, profile_name, ended_at, after_days });
                    }
                }
            }
        }
    }
}

/// How long a profile has originals kept.
#[derive(Debug, Clone, Copy)]
enum Rule {
    ForEver,
    Days(u32),
    Unreadable,
}

/// Most batches were opened under one of few profiles: each is read once.
#[derive(Default)]
struct Rules(HashMap<(String, String), Rule>);

impl Rules {
    fn of(&mut self, batch: &EndedBatch) -> Rule {
        let profile = (batch.profile_name.clone(), batch.profile_text.clone());
        *self.0.entry(profile).or_insert_with_key(|(name, text)| {
            match profile::parse(text, name).0.map(|profile| profile.keep.original_days) {
                None => Rule::Unreadable,
                Some(None) => Rule::ForEver,
                Some(Some(days)) => Rule::Days(days),
            }
        })
    }
}

/// Gives batches that ended before manifests were written theirs, as long as
/// `goes_on` says so. They count as ended now: their originals stay the longer.
pub async fn seal_earlier_batches(
    store: &Store,
    station: &str,
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Result<(), StoreFault> {
    let mut after = None;
    while goes_on() {
        let batches = store.ended_without_manifest(station, after.as_ref(), SEALED_AT_ONCE).await?;
        let Some(last) = batches.last() else { break };
        after = Some(last.clone());
        store.seal_earlier_batches(&batches).await?;
    }
    Ok(())
}

/// Removes the originals of one batch, and all that was made from them; whether
/// it was still due.
pub async fn purge(
    store: &Store,
    spool: &Spool,
    due: &DueBatch,
    now: Timestamp,
) -> Result<PurgeRecorded, PurgeFault> {
    let recorded = store.record_purge(&due.id, due.ended_at, due.after_days, now).await?;
    match recorded {
        PurgeRecorded::Yes => remove_files(store, spool, &due.id, now).await?,
        PurgeRecorded::NotDue | PurgeRecorded::NotAsSealed => {}
    }
    Ok(recorded)
}

/// Removes the files of a batch whose purge is recorded: what a stop left of
/// them too.
pub async fn remove_files(
    store: &Store,
    spool: &Spool,
    batch: &BatchId,
    now: Timestamp,
) -> Result<(), PurgeFault> {
    let (spool, id) = (spool.clone(), batch.clone());
    let removed = tokio::task::spawn_blocking(move || spool.remove_batch(&id)).await;
    removed.map_err(|source| PurgeFault::Task { source })??;
    Ok(store.end_purge(batch, now).await?)
}
