use super::*;

const PRODUCTS: &str = "async fn products(db: &Db, ids: &[u64]) -> HashMap<u64, Product> {}";

#[test]
fn the_list_is_an_argument_of_a_function_that_waits() {
    for (each, item, expected) in [
        (
            "idz",
            PRODUCTS,
            "`idz` is no argument of `products`, expected one of `db`, `ids`; did you mean `ids`?",
        ),
        (
            "ids",
            "async fn f() -> HashMap<u8, u8> {}",
            "`ids` is no argument of `f`, which has none",
        ),
        ("a", "async fn f((a, b): (u8, u8)) -> HashMap<u8, u8> {}", "`a` is part of a pattern"),
        (
            "ids",
            "async fn f(ids: u64) -> HashMap<u8, u8> {}",
            "expected `&[T]` or `Vec<T>`, found `u64`",
        ),
        ("ids", "async fn f(ids: &Vec<u8>) -> HashMap<u8, u8> {}", "found `&Vec<u8>`"),
        ("ids", "async fn f(ids: [u8; 2]) -> HashMap<u8, u8> {}", "expected `&[T]` or `Vec<T>`"),
        ("ids", "async fn f(ids: Ids) -> HashMap<u8, u8> {}", "found `Ids`"),
        ("ids", "fn f(ids: &[u8]) -> HashMap<u8, u8> {}", "make it `async`"),
    ] {
        let skip = if item == PRODUCTS { ", skip(db)" } else { "" };
        assert_faults(&format!("each = {each}{skip}"), item, &[expected]);
    }
    for list in ["&[u64]", "&'a [&'a str]", "Vec<Id>", "std::vec::Vec<(u8, String)>"] {
        let item = format!("async fn f<'a>(ids: {list}) -> HashMap<u8, u8> {{}}");
        assert_faults("each = ids", &item, &[]);
    }
    assert_faults(r#"each = "ids""#, PRODUCTS, &["expected the name of an argument such as `ids`"]);
}

#[test]
fn options_about_one_load_are_refused() {
    for (options, expected) in [
        (r#"refresh = "80%""#, "`refresh` is about the load of one entry"),
        (r#"soft_timeout = "1s""#, "`soft_timeout` is about the load of one entry"),
        (r#"hard_timeout = "1s""#, "`hard_timeout` is about the load of one entry"),
        (r#"negative = err, negative_ttl = "1s""#, "`negative` is about the load of one entry"),
        ("grace_unless = |error| true", "`grace_unless` is about the load of one entry"),
        ("fallback = FailFast", "choose another fallback"),
    ] {
        assert_faults(&format!("each = ids, skip(db), {options}"), PRODUCTS, &[expected]);
    }
    let others = r#"
        each = ids, skip(db), ttl = "5m", grace = "1h", jitter = "10%", negative_ttl = "5s", key = "product:{ids}",
        shared, secret(ids), name = "shop::products", version = 2, tags = ["products"], codec = Json,
        tags_from = |value| value.tags(), ttl_from = |value| value.life, fallback = ServeStale, when = true,
        unless = |value| value.is_old(), crate = crate::cache
    "#;
    assert_faults(others, PRODUCTS, &[]);
}

#[test]
fn an_element_names_its_entry() {
    for (options, expected) in [
        ("skip(db, ids)", "`ids` is both in `each` and in `skip`"),
        (r#"skip(db), key = "products""#, "calls that differ in `ids` alone would share an entry"),
        (r#"key = "product:{ids}""#, "calls that differ in `db` alone would share an entry"),
    ] {
        assert_faults(&format!("each = ids, {options}"), PRODUCTS, &[expected]);
    }
    let sets = "async fn f(ids: &[HashSet<u8>]) -> HashMap<u8, u8> {}";
    assert_faults("each = ids", sets, &["take `BTreeSet<u8>`"]);
}

#[test]
fn what_a_body_uses_up_it_cannot_use_again() {
    let list = "ids: &[u8]) -> HashMap<u8, u8> {}";
    for receiver in ["self", "mut self", "&mut self", "self: Arc<Self>", "self: Box<Self>"] {
        let item = format!("async fn f({receiver}, {list}");
        assert_faults("each = ids, skip(self)", &item, &["take `&self`"]);
    }
    for receiver in ["&self", "self: &Self", "&'a self"] {
        assert_faults("each = ids, skip(self)", &format!("async fn f({receiver}, {list}"), &[]);
    }
    let item = format!("async fn f(db: &mut Db, {list}");
    assert_faults("each = ids, skip(db)", &item, &["take `db` by `&`"]);
}

#[test]
fn the_key_of_an_element_shows_its_type() {
    for (list, part) in [("&[u64]", "Integer"), ("Vec<&u32>", "Integer"), ("&[Id]", "Value")] {
        let item = format!("async fn f(ids: {list}) -> HashMap<u8, u8> {{}}");
        let expanded = expand(tokens(r#"each = ids, key = "product:{ids}""#), tokens(&item));
        let expected = format!("KeyPart::{part}");
        assert!(expanded.to_string().replace(' ', "").contains(&expected), "{expanded}");
    }
}
