//! Settings as commands get them: the command line goes before `station.toml`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Ends, Exit, Stopped};
use super::telling::note;
use crate::config::{self, Station};
use crate::profile::{self, Found};

#[derive(Args, Clone, Debug, Default)]
pub struct StateArgs {
    /// Folder for the station's spool and database
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Folder with profiles, looked in before /etc/outguide/profiles
    #[arg(long, value_name = "DIR")]
    pub profiles: Option<PathBuf>,
    /// The machine's settings instead of /etc/outguide/station.toml
    #[arg(long, value_name = "FILE")]
    pub station: Option<PathBuf>,
}

pub fn station(args: &StateArgs) -> Result<Station, Stopped> {
    let loaded = config::load(args.station.as_deref()).ends(Exit::Settings)?;
    for warning in &loaded.warnings {
        note(format_args!("outguide: {warning}"));
    }
    Ok(loaded.station)
}

pub fn state_dir(args: &StateArgs, station: &Station) -> PathBuf {
    args.state.clone().unwrap_or_else(|| station.state_dir.clone())
}

/// Where the station listens for commands, if it runs.
pub fn socket(args: &StateArgs, station: &Station) -> PathBuf {
    let own = || state_dir(args, station).join("socket");
    match &args.state {
        // Another state folder is another station.
        Some(_) => own(),
        None => station.socket.clone().unwrap_or_else(own),
    }
}

pub fn profile(name: &str, args: &StateArgs, station: &Station) -> Result<Found, Stopped> {
    let given = args.profiles.as_deref().or(station.profiles_dir.as_deref());
    let dirs = profile::search_dirs(given).ends(Exit::Settings)?;
    let found = profile::find(name, &dirs).ends(Exit::Settings)?;
    for warning in &found.warnings {
        note(format_args!("outguide: {warning}"));
    }
    Ok(found)
}

pub fn repository(given: Option<&Path>, station: &Station) -> Result<PathBuf, Stopped> {
    let folder = given.map(Path::to_owned).or_else(|| station.repository.dir.clone());
    folder.ok_or_else(|| {
        Stopped::because(
            Exit::Settings,
            "where should documents be filed? Give --repository DIR, or set repository.dir \
             in station.toml",
        )
    })
}
