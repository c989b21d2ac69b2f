//! What JSON cannot tell apart, or not read.

use std::collections::{HashMap, HashSet};

use super::*;

/// A float that is equal to itself, bit by bit.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Bits(f64);

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Nothing;

#[test]
fn values_that_json_writes_as_null_are_refused() {
    expect(&Some(None::<u8>), Kept, Refused);
    expect(&Some(Some(None::<u8>)), Kept, Refused);
    expect(&Some(Some(1_u8)), Kept, Kept);
    expect(&Some(()), Kept, Refused);
    expect(&Some(Nothing), Kept, Refused);
    expect_one(&Nothing, Kept, Kept);
    expect_one(&(), Kept, Kept);
    expect_one(&vec![Some(None), Some(Some(1_u8)), None], Kept, Refused);
    expect_one(&(Some(None::<u8>), Some(Bits(f64::NAN))), Kept, Refused);
}

#[test]
fn floats_are_read_bit_by_bit_or_refused() {
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        expect(&Bits(float), Kept, Refused);
    }
    for float in
        [0.0, -0.0, 0.1, f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e23, 9_007_199_254_740_993.0]
    {
        expect(&Bits(float), Kept, Kept);
    }
    for float in [0.0_f32, -0.0, 0.1, f32::MAX, f32::MIN_POSITIVE, 1e-45, 16_777_217.0] {
        expect(&float, Kept, Kept);
    }
}

#[test]
fn the_largest_numbers_are_kept() {
    expect(&(u128::MAX, i128::MIN, u64::MAX, i64::MIN), Kept, Kept);
    expect(&BTreeMap::from([(u128::MAX, 'x'), (0, '\u{0}')]), Kept, Kept);
}

#[test]
fn keys_are_read_back_or_refused() {
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    enum Unit {
        A,
        B,
    }
    expect(&HashMap::from([(1_u8, 2), (3, 4)]), Kept, Kept);
    expect(&HashMap::from([(true, 2), (false, 4)]), Kept, Kept);
    expect(&HashMap::from([('x', 2), ('"', 4)]), Kept, Kept);
    expect(&HashMap::from([(Unit::A, 2), (Unit::B, 4)]), Kept, Kept);
    expect(&HashMap::from([(Some(1_u8), 2)]), Kept, Kept);
    expect(&HashMap::from([(None::<u8>, 2)]), Kept, Refused);
    expect(&HashMap::from([((1_u8, 2_u8), 2)]), Kept, Refused);
}

#[test]
fn the_order_of_a_set_does_not_matter() {
    let set: HashSet<u32> = (0..100).collect();
    expect(&set, Kept, Kept);
    let map: HashMap<String, HashSet<char>> =
        (0..50).map(|it: u32| (it.to_string(), ('a'..='y').collect())).collect();
    expect(&map, Kept, Kept);
    // Through a second look, for which a set must be like one in another order.
    expect_one(&(map, vec![serde_json::json!({ "a": [1, null, 0.1], "b": {} })]), Refused, Kept);
}

#[test]
fn bytes_are_read_as_they_can_be() {
    #[derive(Debug, Clone, PartialEq)]
    struct Blob(Vec<u8>);
    impl Serialize for Blob {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.0)
        }
    }
    impl<'de> Deserialize<'de> for Blob {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Vec::<u8>::deserialize(deserializer).map(Self)
        }
    }
    expect(&Blob(vec![]), Kept, Kept);
    expect(&Blob(vec![0, 200, 7]), Kept, Kept);
}

#[test]
fn what_is_nested_deeper_than_json_is_read_is_refused() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Nested(Vec<Nested>);
    let nested = |depth| (0..depth).fold(Nested(Vec::new()), |it, _| Nested(vec![it]));
    expect_one(&nested(40), Kept, Kept);
    expect_one(&nested(100), Kept, Kept);
    expect_one(&nested(500), Kept, Refused);
}

#[test]
fn dynamic_values_are_kept_as_json() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Open {
        id: u32,
        #[serde(skip_serializing, default)]
        secret: String,
        extra: serde_json::Value,
    }
    let value = serde_json::json!([null, true, -1, 1.5, "x", { "k": [] }]);
    expect_one(&value, Refused, Kept);
    let open = Open { id: 1, secret: String::new(), extra: value };
    expect_one(&open, Refused, Refused);
}

#[test]
fn a_refusal_of_json_says_what_is_lost() {
    let told = refusal(Wire::json(), &(1_u8, Some(None::<u8>)));
    assert!(told.starts_with("`(u8, Option<Option<u8>>).1` is `Some` of `None`"), "{told}");
    let told = refusal(Wire::json(), &Page { items: vec![f64::NAN], next: None });
    assert!(told.starts_with("`Page<f64>.items[_]` is NaN or infinite"), "{told}");
}
