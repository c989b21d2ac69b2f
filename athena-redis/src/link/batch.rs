//! Commands that travel together, and what comes back.

mod split;

use std::fmt;
use std::time::Duration;

use athena_cache_core::backend::Ability;
use redis::{Arg, Cmd, Pipeline, RedisError, Value};

pub(crate) use self::split::{Assembly, CommandIndex, Reply, Routing};

use super::class::{Consequence, Course};
use super::origin::Origin;
use super::script::Script;
use crate::slot;

/// Names of one command; more would hold up the server for too long.
const NAMES_PER_COMMAND: usize = 100;
/// Bytes of most names, and of the words of most calls of scripts.
const OF_NAME: usize = 48;
const OF_SCRIPT: usize = 512;

/// Commands for one node, sent in one write and executed in order, not as one transaction.
///
/// What follows a script in a batch may be executed twice: a server that does not know the script
/// is sent the rest of the batch again.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pipeline: Pipeline,
    scripts: Vec<(usize, &'static Script)>,
    epoch: Option<u64>,
    needs: Option<Ability>,
    routes: Routes,
    asking: Asking,
    /// The command that asks a node for its time.
    time: Option<usize>,
}

/// How a node is to take commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) enum Asking {
    #[default]
    Plain,
    /// Each after an `ASKING`: the slot is on its way to this node.
    Asking,
}

/// Where the commands of a batch go.
#[derive(Debug, Default)]
enum Routes {
    /// All to one node.
    #[default]
    One,
    /// Each to the node of its slot.
    Slots(Vec<u16>),
}

/// The arguments of the command that was added last.
#[derive(Debug)]
pub(crate) struct Words<'a>(&'a mut Pipeline);

/// The replies to a batch, or the items of one reply, taken in order.
#[derive(Debug)]
pub(crate) struct Replies {
    values: std::vec::IntoIter<Value>,
    origin: Origin,
}

