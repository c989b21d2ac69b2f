//! What was asked over a connection and is not answered yet, told from the bytes that were written.
//!
//! Whoever asked may be gone, or gone before its question was sent. What was written is answered all the same,
//! in this order: so the first of these is what the reply belongs to that is arriving.
//!
//! Invariant: beside a number for each question it keeps names of values only, and those up to a length.

use std::collections::VecDeque;

/// From so many bytes on a value holds up others.
pub(super) const LARGE: u64 = 256 << 10;
/// The longest word of a command that is told from others.
const LONGEST_WORD: u64 = 12;
/// Of a longer name nothing is kept; ours are shorter.
const LONGEST_NAME: u64 = 1_024;
/// Where the first key of a script stands: behind the command, the script and the number of keys.
const FIRST_KEY: u64 = 3;

/// What its reply may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerKind {
    /// One value for each of its names.
    Values,
    /// A number, or a word.
    Small,
    /// The same; a large value may be written by it.
    Script,
    /// A word; what it belongs to comes next.
    Prefix,
    /// A time: the last one of what was asked together.
    Time,
    /// Announcements: there is no reply.
    Announced,
    /// Anything.
    Other,
}

/// Questions in the order in which they were sent.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: VecDeque<OpenQuestion>,
    /// The names of those that are open: each as two bytes that say how long it is, and itself.
    names: VecDeque<u8>,
    /// How many have begun to be sent.
    begun: u64,
    /// The large values that have begun to be sent, and were not taken yet.
    sent: Vec<SentValue>,
    writer: QuestionWriter,
}

/// A large value that a question writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentValue {
    /// Which of all questions it is, from 1 on.
    pub(super) question: u64,
    pub(super) name: String,
    pub(super) bytes: u64,
}

#[derive(Debug)]
struct OpenQuestion {
    kind: AnswerKind,
    /// How much of the names is about it.
    names: usize,
}

/// Where in a question the next byte stands that is written.
#[derive(Debug, Default)]
struct QuestionWriter {
    step: WriteStep,
    /// The number in the present line.
    number: u64,
    /// How many words are to come.
    words: u64,
    /// How many are there.
    passed: u64,
    word: Vec<u8>,
    /// The first name of a script.
    key: Vec<u8>,
    /// The kind, once the first word is there.
    kind: Option<AnswerKind>,
    /// How much of the names is about it.
    names: usize,
}

#[derive(Debug, Clone, Copy, Default)]
enum WriteStep {
    /// In the line that says how many words there are.
    #[default]
    Count,
    /// In the line that says how long a word is.
    Length,
    /// In so many bytes of a word, and whether they are kept.
    Word(u64, bool),
    /// In so many bytes behind a word.
    Gap(u64),
}

impl AnswerKind {
    /// What is asked by a word.
    fn of(word: &[u8]) -> Self {
        match word {
            b"MGET" => Self::Values,
            b"PTTL" | b"PING" | b"SET" | b"DEL" | b"PEXPIRE" => Self::Small,
            b"EVALSHA" | b"EVAL" => Self::Script,
            b"ASKING" => Self::Prefix,
            b"TIME" => Self::Time,
            // If it is refused there is a reply, at a time when nothing else is asked.
            b"PSUBSCRIBE" => Self::Announced,
            _ => Self::Other,
        }
    }

    /// Whether its reply is a number, or a word or two.
    pub(super) fn is_small(self) -> bool {
        matches!(self, Self::Small | Self::Script | Self::Prefix | Self::Time)
    }
}

impl Questions {
    /// How many have begun to be sent so far.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// Takes the large values that have begun to be sent since the last time.
    pub(super) fn take_sent(&mut self) -> Vec<SentValue> {
        std::mem::take(&mut self.sent)
    }

    /// The kind of the first one that is open.
    pub(super) fn first(&self) -> Option<AnswerKind> {
        self.open.front().map(|question| question.kind)
    }

    /// The first one is answered.
    pub(super) fn end_first(&mut self) {
        if let Some(OpenQuestion { names, .. }) = self.open.pop_front() {
            self.names.drain(..names);
        }
    }

