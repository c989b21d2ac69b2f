//! What stands in the holes of a key that is named by a template.
//!
//! Texts and integers are most of what keys are made of, and are written without their `Display`: method lookup
//! tries [`holes::KnownDisplay`] first and takes one reference off for all else.
//!
//! Invariant: a value is written as its `Display` writes it, escaped.

use std::fmt::{self, Display, Write as _};

use super::Call;
use crate::contained::contained;
use crate::key::encode::Sink as _;
use crate::tag::EscapedTo;

/// What is known of a value without asking its `Display`.
#[derive(Debug, Clone, Copy)]
pub enum PlainValue<'v> {
    /// It is this text.
    Text(&'v str),
    /// It is this number, or that below zero.
    Integer {
        /// Whether it is below zero.
        is_negative: bool,
        /// How far it is from zero.
        digits: u64,
    },
    /// Nothing is.
    Unknown,
}

/// Stands for a value in a hole.
pub struct HoleProbe<'v, T: ?Sized>(pub &'v T);

impl<T: ?Sized> fmt::Debug for HoleProbe<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<T>())
    }
}

/// Values whose `Display` is known.
pub trait ShownPlainly {
    /// What it writes.
    fn shown(&self) -> PlainValue<'_>;
}

/// Values, those first whose `Display` is known.
pub mod holes {
    use super::{HoleProbe, PlainValue, ShownPlainly};

    /// Those whose `Display` is known.
    pub trait KnownDisplay<'v> {
        /// What it writes.
        fn plain(&self) -> PlainValue<'v>;
    }

    impl<'v, T: ShownPlainly + ?Sized> KnownDisplay<'v> for &HoleProbe<'v, T> {
        #[inline]
        fn plain(&self) -> PlainValue<'v> {
            self.0.shown()
        }
    }

    /// All others.
    pub trait AnyDisplay<'v> {
        /// Nothing.
        fn plain(&self) -> PlainValue<'v>;
    }

    impl<'v, T: ?Sized> AnyDisplay<'v> for HoleProbe<'v, T> {
        #[inline]
        fn plain(&self) -> PlainValue<'v> {
            PlainValue::Unknown
        }
    }
}

impl ShownPlainly for str {
    #[inline]
    fn shown(&self) -> PlainValue<'_> {
        PlainValue::Text(self)
    }
}

impl ShownPlainly for String {
    #[inline]
    fn shown(&self) -> PlainValue<'_> {
        PlainValue::Text(self)
    }
}

impl<T: ShownPlainly + ?Sized> ShownPlainly for &T {
    #[inline]
    fn shown(&self) -> PlainValue<'_> {
        (**self).shown()
    }
}

macro_rules! integers {
    ($($ty:ident)*) => {
        $(impl ShownPlainly for $ty {
            #[inline]
            fn shown(&self) -> PlainValue<'_> {
                i128::try_from(*self).map_or(PlainValue::Unknown, integer)
            }
        })*
    };
}

integers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

#[inline]
fn integer(number: i128) -> PlainValue<'static> {
    let is_negative = number < 0;
    let integer = |digits| PlainValue::Integer { is_negative, digits };
    u64::try_from(number.unsigned_abs()).map_or(PlainValue::Unknown, integer)
}

/// The most digits that a number has.
const DIGITS: usize = 20;

impl Call<'_> {
    /// Adds an interpolated value to a key that is named by a template; `plain` is the same.
    #[inline]
    pub fn key_hole<T: Display + ?Sized>(&mut self, value: &T, plain: PlainValue<'_>) {
        match plain {
            PlainValue::Text(text) => {
                // Writing to a key does not fail.
                let _ = EscapedTo(&mut self.key).write_str(text);
            }
            PlainValue::Integer { is_negative, digits } => self.put_integer(is_negative, digits),
            PlainValue::Unknown => self.put_displayed(value),
        }
    }

    /// Neither digits nor a sign need an escape.
    fn put_integer(&mut self, is_negative: bool, mut number: u64) {
        let mut text = [b'-'; 1 + DIGITS];
        let mut first = text.len();
        loop {
            first -= 1;
            text[first] = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.key.put(&text[first - usize::from(is_negative)..]);
    }

    fn put_displayed<T: Display + ?Sized>(&mut self, value: &T) {
        let key = &mut EscapedTo(&mut self.key);
        if !matches!(contained(|| write!(key, "{value}")), Ok(Ok(()))) {
            self.is_keyless(&"a value in `key` cannot be displayed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::{Site, SiteOptions};

    /// Of a type that says more than it is.
    struct Named(&'static str);

    impl Display for Named {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "named:{}", self.0)
        }
    }

    fn written<T: Display + ?Sized>(value: &T, plain: PlainValue<'_>) -> String {
        static SITE: Site = Site::new(|| "hole::written", SiteOptions::NEW);
        let mut call = Call::new(&SITE);
        call.key.begin_name();
        call.key_hole(value, plain);
        call.key.whole().given()
    }

    macro_rules! check {
        ($expected:pat, $($value:expr),+ $(,)?) => {
            $({
                use super::holes::*;
                let value = $value;
                let plain = (&&HoleProbe(&value)).plain();
                assert!(matches!(plain, $expected), "{value}: {plain:?}");
                assert_eq!(written(&value, plain), crate::escape(&value.to_string()));
            })+
        };
    }

    fn of_any_type<T: Display>(value: T) {
        check!(PlainValue::Unknown, value);
    }

    #[test]
    fn whatever_is_known_of_a_value_it_is_written_as_it_is_displayed() {
        check!(PlainValue::Text(_), "", "a:b ü", "x".repeat(100), &&"a", &String::from("%"));
        check!(PlainValue::Integer { .. }, 0_u8, 10_u16, u32::MAX, u64::MAX, usize::MAX, &&7_u64);
        check!(PlainValue::Integer { .. }, i8::MIN, -1_i16, i32::MAX, i64::MIN, isize::MIN);
        check!(PlainValue::Unknown, u128::MAX, i128::MIN, 'c', true, 1.5_f64, Named("a b"));
        of_any_type("a");
        of_any_type(7_u8);
    }
}
