#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| athena_cache::fuzzing::redis::sentinel(bytes));