    /// One of the names of the first one.
    pub(super) fn name(&self, index: u64) -> Option<String> {
        let mut left = self.open.front()?.names;
        let mut names = self.names.iter().copied();
        for _ in 0..index {
            let len = length(&mut names)?;
            left = left.checked_sub(2 + len)?;
            if len > 0 {
                names.nth(len - 1);
            }
        }
        let len = length(&mut names).filter(|len| (1..left).contains(len))?;
        String::from_utf8(names.take(len).collect()).ok()
    }

    /// Takes in what was written.
    pub(super) fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let passed = match self.writer.step {
                WriteStep::Count | WriteStep::Length => self.add_to_line(bytes),
                WriteStep::Word(left, is_kept) => {
                    let here = part(bytes, left);
                    if is_kept {
                        self.writer.word.extend(&bytes[..here]);
                    }
                    match (left - here as u64, bytes.len() - here) {
                        // All is there of it, and of what stands behind it.
                        (0, 2..) => {
                            self.end_word();
                            here + 2
                        }
                        (0, _) => {
                            self.writer.step = WriteStep::Gap(2);
                            here
                        }
                        (left, _) => {
                            self.writer.step = WriteStep::Word(left, is_kept);
                            here
                        }
                    }
                }
                WriteStep::Gap(left) => {
                    let here = part(bytes, left);
                    match left - here as u64 {
                        0 => self.end_word(),
                        left => self.writer.step = WriteStep::Gap(left),
                    }
                    here
                }
            };
            bytes = &bytes[passed..];
        }
    }

    /// Takes in what is there of a line; tells how many bytes of it.
    fn add_to_line(&mut self, bytes: &[u8]) -> usize {
        let mut number = self.writer.number;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    number = number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
                }
                b'\n' => {
                    self.writer.number = 0;
                    self.end_line(number);
                    return at + 1;
                }
                b'*' if matches!(self.writer.step, WriteStep::Count) => self.begun += 1,
                _ => {}
            }
        }
        self.writer.number = number;
        bytes.len()
    }

    /// A line is over, with a number in it.
    fn end_line(&mut self, number: u64) {
        let writer = &mut self.writer;
        writer.step = match (writer.step, number) {
            (WriteStep::Count, 0) => WriteStep::Count,
            (WriteStep::Count, words) => {
                writer.words = words;
                WriteStep::Length
            }
            (_, 0) => WriteStep::Gap(2),
            (_, left) => {
                self.sent.extend(writer.sent(left).map(|name| SentValue {
                    question: self.begun,
                    name,
                    bytes: left,
                }));
                WriteStep::Word(left, left <= writer.longest_kept())
            }
        };
    }

    /// A word is over, and with the last one of it the question.
    fn end_word(&mut self) {
        let writer = &mut self.writer;
        match writer.kind {
            None => writer.kind = Some(AnswerKind::of(&writer.word)),
            Some(AnswerKind::Values) => {
                let len = u16::try_from(writer.word.len()).unwrap_or_default();
                self.names.extend(len.to_be_bytes());
                self.names.extend(&writer.word);
                writer.names += 2 + writer.word.len();
            }
            Some(AnswerKind::Script) if writer.passed == FIRST_KEY => {
                if is_of_log(&writer.word) {
                    writer.kind = Some(AnswerKind::Other);
                } else {
                    std::mem::swap(&mut writer.key, &mut writer.word);
                }
            }
            Some(_) => {}
        }
        writer.word.clear();
        writer.passed += 1;
        writer.words = writer.words.saturating_sub(1);
        writer.step = WriteStep::Length;
        if writer.words == 0 {
            writer.step = WriteStep::Count;
            writer.passed = 0;
            writer.key.clear();
            let (kind, names) = (writer.kind.take(), std::mem::take(&mut writer.names));
            match kind.unwrap_or(AnswerKind::Other) {
                AnswerKind::Announced => self.begun -= 1,
                kind => self.open.push_back(OpenQuestion { kind, names }),
            }
        }
    }
}

impl QuestionWriter {
    /// The most bytes of which the next word is kept.
    fn longest_kept(&self) -> u64 {
        match self.kind {
            None => LONGEST_WORD,
            Some(AnswerKind::Values) => LONGEST_NAME,
            Some(AnswerKind::Script) if self.passed == FIRST_KEY => LONGEST_NAME,
            Some(_) => 0,
        }
    }

