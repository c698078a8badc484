//! The person at the station while paper runs: asked for the next page, and
//! able to stop.

use std::fs;
use std::future;
use std::io::{self, BufRead, IsTerminal};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use rustix::termios::{QueueSelector, tcflush};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::progress::Progress;
use super::telling::{self, note};
use crate::capture::{Heard, NextPage, StopSwitch};

const QUESTION: &str = "Lay the next page on the glass. [Enter] Next   [c] Close: ";

enum Said {
    Line(Vec<u8>),
    /// Standard input is at its end.
    NoMore,
    Unreadable(io::Error),
    Stop,
}

/// Who answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A clerk, at the terminal that standard input is.
    Clerks,
    /// A script's or nobody's: what standard input holds.
    Scripts,
}

/// Whose answers standard input brings.
pub fn whose_answers() -> Whose {
    if io::stdin().is_terminal() { Whose::Clerks } else { Whose::Scripts }
}

/// What the clerk answers, read on a thread of its own: a question nobody
/// answers must not keep the station from stopping.
pub struct Answers {
    said: Receiver<Said>,
    wanted: Sender<()>,
}

/// Answers the question in the clerk's place: stop.
#[derive(Clone)]
pub struct Interruption(Sender<Said>);

impl Answers {
    pub fn listen() -> io::Result<(Answers, Interruption)> {
        let (tell, said) = mpsc::channel();
        let (wanted, asked) = mpsc::channel();
        let interruption = Interruption(tell.clone());
        thread::Builder::new()
            .name("clerk's answers".to_owned())
            .spawn(move || read_answers(&asked, &tell))?;
        Ok((Answers { said, wanted }, interruption))
    }

    /// Is there another page to lay in? A clerk is asked until it is clear what
    /// is meant: only a word closes a batch. A script has no second look, and
    /// its end is the batch's.
    pub fn next_page(&self, progress: &Arc<Progress>) -> NextPage {
        let whose = whose_answers();
        loop {
            let said = match whose {
                Whose::Clerks => {
                    forget_what_was_typed_before();
                    progress.while_asking(QUESTION, || self.said())
                }
                Whose::Scripts => self.said(),
            };
            match (said, whose) {
                (Said::Line(line), _) if is_next(&line) => return NextPage::Scan,
                (Said::Line(line), _) if is_close(&line) => return NextPage::Close,
                (Said::Line(_), Whose::Clerks) => {}
                (Said::NoMore, Whose::Scripts) => return NextPage::Close,
                (Said::Line(_), Whose::Scripts) => {
                    return stopped("an answer is neither empty (next page) nor `c` (close)");
                }
                (Said::NoMore, Whose::Clerks) => {
                    return stopped("the terminal takes no answer any more");
                }
                (Said::Unreadable(error), Whose::Clerks | Whose::Scripts) => {
                    return stopped(&format!("no answer can be read: {error}"));
                }
                (Said::Stop, Whose::Clerks | Whose::Scripts) => return NextPage::Stop,
            }
        }
    }

    /// A clerk is asked until the answer is one that `understood` knows; `None`
    /// where none comes any more.
    pub fn until_clear<T>(
        &self,
        question: &str,
        progress: &Arc<Progress>,
        understood: impl Fn(&[u8]) -> Option<T>,
    ) -> Option<T> {
        loop {
            forget_what_was_typed_before();
            match progress.while_asking(question, || self.said()) {
                Said::Line(line) => {
                    if let Some(answer) = understood(&line) {
                        return Some(answer);
                    }
                }
                Said::NoMore | Said::Unreadable(_) | Said::Stop => return None,
            }
        }
    }

    fn said(&self) -> Said {
        let gone = || Said::Unreadable(io::Error::other("the thread that reads it has ended"));
        if self.wanted.send(()).is_err() {
            return gone();
        }
        self.said.recv().unwrap_or_else(|_| gone())
    }
}

fn stopped(why: &str) -> NextPage {
    note(format_args!("outguide: {why}; the batch stays open"));
    NextPage::Stop
}

/// A second Enter, or one typed while the page was scanned, was not meant for
/// the page that is yet to be laid down.
fn forget_what_was_typed_before() {
    if let Err(error) = tcflush(io::stdin(), QueueSelector::IFlush) {
        tracing::debug!(%error, "what was typed before the question stays");
    }
}

fn is_next(line: &[u8]) -> bool {
    is_one_of(line, ["", "n", "next"])
}

fn is_close(line: &[u8]) -> bool {
    is_one_of(line, ["c", "close"])
}

fn is_one_of<const N: usize>(line: &[u8], words: [&str; N]) -> bool {
    let typed = line.trim_ascii();
    words.iter().any(|word| typed.eq_ignore_ascii_case(word.as_bytes()))
}

/// One line for each question, until nobody asks any more.
fn read_answers(asked: &Receiver<()>, tell: &Sender<Said>) {
    while asked.recv().is_ok() {
        let mut line = Vec::new();
        let said = match io::stdin().lock().read_until(b'\n', &mut line) {
            Ok(0) => Said::NoMore,
            Ok(_) => Said::Line(line),
            Err(error) => Said::Unreadable(error),
        };
        if tell.send(said).is_err() {
            return;
        }
    }
}

impl Interruption {
    pub fn stop(&self) {
        if self.0.send(Said::Stop).is_err() {
            tracing::debug!("nobody waits for an answer any more");
        }
    }
}

/// Ctrl-C, the system going down, the terminal closed.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// None where whoever started us had it ignored, as `nohup` does.
    hangup: Option<Signal>,
}

impl Signals {
    /// From here on they no longer end the program by themselves.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: match is_hangup_ignored() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
        })
    }

    /// Which came next, in words.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "told to end",
            () = hung_up(self.hangup.as_mut()) => "the terminal is closed",
        }
    }

    /// The first signal stops the feeding in order, which then ends by itself.
    /// Returns when the station is to end at once: at the second, or at the
    /// first where no paper moves.
    pub async fn told_to_end(
        mut self,
        stop: StopSwitch,
        interruption: Option<Interruption>,
    ) -> &'static str {
        let why = self.next().await;
        if stop.ask() == Heard::ByNobody {
            return why;
        }
        telling::note(format_args!(
            "outguide: {why}: the scanner is stopped; every page kept stays. \
             The same again ends at once"
        ));
        if let Some(interruption) = interruption {
            interruption.stop();
        }
        self.next().await
    }
}

async fn hung_up(hangup: Option<&mut Signal>) {
    match hangup {
        Some(hangup) => drop(hangup.recv().await),
        None => future::pending().await,
    }
}

/// The kernel's word on how this process takes SIGHUP; see proc(5), `SigIgn`.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let signals = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let hangup = 1 << (SignalKind::hangup().as_raw_value() - 1);
    signals.is_some_and(|mask| mask & hangup != 0)
}
