//! What goes out on standard output and standard error. Whoever listened may
//! have gone: that costs the words, never the batch.

use std::fmt::Display;
use std::io::Write;

/// One line on standard output.
pub fn say(text: impl Display) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) {
        tracing::debug!(%error, "nobody reads standard output");
    }
}

/// One line on standard error.
pub fn warn(text: impl Display) {
    if let Err(error) = writeln!(std::io::stderr(), "{text}") {
        tracing::debug!(%error, "nobody reads standard error");
    }
}

/// Standard error without an end of line: the answer comes behind it.
pub fn prompt(text: impl Display) {
    let mut to = std::io::stderr().lock();
    if let Err(error) = write!(to, "{text}").and_then(|()| to.flush()) {
        tracing::debug!(%error, "nobody reads standard error");
    }
}
