//! Whether a node is the one that serves, by its own word.

use athena_cache_core::backend::{Class, Failure, Proof};

use super::batch::Batch;
use super::role::{self, Role};
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
        let mut batch = Batch::new();
        // Refused by a server that cannot serve yet, which tells its role all the same. What else it may be
        // refused for says nothing about who serves, and is an answer.
        batch.command("PING");
        role::ask_role(&mut batch);
        role::ask_evicted(&mut batch);
        if question == Question::Membership {
            role::ask_state(&mut batch);
        }
        let mut replies = self.exchange(&batch).await?;
        match replies.consequence() {
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
        let evicted = role::read_evicted(&mut replies).map_err(malformed)?;
        let announces = self.shared.note(proof.epoch, history, evicted);
        if role.is_some_and(|role| role.is_replica()) {
            return Err(self.failure(Class::Moved, "says that it is a replica"));
        }
        if question == Question::Membership
            && let Some(state) = role::read_state(&mut replies).map_err(malformed)?
            && state != "ok"
        {
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

impl LinkState {
    /// Notes what was told on a connection, if that is still the one in use; tells whether it announces
    /// every change.
    fn note(&self, epoch: u64, history: u64, evicted: Option<u64>) -> bool {
        let Some(conn) = self.up().filter(|conn| conn.epoch() == epoch) else { return false };
        conn.note_history(history);
        conn.note_evicted(evicted);
        // Of a server that does not tell it is not known: that is a right which is lacking.
        if evicted.is_some() && conn.evicts() && self.call.client.note_evicting(self.call.node) {
            let endpoint = &self.call.endpoint;
            tracing::warn!(
                %endpoint,
                "redis evicts entries, not all of which it announces to us: while that goes on, \
                 changes by other processes are noticed late"
            );
        }
        conn.announces()
    }
}
