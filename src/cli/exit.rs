//! What the process says as it ends. Documented in the README: scripts rely on it.

use std::process::ExitCode;

use super::telling;

/// Each cause has its own number; 2 is clap's, for a command line it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All done; for `capture`, everything is filed.
    Done = 0,
    /// Something that has no number of its own; the message says what.
    Failed = 1,
    /// Questions remain for a clerk, or documents for a look.
    Questions = 3,
    /// An earlier batch is unfinished, or the one to resume wants its files again.
    Unfinished = 4,
    /// The scanner stopped, or there is none; what was scanned is kept.
    Scanner = 5,
    /// A profile, a language, `station.toml` or a scanner's option cannot be
    /// used, or no repository is named.
    Settings = 6,
    /// The spool, the repository or the file asked for cannot be written; what
    /// was scanned is kept.
    Storage = 7,
    /// A file given cannot be read as pages.
    Input = 8,
    /// Nothing was scanned: no batch was made.
    Nothing = 9,
    /// `verify`, `check`, `backup` or `purge` found something wrong, or `restore`
    /// in the backup.
    FoundWrong = 10,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// An error for the person at the command line, and the code it ends with.
#[derive(Debug)]
pub struct Stopped {
    pub exit: Exit,
    pub cause: anyhow::Error,
}

/// Gives an error its exit code.
pub trait Ends<T> {
    fn ends(self, exit: Exit) -> Result<T, Stopped>;
}

impl<T, E: Into<anyhow::Error>> Ends<T> for Result<T, E> {
    fn ends(self, exit: Exit) -> Result<T, Stopped> {
        self.map_err(|cause| Stopped { exit, cause: cause.into() })
    }
}

impl Stopped {
    pub fn because(exit: Exit, message: impl std::fmt::Display) -> Self {
        Stopped { exit, cause: anyhow::anyhow!("{message}") }
    }

    /// The message, each cause on a line of its own.
    pub fn tell(&self) {
        telling::note(format_args!("outguide: {}", self.cause));
        for cause in self.cause.chain().skip(1) {
            telling::note(format_args!("  because: {cause}"));
        }
    }
}
