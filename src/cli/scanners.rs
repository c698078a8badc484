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

/// How the list is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum As {
    Lines,
    Json,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    vendor: String,
    model: String,
    kind: String,
}

pub fn run(args: &ScannersArgs) -> Result<Exit, Stopped> {
    let told = if args.json { As::Json } else { As::Lines };
    tell(&app::scan_worker().ends(Exit::Failed)?, told)
}

pub fn tell(worker: &WorkerCommand, told: As) -> Result<Exit, Stopped> {
    let found = scanner::list(worker).ends(Exit::Scanner)?;
    let exit = if found.is_empty() { Exit::Scanner } else { Exit::Done };
    match told {
        As::Json => {
            let listed: Vec<Listed> = found
                .into_iter()
                .map(|scanner| Listed {
                    name: scanner.name,
                    vendor: scanner.vendor,
                    model: scanner.model,
                    kind: scanner.kind,
                })
                .collect();
            println!("{}", serde_json::to_string(&listed).ends(Exit::Failed)?);
        }
        As::Lines if found.is_empty() => println!(
            "no scanner found: check that it is switched on and its cable is in, \
             that this user is in the group `scanner`, and that its driver is installed"
        ),
        As::Lines => found.iter().for_each(|scanner| {
            println!("  {}   {} {}", scanner.name, scanner.vendor, scanner.model);
        }),
    }
    Ok(exit)
}
