//! A lock that no panic closes.
//!
//! Invariant: whatever is guarded is whole after each single statement that changes it: a set, a list
//! that only grows, room for a task, links beside the names that lead to them. So what a thread that
//! panicked left behind can be used, and one panic does not cost a process its cache.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Guards a value; see the module for what may be one.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Waits for whoever holds it; never held across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_panic_leaves_the_value_to_others() {
        let numbers = Lock::<Vec<u32>>::default();
        thread::scope(|scope| {
            let panicking = scope.spawn(|| {
                numbers.lock().push(1);
                let _held = numbers.lock();
                panic!("in the middle");
            });
            assert!(panicking.join().is_err());
        });
        numbers.lock().push(2);
        assert_eq!(*numbers.lock(), [1, 2]);
    }
}
