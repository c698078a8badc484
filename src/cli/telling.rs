//! What commands say on standard output and standard error, either of which
//! may be closed or full: `println!` would panic there.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::Once;

use rustix::fs::{Mode, OFlags};
use serde::Serialize;

use super::exit::{Ends, Exit, Stopped};

#[derive(Debug, thiserror::Error)]
pub enum TellFault {
    /// Whoever read what we say has heard enough: `| head`.
    #[error("nobody reads the output any more")]
    ReaderGone,
    #[error("the output cannot be written; check where it is sent to, and the room there")]
    Write(#[source] io::Error),
}

/// A command's failure, for programs. `exit` is the code of [`Exit`].
#[derive(Serialize)]
struct Failure<'a> {
    error: &'a str,
    exit: u8,
}

/// Says a line on standard output.
pub fn say(line: impl Display) -> Result<(), Stopped> {
    say_bytes(format!("{line}\n").as_bytes())
}

/// Says a value as a line of JSON on standard output.
pub fn say_json(value: &impl Serialize) -> Result<(), Stopped> {
    say(serde_json::to_string(value).ends(Exit::Failed)?)
}

pub fn say_bytes(bytes: &[u8]) -> Result<(), Stopped> {
    let mut out = io::stdout().lock();
    let said = out.write_all(bytes).and_then(|()| out.flush());
    said.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => TellFault::ReaderGone,
        _ => TellFault::Write(error),
    })
    .ends(Exit::Failed)
}

/// Says a line on standard output. Whoever listened may have gone: that costs the
/// words, never the batch that is told of. Words that are lost though somebody
/// may wait for them are told of, once.
pub fn say_if_heard(line: impl Display) {
    static LOSS_TOLD: Once = Once::new();
    let said = say(line);
    let Err(Stopped { cause, .. }) = said.as_ref() else { return };
    match cause.downcast_ref() {
        Some(TellFault::Write(_)) => {
            LOSS_TOLD.call_once(|| note(format_args!("outguide: {}", in_one_line(cause))));
        }
        Some(TellFault::ReaderGone) | None => {
            tracing::debug!("nobody reads standard output");
        }
    }
}

/// Says a line on standard error. Where that is gone, there is nobody to tell.
pub fn note(line: impl Display) {
    if let Err(error) = writeln!(io::stderr(), "{line}") {
        tracing::debug!(%error, "nobody reads standard error");
    }
}

/// On the clerk's terminal, wherever standard error goes; without an end of
/// line: the answer comes behind it.
pub fn prompt(text: impl Display) {
    let told = match terminal_beside_stderr() {
        Some(mut terminal) => write!(terminal, "{text}"),
        None => write!(io::stderr(), "{text}"),
    };
    if let Err(error) = told {
        tracing::debug!(%error, "the question cannot be put");
    }
}

fn terminal_beside_stderr() -> Option<File> {
    if io::stderr().is_terminal() {
        return None;
    }
    let terminal = rustix::fs::open("/dev/tty", OFlags::WRONLY | OFlags::NOCTTY, Mode::empty());
    terminal.ok().map(File::from)
}

/// `1 question`, `2 questions`.
pub fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// An error and its causes in one line.
pub fn in_one_line(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

/// Where programs listen, a failure is a line of JSON too.
pub fn fail_in_json(error: &str, exit: u8) {
    let failure = Failure { error, exit };
    let line = serde_json::to_string(&failure).expect("two plain values are JSON");
    say_if_heard(line);
}

/// The reader is gone: nothing went wrong that a person should be told.
pub fn is_silent(stopped: &Stopped) -> bool {
    matches!(stopped.cause.downcast_ref(), Some(TellFault::ReaderGone))
}

pub fn is_about_telling(stopped: &Stopped) -> bool {
    stopped.cause.is::<TellFault>()
}
