use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use super::*;
use crate::key::draft::KeyDraft;

fn bytes<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out).unwrap();
    out
}

/// Every value must encode to bytes that are neither equal to nor a prefix of another's.
fn assert_apart(encodings: &[Vec<u8>]) {
    for (i, a) in encodings.iter().enumerate() {
        for b in &encodings[..i] {
            assert!(!a.starts_with(b) && !b.starts_with(a), "{a:02x?} and {b:02x?}");
        }
    }
}

#[derive(Serialize)]
struct Unit;
#[derive(Serialize)]
struct Id(u8);
#[derive(Serialize)]
struct Pair(u8, u8);
#[derive(Serialize)]
struct Point {
    x: u8,
    y: Option<u8>,
}
#[derive(Serialize)]
enum Kind {
    Unit,
    New(u8),
    Tuple(u8, u8),
    Struct { a: u8 },
}

#[test]
fn integers_are_a_tag_and_leb128() {
    assert_eq!(bytes(&7u8), [0x03, 7]);
    assert_eq!(bytes(&300u16), [0x04, 0xac, 0x02]);
    assert_eq!(bytes(&300u32), [0x05, 0xac, 0x02]);
    assert_eq!(bytes(&0u64), [0x06, 0]);
    assert_eq!(bytes(&300usize), [0x06, 0xac, 0x02]);
    assert_eq!(bytes(&u64::MAX), [&[0x06][..], &[0xff; 9], &[0x01]].concat());
    assert_eq!(bytes(&300u128), [0x07, 0xac, 0x02]);
    assert_eq!(bytes(&u128::MAX), [&[0x07][..], &[0xff; 18], &[0x03]].concat());
}

#[test]
fn signed_integers_are_zigzag() {
    assert_eq!(bytes(&-1i8), [0x08, 0xff]);
    assert_eq!(bytes(&-1i16), [0x09, 1]);
    assert_eq!(bytes(&1i32), [0x0a, 2]);
    assert_eq!(bytes(&-2i64), [0x0b, 3]);
    assert_eq!(bytes(&i64::MIN), [&[0x0b][..], &[0xff; 9], &[0x01]].concat());
    assert_eq!(bytes(&-1i128), [0x0c, 1]);
    assert_eq!(bytes(&i128::MIN), [&[0x0c][..], &[0xff; 18], &[0x03]].concat());
}

#[test]
fn other_scalars_have_golden_vectors() {
    assert_eq!(bytes(&false), [0x01]);
    assert_eq!(bytes(&true), [0x02]);
    assert_eq!(bytes(&1.0f32), [0x0d, 0, 0, 0x80, 0x3f]);
    assert_eq!(bytes(&-0.0f64), [0x0e, 0, 0, 0, 0, 0, 0, 0, 0x80]);
    assert_eq!(bytes(&'é'), [0x0f, 0xe9, 0x01]);
    assert_eq!(bytes("ab"), [0x10, 2, b'a', b'b']);
    assert_eq!(bytes(""), [0x10, 0]);
    assert_eq!(bytes(&"x".repeat(200))[..3], [0x10, 0xc8, 0x01]);
    assert_eq!(bytes(&Raw(b"ab")), [0x11, 2, b'a', b'b']);
    assert_eq!(bytes(&()), [0x12]);
    assert_eq!(bytes(&None::<u8>), [0x13]);
    assert_eq!(bytes(&Some(Some(7u8))), [0x14, 0x14, 0x03, 7]);
}

#[test]
fn compound_values_have_golden_vectors() {
    assert_eq!(bytes(&[1u8, 2][..]), [0x15, 3, 1, 3, 2, 0]);
    assert_eq!(bytes(&(1u8, 2u8)), [0x16, 3, 1, 3, 2, 0]);
    assert_eq!(bytes(&[1u8, 2]), [0x16, 3, 1, 3, 2, 0]);
    assert_eq!(bytes(&BTreeMap::from([(1u8, 2u8)])), [0x17, 3, 1, 3, 2, 0]);
    assert_eq!(bytes(&Unit), b"\x18\x04Unit");
    assert_eq!(bytes(&Id(7)), b"\x19\x02Id\x03\x07");
    assert_eq!(bytes(&Pair(1, 2)), b"\x1a\x04Pair\x03\x01\x03\x02\x00");
    let point = Point { x: 1, y: Some(2) };
    assert_eq!(bytes(&point), b"\x1b\x05Point\x20\x01x\x03\x01\x20\x01y\x14\x03\x02\x00");
    let point = Point { x: 1, y: None };
    assert_eq!(bytes(&point), b"\x1b\x05Point\x20\x01x\x03\x01\x20\x01y\x13\x00");
}

