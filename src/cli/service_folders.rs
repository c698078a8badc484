//! `outguide service-folders`: the folders outside its own that the systemd
//! service may write in, as a drop-in for its unit.
//!
//! `deploy/outguide.service` lets the station write in its state folder and
//! nowhere else; where the repository is, `station.toml` says.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::exit::{Ends, Exit, Stopped};
use super::telling::say_bytes;
use crate::app::{settled_path, staging_folder};
use crate::config::{self, SYSTEM_FILE, Station};

/// What the unit gives the station already.
const STATE_FOLDER: &str = "/var/lib/outguide";
const RUNTIME_FOLDER: &str = "/run/outguide";

/// Folders that the unit's `ProtectHome` and `PrivateTmp` hide from the station.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/// Print which folders the service must be allowed to write in, for systemd
///
/// The package keeps it in /etc/systemd/system/outguide.service.d/folders.conf.
/// When a folder in station.toml changes, put it there again.
#[derive(Args)]
pub struct ServiceFoldersArgs {
    /// The machine's settings instead of /etc/outguide/station.toml
    #[arg(long, value_name = "FILE")]
    station: Option<PathBuf>,
}

pub fn run(args: &ServiceFoldersArgs) -> Result<Exit, Stopped> {
    let loaded = config::load(args.station.as_deref()).ends(Exit::Settings)?;
    let file = loaded.file.unwrap_or_else(|| PathBuf::from(SYSTEM_FILE));
    let told = drop_in(&file, &loaded.station).ends(Exit::Settings)?;
    say_bytes(told.as_bytes())?;
    Ok(Exit::Done)
}

fn drop_in(station_file: &Path, station: &Station) -> anyhow::Result<String> {
    let mut told = format!(
        "# Made from {} by `outguide service-folders`. When a folder there changes:\n\
         #   outguide service-folders > /etc/systemd/system/outguide.service.d/folders.conf\n\
         #   systemctl daemon-reload && systemctl restart outguide\n\
         [Service]\n",
        station_file.display()
    );
    for folder in folders_to_write_in(station)? {
        if let Some(hidden) = HIDDEN.iter().find(|hidden| folder.starts_with(hidden)) {
            bail!(
                "the service does not see {}: what is in {hidden} is hidden from it. Choose \
                 another folder in station.toml, such as one below /srv",
                folder.display()
            );
        }
        // One that is not there yet does not keep the station from starting.
        let line = format!("ReadWritePaths={}", in_quotes(&format!("-{}", in_text(&folder)?))?);
        writeln!(told, "{line}").expect("a String takes all");
    }
    Ok(told)
}

fn folders_to_write_in(station: &Station) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut folders = BTreeSet::new();
    if let Some(dir) = &station.repository.dir {
        folders.insert(repository_and_staging(dir, station)?);
    }
    let state = settled_path(&station.state_dir);
    if !state.starts_with(STATE_FOLDER) {
        folders.insert(state.clone());
    }
    let socket_folder = station.socket.as_deref().and_then(Path::parent).map(settled_path);
    if let Some(folder) = socket_folder
        && !folder.starts_with(settled_path(Path::new(RUNTIME_FOLDER)))
        && !folder.starts_with(&state)
    {
        folders.insert(folder);
    }
    Ok(folders)
}

/// The lowest folder that holds both. systemd mounts each `ReadWritePaths` by
/// itself, and no file can be renamed from one mount to another, though they
/// are of one file system.
fn repository_and_staging(dir: &Path, station: &Station) -> anyhow::Result<PathBuf> {
    let watched = settled_path(dir);
    let staging = staging_folder(&watched, station).map(|staging| settled_path(&staging));
    let staging = staging.context("the watched folder is the root of the file system")?;
    let common = watched.ancestors().find(|above| staging.starts_with(above));
    match common {
        Some(common) if common.parent().is_some() => Ok(common.to_owned()),
        Some(_) | None => bail!(
            "the watched folder {} and its staging folder {} have no folder in common but the \
             root; the service could not be kept from the rest. Move both into one folder",
            watched.display(),
            staging.display()
        ),
    }
}

fn in_text(folder: &Path) -> anyhow::Result<&str> {
    folder.to_str().with_context(|| format!("{} is not UTF-8", folder.display()))
}

/// As systemd.syntax(7) has it: in a path a backslash is itself, and `%` begins
/// a specifier.
fn in_quotes(text: &str) -> anyhow::Result<String> {
    if text.chars().any(char::is_control) {
        bail!("{text:?} cannot stand in a unit of systemd; rename that folder");
    }
    let text = text.replace('%', "%%");
    match (text.contains('"'), text.contains('\'')) {
        (false, _) => Ok(format!("\"{text}\"")),
        (true, false) => Ok(format!("'{text}'")),
        (true, true) => bail!("{text} cannot stand in a unit of systemd; rename that folder"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(toml: &str) -> anyhow::Result<Vec<String>> {
        let (station, problems) = config::parse(toml, "station.toml");
        assert_eq!(problems, []);
        let told = drop_in(Path::new("station.toml"), &station.unwrap())?;
        Ok(told.lines().filter(|line| line.starts_with('R')).map(str::to_owned).collect())
    }

    #[test]
    fn the_service_may_write_where_the_station_must_and_nowhere_else() {
        let cases: [(&str, &[&str]); 7] = [
            ("", &[]),
            ("[repository]\ndir = '/srv/none-such/incoming'", &["-/srv/none-such"]),
            (
                "[repository]\ndir = '/srv/none-such/a/in'\nstaging = '/srv/none-such/b/s'",
                &["-/srv/none-such"],
            ),
            ("[repository]\ndir = '/srv/50% \\of \"it\"/in'", &["-/srv/50%% \\of \"it\""]),
            ("[station]\nstate_dir = '/srv/none-such'", &["-/srv/none-such"]),
            ("[station]\nsocket = '/run/outguide/socket'", &[]),
            ("[station]\nsocket = '/srv/none-such/socket'", &["-/srv/none-such"]),
        ];
        for (toml, expected) in cases {
            let expected: Vec<String> = expected
                .iter()
                .map(|path| {
                    let quote = if path.contains('"') { '\'' } else { '"' };
                    format!("ReadWritePaths={quote}{path}{quote}")
                })
                .collect();
            assert_eq!(given(toml).unwrap(), expected, "{toml}");
        }
    }

    #[test]
    fn folders_that_a_service_cannot_have_are_refused() {
        for (toml, told) in [
            ("[repository]\ndir = '/home/clerk/repository/in'", "hidden"),
            ("[repository]\ndir = '/tmp/in'", "hidden"),
            ("[repository]\ndir = '/none-such'", "no folder in common"),
            ("[repository]\ndir = '/srv/none-such/a'\nstaging = '/none-such'", "in common"),
        ] {
            let refused = given(toml).unwrap_err().to_string();
            assert!(refused.contains(told), "{refused}");
        }
        assert!(in_quotes("\"it's\"").is_err() && in_quotes("two\nlines").is_err());
    }
}
