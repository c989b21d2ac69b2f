//! What is written on the command line, what must not be printed, and what ends it.

use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::process::Command;

use proptest::prelude::*;

use super::athena::Athena;
use super::support::server::{RedisServer, free_port};
use super::support::wait_for;

#[test]
fn what_cannot_be_used_ends_with_2_and_says_what_can() {
    let nowhere = "redis://127.0.0.1:1";
    for (athena, words, said) in [
        (Athena::new(), "status", "it is not said which Redis"),
        (Athena::new().with("ATHENA_URL", nowhere), "status", "it is not said of which cache"),
        (Athena::new(), "status -n shop --url nonsense", "the Redis cannot be used"),
        (Athena::at(nowhere), "status -n a/b", "invalid namespace `a/b`"),
        (Athena::at(nowhere), "status --timeout 1h", "expected 1ms to 10m"),
        (Athena::at(nowhere), "show f:a{b", "is no key"),
        (Athena::at(nowhere), "invalidate", "required"),
        (Athena::at(nowhere), "invalidate --all", "--confirm"),
        (Athena::at(nowhere), "invalidate --all --confirm other", "is for `shop`, and `other`"),
        (Athena::at(nowhere), "watch --every 1ms", "expected 100ms to 1day"),
        (Athena::at(nowhere), "watch --every 500000000years", "expected 100ms to 1day"),
        (Athena::at(nowhere), "drill --for 2days", "1day"),
        (Athena::at(nowhere), "drill --confirm shop", "--trigger"),
        (Athena::at(nowhere), "keys --limit 18446744073709551615", "expected 1 to 1000000"),
        (Athena::at(nowhere), "invalidate --confirm shop", "required"),
        (Athena::at(nowhere), "drill --trigger nobody --confirm shop", "possible values"),
        (Athena::at(nowhere), "frobnicate", "unrecognized subcommand"),
        (Athena::new(), "status -n shop --config /nowhere.toml", "cannot use `/nowhere.toml`"),
    ] {
        let output = athena.run(words);
        assert_eq!((output.exit, output.out.as_str()), (2, ""), "{words}: {output:?}");
        assert!(output.err.contains(said), "{words}: no `{said}` in {}", output.err);
        let output = athena.json(words);
        assert_eq!((output.exit, &output.json["exit"]), (2, &2.into()), "{words}: {output:?}");
        let error = &output.json["error"];
        assert!(error.to_string().contains(said), "{words}: no `{said}` in {error}");
    }
    let help = Athena::new().run("--help");
    assert_eq!((help.exit, help.err.as_str()), (0, ""));
    assert!(help.out.contains("doctor"), "{help:?}");
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let server = RedisServer::start();
    let mut watch = Athena::at(&server.url()).start("watch --every 100ms");
    let mut line = String::new();
    let mut reader = BufReader::new(watch.stdout.take().expect("a pipe"));
    reader.read_line(&mut line).expect("it prints");
    drop(reader);
    let exit = watch.wait().expect("it ends");
    let mut err = String::new();
    watch.stderr.take().expect("a pipe").read_to_string(&mut err).expect("it is closed");
    assert_eq!((exit.code(), err.as_str()), (Some(0), ""));
}

#[test]
fn whoever_interrupts_it_is_told_what_was_done_so_far() {
    let server = RedisServer::start();
    let drill = Athena::at(&server.url()).start("drill --json");
    wait_for("it writes", || server.cli(&["KEYS", "shop:@drill:*"]).list().first().map(drop));
    let id = drill.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().is_ok_and(|it| it.success()));
    let output = drill.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert!(document["probes"][0]["acknowledged"].as_u64() > Some(0), "{document}");
    assert_eq!(server.cli(&["DBSIZE"]).number(), 0);
}

/// A text as a URL may hold it.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        write!(encoded, "%{byte:02x}").expect("a text takes it");
    }
    encoded
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn no_password_ever_leaves(
        password in "[!-~äß]{6,24}",
        command in prop::sample::select(vec!["status", "doctor", "keys", "show k:x", "watch --count 1"]),
        form in prop::sample::select(vec!["", " --json"]),
    ) {
        let port = free_port();
        let words = format!("{command}{form} --timeout 50ms");
        let words: Vec<&str> = words.split(' ').collect();
        let bare = format!("redis://127.0.0.1:{port}");
        let good = format!("redis://:{}@127.0.0.1:{port}", encoded(&password));
        let sloppy = format!("redis://user:{password}@127.0.0.1:{port}");
        let odd = format!("redis:://:{password}@127.0.0.1:{port}");
        let file = std::env::temp_dir().join(format!("athena-{}-{port}.toml", std::process::id()));
        let text = format!("url = \"{bare}\"\npassword = '{}'\nsentinel_pasword = 1\n", password.replace('\'', "q"));
        std::fs::write(&file, text).expect("a file");
        let path = file.display().to_string();
        let base = Athena::new().with("ATHENA_NAMESPACE", "shop");
        let outputs = [
            base.clone().with("ATHENA_URL", &good).run_with(&words),
            base.clone().with("ATHENA_URL", &sloppy).run_with(&words),
            base.clone().with("ATHENA_URL", &bare).with("ATHENA_PASSWORD", &password).run_with(&words),
            base.run_with(&[&words[..], &["--url", &good]].concat()),
            base.run_with(&[&words[..], &["--url", &sloppy]].concat()),
            base.run_with(&[&words[..], &["--url", &odd]].concat()),
            base.run_with(&[&words[..], &["--urrl", &good]].concat()),
            base.run_with(&[&words[..], &[&sloppy]].concat()),
            base.run_with(&[&words[..], &["--config", &path]].concat()),
        ];
        std::fs::remove_file(&file).expect("it is there");
        let shown = password.replace('\'', "q");
        for output in outputs {
            prop_assert!(output.exit != 101, "{output:?}");
            for secret in [&password, &encoded(&password), &shown] {
                prop_assert!(!output.out.contains(secret.as_str()), "{output:?}");
                prop_assert!(!output.err.contains(secret.as_str()), "{output:?}");
            }
        }
    }
}

#[test]
fn a_wrong_password_is_refused_and_not_repeated() {
    let server = RedisServer::start_with_password("the-right-one");
    let wrong = Athena::at(&server.url()).with("ATHENA_PASSWORD", "the-wrong-one");
    for command in ["status", "doctor", "keys", "show a", "invalidate a"] {
        let output = wrong.run(command);
        assert_eq!(output.exit, 4, "{command}: {output:?}");
        assert!(!format!("{output:?}").contains("wrong-one"), "{output:?}");
    }
    // A password that is a name of a field changes no document.
    let named = Athena::at(&server.url()).with("ATHENA_PASSWORD", "error").json("keys");
    assert!(named.json["error"]["message"].is_string(), "{named:?}");
    let none = Athena::at(&server.url()).run("keys");
    assert_eq!(none.exit, 4, "{none:?}");
    assert!(none.err.contains("asks for a password"), "{none:?}");
    let right = Athena::at(&server.url()).with("ATHENA_PASSWORD", "the-right-one").run("keys");
    assert_eq!(right.exit, 0, "{right:?}");
}
