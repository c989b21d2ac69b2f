//! How much the replies of a server take, told from their bytes as they arrive.
//!
//! The reader of replies keeps all of one until its end is there, however far off the server says that is. So
//! what would be too much is found where the bytes come in, by no more of the protocol than its frames
//! (RESP3, <https://redis.io/docs/latest/develop/reference/protocol-spec/>). Where it is one of several values
//! that were asked for together, it alone is passed over: whoever asked could not know.
//!
//! Invariant: it takes no more memory than a word for each level of nesting, of which there are few, beside what
//! is known of the questions and of large values in the present reply.

use std::fmt;

use super::questions::{AnswerKind, LARGE, Questions, SentValue};

/// What a part of a reply takes in memory beside its bytes.
const PART: u64 = 64;
/// What a reply with one value takes beside its bytes, and more.
pub(super) const AROUND_VALUE: u64 = 64 << 10;
/// The most that a reply takes which is a number or a word.
const SMALL: u64 = 64 << 10;
/// So many times the limit of one reply may have arrived of a batch, which is handed over as a whole.
const WAITING: u64 = 4;
/// Up to so many bytes a value is never passed over.
const TINY: u64 = 4 << 10;
/// So many large values of one reply are told apart, which is more than are asked for together.
const MOST_LARGE: usize = 1_024;
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

/// Counts what the replies take that are arriving.
#[derive(Debug)]
pub(super) struct Meter {
    limit: u64,
    questions: Questions,
    /// How many replies have ended.
    ended: u64,
    /// How many bytes of replies have arrived.
    replied: u64,
    /// What the replies take that came before of a batch that is not handed over yet.
    waiting: u64,
    /// What the present reply has taken so far.
    taken: u64,
    /// Whether what arrives was not asked for, but is announced.
    is_push: bool,
    /// What the present reply may be; nothing between replies, and where nobody has asked.
    kind: Option<AnswerKind>,
    place: FramePlace,
    /// How many parts are to come on each level.
    open: Vec<u64>,
    /// How many parts the present reply has.
    parts: u64,
    /// The value that is arriving.
    present: Option<ArrivingValue>,
    /// The large ones of the present reply so far.
    large: Vec<ArrivingValue>,
}

/// A value of a reply that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ArrivingValue {
    /// Which of those it is that were asked for together, from 0 on.
    pub(super) index: u64,
    /// All its bytes.
    pub(super) bytes: u64,
    /// Whether there is no room for it.
    pub(super) is_passed_over: bool,
}

/// What becomes of bytes that have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sifted {
    /// All are handed on.
    All,
    /// Those from this position on wait for more.
    Wait { at: usize },
    /// So many from this position on are not handed on, and something may be in their place.
    Drop { at: usize, count: usize, instead: Option<&'static [u8]> },
}

impl Sifted {
    /// Of so many bytes: how many are handed on, behind how many the rest begins, and what is handed on in
    /// between.
    pub(super) fn split(self, len: usize) -> (usize, usize, &'static [u8]) {
        match self {
            Self::All => (len, len, &[]),
            Self::Wait { at } => (at, at, &[]),
            Self::Drop { at, count, instead } => (at, at + count, instead.unwrap_or_default()),
        }
    }

    /// Whether the rest waits for more.
    pub(super) fn waits(self) -> bool {
        matches!(self, Self::Wait { .. })
    }
}

/// Whether there is room for a value.
enum Weighed {
    Fits,
    /// Not all is there of the line that says how large it is.
    Unknown,
    /// There is not, of a value with so long a line, and so many bytes behind it.
    TooMuch {
        line: usize,
        bytes: u64,
    },
}

/// A value that is not there.
const NOTHING: &[u8] = b"$-1\r\n";

