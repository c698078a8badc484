//! `outguide scan-worker`: the only process that loads libsane.
//!
//! Does what the station asks over the pipe (`wire`), one call of
//! libsane after the other on the main thread; a second thread listens, so
//! that a cancel reaches the driver in the middle of a page. Decides nothing.
//!
//! When the station dies its end of the pipe closes, and the worker stops the
//! scanner and ends. (A death signal from the kernel would fire already when
//! the *thread* that started the worker ends, and the station's threads come
//! and go.)

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use super::LOGIN_VARIABLE;
use super::ffi::{CannotStart, Handle, ImpossibleLength, Sane, Stopper};
use super::status::Status;
use super::wire::{self, Login, Message, Reply, Request, Value};

/// Drivers give 32 KiB or less at once; more only saves messages.
const READ_BYTES: usize = 256 << 10;

/// How long a driver is left alone that has nothing yet: it should have waited
/// itself, and asking without pause takes a processor from the page readers.
const NOTHING_YET_PAUSE: Duration = Duration::from_millis(5);

/// A driver that does not let go of the scanner in this time never will.
const ORPHAN_LIMIT: Duration = Duration::from_secs(5);

/// Serves one scanner until standard input closes; returns the exit code.
pub fn serve() -> u8 {
    match serve_station() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("scan worker: {error}");
            1
        }
    }
}

fn serve_station() -> io::Result<()> {
    let mut station = private_output()?;
    let stopper = Arc::new(Mutex::new(None));
    let login = Arc::new(Mutex::new(Login::NotAsked));
    let requests = listen(Arc::clone(&stopper))?;
    let sane = match Sane::start(answer_from_environment(Arc::clone(&login))) {
        Ok(sane) => sane,
        Err(CannotStart::Load(detail)) => {
            return wire::write_message(&mut station, &Reply::LibraryMissing { detail });
        }
        Err(CannotStart::Init(Status(status))) => {
            return wire::write_message(&mut station, &Reply::InitFailed { status });
        }
    };
    wire::write_message(&mut station, &Reply::Hello { version: wire::VERSION })?;
    let mut desk = Desk { sane: &sane, handle: None, is_scanning: false, stopper, login };
    while let Ok(request) = requests.recv() {
        if !desk.answer(request, &mut station)? {
            break;
        }
    }
    drop(desk);
    sane.exit();
    // The station takes this as "all is put away": whatever a driver's own
    // clean-up does after it no longer matters.
    wire::write_message(&mut station, &Reply::Closed)
}

/// Our own copy of standard output. Drivers print on the original, which from
/// now on is standard error.
fn private_output() -> io::Result<File> {
    let copy = rustix::io::fcntl_dupfd_cloexec(io::stdout(), 3)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(File::from(copy))
}

/// Requests as they come; cancels go straight to the driver.
fn listen(stopper: Arc<Mutex<Option<Stopper>>>) -> io::Result<Receiver<Request>> {
    let (to_desk, requests) = mpsc::channel();
    thread::Builder::new()
        .name("listen to the station".to_owned())
        .spawn(move || listen_until_the_station_goes(&to_desk, &stopper))?;
    Ok(requests)
}

fn listen_until_the_station_goes(to_desk: &Sender<Request>, stopper: &Mutex<Option<Stopper>>) {
    let mut input = io::stdin().lock();
    while let Ok(Some(Message::Said(request))) = wire::read_message(&mut input) {
        if request == Request::Cancel {
            cancel(stopper);
        } else if to_desk.send(request).is_err() {
            return;
        }
    }
    // Gone, or talking nonsense: let go of the scanner, by force if need be.
    if let Ok(_timer) = thread::Builder::new().spawn(|| {
        thread::sleep(ORPHAN_LIMIT);
        end_by_force();
    }) {
        cancel(stopper);
        if to_desk.send(Request::Close).is_ok() {
            return;
        }
    }
    end_by_force();
}

fn cancel(stopper: &Mutex<Option<Stopper>>) {
    let stopper = stopper.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(stopper) = stopper {
        stopper.cancel();
    }
}

/// Without running anybody's exit handlers, which may hang as well.
fn end_by_force() {
    if rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .is_err()
    {
        std::process::abort();
    }
}

/// `name:password` for scanners behind a sane daemon that asks; remembers what
/// was asked, since the driver only says "access denied".
fn answer_from_environment(login: Arc<Mutex<Login>>) -> super::ffi::Authorize {
    static ANSWER: OnceLock<Option<(String, String)>> = OnceLock::new();
    Box::new(move |resource| {
        let answer = ANSWER.get_or_init(|| {
            let set = std::env::var(LOGIN_VARIABLE).ok()?;
            let (user, password) = set.split_once(':')?;
            Some((user.to_owned(), password.to_owned()))
        });
        // The part after `$MD5$` is a salt.
        let name = resource.split("$MD5$").next().unwrap_or_default().to_owned();
        *login.lock().unwrap_or_else(PoisonError::into_inner) = match answer {
            Some(_) => Login::Answered { resource: name },
            None => Login::NoAnswer { resource: name },
        };
        answer.clone()
    })
}

