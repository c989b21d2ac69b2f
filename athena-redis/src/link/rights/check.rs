//! Which rights a user lacks, for whoever asks to know it.

use athena_cache_core::backend::Excerpt;

use super::probe::Scope;
use super::{Lacks, NodeKind, Probe, Promise, RIGHTS, Right, TRACKING, Terms, ask_tracking};
use crate::config::Access;
use crate::link::batch::{Batch, Replies};

/// A question about all rights, with names of one prefix; asked on a connection that nothing is read on.
#[derive(Debug)]
pub(crate) struct RightsCheck {
    probe: Probe,
    prefix: String,
}

/// The answer.
#[derive(Debug, Default)]
pub(crate) struct RightsFound {
    /// Each command that is lacking, and what is done without it.
    pub(crate) lacking: Vec<(&'static str, String)>,
    lacks: Lacks,
    /// Why changes are not announced, if they are not.
    pub(crate) no_tracking: Option<Excerpt>,
}

impl RightsCheck {
    pub(crate) fn new(prefix: &str, of_cluster: bool, keeps_log: bool) -> Self {
        let place = if of_cluster { NodeKind::Cluster } else { NodeKind::Everywhere };
        let terms = Terms { prefixes: vec![prefix.to_owned()], place, keeps_log };
        Self { probe: Probe::new(terms, Scope::Open), prefix: prefix.to_owned() }
    }

    /// Adds the commands to a batch; `access` tracks nothing, and whether it could is asked here.
    pub(crate) fn ask(&self, batch: &mut Batch, access: &Access) {
        ask_tracking(batch);
        batch.command("CLIENT").args(["TRACKING", "OFF"]);
        self.probe.ask(batch, access);
    }

    /// Reads their replies.
    pub(crate) fn read(&self, replies: &mut Replies, access: &Access) -> RightsFound {
        let denial = replies.denial();
        let no_tracking = replies.consequence().map(|(_, why)| why);
        replies.skip(1 + usize::from(no_tracking.is_none()));
        let mut lacks = self.probe.read(replies, access);
        lacks.note_command(TRACKING, denial);
        let promises = |right: &Right| -> Vec<_> {
            right.promises.iter().map(|promise: &Promise| promise.without()).collect()
        };
        let lacking = RIGHTS.iter().filter(|right| lacks.has(right.command));
        let lacking = lacking.map(|right| (right.command, promises(right).join("; "))).collect();
        RightsFound { lacking, lacks, no_tracking }
    }

    /// What an administrator has to do for a user who lacks some.
    pub(crate) fn fix(&self, found: &RightsFound, user: &str) -> Option<String> {
        let fix = || found.lacks.fix(&Excerpt::of(user), std::slice::from_ref(&self.prefix));
        (!found.lacks.is_empty()).then(fix)
    }
}
