//! How a type is written, tried from what fits to what does not, so that what is missing is one error.
//!
//! Method lookup takes references off one at a time, as in [`shapes`](super::shapes).

use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(not(feature = "json"))]
use super::fit::JsonFeature;
use super::fit::{ReadFromBytes, SharedAsBytes, WrittenAsBytes};
use crate::codec::Wire;

/// Stands for the type of a value or an error that is to be kept as bytes.
pub struct BytesProbe<V>(pub(super) PhantomData<fn() -> V>);

impl<V> fmt::Debug for BytesProbe<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<V>())
    }
}

/// Values as postcard.
pub fn postcard<V: Serialize + DeserializeOwned + 'static>() -> Wire<V> {
    Wire::postcard()
}

/// Values as JSON.
#[cfg(feature = "json")]
pub fn json<V: Serialize + DeserializeOwned + 'static>() -> Wire<V> {
    Wire::json()
}

/// Types that are written and read.
pub trait Both<V> {
    /// Values as postcard.
    fn postcard(&self) -> Option<Wire<V>>;
    /// Values as JSON.
    #[cfg(feature = "json")]
    fn json(&self) -> Option<Wire<V>>;
    /// Values as JSON, which this build cannot do.
    #[cfg(not(feature = "json"))]
    fn json(&self) -> Option<Wire<V>>
    where
        V: JsonFeature;
}

impl<V: Serialize + DeserializeOwned + 'static> Both<V> for &&&BytesProbe<V> {
    fn postcard(&self) -> Option<Wire<V>> {
        Some(postcard())
    }

    #[cfg(feature = "json")]
    fn json(&self) -> Option<Wire<V>> {
        Some(json())
    }

    #[cfg(not(feature = "json"))]
    fn json(&self) -> Option<Wire<V>>
    where
        V: JsonFeature,
    {
        None
    }
}

/// Shared pointers, without the feature of serde that writes and reads them.
pub trait ByPointer<V> {
    /// An error.
    fn postcard(&self) -> Option<Wire<V>>
    where
        V: SharedAsBytes;
    /// An error.
    fn json(&self) -> Option<Wire<V>>
    where
        V: SharedAsBytes;
}

/// Types that are written alone.
pub trait WrittenAlone<V> {
    /// An error.
    fn postcard(&self) -> Option<Wire<V>>
    where
        V: ReadFromBytes;
    /// An error.
    fn json(&self) -> Option<Wire<V>>
    where
        V: ReadFromBytes;
}

/// Types that are not even written.
pub trait Neither<V> {
    /// An error.
    fn postcard(&self) -> Option<Wire<V>>
    where
        V: WrittenAsBytes;
    /// An error.
    fn json(&self) -> Option<Wire<V>>
    where
        V: WrittenAsBytes;
}

/// Implements what gives no wire, since nothing that gets there compiles.
macro_rules! misfit {
    ($([$($generics:tt)*] $level:ident<$value:ty> for $probe:ty, $bound:ident;)*) => {$(
        impl<$($generics)*> $level<$value> for $probe {
            fn postcard(&self) -> Option<Wire<$value>>
            where
                $value: $bound,
            {
                None
            }

            fn json(&self) -> Option<Wire<$value>>
            where
                $value: $bound,
            {
                None
            }
        }
    )*};
}

misfit! {
    [T: ?Sized] ByPointer<Arc<T>> for &&BytesProbe<Arc<T>>, SharedAsBytes;
    [T: ?Sized] ByPointer<Rc<T>> for &&BytesProbe<Rc<T>>, SharedAsBytes;
    [V: Serialize] WrittenAlone<V> for &BytesProbe<V>, ReadFromBytes;
    [V] Neither<V> for BytesProbe<V>, WrittenAsBytes;
}
