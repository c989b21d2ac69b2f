use super::*;

#[test]
fn every_form_of_a_name_is_told_apart() {
    let digest = "9".repeat(64);
    for (name, kind, site, given, lane) in [
        ("shop:{k:product:42}:3", NameKind::Value, None, Some("product:42"), Some(3)),
        ("shop:{k:a$20b}:l", NameKind::Lease, None, Some("a b"), None),
        (
            "shop:{f:app::products#$11$05books}:7",
            NameKind::Value,
            Some("app::products"),
            None,
            Some(7),
        ),
        ("shop:#category:books", NameKind::Tag, None, Some("category:books"), None),
        ("shop:#", NameKind::AnyTag, None, None, None),
        ("shop:*", NameKind::Namespace, None, None, None),
        ("shop:{1a}*", NameKind::Namespace, None, None, None),
        ("shop:{@}", NameKind::Process, None, None, None),
        ("shop:{@}:web-3", NameKind::Process, None, None, None),
        ("shop:@check:1", NameKind::Process, None, None, None),
        ("shop:{1a}@check:1", NameKind::Process, None, None, None),
        ("shop:{k:a}:8", NameKind::Foreign, None, None, None),
        ("shop:{k:a}:03", NameKind::Foreign, None, None, None),
        ("shop:{k:a}", NameKind::Foreign, None, None, None),
        ("shop:{x:a}:3", NameKind::Foreign, None, None, None),
        ("shop:{k:a", NameKind::Foreign, None, None, None),
    ] {
        let seen = see("shop", name).unwrap();
        let found = (seen.kind, seen.site.as_deref(), seen.given.as_deref(), seen.lane);
        assert_eq!(found, (kind, site, given, lane), "{name}");
    }
    let long = see("shop", &format!("shop:{{f:app::products~{digest}}}:0")).unwrap();
    assert_eq!(
        (long.site.as_deref(), long.is_digest, long.given),
        (Some("app::products"), true, None)
    );
    for other in ["shop:eu:{k:a}:3", "shops:{k:a}:3", "shop", "shop:", "", "shop:plain"] {
        assert_eq!(see("shop", other), None, "{other}");
    }
}

#[test]
fn the_names_of_an_entry_are_found_by_whatever_names_it() {
    let of = |text: &str| entry_names("shop", text).unwrap();
    let names = of("product:42");
    assert_eq!(names.entry, "shop:{k:product:42}");
    assert_eq!((names.values.len(), names.values[7].as_str()), (8, "shop:{k:product:42}:7"));
    assert_eq!(names.lease, "shop:{k:product:42}:l");
    for same in
        ["k:product:42", "shop:{k:product:42}:3", "shop:{k:product:42}:l", "shop:{k:product:42}"]
    {
        assert_eq!(of(same), names, "{same}");
    }
    assert_eq!(of("a b").entry, "shop:{k:a$20b}");
    assert_eq!(of("f:app::products#$01").entry, "shop:{f:app::products#$01}");
    for none in ["f:a{b", "k:a}b", "shop:{x:1}:3", "shop:{1a}*", "f:a b"] {
        assert!(entry_names("shop", none).is_err(), "{none}");
    }
    assert!(entry_names("a b", "x").is_err());
    assert!(of(&"x".repeat(500)).entry.contains('~'));
}
