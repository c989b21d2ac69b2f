//! What the attributes accept, and what they say when they do not.
//!
//! After a change of messages: `TRYBUILD=overwrite cargo test --test ui`,
//! then read the difference.

#[test]
fn attributes_accept_what_they_promise() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}

#[test]
fn attributes_explain_what_they_refuse() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}
