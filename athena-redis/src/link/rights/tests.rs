use std::sync::LazyLock;

use redis::{ServerError, Value};

use super::*;
use crate::link::class::{self, Denial};

/// Read when the tests run: the page is no part of this package, which has to compile by itself.
static DOCS: LazyLock<String> = LazyLock::new(|| {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/high-availability.md");
    std::fs::read_to_string(page).expect("the page of the rights")
});

fn needs(promise: Promise) -> impl Iterator<Item = &'static str> {
    let needs = move |right: &&Right| right.promises.contains(&promise);
    RIGHTS.iter().filter(needs).map(|right| right.command)
}

fn lacks(denials: &[(&str, Denial)]) -> Lacks {
    let mut lacks = Lacks::default();
    for (command, denial) in denials {
        lacks.note_command(command, Some(*denial));
    }
    lacks
}

#[test]
fn the_documented_table_is_that_of_the_code() {
    let documented: Vec<_> = DOCS
        .lines()
        .skip_while(|line| !line.starts_with("| what is promised |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let rows = Promise::ALL.map(|promise| {
        let commands: Vec<_> =
            needs(promise).map(|command| format!("`{}`", command.replace('|', "\\|"))).collect();
        let is_essential = promise.ability().is_some_and(Ability::is_essential);
        let health = if is_essential { "degraded" } else { "healthy" };
        let without = promise.without();
        format!("| {} | {without} | {health} |", commands.join(" "))
    });
    assert_eq!(documented.len(), rows.len(), "{documented:#?}");
    for (line, row) in documented.iter().zip(&rows) {
        assert!(line.ends_with(row), "documented:\n{line}\nin the code:\n{row}");
    }
}

#[test]
fn the_documented_user_has_every_right_and_no_other() {
    let rule = DOCS.lines().find_map(|line| line.strip_prefix("ACL SETUSER shop on >… ~shop:* "));
    let rights = |place| {
        let rights = RIGHTS.iter().filter(|right| right.place == place);
        rights.map(|right| format!("+{}", right.command)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(rule, Some(&*rights(NodeKind::Everywhere)));
    let more = DOCS.lines().find_map(|line| line.strip_prefix("ACL SETUSER shop +cluster|nodes "));
    assert_eq!(more, Some(&*rights(NodeKind::Cluster)));
    let of_region = rights(NodeKind::Region);
    let told = DOCS.lines().any(|line| line.strip_prefix("ACL SETUSER shop ") == Some(&*of_region));
    assert!(told, "{of_region}");
}

#[test]
fn every_command_stands_in_the_table_once_and_serves_something() {
    for (at, right) in RIGHTS.iter().enumerate() {
        assert!(RIGHTS[..at].iter().all(|other| other.command != right.command), "{right:?}");
        assert!(!right.promises.is_empty(), "{right:?}");
    }
    for promise in Promise::ALL {
        assert!(needs(promise).next().is_some(), "{promise:?}");
    }
}

#[test]
fn what_belongs_to_an_ability_is_lacking_with_any_of_its_rights() {
    for right in RIGHTS {
        for denial in [Denial::Command, Denial::Names, Denial::Unknown] {
            let lacks = lacks(&[(right.command, denial)]);
            for ability in Ability::ALL {
                let belongs = right.promises.iter().any(|it| it.ability() == Some(ability));
                assert_eq!(lacks.permits(ability).is_err(), belongs, "{right:?} {ability}");
            }
            assert!(!lacks.is_empty() && lacks.has(right.command));
        }
    }
    assert!(Lacks::default().is_empty());
}

#[test]
fn the_fix_is_a_rule_that_can_be_pasted() {
    let prefixes = ["shop:".to_owned(), "blog:".to_owned()];
    for (denials, fix) in [
        (
            &[("eval", Denial::Command), ("evalsha", Denial::Command)][..],
            "ACL SETUSER app +eval +evalsha",
        ),
        (&[("mget", Denial::Names)], "ACL SETUSER app ~shop:* ~blog:*"),
        (
            &[("get", Denial::Names), ("del", Denial::Command)],
            "ACL SETUSER app ~shop:* ~blog:* +del",
        ),
    ] {
        assert_eq!(lacks(denials).fix(&"app".into(), &prefixes), fix);
    }
    let unknown = lacks(&[("eval", Denial::Unknown)]).fix(&"app".into(), &prefixes);
    assert!(unknown.contains("does not know eval") && !unknown.contains("ACL"), "{unknown}");
}

#[test]
fn servers_say_what_of_a_right_is_lacking() {
    let denial = |line: &str| match redis::parse_redis_value(format!("-{line}\r\n").as_bytes()) {
        Ok(Value::ServerError(error)) => {
            let error: ServerError = error;
            class::denial(&error)
        }
        other => panic!("{line}: {other:?}"),
    };
    for (line, expected) in [
        ("NOPERM this user has no permissions to run the 'eval' command", Some(Denial::Command)),
        ("NOPERM User app has no permissions to run the 'keys' command", Some(Denial::Command)),
        (
            "NOPERM this user has no permissions to access one of the keys used as arguments",
            Some(Denial::Names),
        ),
        ("NOPERM No permissions to access a key", Some(Denial::Names)),
        ("ERR unknown command 'EVAL', with args beginning with: ", Some(Denial::Unknown)),
        ("ERR unknown subcommand 'TRACKING'. Try CLIENT HELP.", Some(Denial::Unknown)),
        ("MOVED 1 127.0.0.1:1", None),
        ("LOADING Redis is loading the dataset in memory", None),
        ("MISCONF Redis is configured to save RDB snapshots", None),
        ("NOSCRIPT No matching script. Please use EVAL.", None),
    ] {
        assert_eq!(denial(line), expected, "{line}");
    }
}
