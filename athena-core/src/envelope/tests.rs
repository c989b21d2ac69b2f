//! What is written is read, what is not written is not.

use super::*;
use crate::tag::{LONGEST_TAG, MOST_TAGS};

const READER: Reader<'static> =
    Reader { name: "shop:{k:1}", codec: Codec::Postcard, fingerprint: 7 };

fn stamp(number: u64) -> Stamp {
    Stamp { generation: Generation::new(number), history: 9 }
}

fn envelope(tags: usize, length: usize) -> Envelope {
    let name = |number: usize| Tag::new(format!("{number:0>length$}"));
    Envelope {
        kind: EntryKind::Value,
        ttl: Duration::from_secs(60),
        grace: Duration::from_secs(5),
        history: 3,
        namespace: stamp(1),
        tags: (0..tags).map(|number| (name(number), stamp(2))).collect(),
        payload: b"value".to_vec(),
    }
}

#[test]
fn what_is_written_is_read_as_it_was() {
    for (tags, length) in [(0, 1), (1, 1), (3, 200), (MOST_TAGS, 4), (1, LONGEST_TAG)] {
        let envelope = envelope(tags, length);
        let bytes = envelope.write(READER).unwrap();
        assert_eq!(
            Envelope::read(bytes.clone(), READER).as_ref(),
            Ok(&envelope),
            "{tags} {length}"
        );
        assert_eq!(Envelope::grace_of(&bytes), Some(envelope.grace));
    }
}

#[test]
fn more_tags_than_are_read_are_not_written_and_more_than_are_written_are_not_read() {
    let many = envelope(MOST_TAGS + 1, 4);
    assert_eq!(many.write(READER), Err(Oversized::Tags(TagExcess::Count(MOST_TAGS + 1))));
    let long = envelope(1, LONGEST_TAG + 1);
    assert_eq!(long.write(READER), Err(Oversized::Tags(TagExcess::Length(LONGEST_TAG + 1))));
    let told = many.write(READER).unwrap_err().to_string();
    assert!(told.contains("has 1025 tags, and at most 1024"), "{told}");

    // The same as somebody else might write them.
    let most = envelope(MOST_TAGS, 4).write(READER).unwrap();
    let begin = MAGIC.len() + 1 + 2 + 8 + 4;
    let body = &most[begin..most.len() - CHECKSUM];
    assert!(Envelope::read(sealed(body, READER), READER).is_ok());
    let count = 8 + 8 + 8 + 16;
    let tag = [&4_u16.to_le_bytes()[..], b"more", &[1; 16]].concat();
    let claimed = u16::try_from(MOST_TAGS + 1).unwrap().to_le_bytes();
    let one_more = [&body[..count], &claimed, &tag, &body[count + 2..]].concat();
    let refused = Envelope::read(sealed(&one_more, READER), READER).unwrap_err();
    assert_eq!(refused, Unreadable::Oversized(TagExcess::Count(MOST_TAGS + 1)));
    assert_eq!(refused.to_string(), told, "an earlier version may have written it");
    let length = u16::try_from(LONGEST_TAG + 1).unwrap().to_le_bytes();
    let claim = [&body[..count], &1_u16.to_le_bytes(), &length].concat();
    assert_eq!(
        Envelope::read(sealed(&claim, READER), READER),
        Err(Unreadable::Oversized(TagExcess::Length(LONGEST_TAG + 1)))
    );
}

#[test]
fn an_envelope_that_was_damaged_or_cut_is_never_a_value() {
    let bytes = envelope(3, 10).write(READER).unwrap();
    for length in 0..bytes.len() {
        assert!(Envelope::read(bytes[..length].to_vec(), READER).is_err(), "{length}");
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x11;
        assert!(Envelope::read(damaged, READER).is_err(), "{at}");
    }
}
