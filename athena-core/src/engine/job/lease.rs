//! The lease of a load: taken, waited for, kept alive.
//!
//! Invariant: a lease that is held is prolonged for as long as its load runs, and by nothing else.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::{Job, Purpose};
use crate::coherence::lease::Held;
use crate::coherence::trust::Trust;
use crate::engine::answer::Seen;
use crate::engine::{Answer, Ask};
use crate::runtime::Runtime;
use crate::telemetry::{Event, Source};
use crate::tier::remote::{Asked, Wanted};

/// The lease of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Leased {
    /// Nobody else can load it: there is no backend for it.
    NotNeeded,
    /// The value may go to the backend; the flight keeps the lease.
    Held,
    /// Another process loads the same.
    HeldElsewhere,
    /// The value stays here: the backend cannot say who loads it.
    None,
}

/// How soon a value is looked for that another process loads, should nothing be heard of it.
const FIRST_LOOK: Duration = Duration::from_millis(20);

impl<R, V, E> Job<R, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
{
    /// The load, while its lease is kept alive.
    pub(super) async fn load(&self, load: impl Future<Output = R>, leased: Leased) -> R {
        let load = self.lead.flight().led_here(load);
        if leased != Leased::Held {
            return load.await;
        }
        match select(pin!(load), pin!(self.prolong_for_ever())).await {
            Either::Left((returned, _)) => returned,
            Either::Right((never, _)) => match never {},
        }
    }

    /// Prolongs the lease whenever a third of its life has passed.
    pub(in crate::engine) async fn prolong_for_ever(&self) -> Infallible {
        let Runtime { clock, settings, .. } = &*self.ask.runtime;
        loop {
            clock.doze(settings.lease / 3).await;
            let Some((remote, (address, token))) = self.ask.remote().zip(self.flight().lease())
            else {
                return pending().await;
            };
            let until = self.now().after(settings.lease);
            match remote.prolong(&address, token, settings.lease).await {
                Some(true) => self.flight().prolonged(until),
                // Invalidated meanwhile, or another process has taken over.
                Some(false) => self.flight().seal(),
                None => {}
            }
        }
    }

    /// The lease, or the value that another process has loaded under it meanwhile.
    ///
    /// It is waited for within the patience: until its holder has stored the value, has given the lease
    /// back, or is dead and the lease has ended.
    pub(super) async fn lease_or_wait(&self) -> Result<Leased, Answer<R>> {
        let Runtime { clock, settings, .. } = &*self.ask.runtime;
        let impatient = self.now().after(settings.patience);
        let mut pause = FIRST_LOOK;
        loop {
            let Some((remote, address)) = self.ask.remote().zip(self.ask.address()) else {
                return Ok(self.lease().await);
            };
            // From before the lease is asked for: that asking is what has its end announced.
            let waiter = remote.waiter(&address.entry);
            let leased = self.lease().await;
            let left = impatient.since(self.now());
            // One of our own that could not be given back is nobody's to wait for.
            let is_ours = self.ask.runtime.returns.owes(&self.ask.key);
            if leased != Leased::HeldElsewhere || left.is_zero() || is_ours {
                return Ok(leased);
            }
            // What is not announced, to a connection made meanwhile, say, is found by looking.
            clock.within(left.min(pause), waiter.woken()).await;
            pause = (2 * pause).min(settings.lease / 4);
            let found = self.ask.look_as(&self.lead, remote, remote.deadline()).await;
            let found = found.ok().flatten().filter(Seen::is_fresh);
            if let Some(seen) = found
                && let Some(answer) = self.ask.hit(&seen.slot, Source::Backend)
            {
                self.lead.land(Ask::<R, V, E>::landing(&seen.slot, answer.outcome));
                return Err(answer);
            }
        }
    }

    pub(in crate::engine) async fn lease(&self) -> Leased {
        let ask = &self.ask;
        let Some((remote, address)) = ask.remote().zip(ask.address()) else {
            return Leased::NotNeeded;
        };
        if self.purpose == Purpose::AnswerWithoutBackend {
            return self.unleased();
        }
        let life = ask.runtime.settings.lease;
        let limit = ask.runtime.settings.resilience.attempt_timeout;
        ask.runtime.clock.within(limit, ask.runtime.returns.settled(&ask.key)).await;
        let token = remote.token(&address);
        let held = Held::new(&ask.runtime, &ask.key, address, token, life);
        let late_tags = ask.tags_from.is_some();
        let wanted = Wanted { token, life, tags: &ask.tags, late_tags };
        let since = ask.runtime.cells.now();
        match remote.lease(held.address(), wanted).await {
            Ok(Asked::Granted(leave)) => {
                self.lead.begins_after(since);
                self.lead.rely_on(Trust::over(leave.bond.clone()).ending(held.until()));
                self.lead.flight().hold(held.granted(leave));
                Leased::Held
            }
            Ok(Asked::Elsewhere(bond)) => {
                held.forget();
                let until = self.now().after(remote.trust_window());
                self.lead.rely_on(Trust::over(bond).ending(until));
                Leased::HeldElsewhere
            }
            Err(failure) if failure.class().may_have_happened() => self.unleased(),
            Err(_) => {
                held.forget();
                self.unleased()
            }
        }
    }

    /// The backend cannot say whether another process loads the same.
    fn unleased(&self) -> Leased {
        self.ask.tell(|key| Event::Unleased { key });
        Leased::None
    }
}
