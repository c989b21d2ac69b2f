//! Files that are whole, and each way in which one is not.

use std::io::{self, Read};

use proptest::prelude::*;

use super::*;

fn records() -> Vec<BackupRecord> {
    vec![
        BackupRecord::value("shop:{k:a}:0", 1_700_000_000_000, [1, 2, 3]),
        BackupRecord::generation("shop:#books", None, 7_u64.to_le_bytes()),
        BackupRecord::value("shop:{k:b}:1", 1, []),
    ]
}

fn written(head: &BackupHead, records: &[BackupRecord]) -> Vec<u8> {
    let mut writer = BackupWriter::begin(Vec::new(), head).unwrap();
    for record in records {
        assert!(writer.record(record).unwrap());
    }
    writer.skipped(2);
    writer.finish(vec!["k:a".to_owned()]).unwrap().0
}

fn read(bytes: impl Read) -> Result<(BackupHead, Vec<BackupRecord>, BackupFoot), Flaw> {
    let reader = BackupReader::open(bytes)?;
    let (head, mut records) = (reader.head().clone(), Vec::new());
    let foot = reader.read(|record| {
        records.push(record);
        Ok::<_, Flaw>(())
    })?;
    Ok((head, records, foot))
}

#[test]
fn what_was_written_is_read() {
    let mut head = BackupHead::new("shop", 1_600_000_000_000);
    head.nodes.push(("r1:6379".to_owned(), 9));
    let bytes = written(&head, &records());
    let (read_head, read_records, foot) = read(&bytes[..]).unwrap();
    assert_eq!((read_head, read_records), (head, records()));
    assert_eq!((foot.values, foot.generations, foot.bytes, foot.skipped), (2, 1, 3, 2));
    assert_eq!(foot.hot, ["k:a"]);
}

#[test]
fn a_file_in_which_one_bit_differs_is_refused() {
    let bytes = written(&BackupHead::new("shop", 1), &records());
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(read(&flipped[..]).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_file_that_ends_early_or_late_is_refused() {
    let bytes = written(&BackupHead::new("shop", 1), &records());
    for length in 0..bytes.len() {
        assert!(matches!(read(&bytes[..length]), Err(Flaw::Cut(_) | Flaw::Foreign)), "{length}");
    }
    let longer = [&bytes[..], b"x"].concat();
    let end = bytes.len() as u64;
    assert!(matches!(read(&longer[..]), Err(Flaw::Trailing(at)) if at == end));
}

#[test]
fn what_is_none_of_ours_says_so() {
    let of = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    assert_eq!(of(b"REDIS0011"), "is no backup of a cache");
    assert_eq!(of(b""), "is no backup of a cache");
    assert_eq!(
        of(b"AtB\x02...."),
        "has format 2, and this version reads 1: use the version that wrote it"
    );
}

#[test]
fn records_may_not_be_put_in_another_order_or_left_out() {
    let head = BackupHead::new("shop", 1);
    let (all, fewer) = (written(&head, &records()), written(&head, &records()[..2]));
    let last = all.len() - fewer.len();
    // The last record taken out of the file, with a foot that is as it was.
    let start = fewer.len() - foot_length(&fewer);
    let mut cut = all[..start].to_vec();
    cut.extend_from_slice(&all[start + last..]);
    assert!(matches!(read(&cut[..]), Err(Flaw::Damaged(_))));
}

fn foot_length(bytes: &[u8]) -> usize {
    let (_, _, foot) = read(bytes).unwrap();
    1 + 4 + postcard::to_allocvec(&foot).unwrap().len() + DIGEST
}

#[test]
fn a_length_that_is_claimed_costs_no_room() {
    // 512 MiB are claimed and not there: the reader has what is there.
    let mut bytes = written(&BackupHead::new("shop", 1), &[]);
    bytes.truncate(bytes.len() - foot_length(&bytes));
    bytes.extend_from_slice(&[1, 1, 0, b'a']);
    bytes.extend_from_slice(&0_u64.to_le_bytes());
    bytes.extend_from_slice(&LONGEST_VALUE.to_le_bytes());
    assert!(matches!(read(&bytes[..]), Err(Flaw::Cut(_))));
}

#[test]
fn what_is_too_long_for_a_record_is_left_out_and_counted() {
    let mut writer = BackupWriter::begin(Vec::new(), &BackupHead::new("shop", 1)).unwrap();
    let long = BackupRecord::value("n".repeat(LONGEST_NAME + 1), 1, []);
    assert!(!writer.record(&long).unwrap());
    assert_eq!((writer.so_far().values, writer.so_far().skipped), (0, 1));
}

#[test]
fn a_disk_that_fails_is_told_as_that() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no disk"))
        }
    }
    let head = written(&BackupHead::new("shop", 1), &[]);
    let fails = head[..12].chain(Failing);
    assert!(matches!(read(fails), Err(Flaw::Io(_))));
}

proptest! {
    #[test]
    fn nothing_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), format in 0..2_u8) {
        let begun = [&b"AtB"[..], &[format], &bytes].concat();
        drop(read(&begun[..]));
        drop(read(&bytes[..]));
    }

    #[test]
    fn any_record_comes_back(name in "[ -~]{1,200}", ends_at in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let record = BackupRecord::generation(name, Some(ends_at).filter(|end| *end != 0), bytes);
        let written = written(&BackupHead::new("shop", 1), std::slice::from_ref(&record));
        prop_assert_eq!(read(&written[..]).unwrap().1, [record]);
    }
}
