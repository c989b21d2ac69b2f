//! The leases of other processes that were met here.
//!
//! A lease is waited for because whoever holds it loads. One that is held for longer than anybody waits may
//! be of a process that is dead: whoever meets it once more does not begin to wait again.
//!
//! Invariant: what is known is bounded, and it reads no clock, so that a table of inputs tests it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::backend::Token;
use crate::clock::Tick;
use crate::lock::Mutex;

/// So many leases are remembered; the one that was met first is forgotten first.
const MOST_HOLDERS: usize = 4_096;

/// The leases that were met, and how long they may be held before they are not waited for.
#[derive(Debug)]
pub(in crate::remote) struct Holders {
    /// See [`wait_for_lease`](crate::Settings::wait_for_lease).
    patience: Duration,
    met: Mutex<Met>,
}

#[derive(Debug, Default)]
struct Met {
    first: HashMap<Token, Sighted, foldhash::fast::RandomState>,
    /// In the order in which they were met first.
    order: VecDeque<Token>,
}

#[derive(Debug, Clone, Copy)]
struct Sighted {
    at: Tick,
    times: u32,
}

/// What is to be thought of a lease that somebody else holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meeting {
    /// It may be over in a moment.
    First,
    /// It is time to look whether anybody can hold it, as it is at once with what is no lease.
    Doubtful,
    /// It is waited for.
    Again,
    /// It was held for longer than anybody waits.
    InVain,
}

impl Holders {
    pub(in crate::remote) fn new(patience: Duration) -> Self {
        Self { patience, met: Mutex::default() }
    }

    /// Notes that a lease was found to be held.
    pub(super) fn meet(&self, holder: Option<Token>, now: Tick) -> Meeting {
        let Some(holder) = holder else { return Meeting::Doubtful };
        let sighted = self.met.lock().meet(holder, now);
        match sighted.times {
            _ if now.since(sighted.at) >= self.patience => Meeting::InVain,
            1 => Meeting::First,
            2 => Meeting::Doubtful,
            _ => Meeting::Again,
        }
    }
}

impl Met {
    fn meet(&mut self, holder: Token, now: Tick) -> Sighted {
        if let Some(sighted) = self.first.get_mut(&holder) {
            sighted.times = sighted.times.saturating_add(1);
            return *sighted;
        }
        if self.order.len() == MOST_HOLDERS
            && let Some(oldest) = self.order.pop_front()
        {
            self.first.remove(&oldest);
        }
        let sighted = Sighted { at: now, times: 1 };
        self.first.insert(holder, sighted);
        self.order.push_back(holder);
        sighted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Tick {
        Tick::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_lease_is_looked_at_once_and_given_up_when_it_is_held_for_longer_than_anybody_waits() {
        use Meeting::{Again, Doubtful, First, InVain};
        let holders = Holders::new(PATIENCE);
        let token = Token::new(7);
        let met = [0, 0, 1, 29, 30, 31, 4_000].map(|second| holders.meet(Some(token), at(second)));
        assert_eq!(met, [First, Doubtful, Again, Again, InVain, InVain, InVain]);
    }

    #[test]
    fn what_is_no_lease_is_looked_at_whenever_it_is_met() {
        let holders = Holders::new(PATIENCE);
        assert_eq!(
            [0, 1].map(|at_second| holders.meet(None, at(at_second))),
            [Meeting::Doubtful; 2]
        );
    }

    #[test]
    fn another_lease_is_waited_for_again() {
        let holders = Holders::new(PATIENCE);
        holders.meet(Some(Token::new(7)), at(0));
        assert_eq!(holders.meet(Some(Token::new(7)), at(40)), Meeting::InVain);
        assert_eq!(holders.meet(Some(Token::new(8)), at(40)), Meeting::First);
        assert_eq!(holders.meet(Some(Token::new(7)), at(40)), Meeting::InVain);
    }

    #[test]
    fn so_many_leases_are_remembered_and_the_oldest_forgotten_first() {
        let holders = Holders::new(PATIENCE);
        let number = |number: usize| Some(Token::new(number as u64 + 1));
        for it in 0..=MOST_HOLDERS {
            holders.meet(number(it), at(0));
        }
        assert_eq!(holders.met.lock().first.len(), MOST_HOLDERS);
        assert_eq!(holders.meet(number(MOST_HOLDERS), at(30)), Meeting::InVain);
        assert_eq!(holders.meet(number(0), at(30)), Meeting::First);
    }
}
