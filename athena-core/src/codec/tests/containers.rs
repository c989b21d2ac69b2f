//! Attributes of whole types.

use super::*;

/// Stamps out types with one attribute and tries values of each.
macro_rules! containers {
    ($($name:ident: [$($attribute:meta),*] $item:item { $($value:expr => $postcard:ident, $json:ident;)+ })*) => {$(
        #[test]
        fn $name() {
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[serde($($attribute),*)]
            $item
            $(expect(&$value, $postcard, $json);)+
        }
    )*};
}

containers! {
    plain: [] struct Plain { a: u32, b: Vec<u32> } {
        Plain { a: 1, b: vec![5, 0] } => Kept, Kept;
    }
    newtype: [] struct Id(u32); {
        Id(7) => Kept, Kept;
    }
    transparent: [transparent] struct Id { id: u32 } {
        Id { id: 7 } => Kept, Kept;
    }
    tuple_struct: [] struct Pair(u32, String); {
        Pair(7, "x".to_owned()) => Kept, Kept;
    }
    all_renamed: [rename_all = "camelCase"] struct Long { long_name: u32, b: u32 } {
        Long { long_name: 1, b: 2 } => Kept, Kept;
    }
    all_renamed_for_writing: [rename_all(serialize = "camelCase")]
        struct Long { long_name: u32, b: u32 } {
        Long { long_name: 1, b: 2 } => Refused, Refused;
    }
    all_variants_renamed_for_reading: [rename_all(deserialize = "camelCase")]
        enum Long { LongName(u32), Other } {
        Long::LongName(1) => Kept, Refused;
        Long::Other => Kept, Refused;
    }
    the_type_renamed_for_writing: [rename(serialize = "x")] struct Plain { a: u32 } {
        Plain { a: 1 } => Kept, Kept;
    }
    unknown_fields_denied: [deny_unknown_fields] struct Strict { a: u32 } {
        Strict { a: 1 } => Kept, Kept;
    }
    defaults: [default] #[derive(Default)] struct Spare { a: u32, b: Option<u32> } {
        Spare { a: 1, b: None } => Kept, Kept;
        Spare { a: 0, b: Some(2) } => Kept, Kept;
    }
    tagged: [tag = "type"] enum Event { Unit, Named { a: u32 }, Wrapped(Lenient) } {
        Event::Unit => Refused, Kept;
        Event::Named { a: 1 } => Refused, Kept;
        Event::Wrapped(Lenient { a: 1, b: None }) => Refused, Kept;
    }
    tagged_like_a_field: [tag = "a"] enum Event { Named { b: u32 }, Wrapped(Lenient) } {
        Event::Named { b: 1 } => Refused, Kept;
        Event::Wrapped(Lenient { a: 1, b: None }) => Refused, Refused;
    }
    tagged_beside: [tag = "t", content = "c"] enum Event { Unit, One(u32), Two(u32, u32) } {
        Event::Unit => Refused, Kept;
        Event::One(1) => Refused, Kept;
        Event::Two(1, 2) => Refused, Kept;
    }
    untagged: [untagged] enum Either { Number(u32), Text(String), Wide(u64) } {
        Either::Number(1) => Refused, Kept;
        Either::Text("1".to_owned()) => Refused, Kept;
        Either::Wide(u64::MAX) => Refused, Kept;
        Either::Wide(1) => Refused, Refused;
    }
    struct_with_tag: [tag = "type"] struct Plain { a: u32 } {
        Plain { a: 1 } => Refused, Kept;
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Lenient {
    a: u32,
    b: Option<u32>,
}

/// Stamps out types that are written or read through another one.
macro_rules! through {
    ($($name:ident: [$($attribute:meta),*] $postcard:ident, $json:ident;)*) => {$(
        #[test]
        fn $name() {
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[serde($($attribute),*)]
            struct Span {
                start: u32,
                end: u32,
            }
            impl From<(u32, u32)> for Span {
                fn from((start, end): (u32, u32)) -> Self {
                    Self { start, end }
                }
            }
            impl From<Span> for (u32, u32) {
                fn from(span: Span) -> Self {
                    (span.start, span.end)
                }
            }
            impl From<Span> for Vec<u32> {
                fn from(span: Span) -> Self {
                    vec![span.start, span.end]
                }
            }
            for (start, end) in [(1, 2), (0, 0), (2, 1)] {
                expect(&Span { start, end }, $postcard, $json);
            }
        }
    )*};
}

through! {
    written_and_read_as_a_tuple: [from = "(u32, u32)", into = "(u32, u32)"] Kept, Kept;
    read_as_a_tuple: [from = "(u32, u32)"] Kept, Refused;
    written_as_a_tuple: [into = "(u32, u32)"] Kept, Kept;
    written_as_a_list: [into = "Vec<u32>"] Refused, Kept;
    written_as_a_list_and_read_as_a_tuple: [into = "Vec<u32>", from = "(u32, u32)"] Refused, Kept;
}

#[test]
fn two_fields_that_are_written_under_one_name_are_not_mixed_up() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Merged {
        a: u32,
        #[serde(rename(serialize = "a"))]
        b: u32,
    }
    expect(&Merged { a: 1, b: 2 }, Refused, Refused);
    expect(&Merged { a: 1, b: 1 }, Refused, Refused);
}

#[test]
fn a_field_that_is_read_in_place_of_another_is_refused_whatever_its_value() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Moved {
        #[serde(skip_serializing, default)]
        former: u32,
        #[serde(skip_deserializing)]
        latter: u32,
        last: u8,
    }
    for (former, latter) in [(0, 0), (7, 0), (0, 7), (7, 7)] {
        expect(&Moved { former, latter, last: 1 }, Refused, Refused);
    }
}

#[test]
fn a_type_described_elsewhere_is_one_like_others() {
    #[derive(Debug, Clone, PartialEq)]
    struct Foreign(u32, bool);
    #[derive(Serialize, Deserialize)]
    #[serde(remote = "Foreign")]
    struct Described(u32, bool);
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Around {
        #[serde(with = "Described")]
        foreign: Foreign,
        last: u8,
    }
    expect(&Around { foreign: Foreign(300, true), last: 1 }, Kept, Kept);
}
