//! What may be written behind `backup`, `restore`, `verify` and `repair`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args as Group, ValueEnum};

use super::range;

#[derive(Debug, Group)]
#[command(group(ArgGroup::new("where").required(true).args(["path", "save"])))]
pub(crate) struct BackupArgs {
    /// The file, in the place of one that is there; `-` for the standard output
    #[arg(value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,
    /// Has each primary save what it holds to its own disk instead (`BGSAVE`)
    #[arg(long)]
    pub(crate) save: bool,
    /// How many names are read in a second, up to 1000000
    #[arg(long, value_name = "N", default_value = "5000", value_parser = range::rate)]
    pub(crate) rate: u32,
    /// How long the servers may take to save, up to 1day
    #[arg(long, value_name = "TIME", default_value = "10min", value_parser = range::drill, requires = "save")]
    pub(crate) limit: Duration,
}

#[derive(Debug, Group)]
pub(crate) struct RestoreArgs {
    /// The file that `backup` has written
    #[arg(value_name = "FILE")]
    pub(crate) path: PathBuf,
    /// What becomes of values that are there already
    #[arg(long, value_enum, default_value = "skip")]
    pub(crate) mode: ModeArg,
    /// Brings values back as fresh as they were: nothing of them has changed since; needs `--confirm`
    #[arg(long, requires = "confirm")]
    pub(crate) vouched: bool,
    /// The namespace once more, for `--vouched`
    #[arg(long, value_name = "NS", requires = "vouched")]
    pub(crate) confirm: Option<String>,
    /// The servers have lost everything since the backup, as by FLUSHALL: what was stored meanwhile says nothing of it
    #[arg(long)]
    pub(crate) after_loss: bool,
    /// Reads, compares and counts, and writes nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How many values are written in a second, up to 1000000
    #[arg(long, value_name = "N", default_value = "5000", value_parser = range::rate)]
    pub(crate) rate: u32,
}

/// What becomes of values that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// They stay
    Skip,
    /// They stay if they are younger than those of the file
    Younger,
    /// They are replaced
    Replace,
}

#[derive(Debug, Group)]
pub(crate) struct VerifyArgs {
    /// How many names are looked at in a second, up to 1000000
    #[arg(long, value_name = "N", default_value = "2000", value_parser = range::rate)]
    pub(crate) rate: u32,
}

#[derive(Debug, Group)]
pub(crate) struct RepairArgs {
    /// Removes generations of tags too that no value carries
    #[arg(long)]
    pub(crate) orphans: bool,
    /// How many names are looked at in a second, up to 1000000
    #[arg(long, value_name = "N", default_value = "2000", value_parser = range::rate)]
    pub(crate) rate: u32,
}
