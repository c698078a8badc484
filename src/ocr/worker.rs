//! `outguide ocr-worker`: the only process that loads Tesseract.
//!
//! Reads requests from standard input and answers on standard output until
//! standard input closes (see `protocol`). One page at a time, on one thread;
//! a second thread only waits for the station to go away, so that a worker
//! busy with a page does not outlive it.

use std::io::{self, Write};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};

use super::hocr::page_text;
use super::protocol::{Answer, Request, Setup, Wear, read_request, write_answer};
use super::tesseract::{Compass, Picture, Reader, TesseractError};
use super::words::{print_only, sure_letters};
use crate::records::page::QuarterTurn;
use crate::records::raster::Raster;
use crate::records::text::PageText;

/// Scanning and the clerk's screen go first; reading can wait.
const NICENESS: i32 = 5;

/// A worker reads pages in 75 to 100 MB and stays there. One that holds more
/// than this part of its limit after a page is replaced.
const WORN_OUT_ABOVE: f64 = 0.5;

/// Tesseract's own confidence in a direction. The highest that was wrong was
/// 5.6 (see `upright_turn`).
const SURE_COMPASS: f32 = 10.0;

/// Letters in sure words: pages rightly turned had 21 or more in a third of
/// the page, wrongly turned handwriting none.
const LETTERS_TO_TELL: usize = 15;

/// Rightly turned pages had 4 times as many as reversed ones, or more.
const LETTERS_UPRIGHT_TO_REVERSED: usize = 3;

/// Ended as asked.
const DONE: u8 = 0;
/// The station said something that is not in the protocol, or went away.
const CANNOT_TALK: u8 = 1;

/// Serves pages until standard input closes; returns the exit code.
pub fn serve() -> u8 {
    // Where the system refuses, pages are read at normal priority: no reason
    // not to read them.
    let _priority = rustix::process::nice(NICENESS);
    std::thread::spawn(end_with_the_station);
    match answer_requests(&mut io::stdin().lock(), &mut io::stdout().lock()) {
        Ok(()) => DONE,
        Err(error) => {
            eprintln!("ocr-worker: {error}");
            CANNOT_TALK
        }
    }
}

