use super::*;

#[test]
fn a_method_says_what_self_is_to_its_result() {
    let item = "async fn settings(&self, id: u32, db: &Db) -> u32 {}";
    for (options, key, skip) in [
        ("", r#"key = "settings:{self.…}:{id}:{db}""#, "write `skip(self)`"),
        ("skip(db)", r#"key = "settings:{self.…}:{id}""#, "write `skip(db, self)`"),
        (r#"key = "s:{id}", skip(db)"#, r#"key = "s:{id}:{self.…}""#, "write `skip(db, self)`"),
    ] {
        let faults = faults(options, item);
        let [fault] = faults.as_slice() else { panic!("{faults:#?}") };
        assert!(fault.contains("`settings` would answer one `self`"), "{fault}");
        assert!(fault.contains(&format!("`{key}`")) && fault.contains(skip), "{fault}");
    }
    for options in [
        "skip(self, db)",
        r#"key = "s:{self}:{id}", skip(db)"#,
        r#"key = "s:{self.tenant.name}:{id}", skip(db)"#,
        r#"key = "s:{id}", skip(db, self)"#,
    ] {
        assert_faults(options, item, &[]);
    }
}

#[test]
fn every_receiver_counts_as_self() {
    for receiver in ["self", "mut self", "&mut self", "&'a self", "self: Arc<Self>"] {
        let item = format!("async fn f({receiver}) -> u8 {{}}");
        assert_faults("", &item, &["`f` would answer one `self`"]);
        assert_faults("skip(self)", &item, &[]);
    }
    assert_faults("skip(self)", "async fn f(id: u8) -> u8 {}", &["`self` is no argument of `f`"]);
}

#[test]
fn with_a_key_every_argument_is_in_it_or_left_out_by_a_word() {
    let item = "async fn f(a: u8, r#type: T, (b, c): (u8, u8), Wrapper(..): W) -> u8 {}";
    assert_faults(
        r#"key = "f:{a.b}", skip(b, c), tags = ["{r#type}"], when = r#type > 0"#,
        item,
        &[
            "calls that differ in `type` alone would share an entry: add `{r#type}` to `key`, or \
             write `skip(b, c, type)`",
            "calls that differ in this argument alone would share an entry: give it a name, and",
        ],
    );
    let item = "async fn f(a: u8, (b, c): (u8, u8)) -> u8 {}";
    assert_faults(
        r#"key = "f:{a}""#,
        item,
        &["give it a name to write in `key`, or write `skip(b, c)`"],
    );
    assert_faults(r#"key = "f:{a}", skip(b, c)"#, item, &[]);
}

#[test]
fn what_the_body_cannot_see_needs_no_word() {
    assert_faults(r#"key = "f:{a}""#, "async fn f(a: u8, _: Db) -> u8 {}", &[]);
    assert_faults("", "async fn f(_: &mut Db) -> u8 {}", &[]);
}

#[test]
fn what_an_option_could_not_tell_is_not_said_to_be_missing() {
    let item = "async fn f(&self, a: u8) -> u8 {}";
    assert_faults(r#"key = "f:{self""#, item, &["`{self` opens a hole"]);
    assert_faults(
        r#"key = "f:{a}", skip(self, "b")"#,
        item,
        &["expected the name of an argument, such as `db`, found `\"b\"`"],
    );
}

#[test]
fn a_pattern_is_left_out_by_all_that_it_binds() {
    let item = "async fn f(State(db): State<&mut Db>, id: u8) -> u8 {}";
    assert_faults("skip(db)", item, &[]);
    let unknown = "`State` is no argument of `f`, expected one of `db`, `id`";
    assert_faults("skip(State)", item, &[unknown]);
    let item = "async fn f([a, .., Some(b)]: A, B { c, d: &e, .. }: B, g @ (h, _): C) -> u8 {}";
    assert_faults("skip(a, b, c, e, g, h)", item, &[]);
    assert_faults(
        "skip(b, c, g, d)",
        item,
        &[
            "`d` is no argument of `f`, expected one of `a`, `b`, `c`, `e`, `g`, `h`",
            "`b` is part of an argument, which cannot be left out without `a`; write `skip(a, b)`",
            "`c` is part of an argument, which cannot be left out without `e`; write `skip(c, e)`",
            "`g` is part of an argument, which cannot be left out without `h`; write `skip(g, h)`",
        ],
    );
}

#[test]
fn what_is_in_the_key_cannot_be_left_out_of_it() {
    let item = "async fn f(&self, user: &User) -> u8 {}";
    assert_faults(
        r#"key = "f:{self.tenant}:{user.id}", skip(self, r#user)"#,
        item,
        &["`self` is both in `key` and in `skip`", "`r#user` is both in `key` and in `skip`"],
    );
}

#[test]
fn the_cache_to_use_needs_no_word() {
    for cache in ["cache", "&cache", "(&cache)"] {
        let item = "async fn f(cache: &Cache, id: u8) -> u8 {}";
        assert_faults(&format!("cache = {cache}"), item, &[]);
        assert_faults(&format!(r#"cache = {cache}, key = "f:{{id}}""#), item, &[]);
        assert_faults(&format!(r#"cache = {cache}, key = "f:{{id}}", skip(cache)"#), item, &[]);
    }
    let item = "async fn f(state: &State, id: u8) -> u8 {}";
    let options = r#"cache = state.cache, key = "f:{id}""#;
    assert_faults(options, item, &["calls that differ in `state` alone"]);
}

#[test]
fn a_mutable_argument_is_no_part_of_a_key() {
    let item = "async fn f(db: &mut Db, id: u8) -> u8 {}";
    assert_faults("", item, &["leave it out of the key with `skip(db)`"]);
    assert_faults(r#"key = "f:{id}", skip(db)"#, item, &[]);
}

#[test]
fn code_is_no_part_of_a_key() {
    for ty in [
        "impl Fn(u64) -> u64",
        "impl AsyncFn(u64) -> u64 + Send",
        "&dyn Fn(u64) -> u64",
        "Box<dyn std::ops::FnMut()>",
        "Option<fn(u64) -> u64>",
        "fn(u64) -> u64",
        "&&(dyn Fn() + Sync)",
    ] {
        let item = format!("async fn f(id: u8, load: {ty}) -> u8 {{}}");
        let expected: &[&str] = &["is code; write `skip(load)`"];
        let expected = if ty.starts_with("Option") { &[] } else { expected };
        assert_faults("", &item, expected);
        assert_faults("skip(load)", &item, &[]);
        assert_faults(r#"key = "f:{id}", skip(load)"#, &item, &[]);
    }
}

#[test]
fn sets_in_random_order_are_no_part_of_a_key() {
    for (ty, instead) in [
        ("HashSet<u64>", "take `BTreeSet<u64>`"),
        ("&HashSet<u64>", "take `&BTreeSet<u64>`"),
        ("std::collections::HashSet<u64>", "take `std::collections::BTreeSet<u64>`"),
        ("Option<HashSet<u64>>", "take `Option<BTreeSet<u64>>`"),
        ("(u8, &[HashSet<u64>])", "take `(u8, &[BTreeSet<u64>])`"),
    ] {
        let item = format!("async fn f(ids: {ty}) -> u8 {{}}");
        assert_faults("", &item, &[instead]);
        assert_faults("skip(ids)", &item, &[]);
    }
    for ty in ["HashMap<u8, u8>", "BTreeSet<u8>", "Vec<u8>", "HashSet"] {
        assert_faults("", &format!("async fn f(ids: {ty}) -> u8 {{}}"), &[]);
    }
}
