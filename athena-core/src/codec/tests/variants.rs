//! Attributes of variants: each stands first, in the middle and last, on a variant of each kind.

use super::*;

/// Stamps out enums with an attribute on one variant, and tries that variant and those around it.
///
/// Expected are the fates of the variant itself and of those before and after it.
macro_rules! variants {
    ($($name:ident: [$($attribute:meta),*] $itself:expr, $before:expr, $after:expr;)*) => {$(
        #[test]
        fn $name() {
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            enum First { #[serde($($attribute),*)] It(u32), Next(u32), Last { a: u32, b: Vec<u32> } }
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            enum Middle { First(u32, u32), #[serde($($attribute),*)] It { a: u32 }, Last(u32, u32) }
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            enum Last { First, Next(Vec<u32>), #[serde($($attribute),*)] It(u32, Vec<u32>) }
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            enum Plain { First, #[serde($($attribute),*)] It, Last }
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            enum Any { First(First), Middle(Middle), Last(Last), Plain(Plain) }
            for a in [0, 1, 2, 300] {
                for any in [
                    Any::First(First::It(a)),
                    Any::Middle(Middle::It { a }),
                    Any::Last(Last::It(a, vec![1])),
                    Any::Plain(Plain::It),
                ] {
                    expect_held(&any, $itself.0, $itself.1);
                }
                for any in [
                    Any::Middle(Middle::First(a, 1)),
                    Any::Last(Last::First),
                    Any::Last(Last::Next(vec![a])),
                    Any::Plain(Plain::First),
                ] {
                    expect_held(&any, $before.0, $before.1);
                }
                for any in [
                    Any::First(First::Next(a)),
                    Any::First(First::Last { a, b: vec![5, 0] }),
                    Any::Middle(Middle::Last(a, 1)),
                    Any::Plain(Plain::Last),
                ] {
                    expect_held(&any, $after.0, $after.1);
                }
            }
        }
    )*};
}

variants! {
    plain: [] (Kept, Kept), (Kept, Kept), (Kept, Kept);
    renamed: [rename = "x"] (Kept, Kept), (Kept, Kept), (Kept, Kept);
    renamed_for_writing: [rename(serialize = "x")] (Kept, Refused), (Kept, Kept), (Kept, Kept);
    renamed_for_reading: [rename(deserialize = "x")] (Kept, Refused), (Kept, Kept), (Kept, Kept);
    alias: [alias = "x", alias = "A"] (Kept, Kept), (Kept, Kept), (Kept, Kept);
    skipped: [skip] (Refused, Refused), (Kept, Kept), (Refused, Kept);
    skipped_for_writing: [skip_serializing] (Refused, Refused), (Kept, Kept), (Kept, Kept);
    skipped_for_reading: [skip_deserializing] (Refused, Refused), (Kept, Kept), (Refused, Kept);
}

#[test]
fn a_variant_for_all_others_is_one_like_others() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Known {
        First,
        Second,
        #[serde(other)]
        Other,
    }
    for known in [Known::First, Known::Second, Known::Other] {
        expect(&known, Kept, Kept);
    }
}

#[test]
fn a_variant_without_tag_asks_for_json() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Mixed {
        First(u32),
        #[serde(untagged)]
        Bare(String),
    }
    expect(&Mixed::First(1), Refused, Kept);
    expect(&Mixed::Bare("x".to_owned()), Refused, Kept);
}

#[test]
fn aliases_that_look_like_other_variants_deceive_nobody() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[allow(dead_code, reason = "a variant that is never made")]
    enum Shifted {
        #[serde(skip)]
        Gone,
        #[serde(alias = "Former")]
        First,
        Second,
        Third,
    }
    expect(&Shifted::First, Refused, Kept);
    expect(&Shifted::Second, Refused, Kept);
    expect(&Shifted::Third, Refused, Kept);
}

#[test]
fn two_variants_of_one_name_are_not_mixed_up() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Merged {
        #[serde(rename(serialize = "x"), alias = "x")]
        First,
        #[serde(rename(serialize = "x"))]
        Second,
    }
    expect(&Merged::First, Kept, Kept);
    expect(&Merged::Second, Kept, Refused);
}
