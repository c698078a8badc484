//! The station that runs all day: desk, steps and socket, put together.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

use super::heads::note_heads;
use super::{State, at_once, keep_apart, new_batch, open_repository, open_state, readers};
use super::{answers, hot_folders, keeping};
use crate::capture::desk::{Desk, DeskParts, Settled};
use crate::capture::two_passes;
use crate::config::Station;
use crate::decisions::Decisions;
use crate::device::scanner::{PageStack, WorkerCommand};
use crate::disk::Disk;
use crate::ocr::Readers;
use crate::pipeline::runner::{Means, Opened, OpenedWhen, Outfit, RunFault, Runner, RunsFor};
use crate::profile::{self, Profile};
use crate::records::batch::{Expected, PaperFrom};
use crate::repository::watched_folder::WatchedFolder;
use crate::store::{BatchRow, Chain, Store};
use crate::supervisor::{Drained, Supervisor};
use crate::web::api::event::{Events, Happening};
use crate::web::api::order::{Order, stack};
use crate::web::api::problem::{Problem, ProblemKind};
use crate::web::tls::TlsListener;
use crate::web::token::Token;
use crate::web::{self, StationFacts, Web, http, tls};

/// Those who watch may be this far behind before they miss something.
const EVENTS_KEPT: usize = 4096;

/// The steps under way are finished within this or repeated at the next start;
/// systemd's own limit is longer.
const DRAIN_LIMIT: Duration = Duration::from_secs(60);

/// All that a station is started with.
pub struct Serving {
    pub station: Station,
    /// The state folder.
    pub folder: PathBuf,
    pub socket: PathBuf,
    /// Looked in before `/etc/outguide/profiles`.
    pub profiles_dir: Option<PathBuf>,
    pub worker: WorkerCommand,
    pub role: RunsFor,
}

/// Runs until SIGTERM or SIGINT.
pub async fn serve(serving: Serving) -> anyhow::Result<()> {
    let mut ends = Ends::listen()?;
    if serving.role == RunsFor::Reading
        && (serving.station.shared_store.is_none() || serving.station.shared_spool.is_none())
    {
        return Err(anyhow!(
            "a node that only reads pages needs the database and the spool of other stations: \
             set store.url and station.shared_spool in station.toml"
        ));
    }
    let state = open_state(&serving.folder, &serving.station, Disk::Real).await?;
    let Serving { station, folder, profiles_dir, .. } = &serving;
    hot_folders::check(station, folder, profiles_dir.as_deref())?;
    let serving = Arc::new(serving);
    let (events, look_again) = (Events::new(EVENTS_KEPT), Arc::new(Notify::new()));
    let desk = desk(&serving, &state, &events, &look_again);
    for settled in desk.settle().await? {
        tell_of(&settled);
    }
    let alive = Arc::new(AtomicBool::new(true));
    let runner = Arc::new(runner(&serving, &state, &events, &alive));
    let decisions = decisions(&state, &events, &look_again);
    let web = Arc::new(face(&serving, &state, &desk, decisions, &events));
    let mut supervisor = Supervisor::default();
    keep_http(&mut supervisor, &serving, web.clone()).await?;
    keep_socket(&mut supervisor, &serving.socket, web)?;
    hot_folders::keep(&mut supervisor, &serving, &state, &events, &look_again);
    answers::keep(&mut supervisor, &serving, &state);
    let draining = supervisor.draining();
    supervisor.keep("steps", move || {
        let (runner, look_again, draining) = (runner.clone(), look_again.clone(), draining.clone());
        async move { runner.run_station(look_again, draining).await }
    });
    keep_watchdog(&mut supervisor, alive);
    keep_heads(&mut supervisor, &serving, &state);
    keeping::keep(&mut supervisor, &serving, &state);
    tell_systemd(&[NotifyState::Ready]);
    tracing::info!(station.id = serving.station.id, "the station is ready");
    let given_up = tokio::select! {
        () = ends.come() => None,
        task = supervisor.given_up() => Some(task),
    };
    tell_systemd(&[NotifyState::Stopping]);
    tracing::info!("the station ends: paper stops, steps under way are finished");
    if let Err(fault) = desk.drain().await {
        tracing::error!(%fault, "the scanner could not be stopped in order");
    }
    // Whoever watches is let go: a stream would hold up the end.
    events.end();
    if supervisor.drain(DRAIN_LIMIT).await == Drained::BrokenOff {
        tracing::warn!("steps were broken off; the next start repeats them");
    }
    note_heads_or_say_so(&serving, &state.store, None).await;
    state.store.close().await;
    match given_up {
        None => Ok(()),
        Some(task) => Err(anyhow!("the station's task \"{task}\" failed again and again")),
    }
}

