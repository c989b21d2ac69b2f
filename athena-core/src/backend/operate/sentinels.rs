//! What sentinels know of a service, each for itself.
//!
//! Invariant: what one of them says is never told as what another one says.

use std::collections::BTreeSet;

use serde::Serialize;

/// What the sentinels of a service say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SentinelReport {
    /// What they call the primary.
    pub service: String,
    /// Each sentinel that is known, sorted by where it is.
    pub sentinels: Vec<SentinelVoice>,
}

/// One sentinel, and what it said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SentinelVoice {
    /// Where it is reached.
    pub endpoint: String,
    /// What it knows; `None` if it did not say.
    pub sight: Option<SentinelSight>,
    /// Why it did not say.
    pub error: Option<String>,
}

/// What one sentinel knows of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SentinelSight {
    /// Where the primary is.
    pub primary: String,
    /// Such as `master` and `s_down`.
    pub flags: Vec<String>,
    /// Where its replicas are, those that are down included.
    pub replicas: Vec<String>,
    /// Of them, those that it takes for down.
    pub replicas_down: Vec<String>,
    /// Where the other sentinels are.
    pub others: Vec<String>,
    /// How many have to agree that the primary is down (`quorum`).
    pub quorum: Option<u32>,
    /// Whether enough sentinels are reached, for that and for a failover (`CKQUORUM`); `None` if it does not let
    /// us ask.
    pub has_quorum: Option<bool>,
    /// What it says to that.
    pub quorum_says: Option<String>,
    /// After how many milliseconds without an answer it takes the primary for down.
    pub down_after_ms: Option<u64>,
    /// The version of its configuration.
    pub epoch: Option<u64>,
    /// Whether it trusts its own clock too little to act; `None` if it does not let us ask.
    pub is_in_tilt: Option<bool>,
}

impl SentinelReport {
    /// The primaries that are named: one, if all agree.
    pub fn primaries(&self) -> Vec<String> {
        self.all(|sight| vec![&sight.primary])
    }

    /// The replicas that are known to any of them.
    pub fn replicas(&self) -> Vec<String> {
        self.all(|sight| sight.replicas.iter().collect())
    }

    /// Whether all that said anything name the same primary; `None` if nobody said anything.
    pub fn agreed(&self) -> Option<bool> {
        match self.primaries().len() {
            0 => None,
            primaries => Some(primaries == 1),
        }
    }

    /// Whether all that said anything have their quorum; `None` if nobody said so or not.
    pub fn has_quorum(&self) -> Option<bool> {
        let said: Vec<bool> = self.sights().filter_map(|sight| sight.has_quorum).collect();
        (!said.is_empty()).then(|| said.iter().all(|has| *has))
    }

    /// The quorum that is set; the greatest where they differ.
    pub fn quorum(&self) -> Option<u32> {
        self.sights().filter_map(|sight| sight.quorum).max()
    }

    /// Whether any of them is in tilt mode; `None` if nobody said so or not.
    pub fn tilt(&self) -> Option<bool> {
        let said: Vec<bool> = self.sights().filter_map(|sight| sight.is_in_tilt).collect();
        (!said.is_empty()).then(|| said.contains(&true))
    }

    /// How many sentinels said what they know.
    pub fn answered(&self) -> usize {
        self.sights().count()
    }

    /// What those that answered said.
    pub fn sights(&self) -> impl Iterator<Item = &SentinelSight> {
        self.sentinels.iter().filter_map(|voice| voice.sight.as_ref())
    }

    fn all<'a>(&'a self, of: impl Fn(&'a SentinelSight) -> Vec<&'a String>) -> Vec<String> {
        let all: BTreeSet<&String> = self.sights().flat_map(of).collect();
        all.into_iter().cloned().collect()
    }
}
