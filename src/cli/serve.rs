//! `outguide serve`: the station, all day.

use clap::Args;

use super::exit::{Ends, Exit, Stopped};
use super::settings::{self, StateArgs};
use crate::app;
use crate::app::serve::{Serving, serve};
use crate::pipeline::runner::RunsFor;

/// Run the station: it scans, reads and files what clerks order, until told to end
///
/// Commands (`capture`, `batch`, `question`, `backlog`) speak to it by its
/// socket. SIGTERM ends it in order: the scanner stops, steps under way are
/// finished, and the next start goes on from there.
#[derive(Args)]
pub struct ServeArgs {
    /// What this machine does: a desk with a scanner, or only reading pages for others
    #[arg(long, value_enum, default_value_t = Role::Station)]
    role: Role,
    #[command(flatten)]
    state: StateArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Role {
    /// Scans, reads and files
    Station,
    /// Reads pages that other stations scanned into a spool they share
    Ocr,
}

pub async fn run(args: ServeArgs) -> Result<Exit, Stopped> {
    let station = settings::station(&args.state)?;
    let serving = Serving {
        folder: settings::state_dir(&args.state, &station),
        socket: settings::socket(&args.state, &station),
        profiles_dir: args.state.profiles.clone().or_else(|| station.profiles_dir.clone()),
        worker: app::as_patient_as(&station, app::scan_worker().ends(Exit::Failed)?),
        station,
        role: match args.role {
            Role::Station => RunsFor::Station,
            Role::Ocr => RunsFor::Reading,
        },
    };
    serve(serving).await.ends(Exit::Storage)?;
    Ok(Exit::Done)
}
