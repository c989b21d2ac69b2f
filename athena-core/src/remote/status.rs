//! How the nodes fare: breakers, isolation, signs of life.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::{Remote, join_all};
use crate::backend::{Ability, Node};
use crate::resilience::breaker::{Breaker, BreakerState, Transition};
use crate::resilience::class::{Traffic, Word};
use crate::resilience::settings::Resilience;

/// How one node of the backend fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Where it is.
    pub endpoint: String,
    /// Whether an operation sent now would reach it, as far as is known.
    pub ready: bool,
    /// Operations that it was sent and has not answered.
    pub in_flight: usize,
    /// The breaker of reads and removals.
    pub breaker: BreakerState,
    /// The breaker of writes, which opens alone when a node serves and takes no writes.
    pub write_breaker: BreakerState,
    /// How long the first of them refuses operations still, at most; `None` if it does not, or if that
    /// depends on a probe under way.
    pub retry_after: Option<Duration>,
    /// What it is known not to let us do, such as for want of rights.
    pub lacks: Vec<Ability>,
    /// Whether those who decide who serves stand by it; until they do, what it acknowledges counts for nothing, and
    /// [`lacks`](Self::lacks) has [`Ability::Invalidate`].
    pub confirmed: bool,
    /// Whether memory answers for its entries, since all changes of them are heard of.
    pub trusted: bool,
    /// Names the past of what it holds, in 16 hexadecimal digits, as far as it is known: two processes that know
    /// different ones ask different nodes.
    pub history: Option<String>,
    /// What it answers in place of doing its work: that it is full, a replica, or that its cluster does not
    /// serve. A failover, and the start of a server, say so for moments; from 2 s on it stands here, until 30 s
    /// after it was said last.
    pub refuses: Option<String>,
}

impl NodeStatus {
    /// Whether it announces changes, as far as is known: by its rights, and by its kind.
    pub(crate) fn announces(&self) -> bool {
        !self.lacks.contains(&Ability::Announce)
    }
}

impl Remote {
    /// The worst state among the breakers of the nodes in use.
    pub(crate) fn breaker_state(&self) -> BreakerState {
        let statuses = self.nodes().into_iter();
        let states = statuses.flat_map(|status| [status.breaker, status.write_breaker]);
        states.max_by_key(|state| state.severity()).unwrap_or(BreakerState::Closed)
    }

    /// How the nodes in use fare.
    pub(crate) fn nodes(&self) -> Vec<NodeStatus> {
        let (settings, now) = (self.settings.load(), self.clock.now());
        let status = |node| {
            let breakers = self.breakers.of(node, &settings.breaker);
            let state = |traffic| {
                let breaker = breakers.breaker(traffic);
                match breaker.state() {
                    // Its end is found out by the next operation, which may be long in coming.
                    BreakerState::Isolated if breaker.admits(now, 0) => BreakerState::HalfOpen,
                    state => state,
                }
            };
            NodeStatus {
                endpoint: self.endpoint(node).into(),
                ready: self.backend.is_ready(node),
                in_flight: self.backend.in_flight(node),
                breaker: state(Traffic::Serving),
                write_breaker: state(Traffic::Storing),
                retry_after: breakers.breaker(Traffic::Serving).retry_after(now),
                lacks: self.lacks(node).collect(),
                confirmed: self.backend.is_confirmed(node),
                trusted: self.is_trusted(node),
                history: self.history_of(node),
                refuses: breakers.complaint(now),
            }
        };
        self.backend.nodes().into_iter().map(status).collect()
    }

    fn history_of(&self, node: Node) -> Option<String> {
        let history = self.announcements.sessions.history(node);
        (history != 0).then(|| format!("{history:016x}"))
    }

    /// Other limits from now on, for the operations that begin then.
    pub(crate) fn set_resilience(&self, settings: Resilience) {
        self.backend.limit_attempts(settings.attempt_timeout);
        self.budget.configure(settings.retry.budget());
        for (node, breakers) in self.breakers.all() {
            for traffic in Traffic::ALL {
                let transition = breakers.breaker(traffic).configure(settings.breaker.clone());
                self.tell_transition(node, traffic, transition);
            }
        }
        self.settings.store(Arc::new(settings));
    }

    pub(crate) fn resilience(&self) -> Resilience {
        Resilience::clone(&self.settings.load())
    }

