//! The views of several nodes made into one layout, and what changed between two layouts.
//!
//! Invariant: of two claims to a slot the one with the higher configuration epoch wins, whoever
//! reported it; what is said about a node counts less than what that node says itself.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::nodes::{ClusterView, Member};
use crate::link::Role;
use crate::slot;
use crate::url::Endpoint;

/// Who serves which slot, and who stands by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    members: Vec<Member>,
    /// The place of each slot's owner among the members.
    owners: Vec<Option<u16>>,
}

/// Slots of one node that another one took over from it because it is no primary any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Succession {
    pub(super) from: Endpoint,
    pub(super) to: Endpoint,
}

/// What a claim to a slot weighs; the heaviest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    /// Not refuted by the node that it is about.
    stands: bool,
    /// The owner is not taken for dead.
    sound: bool,
    epoch: u64,
    /// Made by the owner itself.
    own: bool,
}

impl Layout {
    /// Merges views, one per node.
    pub(super) fn merge<'a>(views: impl IntoIterator<Item = &'a ClusterView>) -> Self {
        let views: Vec<_> = views.into_iter().collect();
        let spoken: Vec<_> = views.iter().filter_map(|view| view.own()).collect();
        let members = members(&views);
        let mut owners = vec![None; usize::from(slot::COUNT)];
        let mut weights = vec![None; usize::from(slot::COUNT)];
        let places: HashMap<_, _> =
            (0_u16..).zip(&members).map(|(place, member)| (member.id.clone(), place)).collect();
        for (member, own) in claims(&views) {
            let (sound, epoch) = (member.sound, member.epoch);
            let stands = own || !is_refuted(member, &spoken);
            let weight = Some(Weight { stands, sound, epoch, own });
            for slot in member.slots.iter().cloned().flatten().map(usize::from) {
                if weight > weights[slot] {
                    weights[slot] = weight;
                    owners[slot] = places.get(&member.id).copied();
                }
            }
        }
        Self { members, owners }
    }

    /// Whether nobody serves any slot: a node that belongs to no cluster says so.
    pub(super) fn is_vacant(&self) -> bool {
        self.owners.iter().all(Option::is_none)
    }

    /// The owner of each slot, in order.
    pub(super) fn owners(&self) -> impl Iterator<Item = Option<&Endpoint>> {
        self.owners.iter().map(|owner| Some(&self.member(*owner)?.endpoint))
    }

    /// Where the primaries are that are not taken for dead, with slots or without.
    pub(super) fn primaries(&self) -> impl Iterator<Item = &Endpoint> {
        let primaries = self.members.iter().filter(|member| member.is_primary() && member.sound);
        primaries.map(|member| &member.endpoint)
    }

    /// Where the replicas of the primary at an endpoint are.
    pub(super) fn replicas_of<'a>(
        &'a self,
        primary: &'a Endpoint,
    ) -> impl Iterator<Item = &'a Endpoint> {
        let replicas = self.members.iter().filter(move |member| self.follows(member, primary));
        replicas.map(|member| &member.endpoint)
    }

    /// Every node.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.members.iter().map(|member| &member.endpoint)
    }

    /// Other addresses of nodes, and the ones used here.
    pub(super) fn aliases(&self) -> impl Iterator<Item = (&Endpoint, &Endpoint)> {
        self.members.iter().filter_map(|member| Some((member.alias.as_ref()?, &member.endpoint)))
    }

    /// Who took over from whom since an earlier layout; moving slots between primaries is none.
    pub(super) fn successions_since(&self, earlier: &Self) -> Vec<Succession> {
        let mut found: Vec<Succession> = Vec::new();
        let mut settled = HashSet::new();
        for (from, to) in earlier.owners().zip(self.owners()) {
            let (Some(from), Some(to)) = (from, to) else { continue };
            if from == to || !settled.insert((from, to)) {
                continue;
            }
            let heir = earlier.replicas_of(from).any(|replica| replica == to);
            if heir || !self.is_primary(from) {
                found.push(Succession { from: from.clone(), to: to.clone() });
            }
        }
        found
    }

    /// Whether a node that works as a primary is there.
    fn is_primary(&self, endpoint: &Endpoint) -> bool {
        let mut there = self.members.iter().filter(|member| member.endpoint == *endpoint);
        there.any(|member| member.is_primary() && member.sound)
    }

    fn follows(&self, member: &Member, primary: &Endpoint) -> bool {
        let Role::Replica(of) = &member.role else { return false };
        self.members.iter().any(|it| it.id == *of && it.endpoint == *primary)
    }

    fn member(&self, place: Option<u16>) -> Option<&Member> {
        self.members.get(usize::from(place?))
    }
}

/// What is known of each node: its own word, else the latest word about it.
fn members(views: &[&ClusterView]) -> Vec<Member> {
    let mut known: BTreeMap<&str, (bool, &Member)> = BTreeMap::new();
    for view in views {
        for member in &view.members {
            let own = member.id == view.speaker;
            let newer = |(is_own, it): &(bool, &Member)| (own, member.epoch) > (*is_own, it.epoch);
            if known.get(member.id.as_str()).is_none_or(newer) {
                known.insert(&member.id, (own, member));
            }
        }
    }
    known.into_values().map(|(_, member)| member.clone()).collect()
}

/// Every different claim to slots, with whether the owner made it; views that agree make one.
fn claims<'a>(views: &[&'a ClusterView]) -> Vec<(&'a Member, bool)> {
    let mut known = HashSet::new();
    let all = views
        .iter()
        .flat_map(|view| view.members.iter().map(|member| (member, member.id == view.speaker)));
    all.filter(|(member, _)| member.is_primary() && !member.slots.is_empty())
        .filter(|claim| known.insert(*claim))
        .collect()
}

/// Whether the node that a claim is about has spoken, and knows better.
///
/// A claim with a higher epoch tells what its own word, which may be a little older, lacks.
fn is_refuted(claim: &Member, spoken: &[&Member]) -> bool {
    spoken.iter().any(|own| {
        if own.id == claim.id {
            own.epoch >= claim.epoch
        } else {
            // It came back empty, as another node.
            own.endpoint == claim.endpoint
        }
    })
}

#[cfg(test)]
mod tests;
