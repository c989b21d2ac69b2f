//! One law for all types and both codecs: a value is refused, or read back as it was.
//!
//! | file | what it tries |
//! |---|---|
//! | `fields` | attributes of fields, each at every position |
//! | `variants` | attributes of variants, each at every position |
//! | `containers` | attributes of whole types |
//! | `by_hand` | impls by hand whose two sides disagree |
//! | `lossy` | what JSON cannot tell apart |
//! | `random` | values made up at random |
//! | `bounds` | bytes that claim more than they are, and values as large as they may be |

mod bounds;
mod by_hand;
mod containers;
mod fields;
mod lossy;
mod random;
mod variants;

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::*;

/// What becomes of a value that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Refused,
}

use Fate::{Kept, Refused};

/// A type that can be tried.
trait Tried: Serialize + DeserializeOwned + PartialEq + Debug + Clone + 'static {}

impl<V: Serialize + DeserializeOwned + PartialEq + Debug + Clone + 'static> Tried for V {}

/// Writes a value and reads it back: it is the same, or was refused.
#[track_caller]
fn fate<V: Tried>(wire: Wire<V>, value: &V) -> Fate {
    let written = wire.erased().fingerprint(0).map_err(Unwritten::Unfit);
    let written = written.and_then(|_| wire.encode(value, usize::MAX));
    let Ok(bytes) = written else {
        return Refused;
    };
    let again = wire.decode(&bytes);
    assert_eq!(again.as_ref(), Ok(value), "{:?} {}", wire.erased().codec, type_name::<V>());
    Kept
}

/// Both codecs do with a value what is expected of them, alone and wherever else it may stand.
#[track_caller]
fn expect<V: Tried>(value: &V, postcard: Fate, json: Fate) {
    expect_one(value, postcard, json);
    expect_held(value, postcard, json);
}

/// The same wherever else it may stand.
#[track_caller]
fn expect_held<V: Tried>(value: &V, postcard: Fate, json: Fate) {
    let (one, more) = (|| value.clone(), vec![5_u32, 0]);
    for held in [
        Holder::One(one()),
        Holder::Two(3, one()),
        Holder::Named { before: 1, value: one(), after: more.clone() },
        Holder::Maybe(Some(one())),
        Holder::List(vec![one(), one()]),
        Holder::Map(BTreeMap::from([("k".to_owned(), one())])),
        Holder::Tuple((1, one(), more)),
        Holder::Page(Page { items: vec![one()], next: Some(7) }),
    ] {
        expect_one(&held, postcard, json);
    }
}

#[track_caller]
fn expect_one<V: Tried>(value: &V, postcard: Fate, json: Fate) {
    assert_eq!(fate(Wire::postcard(), value), postcard, "postcard {value:?}");
    assert_eq!(fate(Wire::json(), value), json, "JSON {value:?}");
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Holder<T> {
    One(T),
    Two(u8, T),
    Named { before: u32, value: T, after: Vec<u32> },
    Maybe(Option<T>),
    List(Vec<T>),
    Map(BTreeMap<String, T>),
    Tuple((u8, T, Vec<u32>)),
    Page(Page<T>),
}

/// What the value of a type says when it is refused.
fn refusal<V: Tried>(wire: Wire<V>, value: &V) -> String {
    told(wire.encode(value, usize::MAX))
}

/// What is said of a value that is not written.
fn told(written: Result<Vec<u8>, Unwritten>) -> String {
    match written {
        Err(Unwritten::Unfit(reason)) => reason,
        written => panic!("it is not refused for what it is: {written:?}"),
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stock {
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<u32>,
    on_hand: u32,
    history: Vec<u32>,
}

#[test]
fn a_refusal_names_the_type_the_field_and_the_way_out() {
    let stock = Stock { reserved: None, on_hand: 1, history: vec![5, 0] };
    let page = Page { items: vec![stock.clone()], next: None };
    let told = refusal(Wire::postcard(), &stock);
    assert!(told.starts_with("`Stock.reserved` is left out"), "{told}");
    assert!(told.contains("use `codec = Json`"), "{told}");
    let told = refusal(Wire::postcard(), &page);
    assert!(told.starts_with("`Page<Stock>.items[_].reserved` is left out"), "{told}");
    let told = refusal(Wire::postcard(), &Holder::Two(1, stock));
    assert!(told.starts_with("`Holder<Stock>::Two.1.reserved` is left out"), "{told}");
}

#[test]
fn what_both_sides_agree_on_is_written_without_a_second_look() {
    type Plain = Page<Holder<(Option<char>, Box<str>)>>;
    let outline = outline_of::<Plain>(Codec::Postcard);
    let page: Plain = Page { items: vec![Holder::Two(1, (Some('x'), "y".into()))], next: None };
    let watcher = Watcher::new(&outline, FieldFinding::ByPosition);
    let plain = postcard::to_allocvec(&page).unwrap();
    assert_eq!(
        postcard::to_allocvec(&Watched::whole(&page, &Trail::root(&watcher))).unwrap(),
        plain
    );
    assert!(watcher.into_notice().is_none());
}
