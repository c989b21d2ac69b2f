//! The lease of an entry: asked for with everything that the load depends on.
//!
//! Invariant: the generations are complete before the lease is asked for.

mod guard;
mod queue;
mod release;
mod returns;

use std::sync::Arc;
use std::time::Duration;

use super::breakers::by_node;
use super::generations::{Answered, Generations, Need, Told, in_order};
use super::journal::Target;
use super::pipeline::Operation;
use super::{Address, Remote};
use crate::backend::{Ability, Class, Failure, LeaseRequest, Leased, Node, Proof, Token};
use crate::clock::Tick;
use crate::coherence::revision::Revision;
use crate::coherence::session::Session;
use crate::coherence::trust::Backing;
use crate::key::Key;
use crate::resilience::class::Word;
use crate::resilience::deadline::Deadline;
use crate::tag::Tags;

pub(crate) use self::guard::LeaseGuard;
pub(super) use self::queue::Releases;
pub(super) use self::returns::Returns;

/// What a lease is asked for with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Fresh for every attempt.
    pub(crate) token: Token,
    pub(crate) life: Duration,
    /// How long the entry is kept at most.
    pub(crate) entry_life: Duration,
    /// The tags known before the load.
    pub(crate) tags: &'a Tags,
    /// Whether the value may have tags that only it knows.
    pub(crate) late_tags: bool,
}

/// What a request for a lease came to.
#[derive(Debug)]
pub(crate) enum Asked {
    Granted(Grant),
    /// Somebody else holds it: with this token, if that is known.
    Elsewhere(Option<Token>),
}

/// A lease that was granted.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(super) token: Token,
    /// Valid on this connection only.
    pub(super) epoch: u64,
    /// From before it was asked for: nothing that the load depends on had changed later when it was granted.
    pub(crate) since: Revision,
    /// Of the node that the value goes to.
    pub(crate) history: u64,
    /// What announces that the lease or a generation has changed.
    pub(crate) backing: Backing,
    pub(crate) generations: Generations,
}

impl Remote {
    /// Waits until no lease of this key is being given back by this process.
    pub(crate) async fn returned(&self, key: &Key) {
        self.returns.settled(key).await;
    }

    /// A token for one attempt at the lease of an entry (coherence 6).
    ///
    /// It tells in which history it was asked for: see [`is_void`].
    pub(crate) fn token(&self, address: &Address) -> Token {
        let history = self.announcements.sessions.history(self.backend.node(&address.value));
        Token::new(history << HISTORY_AT | self.random.number() >> HISTORY_BITS)
    }

    /// Asks for the lease of an entry.
    pub(crate) async fn lease(
        &self,
        address: &Address,
        wanted: Wanted<'_>,
    ) -> Result<Asked, Failure> {
        let Wanted { token, life, tags, late_tags, .. } = wanted;
        let deadline = self.deadline();
        let name = address.entry.lease();
        let node = self.backend.node(&name);
        self.takes_leases(node)?;
        if let Some(failure) = self.held_off(&address.value) {
            return Err(failure);
        }
        self.make_way(&address.entry, tags, deadline).await?;
        if late_tags {
            self.make_way_for(&Target::AnyTag, deadline).await?;
        }
        let needs = self.needs_of_load(address, wanted);
        self.complete_lacking(&needs, deadline).await?;
        let since = self.announcements.revisions.now();
        let (mut current, own) = self.complete(&needs, node, since, deadline).await?;
        let request = LeaseRequest { lease: &name, token, life, generations: &[] };
        let (leased, session, sent) = self.request(node, request, &own, deadline).await?;
        let proof = leased.proof;
        let answered = Answered { proof, session: Arc::clone(&session), sent, since };
        current.extend(self.told(&own, leased.generations, &answered));
        if !leased.granted {
            return Ok(Asked::Elsewhere(leased.holder));
        }
        let sessions = current.iter().map(|told| Arc::clone(&told.session));
        let backing = Backing::of(sessions.chain([session]));
        let generations = Generations::of(&in_order(&needs, &current)?, late_tags)?;
        let (epoch, history) = (proof.epoch, proof.history);
        Ok(Asked::Granted(Grant { token, epoch, since, history, backing, generations }))
    }

    /// Coherence 18: where a lease could not be given back, or not be filled, none is taken, and nothing is
    /// written for it.
    fn takes_leases(&self, node: Node) -> Result<(), Failure> {
        if !self.backend.lacks(node, Ability::Lease) {
            return Ok(());
        }
        let endpoint = self.endpoint(node);
        let message = format!("{endpoint} does not let us take leases and give them back");
        Err(Failure::new(Class::Denied, message))
    }

    /// The generations that the load depends on. Those of tags outlive the entry: were they gone before, it
    /// would be there for nothing.
    fn needs_of_load(&self, address: &Address, wanted: Wanted<'_>) -> Vec<Need> {
        let Wanted { life, entry_life, tags, late_tags, .. } = wanted;
        let mut needs = self.needs(address, tags, entry_life.saturating_add(life));
        if late_tags {
            // Coherence 10: as it is before the load.
            needs.push(self.need_of_any_tag());
        }
        needs
    }

