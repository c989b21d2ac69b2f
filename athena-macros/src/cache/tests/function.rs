use super::*;

#[test]
fn functions_that_cannot_be_cached_are_refused() {
    for (item, expected) in [
        ("fn f() -> impl Future<Output = u8> {}", "a form that cannot be seen through"),
        ("fn f() -> BoxFuture<'static, u8> {}", "a form that cannot be seen through"),
        (
            "fn f<'a>() -> futures::future::LocalBoxFuture<'a, u8> {}",
            "a form that cannot be seen through",
        ),
        ("fn f() -> Box<dyn Future> {}", "a form that cannot be seen through"),
        ("fn f() -> Pin<Box<impl Future>> {}", "a form that cannot be seen through"),
        ("fn f() {}", "nothing to cache"),
        ("extern \"C\" fn f() -> u8 {}", "foreign ABI"),
        ("async unsafe fn f() -> u8 {}", "the body of an `unsafe fn`"),
        ("const async fn f() -> u8 {}", "a `const fn` cannot wait"),
        ("async extern \"C\" fn f() -> u8 {}", "foreign ABI"),
        ("async fn f() {}", "nothing to cache"),
        ("async fn f() -> () {}", "nothing to cache"),
        ("async fn f() -> impl Clone {}", "write the type instead of `impl …`"),
        ("async fn f() -> Result<impl Clone, E> {}", "write the type instead of `impl …`"),
        ("async fn f(a: &str) -> &str {}", "it cannot borrow"),
        ("async fn f(a: &str) -> Option<&str> {}", "it cannot borrow"),
        ("async fn f(#[cfg(a)] a: u8) -> u8 {}", "an argument cannot be conditional"),
        ("async fn f() -> u8;", "has no body"),
        ("struct S;", "found a `struct`; put it on the function"),
        ("pub enum S {}", "found an `enum`; put it on the function"),
        ("impl S { fn f() -> u8 {} }", "found an `impl`; put it on each of its methods"),
        ("unsafe impl S {}", "found an `impl`; put it on each of its methods"),
        ("trait S {}", "found a `trait`; put it on methods with a body"),
        ("mod m {}", "found a `mod`; put it on each of its functions"),
        ("use a::b;", "expected `fn`"),
        ("#[test] fn f() {}", "call that from the test"),
        ("#[tokio::test] async fn f() {}", "call that from the test"),
    ] {
        assert_faults("", item, &[expected]);
    }
}

#[test]
fn what_is_read_back_from_bytes_is_owned() {
    for (output, expected) in [
        ("&'static str", "which `&'static str` cannot be; return `String`, or"),
        ("Option<&'static str>", "return `String`"),
        ("Result<Vec<&'static [u8]>, E>", "return `Vec<u8>`"),
        ("(u8, &'static Config)", "return `Config`"),
        ("[&'static str; 2]", "return `String`"),
    ] {
        let item = format!("async fn f() -> {output} {{}}");
        assert_faults("", &item, &[expected]);
        assert_faults("tier = memory", &item, &[]);
    }
    let errors = "async fn f() -> Result<u8, &'static str> {}";
    assert_faults("", errors, &[]);
    assert_faults(r#"negative = err, negative_ttl = "1s""#, errors, &["return `String`"]);
    assert_faults("", "async fn f() -> Id<PhantomData<&'static str>> {}", &[]);
}

#[test]
fn a_boxed_future_is_seen_through_any_path() {
    for output in [
        "Pin<Box<dyn Future<Output = u8>>>",
        "::core::pin::Pin<Box<dyn ::core::future::Future<Output = u8> + Send + 'async_trait>>",
        "std::pin::Pin<std::boxed::Box<dyn Send + std::future::Future<Output = Vec<u8>> + '_>>",
    ] {
        assert_faults("skip(self)", &format!("fn f(&self) -> {output} {{}}"), &[]);
    }
    let unit = "fn f() -> Pin<Box<dyn Future<Output = ()>>> {}";
    assert_faults("", unit, &["nothing to cache"]);
    assert_faults("", "fn f() -> Pin<Box<u8>> {}", &[]);
}

#[test]
fn a_background_load_needs_what_it_can_own() {
    for (arguments, expected) in [
        ("a: Option<&str>", "`Option<&str>` borrows"),
        ("a: &&str", "`&&str` borrows"),
        ("a: Cow<'a, str>", "`Cow<'a, str>` borrows"),
        ("a: &impl ToString", "a generic parameter"),
        ("a: &dyn Db", "no copy of what `&dyn Db` leads to; take `&Arc<dyn Db>`"),
        ("a: &(dyn Db + Send + Sync)", "take `&Arc<dyn Db + Send + Sync>`"),
        ("&mut self", "take `&self`"),
        ("self: Pin<&Self>", "`Pin<&Self>` borrows"),
    ] {
        let item = format!("async fn f({arguments}) -> u8 {{}}");
        let skip = if arguments.contains("self") { "skip(self)," } else { "" };
        assert_faults(&format!(r#"{skip} refresh = "80%""#), &item, &[expected]);
    }
    let owned = "async fn f(&self, a: &str, b: &[u8], c: u8, d: &'static str) -> u8 {}";
    assert_faults(r#"skip(self), soft_timeout = "1s""#, owned, &[]);
    assert_faults(
        r#"skip(a), refresh = "1%""#,
        "async fn f(a: &mut u8) -> u8 {}",
        &["`&mut u8` belongs to its caller"],
    );
}

#[test]
fn a_background_load_needs_a_place_for_the_body() {
    let message = "write the type's name";
    assert_faults(r#"refresh = "80%""#, "async fn f() -> u8 { Self::g() }", &[message]);
    assert_faults(r#"refresh = "80%""#, "async fn f(a: Self) -> u8 {}", &[message]);
    let boxed = "fn f(&self) -> Pin<Box<dyn Future<Output = u8>>> {}";
    let options = r#"skip(self), refresh = "80%""#;
    assert_faults(options, boxed, &["which a trait has no room for"]);
}

#[test]
fn a_wrong_attribute_gives_the_function_back() {
    let given_back = expand(tokens("tll = 1"), tokens(PRODUCT)).to_string();
    let kept = given_back.replace(' ', "").contains(&tokens(PRODUCT).to_string().replace(' ', ""));
    assert!(kept, "{given_back}");
    assert!(
        given_back.starts_with("# [allow"),
        "no lint tells of what the mistake leaves: {given_back}"
    );
    assert!(given_back.contains("compile_error"), "{given_back}");
}

#[test]
fn the_body_and_the_signature_stay_as_they_were() {
    let signature = "#[must_use] pub async fn f<'a, T: A>(x: &'a T) -> u8 where T: B";
    let body = "{ what even ! is this }";
    let expanded = expand(tokens(""), tokens(&format!("{signature} {body}"))).to_string();
    for part in [signature, body] {
        let kept = expanded.replace(' ', "").contains(&part.replace(' ', ""));
        assert!(kept, "{expanded}\nlacks\n{part}");
    }
}