/// Where in a reply the next byte stands.
#[derive(Debug, Clone, Copy)]
enum FramePlace {
    /// At the first byte of a part.
    Start,
    /// In the line that says how large a part is.
    Length(Length),
    /// In a line of text, whose last byte so far was a carriage return or not.
    Line { is_returning: bool },
    /// In so many bytes of text.
    Text(u64),
    /// In so many bytes of a value that is passed over.
    Over(u64),
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
        Self {
            limit,
            questions: Questions::default(),
            ended: 0,
            replied: 0,
            waiting: 0,
            taken: 0,
            is_push: false,
            kind: None,
            place: FramePlace::Start,
            open: Vec::new(),
            parts: 0,
            present: None,
            large: Vec::new(),
        }
    }

    /// How many bytes of replies have arrived; announcements are none.
    pub(super) fn replied(&self) -> u64 {
        self.replied
    }

    /// How many replies have ended.
    pub(super) fn ended(&self) -> u64 {
        self.ended
    }

    /// The values that are arriving, if that has begun and is not over: the one that is, and the large ones.
    pub(super) fn arriving(&self) -> Option<(Option<ArrivingValue>, &[ArrivingValue])> {
        (self.kind == Some(AnswerKind::Values)).then_some((self.present, &self.large))
    }

    /// Takes in what was asked; tells how many questions have begun.
    pub(super) fn ask(&mut self, bytes: &[u8]) -> u64 {
        self.questions.add(bytes);
        self.questions.begun()
    }

    /// Takes the large values that have begun to be sent since the last time.
    pub(super) fn take_sent(&mut self) -> Vec<SentValue> {
        self.questions.take_sent()
    }

    /// The name of one of the values that are arriving.
    pub(super) fn name(&self, index: u64) -> Option<String> {
        self.questions.name(index)
    }

    /// Which of the values is arriving, or comes next.
    pub(super) fn next(&self) -> u64 {
        self.open.first().map_or(0, |left| self.parts.saturating_sub(*left))
    }

    /// Takes in what has arrived, or its beginning if the answer is not all of it.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<Sifted, OversizedReply> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if let FramePlace::Over(left) = self.place {
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                self.go_over(left, count as u64);
                return Ok(Sifted::Drop { at, count, instead: None });
            }
            match self.weigh(rest) {
                Weighed::Fits => {}
                Weighed::Unknown => return Ok(Sifted::Wait { at }),
                Weighed::TooMuch { line, bytes } => {
                    self.replied += line as u64;
                    self.pass_over(bytes);
                    return Ok(Sifted::Drop { at, count: line, instead: Some(NOTHING) });
                }
            }
            let here = &rest[..self.reach(rest)];
            self.taken = self.taken.saturating_add(here.len() as u64);
            self.taking(0)?;
            self.pass(here)?;
            if !self.is_push {
                self.replied += here.len() as u64;
            }
            at += here.len();
        }
        Ok(Sifted::All)
    }

    /// Whether there is room for what comes, if that is one of several values.
    fn weigh(&self, rest: &[u8]) -> Weighed {
        let is_value = matches!(self.place, FramePlace::Start)
            && self.open.len() == 1
            && self.kind == Some(AnswerKind::Values)
            && rest[0] == b'$';
        if !is_value {
            return Weighed::Fits;
        }
        let line = &rest[..rest.len().min(LONGEST_LENGTH + 2)];
        let Some(end) = line.iter().position(|byte| *byte == b'\n') else {
            let may_end = line.len() < LONGEST_LENGTH + 2;
            return if may_end { Weighed::Unknown } else { Weighed::Fits };
        };
        let length =
            std::str::from_utf8(&line[1..end]).ok().and_then(|it| it.trim_end().parse().ok());
        match length {
            Some(bytes) if bytes <= self.limit && !self.has_room_for(bytes) => {
                Weighed::TooMuch { line: end + 1, bytes }
            }
            _ => Weighed::Fits,
        }
    }

    /// Whether a value can be taken in, and tiny ones behind it: generations travel with values.
    fn has_room_for(&self, bytes: u64) -> bool {
        let behind = self.open.first().map_or(0, |left| left.saturating_mul(TINY));
        let taken = self.taken.saturating_add(bytes).saturating_add(behind);
        let waiting = taken.saturating_add(self.waiting);
        bytes <= TINY || taken <= self.limit && waiting <= self.limit.saturating_mul(WAITING - 1)
    }

    /// The value is not handed on that comes, of so many bytes.
    fn pass_over(&mut self, bytes: u64) {
        self.note_value(bytes, true);
        self.place = FramePlace::Over(bytes.saturating_add(2));
    }

    /// So many bytes of it have come.
    fn go_over(&mut self, left: u64, count: u64) {
        self.replied += count;
        self.place = FramePlace::Over(left - count);
        if left == count {
            self.end_part();
        }
    }

    fn note_value(&mut self, bytes: u64, is_passed_over: bool) {
        if self.open.len() != 1 || self.kind != Some(AnswerKind::Values) {
            return;
        }
        let value = ArrivingValue { index: self.next(), bytes, is_passed_over };
        self.present = Some(value);
        if (bytes >= LARGE || is_passed_over) && self.large.len() < MOST_LARGE {
            self.large.push(value);
        }
    }

    /// How many of the bytes belong to the present place: one at least.
    fn reach(&self, bytes: &[u8]) -> usize {
        match self.place {
            FramePlace::Start => 1,
            FramePlace::Length(_) | FramePlace::Line { .. } => {
                bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1)
            }
            FramePlace::Text(left) | FramePlace::Over(left) => {
                usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len())
            }
            FramePlace::Lost => bytes.len(),
        }
    }

    /// Goes past bytes of the present place.
    fn pass(&mut self, here: &[u8]) -> Result<(), OversizedReply> {
        match &mut self.place {
            FramePlace::Start => {
                if self.open.is_empty() {
                    self.begin(here[0]);
                }
                self.place = match here[0] {
                    b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => {
                        FramePlace::Line { is_returning: false }
                    }
                    kind @ (b'$' | b'!' | b'=' | b'*' | b'~' | b'>' | b'%' | b'|') => {
                        FramePlace::Length(Length { kind, digits: [0; LONGEST_LENGTH], len: 0 })
                    }
                    _ => FramePlace::Lost,
                };
            }
            FramePlace::Length(length) => {
                // Whoever reads the reply may read it all the same.
                if !length.add(here) {
                    return self.taking(u64::MAX);
                }
                let (kind, length) = (length.kind, length.read());
                if here.ends_with(b"\n") {
                    return self.enter(kind, length);
                }
            }
            FramePlace::Line { is_returning } => {
                let returns = |bytes: &[u8]| bytes.last().map_or(*is_returning, |it| *it == b'\r');
                match here.strip_suffix(b"\n") {
                    Some(before) if returns(before) => self.end_part(),
                    _ => *is_returning = returns(here),
                }
            }
            FramePlace::Text(left) => {
                *left -= here.len() as u64;
                if *left == 0 {
                    self.end_part();
                }
            }
            FramePlace::Over(_) | FramePlace::Lost => {}
        }
        Ok(())
    }

    /// A reply begins, or what is announced.
    fn begin(&mut self, first: u8) {
        self.taken = self.taken.saturating_add(PART);
        self.is_push = first == b'>';
        if !self.is_push {
            self.kind = self.questions.first();
            // No batch asks for anything small after what is large: what came before was handed over, or dropped
            // if nobody waited for it.
            if matches!(self.kind, Some(AnswerKind::Small | AnswerKind::Script)) {
                self.waiting = 0;
            }
        }
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
                self.taking(length)?;
                self.note_value(length, false);
                self.place = FramePlace::Text(length.saturating_add(2));
                return Ok(());
            }
        };
        // Before they are there: whoever reads may make room for all of them.
        self.taken = self.taken.saturating_add(parts.saturating_mul(PART));
        self.taking(0)?;
        if parts == 0 {
            self.end_part();
        } else if self.open.len() == DEEPEST {
            self.place = FramePlace::Lost;
        } else {
            if self.open.is_empty() {
                self.parts = parts;
            }
            self.open.push(parts);
            self.place = FramePlace::Start;
        }
        Ok(())
    }

    /// A part is over, and with the last one of it what it is a part of.
    fn end_part(&mut self) {
        self.place = FramePlace::Start;
        if self.open.len() == 1 {
            self.present = None;
        }
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
        if !self.is_push {
            self.end_reply();
        }
        self.taken = 0;
    }

    fn end_reply(&mut self) {
        // What nobody has asked for is kept by nobody.
        let Some(kind) = self.kind.take() else { return };
        match kind {
            AnswerKind::Values | AnswerKind::Other => {
                self.waiting = self.waiting.saturating_add(self.taken);
            }
            // What came before it is handed over with it.
            AnswerKind::Time => self.waiting = 0,
            _ => {}
        }
        self.questions.end_first();
        self.ended += 1;
        self.present = None;
        self.large.clear();
    }

    /// Whether the present reply may take so much more.
    fn taking(&self, more: u64) -> Result<(), OversizedReply> {
        let bytes = self.taken.saturating_add(more);
        let limit = match self.kind {
            Some(kind) if kind.is_small() && !self.is_push => self.limit.min(SMALL),
            _ => self.limit,
        };
        if bytes > limit {
            return Err(OversizedReply { bytes, limit });
        }
        // Replies to one batch are handed over together.
        let (bytes, limit) =
            (bytes.saturating_add(self.waiting), self.limit.saturating_mul(WAITING));
        if bytes <= limit { Ok(()) } else { Err(OversizedReply { bytes, limit }) }
    }
}

