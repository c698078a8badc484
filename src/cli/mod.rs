//! The command line: one file a family of commands.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod coversheet;

#[derive(Parser)]
#[command(name = "outguide", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Coversheet(coversheet::Coversheet),
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
        Command::Coversheet(command) => report(command.run(jiff::Timestamp::now())),
        Command::ScanWorker => ExitCode::from(crate::device::scanner::sane::worker::serve()),
        Command::OcrWorker => ExitCode::from(crate::ocr::worker::serve()),
    }
}

/// A failure goes to standard error with its causes.
fn report(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("outguide: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
