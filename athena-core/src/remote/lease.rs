//! The lease of an entry: asked for with everything that the load depends on.
//!
//! Invariant: the generations are complete before the lease is asked for.

mod guard;
mod holders;
mod queue;
mod release;
mod returns;

use std::sync::Arc;
use std::time::Duration;

use self::holders::Meeting;
use super::breakers::by_node;
use super::generations::{Answered, GenerationNeed, Generations, Told, in_order};
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
use crate::resilience::deadline::{Deadline, Manner};
use crate::settings::LONGEST_LEASE;
use crate::tag::Tags;
use crate::telemetry::Event;

pub(crate) use self::guard::LeaseGuard;
pub(super) use self::holders::Holders;
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
    pub(crate) manner: Manner,
}

/// What a request for a lease came to.
#[derive(Debug)]
pub(crate) enum Asked {
    Granted(Grant),
    /// Somebody else holds it: with this token, if that is known.
    Elsewhere(Option<Token>),
    /// Somebody else does, for longer than anybody waits.
    Overdue,
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
    /// When it was asked for: what is loaded under it is not older.
    pub(super) asked: Tick,
}

/// What one request came to.
struct Requested {
    leased: Leased,
    /// With whoever holds it, unless it was granted.
    meeting: Option<Meeting>,
    session: Arc<Session>,
    /// When the request was sent that was answered last.
    sent: Tick,
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
        let Wanted { token, life, tags, late_tags, manner, .. } = wanted;
        let deadline = self.deadline(manner);
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
        let Requested { leased, meeting, session, sent } =
            self.request(node, address, request, &own, deadline).await?;
        let proof = leased.proof;
        let answered = Answered { proof, session: Arc::clone(&session), sent, since };
        current.extend(self.told(&own, leased.generations, &answered));
        if !leased.granted {
            let is_overdue = meeting == Some(Meeting::InVain);
            return Ok(if is_overdue { Asked::Overdue } else { Asked::Elsewhere(leased.holder) });
        }
        let sessions = current.iter().map(|told| Arc::clone(&told.session));
        let backing = Backing::of(sessions.chain([session]));
        let generations = Generations::of(&in_order(&needs, &current)?, late_tags)?;
        let (epoch, history) = (proof.epoch, proof.history);
        Ok(Asked::Granted(Grant {
            token,
            epoch,
            since,
            history,
            backing,
            generations,
            asked: sent,
        }))
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
    fn needs_of_load(&self, address: &Address, wanted: Wanted<'_>) -> Vec<GenerationNeed> {
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
    async fn complete_lacking(
        &self,
        needs: &[GenerationNeed],
        deadline: Deadline,
    ) -> Result<(), Failure> {
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
        needs: &[GenerationNeed],
        node: Node,
        since: Revision,
        deadline: Deadline,
    ) -> Result<(Vec<Told>, Vec<GenerationNeed>), Failure> {
        let mut current: Vec<_> =
            needs.iter().filter_map(|need| self.known_to_last(need)).collect();
        let is_unknown =
            |need: &&GenerationNeed| !current.iter().any(|told| told.name == need.name);
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
        address: &Address,
        request: LeaseRequest<'_>,
        needs: &[GenerationNeed],
        deadline: Deadline,
    ) -> Result<Requested, Failure> {
        let lease = async || {
            let generations = &self.proposals(needs);
            self.backend.lease(LeaseRequest { generations, ..request }).await
        };
        let ask = || self.ask(Operation::lease(), request.lease, deadline, lease);
        let (mut incarnation, mut sent) = self.before_asking(node);
        let mut leased = ask().await?;
        let mut meeting = self.meet(&leased);
        if let Some(met) = meeting
            && Box::pin(self.dislodge(address, &leased, met, deadline)).await?
        {
            // Coherence 6: with the same token, of which it has been answered that it was not taken.
            (incarnation, sent) = self.before_asking(node);
            leased = ask().await?;
            meeting = self.meet(&leased);
        }
        let session = self.announcements.sessions.of(node, incarnation, &leased.proof, sent);
        Ok(Requested { leased, meeting, session, sent })
    }

    /// Meets whoever holds a lease that was not granted.
    fn meet(&self, leased: &Leased) -> Option<Meeting> {
        (!leased.granted).then(|| self.holders.meet(leased.holder, self.clock.now()))
    }

    /// Ends a lease that nobody loads under, or finds it ended; tells whether it may be asked for again.
    async fn dislodge(
        &self,
        address: &Address,
        leased: &Leased,
        meeting: Meeting,
        deadline: Deadline,
    ) -> Result<bool, Failure> {
        let (name, Leased { holder, proof, .. }) = (&address.entry.lease(), leased);
        let is_orphan = |it: &Token| is_void(*it, *proof) || self.returns.is_abandoned(*it);
        if let Some(orphan) = holder.filter(is_orphan) {
            let release = || self.backend.release(name, orphan);
            let operation = Operation::remove("release").ending_a_lease();
            self.ask(operation, name, deadline, release).await?;
            return Ok(true);
        }
        if !matches!(meeting, Meeting::Doubtful | Meeting::InVain) {
            return Ok(false);
        }
        let oust = || self.backend.oust(name, LONGEST_LEASE);
        // Not found out, it is a lease like others.
        let ousted = self.ask(Operation::remove("oust"), name, deadline, oust).await;
        let is_ousted = ousted.unwrap_or_default();
        if is_ousted {
            let key = &self.telemetry.topic(&address.key, address.site);
            self.telemetry.tell(&Event::LeaseOusted { key });
        }
        // Without a holder it may have ended between the request and the look at it.
        Ok(is_ousted || holder.is_none())
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