impl Length {
    /// Takes in a piece of the line; tells whether it can be a length: in one line, and not too long a one.
    fn add(&mut self, piece: &[u8]) -> bool {
        let Some(room) = self.digits.get_mut(self.len..self.len + piece.len()) else {
            return false;
        };
        room.copy_from_slice(piece);
        self.len += piece.len();
        let line = &self.digits[..self.len];
        !line.ends_with(b"\n") || line.ends_with(b"\r\n")
    }

    /// Reads it as generously as whoever reads the reply does.
    fn read(&self) -> Option<i64> {
        std::str::from_utf8(&self.digits[..self.len]).ok()?.trim().parse().ok()
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
    use crate::link::questions::packed;

    const LIMIT: u64 = 1_000;

    /// Takes in bytes in pieces of each size; what came of it is the same.
    fn metered(bytes: &[u8]) -> Result<u64, OversizedReply> {
        let of = |size: usize| {
            let mut meter = Meter::new(LIMIT);
            bytes
                .chunks(size)
                .try_for_each(|piece| meter.add(piece).map(drop))
                .map(|()| meter.taken)
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
            "* 1099511627776\r\n",
            "*1099511627776\t\r\r\n",
            "*+1099511627776\r\n",
            "*00000000000000000000000001099511627776\r\n",
            "*\n1099511627776\r\n",
            "+x\n$400\r\n*1099511627776\r\n",
            "+x\r$400\r\n*1099511627776\r\n",
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

    const MIB: u64 = 1 << 20;

    /// A meter that is told what was asked, a line for each question.
    fn asked(lines: &[&str]) -> Meter {
        let mut meter = Meter::new(MIB);
        for line in lines {
            meter.ask(&packed(line));
        }
        meter
    }

    fn values(values: &[String]) -> Vec<u8> {
        let mut reply = format!("*{}\r\n", values.len()).into_bytes();
        for it in values {
            reply.extend(format!("${}\r\n{it}\r\n", it.len()).bytes());
        }
        reply
    }

    /// What is handed on of bytes that arrive in pieces of a size.
    fn sifted(meter: &mut Meter, bytes: &[u8], size: usize) -> Result<Vec<u8>, OversizedReply> {
        let (mut handed, mut waiting) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(size) {
            waiting.extend(piece);
            while !waiting.is_empty() {
                let sifted = meter.add(&waiting)?;
                let (at, behind, instead) = sifted.split(waiting.len());
                handed.extend(&waiting[..at]);
                handed.extend(instead);
                waiting.drain(..behind);
                if sifted.waits() {
                    break;
                }
            }
        }
        assert!(waiting.is_empty(), "{}", waiting.escape_ascii());
        Ok(handed)
    }

    #[test]
    fn of_values_that_are_too_large_together_those_are_passed_over_that_do_not_fit() {
        let [large, small] = [600 << 10, 200].map(|len| "x".repeat(len));
        let reply =
            values(&[large.clone(), large.clone(), small.clone(), large.clone(), small.clone()]);
        let mut expected = format!("*5\r\n${}\r\n{large}\r\n", large.len());
        for value in [None, Some(&small), None, Some(&small)] {
            let line = value.map(|it| format!("${}\r\n{it}\r\n", it.len()));
            expected.push_str(&line.unwrap_or_else(|| "$-1\r\n".to_owned()));
        }
        for size in [1, 7, 4_096, reply.len()] {
            let mut meter = asked(&["PTTL a", "MGET a b c d e", "PTTL a"]);
            let bytes = [b":1\r\n".as_slice(), &reply, b":1\r\n"].concat();
            let handed = sifted(&mut meter, &bytes, size).unwrap();
            assert!(handed == [":1\r\n", &expected, ":1\r\n"].concat().as_bytes(), "in {size}");
            assert_eq!((meter.ended(), meter.replied()), (3, bytes.len() as u64));
        }
    }

    #[test]
    fn a_batch_of_as_many_values_as_there_may_be_ends_no_connection() {
        // Each as large as one may be, and tiny ones behind them.
        let large = "x".repeat((1 << 20) - (64 << 10));
        let lines = ["PTTL a", "MGET a", "MGET b", "MGET c", "MGET d", "MGET e", "MGET f g"];
        let mut meter = asked(&lines);
        let mut reply = b":1\r\n".to_vec();
        for _ in 0..5 {
            reply.extend(values(std::slice::from_ref(&large)));
        }
        reply.extend(values(&[large.clone(), "1".to_owned()]));
        let handed = sifted(&mut meter, &reply, 64 << 10).unwrap();
        let passed_over = handed.windows(5).filter(|it| it == b"$-1\r\n").count();
        assert_eq!(passed_over, 3, "three times what one reply may take waits unread");
        assert!(handed.ends_with(b"$1\r\n1\r\n"), "what is tiny is not");
    }

    #[test]
    fn what_was_asked_for_and_given_up_counts_no_longer_than_its_batch() {
        let value = values(&["x".repeat(900 << 10)]);
        let mut meter = asked(&[]);
        for _ in 0..20 {
            meter.ask(&["PTTL a", "MGET a"].map(packed).concat());
            let reply = [b":1\r\n", value.as_slice()].concat();
            assert!(sifted(&mut meter, &reply, 64 << 10).unwrap() == reply);
        }
    }

    #[test]
    fn what_waits_unread_has_an_end_whatever_was_asked() {
        let mut meter = asked(&["INFO"; 6]);
        let reply = format!("${}\r\n{}\r\n", 900 << 10, "x".repeat(900 << 10));
        let taken = (0..6).take_while(|_| meter.add(reply.as_bytes()).is_ok()).count();
        assert_eq!(taken, 4);
        let small = format!("${SMALL}\r\n");
        for line in ["PTTL a", "ASKING", "EVALSHA 1", "SET a b"] {
            assert!(asked(&[line]).add(small.as_bytes()).is_err(), "{line} is answered in a word");
        }
        assert!(asked(&["INFO"]).add(small.as_bytes()).is_ok());
    }

    #[test]
    fn announcements_are_no_reply() {
        let mut meter = asked(&["PTTL a", "MGET a"]);
        let push = b">2\r\n+invalidate\r\n*1\r\n$3\r\nfoo\r\n";
        let reply = [push.as_slice(), b":1\r\n", push, b"*1\r\n$1\r\n1\r\n", push].concat();
        assert_eq!(sifted(&mut meter, &reply, 5).unwrap(), reply);
        assert_eq!((meter.ended(), meter.replied()), (2, 15));
    }
}
