//! Waiting for another caller's load, and loading beside it.

use std::sync::Arc;

use super::answer::AnswerContent;
use super::caller::Retention;
use super::job::{Led, Yielding};
use super::limits::LoadPermit;
use super::{Answer, Ask, Caller, Job, Judged, Purpose};
use crate::backend::{Class, Failure};
use crate::entry::Slot;
use crate::error::Error;
use crate::flight::{Due, Flight, Joiner, Landing};
use crate::load_limits::Urgency;
use crate::policy::timeout::Limit;
use crate::runtime::Runtime;
use crate::telemetry::{Event, Outcome, Source, span};

/// How waiting ended.
pub(super) enum Followed {
    /// With an answer.
    Answer(Answer),
    /// The leader is gone, or its result is not for us: look again.
    Again,
    /// The load failed with an error that cannot be handed on.
    Alone,
    /// The leader takes too long: load in its place.
    Impatient,
}

/// Whose load a caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitingFor {
    /// Somebody else's; when this caller came decides what its result is to them (coherence 14).
    Another(Joiner),
    /// Its own, in the background.
    OwnLoad,
}

impl Ask {
    /// Waits for a flight within this caller's own limits (S3), and no longer than `wait_for_load` (S9).
    pub(super) async fn follow(
        &self,
        flight: &Arc<Flight>,
        stale: Option<&Slot>,
        waiting: WaitingFor,
    ) -> Followed {
        let longest = self.runtime.settings.wait_for_load;
        let limit = self.escape(stale).and_then(|()| self.policy.limit(stale.is_some()));
        let wait = limit.map_or(longest, |limit| limit.duration().min(longest));
        let clock = &self.runtime.clock;
        // Made in place: by a name it would stand in this future twice.
        match span::waiting(flight.leader(), clock.within(wait, self.left_by(flight, waiting)))
            .await
        {
            Some(Some(landing)) => return self.landed(landing, flight, waiting),
            Some(None) => return Followed::Impatient,
            None => {}
        }
        match limit {
            Some(limit) if limit.duration() <= longest => self.gave_up(stale, limit, waiting),
            _ => Followed::Impatient,
        }
    }

    /// What a flight leaves to this caller (coherence 14 to 16); nothing if that is not for them, and does not get
    /// to the backend in time either.
    async fn left_by(&self, flight: &Flight, waiting: WaitingFor) -> Option<Landing> {
        let landing = flight.landing().await;
        let WaitingFor::Another(joiner) = waiting else {
            return Some(landing);
        };
        let flagged = |landing: Landing| landing.flagged().filter(|_| self.takes_copies());
        match self.runtime.flights.due(flight, joiner) {
            _ if landing.is_flagged() => Some(landing),
            Due::Shared => Some(landing),
            Due::AfterFill => {
                if self.is_filled_in_time(flight).await {
                    Some(Landing::Again)
                } else {
                    flagged(landing)
                }
            }
            Due::Late => Some(flagged(landing).unwrap_or(Landing::Again)),
        }
    }

    /// Waits for a fill, though not for all its attempts: what does not answer that one answers this call no sooner
    /// (R8).
    async fn is_filled_in_time(&self, flight: &Flight) -> bool {
        let Runtime { clock, settings, .. } = &*self.runtime;
        let longest = settings.resilience.attempt_timeout;
        let is_over = clock.within(longest, flight.over()).await.is_some();
        if !is_over {
            let message =
                format!("a fill that others wait for was not answered within {longest:?}");
            self.waited.note_failure(&Failure::new(Class::Slow, message));
        }
        is_over
    }

    fn landed(&self, landing: Landing, flight: &Flight, waiting: WaitingFor) -> Followed {
        match landing {
            Landing::Entry { slot, .. }
                if waiting != WaitingFor::OwnLoad
                    && flight.is_outdated_by_late_tags(&slot, &self.runtime.revisions) =>
            {
                Followed::Again
            }
            Landing::Entry { slot, outcome } => self.joined(&slot, outcome, waiting),
            Landing::Error(error) if self.typing.shared == Some((*error).type_id()) => {
                self.joined_content(AnswerContent::Error(error), waiting)
            }
            Landing::Refusal(error) if self.typing.carries_errors => {
                self.joined_content(AnswerContent::Refusal(error), waiting)
            }
            Landing::Error(_) | Landing::Refusal(_) | Landing::Unshared => Followed::Alone,
            Landing::Again => Followed::Again,
        }
    }

