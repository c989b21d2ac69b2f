//! Values made of values: sequences, tuples and structs in order, maps sorted by key.

use std::ops::Range;

use serde::ser::{self, Error as _, Serialize};

use super::scalar::{Encoder, put_text};
use super::{Sink, Unencodable, encode_in_order, tag};

/// Items in the order they come, up to [`tag::END`]; their number need not be known.
pub(super) struct Items<'a, S> {
    pub(super) out: &'a mut S,
}

impl<S: Sink> Items<'_, S> {
    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unencodable> {
        encode_in_order(value, Encoder { out: &mut *self.out })
    }

    #[inline]
    fn finish(self) {
        self.out.push(tag::END);
    }
}

/// Fields with their names, up to [`tag::END`].
pub(super) struct NamedItems<'a, S> {
    pub(super) items: Items<'a, S>,
    /// The name of the struct or variant.
    pub(super) of: &'static str,
}

impl<S: Sink> NamedItems<'_, S> {
    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Unencodable> {
        self.items.out.push(tag::FIELD);
        put_text(self.items.out, name.as_bytes());
        self.items.item(value)
    }

    /// Which values of a field are left out only its type knows; more than one may be.
    #[cold]
    fn refuse(&self, field: &str) -> Unencodable {
        let of = self.of;
        Unencodable::custom(format_args!(
            "`{of}` leaves out its field `{field}`, so calls that differ in it could share an entry; \
             have it serialized always (remove `skip_serializing_if`), or name the entry by `key = …`"
        ))
    }
}

/// Entries gathered in a scratch buffer, then written in the order of their encoded keys.
pub(super) struct Map<'a, S> {
    out: &'a mut S,
    scratch: Vec<u8>,
    entries: Vec<MapEntry>,
    /// The key that waits for its value.
    key: Option<Range<usize>>,
}

/// Where a key and its value stand in the scratch buffer.
struct MapEntry {
    key: Range<usize>,
    value: Range<usize>,
}

impl<'a, S> Map<'a, S> {
    pub(super) fn new(out: &'a mut S) -> Self {
        Self { out, scratch: Vec::new(), entries: Vec::new(), key: None }
    }

    fn append<T: Serialize + ?Sized>(&mut self, part: &T) -> Result<Range<usize>, Unencodable> {
        let start = self.scratch.len();
        encode_in_order(part, Encoder { out: &mut self.scratch })?;
        Ok(start..self.scratch.len())
    }
}

impl<S: Sink> ser::SerializeMap for Map<'_, S> {
    type Ok = ();
    type Error = Unencodable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unencodable> {
        if self.key.is_some() {
            return Err(Unencodable::custom("a map key has no value"));
        }
        self.key = Some(self.append(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unencodable> {
        let key = self.key.take().ok_or_else(|| Unencodable::custom("a map value has no key"))?;
        let value = self.append(value)?;
        self.entries.push(MapEntry { key, value });
        Ok(())
    }

    fn end(mut self) -> Result<(), Unencodable> {
        if self.key.is_some() {
            return Err(Unencodable::custom("a map key has no value"));
        }
        let scratch = &self.scratch;
        // Stable, so that a multimap's values for one key keep their order.
        self.entries.sort_by(|a, b| scratch[a.key.clone()].cmp(&scratch[b.key.clone()]));
        for entry in self.entries {
            self.out.put(&scratch[entry.key]);
            self.out.put(&scratch[entry.value]);
        }
        self.out.push(tag::END);
        Ok(())
    }
}

/// Implements a serde trait whose items have no names.
macro_rules! unnamed {
    ($($interface:ident :: $method:ident),* $(,)?) => {$(
        impl<S: Sink> ser::$interface for Items<'_, S> {
            type Ok = ();
            type Error = Unencodable;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unencodable> {
                self.item(value)
            }

            #[inline]
            fn end(self) -> Result<(), Unencodable> {
                self.finish();
                Ok(())
            }
        }
    )*};
}

/// Implements a serde trait whose items are fields.
macro_rules! named {
    ($($interface:ident),* $(,)?) => {$(
        impl<S: Sink> ser::$interface for NamedItems<'_, S> {
            type Ok = ();
            type Error = Unencodable;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Unencodable> {
                self.field(name, value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), Unencodable> {
                Err(self.refuse(name))
            }

            #[inline]
            fn end(self) -> Result<(), Unencodable> {
                self.items.finish();
                Ok(())
            }
        }
    )*};
}

unnamed! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}
named! { SerializeStruct, SerializeStructVariant }
