use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroI128, NonZeroU32};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};

use super::*;

fn id<T: DeserializeOwned>() -> u64 {
    let fingerprint = fingerprint::<T>(0);
    assert!(fingerprint.is_traced(), "{} is not traced", std::any::type_name::<T>());
    fingerprint.id()
}

/// Declares a type in a module of its own, so that definitions can share a name.
macro_rules! definitions {
    ($($module:ident { $($item:item)* })*) => {$(
        mod $module {
            #[allow(unused_imports, reason = "few definitions need the rest of the file")]
            use super::*;
            $(#[derive(Deserialize)] #[allow(dead_code, reason = "only traced")] $item)*
        }
    )*};
}

definitions! {
    base { pub(super) struct User { id: u64, name: String } }
    same { pub(super) struct User { id: u64, name: String } }
    gained { pub(super) struct User { id: u64, name: String, age: u8 } }
    lost { pub(super) struct User { id: u64 } }
    moved { pub(super) struct User { name: String, id: u64 } }
    renamed { pub(super) struct User { id: u64, nick: String } }
    retyped { pub(super) struct User { id: i64, name: String } }
    optional { pub(super) struct User { id: u64, name: Option<String> } }
    other { pub(super) struct Member { id: u64, name: String } }
}

fn assert_distinct(ids: &[u64]) {
    for (i, a) in ids.iter().enumerate() {
        assert!(!ids[..i].contains(a), "entry {i} repeats an earlier one");
    }
}

#[test]
fn every_change_of_a_struct_alters_it() {
    assert_distinct(&[
        id::<base::User>(),
        id::<gained::User>(),
        id::<lost::User>(),
        id::<moved::User>(),
        id::<renamed::User>(),
        id::<retyped::User>(),
        id::<optional::User>(),
        id::<other::Member>(),
    ]);
}

#[test]
fn a_change_at_any_depth_alters_it() {
    type Deep<T> = Vec<BTreeMap<String, Option<(u8, Box<[T; 2]>)>>>;
    assert_ne!(id::<Deep<base::User>>(), id::<Deep<retyped::User>>());
    assert_eq!(id::<Deep<base::User>>(), id::<Deep<same::User>>());
}

#[test]
fn the_same_definition_elsewhere_has_the_same_one() {
    assert_eq!(id::<base::User>(), id::<same::User>());
}

#[test]
fn the_version_alters_it() {
    assert_ne!(fingerprint::<u8>(0).id(), fingerprint::<u8>(1).id());
    assert_ne!(fingerprint::<Box<Endless>>(0).id(), fingerprint::<Box<Endless>>(1).id());
}

#[test]
fn golden_values_hold() {
    assert_eq!(id::<u64>(), GOLDEN_U64);
    assert_eq!(id::<base::User>(), GOLDEN_USER);
    assert_eq!(id::<Vec<variants::Shape>>(), GOLDEN_SHAPES);
}

const GOLDEN_U64: u64 = 0x6d19_1169_cc41_771a;
const GOLDEN_USER: u64 = 0x964a_6a46_f5d1_56c4;
const GOLDEN_SHAPES: u64 = 0x5c04_db3b_5210_a104;

definitions! {
    variants { pub(super) enum Shape { Dot, Circle(f64), Line(i8, i8), Box { w: u8, h: u8 } } }
    reordered { pub(super) enum Shape { Dot, Line(i8, i8), Circle(f64), Box { w: u8, h: u8 } } }
    last_field { pub(super) enum Shape { Dot, Circle(f64), Line(i8, i8), Box { w: u8, h: u16 } } }
    tuple_item { pub(super) enum Shape { Dot, Circle(f64), Line(i8, u8), Box { w: u8, h: u8 } } }
    newtype { pub(super) enum Shape { Dot, Circle(f32), Line(i8, i8), Box { w: u8, h: u8 } } }
    unit { pub(super) enum Shape { Dot(u8), Circle(f64), Line(i8, i8), Box { w: u8, h: u8 } } }
    more { pub(super) enum Shape { Dot, Circle(f64), Line(i8, i8), Box { w: u8, h: u8 }, New } }
}

#[test]
fn every_variant_is_reached() {
    type Nested<T> = HashMap<String, Vec<Result<T, Option<T>>>>;
    assert_distinct(&[
        id::<Nested<variants::Shape>>(),
        id::<Nested<reordered::Shape>>(),
        id::<Nested<last_field::Shape>>(),
        id::<Nested<tuple_item::Shape>>(),
        id::<Nested<newtype::Shape>>(),
        id::<Nested<unit::Shape>>(),
        id::<Nested<more::Shape>>(),
    ]);
}

#[test]
fn unnamed_types_differ_by_shape() {
    assert_distinct(&[
        id::<()>(),
        id::<bool>(),
        id::<u8>(),
        id::<u16>(),
        id::<u128>(),
        id::<i128>(),
        id::<f32>(),
        id::<char>(),
        id::<String>(),
        id::<Option<u8>>(),
        id::<Option<Option<u8>>>(),
        id::<Vec<u8>>(),
        id::<Vec<Vec<u8>>>(),
        id::<(u8,)>(),
        id::<(u8, u8)>(),
        id::<[u8; 3]>(),
        id::<HashMap<u8, u8>>(),
        id::<HashMap<u8, u16>>(),
        id::<HashMap<u16, u8>>(),
    ]);
    assert_eq!(id::<String>(), id::<Box<str>>());
}

#[derive(Deserialize)]
struct Page<T> {
    _items: Vec<T>,
    _next: Option<String>,
}

#[test]
fn instances_of_a_generic_type_differ() {
    assert_ne!(id::<Page<u8>>(), id::<Page<u16>>());
    assert_ne!(id::<Page<Page<u8>>>(), id::<Page<Page<u16>>>());
    assert_ne!(id::<(Page<u8>, Page<u16>)>(), id::<(Page<u16>, Page<u8>)>());
    assert_ne!(id::<(Page<u8>, Page<u8>)>(), id::<(Page<u8>, Page<u16>)>());
}

definitions! {
    list { pub(super) struct Node { v: u8, next: Option<Box<Node>>, tail: u8 } }
    list_tail { pub(super) struct Node { v: u8, next: Option<Box<Node>>, tail: u16 } }
    tree { pub(super) enum Tree { Node(Vec<Tree>, u8), Leaf } }
    tree_payload { pub(super) enum Tree { Node(Vec<Tree>, u16), Leaf } }
    pair { pub(super) enum Sum { Add(Box<Sum>, Box<Sum>, u8), Lit(i64) } }
    pair_payload { pub(super) enum Sum { Add(Box<Sum>, Box<Sum>, u16), Lit(i64) } }
    tri { pub(super) struct Tri { a: Option<Box<Tri>>, b: Option<Box<Tri>>, c: Vec<Tri>, d: u8 } }
    tri_other { pub(super) struct Tri { a: Option<Box<Tri>>, b: Vec<Tri>, c: Vec<Tri>, d: u8 } }
    nested { pub(super) struct Rows(Vec<Rows>); }
    nested_map { pub(super) struct Rows(HashMap<u8, Rows>); }
    mutual {
        pub(super) enum Expr { Call(Vec<Expr>, Box<Stmt>, u8), Many(Vec<Stmt>), Lit(u8) }
        pub(super) enum Stmt { If(Box<Expr>, Box<Stmt>, u8), Expr(Box<Expr>), End }
    }
    mutual_payload {
        pub(super) enum Expr { Call(Vec<Expr>, Box<Stmt>, u8), Many(Vec<Stmt>), Lit(u8) }
        pub(super) enum Stmt { If(Box<Expr>, Box<Stmt>, u16), Expr(Box<Expr>), End }
    }
}

#[test]
fn recursive_types_are_traced_in_full() {
    assert_ne!(id::<list::Node>(), id::<list_tail::Node>());
    assert_ne!(id::<tree::Tree>(), id::<tree_payload::Tree>());
    assert_ne!(id::<pair::Sum>(), id::<pair_payload::Sum>());
    assert_ne!(id::<nested::Rows>(), id::<nested_map::Rows>());
    assert_ne!(id::<tri::Tri>(), id::<tri_other::Tri>());
    assert_ne!(id::<mutual::Expr>(), id::<mutual_payload::Expr>());
    assert_ne!(id::<mutual::Stmt>(), id::<mutual_payload::Stmt>());
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Nameless {
    _rows: Vec<Nameless>,
}

#[test]
fn a_recursive_type_without_a_name_is_traced() {
    assert_ne!(id::<Nameless>(), id::<Vec<u8>>());
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Email;

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.contains('@') { Ok(Self) } else { Err("no @ in the address") }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "(u32, u32)")]
struct Span;

impl TryFrom<(u32, u32)> for Span {
    type Error = &'static str;

    fn try_from((start, end): (u32, u32)) -> Result<Self, Self::Error> {
        if start < end { Ok(Self) } else { Err("the start is not before the end") }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "Vec<Span>")]
struct Triangle;

impl TryFrom<Vec<Span>> for Triangle {
    type Error = &'static str;

    fn try_from(sides: Vec<Span>) -> Result<Self, Self::Error> {
        if sides.len() == 3 { Ok(Self) } else { Err("a triangle has three sides") }
    }
}

#[test]
fn types_that_check_their_values_are_traced() {
    id::<(NonZeroU32, Option<NonZeroI128>, u8)>();
    id::<(IpAddr, SocketAddr, Vec<SocketAddr>, u8)>();
    id::<(Duration, SystemTime, u8)>();
    id::<(Email, Option<Email>, Vec<Email>, u8)>();
    id::<(Triangle, variants::Shape, Span, Vec<Triangle>, u8)>();
}

#[test]
fn what_follows_a_checked_value_is_seen() {
    assert_ne!(id::<(Email, u8)>(), id::<(Email, u16)>());
    assert_ne!(id::<(Triangle, u8)>(), id::<(Triangle, u16)>());
}

/// Refuses every value.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Secret;

impl TryFrom<String> for Secret {
    type Error = &'static str;

    fn try_from(_: String) -> Result<Self, Self::Error> {
        Err("wrong")
    }
}

definitions! {
    order {
        pub(super) struct Order {
            #[serde(alias = "key")]
            id: Secret,
            n: u8,
            to: Vec<variants::Shape>,
            other: Secret,
            last: u8,
        }
    }
    order_last {
        pub(super) struct Order {
            #[serde(alias = "key")]
            id: Secret,
            n: u8,
            to: Vec<variants::Shape>,
            other: Secret,
            last: u16,
        }
    }
    order_deep {
        pub(super) struct Order {
            #[serde(alias = "key")]
            id: Secret,
            n: u8,
            to: Vec<more::Shape>,
            other: Secret,
            last: u8,
        }
    }
    event { pub(super) enum Event { By(Secret), At { secret: Secret, n: u8 }, Off(u8) } }
    event_field { pub(super) enum Event { By(Secret), At { secret: Secret, n: u16 }, Off(u8) } }
    event_last { pub(super) enum Event { By(Secret), At { secret: Secret, n: u8 }, Off(u16) } }
    aliased { pub(super) enum Named { #[serde(alias = "x", alias = "y")] A(u8), B(u8) } }
    aliased_last { pub(super) enum Named { #[serde(alias = "x", alias = "y")] A(u8), B(u16) } }
}

#[test]
fn fields_beside_one_that_refuses_everything_are_seen() {
    assert_distinct(&[id::<order::Order>(), id::<order_last::Order>(), id::<order_deep::Order>()]);
    assert_distinct(&[
        id::<Option<event::Event>>(),
        id::<Option<event_field::Event>>(),
        id::<Option<event_last::Event>>(),
    ]);
}

#[test]
fn aliases_do_not_hide_variants() {
    assert_ne!(id::<aliased::Named>(), id::<aliased_last::Named>());
}

#[test]
fn an_element_after_one_that_refuses_everything_is_named() {
    assert!(!fingerprint::<(Secret, u8)>(0).is_traced());
    assert!(fingerprint::<(u8, Secret)>(0).is_traced());
    assert_ne!(fingerprint::<(Secret, u8)>(0).id(), fingerprint::<(Secret, u16)>(0).id());
}

#[derive(Deserialize)]
struct Endless {
    _next: Box<Endless>,
}

#[derive(Debug, Deserialize)]
enum Never {}

#[test]
fn types_without_values_end_the_trace() {
    assert!(!fingerprint::<Endless>(0).is_traced());
    assert!(fingerprint::<Never>(0).is_traced());
    assert!(fingerprint::<Result<u8, Never>>(0).is_traced());
}

/// Fails before it asks for anything.
struct Mute;

impl<'de> Deserialize<'de> for Mute {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("not now"))
    }
}

#[test]
fn a_type_that_asks_for_nothing_is_named() {
    assert!(!fingerprint::<Mute>(0).is_traced());
    assert_ne!(fingerprint::<Mute>(0).id(), fingerprint::<Vec<Mute>>(0).id());
}

/// Asks for more as long as it can.
struct Greedy;

impl<'de> Deserialize<'de> for Greedy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Greedy;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("endless bytes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Greedy, A::Error> {
                loop {
                    seq.next_element::<u8>()?;
                }
            }
        }
        deserializer.deserialize_seq(Elements)
    }
}