    fn joined(&self, slot: &Slot, outcome: Outcome, waiting: WaitingFor) -> Followed {
        if !self.can_recall(slot) {
            return Followed::Alone;
        }
        match outcome.source {
            _ if outcome.stale => self.tell(|key| Event::Stale { key, age: outcome.age }),
            Source::Load | Source::Bypass => self.tell_waited(waiting),
            _ => self.tell_hit(&outcome),
        }
        if outcome.degraded {
            self.tell(|key| Event::Degraded { key });
        }
        let joined = waiting != WaitingFor::OwnLoad;
        Followed::Answer(Answer::entry(slot, Outcome { joined, ..outcome }))
    }

    fn joined_content(&self, content: AnswerContent, waiting: WaitingFor) -> Followed {
        match &content {
            AnswerContent::Refusal(error) if error.is_backend() => {
                self.tell(|key| Event::Failed { key });
            }
            _ => self.tell_waited(waiting),
        }
        let joined = waiting != WaitingFor::OwnLoad;
        Followed::Answer(Answer {
            content,
            outcome: Outcome { joined, ..Outcome::new(Source::Load) },
        })
    }

    fn tell_waited(&self, waiting: WaitingFor) {
        match waiting {
            WaitingFor::Another(_) => self.tell(|key| Event::Joined { key }),
            WaitingFor::OwnLoad => self.tell(|key| Event::Miss { key }),
        }
    }

    /// The end of this caller's own limit: a stale value, or an error.
    fn gave_up(&self, stale: Option<&Slot>, limit: Limit, waiting: WaitingFor) -> Followed {
        let stale = stale.filter(|slot| self.still_serves(slot));
        if let Some(answer) = stale.and_then(|slot| self.stale(slot, Source::Memory)) {
            return Followed::Answer(answer);
        }
        let error = Error::timeout(&self.topic(), limit.duration());
        if self.typing.carries_errors {
            self.joined_content(AnswerContent::Refusal(error), waiting)
        } else {
            Followed::Impatient
        }
    }

    /// Whether there is something to answer with when a limit is reached.
    pub(super) fn escape(&self, stale: Option<&Slot>) -> Option<()> {
        (stale.is_some() || self.typing.carries_errors).then_some(())
    }

    /// A fresh value from the backend while a refresh runs; or what may answer in its place where that cannot say.
    pub(super) async fn beside(&self) -> Option<Answer> {
        let remote = self.remote()?;
        match self.look_in(remote, self.runtime.clock.now()).await {
            Ok(found) => self.hit(&found.filter(Judged::is_fresh)?.slot, Source::Backend),
            Err(failure) => self.without_load(Err(failure)).ok().flatten(),
        }
    }

    /// The load for this caller, while others do the same after a failure that nobody can share (S5).
    pub(super) async fn side_by_side(self: Box<Self>, caller: &Caller) -> Answer {
        let permit = LoadPermit::Taken(self.permit(Urgency::Foreground).await);
        match self.runtime.flights.begin_alone(&self.key, self.terms()) {
            Some(lead) => {
                let job = Job::new(self, lead, None, Purpose::Answer).with_permit(permit);
                job.run(caller, Yielding::Never).await.or_alone(caller).await
            }
            None => self.alone(permit, caller).await,
        }
    }

    /// The load for this caller alone; nothing is kept of it. The hard timeout acts where an error can tell
    /// of it (G6).
    pub(super) async fn alone(self, permit: LoadPermit, caller: &Caller) -> Answer {
        let Some(limit) = self.policy.hard_timeout.filter(|_| self.typing.carries_errors) else {
            self.tell(|key| Event::Miss { key });
            self.run_load(permit, caller.load(Retention::NotKept)).await;
            return Answer::own();
        };
        let loaded = self.run_load_within(limit, permit, caller.load(Retention::NotKept)).await;
        if loaded.is_none() {
            self.tell(|key| Event::LoadTimedOut { key, limit });
        }
        self.tell(|key| Event::Miss { key });
        match loaded {
            Some(_) => Answer::own(),
            None => Answer::refusal(Error::timeout(&self.topic(), limit), Source::Load),
        }
    }
}

impl Led {
    /// The answer, by a load for this caller alone if there is none yet.
    pub(super) async fn or_alone(self, caller: &Caller) -> Answer {
        match self {
            Self::Answer(answer) => answer,
            Self::Superseded(ask) => ask.alone(LoadPermit::NotNeeded, caller).await,
        }
    }
}
