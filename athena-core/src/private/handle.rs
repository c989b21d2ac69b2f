//! Arguments that are the cache to use, and nothing else.

use std::rc::Rc;
use std::sync::Arc;

use crate::cache::Cache;

/// A [`Cache`], however it is passed: it says where an entry is, not which one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` may say more than which cache to use",
    label = "only a `Cache` is left out of the key because `cache = …` names it",
    note = "leave it out with `skip(…)` if the result does not depend on it, or name in `key` what does"
)]
pub trait Handle {}

impl Handle for Cache {}
impl<T: Handle + ?Sized> Handle for &T {}
impl<T: Handle + ?Sized> Handle for Arc<T> {}
impl<T: Handle + ?Sized> Handle for Rc<T> {}
impl<T: Handle + ?Sized> Handle for Box<T> {}

/// Checks that an argument is a handle.
#[inline]
pub const fn handle<T: Handle + ?Sized>(_: &T) {}