    /// The name of the value that the next word is, of so many bytes, if it is a large one.
    fn sent(&self, bytes: u64) -> Option<String> {
        let is_value = bytes >= LARGE && !self.key.is_empty();
        is_value.then(|| String::from_utf8(self.key.clone()).ok())?
    }
}

/// Whether the first name of a script is that of a log or an outbox: then it may read many records.
fn is_of_log(name: &[u8]) -> bool {
    name.ends_with(b"}>") || name.ends_with(b"}>o")
}

/// How many of the bytes are among the next so many.
fn part(bytes: &[u8], left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len())
}

/// Takes the length of a name.
fn length(names: &mut impl Iterator<Item = u8>) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes([names.next()?, names.next()?])))
}

/// A question as it is written, its words apart.
#[cfg(test)]
pub(super) fn packed(question: &str) -> Vec<u8> {
    let mut command = redis::Cmd::new();
    for word in question.split(' ') {
        command.arg(word);
    }
    command.get_packed_command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_first_is_answered_first_however_it_was_written() {
        let long = "x".repeat(1_025);
        let values = format!("MGET a {long} bc ");
        let asked = [
            "HELLO 3",
            "PSUBSCRIBE *",
            "PTTL a",
            &values,
            "ASKING",
            "EVALSHA MGET 1 a b",
            "EVALSHA digest 2 ns:{all}> ns:{all}>n 0 500",
            "EVALSHA digest 2 ns:{1a}>o ns:{1a}>on 0 500",
            "EVALSHA digest 2 ns:{1a}>c ns:{1a}>l token",
            "MGET d",
        ]
        .map(packed)
        .concat();
        for size in [1, 2, 3, 7, asked.len()] {
            let mut open = Questions::default();
            asked.chunks(size).for_each(|piece| open.add(piece));
            assert_eq!(open.begun(), 9);
            let mut seen = Vec::new();
            while let Some(kind) = open.first() {
                let names = (0..5).map(|index| open.name(index).unwrap_or_default());
                seen.push((kind, names.collect::<Vec<_>>().join(",")));
                open.end_first();
            }
            let of = |kind, names: &str| (kind, names.to_owned());
            let expected = [
                of(AnswerKind::Other, ",,,,"),
                of(AnswerKind::Small, ",,,,"),
                of(AnswerKind::Values, "a,,bc,,"),
                of(AnswerKind::Prefix, ",,,,"),
                of(AnswerKind::Script, ",,,,"),
                of(AnswerKind::Other, ",,,,"),
                of(AnswerKind::Other, ",,,,"),
                of(AnswerKind::Script, ",,,,"),
                of(AnswerKind::Values, "d,,,,"),
            ];
            assert_eq!(seen, expected, "in pieces of {size}");
            assert!(open.names.is_empty() && open.open.is_empty());
        }
    }

    #[test]
    fn large_values_that_scripts_write_are_told_by_their_first_names() {
        let (large, almost) = ("x".repeat(300_000), "x".repeat(200_000));
        let long = "k".repeat(1_025);
        let asked = [
            "PING".to_owned(),
            format!("EVALSHA digest 2 value lease token {large} 1000"),
            format!("EVALSHA digest 2 small lease token {almost} 1000"),
            format!("EVALSHA digest 1 {long} {large}"),
            format!("SET other {large}"),
            format!("EVAL source 2 again lease token {large} 1000"),
            "EVALSHA digest 1 last".to_owned(),
        ];
        let asked = asked.map(|line| packed(&line)).concat();
        let sent =
            |question, name: &str| SentValue { question, name: name.to_owned(), bytes: 300_000 };
        for size in [1, 7, 4_096, asked.len()] {
            let mut open = Questions::default();
            let mut seen = Vec::new();
            for piece in asked.chunks(size) {
                open.add(piece);
                seen.extend(open.take_sent());
            }
            assert_eq!(seen, [sent(2, "value"), sent(6, "again")], "in pieces of {size}");
        }
    }
}
