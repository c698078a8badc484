//! What the running station does by itself about batches that have ended: once
//! at its start, then once a day.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::State;
use super::serve::Serving;
use crate::keeping::purging::{PurgeFault, look, purge, remove_files, seal_earlier_batches};
use crate::pipeline::runner::RunsFor;
use crate::spool::Spool;
use crate::store::{PurgeRecorded, Store};
use crate::supervisor::Supervisor;

/// Days are what profiles count in.
const LOOKED_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// A database or a share that was away is back by then.
const AGAIN_AFTER_A_FAULT: Duration = Duration::from_secs(10 * 60);

/// A node that only reads pages has no batches of its own.
pub(super) fn keep(supervisor: &mut Supervisor, serving: &Arc<Serving>, state: &State) {
    match serving.role {
        RunsFor::Reading => return,
        RunsFor::Station => {}
    }
    let keeper = Keeper {
        store: state.store.clone(),
        spool: state.spool.clone(),
        station: state.station.clone(),
        draining: supervisor.draining(),
    };
    supervisor.keep("keeping", move || keeper.clone().look_again_and_again());
}

#[derive(Clone)]
struct Keeper {
    store: Store,
    spool: Spool,
    station: String,
    draining: watch::Receiver<bool>,
}

impl Keeper {
    async fn look_again_and_again(mut self) {
        loop {
            let wait = match self.look_once().await {
                Ok(()) => LOOKED_EVERY,
                Err(fault) => {
                    let error = format!("{:#}", anyhow::Error::from(fault));
                    tracing::error!(error, "originals kept long enough are not removed yet");
                    AGAIN_AFTER_A_FAULT
                }
            };
            let drains = self.draining.wait_for(|drains| *drains);
            if tokio::time::timeout(wait, drains).await.is_ok() {
                return;
            }
        }
    }

    /// A fault of one batch ends the look: that of a disk is one of all.
    async fn look_once(&self) -> Result<(), PurgeFault> {
        let Keeper { store, spool, station, .. } = self;
        let goes_on = || !*self.draining.borrow();
        seal_earlier_batches(store, station, &goes_on).await?;
        for batch in store.purges_under_way(station, spool.id()).await? {
            remove_files(store, spool, &batch, Timestamp::now()).await?;
            tracing::info!(batch.id = %batch, "the rest of a batch's originals is removed");
        }
        let looked = look(store, station, spool.id(), Timestamp::now()).await?;
        for (profile, batches) in &looked.unreadable {
            tracing::warn!(
                profile,
                batches,
                "originals stay: this version cannot read the profile of their batches"
            );
        }
        for due in looked.due.iter().take_while(|_| goes_on()) {
            match purge(store, spool, due, Timestamp::now()).await? {
                PurgeRecorded::Yes => tracing::info!(
                    batch.id = %due.id,
                    after_days = due.after_days,
                    "a batch's originals are removed, as its profile says"
                ),
                PurgeRecorded::NotDue => {}
                PurgeRecorded::NotAsSealed => tracing::error!(
                    batch.id = %due.id,
                    "originals stay: the batch's records are not what its manifest says; \
                     `outguide verify` names what was changed"
                ),
            }
        }
        Ok(())
    }
}
