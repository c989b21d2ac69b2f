//! What reads the words of sentinels, for tests and fuzzers that make bytes up.

use super::notices::Notice;
use super::replies;
use crate::config::Addresses;
use crate::link::fuzzing;

/// Everything that sentinels, and those whom they name, are asked for, and what they announce.
pub(crate) fn read_all(bytes: &[u8]) {
    let addresses = Addresses::default();
    if let Some(mut said) = fuzzing::replies(bytes) {
        drop(replies::read_view(&mut said, &addresses));
    }
    if let Some(mut said) = fuzzing::replies(bytes) {
        drop(replies::read_lists(&mut said, &addresses));
    }
    if let Some(mut said) = fuzzing::replies(bytes) {
        drop(replies::read_role(&mut said, &addresses));
        drop(replies::read_hello(&mut said));
    }
    if let Some(push) = fuzzing::push(bytes) {
        Notice::read(&push, "shop", &addresses);
    }
}
