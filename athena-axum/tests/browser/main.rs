//! The page in a real browser, against the real router.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]
#![allow(unreachable_pub, missing_docs, dead_code, reason = "nobody depends on a test")]

#[path = "../support/browser.rs"]
mod browser;
#[path = "../support/many.rs"]
mod many;
#[path = "../support/served.rs"]
mod served;

mod looks;
