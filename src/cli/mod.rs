//! The command line: one file a family of commands.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod audit;
mod backup;
mod barcodes;
mod batch;
mod capture;
mod check;
mod clerk;
mod convert;
mod coversheet;
mod demo;
mod document;
mod exit;
mod handed_over;
mod progress;
mod purge;
mod question;
mod report;
mod resume;
mod scanners;
mod serve;
mod service_folders;
mod settings;
mod station_client;
mod telling;
mod two_passes;
mod verify;

use exit::{Ends, Exit, Stopped};

#[derive(Parser)]
#[command(name = "outguide", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Capture(Box<capture::CaptureArgs>),
    Convert(convert::ConvertArgs),
    Barcodes(barcodes::BarcodesArgs),
    Coversheet(coversheet::Coversheet),
    Scanners(scanners::ScannersArgs),
    Check(check::CheckArgs),
    Verify(verify::VerifyArgs),
    Serve(serve::ServeArgs),
    ServiceFolders(service_folders::ServiceFoldersArgs),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Purge(purge::PurgeArgs),
    Batch(batch::BatchCommand),
    Question(question::QuestionCommand),
    Document(document::DocumentCommand),
    Backlog(batch::BacklogArgs),
    Audit(audit::AuditCommand),
    Demo(demo::DemoArgs),
    /// Drive one scanner for the station (internal).
    #[command(hide = true)]
    ScanWorker,
    /// Read pages for the station (internal).
    #[command(hide = true)]
    OcrWorker,
}

impl Command {
    /// Whether a failure is to be a line of JSON and no more. Of a batch it says
    /// where that stands too: `capture` and `demo` tell it themselves.
    fn fails_in_json(&self) -> bool {
        match self {
            Command::Convert(args) => args.json,
            Command::Barcodes(args) => args.json,
            Command::Coversheet(command) => command.json(),
            Command::Scanners(args) => args.json,
            Command::Check(args) => args.json,
            Command::Verify(args) => args.json,
            Command::Backup(args) => args.json,
            Command::Restore(args) => args.json,
            Command::Purge(args) => args.json,
            Command::Batch(command) => command.json(),
            Command::Question(command) => command.json(),
            Command::Document(command) => command.json(),
            Command::Backlog(args) => args.json(),
            Command::Audit(command) => command.json(),
            Command::Capture(_)
            | Command::Demo(_)
            | Command::Serve(_)
            | Command::ServiceFolders(_)
            | Command::ScanWorker
            | Command::OcrWorker => false,
        }
    }
}

/// The command line; one that is not understood ends here, for programs with a
/// line of JSON like any other failure.
fn understood() -> Cli {
    let refused = match Cli::try_parse() {
        Ok(cli) => return cli,
        Err(refused) => refused,
    };
    if refused.use_stderr() && std::env::args().any(|given| given == "--json") {
        let told = refused.render().to_string();
        let error = told.split("\n\n").next().unwrap_or_default().trim();
        telling::fail_in_json(error.trim_start_matches("error: "), refused.exit_code() as u8);
    }
    refused.exit()
}

/// Runs the command line; the exit codes are those of [`exit`].
pub fn run() -> ExitCode {
    let command = understood().command;
    let fails_in_json = command.fails_in_json();
    let ended = match command {
        Command::ScanWorker => {
            return ExitCode::from(crate::device::scanner::sane::worker::serve());
        }
        Command::OcrWorker => return ExitCode::from(crate::ocr::worker::serve()),
        Command::Capture(args) => waiting_for(capture::run(*args)),
        Command::Demo(args) => waiting_for(async move { demo::run(&args).await }),
        Command::Convert(args) => convert::run(&args),
        Command::Barcodes(args) => barcodes::run(&args),
        Command::Coversheet(command) => coversheet::run(command, jiff::Timestamp::now()),
        Command::Scanners(args) => scanners::run(&args),
        Command::Check(args) => waiting_for(async move { check::run(&args).await }),
        Command::Verify(args) => waiting_for(async move { verify::run(&args).await }),
        Command::Serve(args) => waiting_for_and_telling("info", serve::run(args)),
        Command::ServiceFolders(args) => service_folders::run(&args),
        Command::Backup(args) => waiting_for(async move { backup::run(&args).await }),
        Command::Restore(args) => waiting_for(async move { backup::run_restore(&args).await }),
        Command::Purge(args) => waiting_for(async move { purge::run(&args).await }),
        Command::Batch(command) => waiting_for(batch::run(command)),
        Command::Question(command) => waiting_for(question::run(command)),
        Command::Document(command) => waiting_for(document::run(command)),
        Command::Backlog(args) => waiting_for(batch::backlog(args)),
        Command::Audit(command) => waiting_for(audit::run(command)),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(stopped) => {
            if fails_in_json && !telling::is_about_telling(&stopped) {
                telling::fail_in_json(&telling::in_one_line(&stopped.cause), stopped.exit as u8);
            }
            if !telling::is_silent(&stopped) {
                stopped.tell();
            }
            stopped.exit.into()
        }
    }
}

/// Runs a command that waits for several things at once.
fn waiting_for(command: impl Future<Output = Result<Exit, Stopped>>) -> Result<Exit, Stopped> {
    waiting_for_and_telling("warn", command)
}

/// `level` is what the log tells where `RUST_LOG` says nothing.
fn waiting_for_and_telling(
    level: &str,
    command: impl Future<Output = Result<Exit, Stopped>>,
) -> Result<Exit, Stopped> {
    log_to_stderr(level);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .ends(Exit::Failed)?;
    let ended = runtime.block_on(command);
    // Told to end at once, it does: a page half read is read again.
    runtime.shutdown_background();
    ended
}

/// For the administrator.
fn log_to_stderr(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // It would tell of a closed standard error on standard error, and panic.
        .log_internal_errors(false)
        .init();
}
