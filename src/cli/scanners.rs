//! `outguide scanners`: what libsane can see.

use clap::Args;
use serde::Serialize;

use super::exit::{Ends, Exit, Stopped};
use crate::app;
use crate::device::scanner::{self, WorkerCommand};

/// List the scanners libsane can see
#[derive(Args)]
pub struct ScannersArgs {
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    vendor: String,
    model: String,
    kind: String,
}

pub fn run(args: &ScannersArgs) -> Result<Exit, Stopped> {
    run_with(args, &app::scan_worker().ends(Exit::Failed)?)
}

pub fn run_with(args: &ScannersArgs, worker: &WorkerCommand) -> Result<Exit, Stopped> {
    let found = scanner::list(worker).ends(Exit::Scanner)?;
    let listed: Vec<Listed> = found
        .into_iter()
        .map(|scanner| Listed {
            name: scanner.name,
            vendor: scanner.vendor,
            model: scanner.model,
            kind: scanner.kind,
        })
        .collect();
    if args.json {
        println!("{}", serde_json::to_string(&listed).ends(Exit::Failed)?);
    } else if listed.is_empty() {
        println!(
            "no scanner found: check that it is switched on and its cable is in, \
             that this user is in the group `scanner`, and that its driver is installed"
        );
    } else {
        for scanner in &listed {
            println!("{}\t{} {} ({})", scanner.name, scanner.vendor, scanner.model, scanner.kind);
        }
    }
    Ok(if listed.is_empty() { Exit::Scanner } else { Exit::Done })
}
