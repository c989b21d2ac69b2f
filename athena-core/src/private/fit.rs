//! What arguments, results and errors have to be, said in the words of the attribute.
//!
//! Invariant: a type that does not fit is one error. What asks for the same of the same type stands in one place
//! of the expansion, and a type that can do nothing with an option is replaced by one that can do everything.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Arguments that can be part of a key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key",
    label = "not `Serialize`; if the result does not depend on it, leave it out with `skip(…)`",
    note = "all arguments name the entry, but those in `skip(…)`: connections, clients, state of the service",
    note = "what the result depends on derives `serde::Serialize`, or is named by hand: `key = \"product:{{id}}\"`",
    note = "an extractor is taken apart in the handler, which calls a cached function with what the result depends on"
)]
pub trait KeyArgument: Serialize {}

impl<T: Serialize + ?Sized> KeyArgument for T {}

/// Values that can be kept.
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` cannot be kept: each caller gets a copy, in whatever thread it is",
    label = "not `Clone + Send + Sync + 'static`",
    note = "derive `Clone` for it, or return it in an `Arc` (kept in this process alone with `tier = memory`, or in \
            all tiers with the feature `rc` of serde)"
)]
pub trait CacheValue: Clone + Send + Sync + 'static {}

impl<V: Clone + Send + Sync + 'static> CacheValue for V {}

/// Values that can be written as bytes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept as bytes",
    label = "not `Serialize`",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it, or keep it in this process alone with \
            `tier = memory`, where it need be neither"
)]
pub trait WrittenAsBytes: Serialize {}

impl<V: Serialize> WrittenAsBytes for V {}

/// Values that can be read from bytes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read back from bytes",
    label = "not `Deserialize` without borrowing",
    note = "derive `serde::Deserialize` for it, with owned fields, or keep it in this process alone with `tier = memory`"
)]
pub trait ReadFromBytes: DeserializeOwned {}

impl<V: DeserializeOwned> ReadFromBytes for V {}

/// Implemented by nothing; says what shared pointers need.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept as bytes",
    label = "serde writes and reads what is shared only with its feature `rc`",
    note = "switch on the feature `rc` of serde (and derive `Serialize` and `Deserialize` for what is inside), or keep \
            the value in this process alone with `tier = memory`, where a hit shares it"
)]
pub trait SharedAsBytes {}

/// Results that can say that there is nothing.
#[diagnostic::on_unimplemented(
    message = "`negative_ttl` has no effect here: `{Self}` cannot say that there is nothing",
    label = "remembers `None`, so the function returns `Option<…>` or `Result<Option<…>, …>`",
    note = "remove `negative_ttl`, return an `Option`, or add `negative = err` to remember the errors of a `Result`"
)]
pub trait MayBeAbsent {}

impl<V> MayBeAbsent for Option<V> {}
impl<V, E> MayBeAbsent for Result<Option<V>, E> {}

/// Checks that a result can say that there is nothing.
pub const fn may_be_absent<R: MayBeAbsent>() {}

/// Implemented by nothing; says what has no errors.
#[diagnostic::on_unimplemented(
    message = "this option is about errors, and `{Self}` has none",
    label = "needs a function that returns a `Result`",
    note = "`grace_unless` and `negative = err` look at errors, `hard_timeout` and `fallback = FailFast` give one; \
            return a `Result`, or remove the option"
)]
pub trait Fallible: Sized {
    /// What never happens.
    fn never<T>() -> T;
}

/// The error of a function that has none, where an option is about errors: it can do everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AnyFailure;

impl From<Error> for AnyFailure {
    fn from(_: Error) -> Self {
        Self
    }
}

/// Implemented by nothing; says what is missing.
#[cfg(not(feature = "json"))]
#[diagnostic::on_unimplemented(
    message = "`codec = Json` needs the feature `json` of `athena-cache`",
    label = "the feature `json` is off"
)]
pub trait JsonFeature {}
