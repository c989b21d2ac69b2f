//! How values of an entry are written, and whether the cache's own errors may reach its caller: types that
//! setters choose.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::Wire;
use crate::error::Error;

/// Values are written with postcard.
#[derive(Debug, Clone, Copy)]
pub enum Postcard {}

/// Values are written as JSON; needs the feature `json`.
#[derive(Debug, Clone, Copy)]
pub enum Json {}

/// Values stay in this process.
#[derive(Debug, Clone, Copy)]
pub enum Local {}

/// How values of type `V` are written.
pub trait Format<V> {
    #[doc(hidden)]
    fn wire() -> Option<Wire<V>>;
}

impl<V: Serialize + DeserializeOwned + 'static> Format<V> for Postcard {
    fn wire() -> Option<Wire<V>> {
        Some(Wire::postcard())
    }
}

#[cfg(feature = "json")]
impl<V: Serialize + DeserializeOwned + 'static> Format<V> for Json {
    fn wire() -> Option<Wire<V>> {
        Some(Wire::json())
    }
}

impl<V> Format<V> for Local {
    fn wire() -> Option<Wire<V>> {
        None
    }
}

/// The cache's own errors never reach the caller.
#[derive(Debug, Clone, Copy)]
pub enum Quiet {}

/// The cache's own errors reach the caller, where a setter asked for that.
#[derive(Debug, Clone, Copy)]
pub enum Typed {}

/// Whether errors of type `E` carry the cache's own.
pub trait Carry<E> {
    #[doc(hidden)]
    fn carry() -> Option<fn(Error) -> E>;
}

impl<E> Carry<E> for Quiet {
    fn carry() -> Option<fn(Error) -> E> {
        None
    }
}

impl<E: From<Error>> Carry<E> for Typed {
    fn carry() -> Option<fn(Error) -> E> {
        Some(E::from)
    }
}
