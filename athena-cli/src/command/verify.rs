//! `athena verify` and `athena repair`: what is stored and good for nothing, and its removal.

use std::collections::BTreeMap;

use athena_cache_core::{Defect, Verified};
use serde::Serialize;

use super::Session;
use super::backup::{cache, fault};
use super::progress::reporter;
use crate::args::keeping::{RepairArgs, VerifyArgs};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::out::Out;
use crate::plain;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerifyDocument<'a> {
    looked_at: u64,
    sound: u64,
    defects: &'a BTreeMap<Defect, u64>,
    removed: u64,
    changed: u64,
    names: Vec<NamedDefect<'a>>,
}

#[derive(Serialize)]
struct NamedDefect<'a> {
    name: &'a str,
    defect: Defect,
}

pub(super) async fn run(session: &Session<'_>, args: &VerifyArgs) -> Result<Exit, Fault> {
    let Some(cache) = cache(session).await? else { return Ok(Exit::Interrupted) };
    let verifying = cache.verify().rate(args.rate).on_progress(reporter("looked at")).run();
    let Some(verified) = session.stop.or(verifying).await else { return Ok(Exit::Interrupted) };
    let verified = verified.map_err(|error| fault("cannot look at all that is stored", error))?;
    tell(session.out, &verified)?;
    if verified.repairable() > 0 {
        session.out.line("`athena repair` removes what is good for nothing")?;
    }
    Ok(if verified.repairable() > 0 { Exit::Trouble } else { Exit::Fine })
}

pub(super) async fn repair(session: &Session<'_>, args: &RepairArgs) -> Result<Exit, Fault> {
    let Some(cache) = cache(session).await? else { return Ok(Exit::Interrupted) };
    let verify = cache.verify().rate(args.rate).on_progress(reporter("looked at"));
    let verify = if args.orphans { verify.repair_with_orphans() } else { verify.repair() };
    let Some(verified) = session.stop.or(verify.run()).await else { return Ok(Exit::Interrupted) };
    let verified = verified.map_err(|error| fault("cannot repair", error))?;
    tell(session.out, &verified)?;
    session.out.line(format!("removed {}", verified.removed))?;
    if verified.changed > 0 {
        session.out.line(format!("left {}, which had changed meanwhile", verified.changed))?;
    }
    Ok(Exit::Fine)
}

fn tell(out: &Out, verified: &Verified) -> Result<(), Fault> {
    let Verified { looked_at, sound, defects, removed, changed, names, .. } = verified;
    out.line(format!("{sound} of {looked_at} values and generations are sound"))?;
    for (defect, count) in defects {
        out.line(format!("{count} {}", described(*defect)))?;
    }
    for (name, defect) in names {
        out.line(format!("  {} {}", plain::word(name), described(*defect)))?;
    }
    let names = names.iter().map(|(name, defect)| NamedDefect { name, defect: *defect }).collect();
    let (looked_at, sound, removed, changed) = (*looked_at, *sound, *removed, *changed);
    out.json(&VerifyDocument { looked_at, sound, defects, removed, changed, names })
}

fn described(defect: Defect) -> &'static str {
    match defect {
        Defect::Corrupt => "damaged, or no value of a cache",
        Defect::OtherType => "something else than bytes",
        Defect::Misplaced => "written for another name or type",
        Defect::Endless => "without an end",
        Defect::BadGeneration => "a generation that is no number",
        Defect::Dead => "invalidated: harmless, and gone when its life is over",
        Defect::Orphan => "a tag's generation that no value carries: `repair --orphans` removes it",
        Defect::OtherVersion => "of another version of the library",
        Defect::ForeignName => "of a form that no cache writes: left alone",
        _ => "wrong in a way that this version has no word for",
    }
}
