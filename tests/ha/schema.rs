//! Two builds of one service on one server, as during a deploy.
//!
//! The builds are the examples `schema_old` and `schema_new`; `cargo test` builds them.

use std::path::PathBuf;
use std::process::Command;

use crate::support::server::RedisServer;

/// Functions of both builds, whose result types differ between them.
const CHANGED: [&str; 4] = ["gained", "lost", "reordered", "retyped"];

/// What a build says of each function: the label of the outcome and the value.
type Seen = Vec<(String, String, String)>;

#[derive(Debug, Clone, Copy)]
enum Build {
    Old,
    New,
}

impl Build {
    /// Runs it to its end.
    fn run(self, server: &RedisServer, command: &str) -> Seen {
        let path = self.path();
        let output = Command::new(&path).args([&server.url(), command]).output();
        let output = output.unwrap_or_else(|error| {
            panic!("cannot run {} ({error}): run cargo build --examples", path.display())
        });
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?} {command}: {errors}");
        let told = String::from_utf8(output.stdout).expect("text");
        let seen: Seen = told
            .lines()
            .map(|line| {
                let mut words = line.splitn(3, ' ').map(str::to_owned);
                let mut word = || words.next().expect("three words");
                (word(), word(), word())
            })
            .collect();
        assert_eq!(seen.len(), 5, "{told}");
        seen
    }

    /// Beside this binary's folder.
    fn path(self) -> PathBuf {
        let name = match self {
            Self::Old => "schema_old",
            Self::New => "schema_new",
        };
        let here = std::env::current_exe().expect("the path of this binary");
        let profile = here.ancestors().nth(2).expect("target/profile/deps/binary");
        profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }
}

fn labels(seen: &Seen, label: &str) -> Vec<String> {
    let of_label = seen.iter().filter(|(_, found, _)| found == label);
    of_label.map(|(name, _, _)| name.clone()).collect()
}

fn values(seen: &Seen) -> Vec<&str> {
    seen.iter().map(|(_, _, value)| value.as_str()).collect()
}

#[test]
fn a_type_that_changed_between_two_builds_reads_as_a_miss_and_one_that_did_not_as_a_hit() {
    let server = RedisServer::start();
    let first = Build::Old.run(&server, "call");
    assert_eq!(labels(&first, "MISS").len(), 5);
    let again = Build::Old.run(&server, "call");
    assert_eq!(labels(&again, "HIT").len(), 5);
    assert_eq!(values(&again), values(&first));

    let new = Build::New.run(&server, "call");
    assert_eq!(labels(&new, "MISS"), CHANGED);
    assert_eq!(labels(&new, "HIT"), ["unchanged"]);
    assert_eq!(values(&new)[4], values(&first)[4], "what the old build has stored");
    let again = Build::New.run(&server, "call");
    assert_eq!(labels(&again, "HIT").len(), 5);
    assert_eq!(values(&again), values(&new));

    // Whoever shares a lane has lost its entry; nobody reads the entry of another type.
    let old = Build::Old.run(&server, "call");
    assert_eq!(values(&old), values(&first));
    assert_eq!(old[4].1, "HIT");
}

#[test]
fn an_invalidation_by_one_build_removes_what_the_other_has_stored() {
    let server = RedisServer::start();
    for (stores, invalidates) in [(Build::Old, Build::New), (Build::New, Build::Old)] {
        stores.run(&server, "call");
        assert_eq!(labels(&stores.run(&server, "call"), "HIT").len(), 5);
        invalidates.run(&server, "invalidate");
        assert_eq!(labels(&stores.run(&server, "call"), "MISS").len(), 5, "{stores:?}");
        invalidates.run(&server, "invalidate");
    }
}
