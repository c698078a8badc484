//! The station's hot folders: what they need of the rest of the house, and that
//! they stand where they may.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::serve::Serving;
use super::{State, keep_apart, new_batch, pages_of_file, settled_path};
use crate::capture::desk::pause_of;
use crate::capture::{self, Capture, CaptureFault, StackEnd, StopSwitch};
use crate::config::{HotFolder, Station};
use crate::device::scanner::{PageStack, ScanFault, ScanOrder, WhichScanner};
use crate::disk::Disk;
use crate::intake::{FeedFiles, IntakeParts, NewBatch, NotFed, keep_watch};
use crate::pipeline::source;
use crate::profile::{self, PaperSource, Profile, ScannerSettings};
use crate::records::batch::{Expected, PaperFrom, Pause};
use crate::records::fault::in_one_line;
use crate::records::page_file::{HEAD_BYTES, NoPageFile, PageFile};
use crate::repository::time_limit::{OPENING_TIME_LIMIT, opened_within};
use crate::spool::Spool;
use crate::store::{BatchRow, Moved, Store};
use crate::supervisor::Supervisor;
use crate::web::api::event::{Events, Happening};

/// Refuses at the start what would fail at the first file. That a folder is not
/// there is no fault: a share may be mounted later.
pub fn check(station: &Station, state: &Path, profiles: Option<&Path>) -> anyhow::Result<()> {
    for hot in &station.hot_folders {
        let about = || format!("the hot folder {}", hot.dir.display());
        let (asked, settled_station, own) = (hot.clone(), station.clone(), state.to_owned());
        let clash = opened_within(OPENING_TIME_LIMIT, &hot.dir, move || {
            // The same one of the station's hot folders, for the comparison by place.
            let at = settled_station.hot_folders.iter().find(|other| other.dir == asked.dir);
            Ok(at.and_then(|at| settled_station.hot_folder_clash(at, &own, settled_path)))
        });
        match clash {
            Ok(None) => {}
            Ok(Some(other)) => {
                return Err(anyhow!(
                    "{} and {other} lie one in the other; keep them apart",
                    about()
                ));
            }
            // As it is spelled it was compared before.
            Err(fault) => tracing::warn!(
                folder = %hot.dir.display(), %fault, "where a hot folder lies cannot be seen yet"
            ),
        }
        let repository = repository_of(hot, station).with_context(about)?;
        keep_apart(&repository, station, state).with_context(about)?;
        profile_of(hot, profiles).with_context(about)?;
    }
    Ok(())
}

/// One task for each hot folder.
pub fn keep(
    supervisor: &mut Supervisor,
    serving: &Arc<Serving>,
    state: &State,
    events: &Events,
    look_again: &Arc<Notify>,
) {
    for hot in &serving.station.hot_folders {
        let draining = supervisor.draining();
        let feeder = Feeder {
            store: state.store.clone(),
            spool: state.spool.clone(),
            events: events.clone(),
            look_again: look_again.clone(),
            runtime: Handle::current(),
            draining: draining.clone(),
        };
        let parts = Arc::new(parts(hot, serving, state, feeder));
        supervisor.keep("hot folder", move || keep_watch(parts.clone(), draining.clone()));
    }
}

fn parts(hot: &HotFolder, serving: &Arc<Serving>, state: &State, feeder: Feeder) -> IntakeParts {
    let (events, look_again) = (feeder.events.clone(), feeder.look_again.clone());
    IntakeParts {
        folder: hot.clone(),
        // Without slashes that say nothing.
        named_dir: hot.dir.components().collect::<PathBuf>().display().to_string(),
        station: state.station.clone(),
        store: state.store.clone(),
        disk: Disk::Real,
        now: jiff::Timestamp::now,
        examine: Box::new(examine),
        new_batch: new_batches(hot, serving, state.spool.id()),
        feed: feeding(feeder),
        tell_moved: Box::new(move |batch| {
            look_again.notify_one();
            events.tell(batch, Happening::Moved);
        }),
    }
}

fn repository_of(hot: &HotFolder, station: &Station) -> anyhow::Result<PathBuf> {
    let named = hot.repository.clone().or_else(|| station.repository.dir.clone());
    named.ok_or_else(|| {
        anyhow!(
            "where should its documents be filed? Set repository in its section of station.toml, \
             or repository.dir for the station"
        )
    })
}

fn profile_of(hot: &HotFolder, profiles: Option<&Path>) -> anyhow::Result<profile::Found> {
    let dirs = profile::search_dirs(profiles)?;
    Ok(profile::find(&hot.profile, &dirs)?)
}

/// The profile is read for each batch: what its owner changed holds from the
/// next one on, as for stacks.
fn new_batches(hot: &HotFolder, serving: &Arc<Serving>, spool: &str) -> NewBatch {
    let (hot, serving, spool) = (hot.clone(), serving.clone(), spool.to_owned());
    Box::new(move |files| {
        let opened = || {
            let Serving { station, profiles_dir, .. } = &*serving;
            let found = profile_of(&hot, profiles_dir.as_deref())?;
            let repository = repository_of(&hot, station)?;
            let paper = PaperFrom::Files(files);
            let (profile, text) = (&found.profile, &found.text);
            let none = Expected::default();
            let batch = new_batch(profile, text, station, paper, &repository, none);
            Ok(BatchRow { spool: spool.clone(), ..batch })
        };
        opened().map_err(|fault: anyhow::Error| format!("{fault:#}"))
    })
}

