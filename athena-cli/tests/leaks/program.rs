//! What the program `athena` prints.

use super::athena::Athena;
use super::needles::{Needles, Reader};
use super::outputs::Outputs;

/// What shows no key, and is for operators.
const ABOUT_SERVERS: [&str; 5] =
    ["status", "status --fleet --json", "doctor", "doctor --json", "watch --count 1 --every 100ms"];
/// What shows keys and values to whoever may read them in Redis.
const ABOUT_ENTRIES: [&str; 2] = ["keys", "keys --json"];

pub fn read(url: &str, needles: &Needles, outputs: &mut Outputs) {
    let athena = Athena::new().with("ATHENA_URL", url).with("ATHENA_NAMESPACE", "leaks");
    let athena = if url.starts_with("redis-sentinel:") {
        athena.with("ATHENA_SENTINEL_PASSWORD", &needles.sentinel_password)
    } else {
        athena
    };
    let mut run = |athena: &Athena, words: &[&str], reader| {
        let output = athena.run_with(&[words, &["--timeout", "100ms"]].concat());
        assert_ne!(output.exit, 101, "{output:?}");
        outputs.add(format!("athena {words:?}"), reader, output.out);
        outputs.add(format!("athena {words:?} (errors)"), reader, output.err);
    };
    for command in ABOUT_SERVERS {
        run(&athena, &command.split(' ').collect::<Vec<_>>(), Reader::Operator);
    }
    for command in ABOUT_ENTRIES {
        run(&athena, &command.split(' ').collect::<Vec<_>>(), Reader::Keyholder);
    }
    run(&athena, &["show", &needles.key], Reader::Keyholder);
    run(&Athena::new(), &["doctor", "--url", url, "-n", "leaks"], Reader::Operator);
}
