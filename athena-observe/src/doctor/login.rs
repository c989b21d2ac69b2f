//! Who is not let in: which user, and what to set.
//!
//! Invariant: a password is never in it, nor anything that a server repeats of one.

use super::finding::{Finding, RIGHTS};

/// What servers and the link say of a password that is wrong, or not given.
const WRONG: [&str; 2] = ["WRONGPASS", "invalid password"];
const MISSING: [&str; 2] = ["NOAUTH", "asks for a password"];

/// A node that does not let a user in.
pub(super) fn refused(user: &str, said: &str) -> Finding {
    let has = |words: [&str; 2]| words.iter().any(|word| said.contains(word));
    let finding = if has(WRONG) {
        let found = format!(
            "it does not let user `{user}` in: it does not know it, or not by that password (WRONGPASS)"
        );
        Finding::fault("login", found).fix(format!(
            "ACL SETUSER {user} on >PASSWORD    (there, with the password that the service has; or mend `username` and \
             `password` in the settings of the service, here ATHENA_USERNAME and ATHENA_PASSWORD)"
        ))
    } else if has(MISSING) {
        Finding::fault("login", "it asks for a password, and none is given").fix(
            "password = \"…\"    (in the settings of the service, and `username` where it has several users; here \
             ATHENA_PASSWORD and ATHENA_USERNAME)",
        )
    } else {
        Finding::fault("login", format!("it does not let user `{user}` in: {said}"))
            .fix("what is said there; user and password are `username` and `password` in the settings of the service")
    };
    finding
        .why("nothing is asked of it: what it serves is loaded by each process for itself")
        .see(RIGHTS)
}

/// A sentinel that does not let a user in, or not ask; `None` if it said something else.
pub(super) fn refused_by_sentinel(user: &str, said: &str) -> Option<Finding> {
    let has = |words: [&str; 2]| words.iter().any(|word| said.contains(word));
    let finding = if has(WRONG) {
        let found = format!(
            "it does not let user `{user}` in: it does not know it, or not by that password (WRONGPASS)"
        );
        Finding::fault("login", found).fix(
            "sentinel_password = \"…\"    (in the settings of the service, and `sentinel_username`: sentinels have users of \
             their own; here ATHENA_SENTINEL_PASSWORD)",
        )
    } else if has(MISSING) {
        Finding::fault("login", "it asks for a password, and none is given").fix(
            "sentinel_password = \"…\"    (in the settings of the service: that of the data nodes is never shown to \
             sentinels; here ATHENA_SENTINEL_PASSWORD)",
        )
    } else if said.contains("NOPERM") {
        let found = format!("it does not let user `{user}` ask who serves: {said}");
        Finding::fault("login", found).fix(format!(
            "ACL SETUSER {user} +sentinel +psubscribe allchannels    (at each sentinel)"
        ))
    } else {
        return None;
    };
    Some(
        finding
            .why("it is not heard who serves, nor of a failover, unless most of them say so")
            .see(RIGHTS),
    )
}
