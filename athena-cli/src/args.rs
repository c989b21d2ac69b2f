//! What may be written on the command line.

pub(crate) mod keeping;
mod range;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args as Group, Parser, Subcommand, ValueEnum};

use self::keeping::{BackupArgs, RepairArgs, RestoreArgs, VerifyArgs};
use crate::out::Form;

/// What is wrong with the Redis of a cache, what is in it, and what becomes of it in a failover.
///
/// Exit status: 0 fine, 1 trouble found, 2 usage, 3 not reached or not complete, 4 refused, 130 interrupted; which of
/// them a command ends with stands in its README.
#[derive(Debug, Parser)]
#[command(name = "athena", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Prints one JSON document (`watch`: one on each line) with `"format": 1`
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which Redis, and who logs in.
#[derive(Debug, Group)]
pub(crate) struct TargetArgs {
    /// The Redis, as the service has it; else `ATHENA_URL`, with `ATHENA_PASSWORD`
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The settings of the service (TOML): of its Redis, at the top or in a table `redis`
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "url")]
    pub(crate) config: Option<PathBuf>,
    /// The namespace of the cache, as the service has it; else `ATHENA_NAMESPACE`
    #[arg(long, short = 'n', global = true, value_name = "NS")]
    pub(crate) namespace: Option<String>,
    /// How long each node may take to answer, 1ms to 10min
    #[arg(long, global = true, value_name = "TIME", default_value = "2s", value_parser = range::timeout)]
    pub(crate) timeout: Duration,
    /// Allows what is for administrators of the servers
    #[arg(long, global = true)]
    pub(crate) admin: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Says how the cache and the nodes are
    Status(StatusArgs),
    /// Says what is wrong with the servers, why it matters, and what to change
    Doctor(DoctorArgs),
    /// Lists the entries that are stored
    Keys(KeysArgs),
    /// Shows what is stored for one entry
    Show(ShowArgs),
    /// Removes entries, whatever carries a tag, or all
    Invalidate(InvalidateArgs),
    /// Prints a line at each interval, and what happens in between
    Watch(WatchArgs),
    /// Watches a failover by writing every 10 ms to what serves
    Drill(DrillArgs),
    /// Keeps what is stored in a file, or has the servers save it
    Backup(BackupArgs),
    /// Puts the values of a backup back, as stale ones
    Restore(RestoreArgs),
    /// Looks at all that is stored, and says what is good for nothing
    Verify(VerifyArgs),
    /// The same, and removes it
    Repair(RepairArgs),
}

#[derive(Debug, Group)]
pub(crate) struct StatusArgs {
    /// Lists the processes that use the namespace, and what they disagree about
    #[arg(long)]
    pub(crate) fleet: bool,
}

#[derive(Debug, Group)]
pub(crate) struct DoctorArgs {
    /// Ends with 1 for warnings too
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Group)]
pub(crate) struct KeysArgs {
    /// Of one function, as `app::products`
    #[arg(long)]
    pub(crate) site: Option<String>,
    /// With a tag
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// That are older than their ttl
    #[arg(long)]
    pub(crate) stale: bool,
    /// How many at most, up to 1000000
    #[arg(long, value_name = "N", default_value = "1000", value_parser = range::limit)]
    pub(crate) limit: usize,
}

#[derive(Debug, Group)]
pub(crate) struct ShowArgs {
    /// As `keys` lists it, or the key that was given by hand
    pub(crate) key: String,
    /// Shows all of the value, and not its first 256 bytes
    #[arg(long)]
    pub(crate) full: bool,
}

#[derive(Debug, Group)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["keys", "tag", "all"])))]
pub(crate) struct InvalidateArgs {
    /// As `keys` lists them, or keys that were given by hand
    #[arg(value_name = "KEY")]
    pub(crate) keys: Vec<String>,
    /// Everything with a tag; several may be given
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// Everything in the namespace
    #[arg(long, requires = "confirm", conflicts_with_all = ["keys", "tag"])]
    pub(crate) all: bool,
    /// The namespace once more, for `--all`, and where nothing of it is stored
    #[arg(long, value_name = "NS")]
    pub(crate) confirm: Option<String>,
}

#[derive(Debug, Group)]
pub(crate) struct WatchArgs {
    /// Between two lines, 100ms to 1day
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = range::every)]
    pub(crate) every: Duration,
    /// How many lines; without it until it is interrupted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

#[derive(Debug, Group)]
pub(crate) struct DrillArgs {
    /// For how long at most, up to 1day; it ends 3 s after a gap that is over
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = range::drill)]
    pub(crate) duration: Duration,
    /// Sets a failover off; needs `--admin` and `--confirm`
    #[arg(long, value_enum, requires = "confirm")]
    pub(crate) trigger: Option<TriggerArg>,
    /// The namespace once more, for `--trigger`
    #[arg(long, value_name = "NS", requires = "trigger")]
    pub(crate) confirm: Option<String>,
}

/// What sets a failover off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TriggerArg {
    /// A sentinel replaces the primary (`SENTINEL FAILOVER`)
    Sentinel,
    /// A replica takes over from its primary (`CLUSTER FAILOVER`)
    Cluster,
    /// All connections of clients to the primaries are cut (`CLIENT KILL TYPE normal`)
    KillClients,
}

impl Args {
    pub(crate) fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Text }
    }
}