/// Every page is taken apart here and once more when it is kept: only then is it
/// known that a file can be taken whole.
fn examine(bytes: &[u8]) -> Result<(), String> {
    let kind = PageFile::recognise(&bytes[..bytes.len().min(HEAD_BYTES)]);
    kind.map_err(|no_page| match no_page {
        NoPageFile::Empty => "it is empty".to_owned(),
        NoPageFile::OtherPicture(kind) => {
            format!("it is {kind}; send PNG, JPEG, TIFF, PNM or PDF")
        }
        NoPageFile::Unknown => "it is no picture and no PDF".to_owned(),
    })?;
    // A reader that breaks off on one file is no reason to leave the others.
    let read = catch_unwind(AssertUnwindSafe(|| {
        let mut count = 0;
        for page in source::open(bytes).map_err(|fault| in_one_line(&fault))? {
            count += 1;
            page.map_err(|fault| format!("page {count}: {}", in_one_line(&fault)))?;
        }
        if count == 0 { Err("it holds no page".to_owned()) } else { Ok(()) }
    }));
    read.unwrap_or_else(|_: Box<dyn Any + Send>| Err("reading it broke off".to_owned()))
}

/// What files are fed with, beside the scanner and not through its desk.
struct Feeder {
    store: Store,
    spool: Spool,
    events: Events,
    look_again: Arc<Notify>,
    runtime: Handle,
    draining: watch::Receiver<bool>,
}

fn feeding(feeder: Feeder) -> FeedFiles {
    Box::new(move |batch, paths| match feeder.feed(batch, paths) {
        Ok(StackEnd::Closed | StackEnd::Enough | StackEnd::OfOnePass) => Ok(()),
        Ok(StackEnd::Nothing) => Err(NotFed::OtherFiles { told: "there is no page".to_owned() }),
        Err(fault) => {
            let not_fed = not_fed(&fault);
            feeder.pause(batch, &fault);
            Err(not_fed)
        }
    })
}

impl Feeder {
    fn feed(&self, batch: &BatchRow, paths: &[PathBuf]) -> Result<StackEnd, CaptureFault> {
        let Feeder { store, spool, runtime, .. } = self;
        let (profile, _) = profile::parse(&batch.profile_text, &batch.profile_name);
        let Some(profile) = profile else {
            let told = "the profile the batch was opened with cannot be used any more".to_owned();
            return Err(CaptureFault::NotLikeThat { told });
        };
        let stack = PageStack::from_paths(paths)?;
        runtime.block_on(capture::settle(store, spool, &batch.id))?;
        let stop = StopSwitch::default();
        let stopping = self.stops_when_draining(stop.clone());
        let fed = Capture {
            store,
            spool,
            batch,
            now: jiff::Timestamp::now,
            pages_of_file,
            stop: &stop,
            tell: &mut |event| {
                self.look_again.notify_one();
                let what = Happening::from(event);
                self.events.tell(&batch.id, what);
            },
        }
        .feed(runtime, &WhichScanner::Folder(stack), &as_single_sheets(&profile), None);
        stop.feeding_is_over();
        stopping.abort();
        fed
    }

    fn stops_when_draining(&self, stop: StopSwitch) -> tokio::task::JoinHandle<()> {
        let mut draining = self.draining.clone();
        self.runtime.spawn(async move {
            if draining.wait_for(|drains| *drains).await.is_ok() {
                // Where the last page was just kept nobody hears it.
                stop.ask();
            }
        })
    }

    fn pause(&self, batch: &BatchRow, fault: &CaptureFault) {
        let pause = match fault {
            CaptureFault::Scanner(ScanFault::Cancelled) => Pause::StationStopped,
            other => pause_of(other),
        };
        match self.runtime.block_on(self.store.pause_batch(&batch.id, &pause)) {
            Ok(Moved::Yes | Moved::NotFrom(_)) => {}
            // Found scanning by the next try, it goes on all the same.
            Err(error) => tracing::error!(
                batch.id = %batch.id, %error, "why the batch stands still cannot be recorded"
            ),
        }
        self.events.tell(&batch.id, Happening::Moved);
    }
}

/// Each file is a sheet by itself, whatever the profile's scanner does.
fn as_single_sheets(profile: &Profile) -> ScanOrder {
    let settings = ScannerSettings { source: PaperSource::Feeder, ..profile.scanner.clone() };
    ScanOrder { settings, set: Vec::new(), resume: None, known: None }
}

fn not_fed(fault: &CaptureFault) -> NotFed {
    let told = in_one_line(fault);
    match fault {
        CaptureFault::Scanner(ScanFault::Cancelled) => NotFed::Stopping,
        // It says which: a name that may be a patient's, and this is logged.
        CaptureFault::Scanner(_) | CaptureFault::SuspectSheet { .. } => NotFed::OtherFiles {
            told: "a file of the hot folder cannot be read any more".to_owned(),
        },
        CaptureFault::OtherFiles { .. }
        | CaptureFault::TakesNoPaper { .. }
        | CaptureFault::NotLikeThat { .. } => NotFed::OtherFiles { told },
        CaptureFault::Spool(_) | CaptureFault::Store(_) | CaptureFault::RecordPage { .. } => {
            NotFed::Surroundings { told }
        }
    }
}
