use std::str::FromStr;

use proc_macro2::TokenStream;

use super::*;

mod constant;
mod each;
mod foreign;
mod function;
mod key;

const PRODUCT: &str = "async fn product(id: u64, name: &str) -> Option<Product> {}";
const METHOD: &str = "async fn product(&self, id: u64, name: &str) -> Option<Product> {}";

fn tokens(text: &str) -> TokenStream {
    TokenStream::from_str(text).unwrap()
}

fn faults(options: &str, item: &str) -> Vec<String> {
    match plan(tokens(options), tokens(item)) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.into_iter().map(|fault| fault.to_string()).collect(),
    }
}

#[track_caller]
fn assert_faults(options: &str, item: &str, expected: &[&str]) {
    let faults = faults(options, item);
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.contains(expected), "{fault}\nlacks\n{expected}");
    }
}

#[test]
fn every_option_is_documented() {
    let page = include_str!("../lib.rs");
    let page = page.split("pub fn athena_cache").next().unwrap();
    for rule in options::TABLE.rules {
        let row = [" = ", "(", "`"].map(|sign| format!("/// | `{}{sign}", rule.name));
        assert!(row.iter().any(|row| page.contains(row)), "{}", rule.name);
    }
}

#[test]
fn all_options_together_are_accepted() {
    let options = r#"
        ttl = "5m", grace = "1h", jitter = "10%", negative_ttl = "0s", negative = err,
        hard_timeout = "2s", ttl_from = |value: &Product| value.life, key = "product:{self.tenant}:{id}", shared, skip(name), secret(id),
        name = "shop::product", version = 2,
        tags = ["product", "tenant:{self.tenant}",], tags_from = |value, ..| value.tags(),
        codec = Json, fallback = FailFast, when = id > 0 && name != "a", unless = Product::is_empty,
        grace_unless = |error| error.is_missing(), cache = self.cache, crate = crate::cache,
    "#;
    assert_faults(options, METHOD, &[]);
}

#[test]
fn all_faults_are_reported_at_once() {
    assert_faults(
        r#"tll = "5m", jitter = "200%", ttl = "5m", ttl = "1s", key = "{id", skip(nam), grace"#,
        "fn product(id: u64) {}",
        &[
            "unknown option `tll`, expected one of `cache`, `codec`, `crate`",
            "from `\"0%\"` to `\"100%\"`",
            "`ttl` is set twice",
            "`{id` opens a hole",
            "`grace` is written `grace = …`",
            "there is nothing to cache",
            "`nam` is no argument of `product`, expected `id`",
        ],
    );
}

#[test]
fn an_unknown_option_suggests_the_one_that_was_meant() {
    let fault = &faults(r#"tll = "5m""#, PRODUCT)[0];
    assert!(fault.ends_with("`when`; did you mean `ttl`?"), "{fault}");
}

#[test]
fn reading_goes_on_after_a_fault_with_commas_in_it() {
    let options = r#"tags_form = |a, b| c, ttl = "1x", unless |a, b| c, tier = disk"#;
    let expected = [
        "did you mean `tags_from`?",
        "found `\"1x\"`",
        "`unless` is written `unless = …`",
        "unknown word `disk`, expected `memory`",
    ];
    assert_faults(options, PRODUCT, &expected);
}

#[test]
fn an_option_without_value_or_comma_is_a_fault() {
    assert_faults("ttl = , grace", PRODUCT, &["`ttl` has no value", "`grace` is written"]);
    assert_faults(r#"ttl = "1s" grace = "1s""#, PRODUCT, &["expected `,`"]);
    assert_faults("skip = [id]", PRODUCT, &["`skip` is written `skip(…, …)`"]);
    assert_faults("shared = true", PRODUCT, &["`shared` stands alone"]);
    assert_faults(r#"tags = "a""#, PRODUCT, &["expected a list such as"]);
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for (options, expected) in [
        (r#"key = "p:{id}", skip(name, id)"#, "`id` is both in `key` and in `skip`"),
        ("secret(id), skip(id)", "`id` is both in `secret` and in `skip`"),
        (r#"secret(name), tags = ["a", "of:{name}"]"#, "a tag is readable, and `name` is secret"),
        ("secret()", "`secret` names no argument"),
        ("secret(nam)", "`nam` is no argument of `product`"),
        ("secret(self)", "`self` is no argument of `product`"),
        ("shared", "`shared` has no effect without `key`"),
        ("negative = err", "add `negative_ttl"),
        ("tier = memory, codec = Json", "`codec` has no effect with `tier = memory`"),
        (r#"soft_timeout = "2s", hard_timeout = "1s""#, "`soft_timeout` never acts"),
        (r#"refresh = "80%", ttl = "0s""#, "`refresh` has no effect with `ttl = \"0s\"`"),
    ] {
        assert_faults(options, PRODUCT, &[expected]);
    }
}

#[test]
fn keys_that_two_entries_could_share_are_refused() {
    for (key, expected) in [
        ("{id}", "starts with a word"),
        (":{id}", "starts with a word"),
        ("", "starts with a word"),
        ("p:{id}{name}", "nothing stands between two holes"),
        ("p:{id}x{name}", "`x` between two holes"),
        ("p:{id}-._~%{name}", "`-._~%` between two holes"),
        ("p:{id}é{name}", "`é` between two holes"),
    ] {
        assert_faults(&naming(key), PRODUCT, &[expected]);
    }
    for key in ["p:{id}:{name}", "p:{id}x:x{name}", "p:{id} {name}", "p{id}", "all"] {
        assert_faults(&naming(key), PRODUCT, &[]);
    }
}

/// `key = "…"`, and `skip(…)` for what is not in it.
fn naming(key: &str) -> String {
    let missing = ["id", "name"].into_iter().filter(|name| !key.contains(&format!("{{{name}}}")));
    format!("key = {key:?}, skip({})", missing.collect::<Vec<_>>().join(", "))
}

#[test]
fn holes_name_arguments_only() {
    let item = "async fn f((a, b): (u8, u8), r#type: u8) -> u8 {}";
    for (tag, expected) in [
        ("{typ}", "`{typ}` names no argument of `f`, expected `type`; did you mean `type`?"),
        ("{a}", "`{a}` is part of a pattern"),
        ("{self.id}", "`f` takes no `self`"),
        ("", "a tag needs a text"),
    ] {
        assert_faults(&format!("tags = [{tag:?}]"), item, &[expected]);
    }
    assert_faults(r#"tags = ["{r#type}"]"#, item, &[]);
    assert_faults(r#"tags = ["{x}"]"#, "async fn f() -> u8 {}", &["`f` has none"]);
}
