//! What commands say on standard output and standard error, either of which
//! may be closed or full: `println!` would panic there.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

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
struct Failure {
    error: String,
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
/// words, never the batch that is told of.
pub fn say_if_heard(line: impl Display) {
    let mut out = io::stdout().lock();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        tracing::debug!(%error, "nobody reads standard output");
    }
}

/// Says a line on standard error. Where that is gone, there is nobody to tell.
pub fn note(line: impl Display) {
    if let Err(error) = writeln!(io::stderr(), "{line}") {
        tracing::debug!(%error, "nobody reads standard error");
    }
}

/// Standard error without an end of line: the answer comes behind it.
pub fn prompt(text: impl Display) {
    let mut to = io::stderr().lock();
    if let Err(error) = write!(to, "{text}").and_then(|()| to.flush()) {
        tracing::debug!(%error, "nobody reads standard error");
    }
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
pub fn failing_in_json<T>(json: bool, ended: Result<T, Stopped>) -> Result<T, Stopped> {
    let stopped = match ended {
        Err(stopped) if json && !is_about_telling(&stopped) => stopped,
        Ok(_) | Err(_) => return ended,
    };
    say_json(&Failure { error: in_one_line(&stopped.cause), exit: stopped.exit as u8 })?;
    Err(stopped)
}

/// The reader is gone: nothing went wrong that a person should be told.
pub fn is_silent(stopped: &Stopped) -> bool {
    matches!(stopped.cause.downcast_ref(), Some(TellFault::ReaderGone))
}

fn is_about_telling(stopped: &Stopped) -> bool {
    stopped.cause.is::<TellFault>()
}
