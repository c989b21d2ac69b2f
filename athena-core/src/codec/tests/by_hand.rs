//! Impls by hand whose two sides disagree.

use serde::de::{Deserializer, Error as _};
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use super::*;

/// Declares a type that is read as derived, or as `$read`, and written by hand.
macro_rules! by_hand {
    ($($name:ident: |$value:ident, $serializer:ident| $write:expr, $reads:ty { $($made:expr => $postcard:ident, $json:ident;)+ })*) => {$(
        #[test]
        fn $name() {
            #[derive(Debug, Clone, PartialEq)]
            struct Made($reads);
            impl Serialize for Made {
                fn serialize<S: Serializer>(&self, $serializer: S) -> Result<S::Ok, S::Error> {
                    let $value = &self.0;
                    $write
                }
            }
            impl<'de> Deserialize<'de> for Made {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    <$reads>::deserialize(deserializer).map(Self)
                }
            }
            $(expect(&Made($made), $postcard, $json);)+
        }
    )*};
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Point {
    x: u32,
    y: u32,
}

by_hand! {
    fields_in_another_order: |point, serializer| {
        let mut fields = serializer.serialize_struct("Point", 2)?;
        fields.serialize_field("y", &point.y)?;
        fields.serialize_field("x", &point.x)?;
        fields.end()
    }, Point { Point { x: 1, y: 2 } => Refused, Kept; Point { x: 1, y: 1 } => Refused, Kept; }
    a_map_for_a_struct: |point, serializer| {
        let mut fields = serializer.serialize_map(Some(2))?;
        fields.serialize_entry("x", &point.x)?;
        fields.serialize_entry("y", &point.y)?;
        fields.end()
    }, Point { Point { x: 1, y: 2 } => Refused, Kept; }
    a_tuple_for_a_struct: |point, serializer| (point.x, point.y).serialize(serializer),
        Point { Point { x: 1, y: 2 } => Kept, Kept; }
    a_sequence_of_another_length: |list, serializer| {
        let mut elements = serializer.serialize_seq(Some(list.len() + 1))?;
        for element in list {
            elements.serialize_element(element)?;
        }
        elements.end()
    }, Vec<u32> { vec![1, 2] => Refused, Kept; vec![3, 0] => Refused, Kept; }
    text_for_people_only: |number, serializer| {
        if serializer.is_human_readable() {
            serializer.collect_str(number)
        } else {
            number.serialize(serializer)
        }
    }, u32 { 7 => Kept, Refused; }
    a_narrower_number: |number, serializer| serializer.serialize_u8(number.to_le_bytes()[0]),
        u32 { 7 => Kept, Kept; 200 => Refused, Kept; }
    a_signed_number: |number, serializer| serializer.serialize_i32(number.cast_signed()),
        u32 { 0 => Kept, Kept; 7 => Refused, Kept; }
    an_option_for_a_value: |number, serializer| serializer.serialize_some(number),
        u32 { 7 => Refused, Kept; }
    always_the_same: |_number, serializer| serializer.serialize_u32(0),
        u32 { 0 => Kept, Kept; }
}

/// Reads what it wrote, but for odd numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Even(u32);

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        if number % 2 == 0 { Ok(Self(number)) } else { Err(D::Error::custom("odd")) }
    }
}

#[test]
fn a_value_that_its_own_type_refuses_is_an_error_when_it_is_read() {
    expect(&Even(2), Kept, Kept);
    for wire in [Wire::<Even>::postcard(), Wire::json()] {
        let bytes = wire.encode(&Even(1), usize::MAX).unwrap();
        assert!(wire.decode(&bytes).is_err());
    }
}

/// Of which the trace sees nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Hidden {
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u8>,
    second: u8,
    third: Vec<u8>,
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Open {
            first: Option<u8>,
            second: u8,
            third: Vec<u8>,
        }
        let Open { first, second, third } = Open::deserialize(deserializer)?;
        assert!(second != 0, "made-up values bring this down");
        Ok(Self { first, second, third })
    }
}

#[test]
fn what_could_not_be_seen_is_tried() {
    for second in [1, 2, 5] {
        for third in [vec![], vec![0], vec![5, 0], vec![1, 1, 1, 1]] {
            let hidden = Hidden { first: None, second, third };
            expect(&hidden, Refused, Kept);
            expect(&Hidden { first: Some(3), ..hidden }, Kept, Kept);
        }
    }
}
