//! Words on a page, read by warm Tesseract workers.
//!
//! Responsible for: the workers (child processes of this same program, one
//! thread each, with a limit on memory and on time), what they are asked and
//! answer, the words with their boxes, and which way up a page lies where the
//! cheap measure of `imaging` could not tell. Not for the picture that is
//! read: cleaning, turning and thresholds happen before, in `imaging`. Nor for
//! what becomes of a page that cannot be read: `pipeline` keeps it and flags it.
//!
//! ```text
//! Readers ── takes a free ──▶ Worker ══ protocol ══▶ outguide ocr-worker ──▶ Tesseract
//!                            (the child as the            serve()           (tesseract.rs)
//!                             station sees it)
//! ```
//!
//! One thread each, because Debian's Tesseract is built with OpenMP, whose
//! threads wait for each other by spinning: with a second process on the
//! machine a page of 3 s takes 14 to 30 s. Only `OMP_THREAD_LIMIT=1` in the
//! *environment the process is started with* prevents it; setting it from
//! within comes too late. As many workers as cores read as fast as the machine
//! can.

mod fault;
mod hocr;
mod languages;
mod protocol;
mod readers;
mod tesseract;
mod words;
mod worker_process;

pub mod worker;

pub use fault::OcrFault;
pub use languages::{language_package, languages_installed};
pub use readers::{OcrSettings, Readers};
pub use worker_process::WorkerCommand;
