//! `athena backup` and `athena restore`: what the servers hold of a cache, into a file and back.
//!
//! Invariant: a file that is not whole is never left under its name, and nothing of one that is not whole is written to
//! a server.

use std::path::Path;
use std::time::{Duration, Instant};

use athena_cache_core::backend::Class;
use athena_cache_core::backend::operate::{SavedNode, Saving};
use athena_cache_core::backup::file::BackupFoot;
use athena_cache_core::{Cache, Error, RestoreMode, Restored};
use serde::Serialize;

use super::Session;
use super::progress::reporter;
use crate::args::keeping::{BackupArgs, ModeArg, RestoreArgs};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::out::Out;
use crate::plain;

/// A path that stands for the standard output.
const PIPE: &str = "-";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BackupDocument<'a> {
    path: &'a Path,
    values: u64,
    generations: u64,
    bytes: u64,
    skipped: u64,
}

#[derive(Serialize)]
struct SaveDocument<'a> {
    saved: &'a [SavedNode],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RestoreDocument {
    is_dry_run: bool,
    #[serde(flatten)]
    restored: Restored,
}

pub(super) async fn run(session: &Session<'_>, args: &BackupArgs) -> Result<Exit, Fault> {
    match &args.path {
        Some(path) => keep(session, args, path).await,
        None => save(session, args).await,
    }
}

/// Has each primary save to its own disk.
async fn save(session: &Session<'_>, args: &BackupArgs) -> Result<Exit, Fault> {
    let Some(cache) = cache(session).await? else { return Ok(Exit::Interrupted) };
    let saving = cache.backup().limit(args.limit).save();
    let Some(saved) = session.stop.or(saving).await else { return Ok(Exit::Interrupted) };
    let saved = saved.map_err(|error| fault("cannot have the servers save", error))?;
    for node in &saved {
        let endpoint = plain::word(&node.endpoint);
        session.out.line(match &node.saving {
            Saving::Done { .. } => format!("{endpoint} saved what it holds to its disk"),
            Saving::Unsupported(why) => format!("{endpoint} does not do that for us: {why}"),
            Saving::Failed(why) => format!("{endpoint} has NOT saved what it holds: {why}"),
            _ => format!("{endpoint}: what became of it is not known"),
        })?;
    }
    session.out.json(&SaveDocument { saved: &saved })?;
    let is = |wanted: fn(&Saving) -> bool| saved.iter().any(|node| wanted(&node.saving));
    Ok(if is(|it| matches!(it, Saving::Failed(_))) {
        Exit::Incomplete
    } else if is(|it| matches!(it, Saving::Unsupported(_))) {
        Exit::Refused
    } else {
        Exit::Fine
    })
}

async fn keep(session: &Session<'_>, args: &BackupArgs, path: &Path) -> Result<Exit, Fault> {
    let is_pipe = path == Path::new(PIPE);
    if is_pipe && session.out.is_json() {
        return Err(Fault::usage("`-` and `--json` both want the standard output"));
    }
    let Some(cache) = cache(session).await? else { return Ok(Exit::Interrupted) };
    let backup = cache.backup().rate(args.rate).on_progress(reporter("kept"));
    let kept = if is_pipe {
        session.stop.or(backup.to_writer(std::io::stdout())).await
    } else {
        session.stop.or(backup.to(path)).await
    };
    let Some(kept) = kept else {
        // What was begun is removed beside us.
        await_removal(path).await;
        return Ok(Exit::Interrupted);
    };
    let foot = kept.map_err(|error| fault("cannot keep what is stored", error))?;
    if is_pipe {
        session.out.note(sentence(&foot));
    } else {
        session.out.line(sentence(&foot))?;
    }
    let BackupFoot { values, generations, bytes, skipped, .. } = foot;
    session.out.json(&BackupDocument { path, values, generations, bytes, skipped })?;
    Ok(Exit::Fine)
}