/// A reply of another shape than the command has.
#[derive(Debug)]
pub(crate) struct Malformed(&'static str);

impl Batch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A batch of which each command goes to the node of the name it was added with.
    pub(crate) fn routed() -> Self {
        Self { routes: Routes::Slots(Vec::new()), ..Self::default() }
    }

    /// Adds one command for a name, which decides where it goes and is its first argument.
    pub(crate) fn with(&mut self, command: &str, name: &str) -> Words<'_> {
        self.route(self.slot_of(name));
        self.command(command).arg(name)
    }

    /// Adds a call of a script with these keys, all of one slot; its arguments come next.
    pub(crate) fn call<'a>(
        &mut self,
        script: &'static Script,
        first: &str,
        others: impl IntoIterator<Item = &'a str>,
    ) -> Words<'_> {
        let others: Vec<&str> = others.into_iter().collect();
        self.route(self.slot_of(first));
        self.scripts.push((self.pipeline.len(), script));
        let words = self.begin("EVALSHA", OF_SCRIPT).arg(script.digest());
        words.number(1 + others.len() as u64).arg(first).args(others)
    }

    /// Adds a command for all names: one for each run of names that go to the same node.
    pub(crate) fn over<'a>(&mut self, command: &str, names: impl IntoIterator<Item = &'a str>) {
        let names = names.into_iter();
        let (expected, _) = names.size_hint();
        let room = (1 + expected.clamp(1, NAMES_PER_COMMAND)) * OF_NAME;
        let mut run = 0;
        let mut last = None;
        for name in names {
            let slot = self.slot_of(name);
            if run > 0 && run < NAMES_PER_COMMAND && last == Some(slot) {
                self.pipeline.arg(name);
            } else {
                self.route(slot);
                self.begin(command, room).arg(name);
                run = 0;
            }
            run += 1;
            last = Some(slot);
        }
    }

    /// Asks the node of a name for its time; once in a batch.
    pub(crate) fn ask_time(&mut self, name: &str) {
        self.route(self.slot_of(name));
        self.time = Some(self.len());
        self.command("TIME");
    }

    /// Which command asks a node for its time, if one does.
    pub(crate) fn time(&self) -> Option<usize> {
        self.time
    }

    /// How many commands it holds.
    pub(crate) fn len(&self) -> usize {
        self.pipeline.len()
    }

    /// The slot of each command; `None` if all go to one node.
    pub(crate) fn slots(&self) -> Option<&[u16]> {
        match &self.routes {
            Routes::One => None,
            Routes::Slots(slots) => Some(slots),
        }
    }

    fn slot_of(&self, name: &str) -> u16 {
        match &self.routes {
            Routes::One => 0,
            Routes::Slots(_) => slot::of(name),
        }
    }

    fn route(&mut self, slot: u16) {
        if let Routes::Slots(slots) = &mut self.routes {
            slots.push(slot);
        }
    }

    /// The batch, to be sent on the connection with this number or not at all.
    pub(crate) fn on(mut self, epoch: u64) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// The batch, to be sent over a connection on which we may do all that belongs to an ability.
    pub(crate) fn needing(mut self, ability: Ability) -> Self {
        self.needs = Some(ability);
        self
    }

    /// What has to be allowed, whatever its commands are.
    pub(crate) fn needs(&self) -> Option<Ability> {
        self.needs
    }

    /// The connection that it is bound to, if it is to one.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.epoch
    }

    /// Adds a command that concerns a node and no name.
    pub(crate) fn command(&mut self, name: &str) -> Words<'_> {
        self.begin(name, 2 * OF_NAME)
    }

    /// Adds a command with room for words of so many bytes, so that it seldom has to move.
    fn begin(&mut self, name: &str, room: usize) -> Words<'_> {
        let mut command = Cmd::with_capacity(room / OF_NAME + 2, room);
        command.arg(name);
        self.pipeline.add_command(command);
        Words(&mut self.pipeline)
    }

    pub(super) fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// From where on to send again, if there is a script that the server does not know.
    pub(super) fn unknown_script(&self, replies: &[Value]) -> Option<usize> {
        let unknown = self.scripts.iter().map(|(at, _)| *at).find(|at| {
            matches!(replies.get(*at), Some(Value::ServerError(error))
                if Consequence::of_reply(error).course == Course::SendSource)
        });
        match self.asking {
            Asking::Plain => unknown,
            // The `ASKING` in front of it is spent.
            Asking::Asking => unknown.map(|at| at.saturating_sub(1)),
        }
    }

    /// The replies to its commands, among those to all that was sent.
    pub(super) fn replies(&self, values: Vec<Value>, origin: Origin) -> Replies {
        let values = match self.asking {
            Asking::Plain => values,
            Asking::Asking => values.into_iter().skip(1).step_by(2).collect(),
        };
        Replies::new(values, origin)
    }

    /// The commands from a position on, each script with its source.
    pub(super) fn with_sources_from(&self, first: usize) -> Pipeline {
        let mut pipeline = Pipeline::new();
        for (at, command) in self.pipeline.cmd_iter().enumerate().skip(first) {
            let script = self.scripts.iter().find(|(position, _)| *position == at);
            pipeline.add_command(match script {
                Some((_, script)) => with_source(command, script),
                None => command.clone(),
            });
        }
        pipeline
    }
}

/// Turns `EVALSHA digest …` into `EVAL source …`.
fn with_source(command: &Cmd, script: &Script) -> Cmd {
    let mut eval = redis::cmd("EVAL");
    eval.arg(script.source());
    for word in command.args_iter().skip(2) {
        if let Arg::Simple(word) = word {
            eval.arg(word);
        }
    }
    eval
}

impl Words<'_> {
    pub(crate) fn arg(self, word: impl AsRef<[u8]>) -> Self {
        self.0.arg(word.as_ref());
        self
    }

    pub(crate) fn args(mut self, words: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        for word in words {
            self = self.arg(word);
        }
        self
    }

    pub(crate) fn number(self, number: u64) -> Self {
        self.0.arg(number);
        self
    }
}

impl Replies {
    pub(super) fn new(values: Vec<Value>, origin: Origin) -> Self {
        Self { values: values.into_iter(), origin }
    }

    /// What comes back of a batch that was not sent, because its connection has been replaced.
    pub(crate) fn superseded() -> Self {
        Self::new(Vec::new(), Origin::Nowhere)
    }

