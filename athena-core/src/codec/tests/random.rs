//! Values made up at random, from seeds.

use fastrand::Rng;

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Number(i64),
    Wide(u128),
    Real(f64),
    Short(f32),
    Text(String),
    Letter(char),
    #[allow(clippy::option_option, reason = "what is tested")]
    Maybe(Option<Option<Box<Tree>>>),
    Pair(Box<Tree>, (u8, i16)),
    Named {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<u8>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        branches: Vec<Tree>,
    },
    Map(BTreeMap<i32, Tree>),
    Units((), Option<()>),
}

fn tree(random: &mut Rng, depth: u32) -> Tree {
    let text = |random: &mut Rng| (0..random.usize(0..4)).map(|_| random.char(..)).collect();
    let branches = |random: &mut Rng| {
        let count = if depth == 0 { 0 } else { random.usize(0..4) };
        (0..count).map(|_| tree(random, depth - 1)).collect::<Vec<_>>()
    };
    match random.u8(0..12) {
        0 => Tree::Number(random.i64(..) >> random.u32(0..64)),
        1 => Tree::Wide(random.u128(..) >> random.u32(0..128)),
        2 => Tree::Real(f64::from_bits(random.u64(..))),
        3 => Tree::Short(f32::from_bits(random.u32(..))),
        4 => Tree::Text(text(random)),
        5 => Tree::Letter(random.char(..)),
        6 => Tree::Maybe(random.bool().then(|| branches(random).pop().map(Box::new))),
        7 if depth > 0 => {
            Tree::Pair(Box::new(tree(random, depth - 1)), (random.u8(..), random.i16(..)))
        }
        8 => Tree::Named {
            name: text(random),
            note: random.bool().then(|| random.u8(..)),
            branches: branches(random),
        },
        9 => Tree::Map(branches(random).into_iter().map(|it| (random.i32(..), it)).collect()),
        10 => Tree::Units((), random.bool().then_some(())),
        _ => Tree::Leaf,
    }
}

/// Whether something in a tree is left out, and whether JSON writes something as `null` that it is not.
fn traits(tree: &Tree) -> (bool, bool) {
    let all = |trees: &mut dyn Iterator<Item = &Tree>| {
        trees.map(traits).fold((false, false), |(a, b), (c, d)| (a || c, b || d))
    };
    match tree {
        Tree::Real(real) => (false, !real.is_finite()),
        Tree::Short(short) => (false, !short.is_finite()),
        Tree::Maybe(Some(None)) | Tree::Units((), Some(())) => (false, true),
        Tree::Maybe(Some(Some(inner))) | Tree::Pair(inner, _) => traits(inner),
        Tree::Named { note, branches, .. } => {
            let (left_out, null) = all(&mut branches.iter());
            (left_out || note.is_none() || branches.is_empty(), null)
        }
        Tree::Map(map) => all(&mut map.values()),
        _ => (false, false),
    }
}

#[test]
fn random_trees_are_refused_or_read_back() {
    let (mut random, mut kept) = (Rng::with_seed(7), 0);
    for _ in 0..20_000 {
        let tree = tree(&mut random, 4);
        let (left_out, null) = traits(&tree);
        if tree != tree {
            // NaN is not equal to itself; JSON refuses it.
            assert_eq!(fate_of_json(&tree), Refused);
            continue;
        }
        let expected = |is_lost| if is_lost { Refused } else { Kept };
        expect_one(&tree, expected(left_out), expected(null));
        kept += u32::from(!left_out && !null);
    }
    assert!(kept > 5_000, "{kept} of them are kept by both");
}

fn fate_of_json(tree: &Tree) -> Fate {
    if Wire::json().encode(tree, usize::MAX).is_ok() { Kept } else { Refused }
}

#[test]
fn every_float_is_read_bit_by_bit() {
    let mut random = Rng::with_seed(8);
    for _ in 0..200_000 {
        let (long, short) = (f64::from_bits(random.u64(..)), f32::from_bits(random.u32(..)));
        if long.is_finite() && short.is_finite() {
            expect_one(&(long, short), Kept, Kept);
        }
    }
}
