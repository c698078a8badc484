//! `outguide scanners`: what libsane can see, and what one scanner can be set to.

use clap::Args;
use serde::Serialize;

use super::exit::{Ends, Exit, Stopped};
use super::telling::say_if_heard;
use crate::app;
use crate::device::scanner::{self, ScannerChoice, ScannerOption, WorkerCommand};

/// List the scanners libsane can see, or the options of one
#[derive(Args)]
pub struct ScannersArgs {
    /// The options of one scanner, for `--set` and a profile's [scanner.options]
    #[arg(long)]
    options: bool,
    /// With --options: which scanner, where there are several (as for `outguide capture`)
    #[arg(long, requires = "options", value_name = "NAME")]
    scanner: Option<String>,
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
    let worker = app::scan_worker().ends(Exit::Failed)?;
    if args.options {
        let choice = args.scanner.as_deref().map_or_else(ScannerChoice::any, ScannerChoice::parse);
        return tell_options(&worker, &choice, told);
    }
    tell(&worker, told)
}

#[derive(Serialize)]
struct ListedOptions {
    scanner: String,
    options: Vec<ListedOption>,
}

#[derive(Serialize)]
struct ListedOption {
    name: String,
    title: String,
    r#type: &'static str,
    allowed: String,
    unit: Option<&'static str>,
    value: Option<String>,
    active: bool,
    settable: bool,
}

fn tell_options(worker: &WorkerCommand, choice: &ScannerChoice, told: As) -> Result<Exit, Stopped> {
    let (scanner, options) = scanner::options(worker, choice).ends(Exit::Scanner)?;
    match told {
        As::Lines => {
            say_if_heard(format_args!(
                "options of {}, as they stand when it is opened:",
                scanner.name
            ));
            options.iter().for_each(say_option);
        }
        As::Json => {
            let options = options.into_iter().map(|option| ListedOption {
                name: option.name,
                title: option.title,
                r#type: option.kind,
                allowed: option.allowed,
                unit: option.unit,
                value: option.value,
                active: option.is_active,
                settable: option.is_settable,
            });
            let listed = ListedOptions { scanner: scanner.name, options: options.collect() };
            say_if_heard(serde_json::to_string(&listed).ends(Exit::Failed)?);
        }
    }
    Ok(Exit::Done)
}

fn say_option(option: &ScannerOption) {
    let value = option.value.as_deref().map_or(String::new(), |value| format!(" = {value}"));
    let unit = option.unit.map_or(String::new(), |unit| format!(" {unit}"));
    let state = match (option.is_active, option.is_settable) {
        (true, true) => "",
        (false, true) => " (off with the other options)",
        (_, false) => " (can only be read)",
    };
    say_if_heard(format_args!("  {}{value}{unit}{state}", option.name));
    say_if_heard(format_args!(
        "      {}: {}; allowed: {}",
        option.title, option.kind, option.allowed
    ));
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
            say_if_heard(serde_json::to_string(&listed).ends(Exit::Failed)?);
        }
        As::Lines if found.is_empty() => say_if_heard(
            "no scanner found: check that it is switched on and its cable is in, \
             that this user is in the group `scanner`, and that its driver is installed",
        ),
        As::Lines => found.iter().for_each(|scanner| {
            say_if_heard(format_args!("  {}   {} {}", scanner.name, scanner.vendor, scanner.model));
        }),
    }
    Ok(exit)
}
