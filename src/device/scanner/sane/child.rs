//! The scan worker as the station sees it: started, asked, watched, and ended.
//!
//! Every wait has a limit. A worker that crashes, hangs or sends what cannot
//! be is ended and becomes a [`ScanFault`]; nothing it does reaches further.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::super::fault::{Phase, ScanFault};
use super::status::{self, Asked, Status};
use super::wire::{self, Message, Reply, Request, WireError};

/// How to start a scan worker: the station's own program, asked to be one.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    limits: TimeLimits,
}

impl WorkerCommand {
    /// `program`: the path of `outguide` itself.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        WorkerCommand {
            program: program.into(),
            environment: Vec::new(),
            limits: TimeLimits::default(),
        }
    }

    /// An environment variable for the drivers, such as `SANE_CONFIG_DIR`.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub fn limits(mut self, limits: TimeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// How long the scanner may give no sign of its next sheet.
    pub fn sheet_limit(mut self, limit: Duration) -> Self {
        self.limits.sheet = limit;
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("scan-worker")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C goes to the station, which then stops the scanner in order.
            .process_group(0);
        command
    }
}

/// How long the scanner may give no sign, by what it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// The worker to load libsane and its drivers' first part.
    pub start: Duration,
    /// Drivers that search the network and probe the SCSI bus.
    pub list: Duration,
    /// A lamp warming up; a network scanner waking.
    pub open: Duration,
    /// One option.
    pub setting: Duration,
    /// From asking for a sheet to its first pixels. Driverless scanners (eSCL)
    /// answer "not yet" for as long as they like, and sane-airscan waits 30 s
    /// before it asks again the last time.
    pub sheet: Duration,
    /// Between two pieces of one page. Scanners stop for seconds when their
    /// memory is full.
    pub stalled: Duration,
    /// From a cancel to the end of the page being read.
    pub cancel: Duration,
    /// A flatbed's lamp driven home, a feeder run empty.
    pub end_scan: Duration,
    pub close: Duration,
}

/// See [`TimeLimits::sheet`].
pub const SHEET_LIMIT: Duration = Duration::from_secs(300);

impl Default for TimeLimits {
    fn default() -> Self {
        TimeLimits {
            start: Duration::from_secs(30),
            list: Duration::from_secs(60),
            open: Duration::from_secs(90),
            setting: Duration::from_secs(30),
            sheet: SHEET_LIMIT,
            stalled: Duration::from_secs(60),
            cancel: Duration::from_secs(5),
            end_scan: Duration::from_secs(60),
            close: Duration::from_secs(5),
        }
    }
}

impl TimeLimits {
    fn of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Starting => self.start,
            Phase::Listing => self.list,
            Phase::Opening => self.open,
            Phase::Setting => self.setting,
            Phase::WaitingForASheet => self.sheet,
            Phase::Reading => self.stalled,
            Phase::Cancelling => self.cancel,
            Phase::EndingTheScan => self.end_scan,
            Phase::Closing => self.close,
        }
    }
}

/// Messages held between the pipe and the page: a few, so that a slow disk
/// slows the scanner and not the memory.
const MESSAGES_AHEAD: usize = 8;

/// A killed process is gone at once, unless the kernel cannot let it go; what
/// an ended one said last is in the pipe already.
const KILL_LIMIT: Duration = Duration::from_secs(2);

#[derive(Debug)]
enum Event {
    Message(Message<Reply>),
    Nonsense(String),
    /// Nothing more can come from it.
    OutputClosed,
    /// The process is gone. Its output may still be open: in the hands of a
    /// process that a driver started.
    Ended,
    CancelAsked,
}

/// A running scan worker. Dropping it ends the process.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    limits: TimeLimits,
    events: Receiver<Event>,
    canceller: WorkerCanceller,
    /// Why nothing more will come, once that is so.
    over: Option<ScanFault>,
    /// A frame was asked for and has not ended.
    is_reading: bool,
    has_ended: bool,
    exit: Option<ExitStatus>,
}

