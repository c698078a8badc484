//! The person at the station while paper runs: asked for the next page, and
//! able to stop.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::progress::Progress;
use super::telling;
use crate::capture::{Heard, NextPage, StopSwitch};

const QUESTION: &str = "Lay the next page on the glass. [Enter] Next   [c] Close: ";

enum Said {
    Line(String),
    /// Standard input is closed.
    NoMore,
    Stop,
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

    /// Is there another page to lay in?
    pub fn next_page(&self, progress: &Arc<Progress>) -> NextPage {
        if !io::stdin().is_terminal() {
            return self.answer();
        }
        progress.while_asking(QUESTION, || self.answer())
    }

    fn answer(&self) -> NextPage {
        // Without the reading thread there is nobody left to ask.
        if self.wanted.send(()).is_err() {
            return NextPage::Close;
        }
        match self.said.recv() {
            Ok(Said::Line(line)) if line.trim().to_lowercase().starts_with('c') => NextPage::Close,
            Ok(Said::Line(_)) => NextPage::Scan,
            Ok(Said::NoMore) | Err(_) => NextPage::Close,
            Ok(Said::Stop) => NextPage::Stop,
        }
    }
}

/// One line for each question, until nobody asks any more.
fn read_answers(asked: &Receiver<()>, tell: &Sender<Said>) {
    while asked.recv().is_ok() {
        let mut line = String::new();
        let said = match io::stdin().read_line(&mut line) {
            Ok(0) | Err(_) => Said::NoMore,
            Ok(_) => Said::Line(line),
        };
        if tell.send(said).is_err() {
            return;
        }
    }
}

impl Interruption {
    fn stop(&self) {
        if self.0.send(Said::Stop).is_err() {
            tracing::debug!("nobody waits for an answer any more");
        }
    }
}

/// Ctrl-C, the system going down, the terminal closed.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// From here on they no longer end the program by themselves.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "told to end",
            _ = self.hangup.recv() => "the terminal is closed",
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
