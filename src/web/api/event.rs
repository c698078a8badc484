//! What happens at the station, told as it happens (server-sent events).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Path, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::{Stream, StreamExt};

use super::batch::{BatchShown, parse_id, shown};
use super::problem::Problem;
use crate::capture::CaptureEvent;
use crate::capture::desk::DeskEvent;
use crate::device::scanner::printable;
use crate::pipeline::runner::RunEvent;
use crate::records::ids::{BatchId, DocumentId, PageNo};
use crate::web::Web;

/// Something that happened to a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StationEvent {
    pub batch: BatchId,
    #[serde(flatten)]
    pub what: Happening,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Happening {
    ScannerReady {
        scanner: String,
    },
    Warning {
        told: String,
    },
    /// The page survives anything from here on.
    PageKept {
        page: PageNo,
        sheet: u32,
    },
    PageRead {
        page: PageNo,
    },
    PageWithoutText {
        page: PageNo,
        cause: String,
    },
    PageOfDoubtfulSize {
        page: PageNo,
        cause: String,
    },
    Separated {
        documents: usize,
        questions: usize,
    },
    DocumentFiled {
        document: DocumentId,
        pages: usize,
    },
    /// It is tried again by itself.
    StepFailed {
        step: String,
        cause: String,
        again_in_s: u64,
    },
    /// The batch stands elsewhere than before.
    Moved,
    /// Where it stands: in place of `Moved`, and first of all.
    Standing {
        standing: Box<BatchShown>,
    },
}

/// Where the station tells what happens. Clones tell, and count, together.
#[derive(Clone)]
pub struct Events {
    /// `None`: the station ends, and with it every stream.
    watchers: broadcast::Sender<Option<StationEvent>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    pages_kept: AtomicU64,
    pages_read: AtomicU64,
    documents_filed: AtomicU64,
}

/// What this process has done since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoneSinceStart {
    pub pages_kept: u64,
    pub pages_read: u64,
    pub documents_filed: u64,
}

impl Events {
    /// Those who watch may be `kept` events behind before they miss something.
    pub fn new(kept: usize) -> Self {
        Events { watchers: broadcast::Sender::new(kept), counts: Arc::default() }
    }

    /// Counted here, before anybody can miss it.
    pub fn tell(&self, batch: &BatchId, what: Happening) {
        let counted = match what {
            Happening::PageKept { .. } => Some(&self.counts.pages_kept),
            Happening::PageRead { .. } => Some(&self.counts.pages_read),
            Happening::DocumentFiled { .. } => Some(&self.counts.documents_filed),
            Happening::ScannerReady { .. }
            | Happening::Warning { .. }
            | Happening::PageWithoutText { .. }
            | Happening::PageOfDoubtfulSize { .. }
            | Happening::Separated { .. }
            | Happening::StepFailed { .. }
            | Happening::Moved
            | Happening::Standing { .. } => None,
        };
        if let Some(counted) = counted {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        // Nobody may be watching.
        drop(self.watchers.send(Some(StationEvent { batch: batch.clone(), what })));
    }

    pub fn done_since_start(&self) -> DoneSinceStart {
        DoneSinceStart {
            pages_kept: self.counts.pages_kept.load(Ordering::Relaxed),
            pages_read: self.counts.pages_read.load(Ordering::Relaxed),
            documents_filed: self.counts.documents_filed.load(Ordering::Relaxed),
        }
    }

    /// Ends the streams of all who watch: the station ends.
    pub fn end(&self) {
        drop(self.watchers.send(None));
    }

    /// Until the station ends. An error says that some were missed.
    fn watch(&self) -> impl Stream<Item = Result<StationEvent, BroadcastStreamRecvError>> + use<> {
        BroadcastStream::new(self.watchers.subscribe()).map_while(Result::transpose)
    }
}

impl From<DeskEvent> for Happening {
    fn from(event: DeskEvent) -> Self {
        match event {
            DeskEvent::Paper(event) => event.into(),
            DeskEvent::Moved => Happening::Moved,
        }
    }
}

impl From<CaptureEvent> for Happening {
    fn from(event: CaptureEvent) -> Self {
        match event {
            CaptureEvent::ScannerReady { scanner } => {
                Happening::ScannerReady { scanner: printable(&scanner) }
            }
            CaptureEvent::Warning(warning) => Happening::Warning { told: warning.to_string() },
            CaptureEvent::PageDurable { page, sheet } => Happening::PageKept { page, sheet },
        }
    }
}

impl From<RunEvent> for Happening {
    fn from(event: RunEvent) -> Self {
        match event {
            RunEvent::PageRead { page } => Happening::PageRead { page },
            RunEvent::PageWithoutText { page, cause } => Happening::PageWithoutText { page, cause },
            RunEvent::PageOfDoubtfulSize { page, cause } => {
                Happening::PageOfDoubtfulSize { page, cause }
            }
            RunEvent::Separated { documents, questions } => {
                Happening::Separated { documents, questions }
            }
            RunEvent::DocumentFiled { document, pages } => {
                Happening::DocumentFiled { document, pages }
            }
            RunEvent::StepFailed { step, cause, again_in } => Happening::StepFailed {
                step: step.name().to_owned(),
                cause,
                again_in_s: again_in.as_secs(),
            },
            RunEvent::CameTo { .. } => Happening::Moved,
        }
    }
}

type Told = Result<Event, Infallible>;

/// `GET /events`: of all batches, from now on.
pub async fn all(State(web): State<Arc<Web>>) -> Sse<impl Stream<Item = Told>> {
    // Whoever listens too slowly misses some; where things stand is asked anew.
    let events = web.events.watch().filter_map(Result::ok);
    let told = events.then(move |event| {
        let web = web.clone();
        async move { Ok(in_words(settled(&web, event).await)) }
    });
    Sse::new(told).keep_alive(KeepAlive::default())
}

/// `GET /batches/ID/events`: where the batch stands, then what happens to it.
pub async fn of_batch(
    State(web): State<Arc<Web>>,
    Path(batch): Path<String>,
) -> Result<Sse<impl Stream<Item = Told>>, Problem> {
    let batch = parse_id(&batch)?;
    // Listening first: what happens in between is told twice, and not missed.
    let events = web.events.watch();
    let first = StationEvent { batch: batch.clone(), what: standing(&web, &batch).await? };
    let mine = batch.clone();
    let later = events.filter_map(move |event| match event {
        Ok(event) => (event.batch == mine).then_some(event),
        Err(_missed_some) => Some(StationEvent { batch: mine.clone(), what: Happening::Moved }),
    });
    let told = tokio_stream::once(first).chain(later).then(move |event| {
        let web = web.clone();
        async move { Ok(in_words(settled(&web, event).await)) }
    });
    Ok(Sse::new(told).keep_alive(KeepAlive::default()))
}

/// That a batch moved, as where it stands now.
async fn settled(web: &Web, event: StationEvent) -> StationEvent {
    let what = match event.what {
        Happening::Moved => standing(web, &event.batch).await.unwrap_or(Happening::Moved),
        other => other,
    };
    StationEvent { batch: event.batch, what }
}

async fn standing(web: &Web, batch: &BatchId) -> Result<Happening, Problem> {
    Ok(Happening::Standing { standing: Box::new(shown(web, batch).await?) })
}

fn in_words(event: StationEvent) -> Event {
    Event::default().json_data(event).expect("our events are JSON")
}