/// Cancels from any thread.
#[derive(Debug, Clone)]
pub struct WorkerCanceller {
    input: Arc<Mutex<ChildStdin>>,
    asked: Arc<AtomicBool>,
    wake: SyncSender<Event>,
}

impl WorkerCanceller {
    pub fn cancel(&self) {
        if self.asked.swap(true, Ordering::SeqCst) {
            return;
        }
        // A worker that is gone needs no cancel, and the one who waits for it
        // learns so from its closed output.
        if let Err(error) = self.send(&Request::Cancel) {
            tracing::debug!(%error, "the scan worker did not take the cancel");
        }
        // Full means that the waiting side is at work and looks at `asked` next.
        if self.wake.try_send(Event::CancelAsked).is_err() {
            tracing::trace!("the scan is busy and will see the cancel by itself");
        }
    }

    fn send(&self, request: &Request) -> io::Result<()> {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        wire::write_message(&mut *input, request)
    }
}

impl Worker {
    /// Starts a worker and waits until it has loaded libsane.
    pub fn start(command: &WorkerCommand) -> Result<Worker, ScanFault> {
        let not_started = |detail: String| ScanFault::WorkerNotStarted { detail };
        let mut child = command.command().spawn().map_err(|e| not_started(e.to_string()))?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(not_started("no pipes to it".to_owned()));
        };
        let (wake, events) = mpsc::sync_channel(MESSAGES_AHEAD);
        let asked = Arc::new(AtomicBool::new(false));
        let input = Arc::new(Mutex::new(input));
        let to_station = wake.clone();
        let mut worker = Worker {
            child,
            limits: command.limits,
            events,
            canceller: WorkerCanceller { input, asked, wake },
            over: None,
            is_reading: false,
            has_ended: false,
            exit: None,
        };
        thread::Builder::new()
            .name("scan worker's output".to_owned())
            .spawn(move || pass_on(output, &to_station))
            .map_err(|e| not_started(e.to_string()))?;
        thread::Builder::new()
            .name("scan worker's errors".to_owned())
            .spawn(move || log_driver_messages(errors))
            .map_err(|e| not_started(e.to_string()))?;
        let process = worker.process();
        let ended = worker.canceller.wake.clone();
        thread::Builder::new()
            .name("scan worker's end".to_owned())
            .spawn(move || tell_the_end(process, &ended))
            .map_err(|e| not_started(e.to_string()))?;
        worker.expect_hello()?;
        Ok(worker)
    }

    fn process(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn expect_hello(&mut self) -> Result<(), ScanFault> {
        match self.reply(Phase::Starting)? {
            Reply::Hello { version: wire::VERSION } => Ok(()),
            Reply::Hello { version } => Err(ScanFault::WorkerNotStarted {
                detail: format!("it speaks version {version}, not {}", wire::VERSION),
            }),
            Reply::LibraryMissing { detail } => Err(ScanFault::LibraryMissing { detail }),
            Reply::InitFailed { status } => Err(status::fault(Status(status), Asked::List)),
            other => Err(self.out_of_turn(&other)),
        }
    }

    pub fn canceller(&self) -> WorkerCanceller {
        self.canceller.clone()
    }

    pub fn is_cancelled(&self) -> bool {
        self.canceller.asked.load(Ordering::SeqCst)
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, request: &Request, phase: Phase) -> Result<Reply, ScanFault> {
        self.send(request)?;
        self.reply(phase)
    }

    pub fn send(&mut self, request: &Request) -> Result<(), ScanFault> {
        if let Some(fault) = &self.over {
            return Err(fault.clone());
        }
        self.is_reading |= *request == Request::ReadFrame;
        match self.canceller.send(request) {
            Ok(()) => Ok(()),
            // It is gone; how, the next wait finds out.
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(e) => Err(self.give_up(ScanFault::WorkerNotStarted { detail: e.to_string() })),
        }
    }

    fn reply(&mut self, phase: Phase) -> Result<Reply, ScanFault> {
        match self.message(phase)? {
            Message::Said(reply) => Ok(reply),
            Message::Pixels(_) => {
                Err(self.give_up(ScanFault::DriverLied { what: format!("pixels while {phase}") }))
            }
        }
    }

    /// The next thing the worker says. A fault here ends the worker.
    pub fn message(&mut self, phase: Phase) -> Result<Message<Reply>, ScanFault> {
        if let Some(fault) = &self.over {
            return Err(fault.clone());
        }
        let asked_at = Instant::now();
        let mut deadline = asked_at + self.limits.of(phase);
        if self.has_ended {
            deadline = deadline.min(asked_at + KILL_LIMIT);
        }
        let mut cancel_seen = false;
        loop {
            if self.is_cancelled() && !cancel_seen {
                cancel_seen = true;
                deadline = deadline.min(Instant::now() + self.limits.cancel);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(Event::Message(message)) => {
                    self.is_reading &= !ends_a_frame(&message);
                    return Ok(message);
                }
                Ok(Event::CancelAsked) => {}
                Ok(Event::Nonsense(what)) => {
                    return Err(self.give_up(ScanFault::DriverLied { what }));
                }
                // What it started goes with it, and then its output closes.
                Ok(Event::Ended) => {
                    self.has_ended = true;
                    self.kill();
                    deadline = deadline.min(Instant::now() + KILL_LIMIT);
                }
                Ok(Event::OutputClosed) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.crashed());
                }
                Err(RecvTimeoutError::Timeout) if self.has_ended => return Err(self.crashed()),
                Err(RecvTimeoutError::Timeout) => {
                    let seconds = asked_at.elapsed().as_secs();
                    return Err(self.give_up(ScanFault::DriverHung { phase, seconds }));
                }
            }
        }
    }

    fn crashed(&mut self) -> ScanFault {
        self.kill();
        let how = self.how_it_ended();
        self.give_up(ScanFault::DriverCrashed { how })
    }

    /// An answer to another question than the one asked.
    pub fn out_of_turn(&mut self, reply: &Reply) -> ScanFault {
        let what = format!("{} out of turn", reply_name(reply));
        self.give_up(ScanFault::DriverLied { what })
    }

    /// The driver did what cannot be: its process is not to be trusted further.
    pub fn lied(&mut self, what: String) -> ScanFault {
        self.give_up(ScanFault::DriverLied { what })
    }

    /// Ends the process for `fault`; after a cancel, whatever the driver did
    /// about it, the scan was cancelled.
    fn give_up(&mut self, fault: ScanFault) -> ScanFault {
        let fault = if self.is_cancelled() { ScanFault::Cancelled } else { fault };
        // Told to the clerk by whoever asked; this is only where it began.
        tracing::debug!(cause = %fault, "the scan worker is ended");
        self.kill();
        self.over = Some(fault.clone());
        fault
    }

    /// With everything the driver may have started.
    fn kill(&mut self) {
        if self.exit.is_some() {
            return;
        }
        // Not yet waited for, so the number is still this worker's. One that
        // has ended by itself keeps the status it ended with.
        if let Err(error) = kill_process_group(self.process(), Signal::KILL) {
            tracing::debug!(%error, "the scan worker was gone already");
        }
        if !self.has_ended && !self.wait_for_the_end(KILL_LIMIT) {
            // Stuck in the kernel: waiting would take the station along.
            tracing::error!(pid = self.child.id(), "the scan worker cannot be killed");
            return;
        }
        self.has_ended = true;
        self.exit = self.child.wait().ok();
    }

    fn how_it_ended(&self) -> String {
        match self.exit.map(|exit| (exit.signal(), exit.code())) {
            Some((Some(signal), _)) => format!("signal {signal}"),
            Some((None, Some(code))) => format!("exit code {code}"),
            Some((None, None)) | None => "no exit status".to_owned(),
        }
    }

    /// Draining what it still says; true when the process is gone.
    fn wait_for_the_end(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(
                    Event::Message(_)
                    | Event::Nonsense(_)
                    | Event::CancelAsked
                    | Event::OutputClosed,
                ) => {}
                Ok(Event::Ended) | Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    /// Good-bye in order; by force where that takes too long.
    pub fn close(&mut self) {
        if self.over.is_some() {
            return;
        }
        let good_bye: &[Request] =
            if self.is_reading { &[Request::Cancel, Request::Close] } else { &[Request::Close] };
        for request in good_bye {
            if let Err(error) = self.canceller.send(request) {
                tracing::debug!(%error, "the scan worker left before the good-bye");
            }
        }
        let deadline = Instant::now() + self.limits.close;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                // Everything is put away; what a driver's clean-up does now
                // need not be waited for.
                Ok(Event::Message(Message::Said(Reply::Closed))) => break,
                Ok(Event::Message(_) | Event::Nonsense(_) | Event::CancelAsked) => {}
                Ok(Event::Ended) => {
                    self.has_ended = true;
                    break;
                }
                Ok(Event::OutputClosed) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    tracing::warn!("the scanner's driver hung while closing");
                    break;
                }
            }
        }
        self.kill();
        self.over = Some(ScanFault::Cancelled);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.close();
    }
}

