//! Everything that reads bytes from outside, fed with what was really sent, what is broken, and mutations of
//! both: nothing panics, and nothing takes much more memory than there are bytes.
//!
//! The samples are in `fuzz/corpus`, a folder for each reader, and `scripts/fuzz` goes on from there.

#![allow(clippy::expect_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::path::Path;

use athena_cache::fuzzing;

/// Mutations of each sample.
const MUTATIONS: usize = 400;
/// What any reading may take, beside what it may for each byte.
const FLOOR: u64 = 64 << 10;
/// A value of a type may be so much larger in memory than its bytes are, and an error may show some of them.
const TIMES: u64 = 128;

/// Random numbers that are the same in every run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let number = self.next() % u64::try_from(limit.max(1)).expect("a length");
        usize::try_from(number).expect("below a length")
    }

    /// A byte that formats mean something by, more often than not.
    fn byte(&mut self) -> u8 {
        const TELLING: &[u8] = b"\0\x01\x7f\x80\xff\r\n:-+*$%~|_ ,@#{}[]\"0912";
        if self.next().is_multiple_of(2) {
            TELLING[self.below(TELLING.len())]
        } else {
            self.next().to_le_bytes()[0]
        }
    }
}

/// Changes bytes in one of the ways in which they are changed on purpose or by accident.
fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len());
    let end = at + random.below(bytes.len() - at + 1);
    match random.below(7) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, random.byte()),
        2 => drop(bytes.drain(at..end)),
        3 if !bytes.is_empty() => bytes[at] = random.byte(),
        4 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        5 => {
            let piece = bytes[at..end].repeat(1 + random.below(8));
            bytes.splice(at..at, piece);
        }
        _ => {
            let other = &others[random.below(others.len())];
            let from = random.below(other.len());
            bytes.splice(at..end, other[from..].iter().copied());
        }
    }
    bytes.truncate(1 << 16);
}

fn samples(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let samples: Vec<_> = paths.iter().map(|path| fs::read(path).expect("a sample")).collect();
    assert!(samples.len() >= 3, "too few samples in {}", folder.display());
    samples
}

/// Reads bytes, and tells if that took more than it may.
fn read(target: fn(&[u8]), bytes: &[u8]) -> Result<(), String> {
    let taken = allocation_counter::measure(|| target(bytes)).bytes_max;
    let allowed = FLOOR + TIMES * u64::try_from(bytes.len()).expect("a length");
    if taken <= allowed {
        return Ok(());
    }
    Err(format!("{taken} bytes of memory for {} bytes: {}", bytes.len(), bytes.escape_ascii()))
}

#[test]
fn no_bytes_make_a_reader_panic_or_take_much_more_memory_than_they_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let targets = [fuzzing::TARGETS, fuzzing::redis::TARGETS].concat();
    for (name, target) in &targets {
        let fuzzer = root.join(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(fuzzer.exists(), "{} is missing", fuzzer.display());
        // What is made once for each type counts for none of them.
        target(b"");
        let samples = samples(name);
        let mut random = Random(0x5eed);
        for sample in &samples {
            let mut bytes = sample.clone();
            for round in 0..MUTATIONS {
                read(*target, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
                if round % 8 == 0 {
                    bytes.clone_from(sample);
                }
                mutate(&mut bytes, &samples, &mut random);
            }
        }
    }
}
