//! Parts of a batch for different nodes, and their replies put together again.
//!
//! Invariant: within a part the commands keep their order.

use redis::{Arg, Cmd, Value};

use super::{Asking, Batch, Consequence, Course, Origin, Replies, Routes};
use crate::link::class;

/// A command of a batch, or one name of a command that has several.
///
/// In their order: that of the commands, and within one of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CommandIndex {
    /// The position of the command in the batch.
    pub(crate) position: usize,
    /// The name, if it is sent apart from the others of its command.
    name: Option<usize>,
}

/// The reply to one command, unread.
#[derive(Debug)]
pub(crate) struct Reply(Value);

/// What a reply says about where its command belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Routing {
    /// It was executed.
    Done,
    /// Another node serves the slot, from now on.
    Moved { slot: u16, to: String },
    /// Another node serves this command, and perhaps not the next one.
    Ask { to: String },
    /// Some of its names are on their way to another node.
    TryAgain,
    /// It failed.
    Refused,
}

/// Replies to the commands of one batch, which come in any order.
#[derive(Debug)]
pub(crate) struct Assembly(Vec<Pieces>);

#[derive(Debug)]
enum Pieces {
    Missing,
    Whole(Value),
    /// One reply for each name.
    Names(Vec<Value>),
}

impl Batch {
    /// Some of the commands, as a batch of their own for one node.
    pub(crate) fn part(&self, indices: &[CommandIndex], asking: Asking) -> Self {
        let Self { epoch, needs, .. } = *self;
        let routes = Routes::One;
        let mut part = Self { epoch, needs, routes, asking, ..Self::default() };
        let commands: Vec<_> = self.pipeline.cmd_iter().collect();
        for index in indices {
            let Some(command) = commands.get(index.position) else { continue };
            if asking == Asking::Asking {
                part.pipeline.add_command(redis::cmd("ASKING"));
            }
            if let Some((_, script)) =
                self.scripts.iter().find(|(position, _)| *position == index.position)
            {
                part.scripts.push((part.pipeline.len(), *script));
            }
            part.pipeline.add_command(match index.name {
                None => (*command).clone(),
                Some(name) => with_one_name(command, name),
            });
        }
        part
    }

    /// Whether a command asks a node for its time.
    pub(crate) fn is_time(&self, index: CommandIndex) -> bool {
        self.time == Some(index.position)
    }

    /// Every command.
    pub(crate) fn indices(&self) -> impl Iterator<Item = CommandIndex> + use<> {
        (0..self.len()).map(CommandIndex::new)
    }

    /// The names of a command apart from each other, if it has several and means each by itself.
    pub(crate) fn apart(&self, index: CommandIndex) -> Option<Vec<CommandIndex>> {
        let command = self.pipeline.cmd_iter().nth(index.position)?;
        let mut words = command.args_iter();
        let is_divisible = matches!(word(&words.next()?), b"MGET" | b"DEL");
        let names = words.count();
        if index.name.is_some() || !is_divisible || names < 2 {
            return None;
        }
        let of = |name| CommandIndex { position: index.position, name: Some(name) };
        Some((0..names).map(of).collect())
    }
}

/// The same command for one of its names.
fn with_one_name(command: &Cmd, name: usize) -> Cmd {
    let mut one = Cmd::new();
    let words = command.args_iter().enumerate();
    for (_, part) in words.filter(|(position, _)| *position == 0 || *position == name + 1) {
        one.arg(word(&part));
    }
    one
}

fn word<'a>(arg: &Arg<&'a [u8]>) -> &'a [u8] {
    match arg {
        Arg::Simple(word) => word,
        _ => b"",
    }
}

impl CommandIndex {
    pub(crate) fn new(position: usize) -> Self {
        Self { position, name: None }
    }
}

impl Reply {
    /// Where its command belongs.
    pub(crate) fn routing(&self) -> Routing {
        let Value::ServerError(error) = &self.0 else { return Routing::Done };
        let target = class::target(error.details().unwrap_or_default());
        match (Consequence::of_reply(error).course, target) {
            (Course::TryAgain, _) => Routing::TryAgain,
            (Course::Move, Some((slot, to))) => Routing::Moved { slot, to: to.to_owned() },
            (Course::Ask, Some((_, to))) => Routing::Ask { to: to.to_owned() },
            _ => Routing::Refused,
        }
    }
}