fn ends_a_frame(message: &Message<Reply>) -> bool {
    matches!(
        message,
        Message::Said(
            Reply::FrameEnds { .. }
                | Reply::FrameRefused { .. }
                | Reply::ShapeRefused { .. }
                | Reply::FrameLied { .. }
        )
    )
}

fn reply_name(reply: &Reply) -> &'static str {
    match reply {
        Reply::Hello { .. } => "hello",
        Reply::LibraryMissing { .. } => "library missing",
        Reply::InitFailed { .. } => "init failed",
        Reply::Devices { .. } => "devices",
        Reply::Opened { .. } => "opened",
        Reply::Options { .. } => "options",
        Reply::Value { .. } => "value",
        Reply::WasSet { .. } => "was set",
        Reply::FrameRefused { .. } => "frame refused",
        Reply::ShapeRefused { .. } => "shape refused",
        Reply::FrameBegins { .. } => "frame begins",
        Reply::FrameEnds { .. } => "frame ends",
        Reply::FrameLied { .. } => "frame lied",
        Reply::ScanEnded => "scan ended",
        Reply::Closed => "closed",
    }
}

/// Ends when the worker's output closes or nobody listens any more.
fn pass_on(output: ChildStdout, to_station: &SyncSender<Event>) {
    let mut output = BufReader::new(output);
    let nonsense = loop {
        match wire::read_message(&mut output) {
            Ok(Some(message)) => {
                if to_station.send(Event::Message(message)).is_err() {
                    return;
                }
            }
            Ok(None) | Err(WireError::Pipe(_)) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    if let Some(what) = nonsense {
        if to_station.send(Event::Nonsense(what)).is_err() {
            return;
        }
        // What follows nonsense has no beginning: only its end counts.
        if let Err(error) = io::copy(&mut output, &mut io::sink()) {
            tracing::debug!(%error, "the scan worker's output broke");
        }
    }
    if to_station.send(Event::OutputClosed).is_err() {
        tracing::trace!("nobody waits for the scan worker any more");
    }
}

/// Waits without taking the exit status, which keeps the number the worker's.
fn tell_the_end(process: Pid, to_station: &SyncSender<Event>) {
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(Errno::INTR) = waitid(WaitId::Pid(process), ended) {}
    if to_station.send(Event::Ended).is_err() {
        tracing::trace!("nobody waits for the scan worker's end");
    }
}

/// Drivers write for their makers; the log keeps it for the administrator.
fn log_driver_messages(errors: ChildStderr) {
    for line in BufReader::new(errors).lines() {
        match line {
            Ok(line) => tracing::debug!(target: "outguide::scan_worker", "{line}"),
            Err(_) => return,
        }
    }
}