#[test]
fn the_budget_ends_what_would_not_end() {
    assert!(!fingerprint::<Greedy>(0).is_traced());
    assert!(!fingerprint::<Vec<Greedy>>(0).is_self_describing());
}

definitions! {
    any {
        #[serde(untagged)]
        pub(super) enum Untagged { A(u8) }
        #[serde(tag = "t")]
        pub(super) enum Internal { A { x: u8 } }
        #[serde(tag = "t", content = "c")]
        pub(super) enum Adjacent { A(u8) }
        pub(super) struct Flat { a: u8, #[serde(flatten)] rest: HashMap<String, String> }
    }
}

#[test]
fn self_describing_types_are_told_apart() {
    for fingerprint in [
        fingerprint::<any::Untagged>(0),
        fingerprint::<any::Internal>(0),
        fingerprint::<any::Adjacent>(0),
        fingerprint::<any::Flat>(0),
        fingerprint::<IgnoredAny>(0),
        fingerprint::<Vec<Option<any::Untagged>>>(0),
        fingerprint::<Result<u8, any::Flat>>(0),
    ] {
        assert!(fingerprint.is_self_describing() && !fingerprint.is_traced());
    }
    assert!(!fingerprint::<base::User>(0).is_self_describing());
    assert_ne!(fingerprint::<any::Untagged>(0).id(), fingerprint::<any::Internal>(0).id());
}

#[test]
fn what_is_asked_for_in_two_ways_is_unknown() {
    /// Reads a number or a text, whichever it was made for last.
    #[derive(Debug)]
    struct Moody;
    impl<'de> Deserialize<'de> for Moody {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            use std::sync::atomic::{AtomicBool, Ordering};
            static TURN: AtomicBool = AtomicBool::new(false);
            if TURN.fetch_xor(true, Ordering::SeqCst) {
                u8::deserialize(deserializer).map(|_| Self)
            } else {
                String::deserialize(deserializer).map(|_| Self)
            }
        }
    }
    // A choice of two takes two passes.
    let outline = outline::<(u8, Moody, Result<bool, char>, Option<bool>)>();
    let root = outline.root();
    let shape = |index| outline.part(root, index).shape;
    assert_eq!(shape(0), TypeShape::Scalar(Scalar::U8));
    assert_eq!(shape(1), TypeShape::Unseen);
    assert_eq!(shape(3), TypeShape::Option);
}

#[test]
fn an_outline_of_text_goes_on_behind_what_describes_itself() {
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only traced")]
    struct Open {
        any: any::Untagged,
        address: IpAddr,
    }
    let of_bytes = outline::<Open>();
    assert_eq!(of_bytes.root().fields, None, "the trace ended at the first field");
    let of_text = outline_of_text::<Open>();
    let root = of_text.root();
    assert!(root.is_exact);
    assert_eq!(of_text.part(root, 1).shape, TypeShape::Scalar(Scalar::Str));
}
