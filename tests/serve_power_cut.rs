//! Desk and steps as the running station has them, in this process, on a disk
//! that keeps account of its syncs: the power fails at every operation of a small
//! day, and only what was synced is there at the next start. A clerk lays the
//! same stack in again. Then no page that was shown is missing, and each document
//! is filed once. `stopped.rs` shows the same of `outguide capture`,
//! `serve_stops.rs` of the station killed, which keeps the kernel's cache.
//!
//! libsane and the socket are left out: nothing of them is on the disk.

mod station;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use outguide::app::{self, State};
use outguide::capture::desk::{Desk, DeskEvent, DeskParts};
use outguide::capture::resumption::NewOrders;
use outguide::capture::{CaptureEvent, CaptureFault, FilePages, More};
use outguide::device::scanner::{PageStack, WorkerCommand};
use outguide::disk::recording::AfterCut;
use outguide::pipeline::runner::{Means, Opened, OpenedWhen, Outfit, Runner, RunsFor};
use outguide::records::batch::{BatchState, PaperFrom};
use outguide::records::ids::BatchId;
use outguide::records::raster::Raster;
use outguide::repository::watched_folder::WatchedFolder;
use outguide::store::BatchRow;
use tokio::sync::{Notify, watch};

use station::day::Day;

/// What does not come within this does not come.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_power_at_any_moment_the_station_loses_no_page_and_files_nothing_twice() {
    let operations = {
        let day = Day::new();
        run(&day).await.expect("nothing stops it");
        day.check_everything_is_filed_once("never stopped").await;
        day.recorder.operations()
    };
    assert!(operations > 20, "only {operations} operations");
    for after in 0..operations {
        for left in [AfterCut::NothingUnsynced, AfterCut::NamesWithoutBytes] {
            let told = format!("{left:?} after operation {after} of {operations}");
            let day = Day::new();
            day.recorder.cut_after(after);
            let ran = run(&day).await;
            // Not every day comes to its operations in the same order.
            assert_eq!(ran.is_err(), day.recorder.power_failed(), "{told}: {ran:?}");
            day.recorder.settle_after_cut(left).unwrap();
            let shown = day.shown.lock().unwrap().clone();
            if let Err(error) = run(&day).await {
                panic!("{told}: cannot go on: {error:#}");
            }
            day.check_pages_shown_are_kept(&shown, &told).await;
            day.check_everything_is_filed_once(&told).await;
        }
    }
}

/// From a start of the station to the end of its batch, or of its power.
async fn run(day: &Day) -> anyhow::Result<()> {
    let state = app::open_state(&day.path("state"), &day.station, day.disk.clone()).await?;
    let look_again = Arc::new(Notify::new());
    let news = Arc::new(Notify::new());
    let desk = desk(day, &state, &look_again, news.clone());
    desk.settle().await?;
    let runner = Arc::new(runner(day, &state, news.clone()));
    let (drain, draining) = watch::channel(false);
    let steps = tokio::spawn({
        let (runner, look_again) = (runner.clone(), look_again.clone());
        async move { runner.run_station(look_again, draining).await }
    });
    let day_is_over = async {
        let batch = order(day, &state, &desk).await?;
        look_again.notify_one();
        loop {
            let row = state.store.batch(&batch).await?.expect("it was opened");
            if day.recorder.power_failed() {
                return Err(anyhow::anyhow!("the power failed"));
            }
            if row.state == BatchState::Filed {
                return Ok(());
            }
            let heard = tokio::time::timeout(LIMIT, news.notified()).await;
            heard.unwrap_or_else(|_| panic!("nothing comes of {row:?}"));
        }
    };
    let ended = day_is_over.await;
    desk.drain().await?;
    drain.send_replace(true);
    steps.await?;
    match day.recorder.power_failed() {
        true => Err(anyhow::anyhow!("the power failed at the end")),
        false => ended,
    }
}

/// What a clerk does at each start: lays the stack in, and says what it is.
async fn order(day: &Day, state: &State, desk: &Desk) -> anyhow::Result<BatchId> {
    let stack = PageStack::from_paths(&[day.path("stack")])?;
    let Some(batch) = state.store.batches_of_station(&state.station).await?.pop() else {
        let given = PaperFrom::Files(stack.given_files()?);
        let batch = BatchRow { paper_from: given, ..day.new_batch() };
        let id = batch.id.clone();
        desk.open(batch, Some(stack), "clerk").await?;
        return Ok(id);
    };
    // What failed is not waited for: somebody looks.
    state.store.make_due_now(&batch).await?;
    let row = state.store.batch(&batch).await?.expect("it is listed");
    if row.state.takes_paper() {
        let orders = NewOrders { stack: Some(stack), ..NewOrders::default() };
        desk.go_on(&batch, orders, "clerk").await?;
    }
    Ok(batch)
}

fn desk(day: &Day, state: &State, look_again: &Arc<Notify>, news: Arc<Notify>) -> Desk {
    let shown = day.shown.clone();
    Desk::new(DeskParts {
        store: state.store.clone(),
        spool: state.spool.clone(),
        station: state.station.clone(),
        scanner: None,
        worker: WorkerCommand::new("no scanner is asked"),
        pages_of_file: one_page,
        now: jiff::Timestamp::now,
        look_again: look_again.clone(),
        tell: Box::new(move |_, event| {
            if let DeskEvent::Paper(CaptureEvent::PageDurable { page, .. }) = event {
                shown.lock().unwrap().push(page);
            }
            news.notify_one();
        }),
    })
}

fn one_page(_: &[u8], _: &mut dyn FnMut(Raster) -> Result<More, CaptureFault>) -> FilePages {
    FilePages::One
}

fn runner(day: &Day, state: &State, news: Arc<Notify>) -> Runner {
    let means = Means { profile: day.profile.clone(), readers: None };
    let open = {
        let (folder, state, station, disk) =
            (day.path("repository"), day.path("state"), day.station.clone(), day.disk.clone());
        move || app::open_repository(&folder, &station, &state, disk.clone())
    };
    let kept: Arc<Mutex<Option<WatchedFolder>>> = Arc::default();
    let forgotten = kept.clone();
    Runner {
        store: state.store.clone(),
        spool: state.spool.clone(),
        outfit: Outfit {
            means: Box::new(move |_| Ok(means.clone())),
            repository: Box::new(move |_| {
                let mut kept = kept.lock().unwrap();
                if let Some(repository) = &*kept {
                    return Ok(Opened { repository: repository.clone(), is: OpenedWhen::Before });
                }
                let repository = kept.insert(open()?).clone();
                Ok(Opened { repository, is: OpenedWhen::JustNow })
            }),
            forget_repository: Box::new(move |_| *forgotten.lock().unwrap() = None),
        },
        reach: RunsFor::Station,
        station: state.station.clone(),
        lease: state.lease,
        at_once: NonZeroUsize::MIN,
        now: jiff::Timestamp::now,
        tell: Box::new(move |_, _| news.notify_one()),
        alive: Box::new(|| ()),
    }
}
