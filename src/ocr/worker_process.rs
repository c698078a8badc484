//! One reading worker as the station sees it: started, asked, and killed when
//! it takes too long.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::fault::OcrFault;
use super::protocol::{Answer, Question, Setup, body_length, page_head, read_answer, setup_frame};
use crate::records::raster::Raster;

/// Loading takes 0.15 s; a cold disk, ten languages and a busy machine
/// together stay well below this.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How much of a worker's chatter is kept for the administrator.
const CHATTER_BYTES: usize = 4096;
const CHATTER_LINES: usize = 5;

/// How to start a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCommand {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
}

impl WorkerCommand {
    /// `program ocr-worker`, as this binary answers it.
    pub fn of(program: PathBuf) -> Self {
        WorkerCommand { program, arguments: vec!["ocr-worker".into()] }
    }
}

/// A page that was not read.
pub(super) enum Unread {
    /// The worker was gone before it had taken the page; another may read it.
    NotTaken(OcrFault),
    Failed(OcrFault),
}

/// A running worker with its languages loaded. Dropping it kills it.
pub(super) struct Worker {
    child: Child,
    requests: ChildStdin,
    answers: ChildStdout,
    chatter: ChildStderr,
    last_said: Vec<u8>,
}

/// Why an answer did not come. The worker is of no further use.
#[derive(PartialEq, Eq)]
enum Trouble {
    /// It ended before it had taken all that was sent.
    GoneBefore,
    /// It ended with what was sent.
    Gone,
    TookTooLong,
    Nonsense(String),
}

