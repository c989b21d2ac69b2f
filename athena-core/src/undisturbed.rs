//! Values of users, which run code of users when they are dropped.
//!
//! Invariant: that code runs while no lock of the cache is held, and its panic reaches nobody. Without a cache
//! the value would have been dropped by whoever had it; here it may go whenever another caller needs room.

use std::any::Any;
use std::cell::RefCell;
use std::mem;

use crate::contained::contained;

thread_local! {
    static LATER: RefCell<Later> = const { RefCell::new(Later { scopes: 0, values: Vec::new() }) };
}

/// What this thread drops later.
struct Later {
    scopes: usize,
    values: Vec<Box<dyn Any>>,
}

/// While this lives no value of users is dropped by its thread; what comes up is dropped at its end.
///
/// To be made before a lock is taken, so that it ends after that.
#[derive(Debug)]
pub(crate) struct Undisturbed(());

impl Undisturbed {
    pub(crate) fn begin() -> Self {
        // A thread that is ending has nothing left to hold up.
        let _ = LATER.try_with(|later| later.borrow_mut().scopes += 1);
        Self(())
    }
}

impl Drop for Undisturbed {
    fn drop(&mut self) {
        let ended = LATER.try_with(|later| {
            let mut later = later.borrow_mut();
            later.scopes = later.scopes.saturating_sub(1);
            if later.scopes == 0 { mem::take(&mut later.values) } else { Vec::new() }
        });
        for value in ended.unwrap_or_default() {
            let _ = contained(|| drop(value));
        }
    }
}

/// A value of users.
#[derive(Debug)]
pub(crate) struct UserValue<T: 'static>(Option<T>);

impl<T: 'static> UserValue<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// The value, which is there until this is dropped.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// The value, for whoever alone can ask for it.
    pub(crate) fn take(&mut self) -> Option<T> {
        self.0.take()
    }
}

impl<T: 'static> Drop for UserValue<T> {
    fn drop(&mut self) {
        if !mem::needs_drop::<T>() {
            return;
        }
        let Some(value) = self.0.take() else { return };
        let mut value = Some(value);
        let _ = LATER.try_with(|later| {
            let mut later = later.borrow_mut();
            if later.scopes > 0 {
                later.values.extend(value.take().map(|value| Box::new(value) as Box<dyn Any>));
            }
        });
        // Not under the borrow: it may come back here.
        if let Some(value) = value {
            let _ = contained(|| drop(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    struct Counted(Rc<Cell<u32>>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn what_comes_up_in_a_scope_is_dropped_at_the_end_of_the_outermost_one() {
        let dropped = Rc::default();
        let value = || UserValue::new(Counted(Rc::clone(&dropped)));
        drop(value());
        assert_eq!(dropped.get(), 1);
        let outer = Undisturbed::begin();
        drop(value());
        drop(Undisturbed::begin());
        assert_eq!(dropped.get(), 1);
        drop(outer);
        assert_eq!(dropped.get(), 2);
    }

    #[test]
    fn a_panic_of_a_drop_is_contained_wherever_that_happens() {
        struct Bad;
        impl Drop for Bad {
            fn drop(&mut self) {
                panic!("of the value");
            }
        }
        drop(UserValue::new(Bad));
        let scope = Undisturbed::begin();
        drop(UserValue::new(Bad));
        drop(scope);
    }
}