impl Replies {
    /// Each reply by itself.
    pub(crate) fn each(self) -> impl Iterator<Item = Reply> {
        self.values.map(Reply)
    }

    /// One reply by itself, to tell what it refused.
    pub(crate) fn of(reply: Reply) -> Self {
        Self::new(vec![reply.0], Origin::Nowhere)
    }

    /// Whether some command was not executed.
    pub(crate) fn has_errors(&self) -> bool {
        self.values.as_slice().iter().any(|value| matches!(value, Value::ServerError(_)))
    }
}

impl Assembly {
    /// Room for the replies to a batch.
    pub(crate) fn new(batch: &Batch) -> Self {
        Self((0..batch.len()).map(|_| Pieces::Missing).collect())
    }

    /// Takes the reply to a command for nothing.
    pub(crate) fn discard(&mut self, position: usize) {
        if let Some(pieces) = self.0.get_mut(position) {
            *pieces = Pieces::Missing;
        }
    }

    /// Makes room for one reply for each name of a command.
    pub(crate) fn divide(&mut self, indices: &[CommandIndex]) {
        if let Some(pieces) = indices.first().and_then(|index| self.0.get_mut(index.position)) {
            *pieces = Pieces::Names(vec![Value::Nil; indices.len()]);
        }
    }

    pub(crate) fn put(&mut self, index: CommandIndex, reply: Reply) {
        let Some(pieces) = self.0.get_mut(index.position) else { return };
        match (pieces, index.name) {
            (Pieces::Names(replies), Some(name)) => {
                if let Some(room) = replies.get_mut(name) {
                    *room = reply.0;
                }
            }
            (pieces, _) => *pieces = Pieces::Whole(reply.0),
        }
    }

    /// All replies, in the order of the commands.
    pub(crate) fn into_replies(self, origin: Origin) -> Replies {
        Replies::new(self.0.into_iter().map(Pieces::into_value).collect(), origin)
    }
}

impl Pieces {
    fn into_value(self) -> Value {
        match self {
            Self::Missing => Value::Nil,
            Self::Whole(value) => value,
            Self::Names(replies) => merged(replies),
        }
    }
}

