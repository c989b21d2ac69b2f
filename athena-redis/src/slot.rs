//! Which of the 16384 slots of a cluster a name belongs to, and names for every part of them.
//!
//! The slot is the CRC16 (XMODEM) of the name, or of what stands between its first `{` and the next
//! `}` if that is not empty, modulo 16384: the cluster specification of Redis.

use std::sync::LazyLock;

/// How many slots a cluster has.
pub(crate) const COUNT: u16 = 16_384;
/// Neighbouring slots that share what depends on all of their entries.
///
/// Smaller partitions make more of them for `clear` to write; larger ones are more often cut in two by the
/// border between two nodes, where an entry then depends on the neighbour.
const SLOTS_PER_PARTITION: u16 = 16;

/// The slot of a name.
pub(crate) fn of(name: &str) -> u16 {
    let tag = name.split_once('{').and_then(|(_, rest)| Some(rest.split_once('}')?.0));
    crc16(tag.filter(|tag| !tag.is_empty()).unwrap_or(name).as_bytes()) % COUNT
}

/// The text that, in braces, makes a name in the neighbourhood of another.
pub(crate) fn partition(name: &str) -> &'static str {
    &partitions()[usize::from(of(name) / SLOTS_PER_PARTITION)]
}

/// One text for every neighbourhood, in the order of their slots.
///
/// Coherence 12: each has a generation of the namespace, and `clear` changes all of them.
pub(crate) fn partitions() -> &'static [String] {
    static PLACES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let count = usize::from(COUNT / SLOTS_PER_PARTITION);
        let mut partitions = vec![None; count];
        let mut missing = count;
        for number in 0_u32.. {
            let text = format!("{number:x}");
            let partition = &mut partitions[usize::from(of(&text) / SLOTS_PER_PARTITION)];
            if partition.is_none() {
                *partition = Some(text);
                missing -= 1;
            }
            if missing == 0 {
                break;
            }
        }
        partitions.into_iter().flatten().collect()
    });
    &PLACES
}

/// How many neighbouring partitions share a part of the log of invalidations.
///
/// Fewer parts make whoever follows it wait for fewer nodes; more of them lose less with a node.
const PARTITIONS_PER_LOG_PART: usize = 64;

/// The parts of the log, each by the text of its first partition.
pub(crate) fn log_parts() -> &'static [String] {
    static PARTS: LazyLock<Vec<String>> =
        LazyLock::new(|| partitions().iter().step_by(PARTITIONS_PER_LOG_PART).cloned().collect());
    &PARTS
}

/// The number of the part of the log that a name belongs to.
pub(crate) fn log_part(name: &str) -> usize {
    usize::from(of(name) / SLOTS_PER_PARTITION) / PARTITIONS_PER_LOG_PART
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte: u16 = 0;
    while byte < 256 {
        let mut crc = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_that_redis_answers() {
        // From `CLUSTER KEYSLOT`.
        for (name, slot) in [
            ("", 0),
            ("123456789", 12_739),
            ("foo", 12_182),
            ("somekey", 11_058),
            ("foo{hash_tag}", 2_515),
            ("bar{hash_tag}", 2_515),
            ("foo{}{bar}", 8_363),
            ("foo{{bar}}zap", 4_015),
            ("foo{bar}{zap}", 5_061),
            ("{bar", of("{bar")),
        ] {
            assert_eq!(of(name), slot, "{name}");
        }
    }

    #[test]
    fn every_place_has_a_name_that_lies_in_it() {
        assert_eq!(partitions().len(), 1_024);
        for (number, text) in partitions().iter().enumerate() {
            let name = format!("shop:{{{text}}}*");
            assert_eq!(usize::from(of(&name) / SLOTS_PER_PARTITION), number, "{text}");
            assert_eq!(partition(&name), text);
        }
    }

    #[test]
    fn each_part_of_the_log_lies_where_its_names_do() {
        assert_eq!(log_parts().len(), 16);
        for (number, text) in log_parts().iter().enumerate() {
            for name in ["", "n", "c", "l", "x", "o", "on"] {
                assert_eq!(log_part(&format!("shop:{{{text}}}>{name}")), number, "{text}");
            }
        }
        assert_eq!((log_part("foo"), log_part("")), (11, 0));
    }
}
