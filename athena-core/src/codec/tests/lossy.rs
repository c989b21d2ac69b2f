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
fn what_is_nested_deep_is_refused() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Nested(Vec<Nested>);
    let nested = |depth| (0..depth).fold(Nested(Vec::new()), |it, _| Nested(vec![it]));
    expect_one(&nested(40), Kept, Kept);
    expect_one(&nested(100), Kept, Kept);
    expect_one(&nested(200), Kept, Refused);
    expect_one(&nested(300), Refused, Refused);
}

#[test]
fn no_depth_of_a_value_overflows_the_stack() {
    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    struct Linked {
        id: u32,
        next: Option<Box<Linked>>,
    }
    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    enum Negated {
        One,
        Not(Box<Negated>),
    }
    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    struct Layers(Option<Box<Layers>>);
    /// What is dropped is as deep as what is written: it is left alone.
    fn refused<V: Serialize + DeserializeOwned + 'static>(value: V, is_told_as: &str) {
        for wire in [Wire::postcard(), Wire::json()] {
            let told = told(wire.encode(&value, usize::MAX));
            assert!(told.contains(is_told_as), "{told}");
        }
        std::mem::forget(value);
    }
    let linked = |next: Option<Box<Linked>>, id| Some(Box::new(Linked { id, next }));
    refused((0..100_000).fold(None, linked), "nested deeper than 256 steps");
    let negated = |it, _| Negated::Not(Box::new(it));
    refused((0..100_000).fold(Negated::One, negated), "nested deeper than 256 steps");
    let layers = |it, _| Layers(Some(Box::new(it)));
    refused((0..100_000).fold(Layers(None), layers), "nested deeper than 256 steps");
}

#[test]
fn a_part_left_out_of_a_tuple_is_not_guessed() {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's words")]
    fn is_zero(value: &u32) -> bool {
        *value == 0
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Pair(
        #[serde(default, skip_serializing_if = "is_zero")] u32,
        #[serde(default, skip_serializing_if = "is_zero")] u32,
    );
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Either {
        Pair(
            #[serde(default, skip_serializing_if = "is_zero")] u32,
            #[serde(default, skip_serializing_if = "is_zero")] u32,
        ),
    }
    expect(&Pair(3, 5), Kept, Kept);
    expect(&Either::Pair(3, 5), Kept, Kept);
    for (a, b) in [(0, 5), (5, 0), (0, 0)] {
        expect(&Pair(a, b), Refused, Refused);
        expect(&Either::Pair(a, b), Refused, Refused);
    }
    let told = refusal(Wire::json(), &Pair(0, 5));
    assert!(told.contains("with 1 of its 2 parts, which may be any of them"), "{told}");
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
