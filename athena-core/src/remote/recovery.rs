//! The lease of the process that sees to the servers for all that share a namespace.
//!
//! Invariant: a token is asked for once, so that no answer which comes late grants it again. The lease saves work and is
//! no lock: a node that fails over may forget it, and what is done under it has to bear a second one who does it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Remote;
use crate::backend::{Class, Failure, LeaseRequest, Token};

/// What became of the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecoveryLease {
    /// It is this process's, for its life from now on.
    Ours,
    /// Another process has it.
    Theirs,
}

impl Remote {
    /// A token to ask for the lease with.
    pub(crate) fn recovery_token(&self) -> Token {
        Token::new(self.random.number())
    }

    /// Asks for the lease; a token is asked with once.
    pub(crate) async fn take_recovery(
        &self,
        token: Token,
        life: Duration,
    ) -> Result<RecoveryLease, Failure> {
        let name = self.namespace.recovery();
        let request = LeaseRequest { lease: &name, token, life, generations: &[] };
        let leased = self.of_recovery(&name, self.backend.lease(request)).await?;
        Ok(if leased.granted { RecoveryLease::Ours } else { RecoveryLease::Theirs })
    }

    /// Lets the lease live on, if it is held by the token.
    pub(crate) async fn keep_recovery(
        &self,
        token: Token,
        life: Duration,
    ) -> Result<RecoveryLease, Failure> {
        let name = self.namespace.recovery();
        let is_ours = self.of_recovery(&name, self.backend.extend(&name, token, life)).await?;
        Ok(if is_ours { RecoveryLease::Ours } else { RecoveryLease::Theirs })
    }

    /// Gives the lease back; if nobody takes that, it ends by itself.
    pub(crate) async fn give_recovery_back(&self, token: Token) -> Result<(), Failure> {
        let name = self.namespace.recovery();
        self.of_recovery(&name, self.backend.release(&name, token)).await
    }

    /// How many values were met so far that no version of the program can read.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    async fn of_recovery<T>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let node = self.backend.node(name);
        if self.is_isolated(node) {
            return Err(Failure::new(
                Class::Open,
                "nobody is asked, since the backend is isolated",
            ));
        }
        self.within(node, self.settings.load().attempt_timeout, work).await
    }
}