#[test]
fn variants_have_golden_vectors() {
    assert_eq!(bytes(&Kind::Unit), b"\x1c\x04Kind\x04Unit");
    assert_eq!(bytes(&Kind::New(7)), b"\x1d\x04Kind\x03New\x03\x07");
    assert_eq!(bytes(&Kind::Tuple(1, 2)), b"\x1e\x04Kind\x05Tuple\x03\x01\x03\x02\x00");
    assert_eq!(bytes(&Kind::Struct { a: 1 }), b"\x1f\x04Kind\x06Struct\x20\x01a\x03\x01\x00");
}

#[test]
fn both_sinks_receive_the_same_bytes() {
    for name in ["", "two", &"x".repeat(40), &"x".repeat(59), &"x".repeat(60), &"x".repeat(500)] {
        let value = (1u8, name, [Some(3.0f64)], name, Kind::Struct { a: 4 });
        let mut draft = KeyDraft::derived(0, false);
        encode(&value, &mut draft).unwrap();
        assert_eq!(draft.bytes()[5..], bytes(&value));
    }
}

#[test]
fn borrowed_and_owned_forms_share_a_key() {
    assert_eq!(bytes("a"), bytes(&String::from("a")));
    assert_eq!(bytes(&vec![1u8]), bytes(&[1u8][..]));
    assert_eq!(bytes(&&&7u8), bytes(&Box::new(7u8)));
}

#[test]
fn zeros_of_both_signs_and_nans_are_told_apart() {
    let nan = f64::from_bits(f64::NAN.to_bits() | 1);
    assert_apart(&[bytes(&0.0f64), bytes(&-0.0f64), bytes(&f64::NAN), bytes(&nan)]);
}

#[test]
fn separators_inside_strings_cannot_move_a_border() {
    assert_apart(&[
        bytes(&("a", "b")),
        bytes(&("a\0", "b")),
        bytes(&("a", "\0b")),
        bytes(&("ab", "")),
        bytes(&("", "ab")),
        bytes(&("a\x10\x01b", "")),
    ]);
}

#[test]
fn empty_values_are_told_apart() {
    assert_apart(&[
        bytes(""),
        bytes(&()),
        bytes(&None::<()>),
        bytes(&Some(())),
        bytes(&Some(None::<()>)),
        bytes(&Vec::<u8>::new()),
        bytes(&vec![Vec::<u8>::new()]),
        bytes(&HashMap::<u8, u8>::new()),
        bytes(&Unit),
        bytes(&Raw(b"")),
        bytes(&false),
        bytes(&0u8),
        bytes(&0u16),
        bytes(&'\0'),
    ]);
}

#[test]
fn untagged_variants_over_look_alike_newtypes_are_told_apart() {
    #[derive(Serialize)]
    struct User(u64);
    #[derive(Serialize)]
    struct Team(u64);
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Owner {
        User(User),
        Team(Team),
        Bare(u64),
        Named { user: u64 },
        Other { team: u64 },
    }
    assert_apart(&[
        bytes(&Owner::User(User(1))),
        bytes(&Owner::Team(Team(1))),
        bytes(&Owner::Bare(1)),
        bytes(&Owner::Named { user: 1 }),
        bytes(&Owner::Other { team: 1 }),
    ]);
}

#[test]
fn flattened_fields_do_not_depend_on_map_order() {
    #[derive(Serialize)]
    struct Query {
        page: u8,
        #[serde(flatten)]
        rest: HashMap<String, String>,
    }
    let query = |rest: &[(&str, &str)]| {
        let rest = rest.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        bytes(&Query { page: 1, rest })
    };
    assert_eq!(query(&[("a", "1"), ("b", "2")]), query(&[("b", "2"), ("a", "1")]));
    assert_apart(&[query(&[("a", "1")]), query(&[("a", "2")]), query(&[("b", "1")]), query(&[])]);
}

#[test]
fn equal_maps_are_equal_whatever_their_order() {
    let forward: HashMap<u32, String> = (0..100).map(|n| (n, n.to_string())).collect();
    let backward: HashMap<u32, String> = (0..100).rev().map(|n| (n, n.to_string())).collect();
    assert_eq!(bytes(&forward), bytes(&backward));
    assert_eq!(bytes(&forward), bytes(&forward.into_iter().collect::<BTreeMap<_, _>>()));
}

