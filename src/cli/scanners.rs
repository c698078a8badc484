//! `outguide scanners`: what libsane can see, and what one scanner can be set to.

use clap::Args;
use serde::Serialize;

use super::exit::{Ends, Exit, Stopped};
use super::telling::{say, say_json};
use crate::app;
use crate::device::scanner::{
    self, ScanFault, ScannerChoice, ScannerOption, WorkerCommand, printable,
};

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
    pub(super) json: bool,
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
    let (scanner, options) =
        scanner::options(worker, choice).map_err(without_a_batch).ends(Exit::Scanner)?;
    match told {
        As::Lines => {
            let name = scanner.name_shown();
            say(format_args!("options of {name}, as they stand when it is opened:"))?;
            options.iter().try_for_each(say_option)?;
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
            say_json(&listed)?;
        }
    }
    Ok(Exit::Done)
}

fn say_option(option: &ScannerOption) -> Result<(), Stopped> {
    let value =
        option.value.as_deref().map_or(String::new(), |value| format!(" = {}", printable(value)));
    let unit = option.unit.map_or(String::new(), |unit| format!(" {unit}"));
    let state = match (option.is_active, option.is_settable) {
        (true, true) => "",
        (false, true) => " (off with the other options)",
        (_, false) => " (can only be read)",
    };
    say(format_args!("  {}{value}{unit}{state}", printable(&option.name)))?;
    let (title, allowed) = (printable(&option.title), printable(&option.allowed));
    say(format_args!("      {title}: {}; allowed: {allowed}", option.kind))
}

/// There is no batch here to go on with, and no page that could be lost.
pub fn without_a_batch(fault: ScanFault) -> anyhow::Error {
    anyhow::anyhow!("{}", fault.before_any_page())
}

pub fn tell(worker: &WorkerCommand, told: As) -> Result<Exit, Stopped> {
    let found = scanner::list(worker).map_err(without_a_batch).ends(Exit::Scanner)?;
    if found.is_empty() {
        return Err(Stopped::because(Exit::Scanner, ScanFault::NoScanner));
    }
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
            say_json(&listed)?;
        }
        As::Lines => found.iter().try_for_each(|scanner| {
            let (vendor, model) = (printable(&scanner.vendor), printable(&scanner.model));
            say(format_args!("  {}   {vendor} {model}", scanner.name_shown()))
        })?,
    }
    Ok(Exit::Done)
}
