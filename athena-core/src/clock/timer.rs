//! A timer that works wherever a future is polled: in every tokio runtime, and outside of one.
//!
//! tokio's own timers cannot be asked whether they are there: in a runtime without `enable_time` making one
//! panics, which is not contained where panics abort; and those of a runtime that nobody drives never end.
//! So the time of the cache depends on no runtime: one thread of the process wakes whoever slept.
//!
//! Invariant: a sleeper is in the queue exactly while it waits, and the thread wakes no later than the first
//! of them is due.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::contained::contained;
use crate::lock::Mutex;

static TIMER: Timer = Timer::new();

/// Ends once `duration` has passed, counted from the first poll; a longer one than clocks can tell never ends.
pub(super) fn sleep(duration: Duration) -> Sleep {
    Sleep(SleepStage::New(duration))
}

/// The same, counted from `begun`.
pub(super) fn sleep_from(begun: Instant, duration: Duration) -> Sleep {
    Sleep(begun.checked_add(duration).map_or(SleepStage::Endless, SleepStage::Due))
}

/// Somebody who sleeps.
#[derive(Debug)]
pub(super) struct Sleep(SleepStage);

#[derive(Debug, PartialEq, Eq)]
enum SleepStage {
    /// Nobody waits yet.
    New(Duration),
    /// Nor then.
    Due(Instant),
    /// Its place in the queue.
    Queued(DueAt),
    Endless,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (place, due) = match self.0 {
            SleepStage::New(duration) => {
                // At first the thread looks at the clock.
                let Some(due) = Instant::now().checked_add(duration) else {
                    self.0 = SleepStage::Endless;
                    return Poll::Pending;
                };
                (None, due)
            }
            SleepStage::Due(due) => (None, due),
            SleepStage::Queued((due, _)) if due <= Instant::now() => return Poll::Ready(()),
            SleepStage::Queued(place) => (Some(place), place.0),
            SleepStage::Endless => return Poll::Pending,
        };
        self.0 = SleepStage::Queued(TIMER.enter(place, due, context.waker()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let SleepStage::Queued(place) = self.0 {
            TIMER.leave(place);
        }
    }
}

/// Who sleeps, and the thread that wakes them.
#[derive(Debug)]
struct Timer {
    queue: Mutex<TimerQueue>,
    /// That somebody is due earlier than the thread would wake.
    earlier: Condvar,
}

#[derive(Debug)]
struct TimerQueue {
    sleepers: BTreeMap<DueAt, Waker>,
    last: u64,
    thread: Wakefulness,
}

/// When a sleeper is due; those of one moment are told apart by their numbers.
type DueAt = (Instant, u64);

/// What the thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wakefulness {
    /// It was not started yet, or could not be.
    Missing,
    /// It looks at the queue.
    Awake,
    /// It sleeps until then, whoever has left meanwhile.
    Until(Instant),
    /// It sleeps until somebody comes.
    Asleep,
}

impl Timer {
    const fn new() -> Self {
        let queue = TimerQueue { sleepers: BTreeMap::new(), last: 0, thread: Wakefulness::Missing };
        Self { queue: Mutex::new(queue), earlier: Condvar::new() }
    }

    /// Has a sleeper woken when it is due; it keeps its place if it has one.
    fn enter(&'static self, place: Option<DueAt>, due: Instant, waker: &Waker) -> DueAt {
        let mut queue = self.queue.lock();
        let place = place.unwrap_or_else(|| {
            queue.last += 1;
            (due, queue.last)
        });
        let former = queue.sleepers.insert(place, waker.clone());
        match queue.thread {
            Wakefulness::Missing => queue.thread = self.start(),
            Wakefulness::Until(first) if due >= first => {}
            Wakefulness::Until(_) | Wakefulness::Asleep => self.earlier.notify_one(),
            Wakefulness::Awake => {}
        }
        drop(queue);
        drop(former);
        place
    }

    fn leave(&self, place: DueAt) {
        let waker = self.queue.lock().sleepers.remove(&place);
        // Code of others: not under the lock.
        drop(waker);
    }

    /// Where the system has no thread left nobody is woken until the next sleeper finds that it has.
    fn start(&'static self) -> Wakefulness {
        let thread = thread::Builder::new().name("athena-cache-timer".to_owned());
        match thread.spawn(|| self.wake_for_ever()) {
            Ok(_) => Wakefulness::Awake,
            Err(_) => Wakefulness::Missing,
        }
    }

