//! Who serves which slot, as far as is known of the nodes, and what changed between two layouts.
//!
//! Invariant: of two claims to a slot the one with the higher configuration epoch wins. What is merely said
//! of a node that says something else itself takes no slot from anybody; nor does it that nobody claims one.

use std::collections::HashSet;

use super::census::{Census, Known};
use super::nodes::Member;
use crate::link::Role;
use crate::slot;
use crate::url::Endpoint;

/// Who serves which slot, and who stands by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// In the order of their ids.
    members: Vec<Member>,
    /// Whether it is more than one other node's word that each of them is there.
    attested: Vec<bool>,
    /// Whether the others know each of them.
    known: Vec<bool>,
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
#[expect(clippy::struct_excessive_bools, reason = "they are compared in this order")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    /// No other node has spoken where the owner is said to be: it came back empty, as another one.
    stands: bool,
    /// The owner is not taken for dead.
    sound: bool,
    /// The others know it.
    known: bool,
    epoch: u64,
    /// Made by the owner itself.
    own: bool,
}

impl Layout {
    /// What follows from what is known of all nodes.
    pub(super) fn of(census: &Census) -> Self {
        let spoken = census.spoken();
        let members: Vec<_> = census.all().map(|known| known.member.clone()).collect();
        let attested = census.all().map(Known::is_attested).collect();
        let known = census.all().map(|known| !known.is_unknown()).collect();
        let mut owners = vec![None; usize::from(slot::COUNT)];
        let mut weights = vec![None; usize::from(slot::COUNT)];
        for (place, known) in (0_u16..).zip(census.all()) {
            let Known { member, own, .. } = known;
            if !member.is_primary() {
                continue;
            }
            let there = spoken.get(&member.endpoint);
            let stands = there.is_none_or(|ids| ids.contains(member.id.as_str()));
            let Member { sound, epoch, .. } = *member;
            let is_known = !known.is_unknown();
            let weight = Some(Weight { stands, sound, known: is_known, epoch, own: *own });
            for slot in member.slots.iter().cloned().flatten().map(usize::from) {
                if weight > weights[slot] {
                    (weights[slot], owners[slot]) = (weight, Some(place));
                }
            }
        }
        // Better than nobody: its former owner gave it away, and the new one has not spoken since.
        for (place, Known { rumour, .. }) in (0_u16..).zip(census.all()) {
            for slot in rumour.iter().flat_map(Member::claims).map(usize::from) {
                owners[slot] = owners[slot].or(Some(place));
            }
        }
        Self { members, attested, known, owners }
    }

    /// Has slots that nobody claims stay with those who served them by an earlier layout, if they are there.
    ///
    /// Some nodes hear that one has given up its slots before they hear for whom. Meanwhile it knows best
    /// where they are, and who follows it is its successor.
    pub(super) fn keep(&mut self, earlier: &Self, census: &Census) {
        let counts: Vec<_> = census.all().map(Known::counts).collect();
        let unclaimed = self.owners.iter_mut().zip(&earlier.owners);
        for (owner, former) in unclaimed.filter(|(owner, _)| owner.is_none()) {
            let Some(former) = earlier.member(*former) else { continue };
            let place = self.members.binary_search_by(|it| it.id.cmp(&former.id));
            let place = place.ok().filter(|place| counts.get(*place) == Some(&true));
            *owner = place.and_then(|place| u16::try_from(place).ok());
        }
    }

    /// Whether nobody serves any slot: a node that belongs to no cluster says so.
    pub(super) fn is_vacant(&self) -> bool {
        self.owners.iter().all(Option::is_none)
    }

    /// The place of each slot's owner among the [`endpoints`](Self::endpoints), in order.
    pub(super) fn places(&self) -> impl Iterator<Item = Option<usize>> {
        self.owners.iter().map(|owner| owner.map(usize::from))
    }

    /// Whether it is more than one other node's word that the one at such a place is there.
    pub(super) fn is_attested(&self, place: usize) -> bool {
        self.attested.get(place).copied().unwrap_or(false)
    }

    /// The owner of each slot, in order.
    pub(super) fn owners(&self) -> impl Iterator<Item = Option<&Endpoint>> {
        self.owners.iter().map(|owner| Some(&self.member(*owner)?.endpoint))
    }

    /// Where those are, of the nodes that it was made of, of whose slots another one has some.
    pub(super) fn denied(&self, census: &Census) -> HashSet<Endpoint> {
        let owners: Vec<_> = self.owners().collect();
        let owner = |slot: u16| owners.get(usize::from(slot)).copied().flatten();
        let sound = census.all().filter(|it| it.member.sound && !it.is_unknown());
        let endpoints = sound.map(|it| &it.member).filter(|member| {
            member.claims().any(|slot| owner(slot).is_some_and(|it| *it != member.endpoint))
        });
        endpoints.map(|member| member.endpoint.clone()).collect()
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
        let there = self.members.iter().filter(|member| member.endpoint == *primary);
        let ids: HashSet<_> = there.map(|member| &member.id).collect();
        let follows = move |member: &&Member| match &member.role {
            Role::Replica(of) => ids.contains(of),
            Role::Primary(()) => false,
        };
        self.members.iter().filter(follows).map(|member| &member.endpoint)
    }

    /// Every node.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.members.iter().map(|member| &member.endpoint)
    }

    /// Every node that the others know, and whether it is more than one other node's word that it is there.
    pub(super) fn known_members(&self) -> impl Iterator<Item = (&Member, bool)> {
        let known = self.members.iter().zip(&self.attested).zip(&self.known);
        known.filter(|(_, is_known)| **is_known).map(|((member, attested), _)| (member, *attested))
    }

    /// Other addresses of nodes, and the ones used here.
    pub(super) fn aliases(&self) -> impl Iterator<Item = (&Endpoint, &Endpoint)> {
        self.members.iter().filter_map(|member| Some((member.alias.as_ref()?, &member.endpoint)))
    }

    /// Who took over from whom since an earlier layout; moving slots between primaries is none.
    pub(super) fn successions_since(&self, earlier: &Self) -> Vec<Succession> {
        let mut found: Vec<Succession> = Vec::new();
        let mut settled = HashSet::new();
        let pairs = earlier.owners.iter().zip(&self.owners).filter(|pair| settled.insert(*pair));
        for (from, to) in pairs {
            let (Some(former), Some(heir)) = (earlier.member(*from), self.member(*to)) else {
                continue;
            };
            let (from, to) = (&former.endpoint, &heir.endpoint);
            // One that is reached elsewhere from now on is the same node.
            if from == to || former.id == heir.id {
                continue;
            }
            let is_known = found.iter().any(|it| it.from == *from && it.to == *to);
            let is_heir = earlier.replicas_of(from).any(|replica| replica == to);
            if !is_known && (is_heir || !self.is_primary(from)) {
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

    fn member(&self, place: Option<u16>) -> Option<&Member> {
        self.members.get(usize::from(place?))
    }
}

#[cfg(test)]
mod tests;