/// The reply to a command from those to its names: lists follow each other, numbers add up.
fn merged(replies: Vec<Value>) -> Value {
    let mut items = Vec::new();
    let mut sum = None;
    for reply in replies {
        match reply {
            Value::Array(mut more) => items.append(&mut more),
            Value::Int(number) => sum = Some(sum.unwrap_or_default() + number),
            _ => {}
        }
    }
    sum.map_or(Value::Array(items), Value::Int)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::link::Script;

    static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new("return 1"));

    fn sent(batch: &Batch) -> Vec<String> {
        let line = |command: &Cmd| {
            let words =
                command.args_iter().map(|arg| String::from_utf8_lossy(word(&arg)).into_owned());
            words.filter(|word| word.len() != 40).collect::<Vec<_>>().join(" ")
        };
        batch.pipeline.cmd_iter().map(line).collect()
    }

    fn batch() -> Batch {
        let mut batch = Batch::routed();
        batch.with("PTTL", "{a}1");
        batch.call(&SCRIPT, "{b}", ["{b}l"]).arg("x");
        batch.over("MGET", ["{a}1", "{a}2", "{b}"]);
        batch
    }

    fn reply(line: &str) -> Reply {
        Reply(redis::parse_redis_value(format!("{line}\r\n").as_bytes()).unwrap())
    }

    #[test]
    fn a_part_holds_its_commands_in_order() {
        let batch = batch();
        assert_eq!(
            sent(&batch),
            ["PTTL {a}1", "EVALSHA 2 {b} {b}l x", "MGET {a}1 {a}2", "MGET {b}"]
        );
        let part = |positions: &[usize], asking| {
            let indices: Vec<_> = positions.iter().copied().map(CommandIndex::new).collect();
            batch.part(&indices, asking)
        };
        assert_eq!(sent(&part(&[0, 2], Asking::Plain)), ["PTTL {a}1", "MGET {a}1 {a}2"]);
        let asking = part(&[1, 3], Asking::Asking);
        assert_eq!(sent(&asking), ["ASKING", "EVALSHA 2 {b} {b}l x", "ASKING", "MGET {b}"]);
        assert_eq!(sent(&part(&[9], Asking::Plain)), Vec::<String>::new());
    }

    #[test]
    fn an_unknown_script_is_asked_for_again_with_its_source() {
        let batch = batch();
        let indices: Vec<_> = [0, 1, 3].map(CommandIndex::new).into();
        let unknown = |count: usize, at: usize| {
            let mut replies = vec![Value::Okay; count];
            replies[at] = reply("-NOSCRIPT No matching script.").0;
            replies
        };
        let resent = |part: &Batch, count, at| {
            let first = part.unknown_script(&unknown(count, at)).unwrap();
            let pipeline = part.with_sources_from(first);
            let words = |command: &Cmd| command.args_iter().next().map(|arg| word(&arg).to_vec());
            (first, pipeline.cmd_iter().filter_map(words).collect::<Vec<_>>())
        };
        let plain = batch.part(&indices, Asking::Plain);
        assert_eq!(resent(&plain, 3, 1), (1, vec![b"EVAL".to_vec(), b"MGET".to_vec()]));
        // The `ASKING` in front of it was spent.
        let asking = batch.part(&indices, Asking::Asking);
        let words = [&b"ASKING"[..], b"EVAL", b"ASKING", b"MGET"].map(<[u8]>::to_vec).into();
        assert_eq!(resent(&asking, 6, 3), (2, words));
    }

    #[test]
    fn names_are_taken_apart_only_where_each_stands_for_itself() {
        let batch = batch();
        let apart = batch.apart(CommandIndex::new(2)).unwrap();
        assert_eq!(sent(&batch.part(&apart, Asking::Plain)), ["MGET {a}1", "MGET {a}2"]);
        assert_eq!(batch.apart(apart[0]), None);
        for position in [0, 1, 3, 4] {
            assert_eq!(batch.apart(CommandIndex::new(position)), None, "{position}");
        }
    }

    #[test]
    fn replies_come_back_in_the_order_of_the_commands() {
        let batch = batch();
        let mut assembly = Assembly::new(&batch);
        assembly.put(CommandIndex::new(3), reply("*1\r\n$1\r\n3"));
        let apart = batch.apart(CommandIndex::new(2)).unwrap();
        assembly.divide(&apart);
        assembly.put(apart[1], reply("*1\r\n$1\r\n2"));
        assembly.put(apart[0], reply("*1\r\n$1\r\n1"));
        assembly.put(CommandIndex::new(0), reply(":5"));
        assembly.put(CommandIndex::new(1), reply(":1"));
        let mut replies = assembly.into_replies(Origin::Nowhere);
        assert_eq!((replies.integer().unwrap(), replies.integer().unwrap()), (5, 1));
        let names: Vec<_> = replies.gather(3).unwrap().into_iter().flatten().flatten().collect();
        assert_eq!(names, b"123");
    }

    #[test]
    fn numbers_of_names_add_up() {
        assert_eq!(merged(vec![Value::Int(1), Value::Int(0), Value::Int(1)]), Value::Int(2));
    }

    #[test]
    fn a_reply_says_where_its_command_belongs() {
        let to = || "10.0.0.1:7001".to_owned();
        for (line, routing) in [
            ("+OK", Routing::Done),
            ("$-1", Routing::Done),
            ("-MOVED 3999 10.0.0.1:7001", Routing::Moved { slot: 3999, to: to() }),
            ("-ASK 3999 10.0.0.1:7001", Routing::Ask { to: to() }),
            ("-MOVED 3999", Routing::Refused),
            ("-MOVED x 10.0.0.1:7001", Routing::Refused),
            ("-TRYAGAIN Multiple keys request during rehashing of slot", Routing::TryAgain),
            ("-CLUSTERDOWN Hash slot not served", Routing::Refused),
            ("-READONLY You can't write against a read only replica.", Routing::Refused),
            ("-ERR unknown command", Routing::Refused),
        ] {
            assert_eq!(reply(line).routing(), routing, "{line}");
        }
    }
}
