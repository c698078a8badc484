//! `outguide verify`: is everything in the repository still what was filed?

use std::path::PathBuf;

use clap::Args;

use super::exit::{Ends, Exit, Stopped};
use crate::disk::Disk;
use crate::repository::verify;

/// Hash every filed document again and compare it with its index file
#[derive(Args)]
pub struct VerifyArgs {
    /// The folder the document repository watches
    repository: PathBuf,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}
