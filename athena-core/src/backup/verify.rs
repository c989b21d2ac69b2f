//! Looks at all that is stored, and removes what is good for nothing.
//!
//! Invariant: bytes are never mended. What is removed is what it was found to be, so that a fresh fill survives; names
//! that are not of our forms are counted and left alone.

use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde::Serialize;

use super::pace::Pace;
use super::pieces::{FoundName, Pieces};
use super::progress::ProgressListener;
use crate::backend::operate::{Operator, ValueChange};
use crate::backend::{Failure, Generation};
use crate::envelope::{Envelope, Opened, Unreadable};
use crate::inspect::NameKind;
use crate::key::name::{LANES, Namespace};
use crate::remote::{Missing, Remote, WantedGenerations};

/// Names that are told of, at most.
const MOST_NAMES: usize = 100;

/// What is wrong with something that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Defect {
    /// Its bytes are damaged, or no value of this library.
    Corrupt,
    /// It is something else than bytes, as a list is.
    OtherType,
    /// It was written for another name, or is in the lane of another type.
    Misplaced,
    /// It has no end, as nothing has that is written here.
    Endless,
    /// A generation that no number is.
    BadGeneration,
    /// Its generations do not hold any more: harmless, and gone when its life is over.
    Dead,
    /// A tag's generation that no value carries: a load under way may be about to.
    Orphan,
    /// Another version of this library wrote it.
    OtherVersion,
    /// A name that begins as ours and is of no form of ours.
    ForeignName,
}

impl Defect {
    /// Whether what has it is removed; orphans only where that is asked for.
    fn is_removed(self, orphans: bool) -> bool {
        match self {
            Self::Corrupt
            | Self::OtherType
            | Self::Misplaced
            | Self::Endless
            | Self::BadGeneration => true,
            Self::Orphan => orphans,
            Self::Dead | Self::OtherVersion | Self::ForeignName => false,
        }
    }
}

/// What was found, and what was removed: from [`Verify::run`](crate::Verify::run).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Verified {
    /// How many values and generations were looked at.
    pub looked_at: u64,
    /// How many have nothing wrong with them.
    pub sound: u64,
    /// How many have each defect.
    pub defects: BTreeMap<Defect, u64>,
    /// How many were removed.
    pub removed: u64,
    /// How many were to be removed and had changed by then.
    pub changed: u64,
    /// The first hundred names with a defect, and which it is; they hold keys.
    pub names: Vec<(String, Defect)>,
}

impl Verified {
    fn note(&mut self, name: &str, defect: Defect) {
        *self.defects.entry(defect).or_default() += 1;
        if self.names.len() < MOST_NAMES {
            self.names.push((name.to_owned(), defect));
        }
    }

    /// How many have something wrong that [`Verify::repair`](crate::Verify::repair) removes.
    pub fn repairable(&self) -> u64 {
        let of = self.defects.iter().filter(|(defect, _)| defect.is_removed(false));
        of.map(|(_, count)| count).sum()
    }
}

/// What is removed of what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removing {
    Nothing,
    Defects { orphans: bool },
}

/// All that is stored, to be looked at.
pub(crate) struct VerifyTask<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) operator: &'a dyn Operator,
    pub(crate) prefix: &'a str,
    pub(crate) rate: u32,
    pub(crate) removing: Removing,
    pub(crate) listener: ProgressListener,
}

/// The generations that values carry, by a hash of their names.
#[derive(Default)]
struct Carried {
    hasher: RandomState,
    names: HashSet<u64, RandomState>,
}

