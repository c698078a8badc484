//! The pool: as many workers as may read at once, started when first needed
//! and replaced when they die, grow or take too long.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::fault::OcrFault;
use super::languages::{ORIENTATION, check_installed, data_folder};
use super::protocol::{Answer, Question, Setup, Wear, fits};
use super::worker_process::{Unread, Worker, WorkerCommand};
use crate::records::page::QuarterTurn;
use crate::records::raster::Raster;
use crate::records::text::PageText;

/// The longest side Tesseract takes, in pixels (its coordinates are 16 bit).
const LONGEST_SIDE: u32 = 32_767;

#[derive(Debug, Clone)]
pub struct OcrSettings {
    pub worker: WorkerCommand,
    /// How many pages may be read at once; as many as there are cores is best.
    pub workers: NonZeroUsize,
    /// Tesseract language codes, most likely first.
    pub languages: Vec<String>,
    /// The folder with the `.traineddata` files; `None` for the usual places.
    pub tessdata: Option<PathBuf>,
    /// A page that takes longer is given up and its worker killed.
    pub page_limit: Duration,
    /// Address space of one worker.
    pub memory_limit_bytes: u64,
}

impl OcrSettings {
    /// Reads letter pages at 600 dpi in colour; a worker itself maps about
    /// 0.3 GB, most of it libraries.
    pub const MEMORY_LIMIT_BYTES: u64 = 1 << 30;
}

/// A worker may die of what is not the page's doing: the kernel takes the memory
/// of whoever holds most. A page that kills a second worker is given up.
const DEATHS_FORGIVEN: u32 = 1;

/// Whether what a worker lacked may have gone to pages before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    Fresh,
    HasRead,
}

/// Workers to read pages with. Shared by reference between threads: each call
/// takes a free worker, and waits where none is free.
pub struct Readers {
    worker: WorkerCommand,
    workers: NonZeroUsize,
    setup: Setup,
    page_limit: Duration,
    pool: Mutex<Pool>,
    freed: Condvar,
}

struct Pool {
    idle: Vec<Worker>,
    /// Calls that hold a place, with or without a worker yet.
    busy: usize,
}

impl Readers {
    /// Checks that the languages are there; starts no worker yet.
    pub fn start(settings: OcrSettings) -> Result<Self, OcrFault> {
        let tessdata = data_folder(settings.tessdata.as_deref())?;
        check_installed(&tessdata, &settings.languages)?;
        Ok(Readers {
            worker: settings.worker,
            workers: settings.workers,
            setup: Setup {
                languages: settings.languages,
                tessdata,
                memory_limit_bytes: settings.memory_limit_bytes,
            },
            page_limit: settings.page_limit,
            pool: Mutex::new(Pool { idle: Vec::new(), busy: 0 }),
            freed: Condvar::new(),
        })
    }

    /// Reads an upright page, as it is. Blocks until it is read or a fault is
    /// certain; a fault concerns this page only and the next may be asked for.
    pub fn read(&self, page: &Raster) -> Result<PageText, OcrFault> {
        match self.ask(Question::Read, page)? {
            Answer::Text { text, .. } => Ok(text),
            other => Err(self.fault_of(&other)),
        }
    }

    /// The turn that makes a page upright and how sure Tesseract is of it
    /// (above 0, clear pages reach 20); `None` where it cannot be told, which
    /// is right for handwriting and nearly empty pages: a wrong turn is worse
    /// than none. Takes a third of the time of reading the page, and three
    /// times as long where reading must confirm it: meant for pages that the
    /// cheap measure left in doubt. Not for blank ones, which can take 4 s.
    pub fn orientation(&self, page: &Raster) -> Result<Option<(QuarterTurn, f32)>, OcrFault> {
        check_installed(&self.setup.tessdata, &[ORIENTATION.to_owned()])?;
        match self.ask(Question::Orientation, page)? {
            Answer::Orientation { found, .. } => Ok(found),
            other => Err(self.fault_of(&other)),
        }
    }

    fn ask(&self, question: Question, page: &Raster) -> Result<Answer, OcrFault> {
        if page.width() > LONGEST_SIDE || page.height() > LONGEST_SIDE || !fits(page) {
            return Err(OcrFault::PageTooLarge { width: page.width(), height: page.height() });
        }
        let mut place = self.place();
        let mut deaths = 0;
        loop {
            let (worker, past) = match place.worker.take() {
                Some(worker) => (worker, Past::HasRead),
                None => (Worker::start(&self.worker, &self.setup)?, Past::Fresh),
            };
            let fault = match worker.ask(question, page, &self.setup, self.page_limit) {
                Ok((_, Answer::OutOfMemory)) if past == Past::HasRead => continue,
                Ok((worker, answer)) => {
                    if may_read_on(&answer) {
                        place.worker = Some(worker);
                    }
                    return Ok(answer);
                }
                // It died while idle. The page is not to blame.
                Err(Unread::NotTaken(_)) if past == Past::HasRead => continue,
                Err(Unread::NotTaken(fault) | Unread::Failed(fault)) => fault,
            };
            match fault {
                OcrFault::WorkerDied { how, .. } if deaths < DEATHS_FORGIVEN => {
                    tracing::warn!(how, "a page reader died; its page is read once more");
                    deaths += 1;
                }
                OcrFault::OutOfMemory { .. } if past == Past::HasRead => {}
                fault => return Err(fault),
            }
        }
    }

    /// Waits for a place, and takes an idle worker if there is one. The wait
    /// ends: every place is held for at most two starts and three page limits.
    fn place(&self) -> Place<'_> {
        let mut pool = self.pool();
        while pool.busy >= self.workers.get() {
            pool = self.freed.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        pool.busy += 1;
        let worker = pool.idle.pop();
        Place { readers: self, worker }
    }

    /// The pool is whole after every statement, so a panic elsewhere while it
    /// was locked does not spoil it.
    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault_of(&self, answer: &Answer) -> OcrFault {
        match answer {
            Answer::Refused { detail } => OcrFault::Refused { detail: detail.clone() },
            Answer::OutOfMemory => OcrFault::OutOfMemory {
                limit_bytes: self.setup.memory_limit_bytes,
                last_said: Vec::new(),
            },
            Answer::CannotLoad { detail } => OcrFault::LoadLanguages {
                languages: vec![ORIENTATION.to_owned()],
                detail: detail.clone(),
            },
            Answer::Ready | Answer::Text { .. } | Answer::Orientation { .. } => {
                OcrFault::NonsenseAnswer { detail: answer.name().to_owned() }
            }
        }
    }
}

/// A worker that has grown, or lacked something, makes room for a fresh one.
fn may_read_on(answer: &Answer) -> bool {
    match answer {
        Answer::Text { worn, .. } | Answer::Orientation { worn, .. } => *worn == Wear::Fit,
        Answer::Refused { .. } => true,
        Answer::Ready | Answer::CannotLoad { .. } | Answer::OutOfMemory => false,
    }
}

/// The right to use one worker; given back when dropped.
struct Place<'a> {
    readers: &'a Readers,
    worker: Option<Worker>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool();
        pool.busy -= 1;
        pool.idle.extend(self.worker.take());
        self.readers.freed.notify_one();
    }
}
