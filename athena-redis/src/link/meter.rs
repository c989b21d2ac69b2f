//! How much one reply of a server takes, told from its bytes as they arrive.
//!
//! The reader of replies keeps all of one until its end is there, however far off the server says that is. So
//! what would be too much is found where the bytes come in, by no more of the protocol than its frames
//! (RESP3, <https://redis.io/docs/latest/develop/reference/protocol-spec/>).
//!
//! Invariant: it takes no more memory than a word for each level of nesting, of which there are few.

use std::fmt;

/// What a part of a reply takes in memory beside its bytes.
const PART: u64 = 64;
/// What a reply with one value takes beside its bytes, and more.
pub(super) const AROUND_VALUE: u64 = 64 << 10;
/// So many times the limit of one reply may have arrived since anything was handed over.
const WAITING: u64 = 4;
/// What is nested deeper is no reply, and is not followed.
const DEEPEST: usize = 128;
/// The longest length in front of a part, in characters.
const LONGEST_LENGTH: usize = 24;

/// A reply that takes too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OversizedReply {
    /// How many bytes it would take at least.
    pub(super) bytes: u64,
    pub(super) limit: u64,
}

/// Counts what the reply takes that is arriving.
#[derive(Debug)]
pub(super) struct Meter {
    limit: u64,
    /// What the present reply has taken so far.
    taken: u64,
    place: FramePlace,
    /// How many parts are to come on each level.
    open: Vec<u64>,
}

/// Where in a reply the next byte stands.
#[derive(Debug, Clone, Copy)]
enum FramePlace {
    /// At the first byte of a part.
    Start,
    /// In the line that says how large a part is.
    Length(Length),
    /// In a line of text.
    Line,
    /// In so many bytes of text.
    Text(u64),
    /// In what is no reply; whoever reads it will say so.
    Lost,
}

/// The line that says how large a part of some kind is, as far as it is there.
#[derive(Debug, Clone, Copy)]
struct Length {
    kind: u8,
    digits: [u8; LONGEST_LENGTH],
    len: usize,
}

impl Meter {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, taken: 0, place: FramePlace::Start, open: Vec::new() }
    }

    /// Refuses to have so many bytes wait that nobody has been handed over.
    ///
    /// Replies to one batch are handed over together, and each of them may be as large as one may be.
    pub(super) fn check_waiting(&self, bytes: u64) -> Result<(), OversizedReply> {
        let limit = self.limit.saturating_mul(WAITING);
        if bytes <= limit { Ok(()) } else { Err(OversizedReply { bytes, limit }) }
    }

    /// Takes in what has arrived.
    pub(super) fn add(&mut self, mut bytes: &[u8]) -> Result<(), OversizedReply> {
        while !bytes.is_empty() {
            let (here, rest) = bytes.split_at(self.reach(bytes));
            self.taken = self.taken.saturating_add(here.len() as u64);
            self.allow(0)?;
            self.pass(here)?;
            bytes = rest;
        }
        Ok(())
    }

    /// How many of the bytes belong to the present place: one at least.
    fn reach(&self, bytes: &[u8]) -> usize {
        match self.place {
            FramePlace::Start => 1,
            FramePlace::Length(_) | FramePlace::Line => {
                bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1)
            }
            FramePlace::Text(left) => usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()),
            FramePlace::Lost => bytes.len(),
        }
    }

    /// Goes past bytes of the present place.
    fn pass(&mut self, here: &[u8]) -> Result<(), OversizedReply> {
        match &mut self.place {
            FramePlace::Start => {
                if self.open.is_empty() {
                    self.taken = self.taken.saturating_add(PART);
                }
                self.place = match here[0] {
                    b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => FramePlace::Line,
                    kind @ (b'$' | b'!' | b'=' | b'*' | b'~' | b'>' | b'%' | b'|') => {
                        FramePlace::Length(Length { kind, digits: [0; LONGEST_LENGTH], len: 0 })
                    }
                    _ => FramePlace::Lost,
                };
            }
            FramePlace::Length(length) => {
                let (is_length, kind) = (length.add(here), length.kind);
                let length = length.read();
                if !is_length {
                    self.place = FramePlace::Lost;
                } else if here.ends_with(b"\n") {
                    return self.enter(kind, length);
                }
            }
            FramePlace::Line if here.ends_with(b"\n") => self.end_part(),
            FramePlace::Text(left) => {
                *left -= here.len() as u64;
                if *left == 0 {
                    self.end_part();
                }
            }
            FramePlace::Line | FramePlace::Lost => {}
        }
        Ok(())
    }

    /// Goes into a part of which is known how large it is; of nothing, it is over.
    fn enter(&mut self, kind: u8, length: Option<i64>) -> Result<(), OversizedReply> {
        let Some(length) = length else {
            self.place = FramePlace::Lost;
            return Ok(());
        };
        let Ok(length) = u64::try_from(length) else {
            self.end_part();
            return Ok(());
        };
        let parts = match kind {
            b'*' | b'~' | b'>' => length,
            b'%' => length.saturating_mul(2),
            // Whatever it describes comes behind it, in its place.
            b'|' => length.saturating_mul(2).saturating_add(1),
            _ => {
                self.allow(length)?;
                self.place = FramePlace::Text(length.saturating_add(2));
                return Ok(());
            }
        };
        // Before they are there: whoever reads may make room for all of them.
        self.taken = self.taken.saturating_add(parts.saturating_mul(PART));
        self.allow(0)?;
        if parts == 0 {
            self.end_part();
        } else if self.open.len() == DEEPEST {
            self.place = FramePlace::Lost;
        } else {
            self.open.push(parts);
            self.place = FramePlace::Start;
        }
        Ok(())
    }

    /// A part is over, and with the last one of it what it is a part of.
    fn end_part(&mut self) {
        self.place = FramePlace::Start;
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
        self.taken = 0;
    }

    fn allow(&self, more: u64) -> Result<(), OversizedReply> {
        let (bytes, limit) = (self.taken.saturating_add(more), self.limit);
        if bytes <= limit { Ok(()) } else { Err(OversizedReply { bytes, limit }) }
    }
}