    /// Whether they are [`superseded`](Self::superseded).
    pub(crate) fn is_superseded(&self) -> bool {
        self.origin == Origin::Nowhere
    }

    /// The connections that they came on.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Notes how long ago it was confirmed that the node that answered is the one that serves.
    pub(crate) fn note_lag(&mut self, lag: Duration) {
        self.origin = self.origin.late_by(lag);
    }

    /// The first error that the server answered with, if any.
    pub(super) fn server_error(&self) -> Option<RedisError> {
        self.values.as_slice().iter().find_map(|value| match value {
            Value::ServerError(error) => Some(error.clone().into()),
            _ => None,
        })
    }

    /// Whether any of them says that a command is not allowed, or not known.
    pub(crate) fn is_any_denied(&self) -> bool {
        let is_denied = |value: &Value| match value {
            Value::ServerError(error) => super::class::denial(error).is_some(),
            _ => false,
        };
        self.values.as_slice().iter().any(is_denied)
    }

    /// Whether no reply is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.len() == 0
    }

    /// What comes next.
    pub(super) fn first(&self) -> Option<&Value> {
        self.values.as_slice().first()
    }

    /// Takes what comes next, if `wanted` says so.
    pub(super) fn take(&mut self, wanted: impl FnOnce(&Value) -> bool) -> Option<Value> {
        self.values.as_slice().first().is_some_and(wanted).then(|| self.values.next())?
    }

    /// Takes a number.
    pub(crate) fn integer(&mut self) -> Result<i64, Malformed> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(number),
            _ => Err(Malformed("expected a number")),
        }
    }

    /// Takes a time of the server, in milliseconds; nothing where none was told.
    pub(crate) fn time(&mut self) -> Result<Option<u64>, Malformed> {
        let Some(value) = self.values.next().filter(|value| *value != Value::Nil) else {
            return Ok(None);
        };
        let number = |value: &Value| match value {
            Value::BulkString(digits) => std::str::from_utf8(digits).ok()?.parse::<u64>().ok(),
            _ => None,
        };
        let time = match &value {
            Value::Array(parts) => match &parts[..] {
                [seconds, micros] => number(seconds).zip(number(micros)),
                _ => None,
            },
            _ => None,
        };
        let millis =
            |(seconds, micros): (u64, u64)| seconds.checked_mul(1_000)?.checked_add(micros / 1_000);
        time.and_then(millis).map(Some).ok_or(Malformed("expected a time"))
    }

    /// Takes bytes, or nothing where the server has none.
    pub(crate) fn bytes(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        match self.values.next() {
            Some(Value::BulkString(bytes)) => Ok(Some(bytes)),
            Some(Value::Nil) => Ok(None),
            _ => Err(Malformed("expected bytes or nothing")),
        }
    }

    /// Takes a text.
    pub(crate) fn text(&mut self) -> Result<String, Malformed> {
        let text = match self.values.next() {
            Some(Value::BulkString(bytes)) => String::from_utf8(bytes).ok(),
            Some(Value::VerbatimString { text, .. } | Value::SimpleString(text)) => Some(text),
            _ => None,
        };
        text.ok_or(Malformed("expected a text"))
    }

    /// Takes a list.
    pub(crate) fn list(&mut self) -> Result<Self, Malformed> {
        match self.values.next() {
            Some(Value::Array(values)) => Ok(Self::new(values, self.origin)),
            _ => Err(Malformed("expected a list")),
        }
    }

    /// Passes over replies that only say that a command was executed.
    pub(crate) fn skip(&mut self, count: usize) {
        self.values.by_ref().take(count).for_each(drop);
    }

    /// Takes as many lists as hold together `count` bytes or nothings: the reply to `over("MGET", …)`.
    pub(crate) fn gather(&mut self, count: usize) -> Result<Vec<Option<Vec<u8>>>, Malformed> {
        let mut found = Vec::with_capacity(count);
        while found.len() < count {
            let mut list = self.list()?;
            if list.is_empty() {
                return Err(Malformed("expected a list that is not empty"));
            }
            while !list.is_empty() {
                found.push(list.bytes()?);
            }
        }
        Ok(found)
    }
}

impl Malformed {
    pub(crate) const fn new(expected: &'static str) -> Self {
        Self(expected)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
