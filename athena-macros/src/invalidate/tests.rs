use std::str::FromStr;

use proc_macro2::TokenStream;

use super::*;

fn tokens(text: &str) -> TokenStream {
    TokenStream::from_str(text).unwrap()
}

#[track_caller]
fn assert_faults(options: &str, item: &str, expected: &[&str]) {
    let faults: Vec<_> = match plan(tokens(options), tokens(item)) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.into_iter().map(|fault| fault.to_string()).collect(),
    };
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.contains(expected), "{fault}\nlacks\n{expected}");
    }
}

#[test]
fn every_option_is_documented() {
    let page = include_str!("../lib.rs");
    let page = page.split("pub fn athena_cache").nth(1).unwrap();
    for rule in options::TABLE.rules {
        let row = format!("/// | `{} = ", rule.name);
        assert!(page.contains(&row), "{}", rule.name);
    }
}

#[test]
fn one_kind_of_target_is_needed() {
    let item = "async fn rename(id: u64) -> Result<(), E> {}";
    for options in ["", "on = ok", "tags = []", "cache = c"] {
        assert_faults(options, item, &["nothing to invalidate"]);
    }
    for options in [r#"tags = ["a"]"#, r#"keys = ["p:{id}"]"#, "tags_from = |value| value.tags()"] {
        assert_faults(options, item, &[]);
    }
}

#[test]
fn keys_are_checked_as_where_they_are_made() {
    assert_faults(
        r#"keys = ["{id}", "p:{id}{id}", "p:{ib}"], on = sometimes, tags = ["{"]"#,
        "async fn rename(id: u64) {}",
        &[
            "unknown word `sometimes`, expected one of `always`, `ok`",
            "`{` opens a hole",
            "starts with a word",
            "nothing stands between",
            "did you mean `id`?",
        ],
    );
}

#[test]
fn results_need_not_be_cachable() {
    for item in [
        "async fn f() {}",
        "async fn f(&mut self) -> &str {}",
        "fn f() -> Pin<Box<dyn Future<Output = ()>>> {}",
    ] {
        assert_faults(r#"tags = ["a"]"#, item, &[]);
    }
}