fn sentence(foot: &BackupFoot) -> String {
    let BackupFoot { values, generations, bytes, skipped, .. } = foot;
    let skipped = match skipped {
        0 => String::new(),
        skipped => format!("; {skipped} that no cache writes were left out"),
    };
    format!("kept {values} values, {bytes} bytes, and {generations} generations{skipped}")
}

/// Waits a moment for the file that was begun to be gone.
async fn await_removal(path: &Path) {
    let Some(name) = path.file_name() else { return };
    let beginning = format!("{}.partial-{}-", name.to_string_lossy(), std::process::id());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let is_there = || {
        let mut names = std::fs::read_dir(folder).into_iter().flatten().flatten();
        names.any(|entry| entry.file_name().to_string_lossy().starts_with(&beginning))
    };
    let began = Instant::now();
    while is_there() && began.elapsed() < Duration::from_secs(2) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(super) async fn restore(session: &Session<'_>, args: &RestoreArgs) -> Result<Exit, Fault> {
    if args.vouched {
        session.confirm("`--vouched`", args.confirm.as_deref())?;
    }
    let Some(cache) = cache(session).await? else { return Ok(Exit::Interrupted) };
    let mode = match args.mode {
        ModeArg::Skip => RestoreMode::SkipExisting,
        ModeArg::Younger => RestoreMode::YoungerWins,
        ModeArg::Replace => RestoreMode::Replace,
    };
    let restore = cache.restore(&args.path).mode(mode).rate(args.rate);
    let restore = if args.vouched { restore.vouched() } else { restore };
    let restore = if args.after_loss { restore.after_loss() } else { restore };
    let restore = if args.dry_run { restore.dry_run() } else { restore };
    let running = restore.on_progress(reporter("restored")).run();
    let Some(restored) = session.stop.or(running).await else { return Ok(Exit::Interrupted) };
    let restored = restored.map_err(|error| fault("cannot restore", error))?;
    tell(session.out, args.dry_run, &restored)?;
    if restored.outdated > 0 && !args.after_loss {
        let text = "if the servers have lost everything since the backup, `--after-loss` brings these back as well";
        session.out.line(text)?;
    }
    session.out.json(&RestoreDocument { is_dry_run: args.dry_run, restored })?;
    Ok(Exit::Fine)
}

fn tell(out: &Out, is_dry_run: bool, restored: &Restored) -> Result<(), Fault> {
    let verb = if is_dry_run { "would write" } else { "wrote" };
    out.line(format!("{verb} {} of {} values", restored.written, restored.read))?;
    for (count, why) in [
        (restored.existing, "were there already"),
        (restored.expired, "were past their life"),
        (restored.outdated, "had been invalidated"),
        (restored.without_grace, "have no grace, so that as stale ones they would answer nobody"),
        (restored.unreadable, "are none of their name, or of another version"),
    ] {
        if count > 0 {
            out.line(format!("left out {count}, which {why}"))?;
        }
    }
    Ok(())
}

/// A cache on the servers, once they are reached; `None` if somebody interrupts that.
pub(super) async fn cache(session: &Session<'_>) -> Result<Option<Cache>, Fault> {
    let Some(redis) = session.stop.or(session.target.connect()).await.transpose()? else {
        return Ok(None);
    };
    let operator = super::operator(&redis)?;
    if session.stop.or(super::note_replicas(session, &*operator)).await.is_none() {
        return Ok(None);
    }
    let cache = Cache::builder(session.target.namespace.as_str())
        .backend(redis)
        .settings(session.target.settings())
        .build();
    cache.map(Some).map_err(|error| Fault::usage("the cache cannot be used").caused_by(error))
}

/// Whose fault it is: the file's, the rights', or that not all was reached.
pub(super) fn fault(what: &str, error: Error) -> Fault {
    let exit = match error.class() {
        Some(Class::Denied) => Exit::Refused,
        Some(_) => Exit::Incomplete,
        None => Exit::Usage,
    };
    Fault::new(exit, what).caused_by(error)
}