#[test]
fn a_set_in_random_order_is_an_error_wherever_it_stands() {
    #[derive(Serialize)]
    struct Filter<T>(u8, T);
    #[derive(Serialize)]
    enum Wanted<T> {
        Ids(T),
    }
    let set = HashSet::from([1_u8]);
    let refused = [
        encode(&set, &mut Vec::new()),
        encode(&&set, &mut Vec::new()),
        encode(&Some(&set), &mut Vec::new()),
        encode(&vec![set.clone()], &mut Vec::new()),
        encode(&Filter(1, set.clone()), &mut Vec::new()),
        encode(&Wanted::Ids(&set), &mut Vec::new()),
        encode(&HashMap::from([(1, set.clone())]), &mut Vec::new()),
    ];
    for refusal in refused {
        let fault = refusal.unwrap_err().to_string();
        assert!(fault.contains("take a `BTreeSet`"), "{fault}");
    }
    assert_eq!(bytes(&BTreeSet::from([2, 1])), bytes(&[1, 2].as_slice()));
}

#[test]
fn a_multimap_keeps_the_order_of_one_keys_values() {
    struct Multi(Vec<(u8, u8)>);
    impl Serialize for Multi {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0.iter().copied())
        }
    }
    assert_ne!(bytes(&Multi(vec![(1, 1), (1, 2)])), bytes(&Multi(vec![(1, 2), (1, 1)])));
    assert_eq!(bytes(&Multi(vec![(1, 1), (2, 2)])), bytes(&Multi(vec![(2, 2), (1, 1)])));
}

#[test]
fn a_sequence_of_unknown_length_is_encoded_like_a_known_one() {
    struct Streamed;
    impl Serialize for Streamed {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(None)?;
            seq.serialize_element(&1u8)?;
            seq.serialize_element(&2u8)?;
            seq.end()
        }
    }
    assert_eq!(bytes(&Streamed), bytes(&vec![1u8, 2]));
}

#[test]
fn displayed_values_are_encoded_as_strings() {
    struct Shown<'a>(&'a str);
    impl Serialize for Shown<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            assert!(!serializer.is_human_readable());
            serializer.collect_str(&format_args!("<{}>", self.0))
        }
    }
    assert_eq!(bytes(&Shown("a")), bytes("<a>"));
}

#[test]
fn a_failing_impl_is_reported_in_its_own_words() {
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("the lock is poisoned"))
        }
    }
    let error = encode(&vec![Failing], &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "cannot encode a key argument: the lock is poisoned");
}

#[test]
fn a_map_out_of_step_is_an_error() {
    struct Odd(&'static str);
    impl Serialize for Odd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            for part in self.0.chars() {
                match part {
                    'k' => map.serialize_key("k")?,
                    _ => map.serialize_value("v")?,
                }
            }
            map.end()
        }
    }
    for (parts, fine) in [("kv", true), ("v", false), ("k", false), ("kk", false), ("kvv", false)] {
        assert_eq!(encode(&Odd(parts), &mut Vec::new()).is_ok(), fine, "{parts}");
    }
}

#[test]
fn a_field_that_is_left_out_is_an_error_that_names_it() {
    #[derive(Serialize)]
    struct Ctx {
        id: u8,
        #[serde(skip_serializing_if = "is_staff")]
        tenant: u8,
    }
    #[derive(Serialize)]
    enum Scope {
        Of {
            #[serde(skip_serializing_if = "is_staff")]
            tenant: u8,
        },
    }
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    fn is_staff(tenant: &u8) -> bool {
        *tenant > 7
    }
    let fault = |value: &dyn Fn(&mut Vec<u8>) -> Result<(), Unencodable>| {
        value(&mut Vec::new()).unwrap_err().to_string()
    };
    let ctx = |tenant| Ctx { id: 1, tenant };
    let of_struct = fault(&|out| encode(&[ctx(8)], out));
    assert!(of_struct.contains("`Ctx` leaves out its field `tenant`"), "{of_struct}");
    let of_variant = fault(&|out| encode(&Scope::Of { tenant: 9 }, out));
    assert!(of_variant.contains("`Of` leaves out its field `tenant`"), "{of_variant}");
    assert_apart(&[bytes(&ctx(6)), bytes(&ctx(7))]);
}

struct Raw(&'static [u8]);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
