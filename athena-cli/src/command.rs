//! The commands, each in its file.

mod backup;
mod doctor;
mod drill;
mod invalidate;
mod keys;
mod progress;
mod show;
mod status;
mod verify;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;

use athena_cache_core::Fleet;
use athena_cache_core::backend::operate::Operator;
use athena_cache_core::backend::{Backend, Class, Failure};
use athena_cache_redis::Redis;

use crate::args::{Args, Command};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::out::Out;
use crate::stop::Stop;
use crate::target::Target;

/// What every command is given.
pub(crate) struct Session<'a> {
    pub(crate) target: Target,
    pub(crate) out: &'a Out,
    pub(crate) stop: Stop,
}

impl Session<'_> {
    /// What the names of the cache begin with.
    pub(crate) fn prefix(&self) -> String {
        format!("{}:", self.target.namespace)
    }

    /// Refuses what takes the namespace once more unless it is given.
    pub(crate) fn confirm(&self, what: &str, confirmed: Option<&str>) -> Result<(), Fault> {
        let namespace = &self.target.namespace;
        match confirmed {
            Some(confirmed) if confirmed == namespace => Ok(()),
            Some(other) => Err(Fault::usage(format!(
                "{what} is for `{namespace}`, and `{other}` was confirmed"
            ))
            .help(format!("`--confirm {namespace}` says that this cache is meant"))),
            None => Err(Fault::usage(format!("{what} needs to be confirmed"))
                .help(format!("`--confirm {namespace}` says that this cache is meant"))),
        }
    }
}

/// The processes of a namespace that say that they are there.
async fn fleet(operator: &dyn Operator, prefix: &str) -> Result<Fleet, Fault> {
    let members = operator.fleet(prefix).await;
    let unread = |failure: Failure| {
        let fault = Fault::of("cannot read who uses the namespace", &failure);
        match failure.class() {
            Class::Denied => fault.help("it takes the rights `+evalsha +eval +zrange +time +mget`"),
            _ => fault,
        }
    };
    members.map(Fleet::of).map_err(unread)
}

/// Does what is asked; ends with what was done so far if somebody interrupts it.
pub(crate) async fn run(args: Args, target: Target, out: &Out) -> Result<Exit, Fault> {
    let session = Session { target, out, stop: Stop::listen() };
    let exit = match args.command {
        Command::Status(args) => status::run(&session, &args).await?,
        Command::Doctor(args) => doctor::run(&session, &args).await?,
        Command::Keys(args) => keys::run(&session, &args).await?,
        Command::Show(args) => show::run(&session, &args).await?,
        Command::Invalidate(args) => invalidate::run(&session, &args).await?,
        Command::Watch(args) => watch::run(&session, &args).await?,
        Command::Drill(args) => drill::run(&session, &args).await?,
        Command::Backup(args) => backup::run(&session, &args).await?,
        Command::Restore(args) => backup::restore(&session, &args).await?,
        Command::Verify(args) => verify::run(&session, &args).await?,
        Command::Repair(args) => verify::repair(&session, &args).await?,
    };
    Ok(if session.stop.is_asked() { Exit::Interrupted } else { exit })
}

/// Says of which nodes that hold names what follows is only what a replica has; answers where they are.
async fn note_replicas(session: &Session<'_>, operator: &dyn Operator) -> Vec<String> {
    let survey = operator.survey(session.target.timeout).await;
    let asked: BTreeSet<_> = operator.scanned_nodes().into_iter().map(|it| it.endpoint).collect();
    let replicas = survey.nodes.iter().filter(|node| node.is_replica == Some(true));
    let replicas: Vec<_> =
        replicas.map(|node| node.endpoint.clone()).filter(|it| asked.contains(it)).collect();
    for replica in &replicas {
        note_replica(session.out, replica);
    }
    replicas
}

/// Says that what follows is what a replica has.
fn note_replica(out: &Out, endpoint: &str) {
    out.note(format!(
        "note: {endpoint} is a replica: what it has may be out of date, and no cache asks it; `athena doctor` names its primary"
    ));
}

fn operator(redis: &Redis) -> Result<Arc<dyn Operator>, Fault> {
    redis.operator().ok_or_else(|| Fault::new(Exit::Incomplete, "this store answers no operators"))
}
