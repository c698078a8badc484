//! What the scanner does: takes pages, strikes with their faults, and holds its
//! options' values.

use std::ffi::{CStr, c_int};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::page::Page;
use super::stack::{self, Fault, Stack};
use super::{
    AREA, AREA_LAST, CANCELLED, COVER_OPEN, DOUBLE_FEED, END_OF_FILE, GOOD, Group, INFO_INEXACT,
    INFO_RELOAD_OPTIONS, INFO_RELOAD_PARAMETERS, INVALID, IO_ERROR, JAMMED, LONGEST, MODE, MODES,
    NO_DOCUMENTS, OVERSCAN, PAGE_LOADED, Parameters, RESET_EDGE, RESOLUTION, RESOLUTIONS,
    SENSOR_COVER_OPEN, SERIAL_NUMBER, SOURCE, SOURCES, SWSKIP, Status, Value, WIDEST, hang,
    option_count, start_a_process,
};

pub struct Scanner {
    pub is_feeder: bool,
    pub serial: &'static CStr,
    pub swskip: c_int,
    pub overscan: c_int,
    pub stack: Stack,
    pub source: &'static CStr,
    pub mode: &'static CStr,
    pub resolution: c_int,
    /// tl-x, tl-y, br-x, br-y.
    pub area: [c_int; 4],
    /// Images since it was opened; odd in the middle of a duplex sheet.
    pub delivered: usize,
    pub last_size: (usize, usize),
    pub reading: Option<Reading>,
    pub double_feed: bool,
    pub cover_open: bool,
}

pub struct Reading {
    bytes: Vec<u8>,
    sent: usize,
    pub parameters: Parameters,
    pub fault: Option<Fault>,
    /// Since when, and how often, it has been asked for bytes it has not got.
    asked: Option<(std::time::Instant, u32)>,
    /// The page leaves the stack when it is through.
    is_from_stack: bool,
}

impl Scanner {
    fn is_duplex(&self) -> bool {
        self.source == SOURCES[1]
    }

    pub fn start(&mut self) -> Status {
        self.reading = None;
        self.double_feed = false;
        self.cover_open = false;
        let mut while_reading = None;
        while let Some(fault) = self.stack.peek().and_then(Fault::of) {
            self.stack.take();
            match fault {
                Fault::Status(status) => {
                    self.cover_open = status == COVER_OPEN;
                    if status == NO_DOCUMENTS {
                        self.stack.run_out();
                    }
                    return status;
                }
                Fault::FalseNoDocuments => return NO_DOCUMENTS,
                Fault::DoubleFeedJam => {
                    self.double_feed = true;
                    return JAMMED;
                }
                Fault::Crash => std::process::abort(),
                Fault::CrashWithChild => {
                    start_a_process(Group::Ours);
                    std::process::abort();
                }
                Fault::Daemon => start_a_process(Group::Its),
                Fault::Hang => hang(),
                Fault::DoubleFeed => self.double_feed = true,
                reading => while_reading = Some(reading),
            }
        }
        let (page, is_from_stack) = match self.stack.peek().map(Page::read) {
            Some(Some(page)) => (page, true),
            Some(None) => return IO_ERROR,
            None if self.is_duplex() && self.delivered % 2 == 1 => {
                (Page::white(self.last_size.0, self.last_size.1), false)
            }
            None => return NO_DOCUMENTS,
        };
        self.last_size = (page.width, page.height);
        self.reading = Some(self.reading(&page, while_reading, is_from_stack));
        GOOD
    }

    fn reading(&self, page: &Page, fault: Option<Fault>, is_from_stack: bool) -> Reading {
        let pixels = |length: c_int| {
            (f64::from(length) / 65536.0 / 25.4 * f64::from(self.resolution)).round() as usize
        };
        let (mut bytes, mut parameters) = page.cut(self.area.map(pixels)).in_mode(self.mode);
        match fault {
            Some(Fault::Truncated) => bytes.truncate(bytes.len() / 2),
            Some(Fault::Overlong) => bytes.extend_from_within(..),
            Some(Fault::BadHeader) => parameters.bytes_per_line /= 2,
            Some(Fault::UnknownHeight) => parameters.lines = -1,
            Some(_) | None => {}
        }
        Reading { bytes, sent: 0, parameters, fault, asked: None, is_from_stack }
    }

