//! What a node answers in place of doing its work, and when that is worth telling.
//!
//! A store that is full, a replica, a node whose cluster does not serve: it answers, so nothing is down, and nothing
//! works. That is told once, in the node's own words.
//!
//! Invariant: whatever happens, a node is told of at most once in `PAUSE`, unless the reason is another one.

use std::time::Duration;

use super::class::{Refuses, Traffic, Word};
use crate::backend::{Class, Failure};
use crate::clock::Tick;

/// A failover is over in less, and so is the start of a server: what lasts longer does not end by itself.
const LASTING: Duration = Duration::from_secs(2);
/// Failures farther apart are nothing that lasts; a breaker may keep us from asking for half of this.
const APART: Duration = Duration::from_secs(60);
/// Between two records about one node.
const PAUSE: Duration = Duration::from_secs(60);

/// What one node answers in place of doing its work.
#[derive(Debug, Default)]
pub(crate) struct Complaint {
    present: Option<Episode>,
    told: Option<(Class, Tick)>,
}

/// Failures of one class without a success of the same traffic.
#[derive(Debug)]
struct Episode {
    class: Class,
    traffic: Traffic,
    began: Tick,
    last: Tick,
    is_told: bool,
    /// The node's words, once they count.
    text: Option<String>,
}

impl Episode {
    fn new(class: Class, traffic: Traffic, now: Tick) -> Self {
        Self { class, traffic, began: now, last: now, is_told: false, text: None }
    }
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gravity {
    /// Nothing that lasts, as far as is known.
    Passing,
    /// The node does not do its work.
    Refusal,
    /// The same, and nobody has been told.
    News,
}

impl Complaint {
    /// Notes a failure of an operation that the node answered.
    pub(crate) fn note(&mut self, traffic: Traffic, failure: &Failure, now: Tick) -> Gravity {
        let class = failure.class();
        let lasting = match Word::of(class).refuses {
            None => return Gravity::Passing,
            Some(Refuses::AtOnce) => Duration::ZERO,
            Some(Refuses::IfItLasts) => LASTING,
        };
        let goes_on = |it: &Episode| it.class == class && now.since(it.last) <= APART;
        let before = self.present.take().filter(goes_on);
        let mut episode = before.unwrap_or_else(|| Episode::new(class, traffic, now));
        episode.last = now;
        let gravity = if now.since(episode.began) < lasting {
            Gravity::Passing
        } else if !episode.is_told && self.is_news(class, now) {
            episode.is_told = true;
            self.told = Some((class, now));
            Gravity::News
        } else {
            Gravity::Refusal
        };
        if gravity != Gravity::Passing {
            episode.text = Some(failure.to_string());
        }
        self.present = Some(episode);
        gravity
    }

    /// Which right is lacking the backend tells by itself.
    fn is_news(&self, class: Class, now: Tick) -> bool {
        let is_recent = |(told, at): (Class, Tick)| told == class && now.since(at) < PAUSE;
        class != Class::Denied && !self.told.is_some_and(is_recent)
    }

    /// Notes that the node did what it was asked; tells whether that is the end of what was told.
    pub(crate) fn end(&mut self, traffic: Traffic) -> bool {
        let ended = self.present.take_if(|it| it.traffic == traffic);
        ended.is_some_and(|it| it.is_told)
    }

    /// Whether there is anything to be ended.
    pub(crate) fn is_any(&self) -> bool {
        self.present.is_some()
    }

    /// The node's words, if they count.
    pub(crate) fn text(&self) -> Option<&str> {
        self.present.as_ref()?.text.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::Gravity::{News, Passing, Refusal};
    use super::*;

    /// What becomes of failures at these seconds.
    fn noted(class: Class, seconds: &[u64]) -> Vec<Gravity> {
        let mut complaint = Complaint::default();
        seconds.iter().map(|at| note(&mut complaint, class, *at)).collect()
    }

    fn note(complaint: &mut Complaint, class: Class, second: u64) -> Gravity {
        let failure = Failure::new(class, "redis at h:1 answered so");
        complaint.note(Traffic::Storing, &failure, Tick::from_millis(1_000 * second))
    }

    #[test]
    fn a_store_that_takes_no_writes_is_told_of_at_once_and_once() {
        assert_eq!(
            noted(Class::WriteRefused, &[0, 0, 1, 30, 90]),
            [News, Refusal, Refusal, Refusal, Refusal]
        );
    }

    #[test]
    fn one_that_does_not_serve_is_told_of_if_that_lasts() {
        for class in [Class::Moved, Class::Unready] {
            assert_eq!(noted(class, &[0, 1, 2, 3]), [Passing, Passing, News, Refusal]);
            assert_eq!(noted(class, &[0, 61, 122]), [Passing; 3], "now and then");
        }
    }

    #[test]
    fn what_is_no_answer_or_about_the_request_is_no_complaint() {
        for class in [Class::Timeout, Class::Disconnected, Class::Rejected, Class::Overloaded] {
            assert_eq!(noted(class, &[0, 5, 10]), [Passing; 3], "{class}");
        }
    }

    #[test]
    fn a_success_of_the_same_kind_ends_it_and_it_is_not_told_again_soon() {
        let mut complaint = Complaint::default();
        assert_eq!(note(&mut complaint, Class::WriteRefused, 0), News);
        assert_eq!(complaint.text(), Some("redis at h:1 answered so"));
        assert!(!complaint.end(Traffic::Serving) && complaint.is_any());
        assert!(complaint.end(Traffic::Storing) && !complaint.is_any());
        assert_eq!(note(&mut complaint, Class::WriteRefused, 10), Refusal);
        assert!(!complaint.end(Traffic::Storing), "nobody was told that it began");
        let last = [11, 12, 13, 14].map(|at| note(&mut complaint, Class::Unready, at));
        assert_eq!(last, [Passing, Passing, News, Refusal], "another reason");
        assert!(complaint.end(Traffic::Storing));
        assert_eq!(note(&mut complaint, Class::WriteRefused, 15), News);
    }

    #[test]
    fn which_right_is_lacking_is_told_by_the_backend() {
        assert_eq!(noted(Class::Denied, &[0, 5, 100]), [Refusal; 3]);
    }
}
