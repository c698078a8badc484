//! The command line: one file a family of commands.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "outguide", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Drive one scanner for the station (internal).
    #[command(hide = true)]
    ScanWorker,
    /// Read pages for the station (internal).
    #[command(hide = true)]
    OcrWorker,
}

/// Runs the command line; the exit codes are documented in the README.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::ScanWorker => ExitCode::from(crate::device::scanner::sane::worker::serve()),
        Command::OcrWorker => ExitCode::from(crate::ocr::worker::serve()),
    }
}