    pub fn read(&mut self, room: &mut [u8], cancelled: &AtomicBool) -> (Status, usize) {
        let Some(reading) = &mut self.reading else { return (CANCELLED, 0) };
        let strikes_at = match reading.fault {
            Some(Fault::NoDocumentsReading) => 0,
            Some(_) | None => reading.bytes.len() / 2,
        };
        if reading.sent >= strikes_at {
            match reading.fault {
                Some(Fault::JamReading) => return (JAMMED, 0),
                Some(Fault::NoDocumentsReading) => return (NO_DOCUMENTS, 0),
                Some(Fault::HangReading) => hang(),
                Some(Fault::CrashReading) => std::process::abort(),
                Some(Fault::Overrun) => return (GOOD, room.len() + 1),
                Some(Fault::NothingYet) => {
                    let now = std::time::Instant::now();
                    let (since, times) = reading.asked.get_or_insert((now, 0));
                    if since.elapsed() < std::time::Duration::from_millis(100) {
                        *times += 1;
                        return (GOOD, 0);
                    }
                    self.stack.note("asked", *times);
                    reading.fault = None;
                }
                Some(Fault::Wait) => {
                    while !cancelled.load(Ordering::SeqCst) {
                        thread::park_timeout(std::time::Duration::from_millis(1));
                    }
                }
                Some(_) | None => {}
            }
        }
        if cancelled.load(Ordering::SeqCst) {
            return (CANCELLED, 0);
        }
        let left = &reading.bytes[reading.sent..];
        // Stops in the middle once, so that faults strike there.
        let half = (reading.bytes.len() / 2).saturating_sub(reading.sent);
        let length = left.len().min(room.len()).min(if half > 0 { half } else { usize::MAX });
        if length == 0 {
            self.finish();
            return (END_OF_FILE, 0);
        }
        room[..length].copy_from_slice(&left[..length]);
        reading.sent += length;
        (GOOD, length)
    }

    /// A spoiled page is put back by the clerk and comes again whole.
    fn finish(&mut self) {
        let Some(reading) = self.reading.take() else { return };
        let is_spoiled = matches!(
            reading.fault,
            Some(Fault::Truncated | Fault::Overlong | Fault::BadHeader | Fault::Overrun)
        );
        if reading.is_from_stack && !is_spoiled {
            self.stack.take();
        }
        self.delivered += 1;
    }

    pub fn get(&self, option: usize) -> Value {
        match option {
            0 => Value::Word(option_count()),
            SOURCE => Value::Text(self.source),
            MODE => Value::Text(self.mode),
            RESOLUTION => Value::Word(self.resolution),
            AREA..=AREA_LAST => Value::Word(self.area[option - AREA]),
            PAGE_LOADED => Value::Word(c_int::from(self.is_feeder && self.stack.has_page())),
            DOUBLE_FEED => Value::Word(c_int::from(self.double_feed)),
            SENSOR_COVER_OPEN => Value::Word(c_int::from(self.cover_open)),
            SERIAL_NUMBER => Value::Text(self.serial),
            SWSKIP => Value::Word(self.swskip),
            OVERSCAN => Value::Word(self.overscan),
            _ => Value::Word(0),
        }
    }

    /// Info flags, or the refusal.
    pub fn set_text(&mut self, option: usize, text: &CStr) -> Result<c_int, Status> {
        let choices: &[&CStr] = match option {
            SOURCE if self.is_feeder => &SOURCES,
            SOURCE => &SOURCES[2..],
            MODE => &MODES,
            _ => return Err(INVALID),
        };
        let chosen: &'static CStr = match choices.iter().position(|c| *c == text) {
            Some(place) if option == SOURCE && !self.is_feeder => SOURCES[2 + place],
            Some(place) if option == SOURCE => SOURCES[place],
            Some(place) => MODES[place],
            None => return Err(INVALID),
        };
        self.reset_page();
        match option {
            SOURCE => self.source = chosen,
            _ => self.mode = chosen,
        }
        Ok(INFO_RELOAD_PARAMETERS | INFO_RELOAD_OPTIONS)
    }

    /// As drivers do that hold the page size in pixels of their own.
    fn reset_page(&mut self) {
        if stack::configured("resets-page").is_some() {
            self.area = [0, 0, RESET_EDGE, RESET_EDGE];
        }
    }

    /// Info flags, or the refusal.
    pub fn set_word(&mut self, option: usize, word: c_int) -> Result<c_int, Status> {
        match option {
            RESOLUTION if RESOLUTIONS[1..].contains(&word) => {
                self.reset_page();
                self.resolution = word;
            }
            SWSKIP => self.swskip = word,
            OVERSCAN => {
                self.reset_page();
                self.overscan = word;
            }
            AREA..=AREA_LAST => {
                let is_across = (option - AREA).is_multiple_of(2);
                let used = word.clamp(0, if is_across { WIDEST } else { LONGEST });
                self.area[option - AREA] = used;
                if used != word {
                    return Ok(INFO_RELOAD_PARAMETERS | INFO_INEXACT);
                }
            }
            _ => return Err(INVALID),
        }
        Ok(INFO_RELOAD_PARAMETERS)
    }
}