/// The main thread's work: one request, one answer.
struct Desk<'a> {
    sane: &'a Sane,
    handle: Option<Handle>,
    /// From a sheet asked for to `sane_cancel`.
    is_scanning: bool,
    stopper: Arc<Mutex<Option<Stopper>>>,
    login: Arc<Mutex<Login>>,
}

impl Desk<'_> {
    /// False when the station said good-bye.
    fn answer(&mut self, request: Request, station: &mut File) -> io::Result<bool> {
        let reply = match request {
            Request::List => match self.sane.devices() {
                Ok(devices) => Reply::Devices { status: Status::GOOD.0, devices },
                Err(Status(status)) => Reply::Devices { status, devices: Vec::new() },
            },
            Request::Open { name } => self.open(&name),
            Request::Options => self.options(),
            Request::Get { index } => self.get(index),
            Request::Set { index, value } => self.set(index, |h| h.set(index, &value)),
            Request::SetAuto { index } => self.set(index, |h| h.set_auto(index)),
            Request::ReadFrame => self.read_frame(station)?,
            Request::EndScan => {
                self.end_scan();
                Reply::ScanEnded
            }
            Request::Cancel => unreachable!("the listening thread keeps cancels to itself"),
            Request::Close => {
                self.end_scan();
                self.handle = None;
                return Ok(false);
            }
        };
        wire::write_message(station, &reply)?;
        Ok(true)
    }

    /// Once for each scan: a driver may take its time to drive the lamp home.
    fn end_scan(&mut self) {
        if std::mem::take(&mut self.is_scanning) {
            self.handle.iter().for_each(Handle::end_scan);
        }
    }

    fn open(&mut self, name: &str) -> Reply {
        self.handle = None;
        let status = match self.sane.open(name) {
            Ok(handle) => {
                *self.stopper.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(handle.stopper());
                self.handle = Some(handle);
                Status::GOOD
            }
            Err(status) => status,
        };
        Reply::Opened { status: status.0, login: self.login_so_far() }
    }

    fn login_so_far(&self) -> Login {
        self.login.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn options(&self) -> Reply {
        match self.handle.as_ref().ok_or(Status::INVALID).and_then(Handle::options) {
            Ok((count, options)) => Reply::Options { status: Status::GOOD.0, count, options },
            Err(Status(status)) => Reply::Options { status, count: 0, options: Vec::new() },
        }
    }

    fn get(&self, index: i32) -> Reply {
        let got = self.handle.as_ref().ok_or(Status::INVALID).and_then(|h| h.get(index));
        match got {
            Ok(value) => Reply::Value { status: Status::GOOD.0, value: Some(value) },
            Err(Status(status)) => Reply::Value { status, value: None },
        }
    }

    fn set(&self, index: i32, set: impl FnOnce(&Handle) -> Result<i32, Status>) -> Reply {
        let Some(handle) = &self.handle else {
            return Reply::WasSet { status: Status::INVALID.0, info: 0, value: None };
        };
        match set(handle) {
            Ok(info) => {
                let value = handle.get(index).ok().filter(|value| *value != Value::None);
                Reply::WasSet { status: Status::GOOD.0, info, value }
            }
            Err(Status(status)) => Reply::WasSet { status, info: 0, value: None },
        }
    }

    /// The reply that ends the frame; what comes before it is sent here.
    fn read_frame(&mut self, station: &mut File) -> io::Result<Reply> {
        self.is_scanning = self.handle.is_some();
        let refused = |Status(status)| Reply::FrameRefused { status, login: self.login_so_far() };
        let Some(handle) = &self.handle else { return Ok(refused(Status::INVALID)) };
        let status = handle.start();
        if status != Status::GOOD {
            return Ok(refused(status));
        }
        let shape = match handle.parameters() {
            Ok(shape) => shape,
            Err(Status(status)) => return Ok(Reply::ShapeRefused { status }),
        };
        wire::write_message(station, &Reply::FrameBegins { shape })?;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let (status, length) = match handle.read(&mut buffer) {
                Ok(read) => read,
                Err(ImpossibleLength { length, room }) => {
                    let what = format!("{length} bytes read where there was room for {room}");
                    return Ok(Reply::FrameLied { what });
                }
            };
            if length > 0 {
                wire::write_pixels(station, &buffer[..length])?;
            }
            if status != Status::GOOD {
                station.flush()?;
                let after = handle.parameters().ok();
                return Ok(Reply::FrameEnds { status: status.0, after });
            }
            if length == 0 {
                // "Good, but nothing yet" from a driver that ignores blocking mode.
                thread::sleep(NOTHING_YET_PAUSE);
            }
        }
    }
}