    /// Completes the generations that were seen to be absent, or to end too soon.
    ///
    /// That another process does is announced, and cannot be told from a change: so it has to be announced
    /// before the moment from which on changes are counted (coherence 2). What was asked for before this one made it
    /// does not count any more.
    async fn complete_lacking(&self, needs: &[Need], deadline: Deadline) -> Result<(), Failure> {
        let lacking = needs.iter().filter(|need| self.is_lacking(need)).cloned();
        let groups = by_node(&*self.backend, lacking, |need| &need.name);
        let revisions = &self.announcements.revisions;
        let since = revisions.now();
        let absent = groups.iter().flat_map(|(_, group)| group).filter(|need| self.is_absent(need));
        let made: Vec<_> = absent.map(|need| revisions.name(&need.name)).collect();
        self.ensure_on(groups, since, deadline).await?;
        for name in made {
            revisions.made(name);
        }
        Ok(())
    }

    /// What is known of the generations of a load, those of other nodes completed; and those of its own node
    /// that are not known, which go with the request for the lease.
    ///
    /// In this order all of them are complete when the load begins (coherence 7). An older generation than
    /// the present one would cost a load later, and serve nothing.
    async fn complete(
        &self,
        needs: &[Need],
        node: Node,
        since: Revision,
        deadline: Deadline,
    ) -> Result<(Vec<Told>, Vec<Need>), Failure> {
        let mut current: Vec<_> =
            needs.iter().filter_map(|need| self.known_to_last(need)).collect();
        let is_unknown = |need: &&Need| !current.iter().any(|told| told.name == need.name);
        let unknown = needs.iter().filter(is_unknown).cloned();
        let mut groups = by_node(&*self.backend, unknown, |need| &need.name);
        let own = groups.iter().position(|(it, _)| *it == node);
        let own = own.map(|own| groups.swap_remove(own).1).unwrap_or_default();
        current.extend(self.ensure_on(groups, since, deadline).await?);
        Ok((current, own))
    }

    /// Sends the request; once more if the lease is held by nobody who loads.
    async fn request(
        &self,
        node: Node,
        request: LeaseRequest<'_>,
        needs: &[Need],
        deadline: Deadline,
    ) -> Result<(Leased, Arc<Session>, Tick), Failure> {
        let name = request.lease;
        let lease = async || {
            let generations = &self.proposals(needs);
            self.backend.lease(LeaseRequest { generations, ..request }).await
        };
        let ask = || self.ask(Operation::lease(), name, deadline, lease);
        let (mut incarnation, mut sent) = self.before_asking(node);
        let mut leased = ask().await?;
        let is_orphan = |it: &Token| is_void(*it, leased.proof) || self.returns.is_abandoned(*it);
        if let Some(orphan) = leased.holder.filter(|it| !leased.granted && is_orphan(it)) {
            // Coherence 6: with the same token, of which it has been answered that it was not taken.
            let release = || self.backend.release(name, orphan);
            let operation = Operation::remove("release").ending_a_lease();
            self.ask(operation, name, deadline, release).await?;
            (incarnation, sent) = self.before_asking(node);
            leased = ask().await?;
        }
        let session = self.announcements.sessions.of(node, incarnation, &leased.proof, sent);
        Ok((leased, session, sent))
    }

    /// Has the generations of a load that takes long outlive its entry still.
    pub(crate) async fn prolong(
        &self,
        address: &Address,
        wanted: Wanted<'_>,
    ) -> Result<(), Failure> {
        let needs = self.needs_of_load(address, wanted);
        self.ensure(&needs, self.write_deadline()).await.map(drop)
    }

    /// Lets a lease live on; tells whether it is still ours, or `None` if that could not be found out.
    pub(crate) async fn extend(
        &self,
        address: &Address,
        token: Token,
        life: Duration,
    ) -> Option<bool> {
        let name = address.entry.lease();
        let operation = Operation::write("extend").ending_a_lease();
        let extend = || self.backend.extend(&name, token, life);
        self.ask(operation, &name, self.write_deadline(), extend).await.ok()
    }

    /// Gives a lease back; tells whether the backend took it, or never will.
    async fn release(&self, lease: &str, token: Token) -> bool {
        let (deadline, operation) = (self.write_deadline(), Operation::remove("release"));
        let release = || self.backend.release(lease, token);
        match self.ask(operation.ending_a_lease(), lease, deadline, release).await {
            Ok(()) => true,
            Err(failure) => Word::of(failure.class()).is_final,
        }
    }
}

/// How much of a history a token tells, and where.
const HISTORY_BITS: u32 = 16;
const HISTORY_AT: u32 = u64::BITS - HISTORY_BITS;

/// Whether a lease was granted in another history than the one that answers: nothing can be filled under
/// it any more, and that it was given back may have been forgotten (coherence 8, S6).
fn is_void(holder: Token, proof: Proof) -> bool {
    let told = holder.get() >> HISTORY_AT;
    // Neither is known to somebody who has just connected.
    told != 0 && proof.history != 0 && told != proof.history & ((1 << HISTORY_BITS) - 1)
}