impl Length {
    /// Takes in a piece of the line; tells whether it can be a length.
    fn add(&mut self, piece: &[u8]) -> bool {
        let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
        let Some(room) = self.digits.get_mut(self.len..self.len + piece.len()) else {
            return false;
        };
        room.copy_from_slice(piece);
        self.len += piece.len();
        true
    }

    fn read(&self) -> Option<i64> {
        let digits = self.digits[..self.len].strip_suffix(b"\r")?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
}

impl fmt::Display for OversizedReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, limit } = self;
        write!(f, "a reply takes {bytes} bytes or more, and {limit} are allowed (`max_reply`)")
    }
}

impl std::error::Error for OversizedReply {}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1_000;

    /// Takes in bytes in pieces of each size; what came of it is the same.
    fn metered(bytes: &[u8]) -> Result<u64, OversizedReply> {
        let of = |size: usize| {
            let mut meter = Meter::new(LIMIT);
            bytes.chunks(size).try_for_each(|piece| meter.add(piece)).map(|()| meter.taken)
        };
        let whole = of(bytes.len().max(1));
        for size in [1, 2, 3, 7] {
            assert_eq!(of(size).is_ok(), whole.is_ok(), "{} in {size}", bytes.escape_ascii());
            assert!(of(size).is_err() || of(size) == whole, "{} in {size}", bytes.escape_ascii());
        }
        whole
    }

    #[test]
    fn replies_that_are_over_take_nothing_any_more() {
        for reply in [
            "+OK\r\n",
            "$-1\r\n",
            "_\r\n",
            ":12\r\n",
            "$5\r\nhe\r\nl\r\n",
            "*0\r\n",
            "*-1\r\n",
            "*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
            "%1\r\n+a\r\n~2\r\n#t\r\n,1.5\r\n",
            ">2\r\n+invalidate\r\n*1\r\n$3\r\nfoo\r\n",
            "|1\r\n+ttl\r\n:3600\r\n*2\r\n(123\r\n=5\r\ntxt:a\r\n",
            "!5\r\nERR x\r\n",
            "-ERR no\r\n",
        ] {
            assert_eq!(metered(reply.as_bytes()), Ok(0), "{reply:?}");
            assert_eq!(metered(reply.repeat(1_000).as_bytes()), Ok(0), "{reply:?}");
        }
    }

    #[test]
    fn a_reply_that_says_that_it_is_too_large_is_not_waited_for() {
        for begin in [
            "$1000\r\n",
            "$1099511627776\r\n",
            "$9223372036854775807\r\n",
            "*16\r\n",
            "*9223372036854775807\r\n",
            "%8\r\n",
            "%4611686018427387905\r\n",
            "|4611686018427387905\r\n",
            "*2\r\n$500\r\n",
        ] {
            let refused = metered(begin.as_bytes());
            let is_small = begin.starts_with("*2");
            assert_eq!(refused.is_ok(), is_small, "{begin:?}: {refused:?}");
        }
        let two = format!("*2\r\n$500\r\n{}\r\n$400\r\n", "x".repeat(500));
        assert!(metered(two.as_bytes()).is_err(), "together they are");
        assert_eq!(metered(format!("$800\r\n{}\r\n", "x".repeat(800)).as_bytes()), Ok(0));
    }

    #[test]
    fn what_goes_on_for_ever_without_saying_so_is_too_large() {
        for (begin, piece) in [
            ("+", "x"),
            ("*1\r\n", "*1\r\n"),
            ("x", "x"),
            ("$", "1"),
            ("$?\r\n", ";1\r\nx\r\n"),
            ("*10\r\n", "*10\r\n"),
            ("%1\r\n", "%1\r\n"),
        ] {
            let bytes = format!("{begin}{}", piece.repeat(2_000));
            assert!(metered(bytes.as_bytes()).is_err(), "{begin:?} {piece:?}");
        }
    }
}
