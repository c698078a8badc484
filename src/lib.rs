//! Outguide, the records room's capture station.
//!
//! Paper charts go in through a scanner; searchable, indexed PDF/A documents
//! come to stand in the document repository's watched folder, and no page is
//! lost on the way.
//!
//! ```text
//! feeder ─▶ capture ─▶ SPOOL (durable) ─▶ read ─▶ separate ─▶ render ─▶ file
//!             ▲          originals        page    batch      document  document
//!  clerk ─▶ desk         never change     └──────── steps due are rows ────────┘
//! ```
//!
//! [`app::serve`] runs this all day: the [`capture::desk`] owns the scanner, the
//! [`pipeline::runner`] does the steps that are due, [`web`] tells and takes
//! orders on the station's socket, [`intake`] makes batches of what hot folders
//! bring, [`decisions`] takes what people say of documents, and the
//! [`supervisor`] keeps them all going.
//! They meet in the [`store`]. `outguide capture` does one batch by the same
//! parts, or hands its order to the station that runs. [`backup`] keeps what
//! cannot be made again, and puts a lost station back. [`keeping`] lets originals
//! go when their profile says so, and looks whether all others are what was scanned.
//!
//! Reading is one step: barcodes on the original, then cleaning, then words, so
//! that a page is decoded once. Our own sheets and blank pages are known by the
//! page itself and are not recognised; [`pipeline`] tells the rest.
//!
//! **Durable point.** A page is ours only after its temporary file is written,
//! synced, renamed, its folder synced, and its row committed. Only then is it
//! shown as scanned and the next one asked for.
//!
//! # Layers: imports only downward
//!
//! | Layer | Modules | May import |
//! |---|---|---|
//! | 0 words | [`records`] | std and plain-data crates |
//! | 1 ground | [`profile`] [`config`] [`settings_file`] [`disk`] [`supervisor`] | 0, and one another |
//! | 2 means | [`device`] [`spool`] [`store`] [`imaging`] [`page_barcodes`] [`ocr`] [`pdf`] [`repository`] | 0, 1; never a sibling |
//! | 3 work | [`capture`] [`intake`] [`pipeline`] [`decisions`] [`printing`] [`backup`] [`keeping`] | 0–2; never each other: they meet in the store |
//! | 4 face | [`web`] | 0–3; of the means it reads the store |
//! | 5 root | [`app`] [`cli`] | all |
//!
//! `tests/architecture.rs` holds this table, and the fences: rxing only in
//! [`page_barcodes`], PDF crates only in [`pdf`], SQL only in [`store`], notify only
//! in [`intake`], axum only in [`web`], clap only in [`cli`], anyhow only in layer 5,
//! unsafe only where libsane, leptonica and Tesseract are called.
//!
//! libsane and Tesseract run in processes of their own (`outguide scan-worker`,
//! `outguide ocr-worker`): a driver's crash, hang or lie ends a scan, never the
//! station.

// 0 words
pub mod records;

// 1 ground
pub mod config;
pub mod disk;
pub mod profile;
pub mod settings_file;
pub mod supervisor;

// 2 means
pub mod device;
pub mod imaging;
pub mod ocr;
pub mod page_barcodes;
pub mod pdf;
pub mod repository;
pub mod spool;
pub mod store;

// 3 work
pub mod backup;
pub mod capture;
pub mod decisions;
pub mod intake;
pub mod keeping;
pub mod pipeline;
pub mod printing;

// 4 face
pub mod web;

// 5 root
pub mod app;
pub mod cli;