/// Kills this process once nobody can write to its standard input any more.
/// The kernel closes the pipe even when the station is killed. (The parent
/// death signal would not do: it fires when the *thread* that started the
/// worker ends.)
fn end_with_the_station() {
    let stdin = io::stdin();
    loop {
        let mut hung_up = [PollFd::new(&stdin, PollFlags::empty())];
        match poll(&mut hung_up, None) {
            Ok(_) if hung_up[0].revents().contains(PollFlags::HUP) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
        if hung_up[0].revents().intersects(PollFlags::ERR | PollFlags::NVAL) {
            return;
        }
    }
    // Not exit(): it would run destructors under the reading thread.
    let _gone = kill_process(getpid(), Signal::KILL);
}

/// What has been loaded so far.
struct Desk {
    setup: Setup,
    reader: Reader,
    /// Loaded when first asked for: most pages never need it.
    compass: Option<Compass>,
}

fn answer_requests(from: &mut impl io::Read, to: &mut impl Write) -> io::Result<()> {
    let mut desk = None;
    while let Some(request) = read_request(from)? {
        let answer = match (request, &mut desk) {
            (Request::Setup(setup), desk) => match load(setup) {
                Ok(loaded) => {
                    *desk = Some(loaded);
                    Answer::Ready
                }
                Err(answer) => answer,
            },
            (Request::Read(page), Some(desk)) => read(desk, &page),
            (Request::Orientation(page), Some(desk)) => orientation(desk, &page),
            (Request::Read(_) | Request::Orientation(_), None) => {
                Answer::Refused { detail: "asked to read before any language was named".into() }
            }
        };
        write_answer(to, &answer)?;
    }
    Ok(())
}

fn load(setup: Setup) -> Result<Desk, Answer> {
    let limit = Some(setup.memory_limit_bytes);
    setrlimit(Resource::As, Rlimit { current: limit, maximum: limit }).map_err(|error| {
        Answer::CannotLoad { detail: format!("the memory limit cannot be set: {error}") }
    })?;
    let reader = Reader::load(&setup.tessdata, &setup.languages).map_err(refusal)?;
    Ok(Desk { setup, reader, compass: None })
}

fn read(desk: &mut Desk, page: &Raster) -> Answer {
    let text = Picture::of(page)
        .map_err(refusal)
        .and_then(|picture| words(&mut desk.reader, &picture, page.width(), page.height()));
    match text {
        Ok(text) => Answer::Text { text: print_only(text), worn: wear(&desk.setup) },
        Err(answer) => answer,
    }
}

/// All that Tesseract takes for words, on a page of this many pixels.
fn words(
    reader: &mut Reader,
    picture: &Picture,
    width: u32,
    height: u32,
) -> Result<PageText, Answer> {
    let hocr = reader.hocr(picture).map_err(refusal)?;
    page_text(&hocr, width, height).map_err(|broken| Answer::Refused { detail: broken.to_string() })
}

fn orientation(desk: &mut Desk, page: &Raster) -> Answer {
    match upright_turn(desk, page) {
        Ok(found) => Answer::Orientation { found, worn: wear(&desk.setup) },
        Err(answer) => answer,
    }
}

/// Believes the compass where it is sure, and else only what reading confirms.
/// Measured on 32 pages in each of the four turns: the compass was wrong in 6
/// of 128, at confidences up to 5.6, on handwriting and on a sparse table of
/// contents; together with reading in none, and undecided in 12.
fn upright_turn(desk: &mut Desk, page: &Raster) -> Result<Option<(QuarterTurn, f32)>, Answer> {
    let picture = Picture::of(page).map_err(refusal)?;
    let compass = match &mut desk.compass {
        Some(compass) => compass,
        none => none.insert(Compass::load(&desk.setup.tessdata).map_err(refusal)?),
    };
    let Some((turn, confidence)) = compass.upright_turn(&picture) else { return Ok(None) };
    if confidence >= SURE_COMPASS || reads_upright(&mut desk.reader, page, &picture, turn)? {
        Ok(Some((turn, confidence)))
    } else {
        Ok(None)
    }
}

/// Whether the page so turned has words, and hardly any when turned the other
/// way up. (Tesseract reads text that runs sideways, so the other two turns
/// tell nothing: those are the compass's to tell apart.)
fn reads_upright(
    reader: &mut Reader,
    page: &Raster,
    picture: &Picture,
    turn: QuarterTurn,
) -> Result<bool, Answer> {
    // Holds the page whichever way it is turned.
    let side = page.width().max(page.height());
    let mut letters = |turn: QuarterTurn| {
        let turned = picture.turned(turn).map_err(refusal)?;
        words(reader, &turned, side, side).map(|text| sure_letters(&text))
    };
    let upright = letters(turn)?;
    if upright < LETTERS_TO_TELL {
        return Ok(false);
    }
    Ok(upright >= LETTERS_UPRIGHT_TO_REVERSED * letters(turn.then(QuarterTurn::Half))?)
}

fn refusal(error: TesseractError) -> Answer {
    match error {
        TesseractError::OutOfMemory => Answer::OutOfMemory,
        TesseractError::Load(_) | TesseractError::Setting(_) => {
            Answer::CannotLoad { detail: error.to_string() }
        }
        TesseractError::Recognize | TesseractError::NotUtf8 => {
            Answer::Refused { detail: error.to_string() }
        }
    }
}

/// Where the kernel does not say how much memory we hold, we are fit.
fn wear(setup: &Setup) -> Wear {
    let limit = setup.memory_limit_bytes as f64 * WORN_OUT_ABOVE;
    match resident_bytes() {
        Some(bytes) if bytes as f64 > limit => Wear::WornOut,
        Some(_) | None => Wear::Fit,
    }
}

/// Memory held, from the second number of `/proc/self/statm` (proc(5)).
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string(PathBuf::from("/proc/self/statm")).ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