    /// Sends nothing to any node for a while, those included that are not known yet.
    pub(crate) fn isolate(&self, duration: Duration) {
        let until = Some(self.clock.now().after(duration));
        let settings = self.settings.load();
        for node in self.backend.nodes() {
            // Met before, so that it is told of them.
            self.breakers.of(node, &settings.breaker);
        }
        self.breakers.isolate_newcomers(until);
        self.of_each_breaker(|breaker| breaker.isolate(until));
    }

    /// Ends an isolation.
    pub(crate) fn resume(&self) {
        self.breakers.isolate_newcomers(None);
        self.of_each_breaker(Breaker::resume);
    }

    /// Whether nothing is to be sent to the backend at all.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.breakers.isolation().until().is_some()
    }

    fn of_each_breaker(&self, change: impl Fn(&Breaker) -> Option<Transition>) {
        for (node, breakers) in self.breakers.all() {
            for traffic in Traffic::ALL {
                let transition = change(breakers.breaker(traffic));
                self.tell_transition(node, traffic, transition);
            }
        }
    }

    /// Whether operations sent now would, as far as is known, be done by every node.
    pub(crate) fn is_available(&self) -> bool {
        let nodes = self.backend.nodes();
        let does_its_work = |node| {
            let breakers = self.breakers.of(node, &self.settings.load().breaker);
            self.is_open_to(node)
                && breakers.is_willing(self.clock.now(), self.backend.revivals(node))
                && !self.lacks(node).any(Ability::is_essential)
        };
        !nodes.is_empty() && nodes.into_iter().all(does_its_work)
    }

    fn lacks(&self, node: Node) -> impl Iterator<Item = Ability> {
        Ability::ALL.into_iter().filter(move |ability| self.backend.lacks(node, *ability))
    }

    pub(super) fn is_open_to(&self, node: Node) -> bool {
        let breakers = self.breakers.of(node, &self.settings.load().breaker);
        self.backend.is_ready(node)
            && breakers.admits(self.clock.now(), self.backend.revivals(node))
    }

    /// Asks every node for a sign of life, which is what memory is trusted by (coherence 4 and 5).
    pub(crate) async fn prove(&self) {
        // One that hangs holds up the others for so long only that they are proven within the window.
        let limit =
            self.settings.load().attempt_timeout.min(self.announcements.sessions.window() / 2);
        self.make_acquaintance(limit).await;
        self.take_pulse(limit).await;
        let began = self.clock.now();
        let mut nodes = self.backend.nodes();
        nodes.retain(|node| !self.is_isolated(*node));
        let prove = async |node: Node| {
            let (incarnation, sent) = self.before_asking(node);
            let question = self.contained(node, self.backend.prove(node));
            let answer = self.clock.within_dozing(limit, question).await;
            if let Some(answer) = &answer {
                self.standings.note_admission(node, answer.as_ref().err());
            }
            match answer {
                Some(Ok(proof)) => {
                    self.note_answer(node);
                    self.announcements.sessions.prove(node, incarnation, &proof, sent);
                    self.announcements.sessions.is_confirmed(&proof)
                }
                Some(Err(failure)) if Word::of(failure.class()).ends_trust => {
                    self.announcements.sessions.end(node);
                    false
                }
                Some(Err(_)) | None => false,
            }
        };
        let proven = join_all(nodes.into_iter().map(prove)).await;
        if !proven.is_empty() && proven.into_iter().all(|is_proven| is_proven) {
            self.announcements.confirm(began);
        }
    }

    pub(super) fn is_isolated(&self, node: Node) -> bool {
        let breakers = self.breakers.of(node, &self.settings.load().breaker);
        let breaker = breakers.breaker(Traffic::Serving);
        breaker.state() == BreakerState::Isolated && !breaker.admits(self.clock.now(), 0)
    }

    /// Ends when it is time to do so again; does not keep the cache alive meanwhile.
    pub(crate) fn proof_is_due(&self) -> impl Future<Output = ()> + use<> {
        let (announcements, clock) = (Arc::clone(&self.announcements), self.clock.clone());
        let least = self.regional.as_ref().map(|regional| regional.pulse_pause);
        let pause = announcements.sessions.window() / 4;
        let pause = least.map_or(pause, |least| least.min(pause));
        async move {
            // A pause of less than the clock can tell would be none.
            let pause = pause.max(Duration::from_millis(1));
            clock.within_dozing(pause, announcements.connected()).await;
        }
    }
}
