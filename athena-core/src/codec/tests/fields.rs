//! Attributes of fields: each stands first, in the middle, last and alone, in a struct, in a variant and
//! in a generic type, and all of these stand in everything that [`expect`] puts values into.

use super::*;

/// Stamps out the types and tries each value of the field in each of them.
macro_rules! fields {
    ($($name:ident: [$($attribute:meta),*] $type:ty { $($value:expr => $postcard:ident, $json:ident;)+ })*) => {$(
        #[test]
        fn $name() {
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            struct First { #[serde($($attribute),*)] field: $type, a: u32, b: Vec<u32> }
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            struct Middle { a: u32, #[serde($($attribute),*)] field: $type, b: Vec<u32> }
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            struct Last { a: u32, b: Vec<u32>, #[serde($($attribute),*)] field: $type }
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            struct Alone { #[serde($($attribute),*)] field: $type }
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            struct Generic<T> { before: T, #[serde($($attribute),*)] field: $type, after: Option<T> }
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            enum Variant {
                Unit,
                First { #[serde($($attribute),*)] field: $type, a: u32, b: Vec<u32> },
                Last { a: u32, b: Vec<u32>, #[serde($($attribute),*)] field: $type },
            }
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            enum Any {
                First(First),
                Middle(Middle),
                Last(Last),
                Alone(Alone),
                Generic(Generic<Vec<u32>>),
                Other(Generic<u32>),
                Variant(Variant),
            }
            // postcard refuses some types whatever their values.
            let is_read = Wire::<Any>::postcard().erased().fingerprint(0).is_ok();
            expect_held(&Any::Variant(Variant::Unit), if is_read { Kept } else { Refused }, Kept);
            for (a, b) in [(1, vec![5, 0]), (0, vec![]), (300, vec![1, 2, 3, 400])] {
                $({
                    let (field, b): (fn() -> $type, _) = (|| $value, || b.clone());
                    expect_one(&First { field: field(), a, b: b() }, $postcard, $json);
                    for any in [
                        Any::First(First { field: field(), a, b: b() }),
                        Any::Middle(Middle { a, field: field(), b: b() }),
                        Any::Last(Last { a, b: b(), field: field() }),
                        Any::Alone(Alone { field: field() }),
                        Any::Generic(Generic { before: b(), field: field(), after: Some(b()) }),
                        Any::Other(Generic { before: a, field: field(), after: None }),
                        Any::Variant(Variant::First { field: field(), a, b: b() }),
                        Any::Variant(Variant::Last { a, b: b(), field: field() }),
                    ] {
                        expect_held(&any, $postcard, $json);
                    }
                })+
            }
        }
    )*};
}

fields! {
    plain: [] u32 { 0 => Kept, Kept; 300 => Kept, Kept; }
    plain_option: [] Option<u32> { None => Kept, Kept; Some(0) => Kept, Kept; }
    default: [default] u32 { 0 => Kept, Kept; 7 => Kept, Kept; }
    renamed: [rename = "x"] u32 { 7 => Kept, Kept; }
    renamed_for_writing: [rename(serialize = "x")] u32 { 7 => Refused, Refused; }
    renamed_for_reading: [rename(deserialize = "x")] u32 { 7 => Refused, Refused; }
    renamed_for_writing_with_default: [rename(serialize = "x"), default] u32 { 0 => Refused, Refused; 7 => Refused, Refused; }
    renamed_for_writing_with_alias: [rename(serialize = "x"), alias = "x"] u32 { 7 => Kept, Kept; }
    alias: [alias = "x"] u32 { 7 => Kept, Kept; }
    aliases: [alias = "x", alias = "c", alias = "y"] Option<String> { None => Kept, Kept; Some("z".to_owned()) => Kept, Kept; }
    skipped: [skip] u32 { 0 => Kept, Kept; }
    skipped_for_writing: [skip_serializing] u32 { 7 => Refused, Refused; }
    skipped_for_writing_with_default: [skip_serializing, default] u32 { 0 => Refused, Refused; 7 => Refused, Refused; }
    skipped_for_writing_option: [skip_serializing] Option<u32> { None => Refused, Refused; Some(7) => Refused, Refused; }
    skipped_for_reading: [skip_deserializing] u32 { 0 => Refused, Kept; 7 => Refused, Refused; }
    left_out_if_none: [skip_serializing_if = "Option::is_none"] Option<u32> { None => Refused, Kept; Some(0) => Kept, Kept; Some(300) => Kept, Kept; }
    left_out_if_empty: [skip_serializing_if = "Vec::is_empty"] Vec<u32> { vec![] => Refused, Refused; vec![5, 0] => Kept, Kept; }
    left_out_if_empty_with_default: [skip_serializing_if = "Vec::is_empty", default] Vec<u32> { vec![] => Refused, Kept; vec![5, 0] => Kept, Kept; }
    left_out_if_zero_with_another_default:
        [skip_serializing_if = "is_zero", default = "seven"] u32 { 0 => Refused, Refused; 7 => Kept, Kept; }
    left_out_if_zero_and_skipped_for_reading:
        [skip_serializing_if = "is_zero", skip_deserializing] u32 { 0 => Kept, Kept; 7 => Refused, Refused; }
    written_as_text: [serialize_with = "as_text"] u32 { 7 => Refused, Refused; 48 => Refused, Refused; }
    read_from_text: [deserialize_with = "from_text"] u32 { 7 => Refused, Refused; }
    written_and_read_as_text: [serialize_with = "as_text", deserialize_with = "from_text"] u32 { 7 => Kept, Kept; }
    written_as_another_number: [serialize_with = "as_u64"] u32 { 7 => Kept, Kept; }
    written_as_option: [serialize_with = "as_option"] u32 { 0 => Kept, Refused; 7 => Refused, Kept; }
    flattened: [flatten] Inner { Inner { x: 1, y: 2 } => Refused, Kept; }
    flattened_map: [flatten] BTreeMap<String, u32> { BTreeMap::new() => Refused, Kept; BTreeMap::from([("z".to_owned(), 1)]) => Refused, Kept; }
    borrowed_or_boxed: [] Box<str> { "".into() => Kept, Kept; "x".into() => Kept, Kept; }
    unit: [] () { () => Kept, Kept; }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Inner {
    x: u32,
    y: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn seven() -> u32 {
    7
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn as_text<S: serde::Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

fn from_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn as_u64<S: serde::Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::from(*number))
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn as_option<S: serde::Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    (*number != 0).then_some(number).serialize(serializer)
}
