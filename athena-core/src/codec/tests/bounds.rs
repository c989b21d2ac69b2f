//! Bytes that claim more than they are, and values as deep and as numerous as they may be.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::thread;

use proptest::prelude::*;

use super::*;

/// What threads of common runtimes have.
const STACK: usize = 2 << 20;

/// Contains itself in every way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    New(Box<Self>),
    Many(Vec<Self>),
    Pair(Box<Self>, u8),
    Named { next: Option<Box<Self>> },
    Map(BTreeMap<u8, Self>),
    Tuple(Box<(u8, Self)>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct List {
    next: Option<Box<Self>>,
}

/// Adds a level to a tree.
type Grow = fn(Tree) -> Tree;

const WAYS: [Grow; 6] = [
    |tree| Tree::New(Box::new(tree)),
    |tree| Tree::Many(vec![tree]),
    |tree| Tree::Pair(Box::new(tree), 7),
    |tree| Tree::Named { next: Some(Box::new(tree)) },
    |tree| Tree::Map([(1, tree)].into()),
    |tree| Tree::Tuple(Box::new((1, tree))),
];

fn on_a_common_stack(test: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(STACK).spawn(test).unwrap().join().unwrap();
}

#[test]
fn however_deep_a_value_is_nested_it_is_refused_or_read_back() {
    on_a_common_stack(|| {
        for grow in WAYS {
            let mut tree = Tree::Leaf;
            let (mut kept, mut refused) = (0, 0);
            for _ in 0..300 {
                match fate(Wire::postcard(), &tree) {
                    Kept => kept += 1,
                    Refused => refused += 1,
                }
                fate(Wire::json(), &tree);
                tree = grow(tree);
            }
            // As deep as JSON at least, and no deeper than is safe.
            assert!(kept >= 85 && refused > 0, "{kept} {refused}");
        }
    });
}

#[test]
fn bytes_that_nest_for_ever_are_unreadable() {
    on_a_common_stack(|| {
        let wire = Wire::<Tree>::postcard();
        let bombs: [&[u8]; 6] = [&[1], &[2, 1], &[3], &[4, 1], &[5, 1, 0], &[6, 0]];
        for bomb in bombs {
            let error = wire.decode(&bomb.repeat(100_000)).unwrap_err();
            assert!(error.contains("nested deeper than 256 steps"), "{bomb:?}: {error}");
        }
        let error = Wire::<List>::postcard().decode(&[1].repeat(100_000)).unwrap_err();
        assert!(error.contains("nested deeper than 256 steps"), "{error}");
        let error =
            Wire::<Tree>::json().decode("{\"New\":".repeat(100_000).as_bytes()).unwrap_err();
        assert!(error.contains("recursion limit exceeded"), "{error}");
    });
}

/// A count as postcard writes it.
fn count(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

#[test]
fn more_elements_than_bytes_are_unreadable_whatever_the_elements_are() {
    fn error<V: Tried>(claimed: u64) -> String {
        Wire::<V>::postcard().decode(&count(claimed)).unwrap_err()
    }
    for claimed in [5_000, 1 << 40, u64::MAX] {
        for error in [
            error::<Vec<()>>(claimed),
            error::<Vec<u8>>(claimed),
            error::<Vec<[(); 3]>>(claimed),
            error::<BTreeMap<u8, u8>>(claimed),
            error::<Vec<Vec<String>>>(claimed),
            error::<std::collections::HashSet<()>>(claimed),
        ] {
            let told = format!("claims {claimed} elements, with 0 bytes left for them");
            assert!(error.contains(&told), "{error}");
        }
    }
}

#[test]
fn elements_without_bytes_are_kept_as_long_as_they_are_few() {
    assert_eq!(fate(Wire::json(), &vec![(); 9_000]), Kept);
    assert_eq!(fate(Wire::postcard(), &vec![(); 4_096]), Kept);
    assert_eq!(fate(Wire::postcard(), &vec![(); 4_099]), Refused);
    assert_eq!(fate(Wire::postcard(), &("x".repeat(9_000), vec![(); 9_000])), Kept);
    // All of them together, wherever they stand.
    assert_eq!(fate(Wire::postcard(), &vec![vec![(); 2_000]; 2]), Kept);
    assert_eq!(fate(Wire::postcard(), &vec![vec![(); 2_000]; 3]), Refused);
    assert_eq!(fate(Wire::postcard(), &vec![0_u8; 1 << 20]), Kept);
    assert_eq!(fate(Wire::postcard(), &vec![None::<()>; 1 << 16]), Kept);
    let error = told(Wire::postcard().encode(&vec![(); 5_000], usize::MAX));
    assert!(error.contains("has 5000 elements, and of 2 bytes no more than 4098"), "{error}");
}

#[test]
fn elements_in_elements_have_the_bytes_of_all_of_them_once() {
    // Each of a thousand lists claims as many as there are bytes left.
    let mut bytes = count(1_000);
    (0..1_000).for_each(|_| bytes.extend(count(900)));
    let error = Wire::<Vec<Vec<()>>>::postcard().decode(&bytes).unwrap_err();
    assert!(error.contains("claims 900 elements"), "{error}");
    assert_eq!(fate(Wire::postcard(), &vec![vec![vec![7_u8; 3]; 50]; 200]), Kept);
    assert_eq!(fate(Wire::postcard(), &vec![(vec![1_u8], vec![String::new()]); 3_000]), Kept);
    assert_eq!(
        fate(Wire::postcard(), &vec![BTreeMap::from([(1_u8, vec![(0_u8, true)])]); 3_000]),
        Kept
    );
}

proptest! {
    #[test]
    fn whatever_the_bytes_are_they_are_a_value_or_unreadable(
        bytes in proptest::collection::vec(prop_oneof![0_u8..8, any::<u8>()], 0..600)
    ) {
        on_a_common_stack(move || {
            drop(Wire::<Tree>::postcard().decode(&bytes));
            drop(Wire::<Vec<Vec<()>>>::postcard().decode(&bytes));
            drop(Wire::<BTreeMap<String, Vec<Tree>>>::postcard().decode(&bytes));
            drop(Wire::<Tree>::json().decode(&bytes));
        });
    }
}
