//! One thing that may be wrong: when it counts as wrong, when as over, and how often something is done about it.
//!
//! Invariant: it is wrong after so many bad ticks in a row and over after three good ones, so that what flickers
//! neither starts nor ends it; between two steps lies twice the time that lay between the two before. What is left to
//! somebody else was no step: it is due again at the next bad tick, since nobody says that the other one is gone.

use std::time::Duration;

use crate::clock::Tick;

/// Good ticks in a row that end it.
const GOOD: u32 = 3;
/// Between the first two steps, and between any two at most.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);

/// What a tick says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Bad,
    Good,
    /// Nobody knows: it stays what it is.
    Unknown,
}

#[derive(Debug, Clone)]
pub(super) struct LastingTrouble {
    /// Bad ticks in a row that begin it.
    patience: u32,
    bad: u32,
    good: u32,
    is_on: bool,
    /// Somebody else sees to it, as far as is known.
    is_left: bool,
    pause: Duration,
    next: Tick,
}

impl LastingTrouble {
    pub(super) fn new(patience: u32) -> Self {
        let next = Tick::default();
        Self { patience, bad: 0, good: 0, is_on: false, is_left: false, pause: FIRST_PAUSE, next }
    }

    /// Whether it is wrong now.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Takes in a tick; whether something is to be done about it now.
    pub(super) fn tick(&mut self, sight: Sight, now: Tick) -> bool {
        match sight {
            Sight::Unknown => return false,
            Sight::Bad => (self.bad, self.good) = (self.bad.saturating_add(1), 0),
            Sight::Good => (self.bad, self.good) = (0, self.good.saturating_add(1)),
        }
        if self.is_on && self.good >= GOOD {
            // The next one is another one.
            (self.is_on, self.is_left) = (false, false);
            (self.pause, self.next) = (FIRST_PAUSE, Tick::default());
        }
        self.is_on |= self.bad >= self.patience;
        let is_due = self.is_on && sight == Sight::Bad && now >= self.next;
        if is_due {
            self.next = now.after(self.pause);
            self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        is_due
    }

    /// Whether somebody else sees to it, as far as is known.
    pub(super) fn is_left(&self) -> bool {
        self.is_left
    }

    /// What was due is done by somebody else, or is not; whether that is news.
    pub(super) fn leave(&mut self, is_left: bool) -> bool {
        if is_left {
            (self.pause, self.next) = (FIRST_PAUSE, Tick::default());
        }
        let was_left = std::mem::replace(&mut self.is_left, is_left);
        !(was_left && is_left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// At which minutes something is done, of a sequence of ticks: `x` bad, `.` good, `?` unknown.
    fn done(patience: u32, ticks: &str) -> Vec<usize> {
        let mut trouble = LastingTrouble::new(patience);
        let mut now = Tick::default();
        let mut done = Vec::new();
        for (minute, tick) in ticks.chars().enumerate() {
            let sight = match tick {
                'x' => Sight::Bad,
                '.' => Sight::Good,
                _ => Sight::Unknown,
            };
            if trouble.tick(sight, now) {
                done.push(minute);
            }
            now = now.after(MINUTE);
        }
        done
    }

    #[test]
    fn it_begins_after_bad_ticks_in_a_row_and_is_done_about_less_and_less_often() {
        let cases: [(&str, &[usize]); 7] = [
            ("xx.xx.xx.", &[]),
            ("xxx", &[2]),
            ("xxxx", &[2, 3]),
            ("xxxxxxxxxx", &[2, 3, 5, 9]),
            // What flickers does not end it, and starts no new one.
            ("xxx.x.x.x", &[2, 4, 6]),
            // Three good ones do.
            ("xxx...xx", &[2]),
            ("xx??x?x", &[4, 6]),
        ];
        for (ticks, expected) in cases {
            assert_eq!(done(3, ticks), expected, "{ticks}");
        }
        assert_eq!(done(1, "x"), [0]);
    }

    #[test]
    fn no_two_steps_lie_farther_apart_than_half_an_hour() {
        let done = done(1, &"x".repeat(200));
        let gaps: Vec<_> = done.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(gaps[..6], [1, 2, 4, 8, 16, 30]);
        assert!(gaps[5..].iter().all(|gap| *gap == 30));
    }

    #[test]
    fn what_is_left_to_another_one_is_due_at_each_bad_tick_and_told_once() {
        let mut trouble = LastingTrouble::new(1);
        let mut now = Tick::default();
        let mut tick = |trouble: &mut LastingTrouble, sight| {
            now = now.after(MINUTE / 6);
            trouble.tick(sight, now)
        };
        let mut news = Vec::new();
        for is_left in [true, true, true, false] {
            assert!(tick(&mut trouble, Sight::Bad));
            news.push(trouble.leave(is_left));
        }
        assert_eq!(news, [true, false, false, true]);
        // The other one was gone: now it is this one's, at its own pauses.
        let due: Vec<_> = (0..6).map(|_| tick(&mut trouble, Sight::Bad)).collect();
        assert_eq!(due, [false, false, false, false, false, true]);
        // A trouble that begins anew is told anew.
        assert!(trouble.leave(true));
        (0..3).for_each(|_| assert!(!tick(&mut trouble, Sight::Good)));
        assert!(tick(&mut trouble, Sight::Bad) && trouble.leave(true));
    }
}
