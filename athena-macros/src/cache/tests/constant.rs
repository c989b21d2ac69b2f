use super::*;

const TIMES: [&str; 5] = ["ttl", "grace", "negative_ttl", "soft_timeout", "hard_timeout"];

#[test]
fn every_time_may_be_a_constant() {
    for option in TIMES {
        for constant in
            ["TTL", "Duration::from_secs(60)", "times::TTL.saturating_mul(2)", "Shop::TTL"]
        {
            assert_faults(&format!("{option} = {constant}"), PRODUCT, &[]);
        }
        assert_faults(&format!("{option} = 60"), PRODUCT, &["did you mean `\"60s\"`?"]);
    }
}

#[test]
fn a_time_of_one_call_is_refused() {
    for option in TIMES {
        let written = format!("{option} = Duration::from_secs(id)");
        let expected =
            format!("`{option}` is one for all calls, and `id` is known to one call alone");
        assert_faults(&written, PRODUCT, &[&expected]);
    }
    assert_faults("ttl = self.ttl, skip(self)", METHOD, &["write `ttl_from = |value| …`"]);
    let pattern = "async fn f((low, high): (u8, u8)) -> u8 {}";
    assert_faults("grace = Duration::from_secs(high)", pattern, &["and `high` is known to one"]);
}

#[test]
fn a_constant_of_a_type_parameter_is_refused() {
    let item = "async fn f<T: Life, const N: u64>(of: T) -> u8 {}";
    for (options, parameter) in [
        ("ttl = T::TTL", "`T`"),
        ("grace = Duration::from_secs(N)", "`N`"),
        ("ttl = Self::TTL", "`Self`"),
    ] {
        let expected = format!("which does not know {parameter}; name the constant by its type");
        assert_faults(options, item, &[&expected]);
    }
}

#[test]
fn what_only_rustc_can_compare_is_left_to_it() {
    for options in [
        "soft_timeout = SOFT, hard_timeout = HARD",
        r#"soft_timeout = "2s", hard_timeout = HARD"#,
        r#"refresh = "80%", ttl = TTL"#,
    ] {
        assert_faults(options, PRODUCT, &[]);
    }
}