    fn wake_for_ever(&self) {
        let mut queue = self.queue.lock();
        loop {
            queue.thread = Wakefulness::Awake;
            let now = Instant::now();
            let due = queue.take_due(now);
            if !due.is_empty() {
                drop(queue);
                for waker in due {
                    // An executor that panics is nobody else's matter.
                    let _ = contained(|| waker.wake());
                }
                queue = self.queue.lock();
                continue;
            }
            queue = self.pause(queue, now);
        }
    }

    /// Waits until the first sleeper is due, or somebody comes who is due earlier.
    fn pause<'a>(
        &self,
        mut queue: MutexGuard<'a, TimerQueue>,
        now: Instant,
    ) -> MutexGuard<'a, TimerQueue> {
        let Some((&(first, _), _)) = queue.sleepers.first_key_value() else {
            queue.thread = Wakefulness::Asleep;
            return self.earlier.wait(queue).unwrap_or_else(PoisonError::into_inner);
        };
        queue.thread = Wakefulness::Until(first);
        let woken = self.earlier.wait_timeout(queue, first.saturating_duration_since(now));
        woken.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl TimerQueue {
    /// Takes those out who are due.
    fn take_due(&mut self, now: Instant) -> Vec<Waker> {
        let mut due = Vec::new();
        while let Some(first) = self.sleepers.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn queue() -> TimerQueue {
        TimerQueue { sleepers: BTreeMap::new(), last: 0, thread: Wakefulness::Missing }
    }

    #[test]
    fn those_who_are_due_leave_the_queue_in_order() {
        let (mut queue, start) = (queue(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        for (number, seconds) in [(1, 3), (2, 1), (3, 2), (4, 2)] {
            queue.sleepers.insert((after(seconds), number), Waker::noop().clone());
        }
        assert_eq!(queue.take_due(after(0)).len(), 0);
        assert_eq!(queue.take_due(after(2)).len(), 3);
        assert_eq!(queue.take_due(after(2)).len(), 0);
        assert_eq!(queue.sleepers.keys().map(|(_, number)| *number).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn whoever_sleeps_is_in_the_queue_once_and_not_after_it_was_dropped() {
        let waker = Waker::from(Arc::new(Counter(AtomicUsize::new(0))));
        let mut context = Context::from_waker(&waker);
        let mut sleeper = sleep(Duration::from_secs(3_600));
        let places = || {
            let queue = TIMER.queue.lock();
            let own = queue.sleepers.iter().filter(|(_, it)| it.will_wake(&waker));
            own.map(|(place, _)| *place).collect::<Vec<_>>()
        };
        for _ in 0..2 {
            assert!(Pin::new(&mut sleeper).poll(&mut context).is_pending());
            assert_eq!(places().len(), 1);
        }
        let SleepStage::Queued(place) = sleeper.0 else { panic!("it sleeps") };
        assert_eq!(places(), [place]);
        drop(sleeper);
        assert!(places().is_empty());
    }

    #[test]
    fn the_thread_that_waits_for_a_later_sleeper_hears_of_an_earlier_one() {
        let mut later = sleep(Duration::from_secs(3_600));
        assert!(Pin::new(&mut later).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        for _ in 0..10 {
            block_on(sleep(Duration::from_millis(1)));
        }
        assert!(matches!(later.0, SleepStage::Queued(_)));
    }

    #[test]
    fn whoever_looked_at_the_clock_sleeps_from_then_on() {
        let (begun, hour) = (Instant::now(), Duration::from_secs(3_600));
        let mut sleeper = sleep_from(begun, hour);
        assert!(Pin::new(&mut sleeper).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let SleepStage::Queued((due, _)) = sleeper.0 else { panic!("it sleeps") };
        assert_eq!(due, begun + hour);
        assert_eq!(sleep_from(begun, Duration::MAX).0, SleepStage::Endless);
    }

    #[test]
    fn the_longest_sleep_never_ends() {
        let mut sleeper = sleep(Duration::MAX);
        assert!(Pin::new(&mut sleeper).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(sleeper.0, SleepStage::Endless, "and needs nobody");
        block_on(sleep(Duration::ZERO));
    }

    /// Parks the thread until the future ends.
    fn block_on(future: impl Future) {
        struct Unpark(thread::Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let mut future = std::pin::pin!(future);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        while future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            thread::park();
        }
    }
}