/// Whoever keeps the station tells it to end by these.
struct Ends {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Ends {
    fn listen() -> anyhow::Result<Self> {
        Ok(Ends {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn come(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn tell_of(settled: &Settled) {
    let last = settled.last.as_ref().map(|page| page.no.get());
    tracing::info!(
        batch.id = %settled.batch,
        page.no = last,
        moved_aside = settled.moved_aside.len(),
        "a batch was left open; this is its last page kept"
    );
}

fn desk(serving: &Serving, state: &State, events: &Events, look_again: &Arc<Notify>) -> Desk {
    let events = events.clone();
    Desk::new(DeskParts {
        store: state.store.clone(),
        spool: state.spool.clone(),
        station: state.station.clone(),
        scanner: serving.station.scanner.clone(),
        worker: serving.worker.clone(),
        pages_of_file: super::pages_of_file,
        now: jiff::Timestamp::now,
        look_again: look_again.clone(),
        tell: Box::new(move |batch, event| events.tell(batch, event.into())),
    })
}

fn runner(
    serving: &Arc<Serving>,
    state: &State,
    events: &Events,
    alive: &Arc<AtomicBool>,
) -> Runner {
    let (events, alive) = (events.clone(), alive.clone());
    Runner {
        store: state.store.clone(),
        spool: state.spool.clone(),
        outfit: outfit(serving),
        reach: serving.role,
        station: state.station.clone(),
        lease: state.lease,
        at_once: at_once(&serving.station),
        now: jiff::Timestamp::now,
        tell: Box::new(move |batch, event| events.tell(batch, Happening::from(event))),
        alive: Box::new(move || alive.store(true, Ordering::Relaxed)),
    }
}

/// What readers are told apart by: languages, and seconds a page may take.
type ReaderKind = (Vec<String>, u32);

/// Readers and repositories, kept open from one batch to the next.
#[derive(Default)]
struct Kept {
    readers: Mutex<BTreeMap<ReaderKind, Option<Arc<Readers>>>>,
    repositories: Mutex<BTreeMap<PathBuf, WatchedFolder>>,
}

fn outfit(serving: &Arc<Serving>) -> Outfit {
    let kept = Arc::new(Kept::default());
    let (for_means, for_repository) =
        ((serving.clone(), kept.clone()), (serving.clone(), kept.clone()));
    Outfit {
        means: Box::new(move |batch| {
            let (serving, kept) = &for_means;
            let (profile, problems) = profile::parse(&batch.profile_text, &batch.profile_name);
            let Some(profile) = profile else {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                return Err(RunFault::Profile {
                    batch: batch.id.clone(),
                    problems: problems.join("\n"),
                });
            };
            let readers = kept.readers_for(&profile, &serving.station)?;
            Ok(Means { profile: Arc::new(profile), readers })
        }),
        repository: Box::new(move |batch| {
            let (serving, kept) = &for_repository;
            let folder = PathBuf::from(&batch.repository);
            let mut repositories = locked(&kept.repositories);
            if let Some(repository) = repositories.get(&folder) {
                return Ok(Opened { repository: repository.clone(), is: OpenedWhen::Before });
            }
            let opened = open_repository(&folder, &serving.station, &serving.folder, Disk::Real)?;
            repositories.insert(folder, opened.clone());
            Ok(Opened { repository: opened, is: OpenedWhen::JustNow })
        }),
        forget_repository: Box::new(move |batch| {
            locked(&kept.repositories).remove(Path::new(&batch.repository));
        }),
    }
}

impl Kept {
    fn readers_for(
        &self,
        profile: &Profile,
        station: &Station,
    ) -> Result<Option<Arc<Readers>>, RunFault> {
        let kind = (profile.ocr.languages.clone(), profile.ocr.page_seconds);
        let mut all = locked(&self.readers);
        if let Some(readers) = all.get(&kind) {
            return Ok(readers.clone());
        }
        let started = readers(profile, station)?;
        all.insert(kind, started.clone());
        Ok(started)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn decisions(state: &State, events: &Events, look_again: &Arc<Notify>) -> Decisions {
    let events = events.clone();
    Decisions {
        store: state.store.clone(),
        look_again: look_again.clone(),
        tell: Arc::new(move |batch| events.tell(batch, Happening::Moved)),
    }
}

fn face(
    serving: &Arc<Serving>,
    state: &State,
    desk: &Desk,
    decisions: Decisions,
    events: &Events,
) -> Web {
    let (taking, spool) = (serving.clone(), state.spool.id().to_owned());
    Web {
        desk: desk.clone(),
        decisions,
        store: state.store.clone(),
        spool: state.spool.clone(),
        station: StationFacts {
            id: serving.station.id.clone(),
            name: serving.station.name.clone(),
            version: env!("CARGO_PKG_VERSION"),
            started_at: jiff::Timestamp::now(),
        },
        repository_answers: serving.station.repository.answers(),
        events: events.clone(),
        take_order: Box::new(move |order| {
            let (batch, stack) = take_order(&taking, order)?;
            Ok((BatchRow { spool: spool.clone(), ..batch }, stack))
        }),
    }
}

/// Refused now rather than in the middle of a stack.
fn take_order(serving: &Serving, order: Order) -> Result<(BatchRow, Option<PageStack>), Problem> {
    let Serving { station, folder, profiles_dir, role, .. } = serving;
    if *role == RunsFor::Reading {
        let told = "this node reads pages for other stations, and has no scanner";
        return Err(Problem::new(ProblemKind::NotAllowed, told));
    }
    let settings = |fault: &dyn std::error::Error| Problem::of(ProblemKind::Settings, fault);
    let dirs = profile::search_dirs(profiles_dir.as_deref()).map_err(|fault| settings(&fault))?;
    let found = profile::find(&order.profile, &dirs).map_err(|fault| settings(&fault))?;
    let named = order.repository.or_else(|| station.repository.dir.clone());
    let repository = named.ok_or_else(|| {
        Problem::new(
            ProblemKind::Settings,
            "where should documents be filed? Name a repository, or set repository.dir in \
             station.toml",
        )
    })?;
    keep_apart(&repository, station, folder)
        .map_err(|fault| Problem::of(ProblemKind::Storage, &fault))?;
    readers(&found.profile, station).map_err(|fault| settings(&fault))?;
    let stack = match order.from.is_empty() {
        true => None,
        false => Some(stack(&order.from)?),
    };
    let paper_from = match &stack {
        None => PaperFrom::Scanner(order.scanner.or_else(|| station.scanner.clone())),
        Some(stack) => {
            let given = stack.given_files();
            PaperFrom::Files(given.map_err(|fault| Problem::of(ProblemKind::Input, &fault))?)
        }
    };
    let expected = Expected { sheets: order.expect_sheets, documents: order.expect_documents };
    let batch = new_batch(&found.profile, &found.text, station, paper_from, &repository, expected);
    let batch = BatchRow {
        scanner_options: order.set,
        max_pages: order.pages,
        closed_by: order.closed_by,
        ..batch
    };
    two_passes::refuse_order(found.profile.scanner.source, &batch)
        .map_err(|fault| settings(&fault))?;
    Ok((batch, stack))
}

/// Listening is tried here first: a socket that cannot be made ends the start.
fn keep_socket(supervisor: &mut Supervisor, path: &Path, web: Arc<Web>) -> anyhow::Result<()> {
    let listener = web::listen(path)
        .with_context(|| format!("cannot listen for commands at {}", path.display()))?;
    let (first, path) = (Mutex::new(Some(listener)), path.to_owned());
    let draining = supervisor.draining();
    supervisor.keep("socket", move || {
        let listener = locked(&first).take().map_or_else(|| web::listen(&path), Ok);
        let (web, draining) = (web.clone(), draining.clone());
        async move {
            match listener {
                Ok(listener) => web::serve(listener, web, draining).await,
                Err(error) => tracing::error!(%error, "cannot listen for commands"),
            }
        }
    });
    Ok(())
}

/// The rows since the last note could be cut off unnoticed: not for long.
const HEADS_NOTED_EVERY: Duration = Duration::from_secs(5);

fn keep_heads(supervisor: &mut Supervisor, serving: &Arc<Serving>, state: &State) {
    let (serving, store, draining) = (serving.clone(), state.store.clone(), supervisor.draining());
    supervisor.keep("heads", move || {
        note_again_and_again(serving.clone(), store.clone(), draining.clone())
    });
}

async fn note_again_and_again(
    serving: Arc<Serving>,
    store: Store,
    mut draining: watch::Receiver<bool>,
) {
    let mut noted = None;
    let mut told = None;
    loop {
        let mut heads = Vec::new();
        for chain in Chain::ALL {
            heads.push(store.chain_head(chain, &serving.station.id).await.ok());
        }
        if noted.as_ref() != Some(&heads) {
            told = note_heads_or_say_so(&serving, &store, told).await;
            noted = Some(heads);
        }
        let drains = draining.wait_for(|drains| *drains);
        if tokio::time::timeout(HEADS_NOTED_EVERY, drains).await.is_ok() {
            return;
        }
    }
}

/// Says what stands in the way, once; `told` is what was said before.
async fn note_heads_or_say_so(
    serving: &Serving,
    store: &Store,
    told: Option<String>,
) -> Option<String> {
    let Serving { folder, station, .. } = serving;
    let noted = note_heads(folder, store, &station.id, &Disk::Real).await;
    let error = noted.err().map(|error| format!("{error:#}"));
    if let Some(error) = error.as_ref().filter(|error| told.as_ref() != Some(error)) {
        tracing::error!(error, "how far a chain goes is not noted");
    }
    error
}

/// Listening is tried here first, as for the socket. Where the system chose the
/// port it is the same after a failure.
async fn keep_http(
    supervisor: &mut Supervisor,
    serving: &Serving,
    web: Arc<Web>,
) -> anyhow::Result<()> {
    let Serving { folder, station, .. } = serving;
    http::forget_addresses(folder).with_context(|| {
        format!("an address of HTTP that holds no more is left in {}", folder.display())
    })?;
    if station.http.is_none() && station.https.is_none() {
        return Ok(());
    }
    let token = Arc::new(Token::open(&Disk::Real, folder)?);
    if let Some(address) = station.http {
        let listening = listen_for_http(folder, address, http::ADDRESS).await?;
        let (token, web) = (token.clone(), web.clone());
        keep_listening(supervisor, "http", listening, move |listener, draining| {
            http::serve(listener, token.clone(), web.clone(), draining)
        });
    }
    if let Some(https) = &station.https {
        let acceptor = tls::identity(&https.certificate, &https.key)?;
        let listening = listen_for_http(folder, https.address, http::TLS_ADDRESS).await?;
        keep_listening(supervisor, "https", listening, move |listener, draining| {
            let listener = TlsListener::new(listener, acceptor.clone());
            http::serve_tls(listener, token.clone(), web.clone(), draining)
        });
    }
    Ok(())
}

async fn listen_for_http(
    folder: &Path,
    address: SocketAddr,
    kept_as: &str,
) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen for HTTP at {address} (serve.http, serve.https)")
    })?;
    http::keep_address(&Disk::Real, folder, kept_as, &listener)
        .with_context(|| format!("cannot keep the address of HTTP in {}", folder.display()))?;
    tracing::info!(address = %listener.local_addr()?, "listening for HTTP");
    Ok(listener)
}

fn keep_listening<Serve, Served>(
    supervisor: &mut Supervisor,
    name: &'static str,
    listener: TcpListener,
    serve: Serve,
) where
    Serve: Fn(TcpListener, watch::Receiver<bool>) -> Served + Send + Sync + 'static,
    Served: Future<Output = ()> + Send + 'static,
{
    let address = listener.local_addr();
    let (first, serve) = (Mutex::new(Some(listener)), Arc::new(serve));
    let draining = supervisor.draining();
    supervisor.keep(name, move || {
        let again = locked(&first).take().ok_or_else(|| address.as_ref().ok().copied());
        let (serve, draining) = (serve.clone(), draining.clone());
        async move {
            let listener = match again {
                Ok(listener) => Ok(listener),
                Err(Some(address)) => TcpListener::bind(address).await,
                Err(None) => Err(io::ErrorKind::AddrNotAvailable.into()),
            };
            match listener {
                Ok(listener) => serve(listener, draining).await,
                Err(error) => tracing::error!(%error, "cannot listen for HTTP"),
            }
        }
    });
}

/// Where systemd watches, it is told that steps are still looked for.
fn keep_watchdog(supervisor: &mut Supervisor, alive: Arc<AtomicBool>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let draining = supervisor.draining();
    supervisor.keep("watchdog", move || watch_over(limit / 3, alive.clone(), draining.clone()));
}

async fn watch_over(every: Duration, alive: Arc<AtomicBool>, mut draining: watch::Receiver<bool>) {
    loop {
        if alive.swap(false, Ordering::Relaxed) {
            tell_systemd(&[NotifyState::Watchdog]);
        }
        let drains = tokio::time::timeout(every, draining.wait_for(|drains| *drains)).await;
        if drains.is_ok() {
            return;
        }
    }
}

/// Nothing happens where systemd does not listen.
fn tell_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be told how the station is");
    }
}
