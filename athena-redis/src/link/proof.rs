//! Whether a node is the one that serves, by its own word.

use athena_cache_core::backend::{Class, Excerpt, Failure, Proof};
use tokio::time::Instant;

use super::batch::Batch;
use super::comeback::LifeSign;
use super::role::{self, Role};
use super::unheard::NodeStats;
use super::{Link, LinkState, Phase};

/// What a node is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether it is a primary.
    Role,
    /// That, and whether its cluster lets it serve.
    Membership,
}

impl Link {
    /// Asks the node for a sign of life, and whether it is the one that serves.
    ///
    /// Coherence 5: a server that does not tell, or not us, is believed to be. An answer in the negative
    /// ends trust and casts no doubt on the node: who serves in its place is for the topology to find
    /// out, and what it makes of it is told as the cause of a failover.
    pub(crate) async fn prove(&self, question: Question) -> Result<Proof, Failure> {
        self.look_into_rights().await;
        let watch = ProofWatch { shared: &self.shared, heard: Some(LifeSign::NoProof) };
        let outcome = self.ask_for_proof(question).await;
        watch.ended(&outcome);
        outcome
    }

    async fn ask_for_proof(&self, question: Question) -> Result<Proof, Failure> {
        let asks_limits = self.shared.up().is_some_and(|conn| conn.tells_limits());
        let mut batch = Batch::new();
        // Refused by a server that cannot serve yet, which tells its role all the same. What else it may be
        // refused for says nothing about who serves, and is an answer.
        batch.command("PING");
        role::ask_role(&mut batch);
        NodeStats::ask(&mut batch, asks_limits);
        if question == Question::Membership {
            role::ask_state(&mut batch);
        }
        let deadline = Instant::now() + self.shared.call.client.limit();
        let mut replies = self.ask(&batch, deadline).await?;
        self.shared.note_refusal(&replies);
        let consequence = replies.consequence();
        let class = consequence.as_ref().map(|(consequence, _)| consequence.class);
        self.shared.note_writes(class);
        match consequence {
            None => replies.skip(1),
            Some((consequence, _)) if consequence.is_sign_of_life() => {}
            Some((consequence, why)) => {
                return Err(self.failure(consequence.class, &format!("refused: {why}")));
            }
        }
        let proof = replies.origin().proof();
        let proof = proof.ok_or_else(|| self.failure(Class::Disconnected, "was replaced"))?;
        let malformed = |malformed| self.malformed(&malformed);
        let role = role::read_role(&mut replies).map_err(malformed)?;
        let history = role.map(Role::history).unwrap_or_default();
        let told = NodeStats::read(&mut replies, asks_limits).map_err(malformed)?;
        let announces = self.shared.note(proof.epoch, history, told);
        if role.is_some_and(|role| role.is_replica()) {
            return Err(self.failure(Class::Moved, "says that it is a replica"));
        }
        if question == Question::Membership
            && let Some(state) = role::read_state(&mut replies).map_err(malformed)?
            && state != "ok"
        {
            let state = Excerpt::of(state);
            let what = format!("says that the state of its cluster is `{state}`");
            return Err(self.failure(Class::Unready, &what));
        }
        Ok(Proof { history, tracks: announces, ..proof })
    }

    /// The history of the store, as far as it is known; 0 if it is not.
    pub(crate) fn history(&self) -> u64 {
        match &*self.shared.phase.borrow() {
            Phase::Up(conn) => conn.history(),
            _ => 0,
        }
    }

    /// Takes the history of the store for unknown until the node is asked: it may have followed another.
    pub(crate) fn forget_history(&self) {
        if let Phase::Up(conn) = &*self.shared.phase.borrow() {
            conn.note_history(0);
        }
    }
}

/// A sign of life that was asked for; one that never comes was not given.
struct ProofWatch<'a> {
    shared: &'a LinkState,
    heard: Option<LifeSign>,
}

impl ProofWatch<'_> {
    fn ended(mut self, outcome: &Result<Proof, Failure>) {
        self.heard = match outcome.as_ref().map_err(Failure::class) {
            Ok(_) => Some(LifeSign::Proof),
            // It was not asked, or not let us ask.
            Err(Class::Overloaded | Class::Denied | Class::Rejected) => None,
            Err(_) => Some(LifeSign::NoProof),
        };
    }
}

impl Drop for ProofWatch<'_> {
    fn drop(&mut self) {
        if let Some(heard) = self.heard {
            self.shared.note_heard(heard);
        }
    }
}

impl LinkState {
    /// Notes what was told on a connection, if that is still the one in use; tells whether it announces
    /// every change.
    fn note(&self, epoch: u64, history: u64, told: NodeStats) -> bool {
        let Some(conn) = self.up().filter(|conn| conn.epoch() == epoch) else { return false };
        conn.note_history(history);
        conn.note_stats(told);
        // That a server does not let us ask is a right which is lacking, and told as such.
        let omission = conn.told_omission().filter(|_| conn.tracks() && told.was_answered());
        if let Some(omission) = omission
            && self.call.client.note_omission(self.call.node, omission)
        {
            tracing::warn!(endpoint = %self.call.endpoint, "{}", omission.notice());
        }
        conn.announces()
    }
}
