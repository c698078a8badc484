//! Looks what the repository did with documents that were filed, where
//! `station.toml` says how it shows that.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::State;
use super::serve::Serving;
use crate::disk::Disk;
use crate::repository::answer::{RepositoryAnswer, answer};
use crate::repository::time_limit::{OPENING_TIME_LIMIT, within};
use crate::store::{GivenDocument, Store, StoreFault};
use crate::supervisor::Supervisor;

/// A repository imports in minutes; a share is not asked more often than needed.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Looked for in one go: half a minute on a slow share.
const AT_ONCE: u32 = 200;

/// Nothing is kept where nothing says that the repository answers.
pub fn keep(supervisor: &mut Supervisor, serving: &Arc<Serving>, state: &State) {
    if !serving.station.repository.answers() {
        return;
    }
    let (serving, store, draining) = (serving.clone(), state.store.clone(), supervisor.draining());
    supervisor.keep("repository's answers", move || {
        look_again_and_again(serving.clone(), store.clone(), draining.clone())
    });
}

async fn look_again_and_again(
    serving: Arc<Serving>,
    store: Store,
    mut draining: watch::Receiver<bool>,
) {
    loop {
        if let Err(fault) = look_at_all(&serving, &store, &draining).await {
            tracing::error!(%fault, "what the repository took is not recorded");
        }
        let drains = draining.wait_for(|drains| *drains);
        if tokio::time::timeout(LOOK_EVERY, drains).await.is_ok() {
            return;
        }
    }
}

async fn look_at_all(
    serving: &Serving,
    store: &Store,
    draining: &watch::Receiver<bool>,
) -> Result<(), StoreFault> {
    let mut behind = None;
    loop {
        let given = store.documents_given(&serving.station.id, behind, AT_ONCE).await?;
        let Some(last) = given.last() else { return Ok(()) };
        behind = Some(last.document.clone());
        let ending = serving.station.repository.error_ending.clone();
        let asked = given.clone();
        let answers = spawn_blocking(move || {
            within(OPENING_TIME_LIMIT, "look what was taken".to_owned(), move || {
                asked.iter().map(|given| answered(given, ending.as_deref())).collect::<Vec<_>>()
            })
        });
        let Ok(Ok(answers)) = answers.await else {
            tracing::warn!("the repository does not answer: what it took is looked for later");
            return Ok(());
        };
        for (given, answer) in given.iter().zip(answers) {
            match answer {
                Some(RepositoryAnswer::TakenAway) => store.record_taken(&given.document).await?,
                Some(RepositoryAnswer::Refused { said })
                    if given.refused.as_ref() != Some(&said) =>
                {
                    tracing::warn!(document.id = %given.document, "the repository refused a document");
                    store.record_refused(&given.document, &said).await?;
                }
                Some(RepositoryAnswer::Refused { .. } | RepositoryAnswer::NotYet) | None => {}
            }
        }
        if *draining.borrow() {
            return Ok(());
        }
    }
}

/// `None` where the watched folder is away or does not say.
fn answered(given: &GivenDocument, ending: Option<&str>) -> Option<RepositoryAnswer> {
    let [root, pdf, index_file] =
        [&given.repository, &given.pdf_path, &given.index_path].map(PathBuf::from);
    let files: (&Path, &Path) = (&pdf, &index_file);
    answer(&Disk::Real, &root, files, ending).ok()
}
