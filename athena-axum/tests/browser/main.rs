//! The page in a real browser, against the real router.
//!
//! One browser serves all tests. `p1` to `p8` are what the page must show: each of them, by number, in these tests.

#![allow(clippy::needless_pass_by_value, reason = "`json!` makes values")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]
#![allow(unreachable_pub, missing_docs, dead_code, reason = "nobody depends on a test")]

#[path = "../support/browser.rs"]
mod browser;
#[path = "../support/many.rs"]
mod many;
#[path = "../support/served.rs"]
mod served;
#[path = "../../../tests/support/mod.rs"]
mod support;

mod acting;
mod failing;
mod fleet;
mod hostile;
mod links;
mod reading;
mod shop;
mod told;