impl VerifyTask<'_> {
    pub(crate) async fn run(self) -> Result<Verified, Failure> {
        let (mut verified, mut carried) = (Verified::default(), Carried::default());
        let mut pace = Pace::new(self.rate);
        let mut pieces = Pieces::new(self.operator, self.prefix, is_value, &mut pace);
        while let Some(found) = pieces.next().await? {
            let judged = self.judge_values(&found, &mut carried).await?;
            self.take_in(&found, judged, &mut verified).await?;
        }
        let mut pieces =
            Pieces::new(self.operator, self.prefix, NameKind::is_generation, &mut pace);
        while let Some(found) = pieces.next().await? {
            let judged = found.iter().map(|found| self.judge_generation(found, &carried)).collect();
            self.take_in(&found, judged, &mut verified).await?;
        }
        Ok(verified)
    }

    async fn judge_values(
        &self,
        found: &[FoundName],
        carried: &mut Carried,
    ) -> Result<Vec<Option<Defect>>, Failure> {
        let opened: Vec<_> = found.iter().map(open).collect();
        let mut wanted = WantedGenerations::default();
        let mut names = Vec::new();
        for (found, opened) in found.iter().zip(&opened) {
            let generations = opened.as_ref().map_or(Vec::new(), |opened| {
                self.remote.generations_of(&opened.envelope, Namespace::owner(&found.name))
            });
            for name in &generations {
                carried.names.insert(carried.hasher.hash_one(&**name));
                wanted.insert(Arc::clone(name), None);
            }
            names.push(generations);
        }
        let generations = self.remote.find_generations(&wanted, Missing::Stays).await?;
        let judged = found.iter().zip(opened).zip(names).map(|((found, opened), names)| {
            let opened = match opened {
                Ok(opened) => opened,
                Err(defect) => return Some(defect),
            };
            if let Some(defect) = misplaced(found, &opened) {
                return Some(defect);
            }
            let holds = names.iter().zip(opened.envelope.stamps()).all(|(name, stamp)| {
                let now = generations.get(name).and_then(|found| found.now);
                now.is_some_and(|now| now.generation == stamp.generation)
            });
            (!holds).then_some(Defect::Dead)
        });
        Ok(judged.collect())
    }

    fn judge_generation(&self, found: &FoundName, carried: &Carried) -> Option<Defect> {
        let Some(bytes) = &found.stored.bytes else { return Some(Defect::OtherType) };
        if Generation::parse(bytes).is_none() {
            return Some(Defect::BadGeneration);
        }
        let is_of_tag = self.kind(&found.name) == Some(NameKind::Tag);
        let is_carried = carried.names.contains(&carried.hasher.hash_one(&*found.name));
        (is_of_tag && !is_carried).then_some(Defect::Orphan)
    }

    fn kind(&self, name: &str) -> Option<NameKind> {
        let namespace = self.prefix.strip_suffix(':').unwrap_or(self.prefix);
        crate::inspect::see(namespace, name).map(|seen| seen.kind)
    }

    /// Counts, and removes what is to be removed.
    async fn take_in(
        &self,
        found: &[FoundName],
        judged: Vec<Option<Defect>>,
        verified: &mut Verified,
    ) -> Result<(), Failure> {
        let mut removals = Vec::new();
        for (found, defect) in found.iter().zip(judged) {
            let is_foreign = self.kind(&found.name) == Some(NameKind::Foreign);
            let defect = if is_foreign { Some(Defect::ForeignName) } else { defect };
            verified.looked_at += 1;
            let Some(defect) = defect else {
                verified.sound += 1;
                continue;
            };
            verified.note(&found.name, defect);
            if let Removing::Defects { orphans } = self.removing
                && defect.is_removed(orphans)
            {
                removals.push(ValueChange::removal(&found.name, found.as_found()));
            }
        }
        for was_done in self.operator.change(&removals).await? {
            if was_done {
                verified.removed += 1;
            } else {
                verified.changed += 1;
            }
        }
        self.listener.tell(verified.looked_at, None);
        Ok(())
    }
}

fn is_value(kind: NameKind) -> bool {
    matches!(kind, NameKind::Value | NameKind::Foreign)
}

/// What the bytes under a name are.
fn open(found: &FoundName) -> Result<Opened, Defect> {
    let bytes = found.stored.bytes.as_ref().ok_or(Defect::OtherType)?;
    Envelope::open(bytes, Namespace::owner(&found.name)).map_err(|unreadable| match unreadable {
        Unreadable::Newer(_) => Defect::OtherVersion,
        _ => Defect::Corrupt,
    })
}

/// Whether a value is where nobody looks for it, or for ever.
fn misplaced(found: &FoundName, opened: &Opened) -> Option<Defect> {
    let lane = found.name.rsplit(':').next().and_then(|lane| lane.parse().ok());
    if !opened.is_own_name || lane != Some(opened.fingerprint % LANES) {
        return Some(Defect::Misplaced);
    }
    found.stored.remaining.is_none().then_some(Defect::Endless)
}
