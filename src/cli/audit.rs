//! `outguide audit`: who did what, and whether the record of it is whole.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::exit::{Ends, Exit, Stopped};
use super::settings::{self, StateArgs};
use super::telling::{plural, say, say_json};
use crate::app;
use crate::records::chain::{ChainCheck, ChainHead, ChainProblem};
use crate::store::{Chain, Store};

/// Rows read at once.
const PIECE: u32 = 1000;

/// The record of who did what: is it whole, and what does it say
#[derive(Args)]
pub struct AuditCommand {
    #[command(subcommand)]
    command: AuditAction,
}

#[derive(Subcommand)]
enum AuditAction {
    /// Find rows that were changed, taken out or cut off
    Verify {
        #[command(flatten)]
        state: StateArgs,
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Every row, a line of JSON each
    Export {
        #[command(flatten)]
        state: StateArgs,
    },
}

impl AuditCommand {
    pub fn json(&self) -> bool {
        match &self.command {
            AuditAction::Verify { json, .. } => *json,
            AuditAction::Export { .. } => true,
        }
    }
}

#[derive(Serialize)]
struct Verdict {
    sound: bool,
    stations: Vec<StationVerdict>,
}

#[derive(Serialize)]
struct StationVerdict {
    station: String,
    rows: u64,
    problems: Vec<ChainProblem>,
}

pub async fn run(command: AuditCommand) -> Result<Exit, Stopped> {
    match command.command {
        AuditAction::Verify { state, json } => verify(&state, json).await,
        AuditAction::Export { state } => export(&state).await,
    }
}

async fn verify(args: &StateArgs, json: bool) -> Result<Exit, Stopped> {
    let station = settings::station(args)?;
    let folder = settings::state_dir(args, &station);
    let noted = app::heads::noted_head(&folder, Chain::Audit, &station.id).ends(Exit::Storage)?;
    let store = opened(args).await?;
    let mut names = store.stations_of_chain(Chain::Audit).await.ends(Exit::Storage)?;
    if let Some(noted) = &noted
        && !names.contains(&noted.station)
    {
        // Its whole chain is gone.
        names.push(noted.station.clone());
    }
    let mut stations = Vec::new();
    for name in names {
        let noted = noted.as_ref().filter(|noted| noted.station == name).map(|noted| noted.head);
        let (rows, problems) = follow(&store, &name, noted).await?;
        stations.push(StationVerdict { station: name, rows, problems });
    }
    let sound = stations.iter().all(|station| station.problems.is_empty());
    let verdict = Verdict { sound, stations };
    if json {
        say_json(&verdict)?;
    } else {
        for station in &verdict.stations {
            let rows = plural(usize::try_from(station.rows).unwrap_or(usize::MAX), "row");
            say(format_args!("{}: {rows}", station.station))?;
            for problem in &station.problems {
                say(format_args!("  {problem}"))?;
            }
        }
        say(if sound { "the record is whole" } else { "the record is NOT whole" })?;
    }
    Ok(if sound { Exit::Done } else { Exit::FoundWrong })
}

async fn follow(
    store: &Store,
    station: &str,
    noted: Option<ChainHead>,
) -> Result<(u64, Vec<ChainProblem>), Stopped> {
    let mut check = ChainCheck::against(noted);
    let mut after = 0;
    loop {
        let rows = store.audit_rows(station, after, PIECE).await.ends(Exit::Storage)?;
        let Some(last) = rows.last() else { return Ok(check.end()) };
        after = last.no;
        for row in &rows {
            check.row(row);
        }
    }
}

async fn export(args: &StateArgs) -> Result<Exit, Stopped> {
    let store = opened(args).await?;
    for station in store.stations_of_chain(Chain::Audit).await.ends(Exit::Storage)? {
        let mut after = 0;
        loop {
            let rows = store.audit_rows(&station, after, PIECE).await.ends(Exit::Storage)?;
            let Some(last) = rows.last() else { break };
            after = last.no;
            for row in &rows {
                say_json(row)?;
            }
        }
    }
    Ok(Exit::Done)
}

async fn opened(args: &StateArgs) -> Result<Store, Stopped> {
    let station = settings::station(args)?;
    let folder = settings::state_dir(args, &station);
    Store::open_to_read(&app::database(&folder, &station)).await.ends(Exit::Storage)
}