impl Worker {
    pub(super) fn start(command: &WorkerCommand, setup: &Setup) -> Result<Self, OcrFault> {
        let cannot = |source| OcrFault::StartWorker { program: command.program.clone(), source };
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            // See the module `ocr`: without it a page takes ten times as long.
            .env("OMP_THREAD_LIMIT", "1")
            // A panic's first line says what the administrator needs; a
            // backtrace would push it out of the lines that are kept.
            .env("RUST_BACKTRACE", "0")
            // Ctrl-C goes to the station; a page being read is read to its end.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let mut worker = Worker {
            requests: child.stdin.take().expect("piped above"),
            answers: child.stdout.take().expect("piped above"),
            chatter: child.stderr.take().expect("piped above"),
            last_said: Vec::new(),
            child,
        };
        worker.never_block().map_err(cannot)?;
        match worker.exchange(&setup_frame(setup), &[], START_LIMIT) {
            Ok(Answer::Ready) => Ok(worker),
            Ok(Answer::CannotLoad { detail }) => {
                Err(OcrFault::LoadLanguages { languages: setup.languages.clone(), detail })
            }
            Ok(other) => Err(OcrFault::NonsenseAnswer { detail: other.name().to_owned() }),
            Err(trouble) => Err(worker.end(trouble, setup, START_LIMIT)),
        }
    }

    fn never_block(&self) -> io::Result<()> {
        rustix::io::ioctl_fionbio(&self.requests, true)?;
        rustix::io::ioctl_fionbio(&self.answers, true)?;
        Ok(rustix::io::ioctl_fionbio(&self.chatter, true)?)
    }

    /// Asks and waits at most `limit`. A worker that gave no answer is dead
    /// afterwards, and is given back to nobody.
    pub(super) fn ask(
        mut self,
        question: Question,
        page: &Raster,
        setup: &Setup,
        limit: Duration,
    ) -> Result<(Self, Answer), Unread> {
        match self.exchange(&page_head(question, page), page.pixels(), limit) {
            Ok(answer) => Ok((self, answer)),
            Err(Trouble::GoneBefore) => {
                Err(Unread::NotTaken(self.end(Trouble::GoneBefore, setup, limit)))
            }
            Err(trouble) => Err(Unread::Failed(self.end(trouble, setup, limit))),
        }
    }

    /// Sends `head` and `body`, and gathers one answer while it listens to the
    /// chatter, so that neither side can block the other.
    fn exchange(&mut self, head: &[u8], body: &[u8], limit: Duration) -> Result<Answer, Trouble> {
        let deadline = Instant::now() + limit;
        let mut unsent = [head, body];
        let mut answer = Vec::new();
        loop {
            let sending = unsent.iter().any(|part| !part.is_empty());
            let ready = self.wait(deadline, sending)?;
            if ready.chatter {
                self.listen();
            }
            // A worker that is gone is found out here first, while there is
            // something left to send.
            if ready.requests {
                self.send(&mut unsent)?;
            }
            if ready.answers {
                self.receive(&mut answer)?;
                if let Some(json) = whole_answer(&answer)? {
                    return read_answer(json).map_err(|e| Trouble::Nonsense(e.to_string()));
                }
            }
        }
    }

    fn wait(&self, deadline: Instant, sending: bool) -> Result<Ready, Trouble> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Trouble::TookTooLong);
            }
            let left = Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut ends = [
                PollFd::new(&self.answers, PollFlags::IN),
                PollFd::new(&self.chatter, PollFlags::IN),
                PollFd::new(&self.requests, PollFlags::OUT),
            ];
            let watched = if sending { 3 } else { 2 };
            match poll(&mut ends[..watched], Some(&left)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => {
                    return Ok(Ready {
                        answers: !ends[0].revents().is_empty(),
                        chatter: !ends[1].revents().is_empty(),
                        requests: !ends[2].revents().is_empty(),
                    });
                }
                Err(error) => return Err(Trouble::Nonsense(error.to_string())),
            }
        }
    }

    fn send(&mut self, unsent: &mut [&[u8]; 2]) -> Result<(), Trouble> {
        for part in unsent {
            while !part.is_empty() {
                match self.requests.write(part) {
                    Ok(0) => return Err(Trouble::GoneBefore),
                    Ok(sent) => *part = &part[sent..],
                    Err(error) if try_again(&error) => return Ok(()),
                    Err(_) => return Err(Trouble::GoneBefore),
                }
            }
        }
        Ok(())
    }

    fn receive(&mut self, answer: &mut Vec<u8>) -> Result<(), Trouble> {
        let mut buffer = [0; 1 << 16];
        match self.answers.read(&mut buffer) {
            Ok(0) => Err(Trouble::Gone),
            Ok(received) => {
                answer.extend_from_slice(&buffer[..received]);
                Ok(())
            }
            Err(error) if try_again(&error) => Ok(()),
            Err(_) => Err(Trouble::Gone),
        }
    }

    /// Takes what the worker said on standard error, and keeps the end of it.
    fn listen(&mut self) {
        let mut buffer = [0; CHATTER_BYTES];
        while let Ok(heard @ 1..) = self.chatter.read(&mut buffer) {
            self.last_said.extend_from_slice(&buffer[..heard]);
            let excess = self.last_said.len().saturating_sub(CHATTER_BYTES);
            self.last_said.drain(..excess);
        }
    }

    /// Kills the worker and says what its silence meant.
    fn end(mut self, trouble: Trouble, setup: &Setup, limit: Duration) -> OcrFault {
        let status = match trouble {
            // Let it die of its own cause, which its status then names.
            Trouble::GoneBefore | Trouble::Gone => self.child.wait(),
            Trouble::TookTooLong | Trouble::Nonsense(_) => {
                self.child.kill().and_then(|()| self.child.wait())
            }
        };
        self.listen();
        let lacked_memory = tells_of_lack_of_memory(&self.last_said);
        let last_said = last_lines(&self.last_said);
        match trouble {
            Trouble::TookTooLong => OcrFault::TookTooLong { limit },
            Trouble::Nonsense(detail) => OcrFault::NonsenseAnswer { detail },
            Trouble::GoneBefore | Trouble::Gone if lacked_memory => {
                OcrFault::OutOfMemory { limit_bytes: setup.memory_limit_bytes, last_said }
            }
            Trouble::GoneBefore | Trouble::Gone => {
                OcrFault::WorkerDied { how: how_it_ended(status), last_said }
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both fail only where the process is gone already.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Which of a worker's ends have something to do.
struct Ready {
    answers: bool,
    chatter: bool,
    requests: bool,
}

fn try_again(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The body of the answer once all of it is here.
fn whole_answer(received: &[u8]) -> Result<Option<&[u8]>, Trouble> {
    let Some((head, body)) = received.split_first_chunk::<4>() else { return Ok(None) };
    let length = body_length(*head).map_err(|error| Trouble::Nonsense(error.to_string()))?;
    Ok((body.len() >= length).then(|| &body[..length]))
}

/// Rust's and C++'s last words when memory is refused.
fn tells_of_lack_of_memory(chatter: &[u8]) -> bool {
    let chatter = String::from_utf8_lossy(chatter);
    chatter.contains("memory allocation of") || chatter.contains("bad_alloc")
}

fn last_lines(chatter: &[u8]) -> Vec<String> {
    let chatter = String::from_utf8_lossy(chatter);
    let lines: Vec<_> = chatter.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let skipped = lines.len().saturating_sub(CHATTER_LINES);
    lines[skipped..].iter().map(|line| (*line).to_owned()).collect()
}

fn how_it_ended(status: io::Result<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status {
        Ok(status) => match status.signal() {
            Some(9) => "it was killed, as the kernel does when memory runs out".to_owned(),
            Some(signal) => format!("it crashed with signal {signal}"),
            None => format!("it ended with {status}"),
        },
        Err(error) => format!("its end is unknown: {error}"),
    }
}
