//! Finding out, at compile time, what a return type and its error can do.
//!
//! Method lookup tries `&&&&Probe<R>` first and takes one reference off at a time, so the traits below
//! are tried from the most to the least specific, also through type aliases.

use std::fmt;
use std::marker::PhantomData;

use crate::shape::{self, Shape, Share};

/// Stands for a return type.
pub struct ReturnProbe<R>(PhantomData<fn() -> R>);

impl<R> ReturnProbe<R> {
    /// A probe.
    #[expect(clippy::new_without_default, reason = "named by expansions alone")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R> fmt::Debug for ReturnProbe<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<R>())
    }
}

/// Stands for an error type.
pub struct ErrorProbe<E>(pub(super) PhantomData<fn() -> E>);

impl<E> fmt::Debug for ErrorProbe<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<E>())
    }
}

/// Return types, most specific first.
pub mod shapes {
    use super::{ReturnProbe, Shape, shape};
    use std::convert::Infallible;

    /// `Result<Option<V>, E>`.
    pub trait ResultOption<V, E> {
        /// Takes the type apart.
        fn shape(&self) -> Shape<Result<Option<V>, E>, V, E>;
    }

    impl<V, E> ResultOption<V, E> for &&&ReturnProbe<Result<Option<V>, E>> {
        fn shape(&self) -> Shape<Result<Option<V>, E>, V, E> {
            shape::result_option()
        }
    }

    /// `Result<V, E>`.
    pub trait PlainResult<V, E> {
        /// Takes the type apart.
        fn shape(&self) -> Shape<Result<V, E>, V, E>;
    }

    impl<V, E> PlainResult<V, E> for &&ReturnProbe<Result<V, E>> {
        fn shape(&self) -> Shape<Result<V, E>, V, E> {
            shape::result()
        }
    }

    /// `Option<V>`.
    pub trait PlainOption<V> {
        /// Takes the type apart.
        fn shape(&self) -> Shape<Option<V>, V, Infallible>;
    }

    impl<V> PlainOption<V> for &ReturnProbe<Option<V>> {
        fn shape(&self) -> Shape<Option<V>, V, Infallible> {
            shape::option()
        }
    }

    /// Any other type.
    pub trait Plain<V> {
        /// Takes the type as it is.
        fn shape(&self) -> Shape<V, V, Infallible>;
    }

    impl<V> Plain<V> for ReturnProbe<V> {
        fn shape(&self) -> Shape<V, V, Infallible> {
            shape::plain()
        }
    }
}

/// Error types, most specific first.
pub mod errors {
    use super::{ErrorProbe, Share};

    /// Errors that several callers can have.
    pub trait Shareable<E> {
        /// How they are shared.
        fn kind(&self) -> Option<Share<E>>;
    }

    impl<E: Clone + Send + Sync + 'static> Shareable<E> for &ErrorProbe<E> {
        fn kind(&self) -> Option<Share<E>> {
            Some(Share::by_clone())
        }
    }

    /// Errors that one caller can have.
    pub trait Unshared<E> {
        /// They are not shared.
        fn kind(&self) -> Option<Share<E>>;
    }

    impl<E> Unshared<E> for ErrorProbe<E> {
        fn kind(&self) -> Option<Share<E>> {
            None
        }
    }
}

/// Return types for options that are about errors.
pub mod failures {
    use super::super::{AnyFailure, Ask, Fallible};
    use super::ReturnProbe;

    /// `Result<V, E>`.
    pub trait WithErrors<R, V, E> {
        /// The call as it is.
        fn failing(&self, ask: Ask<R, V, E>) -> Ask<R, V, E>;
    }

    impl<T, V, E> WithErrors<Result<T, E>, V, E> for &ReturnProbe<Result<T, E>> {
        fn failing(&self, ask: Ask<Result<T, E>, V, E>) -> Ask<Result<T, E>, V, E> {
            ask
        }
    }

    /// Any other type.
    pub trait WithoutErrors<R> {
        /// An error, and a call for which all that is said of errors is right.
        fn failing<V, E>(&self, ask: Ask<R, V, E>) -> Ask<R, V, AnyFailure>
        where
            R: Fallible;
    }

    impl<R> WithoutErrors<R> for ReturnProbe<R> {
        fn failing<V, E>(&self, _: Ask<R, V, E>) -> Ask<R, V, AnyFailure>
        where
            R: Fallible,
        {
            R::never()
        }
    }
}
