use super::*;

#[test]
fn what_other_libraries_call_otherwise_is_one_error_with_what_to_write() {
    for (options, fix) in [
        ("time = 60", "`ttl = \"60s\"`"),
        ("expire = 60", "`ttl = \"60s\"`"),
        ("ttl_secs = 60", "`ttl = \"60s\"`"),
        ("duration = \"5m\"", "`ttl = \"5m\"`"),
        ("duration = Duration::from_secs(60)", "`ttl = \"5m\"`"),
        ("condition = id > 0", "`when = id > 0`"),
        ("condition = \"#id > 0\"", "`when = id > 0`"),
        (r##"convert = r#"{ format!("{}", id) }"#"##, "`key = \"product:{id}\"`"),
        ("size = 100", "`max_entries` of its memory settings"),
        ("sync = true", "which is always so; leave it out"),
        ("sync", "which is always so; leave it out"),
        ("result = true", "which is always so; leave it out"),
        ("value = \"users\"", "`name = \"shop::products\"`"),
        ("all_entries = true", "`cache.clear().await`"),
    ] {
        let faults = faults(options, PRODUCT);
        let [fault] = faults.as_slice() else { panic!("{options}: {faults:#?}") };
        assert!(
            fault.contains("unknown option `") && fault.contains("expected one of `cache`"),
            "{fault}"
        );
        assert!(fault.contains(fix), "{fault}\nlacks\n{fix}");
    }
}

#[test]
fn no_word_of_others_is_an_option_or_listed_twice() {
    let foreign = options::TABLE.foreign.iter();
    let mut words: Vec<_> = foreign.flat_map(crate::foreign::Foreign::words).collect();
    words.extend(options::TABLE.rules.iter().map(|rule| rule.name));
    let listed = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), listed);
}

#[test]
fn a_value_without_a_name_is_one_error() {
    assert_faults(
        r#""users""#,
        PRODUCT,
        &[
            r#"found `"users"`; entries belong to their function, which has its name by itself: write `name = "users"`"#,
        ],
    );
    assert_faults(r#""users", ttl = "5x""#, PRODUCT, &["found `\"users\"`", "`x` is no unit"]);
    assert_faults("60", PRODUCT, &["expected an option by its name, found `60`"]);
}

#[test]
fn a_word_in_the_clothes_of_another_language_is_told_how_it_stands() {
    for (options, fix) in [
        (
            "fallback = Fallback::ServeStale",
            "found `Fallback::ServeStale`; write the word alone, `ServeStale`",
        ),
        (r#"fallback = "ServeStale""#, "write the word alone, `ServeStale`"),
        (r#"tier = "memory""#, "write the word alone, `memory`"),
        (r#"crate = "a::b""#, "found `\"a::b\"`; write it without quotes, `a::b`"),
        (r#"tags = [format!("user:{}", id)]"#, "write `\"user:{id}\"`"),
        (
            r#"tags = [format!("user:{}", id.to_hex()), "b"]"#,
            "fills its holes by itself, with arguments",
        ),
        (r#"key = format!("user:{}:{}", id, name)"#, "write `\"user:{id}:{name}\"`"),
        ("tags = [name]", "expected a template such as `\"user:{id}\"`, found `name`"),
        (r#"hard_timeout = "0s""#, "leave the option out for no limit"),
        (r#"ttl = "5M""#, "were minutes meant? write `\"5m\"`"),
    ] {
        assert_faults(options, PRODUCT, &[fix]);
    }
}
